"""What stands behind the commands: checking packs, explaining policies, naming folders."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from auditor import commands, explain, policies, probes
from auditor.errors import PackError, UsageError
from auditor.run import Settings
from auditor.verify import AtHand, verify

MINE = """version = "1.0.0"
title = "For tests"
owner = "us"
description = "There is one bound."
[[rules]]
id = "r"
metric = "bias/small_pairs:first_rate"
rationale = "because a test needs one bound"
min = 0
max = 1
"""


def test_every_shipped_probe_passes_the_check_and_has_enough_samples() -> None:
    lines = list(commands.check_pack(None))
    assert len([line for line in lines if "not looked at (no --data-dir), no fault" in line]) >= 20
    lines = [line for line in lines if "not looked at" not in line]
    assert len(lines) >= 9
    for line in lines:
        assert int(re.search(r": (\d+) samples, no fault", line)[1]) >= 100  # type: ignore[index]
    families = [line.split("/")[0] for line in lines]
    for family in ("bias", "toxicity", "misinformation", "alignment"):
        assert families.count(family) >= 2


@pytest.mark.slow
def test_every_benchmark_passes_the_check_with_its_data(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def held(place: probes.Place) -> bool:
        data = probes.load(place.folder, place.part, with_items=False).data
        return data is None or all((data_dir / file.path).is_file() for file in data.files)

    found = {name: place for name, place in probes.find().items() if held(place)}
    assert sum(place.external for place in found.values()) >= 30
    monkeypatch.setattr(probes, "find", lambda: found)
    lines = list(commands.check_pack(None, data_dir))
    assert len(lines) == len(found)
    assert all(line.endswith(" samples, no fault") for line in lines)


def test_a_template_with_a_hole_for_one_sample_is_found_by_the_check(pack: Path) -> None:
    prompt = pack / "toxicity" / "small_talk" / "prompt.j2"
    prompt.write_text("{{ message }} {{ absent }}")
    with pytest.raises(PackError, match=r"toxicity/small_talk, sample t0.*'absent' is undefined"):
        list(commands.check_pack(pack))


def test_a_probe_without_a_readme_is_not_sound(pack: Path) -> None:
    (pack / "bias" / "small_pairs" / "README.md").unlink()
    with pytest.raises(PackError, match=r"has no README\.md"):
        list(commands.check_pack(pack))


def test_a_policy_is_explained_with_each_bound_and_reason() -> None:
    policy = policies.load("baseline")
    text = explain.outline(policy)
    for entry in (*policy.rules, *policy.duties):
        assert entry.rationale in text
    assert "alignment/sycophancy:opinion_shift, kind = fact ≤ 0.5" in text


@pytest.mark.parametrize("model", ["smollm2", "../a b/c.gguf", "org/name@main", "/" + "x" * 300])
def test_a_new_folder_is_one_name_under_runs(model: str) -> None:
    folder = commands.new_folder(model)
    assert folder.parent == Path("runs")
    assert re.fullmatch(r"\d{8}T\d{6}Z-[A-Za-z0-9.-]{1,60}", folder.name)


def test_the_policy_is_checked_before_the_model_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no policy is named"):
        commands.run(Settings(model="no such model", out=tmp_path / "out"), commands.Demands(policies=("nothing",)))


def test_a_policy_of_the_users_own_goes_with_the_record(tiny_model: Path, pack: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(MINE, encoding="utf-8")
    out = tmp_path / "out"
    settings = Settings(model=str(tiny_model), out=out, packs=(pack,), probes="bias/small_pairs")
    judged = commands.run(settings, commands.Demands(policies=(str(mine),)))
    mine.unlink()
    kept = out / "policies" / "mine.json"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == judged.record.run.policies["mine"]
    assert commands.review(out, commands.Demands()).verdicts == judged.verdicts
    assert verify(out, AtHand(packs=[pack])).exit_code == 0
    kept.write_text(kept.read_text(encoding="utf-8").replace(" one ", " any "), encoding="utf-8")
    assert "policies/mine.json" in {check.what for check in verify(out).checks if check.outcome == "differs"}
    kept.unlink()
    assert verify(out).exit_code == 11
    with pytest.raises(UsageError, match="judged by the policy mine, which is not at hand") as fault:
        commands.review(out, commands.Demands())
    assert "give its file with --policy" in fault.value.hint
