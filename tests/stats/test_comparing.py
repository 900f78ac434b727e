from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from auditor import stats

SIGNED = st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.25, 1.0])


@st.composite
def paired(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[str]]:
    unit = st.sampled_from([0.0, 0.25, 1.0])
    rows = draw(st.lists(st.tuples(unit, unit, st.sampled_from("abcdefghijklmno")), min_size=1, max_size=40))
    first, second, clusters = zip(*rows, strict=True)
    return np.array(first), np.array(second), list(clusters)


def names(n: int) -> list[str]:
    return [f"c{number}" for number in range(n)]


def compared(first, second, clusters, seed: int = 0, **how):
    return stats.paired_difference(
        np.asarray(first, dtype=float),
        np.asarray(second, dtype=float),
        clusters,
        rng=np.random.default_rng(seed),
        **how,
    )


@settings(deadline=None)
@given(b=st.integers(0, 400), c=st.integers(0, 400))
def test_mcnemar_equals_scipys_binomial_test(b, c) -> None:
    expected = scipy_stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert stats.mcnemar_exact(b, c) == pytest.approx(expected, rel=1e-9)
    assert 0 < stats.mcnemar_exact(b, c) <= 1
    assert stats.mcnemar_exact(b, c) == stats.mcnemar_exact(c, b)


def test_mcnemar_of_many_pairs_is_still_a_number() -> None:
    assert stats.mcnemar_exact(20_000, 20_000) == 1.0
    expected = scipy_stats.binomtest(19_700, 40_000, 0.5).pvalue
    assert stats.mcnemar_exact(20_300, 19_700) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_refuses_what_is_no_count() -> None:
    with pytest.raises(ValueError, match="counts"):
        stats.mcnemar_exact(-1, 3)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_the_step_down_procedure_in_the_order_given(p_values) -> None:
    adjusted = stats.holm(p_values)
    for level in (0.01, 0.05, 0.2):
        left = sorted(range(len(p_values)), key=lambda place: p_values[place])
        rejected = set()
        while left and p_values[left[0]] <= level / len(left):  # the procedure itself, one test after the other
            rejected.add(left.pop(0))
        assert all(adjusted[place] <= level * (1 + 1e-12) for place in rejected)
        assert all(adjusted[place] >= level * (1 - 1e-12) for place in left)
    assert all(p <= found <= 1 for p, found in zip(p_values, adjusted, strict=True))


def test_holm_by_hand_and_its_order() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([]) == []
    with pytest.raises(ValueError, match="p values"):
        stats.holm([0.5, math.nan])


@settings(deadline=None, max_examples=60)
@given(paired())
def test_a_difference_lies_in_its_interval_within_range_and_turns_round_with_its_sides(data) -> None:
    first, second, clusters = data
    value, interval, p = compared(first, second, clusters)
    assert value == pytest.approx(first.mean() - second.mean(), abs=1e-12)
    assert -1 <= interval.low < interval.high <= 1
    assert interval.low - 1e-9 <= value <= interval.high + 1e-9
    assert 0 < p <= 1
    other, turned, _ = compared(second, first, clusters)
    assert (other, turned.low, turned.high) == pytest.approx((-value, -interval.high, -interval.low), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(SIGNED, st.sampled_from("abcdefg")), min_size=1, max_size=20))
def test_p_is_the_share_of_all_signs_that_reach_as_far(rows) -> None:
    differences, clusters = zip(*rows, strict=True)
    totals = [sum(d for d, c in rows if c == name) for name in sorted(set(clusters))]
    reached = [
        abs(sum(sign * total for sign, total in zip(signs, totals, strict=True))) >= abs(sum(totals)) - 1e-12
        for signs in itertools.product((1, -1), repeat=len(totals))
    ]
    _, _, p = compared(differences, [0.0] * len(rows), list(clusters))
    assert p == pytest.approx(sum(reached) / len(reached))


