"""The statistics of one comparison: the difference of a metric between two sides of the same units."""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct

from auditor import stats
from auditor.scorers.measures import Average, Measure
from auditor.types import Interval


class Joined(Struct, frozen=True, kw_only=True):
    """The same units on two sides: their clusters, and what each adds to the sums that the metric is made from."""

    measure: Measure
    clusters: list[str]
    baseline: stats.Floats
    candidate: stats.Floats

    @property
    def is_mean(self) -> bool:
        """Whether the metric is the mean of one number a unit, over the same units on both sides."""
        same = np.array_equal(self.baseline[:, -1], self.candidate[:, -1])
        return isinstance(self.measure, Average) and same

    @property
    def worth(self) -> int:
        """How many clusters the metric rests on: of the means that it is made from, that with the fewest."""
        counts = np.minimum(self.baseline, self.candidate)[:, -self.measure.n_counts :]
        names = np.asarray(self.clusters, dtype=object)
        return min(len(set(names[column > 0])) for column in counts.T)

    @property
    def values(self) -> tuple[float, float]:
        """The metric over the baseline's and over the candidate's units."""
        one, two = (float(self.measure.value(side.sum(axis=0))) for side in (self.baseline, self.candidate))
        return one, two

    @property
    def width(self) -> float:
        """How wide the metric's range is."""
        return self.measure.key.high - self.measure.key.low

    @property
    def has_sides(self) -> bool:
        """Whether the metric's ideal can be missed to both sides."""
        return self.measure.key.low < self.measure.key.ideal < self.measure.key.high


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a test; see `Compared`."""

    test: Literal["mcnemar-exact", "sign-flip", "swap"]
    interval: Interval
    p: float
    p_side: float | None
    detectable: float | None


def compare_means(joined: Joined, rng: np.random.Generator, level: float, alpha: float) -> Outcome:
    """Return the outcome for a metric that is a mean: exact McNemar for independent pairs of 0 and 1, else sign flips.

    `alpha` is the level that the smallest detectable difference is asked at, in a family of comparisons a share of it.
    """
    clusters, width, ideal = joined.clusters, joined.width, joined.measure.key.ideal
    was, now = joined.baseline[:, 0], joined.candidate[:, 0]
    independent = len(set(clusters)) == len(clusters)
    binary = bool(np.isin(np.concatenate([was, now]), (0.0, 1.0)).all())
    test: Literal["mcnemar-exact", "sign-flip"] = "mcnemar-exact" if independent and binary else "sign-flip"
    if test == "mcnemar-exact":
        p = stats.mcnemar_exact(int(np.count_nonzero(now > was)), int(np.count_nonzero(now < was)))
        interval = stats.paired_interval(now - was, clusters, width=width, level=level)
        detectable = stats.detectable_change(len(was), changed=float(np.mean(now != was)), alpha=alpha)
    else:
        _, interval, p = stats.paired_difference(now, was, clusters, rng=rng, width=width, level=level)
        detectable = _detectable_mean(now - was, clusters, width, alpha)
    p_side = None
    if joined.has_sides and p < 1 - level:  # now − ideal against ideal − was: equally far, to both sides
        reach = 2 * width
        _, _, p_side = stats.paired_difference(now, 2 * ideal - was, clusters, rng=rng, width=reach)
    return Outcome(test=test, interval=interval, p=p, p_side=p_side, detectable=detectable)


def compare_sums(joined: Joined, rng: np.random.Generator, level: float, alpha: float) -> Outcome:
    """Return the outcome for any other function of sums: a paired bootstrap of clusters, and swaps of the two sides.

    Where there is no bootstrap, the interval is Wilson's for as many clusters as the metric rests on, rescaled to the
    range of differences: wide, since it does not know that the sides are paired. `alpha`: see `compare_means`.
    """
    value, width = joined.measure.value, joined.width
    was, now, clusters = joined.baseline, joined.candidate, joined.clusters
    difference, interval, p = stats.paired_sums(now, was, clusters, value, rng=rng, level=level)
    n_clusters = len(set(clusters))
    if interval is None:
        detectable = _scaled(stats.detectable_change(joined.worth, changed=0.0, alpha=alpha), width)
        interval = stats.bounded_interval(difference, joined.worth, low=-width, high=width, level=level)
    else:
        error = stats.standard_error(interval, n_clusters)
        detectable = _within(stats.detectable_mean(error, n_clusters - 1, alpha=alpha), width)
    p_side = None
    if joined.has_sides and p < 1 - level:
        p_side = stats.paired_middle(now, was, clusters, value, rng=rng, null=joined.measure.key.ideal)
    return Outcome(test="swap", interval=interval, p=p, p_side=p_side, detectable=detectable)


def _detectable_mean(differences: stats.Floats, clusters: list[str], width: float, alpha: float) -> float | None:
    """Return the smallest mean difference that is found.

    Where too few clusters changed for their spread to tell, it is the smallest share of clusters that must change, all
    the way and in one direction.
    """
    index = stats.cluster_index(clusters)
    totals = np.bincount(index, weights=differences).astype(np.float64)
    changed = int(np.count_nonzero(totals))
    if changed < stats.LEAST_CLUSTERS:
        return _scaled(stats.detectable_change(len(totals), changed=changed / len(totals), alpha=alpha), width)
    error = stats.clustered_error(totals, np.bincount(index).astype(np.float64))
    return _within(stats.detectable_mean(error, len(totals) - 1, alpha=alpha), width)


def _scaled(share: float | None, width: float) -> float | None:
    return None if share is None else share * width


def _within(effect: float, width: float) -> float | None:
    return effect if effect <= width else None
