"""Several policies, waivers and explanations as a user meets them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import commands, verify
from auditor.errors import UsageError
from auditor.types import RunRecord, Status

Cli = Callable[..., subprocess.CompletedProcess[str]]
OWN = """version = "1.0.0"
title = "For tests"
owner = "us"
description = "One bound."
[[rules]]
id = "r"
metric = "bias/stereotype_contrast:stereotype_rate_contrast"
rationale = "because a test needs one"
min = 0
max = 1
[[duties]]
id = "architecture"
title = "Architecture"
facts = ["model.architecture"]
rationale = "because a test needs one"
[[duties]]
id = "contact"
title = "Contact"
facts = ["model.contact"]
rationale = "because a test needs one"
"""
WAIVER = """[[waivers]]
id = "contact"
policy = "mine"
scope = "SCOPE"
reason = "The address is being moved."
compensating_measure = "The board answers."
approver = "A. Person"
expires = 2099-12-31
ticket = "GOV-12"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.fixture
def waivers(finished: tuple[RunRecord, Path], tmp_path: Path) -> Path:
    path = tmp_path / "waivers.toml"
    path.write_text(WAIVER.replace("SCOPE", finished[0].model.weights_digest), encoding="utf-8")
    return path


def test_the_exit_code_of_several_policies_is_the_worst_and_each_is_told(
    auditor_cli: Cli, finished: tuple[RunRecord, Path], own: Path
) -> None:
    alone = auditor_cli("judge", finished[1], "--policy", "fmti-2025", "--json")
    assert (alone.returncode, json.loads(alone.stdout)["status"]) == (11, "INCONCLUSIVE")
    both = auditor_cli("judge", finished[1], "--policy", "fmti-2025", "--policy", own, "--json")
    found = json.loads(both.stdout)
    assert (both.returncode, found["status"]) == (10, "FAIL")
    assert [(one["policy"], one["status"]) for one in found["verdicts"]] == [
        ("fmti-2025", "INCONCLUSIVE"),
        ("mine", "FAIL"),
    ]
    table = auditor_cli("judge", finished[1], "--policy", "fmti-2025", "--policy", own).stdout
    assert "fmti-2025  INCONCLUSIVE  duties" in table and "mine  FAIL  duties  1 of 2 documented, 1 missing" in table
    assert table.splitlines()[-1].startswith("verdict  FAIL  policies fmti-2025 1.1.0, mine 1.0.0")


def test_a_card_shows_every_policy_and_every_waiver_whole(
    finished: tuple[RunRecord, Path], own: Path, waivers: Path
) -> None:
    demands = commands.Demands(policies=("baseline", str(own)), waivers=waivers)
    text = commands.card_markdown(commands.review(finished[1], demands))
    assert "### baseline" in text and "### mine" in text
    for part in ("The address is being moved", "The board answers", "A. Person", "2099-12-31", "GOV-12", "covers FAIL"):
        assert part in text.replace("\\", "")


def test_a_waiver_counts_until_the_date_of_judgement_passes_its_own(
    finished: tuple[RunRecord, Path], own: Path, waivers: Path
) -> None:
    def contact(as_of: str) -> tuple[Status, set[str]]:
        demands = commands.Demands(policies=(str(own),), waivers=waivers, as_of=as_of)
        (verdict,) = commands.review(finished[1], demands).verdicts
        found = {finding.id: finding for finding in verdict.findings}
        assert verdict.as_of == as_of
        return found["contact"].status, {finding.id for finding in verdict.findings if finding.kind == "waiver"}

    assert contact("2099-12-31") == (Status.WAIVED, set())
    assert contact("2100-01-01") == (Status.FAIL, {"waiver-contact"})
    with pytest.raises(UsageError, match="--as-of needs a date, got 'soon'"):
        contact("soon")


def test_verify_replays_every_policy_with_waivers_and_date(
    finished: tuple[RunRecord, Path], own: Path, waivers: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(finished[1], tmp_path / "copy"))
    shutil.copy(waivers, folder / "waivers.toml")
    demands = commands.Demands(policies=("baseline", "hf-hub", str(own)), as_of="2027-01-01")
    for name, text in commands.documents(commands.review(folder, demands)).items():
        (folder / name).write_text(text, encoding="utf-8")

    def outcomes(*policies: str) -> dict[str, str]:
        return {check.what: check.outcome for check in verify.verify(folder, verify.AtHand(policies=policies)).checks}

    documents = {"card.json", "verdict.json", "card.md"}
    assert {outcomes(str(own))[name] for name in documents} == {"same"}
    assert outcomes()["verdict.json"] == "not_checked"
    text = (folder / "waivers.toml").read_text(encoding="utf-8")
    (folder / "waivers.toml").write_text(text.replace("A. Person", "Nobody"), encoding="utf-8")
    assert outcomes(str(own))["verdict.json"] == "differs"
    (folder / "waivers.toml").write_text("waivers = []", encoding="utf-8")
    assert outcomes(str(own))["waivers.toml"] == "differs"


def test_a_date_of_judgement_changed_by_hand_is_noticed(finished: tuple[RunRecord, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished[1], tmp_path / "copy"))
    for name, text in commands.documents(commands.review(folder, commands.Demands())).items():
        (folder / name).write_text(text, encoding="utf-8")
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    verdict["verdicts"][0]["as_of"] = "2020-01-01"
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    first = verify.verify(folder).first_difference
    assert first is not None and first.what == "day of judgement"


def test_two_different_policies_of_one_name_are_refused(finished: tuple[RunRecord, Path], own: Path) -> None:
    other = own.parent / "other" / "mine.toml"
    other.parent.mkdir()
    other.write_text(OWN.replace("One bound", "Another"), encoding="utf-8")
    with pytest.raises(UsageError, match="two policies are named 'mine'"):
        commands.review(finished[1], commands.Demands(policies=(str(own), str(other))))


def test_an_explanation_is_printed_with_and_without_a_record(
    auditor_cli: Cli, finished: tuple[RunRecord, Path], tmp_path: Path
) -> None:
    facts = tmp_path / "facts.toml"
    facts.write_text('by = "Us"\ndate = 2026-11-01\n[model]\nprovider = "Us AB"\n', encoding="utf-8")
    bare = auditor_cli("policies", "explain", "eu-gpai-mdf", "--provenance", facts)
    assert bare.returncode == 0, bare.stderr
    assert "item 1.1 (looked up 2026-11-26)" in bare.stdout and "now   declared: Us AB" in bare.stdout
    full = auditor_cli("policies", "explain", "eu-gpai-mdf", "--record", finished[1], "--json")
    entries = {entry["id"]: entry for entry in json.loads(full.stdout)}
    assert entries["mdf-2-1"]["status"] == "PASS" and entries["mdf-1-1"]["status"] == "FAIL"
    assert entries["mdf-1-1"]["needs"][0]["toml"].startswith("[model]\nprovider = ")


def test_a_policys_schema_is_printed_as_it_is_committed(auditor_cli: Cli) -> None:
    committed = Path(__file__).parents[1] / "policies" / "schema" / "mof-1.0.schema.json"
    assert auditor_cli("policies", "schema", "mof-1.0").stdout == committed.read_text(encoding="utf-8")


def test_a_faulty_waiver_file_stops_a_run_before_the_model_is_looked_for(auditor_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(WAIVER.replace("mine", "basline"), encoding="utf-8")
    done = auditor_cli("run", "--model", "absent", "--waivers", tmp_path / "w.toml", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "w.toml has 2 faults" in done.stderr and "did you mean baseline" in done.stderr
    assert not (tmp_path / "out").exists()
