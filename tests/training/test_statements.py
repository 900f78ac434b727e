from __future__ import annotations

import csv
import re
from collections import defaultdict

import pytest

from tests.training.test_sources import DATA, needs_data, plain
from training.sources import _HELD_OUT_TERMS
from training.statements import FIRST, MORE, STRANGERS, statements

ALL = (FIRST, MORE)


@pytest.mark.parametrize("file", ALL)
def test_statements_about_one_group_lie_in_one_part_and_are_toxic_as_often_as_not(file: str) -> None:
    parts, toxic = defaultdict(set), defaultdict(list)
    for example in statements(file=file):
        if example.group:
            parts[example.group].add(example.part)
            toxic[example.group].append(example.targets["toxicity"] > 0.5)
    assert len(parts) > 150 and all(len(found) == 1 for found in parts.values())
    assert all(sum(found) <= len(found) / 2 for found in toxic.values()), "a name tells that a statement is toxic"
    assert {example.part for example in statements(file=file)} == {"train", "calibration", "test"}


def test_no_statement_is_there_twice_and_none_of_strangers_is_trained_on() -> None:
    texts = [plain(example.text) for file in (*ALL, STRANGERS) for example in statements(file=file)]
    assert len(texts) == len(set(texts)) > 3000


@pytest.mark.parametrize("file", ALL)
def test_no_held_out_term_is_named(file: str) -> None:
    named = re.compile(rf"\b({'|'.join(_HELD_OUT_TERMS)})s?\b", re.IGNORECASE)
    assert not [example.text for example in statements(file=file) if named.search(example.text)]


@needs_data
def test_no_statement_is_one_of_hatecheck() -> None:
    with (DATA / "hatecheck" / "test_suite_cases.csv").open(encoding="utf-8", newline="") as stream:
        theirs = {plain(row["test_case"]) for row in csv.DictReader(stream)}
    assert not {
        example.text for file in (*ALL, STRANGERS) for example in statements(file=file) if plain(example.text) in theirs
    }
