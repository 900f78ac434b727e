"""Intervals for proportions, bounded means and differences of them, sound for clustered samples."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from auditor.types import Interval

LEVEL = 0.95
RESAMPLES = 2000
LEAST_CLUSTERS = 10  # with fewer a bootstrap is far too sure
_MANY = 200  # degrees of freedom
_SAME = 1e-9  # values closer than this differ by rounding alone
Floats = npt.NDArray[np.float64]


def wilson(successes: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion.

    Formula: (p + z²/2n ± z·sqrt(p(1−p)/n + z²/4n²)) / (1 + z²/n), p = successes / n.
    Range 0–1. `n` may be an effective (fractional) sample size.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.

    Raises:
        ValueError: n is not positive, or successes is outside 0–n.

    >>> [round(x, 4) for x in wilson(5, 10)]
    [0.2366, 0.7634]
    """
    if not n > 0 or not 0 <= successes <= n:
        raise ValueError(f"need 0 <= successes <= n and n > 0, got {successes} of {n}")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if successes == n else min(1.0, (centre + half) / scale)
    return low, high


@functools.lru_cache
def student_t(level: float, df: int) -> float:
    """Return the t within which Student's distribution with `df` degrees of freedom holds `level` of its mass.

    Exact to 1e-9 up to 200 degrees of freedom, then to 1e-4 at a level of 0.95 and to 3e-4 at 0.99.

    Source: Abramowitz & Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4, solved by bisection; 26.7.5
    (first term) above.

    >>> round(student_t(0.95, 1), 3), round(student_t(0.95, 10), 3), round(student_t(0.95, 10_000), 2)
    (12.706, 2.228, 1.96)
    """
    if df > _MANY:
        z = NormalDist().inv_cdf(0.5 + level / 2)
        return z + (z**3 + z) / (4 * df)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if _student_mass(angle, df) < level else (low, angle)
    return math.sqrt(df) * math.tan(low)


def student_p(t: float, df: int) -> float:
    """Return the chance that Student's t with `df` degrees of freedom is at least as far from 0 as `t`; 0–1.

    Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.

    >>> round(student_p(12.706, 1), 4), round(student_p(-2.228, 10), 4), student_p(0.0, 3)
    (0.05, 0.05, 1.0)
    """
    return min(1.0, max(0.0, 1 - _student_mass(math.atan(abs(t) / math.sqrt(df)), df)))


def _student_mass(angle: float, df: int) -> float:
    """Return P(|T| < √df · tan(angle))."""
    square = math.cos(angle) ** 2
    term, total = math.cos(angle) if df % 2 else 1.0, 0.0
    for power in range(df % 2, df - 1, 2):
        total += term
        term *= square * (power + 1) / (power + 2)
    return (angle + math.sin(angle) * total) * 2 / math.pi if df % 2 else math.sin(angle) * total


def effective_n(values: Floats, clusters: Sequence[str]) -> float:
    """Return the number of independent samples that a clustered mean is worth.

    Formula: n / deff · (t_{n−1} / t_{k−1})², deff = max(1, cluster-robust variance of the mean / (s²/n)); the
    cluster-robust variance is G/(G−1) · Σ_g (Σ_{i∈g} (x_i − x̄))² / n², over G clusters. t is Student's, for the
    variance is itself estimated; k is the number of clusters that hold more than the least value, or less than the
    greatest, whichever are fewer: of a rate near 0 or 1 only they tell how far clusters agree. It is not cut below
    the lesser of n / deff and n² / Σ n_g², what the samples are worth if those of a cluster never differ; that counts
    where the values do not vary, too. At least 1, at most n; n without clusters.

    Source: Kish 1965, Survey Sampling, §5.4 (design effect); Korn & Graubard 1998, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", Survey Methodology 24 (the
    factor of t). Differs in k, which is the number of clusters there, and in the lower bound.

    >>> effective_n(np.array([1.0, 1.0, 0.0, 0.0]), ["a", "a", "b", "b"])
    1.3333333333333333
    """
    n = len(values)
    index = cluster_index(clusters)
    sizes = np.bincount(index)
    if len(sizes) == n:
        return float(n)
    whole = n**2 / float(sizes @ sizes)
    if len(sizes) < 2 or np.ptp(values) == 0:
        return whole
    residuals = np.ldexp(values - values.mean(), -math.frexp(np.ptp(values))[1])  # else tiny squares would be 0
    totals = np.bincount(index, weights=residuals)
    clustered = len(sizes) / (len(sizes) - 1) * float(totals @ totals) / n**2
    simple = float(residuals @ residuals) / (n - 1) / n
    found = n / min(max(1.0, clustered / simple), float(n))
    df = min(len(np.unique(index[some])) for some in (values > values.min(), values < values.max())) - 1
    sure = (student_t(LEVEL, n - 1) / student_t(LEVEL, df)) ** 2 if df else 0.0
    return max(found * sure, min(found, whole))


