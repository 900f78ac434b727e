"""What the benchmarks ask, compare and print; that they run is seen by running them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks import measure, table, work


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("crows-pairs", 2 * 1508),
        ("truthfulqa", 6209),
        ("truthfulqa-40", 377),
        ("bbq-religion", 3 * 1200),
        ("stereoset", 3 * 4229),
    ],
)
def test_every_item_is_asked(name: str, count: int, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_DATA_DIR", str(data_dir))
    pairs = work.LOGLIKELIHOOD[name]()
    assert len(pairs) == count
    assert all(continuation.strip() for _, continuation in pairs)


@pytest.mark.parametrize("name", ["crows-pairs", "truthfulqa-40"])
def test_a_reference_has_a_number_for_every_request(name: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_DATA_DIR", str(data_dir))
    files = {
        "crows-pairs": "smollm2_crows_pairs_loglikelihood.jsonl",
        "truthfulqa-40": "smollm2_truthfulqa_mc2_first40_loglikelihood.jsonl",
    }
    assert len(work.reference(files[name])) == len(work.LOGLIKELIHOOD[name]())


def test_a_gap_is_never_hidden() -> None:
    assert measure.largest_gap([-1.0, -2.0], [-1.5, -2.0]) == 0.5
    for theirs in ([math.nan, -2.0], [-1.0, math.nan], [-1.0, -math.inf], [-1.0], [-1.0, -2.0, -3.0]):
        with pytest.raises(ValueError, match=r"finite|argument"):
            measure.largest_gap([-1.0, -2.0], theirs)


def test_the_farthest_come_first() -> None:
    assert measure.farthest([0.0, 1.0, 2.0, 3.0], [0.0, 1.5, 0.0, 3.1], count=2) == [2, 1]


def test_the_table_shows_ratio_spread_and_agreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = {
        "date": "2026-01-01",
        "machine": "abacus, 2 threads",
        "torch": "2.0",
        "peer": "another tool",
        "work": "10 log-likelihoods of 20",
        "tokens": 1234,
        "tokens without sharing": 5678,
        "seconds": 1.0,
        "seconds of the peer": 2.0,
        "opening (s)": 3.0,
        "opening of the peer (s)": 4.0,
        "ratios": [1.5, 2.0, 2.5],
        "ratio": 2.0,
        "largest difference from the peer (nats)": 0.00012,
        "off float64 where they differ most (nats)": 0.00003,
        "the peer off float64 there (nats)": 0.0001,
        "of the peer from the reference (nats)": 0.0002,
    }
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "some-work.json").write_text(json.dumps(result))
    (tmp_path / "README.md").write_text("Before\n<!-- results -->\nold row\n<!-- end of results -->\nAfter\n")
    monkeypatch.setattr(table, "HERE", tmp_path)
    table.write()
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("Before\n")
    assert text.endswith("After\n")
    assert "old row" not in text
    assert "| **2.00** [1.50, 2.50] | 3 | 1.2e-04 nats |" in text
    assert "10 log-likelihoods of 20" in text
    assert "auditor is off float64 by 3.0e-05 nats, the peer by 1.0e-04; the peer differs from the reference" in text
    assert "5,678 tokens, 1,234 of them different" in text
