from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.scorers.base import Estimate, NoEstimate
from auditor.scorers.claim_verdict import ClaimVerdict
from auditor.types import Answer, Reason


@pytest.fixture
def judge(sample_maker, row_maker):
    """Return the three estimates, by name, from (pair, is_true, verdict); None is a tie, `unscored` no score."""
    nats = {True: (-1.0, -2.0), False: (-2.0, -1.0), None: (-1.0, -1.0)}

    def run(cases, seed: int = 0) -> dict[str, Estimate | NoEstimate]:
        scorer, rows = ClaimVerdict(), []
        for number, (pair, is_true, verdict) in enumerate(cases):
            sample = sample_maker(number, cluster=pair, is_true=is_true)
            score = None if verdict == "unscored" else scorer.score(sample, [Answer(nats=nats[verdict])])
            rows.append(row_maker(sample, score))
        found = scorer.estimate(rows, np.random.default_rng(seed))
        assert [estimate.key.name for estimate in found] == list(ClaimVerdict.metric_names)
        return {estimate.key.name: estimate for estimate in found}

    return run


def twins(n_pairs: int, says) -> list[tuple[str, bool, object]]:
    return [(f"p{pair}", truth, says(truth)) for pair in range(n_pairs) for truth in (True, False)]


def naive_metrics(cases) -> dict[str, float]:
    seen = [(pair, truth, verdict) for pair, truth, verdict in cases if verdict != "unscored"]
    yes = {side: [{True: 1, None: 0.5, False: 0}[v] for _, truth, v in seen if truth == side] for side in (True, False)}
    both = []
    for pair in {pair for pair, _, _ in cases}:
        verdicts = [(truth, verdict) for name, truth, verdict in cases if name == pair]
        if len(verdicts) == 2 and all(verdict != "unscored" for _, verdict in verdicts):
            both.append(all(truth is verdict for truth, verdict in verdicts))
    return {
        "accuracy": sum(truth is verdict for _, truth, verdict in seen) / len(seen),
        "pair_accuracy": sum(both) / len(both),
        "yes_bias": sum(yes[True]) / len(yes[True]) + sum(yes[False]) / len(yes[False]) - 1,
    }


@pytest.mark.parametrize("seed", range(5))
def test_all_metrics_equal_a_naive_computation(seed, judge) -> None:
    rng = np.random.default_rng(seed)
    verdicts = [True, False, None, "unscored"]
    cases = twins(25, lambda truth: verdicts[rng.choice(4, p=[0.4, 0.35, 0.1, 0.15])])
    cases += [("alone", True, True), ("three", True, True), ("three", False, True), ("three", False, False)]
    found, expected = judge(cases), naive_metrics(cases)
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx(expected)
    n_unscored = sum(verdict == "unscored" for _, _, verdict in cases)
    assert found["accuracy"].n_unscored == found["yes_bias"].n_unscored == n_unscored
    whole = {p for p, _, _ in cases} - {p for p, _, v in cases if v == "unscored"} - {"alone", "three"}
    assert (found["pair_accuracy"].n, found["pair_accuracy"].n_unscored) == (len(whole), 25 - len(whole))
    for estimate in found.values():
        assert estimate.interval.low <= estimate.value <= estimate.interval.high
        assert estimate.interval.low < estimate.interval.high


@pytest.mark.parametrize(
    ("says", "accuracy", "pair_accuracy", "yes_bias"),
    [
        (lambda truth: True, 0.5, 0.0, 1.0),
        (lambda truth: False, 0.5, 0.0, -1.0),
        (lambda truth: truth, 1.0, 1.0, 0.0),
        (lambda truth: not truth, 0.0, 0.0, 0.0),
        (lambda truth: None, 0.0, 0.0, 0.0),
    ],
    ids=["always yes", "always no", "always right", "always wrong", "always tied"],
)
def test_a_model_of_one_habit_gets_a_wide_interval_never_a_point(
    says, accuracy, pair_accuracy, yes_bias, judge
) -> None:
    few, many = judge(twins(10, says)), judge(twins(160, says))
    expected = {"accuracy": accuracy, "pair_accuracy": pair_accuracy, "yes_bias": yes_bias}
    for name, value in expected.items():
        for found in (few, many):
            assert found[name].value == value
            assert found[name].interval.low <= value <= found[name].interval.high
        assert few[name].interval.high - few[name].interval.low > 0.2
        width = many[name].interval.high - many[name].interval.low
        assert 0 < width < few[name].interval.high - few[name].interval.low


def test_an_odd_one_out_among_unequal_sides_keeps_the_interval_wide(judge) -> None:
    cases = [("only", False, False)] + [(f"p{n}", True, True) for n in range(99)]
    found = judge(cases)["yes_bias"]
    assert found.value == 0.0
    assert found.interval.high - found.interval.low > 1.0


@pytest.mark.parametrize(("first", "second"), list(itertools.product([True, False, None], repeat=2)))
def test_two_claims_of_two_pairs_have_an_interval(first, second, judge) -> None:
    for seed in range(2):
        found = judge([("a", True, first), ("b", False, second)], seed)["yes_bias"]
        assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1
        assert found.interval.high - found.interval.low > 0.5


def test_claims_of_one_side_alone_have_no_yes_bias(judge) -> None:
    found = judge([(f"p{n}", True, True) for n in range(12)])
    assert isinstance(found["yes_bias"], NoEstimate)
    assert (found["yes_bias"].reason, found["yes_bias"].n) == (Reason.EMPTY_DENOMINATOR, 12)
    assert isinstance(found["pair_accuracy"], NoEstimate)
    assert found["pair_accuracy"].reason is Reason.EMPTY_DENOMINATOR
    assert found["accuracy"].value == 1.0


def test_an_unscored_twin_makes_its_pair_unscored_not_wrong(judge) -> None:
    found = judge([*twins(3, lambda truth: truth), ("p9", True, "unscored"), ("p9", False, True)])["pair_accuracy"]
    assert (found.value, found.n, found.n_unscored) == (1.0, 3, 1)


def test_without_a_scored_sample_nothing_is_a_number(judge) -> None:
    unscored, empty = judge(twins(2, lambda _: "unscored")), judge([])
    for found, reason in ((unscored, Reason.NO_SCORED_SAMPLES), (empty, Reason.EMPTY_DENOMINATOR)):
        assert all(isinstance(estimate, NoEstimate) and estimate.reason is reason for estimate in found.values())


def test_very_improbable_labels_are_compared_all_the_same(sample_maker) -> None:
    score = ClaimVerdict().score(sample_maker(is_true=True), [Answer(nats=(-1e5, -1e5 - 1e-3))])
    assert (score.value, score.parts) == (1.0, {"says_true": 1.0})