def test_p_of_many_clusters_is_near_the_exact_one_and_never_0() -> None:
    """Signs of ±1 are McNemar's: with 9,999 flips the standard error at 0.04 is 0.002."""
    changes = np.array([1.0] * 30 + [-1.0] * 15 + [0.0] * 55)
    _, _, p = compared(changes, np.zeros(100), names(100))
    assert p == pytest.approx(stats.mcnemar_exact(30, 15), abs=0.006)
    _, _, least = compared(np.ones(100), np.zeros(100), names(100))
    assert least == 1 / 10_000


def test_p_equals_scipys_permutation_test() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.random(12), rng.random(12)
    expected = scipy_stats.permutation_test(
        (first, second), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", vectorized=True
    )
    assert compared(first, second, names(12))[2] == pytest.approx(expected.pvalue, abs=1e-12)


def test_the_same_seed_gives_the_same_and_no_global_state_is_touched() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random(50), rng.random(50)
    state = np.random.get_state()[1].copy()
    assert compared(first, second, names(50), seed=3) == compared(first, second, names(50), seed=3)
    assert compared(first, second, names(50), seed=3)[2] != compared(first, second, names(50), seed=4)[2]
    assert compared(first, second, names(50), seed=3)[:2] == compared(first, second, names(50), seed=4)[:2]
    assert (np.random.get_state()[1] == state).all()


@pytest.mark.parametrize("n", [1, 9, 10, 1000])
def test_values_against_themselves_do_not_differ_but_are_no_proof(n) -> None:
    values = np.arange(n) % 2.0
    value, interval, p = compared(values, values, names(n))
    assert (value, p) == (0.0, 1.0)
    assert interval.high == -interval.low == pytest.approx(stats.wilson(0, n)[1])


def test_of_samples_of_their_own_the_interval_is_student_s() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.random(25), rng.random(25)
    _, interval, _ = compared(first, second, names(25))
    expected = scipy_stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert interval.method == "cluster-t"


def test_samples_of_a_cluster_count_together() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random(20), rng.random(20)
    whole = compared(first, second, names(20))
    repeated = compared(np.repeat(first, 7), np.repeat(second, 7), list(np.repeat(names(20), 7)))
    assert (repeated[1].low, repeated[1].high) == pytest.approx((whole[1].low, whole[1].high), abs=1e-9)
    assert repeated[2] == pytest.approx(whole[2], abs=1e-12)


def test_with_few_changes_two_shares_are_joined_by_hand() -> None:
    """Eight better and two worse of 100: 0.08 within 0.0411–0.1500, 0.02 within 0.0055–0.0700, ρ = −0.04213."""
    changes = np.array([1.0] * 6 + [-1.0] * 2 + [0.0] * 92)
    _, interval, _ = compared(changes, np.zeros(100), names(100))
    more, less = stats.wilson(6, 100), stats.wilson(2, 100)
    rho = -math.sqrt(0.06 * 0.02 / (0.94 * 0.98))
    a, b = 0.06 - more[0], less[1] - 0.02
    assert interval.low == pytest.approx(0.04 - math.sqrt(a * a + b * b - 2 * rho * a * b))
    a, b = more[1] - 0.06, 0.02 - less[0]
    assert interval.high == pytest.approx(0.04 + math.sqrt(a * a + b * b - 2 * rho * a * b))
    assert interval.method == "wilson-paired"


def test_few_clusters_show_nothing_however_large() -> None:
    """Five clusters, every one better: p is 2/32, and the interval takes each for one sample."""
    clusters = list(np.repeat(names(5), 200))
    value, interval, p = compared(np.ones(1000), np.zeros(1000), clusters)
    assert (value, p) == (1.0, 2 / 32)
    assert interval.low == pytest.approx(stats.wilson(5, 5)[0] - stats.wilson(0, 5)[1])


def test_the_width_of_the_range_is_a_matter_of_units() -> None:
    rng = np.random.default_rng(5)
    for n in (6, 30):
        first, second = rng.random(n), rng.random(n)
        one = compared(first, second, names(n))
        wide = compared(4 * first, 4 * second, names(n), width=4.0)
        assert (wide[0], wide[1].low, wide[1].high) == pytest.approx((4 * one[0], 4 * one[1].low, 4 * one[1].high))
        assert wide[2] == one[2]


