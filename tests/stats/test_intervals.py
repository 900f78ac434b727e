from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from auditor import stats

UNIT = st.floats(0, 1, allow_subnormal=False)


@st.composite
def clustered(draw: st.DrawFn, values: st.SearchStrategy[float] = UNIT) -> tuple[np.ndarray, list[str]]:
    rows = draw(st.lists(st.tuples(values, st.sampled_from("abcdefgh")), min_size=1, max_size=30))
    return np.array([value for value, _ in rows]), [cluster for _, cluster in rows]


def naive_bootstrap(values, clusters, draws) -> list[float]:
    names = sorted(set(clusters))
    members = [[v for v, c in zip(values, clusters, strict=True) if c == name] for name in names]
    means = []
    for draw in draws:
        resample = [value for number in draw for value in members[number]]
        means.append(math.fsum(resample) / len(resample))
    return means


def mean_of(values):
    return lambda rows: float(values[rows].mean())


@pytest.mark.parametrize("n", [1, 2, 7, 30, 1000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_wilson_equals_scipy(n, level) -> None:
    for successes in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        expected = scipy_stats.binomtest(successes, n).proportion_ci(level, method="wilson")
        assert stats.wilson(successes, n, level=level) == pytest.approx((expected.low, expected.high), abs=1e-12)


@settings(deadline=None)
@given(n=st.floats(1, 1e6), share=UNIT)
def test_wilson_contains_the_share_within_0_and_1_and_is_no_point(n, share) -> None:
    successes = min(share * n, n)
    low, high = stats.wilson(successes, n)
    assert 0 <= low < high <= 1
    assert low - 1e-12 <= successes / n <= high + 1e-12


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5), (math.nan, 5), (1, math.nan)])
def test_wilson_refuses_what_is_no_share(successes, n) -> None:
    with pytest.raises(ValueError, match="successes"):
        stats.wilson(successes, n)


def test_effective_n_by_hand() -> None:
    # Residuals ±1/2; cluster totals 1, −1; robust variance 2/1 · (1 + 1) / 16 = 1/4; simple 1/3/4 = 1/12: deff 3.
    assert stats.effective_n(np.array([1.0, 1, 0, 0]), list("aabb")) == pytest.approx(4 / 3)
    # Residuals of the mean 1/2; totals 1, 0, −1; robust 3/2 · 2 / 36 = 1/12; simple 1.5/5/6 = 1/20: deff 5/3, n/deff
    # 3.6. Two clusters hold a 1 and two a 0: (t₅/t₁)² = (2.571/12.706)² = 0.041, so that each cluster counts once.
    assert stats.effective_n(np.array([1.0, 1, 1, 0, 0, 0]), list("aabbcc")) == 3
    # Opposite values in every cluster: totals 0; a design effect below 1 is taken for 1.
    alternating, clusters = np.array([1.0, 0] * 12), [str(n // 2) for n in range(24)]
    assert stats.effective_n(alternating, clusters) == pytest.approx(24 * (2.068658 / 2.200985) ** 2)


def test_of_a_rare_event_in_few_clusters_no_more_is_known_than_each_cluster_tells_once() -> None:
    clusters = [f"c{n // 10}" for n in range(500)]
    one, spread = np.zeros(500), np.zeros(500)
    one[0] = 1
    spread[::25] = 1
    assert stats.effective_n(one, clusters) == pytest.approx(50)
    assert 50 < stats.effective_n(spread, clusters) < 500
    assert stats.effective_n(1 - one, clusters) == pytest.approx(50)


def test_uneven_clusters_that_never_differ_inside_count_by_their_sizes() -> None:
    assert stats.effective_n(np.ones(12), list("aaaaaaaaabcd")) == pytest.approx(144 / 84)


@pytest.mark.parametrize("level", [0.5, 0.6, 0.95, 0.99])
@pytest.mark.parametrize("df", [1, 2, 3, 8, 9, 50, 199, 200, 201, 5000])
def test_student_t_equals_scipys(level, df) -> None:
    tolerance = 1e-8 if df <= 200 else 1e-4
    assert stats.student_t(level, df) == pytest.approx(scipy_stats.t.ppf(0.5 + level / 2, df), rel=tolerance)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 0.7, 1.0])
def test_equal_values_count_once_a_cluster(value) -> None:
    assert stats.effective_n(np.full(12, value), list("aaaabbbbcccc")) == 3
    assert stats.effective_n(np.full(6, value), ["a"] * 6) == 1