def proportion_interval(values: Floats, clusters: Sequence[str], *, level: float = LEVEL) -> Interval:
    """Return an interval for the mean of values in 0–1, sound also at 0, at 1 and for clustered samples.

    Wilson's interval on the effective sample size. For values strictly between 0 and 1 it is conservative, since
    their variance is at most p(1−p) (Bhatia & Davis 2000, Amer. Math. Monthly 107).

    Source: Dean & Pagano 2015, "Evaluating confidence interval methods for binomial proportions in clustered
    surveys", J. Survey Statistics and Methodology 3 (modified Wilson); differs in the degenerate case, see
    `effective_n`.

    Raises:
        ValueError: no values, or one outside 0–1.
    """
    _check_range(values, low=0.0, high=1.0)
    n = effective_n(values, clusters)
    low, high = wilson(min(float(values.mean()) * n, n), n, level=level)
    clustered = len(set(clusters)) < len(values)
    return Interval(low=low, high=high, level=level, method="wilson-clustered" if clustered else "wilson")


def bounded_mean_interval(
    values: Floats, clusters: Sequence[str], *, low: float, high: float, rng: np.random.Generator
) -> Interval:
    """Return an interval for the mean of values within `low`–`high`: cluster bootstrap, Wilson where there is none.

    Where the bootstrap would be too sure, because all clusters but a few (`LEAST_CLUSTERS`) have the same mean, the
    values are rescaled to 0–1 and given `proportion_interval`, which stays wide.

    Raises:
        ValueError: no values, or one outside the range.
    """
    _check_range(values, low=low, high=high)
    if telling_clusters(values, clusters) >= LEAST_CLUSTERS:
        found = cluster_bootstrap(clusters, lambda rows: float(values[rows].mean()), rng=rng)
        if found:
            return found
    unit = proportion_interval((values - low) / (high - low), clusters)
    return _rescaled(unit, low=low, high=high)


def bounded_interval(value: float, n: float, *, low: float, high: float, level: float = LEVEL) -> Interval:
    """Return Wilson's interval for a value within `low`–`high`, rescaled, as if it were the mean of `n` samples.

    Conservative when the value's variance is at most that of a mean of `n` values in the range.

    >>> interval = bounded_interval(0.0, 10, low=-1.0, high=1.0)
    >>> round(interval.low, 4), round(interval.high, 4)
    (-0.5268, 0.5268)
    """
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    unit_low, unit_high = wilson(share * n, n, level=level)
    return _rescaled(Interval(low=unit_low, high=unit_high, level=level, method="wilson"), low=low, high=high)


def _rescaled(unit: Interval, *, low: float, high: float) -> Interval:
    return Interval(
        low=low + unit.low * (high - low),
        high=low + unit.high * (high - low),
        level=unit.level,
        method=f"{unit.method}-rescaled",
    )


