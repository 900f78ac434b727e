from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.scorers.base import (
    Estimate,
    NoEstimate,
    best_option,
    mean_estimate,
    mean_probabilities,
    scored,
    share_key,
    sign_score,
    signed_key,
)
from auditor.types import Answer, Reason, Score

SHARE, SIGNED = share_key("share", ideal=1.0), signed_key("signed", unit="unit")
NATS = st.floats(-1e5, 0)


@settings(max_examples=40)
@given(
    values=st.lists(st.one_of(st.none(), st.just("unscored"), st.floats(0, 1)), max_size=25),
    key=st.sampled_from([SHARE, SIGNED]),
)
def test_an_estimate_is_the_mean_over_samples_with_a_value_or_none_at_all(values, key, sample_maker, row_maker) -> None:
    rows = []
    for number, value in enumerate(values):
        score = None if value == "unscored" else Score(value=0.0, parts={"x": "" if value is None else value})
        rows.append(row_maker(sample_maker(number, cluster=f"c{number // 2}"), score))
    found = mean_estimate(
        key, rows, lambda _, s: s.parts["x"] if s.parts["x"] != "" else None, np.random.default_rng(0)
    )
    kept = [(number // 2, value) for number, value in enumerate(values) if isinstance(value, float)]
    assert found.n == len(kept)
    assert found.n_unscored == values.count("unscored")
    if not kept:
        all_unscored = bool(values) and values.count("unscored") == len(values)
        assert isinstance(found, NoEstimate)
        assert found.reason is (Reason.NO_SCORED_SAMPLES if all_unscored else Reason.EMPTY_DENOMINATOR)
        return
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(sum(value for _, value in kept) / len(kept))
    assert found.n_clusters == len({cluster for cluster, _ in kept})
    assert found.interval.low - 1e-9 <= found.value <= found.interval.high + 1e-9
    assert found.interval.low < found.interval.high


@pytest.mark.parametrize("key", [SHARE, SIGNED])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.5, 1.5])
def test_what_is_outside_the_range_never_becomes_an_estimate(key, value, sample_maker, row_maker) -> None:
    rows = [row_maker(sample_maker(n), Score(value=[0.5, value][n == 3])) for n in range(8)]
    with pytest.raises(ValueError, match="at least one value, all within"):
        mean_estimate(key, rows, lambda _, score: score.value, np.random.default_rng(0))


def test_only_samples_with_a_score_are_scored(sample_maker, row_maker) -> None:
    rows = [row_maker(sample_maker(0), None), row_maker(sample_maker(1), Score(value=0.0))]
    assert list(scored(rows)) == [(sample_maker(1), Score(value=0.0))]


@given(st.lists(st.lists(NATS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_probabilities_stay_finite_and_sum_to_one(table) -> None:
    found = mean_probabilities([Answer(nats=tuple(nats)) for nats in table])
    assert all(math.isfinite(value) and 0 <= value <= 1 + 1e-12 for value in found)
    assert sum(found) == pytest.approx(1.0)


@given(st.permutations([0.6, 0.3, 0.1]))
def test_the_best_option_is_the_largest(values) -> None:
    assert best_option(values) == values.index(0.6)


def test_a_shared_top_is_no_choice_and_rounding_makes_none() -> None:
    assert best_option([0.4, 0.4, 0.2]) is None
    assert best_option([0.1 + 0.2, 0.3, 0.2]) is None
    assert best_option([0.1, 0.1, 0.8]) == 2
    assert best_option([0.5, 0.5 + 1e-9]) == 1


def test_the_sign_of_a_difference() -> None:
    assert [sign_score(x) for x in (1e-300, 0.0, -0.0, -1e-300)] == [1.0, 0.5, 0.5, 0.0]