@pytest.mark.parametrize("scale", [5e-324, 1e-200, 1e150])
def test_effective_n_does_not_depend_on_the_scale_of_values_whose_squares_are_no_numbers(scale) -> None:
    values, clusters = np.array([0.0, 0, 1, 1, 0, 1]), list("aabbcd")
    assert stats.effective_n(values * scale, clusters) == pytest.approx(stats.effective_n(values, clusters))


@settings(deadline=None, max_examples=50)
@given(clustered())
def test_effective_n_lies_between_one_and_the_number_of_values(data) -> None:
    values, clusters = data
    assert 1 <= stats.effective_n(values, clusters) <= len(values)
    assert stats.effective_n(values, [str(n) for n in range(len(values))]) == len(values)


@settings(deadline=None, max_examples=50)
@given(clustered())
def test_a_proportion_interval_contains_the_mean_within_0_and_1_and_is_no_point(data) -> None:
    values, clusters = data
    interval = stats.proportion_interval(values, clusters)
    assert 0 <= interval.low < interval.high <= 1
    assert interval.low - 1e-12 <= values.mean() <= interval.high + 1e-12
    assert interval.method == ("wilson-clustered" if len(set(clusters)) < len(values) else "wilson")


@settings(deadline=None, max_examples=50)
@given(clustered())
def test_the_order_of_the_samples_does_not_matter(data) -> None:
    values, clusters = data
    turned = stats.proportion_interval(values[::-1], clusters[::-1])
    there = stats.proportion_interval(values, clusters)
    assert (turned.low, turned.high) == pytest.approx((there.low, there.high), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(clustered(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0])), st.integers(0, 2**32))
def test_a_bounded_interval_contains_the_mean_stays_in_range_and_is_no_point(data, seed) -> None:
    values, clusters = data
    rng = np.random.default_rng(seed)
    interval = stats.bounded_mean_interval(values, clusters, low=-1.0, high=1.0, rng=rng)
    assert -1 <= interval.low < interval.high <= 1
    assert interval.low - 1e-9 <= values.mean() <= interval.high + 1e-9


@pytest.mark.parametrize(
    ("values", "clusters"),
    [([1.0] * 5, "abcde"), ([0.3] * 4, "aabb"), ([1.0, -1.0] * 6, "aabbccddeeff"), ([0.1, 0.3, 0.3, 0.1], "aabb")],
    ids=["all at the end", "all equal", "clusters balance out", "cluster means equal but for rounding"],
)
def test_where_a_bootstrap_would_be_a_point_wilson_stays_wide(values, clusters) -> None:
    rng = np.random.default_rng(0)
    array = np.array(values)
    assert stats.cluster_bootstrap(list(clusters), mean_of(array), rng=rng) is None
    interval = stats.bounded_mean_interval(array, list(clusters), low=-1.0, high=1.0, rng=rng)
    assert interval.method.endswith("-rescaled")
    assert interval.high - interval.low > 0.4
    assert interval.low <= array.mean() <= interval.high


@settings(deadline=None, max_examples=50)
@given(share=UNIT, n=st.floats(1, 1e5), low=st.floats(-5, 0), width=st.floats(0.5, 9))
def test_a_rescaled_wilson_is_wilson_on_another_scale(share, n, low, width) -> None:
    interval = stats.bounded_interval(low + share * width, n, low=low, high=low + width)
    expected = stats.wilson(min(share * n, n), n)
    got = ((interval.low - low) / width, (interval.high - low) / width)
    assert got == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("values", [[], [math.nan], [0.5, math.nan], [-0.1], [0.5, 1.1], [math.inf]])
def test_no_values_or_one_outside_the_range_is_refused(values) -> None:
    array, clusters = np.array(values), [str(n) for n in range(len(values))]
    with pytest.raises(ValueError, match="at least one value"):
        stats.proportion_interval(array, clusters)
    with pytest.raises(ValueError, match="at least one value"):
        stats.bounded_mean_interval(array, clusters, low=0.0, high=1.0, rng=np.random.default_rng(0))


def uneven_clusters(seed: int) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    clusters = [f"c{number}" for number in range(12) for _ in range(int(rng.integers(1, 6)))]
    order = rng.permutation(len(clusters))
    return rng.normal(size=len(clusters)), [clusters[place] for place in order]


