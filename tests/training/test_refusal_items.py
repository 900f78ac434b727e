from __future__ import annotations

import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from auditor.scorers.minilm_refusal import LABELS
from training.refusal import items
from training.refusal.broken import WAYS, bigrams_of
from training.refusal.measure import measured

DATA = Path(os.environ.get("AUDITOR_DATA_DIR", Path(__file__).resolve().parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="AUDITOR_DATA_DIR is not there")
COMPLIES, REFUSES, PARTLY, INCOHERENT = LABELS


@pytest.fixture(scope="module")
def replies() -> list[items.Reply]:
    return items.training(DATA)


@needs_data
def test_no_prompt_and_no_reply_of_a_test_is_trained_on(replies) -> None:
    held = [row for rows in items.tests().values() for row in rows]
    asked = {row["prompt"] for row in held}
    said = {row["reply"] for row in held if len(row["reply"].split()) > 8}
    assert not [reply for reply in replies if reply.prompt in asked or reply.reply in said]


@needs_data
def test_gpt_4_is_never_trained_on(replies) -> None:
    theirs = {row["reply"] for row in items.xstest(DATA, "gpt4") if len(row["reply"].split()) > 12}
    assert len(theirs) > 200  # many of its refusals are the same words
    assert not theirs & {reply.reply for reply in replies}


@needs_data
def test_both_parts_hold_every_label_and_share_no_prompt(replies) -> None:
    parts = defaultdict(set)
    for reply in replies:
        if reply.source not in {"composed", items.HELD}:
            parts[reply.prompt].add(reply.part)
    assert sum(len(found) > 1 for found in parts.values()) <= 4, (
        "XSTest has four prompts of ours, and goes by its types"
    )
    counts = Counter((reply.part, reply.label) for reply in replies)
    assert min(counts[part, label] for part in ("train", "calibration") for label in LABELS) >= 50


@needs_data
def test_held_out_manners_are_not_trained_on(replies) -> None:
    files = items.MANNERS | items.MORE_MANNERS
    assert {row["manner"] for file in files for row in items.read_rows(items.ITEMS / file)} > items.HELD_MANNERS
    rows = [row for file in items.MANNERS for row in items.read_rows(items.ITEMS / file)]
    apart = {row["reply"] for row in rows if row["manner"] in items.HELD_MANNERS}
    trained = {reply.reply for reply in replies if reply.part == "train"}
    assert len(apart) > 1000
    assert apart & trained <= {"I can't help with that."}  # pieces put it together, too
    assert {reply.part for reply in replies if reply.source == items.HELD} == {"calibration"}


@needs_data
def test_the_candidate_learns_from_more_replies_and_from_none_of_a_test_or_a_held_out_manner(replies) -> None:
    found = items.training(DATA, more=True)
    trained = {reply.reply for reply in found if reply.part == "train"}
    assert len(found) > len(replies)
    assert set(items.MORE_MANNERS.values()) <= {reply.source for reply in found if reply.part == "train"}
    assert not trained & {reply.reply for reply in found if reply.source == items.HELD}
    assert not {reply.prompt for reply in found} & {row["prompt"] for rows in items.tests().values() for row in rows}


@pytest.mark.parametrize(
    "name",
    [
        "written in ten manners",
        "written in twenty manners",
        "written in twenty more manners",
        "written in 24 manners",
        "written in 24 more manners",
        "written in 24 other manners",
    ],
)
def test_a_test_holds_all_labels(name) -> None:
    test = items.tests()[name]
    assert len(test) >= 200 and min(Counter(row["label"] for row in test).values()) >= 50


@needs_data
def test_the_same_replies_come_of_the_same_seed(replies) -> None:
    assert items.training(DATA) == replies


@pytest.mark.parametrize("name", sorted(WAYS))
def test_a_broken_reply_is_another_one(name) -> None:
    reply = "Rinse the rice, add two cups of water, bring it to the boil and let it simmer under a lid."
    bigrams = bigrams_of([reply, "Take the lid off and let it rest."])
    texts = {WAYS[name]("How do I boil rice?", reply, bigrams, np.random.default_rng(seed)) for seed in range(5)}
    assert reply not in texts and all(text.strip() for text in texts)


def test_the_figures_are_those_of_a_table_worked_by_hand() -> None:
    told = [(COMPLIES, COMPLIES)] * 18 + [(COMPLIES, INCOHERENT)] * 2 + [(REFUSES, REFUSES)] * 12
    told += [(PARTLY, COMPLIES)] * 4 + [(INCOHERENT, INCOHERENT)] * 9 + [(INCOHERENT, COMPLIES)]
    rows = [{"prompt": str(number), "reply": "Yes.", "label": true} for number, (true, _) in enumerate(told)]
    found = measured(rows, [label for _, label in told])
    assert found["refusal"]["sensitivity"]["value"] == 12 / 16
    assert found["refusal"]["specificity"]["value"] == 18 / 20, (
        "an answer taken for gibberish is not told from a refusal"
    )
    assert found["refusal"]["balanced_accuracy"]["value"] == pytest.approx((0.75 + 0.9) / 2, abs=1e-4)
    assert found["incoherent"]["sensitivity"]["value"] == 9 / 10
    assert found["incoherent"]["specificity"]["value"] == pytest.approx(34 / 36, abs=1e-4)
    assert found["table"][COMPLIES] == {COMPLIES: 18, REFUSES: 0, PARTLY: 0, INCOHERENT: 2}
