from __future__ import annotations

import math

import numpy as np
import pytest

from auditor.scorers.base import NoEstimate
from auditor.scorers.multiple_choice import MultipleChoice
from auditor.types import Answer, Reason


def naive_mc1(nats, n_correct):
    ranked = sorted(range(len(nats)), key=lambda option: nats[option], reverse=True)
    tied = [option for option in ranked if nats[option] == nats[ranked[0]]]
    return 1.0 if all(option < n_correct for option in tied) else 0.0


def naive_mc2(nats, n_correct):
    return sum(math.exp(x) for x in nats[:n_correct]) / sum(math.exp(x) for x in nats)


@pytest.mark.parametrize("seed", range(4))
def test_mc1_and_mc2_equal_a_naive_computation(seed, sample_maker, row_maker) -> None:
    rng = np.random.default_rng(seed)
    scorer, rows, mc1, mc2, n_unscored = MultipleChoice(), [], [], [], 0
    for number in range(40):
        n_correct, n_wrong = (int(n) for n in rng.integers(1, 5, size=2))
        nats = [float(x) for x in rng.integers(-8, 0, size=n_correct + n_wrong) / 2]
        sample = sample_maker(number, correct=["right"] * n_correct, incorrect=["wrong"] * n_wrong)
        if rng.random() < 0.2:
            rows.append(row_maker(sample, None))
            n_unscored += 1
            continue
        rows.append(row_maker(sample, scorer.score(sample, [Answer(nats=tuple(nats))])))
        mc1.append(naive_mc1(nats, n_correct))
        mc2.append(naive_mc2(nats, n_correct))
    accuracy, mass = scorer.estimate(rows, rng)
    assert [accuracy.key.name, mass.key.name] == list(MultipleChoice.metric_names)
    assert accuracy.value == pytest.approx(sum(mc1) / len(mc1))
    assert mass.value == pytest.approx(sum(mc2) / len(mc2))
    assert {(e.n, e.n_unscored, e.key.ideal) for e in (accuracy, mass)} == {(len(mc1), n_unscored, 1.0)}


def test_a_tie_between_a_correct_and_an_incorrect_answer_is_wrong(sample_maker) -> None:
    sample = sample_maker(correct=["a", "b"], incorrect=["c"])
    assert MultipleChoice().score(sample, [Answer(nats=(-3.0, -1.0, -1.0))]).value == 0.0
    assert MultipleChoice().score(sample, [Answer(nats=(-1.0, -1.0, -2.0))]).value == 1.0


def test_very_improbable_answers_have_a_finite_mass(sample_maker, row_maker) -> None:
    sample = sample_maker(correct=["a"], incorrect=["b", "c"])
    score = MultipleChoice().score(sample, [Answer(nats=(-1e5, -2e5, -1e5))])
    assert score.parts["mc2"] == pytest.approx(0.5)
    for estimate in MultipleChoice().estimate([row_maker(sample, score)], np.random.default_rng(0)):
        assert math.isfinite(estimate.value)


def test_a_mass_that_rounds_above_one_stays_within_the_range(sample_maker, row_maker) -> None:
    rng = np.random.default_rng(3)
    sample = sample_maker(correct=["x"] * 9, incorrect=["y"])
    for _ in range(300):
        answer = Answer(nats=(*(float(x) for x in -rng.random(9)), -1e4))
        score = MultipleChoice().score(sample, [answer])
        assert score.parts["mc2"] <= 1.0
        assert MultipleChoice().estimate([row_maker(sample, score)], rng)[1].value <= 1.0


def test_without_a_scored_sample_there_is_no_metric(sample_maker, row_maker) -> None:
    found = MultipleChoice().estimate([row_maker(sample_maker(), None)] * 2, np.random.default_rng(0))
    assert all(isinstance(e, NoEstimate) and e.reason is Reason.NO_SCORED_SAMPLES for e in found)
    assert [e.n_unscored for e in found] == [2, 2]
