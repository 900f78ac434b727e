"""Waiver files: everything that is wrong with one is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import waivers
from auditor.errors import WaiverError

GOOD = """[[waivers]]
id = "contact"
policy = "baseline"
scope = "SCOPE"
reason = "The address is being moved."
compensating_measure = "The board answers."
approver = "A. Person"
expires = 2026-12-31
ticket = "GOV-12"
""".replace("SCOPE", "e" * 64)


def write(folder: Path, text: str) -> Path:
    path = folder / "waivers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_waiver_is_read_with_its_date_as_text(tmp_path: Path) -> None:
    (found,) = waivers.load(write(tmp_path, GOOD), ["baseline"])
    assert (found.id, found.expires, found.ticket) == ("contact", "2026-12-31", "GOV-12")


def test_all_faults_of_a_waiver_file_are_told_at_once(tmp_path: Path) -> None:
    faulty = GOOD.replace('policy = "baseline"', 'policy = "basline"').replace("2026-12-31", '"2026-02-30"')
    faulty = faulty.replace("e" * 64, "e" * 12).replace('ticket = "GOV-12"', 'tickett = "GOV-12"')
    with pytest.raises(WaiverError) as caught:
        waivers.load(write(tmp_path, faulty + GOOD + GOOD), ["baseline", "strict"])
    told = caught.value.message
    assert "waivers.toml has 6 faults" in told
    for part in (
        "no policy is named 'basline' (did you mean baseline?",
        "one of your own goes by its file's name without .toml, and is known once --policy gives the file",
        "'2026-02-30' is not a 'date'",
        "does not match '^[0-9a-f]{64}$'",
        "unknown key 'tickett' (did you mean ticket",
        "'ticket' is a required property",
        "baseline/contact is waived 2 times",
    ):
        assert part in told


@pytest.mark.parametrize("text", ["", "waivers = []", 'waivers = "all"', "[[waivers]]", "waivers = [7]", "[[waiver]]"])
def test_a_file_without_a_waiver_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(WaiverError):
        waivers.load(write(tmp_path, text), ["baseline"])


@pytest.mark.parametrize("policy", ['""', "7", '["baseline"]'])
def test_a_policy_that_is_no_name_is_one_fault(tmp_path: Path, policy: str) -> None:
    with pytest.raises(WaiverError, match="has 1 fault:"):
        waivers.load(write(tmp_path, GOOD.replace('"baseline"', policy)), ["baseline"])