@pytest.mark.parametrize("values", [[], [math.nan], [0.5, math.inf], [1.5]])
def test_no_pairs_or_one_outside_the_range_is_refused(values) -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        compared(values, [0.0] * len(values), names(len(values)))


def test_a_clustered_error_of_single_samples_is_the_common_one() -> None:
    values = np.random.default_rng(6).random(15)
    assert stats.clustered_error(values, np.ones(15)) == pytest.approx(values.std(ddof=1) / math.sqrt(15))


def mean_of(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def summed(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones(len(values))], axis=1)


def contrast(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 0] / sums[..., 2] - sums[..., 1] / sums[..., 3]


def in_groups(values: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([values * ~second, values * second, ~second, second], axis=1).astype(float)


@settings(deadline=None, max_examples=25)
@given(paired())
def test_paired_sums_of_a_mean_have_the_p_of_the_paired_difference(data) -> None:
    first, second, clusters = data
    expected, _, p = compared(first, second, clusters)
    value, _, swapped = stats.paired_sums(
        summed(first), summed(second), clusters, mean_of, rng=np.random.default_rng(0)
    )
    assert value == pytest.approx(expected, abs=1e-12)
    assert swapped == pytest.approx(p, abs=0.02)


def test_paired_sums_of_few_clusters_equal_every_way_to_swap_them() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.random((6, 4)) + 1, rng.random((6, 4)) + 1
    value, interval, p = stats.paired_sums(one, two, names(6), contrast, rng=rng)
    reached = 0
    for swaps in itertools.product((False, True), repeat=6):
        mask = np.array(swaps)[:, None]
        left, right = np.where(mask, two, one).sum(axis=0), np.where(mask, one, two).sum(axis=0)
        reached += abs(contrast(left) - contrast(right)) >= abs(value) - 1e-12
    assert (interval, p) == (None, pytest.approx(reached / 64))


def test_paired_sums_refuse_a_statistic_that_is_undefined_on_a_side() -> None:
    nobody = np.zeros((4, 4))
    with pytest.raises(ValueError, match="undefined"):
        stats.paired_sums(nobody, nobody + 1, names(4), contrast, rng=np.random.default_rng(0))


def test_equal_sides_have_p_1_and_no_bootstrap() -> None:
    rng = np.random.default_rng(5)
    same = in_groups(rng.random(40), np.arange(40) % 2 == 0)
    assert stats.paired_sums(same, same, names(40), contrast, rng=rng) == (0.0, None, 1.0)


def test_the_middle_of_two_sides_is_told_from_a_value_far_off_and_not_from_its_own() -> None:
    rng = np.random.default_rng(6)
    one, two = (summed((rng.random(200) < share).astype(float)) for share in (0.7, 0.8))
    own = float(mean_of(one.sum(axis=0)) + mean_of(two.sum(axis=0))) / 2
    assert stats.paired_middle(one, two, names(200), mean_of, rng=rng, null=own) == pytest.approx(1.0)
    assert stats.paired_middle(one, two, names(200), mean_of, rng=rng, null=0.5) < 1e-6
    assert stats.paired_middle(one[:5], two[:5], names(5), mean_of, rng=rng, null=0.0) == 1.0


@pytest.mark.parametrize("df", [1, 2, 9, 60, 1000])
@pytest.mark.parametrize("t", [0.0, 0.3, -1.5, 4.0])
def test_students_p_equals_scipys(t: float, df: int) -> None:
    assert stats.student_p(t, df) == pytest.approx(2 * scipy_stats.t.sf(abs(t), df), abs=1e-9)


def test_a_paired_interval_widens_with_its_level() -> None:
    rng = np.random.default_rng(7)
    few = np.where(np.arange(60) < 4, 1.0, 0.0)
    for differences in (few, rng.random(60) - 0.5):
        usual, sure = (stats.paired_interval(differences, names(60), level=level) for level in (0.95, 0.99))
        assert sure.low < usual.low < usual.high < sure.high
        assert (usual.level, sure.level) == (0.95, 0.99)
