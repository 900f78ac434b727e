"""What metrics are made of: for each unit, numbers that are summed up, and the metric as a function of the sums.

A scorer says once, in `measures`, over which samples each of its metrics goes and what of a score it takes. The metric
and its interval follow from that, and so does how two records are compared unit by unit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from auditor.scorers.base import Estimate, NoEstimate, Samples, gap_estimate, mean_estimate, scored
from auditor.types import MetricKey, Sample, Score

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Part = Callable[[Sample, Score], float | None]


class Unit(Struct, frozen=True, kw_only=True):
    """One of what a metric is made of, mostly a sample. `sums` are the numbers that it adds to the metric's sums.

    The last of these, one for each mean that the metric is made from, count the unit in it: 1, or 0 where it is not in.
    """

    name: str
    cluster: str
    sums: tuple[float, ...]


class Measure(ABC):
    """A metric over some samples. `n_counts` is how many of a unit's sums, the last ones, are counts."""

    n_counts = 1

    def __init__(self, key: MetricKey) -> None:
        self.key = key

    @abstractmethod
    def units(self) -> list[Unit]:
        """Return the units that can be counted; those of samples without a score are left out."""

    @abstractmethod
    def value(self, sums: Floats) -> Floats:
        """Return the metric from the units' sums, of shape [..., sums], NaN where it is undefined."""

    @abstractmethod
    def estimate(self, rng: np.random.Generator) -> Estimate | NoEstimate:
        """Return the metric with its interval, or why it has no value."""


class OneGroup(Measure):
    """A metric over one group of samples."""

    def __init__(self, key: MetricKey, samples: Samples) -> None:
        super().__init__(key)
        self.samples = samples


class Average(OneGroup):
    """A metric that is the mean of one number a unit."""

    def value(self, sums: Floats) -> Floats:
        """Return the mean, from the sum of the numbers and their count."""
        return _over(sums[..., 0], sums[..., 1])


class Mean(Average):
    """The mean of a part of the scores, over the samples where the part is not None; see `mean_estimate`."""

    def __init__(self, key: MetricKey, samples: Samples, part: Part) -> None:
        super().__init__(key, samples)
        self.part = part

    def units(self) -> list[Unit]:
        """Return a unit for each scored sample; one without the part adds nothing."""
        return [
            Unit(name=sample.id, cluster=sample.cluster, sums=_counted(self.part(sample, score)))
            for sample, score in scored(self.samples)
        ]

    def estimate(self, rng: np.random.Generator) -> Estimate | NoEstimate:
        """Return the mean and its interval."""
        return mean_estimate(self.key, self.samples, self.part, rng)


class TwoMeans(Measure):
    """A metric made from two means of a part of the scores, over two groups of samples that share none."""

    n_counts = 2

    def __init__(self, key: MetricKey, first: Samples, second: Samples, part: Callable[[Sample, Score], float]) -> None:
        super().__init__(key)
        self.first = first
        self.second = second
        self.part = part

    def units(self) -> list[Unit]:
        """Return a unit for each scored sample of either group."""
        found = []
        for place, rows in enumerate((self.first, self.second)):
            for sample, score in scored(rows):
                sums = [0.0, 0.0, 0.0, 0.0]
                sums[place], sums[2 + place] = self.part(sample, score), 1.0
                found.append(Unit(name=sample.id, cluster=sample.cluster, sums=tuple(sums)))
        return found

    def value(self, sums: Floats) -> Floats:
        """Return what the two means make."""
        return self.joined(_over(sums[..., 0], sums[..., 2]), _over(sums[..., 1], sums[..., 3]))

    @abstractmethod
    def joined(self, first: Floats, second: Floats) -> Floats:
        """Return the metric from the means of the two groups."""


class Gap(TwoMeans):
    """The mean over the first group minus that over the second; see `gap_estimate`."""

    def joined(self, first: Floats, second: Floats) -> Floats:
        """Return the difference."""
        return first - second

    def estimate(self, rng: np.random.Generator) -> Estimate | NoEstimate:
        """Return the gap and its interval."""
        return gap_estimate(self.key, self.first, self.second, self.part, rng)


def sums_of(units: Sequence[Unit]) -> Floats:
    """Return the sums of at least one unit as an array of shape [units, sums]."""
    import numpy as np

    return np.array([unit.sums for unit in units], dtype=np.float64)


def _counted(value: float | None) -> tuple[float, float]:
    return (0.0, 0.0) if value is None else (value, 1.0)


def _over(total: Floats, count: Floats) -> Floats:
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(count > 0, total / count, np.nan), dtype=np.float64)