def cluster_bootstrap(
    clusters: Sequence[str],
    statistic: Callable[[npt.NDArray[np.intp]], float | None],
    *,
    rng: np.random.Generator,
    level: float = LEVEL,
) -> Interval | None:
    """Return the expanded percentile interval of a statistic over resamples of whole clusters.

    Formula: the quantiles Φ(±t·√(G/(G−1))) of the statistic over resamples of G clusters; t is Student's, with G − 1
    degrees of freedom. It is what a plain percentile interval lacks when there are few clusters.

    `statistic` gets row numbers (with repeats) and returns its value, or None where it is undefined on that resample;
    undefined resamples are left out. There is no interval, and None is returned, when there are fewer than
    `LEAST_CLUSTERS` clusters, when more than half of the resamples are undefined, or when the interval is a point: a
    resample that cannot differ tells nothing of how sure the value is.

    Source: Davison & Hinkley 1997, Bootstrap Methods and their Application, §3.8 (resampling of clusters); Hesterberg
    2015, "What teachers should know about the bootstrap", The American Statistician 69 (expanded percentiles).
    """
    index = cluster_index(clusters)
    rows_by_cluster = np.argsort(index, kind="stable")
    sizes = np.bincount(index)
    starts = np.cumsum(sizes) - sizes
    if len(sizes) < LEAST_CLUSTERS:
        return None
    found = []
    for draw in rng.integers(len(sizes), size=(RESAMPLES, len(sizes))):
        drawn = sizes[draw]
        shifts = starts[draw] - (np.cumsum(drawn) - drawn)  # from a place in the resample to one in rows_by_cluster
        found.append(statistic(rows_by_cluster[np.arange(drawn.sum()) + np.repeat(shifts, drawn)]))
    defined = [value for value in found if value is not None]
    if len(defined) * 2 < RESAMPLES:
        return None
    tail = NormalDist().cdf(-student_t(level, len(sizes) - 1) * math.sqrt(len(sizes) / (len(sizes) - 1)))
    low, high = np.quantile(defined, [tail, 1 - tail])
    if math.isclose(low, high, abs_tol=_SAME):
        return None
    return Interval(low=float(low), high=float(high), level=level, method="cluster-bootstrap")


def difference_interval(
    first: Floats,
    first_clusters: Sequence[str],
    second: Floats,
    second_clusters: Sequence[str],
    *,
    rng: np.random.Generator,
    level: float = LEVEL,
) -> Interval:
    """Return an interval for the difference of two means of values in 0–1, first minus second, within −1 to 1.

    Cluster bootstrap over the clusters of both sides, so that a cluster which reaches into both counts as a pair. Where
    there is none, or all clusters of a side but a few (`LEAST_CLUSTERS`) have the same mean, the two proportion
    intervals (p₁: l₁–u₁, p₂: l₂–u₂) are joined:
    d − sqrt((p₁−l₁)² + (u₂−p₂)²) to d + sqrt((u₁−p₁)² + (p₂−l₂)²), d = p₁ − p₂.

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17, method 10; differs in that clustered samples count by their effective number.

    Raises:
        ValueError: a side without values, or one outside 0–1.

    >>> rng = np.random.default_rng(0)
    >>> found = difference_interval(np.ones(2), ["a", "b"], np.zeros(2), ["c", "d"], rng=rng)
    >>> round(found.low, 3), found.high
    (0.07, 1.0)
    """
    values = np.concatenate([first, second])
    is_first = np.arange(len(values)) < len(first)
    one = proportion_interval(first, first_clusters, level=level)
    two = proportion_interval(second, second_clusters, level=level)

    def gap(rows: npt.NDArray[np.intp]) -> float | None:
        side, drawn = is_first[rows], values[rows]
        n = int(np.count_nonzero(side))
        if not 0 < n < len(rows):
            return None
        total = float(drawn @ side)
        return total / n - (float(drawn.sum()) - total) / (len(rows) - n)

    telling = min(telling_clusters(first, first_clusters), telling_clusters(second, second_clusters))
    if telling >= LEAST_CLUSTERS:
        found = cluster_bootstrap([*first_clusters, *second_clusters], gap, rng=rng, level=level)
        if found:
            return found
    p, q = float(first.mean()), float(second.mean())
    low = p - q - math.hypot(p - one.low, two.high - q)
    high = p - q + math.hypot(one.high - p, q - two.low)
    return Interval(low=max(-1.0, low), high=min(1.0, high), level=level, method="newcombe")


def cluster_index(clusters: Sequence[str]) -> npt.NDArray[np.intp]:
    """Return the number of each sample's cluster, counted from 0 in order of their names."""
    _, index = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    return index


def telling_clusters(values: Floats, clusters: Sequence[str]) -> int:
    """Return the number of clusters, those with the commonest mean (up to rounding) counted once."""
    index = cluster_index(clusters)
    means = np.bincount(index, weights=values) / np.bincount(index)
    _, counts = np.unique(np.round(means / _SAME), return_counts=True)
    return len(means) - int(counts.max()) + 1


def _check_range(values: Floats, *, low: float, high: float) -> None:
    if len(values) == 0 or not (low <= values.min() and values.max() <= high):  # not: NaN is outside, too
        raise ValueError(f"need at least one value, all within {low}–{high}")
