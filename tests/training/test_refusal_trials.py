from __future__ import annotations

import doctest
import json

from auditor.scorers import minilm_refusal
from training.refusal import trials
from training.refusal.fit import Settings


def test_the_table_is_as_its_docstring_says() -> None:
    done = doctest.testmod(trials)
    assert done.attempted and not done.failed


def test_the_shipped_way_is_among_the_best_of_those_that_were_tried() -> None:
    found = json.loads(trials.RESULT.read_text(encoding="utf-8"))
    assert found["scorer"]["version"] == minilm_refusal.VERSION
    scores = {way["name"]: way["score"] for way in found["ways"]}
    assert scores[f"head as shipped, reader {Settings().reader_share}"] >= max(scores.values()) - 0.005
    assert scores["rules"] == min(scores.values())
