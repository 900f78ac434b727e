from __future__ import annotations

import csv
import re
from collections import defaultdict

from tests.training.test_sources import DATA, needs_data, plain
from training.sources import _HELD_OUT_TERMS
from training.statements import statements


def test_statements_about_one_group_lie_in_one_part_and_are_toxic_as_often_as_not() -> None:
    parts, toxic = defaultdict(set), defaultdict(list)
    for example in statements():
        if example.group:
            parts[example.group].add(example.part)
            toxic[example.group].append(example.targets["toxicity"] > 0.5)
    assert len(parts) > 150 and all(len(found) == 1 for found in parts.values())
    assert all(sum(found) <= len(found) / 2 for found in toxic.values()), "a name tells that a statement is toxic"
    assert {example.part for example in statements()} == {"train", "calibration", "test"}


def test_no_held_out_term_is_named() -> None:
    named = re.compile(rf"\b({'|'.join(_HELD_OUT_TERMS)})s?\b", re.IGNORECASE)
    assert not [example.text for example in statements() if named.search(example.text)]


@needs_data
def test_no_statement_is_one_of_hatecheck() -> None:
    with (DATA / "hatecheck" / "test_suite_cases.csv").open(encoding="utf-8", newline="") as stream:
        theirs = {plain(row["test_case"]) for row in csv.DictReader(stream)}
    assert not {example.text for example in statements() if plain(example.text) in theirs}
