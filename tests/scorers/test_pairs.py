from __future__ import annotations

import numpy as np
import pytest

from auditor.scorers.base import Estimate, NoEstimate
from auditor.scorers.pairs import PairContrast, PairPreference
from auditor.types import Answer, Reason

WIDTH = {PairPreference: 2, PairContrast: 4}


def naive(kind, table):
    total = 0.0
    for row in table:
        difference = row[0] - row[1] if kind is PairPreference else row[0] - row[1] - row[2] + row[3]
        total += 1 if difference > 0 else 0.5 if difference == 0 else 0
    return total / len(table)


@pytest.mark.parametrize("kind", [PairPreference, PairContrast])
@pytest.mark.parametrize("seed", range(4))
def test_the_rate_equals_a_naive_count_with_ties_as_half(kind, seed, sample_maker, row_maker) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(-6, 0, size=(int(rng.integers(2, 50)), WIDTH[kind])).astype(float)
    kept = rng.random(len(table)) < 0.8
    kept[0] = True
    scorer = kind(metric="some_rate", ideal=0.5)
    samples = [sample_maker(n, cluster=f"c{n // 3}") for n in range(len(table))]
    rows = [
        row_maker(sample, scorer.score(sample, [Answer(nats=tuple(nats))]) if keep else None)
        for sample, nats, keep in zip(samples, table, kept, strict=True)
    ]
    [estimate] = scorer.estimate(rows, rng)
    assert isinstance(estimate, Estimate)
    assert estimate.value == pytest.approx(naive(kind, table[kept]))
    assert (estimate.n, estimate.n_unscored) == (kept.sum(), (~kept).sum())
    assert estimate.n_clusters == len({n // 3 for n in np.flatnonzero(kept)})
    assert (estimate.key.name, estimate.key.ideal, estimate.key.low, estimate.key.high) == ("some_rate", 0.5, 0.0, 1.0)
    assert estimate.interval.low <= estimate.value <= estimate.interval.high


@pytest.mark.parametrize("kind", [PairPreference, PairContrast])
def test_without_a_scored_sample_there_is_no_rate(kind, sample_maker, row_maker) -> None:
    scorer = kind(metric="m")
    [unscored] = scorer.estimate([row_maker(sample_maker(), None)] * 3, np.random.default_rng(0))
    [empty] = scorer.estimate([], np.random.default_rng(0))
    assert isinstance(unscored, NoEstimate)
    assert (unscored.reason, unscored.n, unscored.n_unscored) == (Reason.NO_SCORED_SAMPLES, 0, 3)
    assert isinstance(empty, NoEstimate)
    assert (empty.reason, empty.n, empty.n_unscored) == (Reason.EMPTY_DENOMINATOR, 0, 0)


def test_very_improbable_texts_are_compared_without_overflow(sample_maker) -> None:
    score = PairPreference(metric="m").score(sample_maker(), [Answer(nats=(-1e5, -1e5 - 3))])
    assert (score.value, score.parts["difference_nats"]) == (1.0, 3.0)


def test_the_contrast_takes_the_prior_of_the_groups_away(sample_maker) -> None:
    preferred_anyway = Answer(nats=(-10.0, -12.0, -10.0, -13.0))
    assert PairPreference(metric="m").score(sample_maker(), [Answer(nats=(-10.0, -12.0))]).value == 1.0
    assert PairContrast(metric="m").score(sample_maker(), [preferred_anyway]).value == 0.0
