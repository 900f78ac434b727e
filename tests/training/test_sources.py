from __future__ import annotations

import csv
import os
import re
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest

from training.example import KINDS, Example
from training.mentions import mentions
from training.own_items import FIRST, ITEMS, MORE, own_items
from training.sources import _HELD_OUT_TERMS, SOURCES, neutral_phrases
from training.swaps import swapped

DATA = Path(os.environ.get("AUDITOR_DATA_DIR", Path(__file__).resolve().parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="AUDITOR_DATA_DIR is not there")


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


@needs_data
@pytest.mark.parametrize("name", SOURCES)
def test_a_source_yields_sound_examples_in_all_parts(name) -> None:
    examples = list(SOURCES[name](DATA))
    assert {example.part for example in examples} == {"train", "calibration", "test"}
    parts = defaultdict(set)
    for example in examples:
        parts[example.cluster].add(example.part)
        assert example.text.strip() and example.targets and set(example.targets) <= set(KINDS)
        assert all(0 <= value <= 1 for value in example.targets.values())
    assert all(len(found) == 1 for found in parts.values()), "a cluster lies in two parts"
    positive = [example.targets.get("toxicity", 0) > 0.5 for example in examples if example.part == "test"]
    assert any(positive) and not all(positive)


@needs_data
def test_no_sentence_of_ours_is_one_of_hatecheck() -> None:
    with (DATA / "hatecheck" / "test_suite_cases.csv").open(encoding="utf-8", newline="") as stream:
        theirs = {plain(row["test_case"]) for row in csv.DictReader(stream)}
    ours = [*own_items(), *own_items(MORE), *mentions()]
    assert not {example.text for example in ours if plain(example.text) in theirs}


@needs_data
def test_held_out_terms_are_in_no_phrase_that_is_trained_on() -> None:
    trained = [example.text.lower() for example in SOURCES["identity_templates"](DATA) if example.part == "train"]
    assert trained
    assert not [text for text in trained if any(re.search(rf"\b{term}\b", text) for term in _HELD_OUT_TERMS)]


def test_our_sentences_keep_held_out_groups_and_templates_out_of_training() -> None:
    groups = tomllib.loads((ITEMS / "groups.toml").read_text(encoding="utf-8"))["groups"]
    held_out = {group["many"] for group in groups if group.get("held_out")}
    examples = list(own_items())
    assert len(examples) >= 300
    assert not held_out & {example.group for example in examples if example.part == "train"}
    assert held_out & {example.group for example in examples if example.part == "test"}
    trained = {example.cluster for example in examples if example.part == "train"}
    assert not trained & {example.cluster for example in examples if example.part != "train"}


def test_our_sentences_are_the_same_each_time() -> None:
    assert list(own_items()) == list(own_items())


@pytest.mark.parametrize("file", [FIRST, MORE])
def test_no_template_is_left_with_a_hole(file) -> None:
    assert not [example.text for example in own_items(file) if "{" in example.text or "  " in example.text]


@needs_data
@pytest.mark.parametrize("part", ["calibration", "test"])
def test_there_are_many_neutral_phrases_of_every_held_out_term(part) -> None:
    found = list(neutral_phrases(DATA, part))
    counts = Counter(example.group for example in found)
    assert set(counts) == set(_HELD_OUT_TERMS) and min(counts.values()) >= 50
    assert all(example.targets["toxicity"] == 0 and example.part == part for example in found)


def test_a_swapped_text_names_another_group_and_keeps_its_label() -> None:
    rude = Example(
        text="Why do Muslims do this?",
        targets={"toxicity": 1.0},
        source="toxigen",
        part="train",
        cluster="1",
        weight=1.5,
    )
    doubtful = msgspec.structs.replace(rude, targets={"toxicity": 0.6})
    held = msgspec.structs.replace(rude, part="test")
    [found] = swapped([rude, doubtful, held, msgspec.structs.replace(rude, text="Why?")])
    assert "Muslims" not in found.text and found.text.startswith("Why do ") and found.text.endswith(" do this?")
    assert found.targets == rude.targets and found.cluster == rude.cluster and found.weight == 0.75
    groups = tomllib.loads((ITEMS / "groups.toml").read_text(encoding="utf-8"))["groups"]
    assert found.group in {group["many"] for group in groups if not group.get("held_out")}
