"""Two sets of values over the same samples: differences, their intervals, tests, and many tests at once.

A test's p is the chance of data at least as far from no difference, were there none; range 0–1, never 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from auditor.stats.intervals import (
    LEAST_CLUSTERS,
    LEVEL,
    Floats,
    cluster_bootstrap,
    cluster_index,
    proportion_interval,
    student_p,
    student_t,
    telling_clusters,
)
from auditor.types import Interval

Statistic = Callable[[Floats], Floats]
FLIPS = 9999
_AT_ONCE = 101  # a divisor of FLIPS
_EXACT_UP_TO = 13  # clusters: 8,192 ways to give them signs
_ROUNDING = 1e-9


def mcnemar_exact(b: int, c: int) -> float:
    """Return the two-sided p of b pairs that changed one way and c the other; pairs that did not change say nothing.

    Formula: min(1, 2·P(X ≤ min(b, c))), X binomial with b + c trials and chance 1/2; 1 where nothing changed. Every
    pair must be independent of the others. Its error of the first kind is at most what is asked for, mostly less.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12; exact, without mid-p, as in Fagerland, Lydersen & Laake 2013, BMC Medical Research Methodology 13.

    Raises:
        ValueError: a count is negative.

    >>> mcnemar_exact(4, 0), mcnemar_exact(1, 3)  # 2 · 1/16; 2 · (1 + 4)/16
    (0.125, 0.625)
    """
    if min(b, c) < 0:
        raise ValueError(f"need counts, got {b} and {c}")
    n, ways, total = b + c, 1, 0
    for k in range(min(b, c) + 1):
        total += ways
        ways = ways * (n - k) // (k + 1)
    return min(1.0, 2 * total / (1 << n))


def paired_difference(
    first: Floats,
    second: Floats,
    clusters: Sequence[str],
    *,
    rng: np.random.Generator,
    width: float = 1.0,
    level: float = LEVEL,
) -> tuple[float, Interval, float]:
    """Return the mean of first minus second, its interval, and the two-sided p of no difference, for paired values.

    `width` is that of the values' range; the difference and its interval, see `paired_interval`, lie within −width to
    width.

    p: the signs of the D_g, the differences summed up over each cluster, are flipped at random, for without a
    difference each is as probable as the other; p is how often |Σ D_g| is reached, over all ways up to 13 clusters that
    changed, else (1 + hits) / (1 + `FLIPS`). With k of them it cannot be below 2^(1−k): five or fewer show nothing at
    0.05.

    Source: Canay, Romano & Shaikh 2017, "Randomization tests under an approximate symmetry assumption", Econometrica 85
    (signs of whole clusters); Phipson & Smyth 2010, "Permutation p-values should never be zero", Stat. Appl. Genetics
    and Mol. Biology 9.

    Raises:
        ValueError: no pairs, or a difference outside −width to width.

    >>> rng = np.random.default_rng(0)
    >>> value, interval, p = paired_difference(np.ones(4), np.array([0.0, 0, 0, 1]), list("abcd"), rng=rng)
    >>> value, p, interval.method  # 2 of 8 ways to give three clusters signs
    (0.75, 0.25, 'wilson-paired')
    """
    differences = first - second
    interval = paired_interval(differences, clusters, width=width, level=level)
    totals = np.bincount(cluster_index(clusters), weights=differences).astype(np.float64)
    return float(differences.mean()), interval, _sign_flip(totals, rng)


def paired_interval(
    differences: Floats, clusters: Sequence[str], *, width: float = 1.0, level: float = LEVEL
) -> Interval:
    """Return the interval of a mean d of n paired differences, which lie within −width to width.

    Formula: d ± t·√(G/(G−1) · Σ_g (D_g − n_g·d)²) / n, where the differences of cluster g's n_g samples sum up to D_g,
    with Student's t for G − 1 degrees of freedom. Where clusters are fewer than `LEAST_CLUSTERS`, or all but so few
    have the same mean (as none changed), it is made from two shares instead: p of the positive parts of the
    differences over width, within l–u, and p′ of the negative ones, within l′–u′, both by `proportion_interval`:
    width · (p − p′ − √(a² + b² − 2ρab)), a = p − l, b = u′ − p′, up to the same with a = u − p, b = p′ − l′ added. For
    samples of their own ρ = −√(pp′ / (1−p)(1−p′)), the correlation of two shares of one whole; in clusters it may be
    stronger, and −1 is taken.

    Source: Liang & Zeger 1986, "Longitudinal data analysis using generalized linear models", Biometrika 73 (variance of
    a clustered mean); Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions
    based on paired data", Statistics in Medicine 17, and Zou & Donner 2008, "Construction of confidence limits about
    effect measures", Statistics in Medicine 27 (joining two intervals).

    Raises:
        ValueError: no pairs, or a difference outside −width to width.

    >>> found = paired_interval(np.array([1.0, 1, 1, 0]), list("abcd"))
    >>> round(found.low, 3), round(found.high, 3), found.method
    (0.085, 0.954, 'wilson-paired')
    """
    if not len(differences) or not np.abs(differences).max() <= width:  # not: NaN is outside, too
        raise ValueError(f"need at least one pair, and differences within ±{width}")
    if telling_clusters(differences, clusters) < LEAST_CLUSTERS:
        return _joined(differences, clusters, width, level)
    index = cluster_index(clusters)
    totals = np.bincount(index, weights=differences).astype(np.float64)
    return _cluster_t(totals, np.bincount(index).astype(np.float64), width, level)


def paired_sums(
    first: Floats,
    second: Floats,
    clusters: Sequence[str],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    level: float = LEVEL,
) -> tuple[float, Interval | None, float]:
    """Return a statistic of first minus that of second, its interval, and the two-sided p of no difference.

    First and second are numbers of the same units, of shape [units, sums]; `statistic` makes a value of their sums over
    units, of shape [..., sums], NaN where it is undefined.

    Interval: `cluster_bootstrap` over clusters that keep both sides, as they are paired. There is none where it gives
    none, or where fewer than `LEAST_CLUSTERS` clusters differ at all: resamples of so few are far too sure. p: in each
    cluster the two sides are swapped at random, for if they do not differ either is as probable; p is how often the
    difference is reached, as in `paired_difference`, whose p it is where the statistic is a mean. A swap that leaves
    it undefined counts as reaching it.

    Source: Davison & Hinkley 1997, Bootstrap Methods and their Application, §3.8 (clusters) and §4.3 (permutation
    tests); Phipson & Smyth 2010, as in `paired_difference`.

    Raises:
        ValueError: the statistic is undefined on a side.

    >>> sums = lambda *values: np.array([[value, 1.0] for value in values])
    >>> value, interval, p = paired_sums(sums(1, 1, 1, 1), sums(0, 0, 0, 1), list("abcd"),
    ...                                  lambda total: total[..., 0] / total[..., 1], rng=np.random.default_rng(0))
    >>> value, interval, p
    (0.75, None, 0.25)
    """
    one, two = _by_cluster(first, clusters), _by_cluster(second, clusters)
    value = float(statistic(one.sum(axis=0)) - statistic(two.sum(axis=0)))
    if not math.isfinite(value):
        raise ValueError("the statistic is undefined on a side")
    moved = np.abs(one - two).max(axis=1) > _ROUNDING
    interval = None
    if np.count_nonzero(moved) >= LEAST_CLUSTERS:
        interval = _bootstrap(one, two, lambda x, y: float(statistic(x) - statistic(y)), rng, level)
    return value, interval, _swap(one, two, moved, statistic, rng)


def paired_middle(
    first: Floats,
    second: Floats,
    clusters: Sequence[str],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    null: float,
) -> float:
    """Return the two-sided p of a statistic whose mean over first and second is `null`; 1 where it cannot be told.

    Formula: Student's t of (middle − null) / s with G − 1 degrees of freedom; s is half the width of the middle's
    `cluster_bootstrap` over G clusters, over the t of its level. The rest as in `paired_sums`.
    """
    one, two = _by_cluster(first, clusters), _by_cluster(second, clusters)

    def middle(x: Floats, y: Floats) -> float:
        return float(statistic(x) + statistic(y)) / 2

    interval = _bootstrap(one, two, middle, rng, LEVEL)
    if interval is None:
        return 1.0
    away = abs(middle(one.sum(axis=0), two.sum(axis=0)) - null)
    return student_p(away / standard_error(interval, len(one)), len(one) - 1)


def standard_error(interval: Interval, clusters: int) -> float:
    """Return the standard error that an interval of so many clusters stands for: half its width over Student's t.

    >>> round(standard_error(Interval(low=0.0, high=2 * 2.262, level=0.95, method="any"), 10), 3)
    1.0
    """
    return (interval.high - interval.low) / 2 / student_t(interval.level, clusters - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number, in the order given.

    Formula: with m values in ascending order, the j-th becomes max over i ≤ j of min(1, (m − i + 1)·p_i). Rejecting
    those at or below α errs at all, under whatever dependence, with a chance of at most α.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian J. Statistics 6; adjusted
    values as in Wright 1992, "Adjusted p-values for simultaneous inference", Biometrics 48.

    Raises:
        ValueError: a value is outside 0–1.

    >>> holm([0.25, 0.125, 0.5])  # 2 · 0.25, 3 · 0.125, 1 · 0.5
    [0.5, 0.375, 0.5]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("need p values, within 0–1")
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    steps = [min(1.0, (len(order) - step) * p_values[place]) for step, place in enumerate(order)]
    adjusted = dict(zip(order, itertools.accumulate(steps, max), strict=True))
    return [adjusted[place] for place in range(len(p_values))]


def clustered_error(totals: Floats, sizes: Floats) -> float:
    """Return the cluster-robust standard error of a mean, from each cluster's total and size.

    Formula: √(G/(G−1) · Σ_g (D_g − n_g·d)²) / n; see `paired_difference`. At least two clusters.

    >>> clustered_error(np.array([1.0, 0.0]), np.array([1, 1]))
    0.5
    """
    residuals = totals - sizes * (totals.sum() / sizes.sum())
    return math.sqrt(len(sizes) / (len(sizes) - 1) * float(residuals @ residuals)) / float(sizes.sum())


def _by_cluster(numbers: Floats, clusters: Sequence[str]) -> Floats:
    """Return the sums over each cluster, of shape [clusters, sums]."""
    index = cluster_index(clusters)
    return np.stack([np.bincount(index, weights=column) for column in numbers.T], axis=1).astype(np.float64)


def _bootstrap(
    one: Floats,
    two: Floats,
    joined: Callable[[Floats, Floats], float],
    rng: np.random.Generator,
    level: float,
) -> Interval | None:
    """Return the interval of what is made of the sums of both sides, over resamples of their rows, the clusters."""

    def value(rows: npt.NDArray[np.intp]) -> float | None:
        found = joined(one[rows].sum(axis=0), two[rows].sum(axis=0))
        return found if math.isfinite(found) else None

    return cluster_bootstrap([str(number) for number in range(len(one))], value, rng=rng, level=level)


def _cluster_t(totals: Floats, sizes: Floats, width: float, level: float) -> Interval:
    value = float(totals.sum() / sizes.sum())
    half = student_t(level, len(sizes) - 1) * clustered_error(totals, sizes)
    return Interval(low=max(-width, value - half), high=min(width, value + half), level=level, method="cluster-t")


def _joined(differences: Floats, clusters: Sequence[str], width: float, level: float) -> Interval:
    """Return the interval of a mean of differences, from those of its positive and of its negative part."""
    parts = [np.minimum(1.0, np.maximum(0.0, sign * differences / width)) for sign in (1, -1)]
    more, less = (proportion_interval(part, clusters, level=level) for part in parts)
    p, q = (float(part.mean()) for part in parts)
    correlation = -1.0
    if len(set(clusters)) == len(differences):
        correlation = -math.sqrt(p * q / ((1 - p) * (1 - q))) if p < 1 and q < 1 else 0.0

    def joined(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a + b * b - 2 * correlation * a * b))

    low = max(-1.0, p - q - joined(p - more.low, less.high - q))
    high = min(1.0, p - q + joined(more.high - p, q - less.low))
    return Interval(low=width * low, high=width * high, level=level, method="wilson-paired")


def _sign_flip(totals: Floats, rng: np.random.Generator) -> float:
    scale = float(np.abs(totals).max())
    changed = totals[np.abs(totals) > _ROUNDING * scale]
    reach = abs(float(changed.sum())) - _ROUNDING * scale
    if not len(changed):
        return 1.0
    return _share_of_draws(len(changed), lambda draws: np.abs((2 * draws - 1) @ changed) >= reach, rng)


def _swap(
    one: Floats,
    two: Floats,
    moved: npt.NDArray[np.bool_],
    statistic: Statistic,
    rng: np.random.Generator,
) -> float:
    if not moved.any():
        return 1.0
    first, second, step = one.sum(axis=0), two.sum(axis=0), (two - one)[moved]
    away = abs(float(statistic(first) - statistic(second)))

    def reached(draws: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
        shift = draws @ step
        return ~(np.abs(statistic(first + shift) - statistic(second - shift)) < away - _ROUNDING)  # NaN reaches it

    return _share_of_draws(len(step), reached, rng)


def _share_of_draws(
    n: int, reached: Callable[[npt.NDArray[np.int8]], npt.NDArray[np.bool_]], rng: np.random.Generator
) -> float:
    """Return how often an outcome is reached over draws of n zeros and ones: all of them where n is small."""
    if n <= _EXACT_UP_TO:
        every = np.array(list(itertools.product((0, 1), repeat=n)), dtype=np.int8)
        return float(np.mean(reached(every)))
    hits = 0
    for _ in range(FLIPS // _AT_ONCE):
        hits += int(np.count_nonzero(reached(rng.integers(2, size=(_AT_ONCE, n), dtype=np.int8))))
    return (1 + hits) / (1 + FLIPS)
