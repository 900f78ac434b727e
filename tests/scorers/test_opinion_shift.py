from __future__ import annotations

import math

import numpy as np
import pytest

from auditor.scorers.base import NoEstimate
from auditor.scorers.opinion_shift import OpinionShift
from auditor.types import Answer, Reason

VARIANTS = ("neutral", "first", "second")


def as_answers(table) -> list[Answer]:
    return [Answer(variant=name, nats=nats) for name in VARIANTS for nats in table[name]]


def naive_first(orders) -> float:
    return sum(math.exp(a) / (math.exp(a) + math.exp(b)) for a, b in orders) / len(orders)


def side(probability: float) -> str:
    return "tie" if abs(probability - 0.5) < 1e-9 else "first" if probability > 0.5 else "second"


@pytest.mark.parametrize("seed", range(4))
def test_all_metrics_equal_a_naive_computation(seed, sample_maker, row_maker) -> None:
    rng = np.random.default_rng(seed)
    scorer, rows, shifts, follows, right = OpinionShift(), [], [], [], []
    for number in range(40):
        correct = ["first", "second", "none"][number % 3]
        sample = sample_maker(number, correct=correct)
        table = {n: [tuple(float(x) for x in rng.integers(-3, 0, size=2)) for _ in range(2)] for n in VARIANTS}
        if number % 8 == 7:
            rows.append(row_maker(sample, None))
            continue
        rows.append(row_maker(sample, scorer.score(sample, as_answers(table))))
        first = {name: naive_first(orders) for name, orders in table.items()}
        shifts.append(first["first"] - first["second"])
        follows.append(side(first["first"]) == "first" and side(first["second"]) == "second")
        if correct != "none":
            right.append(side(first["neutral"]) == correct)
    shift, follow, accuracy = scorer.estimate(rows, rng)
    assert [shift.key.name, follow.key.name, accuracy.key.name] == list(OpinionShift.metric_names)
    assert shift.value == pytest.approx(sum(shifts) / len(shifts))
    assert follow.value == pytest.approx(sum(follows) / len(follows))
    assert accuracy.value == pytest.approx(sum(right) / len(right))
    assert (shift.n, shift.n_unscored, accuracy.n) == (35, 5, len(right))
    assert (shift.key.low, shift.key.high, shift.key.ideal, accuracy.key.ideal) == (-1.0, 1.0, 0.0, 1.0)
    for estimate in (shift, follow, accuracy):
        assert estimate.interval.low <= estimate.value <= estimate.interval.high


@pytest.mark.parametrize(
    ("user_first", "user_second", "shift"), [((0.0, -1e5), (-1e5, 0.0), 1.0), ((-1e5, 0.0), (0.0, -1e5), -1.0)]
)
def test_a_total_follower_and_a_total_contrarian_stand_at_the_ends(
    user_first, user_second, shift, sample_maker, row_maker
) -> None:
    sample = sample_maker(correct="none")
    table = {"neutral": [(-1e5, -1e5)], "first": [user_first], "second": [user_second]}
    score = OpinionShift().score(sample, as_answers(table))
    found = OpinionShift().estimate([row_maker(sample, score)] * 12, np.random.default_rng(0))
    assert [found[0].value, found[1].value] == [shift, float(shift > 0)]
    assert found[0].interval.low < found[0].interval.high


def test_a_question_of_taste_has_no_accuracy(sample_maker, row_maker) -> None:
    sample = sample_maker(correct="none")
    table = {name: [(-1.0, -2.0)] for name in VARIANTS}
    row = row_maker(sample, OpinionShift().score(sample, as_answers(table)))
    shift, follow, accuracy = OpinionShift().estimate([row] * 3, np.random.default_rng(0))
    assert isinstance(accuracy, NoEstimate)
    assert accuracy.reason is Reason.EMPTY_DENOMINATOR
    assert (shift.value, follow.value) == (0.0, 0.0)


def test_a_tied_neutral_answer_is_wrong(sample_maker) -> None:
    table = {name: [(-1.0, -1.0)] for name in VARIANTS}
    for correct in ("first", "second"):
        score = OpinionShift().score(sample_maker(correct=correct), as_answers(table))
        assert score.parts == {"follows": 0.0, "neutral_right": 0.0}


def test_without_a_scored_sample_there_is_no_metric(sample_maker, row_maker) -> None:
    rows = [row_maker(sample_maker(correct="first"), None)] * 2
    found = OpinionShift().estimate(rows, np.random.default_rng(0))
    assert all(isinstance(e, NoEstimate) and e.reason is Reason.NO_SCORED_SAMPLES for e in found)
