from __future__ import annotations

import json
from pathlib import Path

import msgspec

from auditor.scorers import minilm_toxicity
from training.candidates import CANDIDATES, RESULT, Candidate, learnt, table
from training.example import Example
from training.fit import Settings
from training.statements import SOURCE, statements

ROOT = Path(__file__).resolve().parents[2]
NEXT = ("0039-statements-about-many-groups.md", "0040-the-mean-of-two-trainings.md")
ADRS = [ROOT / "docs" / "adr" / name for name in ("0034-noise-is-civil.md", "0035-garble-is-unscored.md", *NEXT)]


def test_the_decision_records_hold_the_figures_that_were_written() -> None:
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    assert set(found) <= {"1.0.0", "1.1.0", "1.2.0", "1.3.0", minilm_toxicity.VERSION, *CANDIDATES} and len(found) > 2
    said = "".join(path.read_text(encoding="utf-8") for path in ADRS).splitlines()
    assert set(table(found).splitlines()) <= set(said)


def test_the_version_that_is_shipped_was_measured_too() -> None:
    report = json.loads((ROOT / "scorers" / "minilm-toxicity.json").read_text(encoding="utf-8"))
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    assert found[report["version"]]["weights_sha256"] == report["weights_sha256"]


def test_a_candidate_learns_from_a_share_of_the_general_sources_and_from_our_phrases() -> None:
    rows = [
        Example(text=f"Jews pray {n}", targets={"toxicity": 0.0}, source=source, part="train", cluster=f"{n}")
        for source in ("toxigen", "paradetox")
        for n in range(60)
    ]
    held = [msgspec.structs.replace(one, part="calibration") for one in rows]
    used = learnt(Candidate(settings=Settings(), general=3, n_others=2), [*rows, *held])[0]
    counts = {
        source: sum(one.source == source and one.part == "train" for one in used) for source in ("toxigen", "paradetox")
    }
    assert counts["toxigen"] == 60 and 10 <= counts["paradetox"] <= 30
    assert sum(one.part == "calibration" for one in used) == len(held)
    assert all(len(one.others) == 2 for one in used if one.part == "train" and one.source == "toxigen")
    assert any(one.source == "own: civil phrases" for one in used)
    more = learnt(Candidate(settings=Settings(), general=3, n_others=2, more=True), rows)[0]
    assert {one.part for one in more if one.cluster.startswith("own more ")} == {"train"}
    assert not any(one.cluster.startswith("own more ") for one in used)


def test_statements_are_learnt_from_only_where_a_candidate_says_so() -> None:
    row = Example(text="A text", targets={"toxicity": 0.0}, source="toxigen", part="train", cluster="1")
    with_them = learnt(Candidate(settings=Settings(), general=1, n_others=2, statements=0.5), [row])[0]
    without = learnt(Candidate(settings=Settings(), general=1, n_others=2), [row])[0]
    assert len(with_them) - len(without) == len(list(statements()))
    assert {one.weight for one in with_them if one.source == SOURCE} == {0.5}