@pytest.mark.parametrize("seed", range(3))
def test_the_bootstrap_equals_a_naive_one_over_the_same_draws(seed) -> None:
    values, clusters = uneven_clusters(seed)
    got = stats.cluster_bootstrap(clusters, mean_of(values), rng=np.random.default_rng(seed), level=0.9)
    draws = np.random.default_rng(seed).integers(12, size=(stats.RESAMPLES, 12))
    tail = scipy_stats.norm.cdf(-scipy_stats.t.ppf(0.95, 11) * math.sqrt(12 / 11))
    expected = np.quantile(naive_bootstrap(values, clusters, draws), [tail, 1 - tail])
    assert got is not None
    assert (got.low, got.high) == pytest.approx(tuple(expected), abs=1e-12)
    assert (got.method, got.level) == ("cluster-bootstrap", 0.9)


def test_where_all_clusters_but_a_few_agree_there_is_no_bootstrap() -> None:
    clusters = [f"c{n}" for n in range(100)]
    rng = np.random.default_rng(0)
    for changed, method in ((8, "wilson-rescaled"), (9, "cluster-bootstrap")):
        values = np.zeros(100)
        values[:changed] = 0.5
        assert stats.bounded_mean_interval(values, clusters, low=-1.0, high=1.0, rng=rng).method == method
        second = np.arange(100) % 2.0
        gap = stats.difference_interval(2 * values, clusters, second, clusters, rng=rng)
        assert gap.method == method.replace("wilson-rescaled", "newcombe")


def test_the_bootstrap_is_the_same_for_a_seed_and_differs_between_seeds() -> None:
    values, clusters = uneven_clusters(0)

    def run(seed: int):
        return stats.cluster_bootstrap(clusters, mean_of(values), rng=np.random.default_rng(seed))

    state = np.random.get_state()[1].copy()
    assert run(1) == run(1)
    assert run(1) != run(2)
    assert (np.random.get_state()[1] == state).all()


def test_the_bootstrap_gives_whole_clusters_to_the_statistic() -> None:
    clusters = list("abacbbd")
    seen: list[list[int]] = []
    stats.cluster_bootstrap(clusters, lambda rows: seen.append(rows.tolist()), rng=np.random.default_rng(0))
    sizes = {name: clusters.count(name) for name in "abcd"}
    for rows in seen:
        counts = {name: sum(clusters[row] == name for row in rows) for name in "abcd"}
        assert sum(counts[name] / sizes[name] for name in "abcd") == 4
        assert all(rows.count(row) * sizes[clusters[row]] == counts[clusters[row]] for row in rows)


def test_with_few_clusters_or_mostly_undefined_resamples_there_is_no_bootstrap() -> None:
    values = np.arange(6.0)
    few = list("abcdefghi")
    assert stats.cluster_bootstrap(few, mean_of(np.arange(9.0)), rng=np.random.default_rng(0)) is None
    assert stats.cluster_bootstrap([*few, "j"], mean_of(np.arange(10.0)), rng=np.random.default_rng(0)) is not None
    assert stats.cluster_bootstrap(["a"] * 6, mean_of(values), rng=np.random.default_rng(0)) is None

    def defined_every(step: int):
        calls = iter(range(stats.RESAMPLES))
        return lambda rows: float(rows.mean()) if next(calls) % step == 0 else None

    assert stats.cluster_bootstrap(list("abcdefghij"), defined_every(3), rng=np.random.default_rng(0)) is None
    assert stats.cluster_bootstrap(list("abcdefghij"), defined_every(2), rng=np.random.default_rng(0)) is not None


def test_the_interval_of_a_difference_is_newcombes_where_there_are_few_clusters() -> None:
    rng = np.random.default_rng(0)
    first, second = np.array([1.0] * 5 + [0.0] * 2), np.array([1.0] * 2 + [0.0] * 6)
    found = stats.difference_interval(first, list("aabbccd"), second, list("eeffgghh"), rng=rng)
    assert found.method == "newcombe"
    one, two = (
        stats.proportion_interval(values, list(clusters))
        for values, clusters in ((first, "aabbccd"), (second, "eeffgghh"))
    )
    p, q = 5 / 7, 2 / 8
    assert found.low == pytest.approx(p - q - ((p - one.low) ** 2 + (two.high - q) ** 2) ** 0.5)
    assert found.high == pytest.approx(min(1.0, p - q + ((one.high - p) ** 2 + (q - two.low) ** 2) ** 0.5))


def test_the_interval_of_a_difference_turns_round_with_its_sides() -> None:
    first, second = np.ones(12), np.zeros(12)
    clusters = [f"c{n}" for n in range(12)]
    one = stats.difference_interval(first, clusters, second, clusters, rng=np.random.default_rng(0))
    other = stats.difference_interval(second, clusters, first, clusters, rng=np.random.default_rng(0))
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.low < 1.0, "no data are so sure"
