"""What README and docs show as a file is one: each snippet is read, and used, by what it is for."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import commands, policies, probes, schema, waivers
from auditor.card import build_card
from auditor.errors import PackError, WaiverError
from auditor.judge import judge
from auditor.provenance.declare import load_declared
from auditor.types import RunRecord, Status

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "model_cards" / "examples" / "smollm2" / "record.json"


def snippets(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


def snippet(page: str, language: str, word: str) -> str:
    [found] = [text for text in snippets(page, language) if word in text]
    return found


@pytest.fixture(scope="module")
def record() -> RunRecord:
    text = schema.strict_json(RECORD.read_text(encoding="utf-8"))
    return schema.convert(text, RunRecord, where=str(RECORD), error=AssertionError)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The pack of CONTRIBUTING, each file as it stands there."""
    folder = tmp_path / "mine" / "misinformation" / "tides"
    folder.mkdir(parents=True)
    [prompt] = snippets("CONTRIBUTING.md", "jinja")
    (folder / "probe.toml").write_text(snippet("CONTRIBUTING.md", "toml", "[ask]"), encoding="utf-8")
    (folder / "items.jsonl").write_text(snippets("CONTRIBUTING.md", "jsonl")[0], encoding="utf-8")
    (folder / "prompt.j2").write_text(prompt.removesuffix("\n"), encoding="utf-8")
    (folder / "README.md").write_text("# Tides\n\nThree questions; chance is 1/3.\n", encoding="utf-8")
    return tmp_path / "mine"


def test_the_pack_of_contributing_is_sound(pack: Path) -> None:
    assert list(commands.check_pack(pack)) == ["misinformation/tides 1.0.0: 3 samples, no fault"]
    [place] = probes.find_in(pack).values()
    probe = probes.load(place.folder, place.part)
    assert {sample.fields["topic"] for sample in probe.samples} == {"cause", "rhythm"}


def test_a_fault_in_that_pack_would_be_found(pack: Path) -> None:
    path = pack / "misinformation" / "tides" / "items.jsonl"
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    del first["correct"]
    path.write_text(json.dumps(first) + "\n", encoding="utf-8")
    with pytest.raises(PackError, match="correct"):
        list(commands.check_pack(pack))


@pytest.mark.parametrize("page", ["README.md", "docs/policies.md"])
def test_a_waiver_that_is_shown_covers_the_finding_that_it_names(page: str, record: RunRecord, tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    text = snippet(page, "toml", "[[waivers]]").replace('"…"', f'"{record.model.weights_digest}"')
    path.write_text(text, encoding="utf-8")
    [waiver] = waivers.load(path, ["baseline"])
    verdict = judge(record, build_card(record, {}), policies.load("baseline"), [waiver])
    [finding] = [finding for finding in verdict.findings if finding.id == waiver.id]
    assert (finding.status, finding.was) == (Status.WAIVED, Status.FAIL)


def test_a_waiver_for_a_policy_of_ones_own_names_its_file(record: RunRecord, tmp_path: Path) -> None:
    (tmp_path / "waivers.toml").write_text(
        snippet("README.md", "toml", "[[waivers]]").replace('policy = "baseline"', 'policy = "my-policy"'),
        encoding="utf-8",
    )
    with pytest.raises(WaiverError, match="is known once --policy gives the file"):
        waivers.load(tmp_path / "waivers.toml", policies.find())
    own = tmp_path / "my-policy.toml"
    own.write_text((ROOT / "policies" / "baseline.toml").read_text(encoding="utf-8"), encoding="utf-8")
    policy = policies.load(str(own))
    [waiver] = waivers.load(tmp_path / "waivers.toml", {*policies.find(), policy.id})
    verdict = judge(record, build_card(record, {}), policy, [replace(waiver, scope=record.model.weights_digest)])
    assert [finding.id for finding in verdict.findings if finding.status is Status.WAIVED] == ["contact"]


def test_the_facts_of_the_readme_can_be_declared(tmp_path: Path) -> None:
    path = tmp_path / "facts.toml"
    path.write_text(snippet("README.md", "toml", "[training]"), encoding="utf-8")
    declared = load_declared(path)
    assert declared["training.datasets"].status == "withheld"
    assert declared["model.provider"].value == "Example Ltd"


@pytest.mark.parametrize("ending", ["", "rule of change"])
def test_the_policy_of_the_docs_is_one(tmp_path: Path, ending: str) -> None:
    text = snippet("docs/policies.md", "toml", 'title = "Ours"')
    if ending:
        text += "\n" + snippet("docs/policies.md", "toml", "no-more-toxicity")
    path = tmp_path / "ours.toml"
    path.write_text(text, encoding="utf-8")
    found = policies.load(str(path))
    assert [duty.id for duty in found.duties] == ["purpose", "crawlers", "read"]
    assert len(found.rules) == (2 if ending else 1)


def test_every_toml_that_is_shown_is_toml() -> None:
    shown: dict[str, list[str]] = {page: snippets(page, "toml") for page in ("README.md", "CONTRIBUTING.md")}
    for path in (ROOT / "docs").rglob("*.md"):
        shown[str(path.relative_to(ROOT))] = snippets(str(path.relative_to(ROOT)), "toml")
    assert sum(map(len, shown.values())) >= 5
    parse: Callable[[str], Any] = tomllib.loads
    for texts in shown.values():
        for text in texts:
            assert parse(text)
