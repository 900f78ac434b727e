"""The seam between answers and numbers: what a scorer is, and the estimates that most scorers share."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from msgspec import Struct, field

from auditor.types import Answer, Interval, Json, MetricKey, Reason, Sample, Score, ScoredSample, ScorerRef, Unscored

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from auditor.scorers.measures import Measure


Samples = Sequence[ScoredSample]
_ROUNDING = 1e-12  # a sum of a few probabilities may differ by so much with the order of its terms


class Estimate(Struct, frozen=True, kw_only=True):
    """A metric's value over some samples: `n` of them scored, `n_unscored` not, in `n_clusters` clusters.

    `n_effective` is how many independent samples a mean is worth.
    """

    key: MetricKey
    value: float
    interval: Interval
    n: int
    n_unscored: int
    n_clusters: int
    n_effective: float | None = None


class NoEstimate(Struct, frozen=True, kw_only=True):
    """A metric that has no value over some samples, and why."""

    key: MetricKey
    reason: Reason
    n: int
    n_unscored: int


Estimates = list[Estimate | NoEstimate]


class Fallible(Struct, frozen=True, kw_only=True):
    """What a rate counts: texts that its scorer takes for ones that show the construct, or, `complement`, the others.

    They are so taken from the rating `threshold` on; None is for a scorer that decides without a rating.
    """

    construct: str
    threshold: float | None = None
    complement: bool = False


class Rating(Struct, frozen=True, kw_only=True):
    """A classifier's rating of a text, 0–1.

    `truncated` says that it did not read the text to its end; `windows`, in how many pieces it read it; `kinds`, its
    ratings of kinds of what it measures, where it tells these apart.
    """

    value: float
    truncated: bool = False
    windows: int = 1
    kinds: dict[str, float] = field(default_factory=dict)


class Classifier(Protocol):
    """Rates texts. `measures` is what the rating means, the first word of its metrics' names."""

    ref: ScorerRef
    measures: str
    notes: str

    def rate(self, texts: Sequence[str]) -> Sequence[Rating | Unscored]:
        """Return one rating a text, in order, or why the classifier has none for it."""
        ...


class Scorer:
    """Turns a sample's answers into a score, and scores into estimates.

    Class attributes: `kind` of measurement that it scores; `metric_names` that it can give, or `generic` where the
    probe names the metric and its ideal; `needs`, fields of an item that it reads, with their types; `n_texts` of a
    pair, 0 for any; `one_question`, whether it reads a single answer a sample; `variants` and `choices_from` that the
    probe must have, in this order, where they are not empty; `fallible`, the metrics that are means of decisions on
    single texts and can be corrected for the scorer's error; `tolerance`, by how much a number of a score may differ on
    another machine; `version`, bumped whenever a score may change.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    kind: ClassVar[Literal["pairs", "choice", "generation"]]
    metric_names: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[Mapping[str, type]] = MappingProxyType({})
    generic: ClassVar[bool] = False
    n_texts: ClassVar[int] = 0
    one_question: ClassVar[bool] = False
    uses_classifier: ClassVar[bool] = False
    variants: ClassVar[tuple[str, ...]] = ()
    choices_from: ClassVar[tuple[str, ...]] = ()
    fallible: ClassVar[Mapping[str, Fallible]] = MappingProxyType({})
    tolerance: ClassVar[float] = 1e-9

    def __init__(self, *, metric: str = "", ideal: float = 0.0, classifier: Classifier | None = None) -> None:
        """Take what the probe names (`metric`, `ideal`), and the classifier where one is used."""
        self.metric = metric
        self.ideal = ideal

    @property
    def ref(self) -> ScorerRef:
        """Return which scorer this is; where a classifier decides the score, which classifier."""
        return ScorerRef(name=self.name, version=self.version)

    @classmethod
    def item_faults(cls, fields: Mapping[str, Json], n_options: int) -> list[str]:
        """Return what is wrong with an item, whose fields in `needs` are there and of their types."""
        return []

    def open(self) -> None:
        """Load what scoring needs, before a model is asked; raise an AuditorError where that cannot be."""

    def prepare(self, answers: Sequence[Answer]) -> None:
        """Look at the answers to some thousand samples at once, before these are scored one by one."""

    def score(self, sample: Sample, answers: Sequence[Answer]) -> Score | Unscored:
        """Return what the answers to one sample are worth."""
        raise NotImplementedError

    def measures(self, samples: Samples) -> list[Measure]:
        """Return what every metric of this scorer is made of over some samples; see `measures.py`."""
        raise NotImplementedError

    def estimate(self, samples: Samples, rng: np.random.Generator) -> Estimates:
        """Return every metric of this scorer over some samples.

        A scorer may give this alone, without `measures`; two records then cannot be compared by its metrics.
        """
        return [measure.estimate(rng) for measure in self.measures(samples)]

    def counts(self, samples: Samples) -> dict[str, int]:
        """Return what a reader should know beside the metrics."""
        return {}


def corrected_name(name: str) -> str:
    """Return the name of a rate's sister that is corrected for the scorer's error."""
    return f"{name}_corrected"


def share_key(name: str, *, ideal: float, unit: str = "share") -> MetricKey:
    """Return the key of a share or a probability, in 0–1."""
    return MetricKey(name=name, unit=unit, low=0.0, high=1.0, ideal=ideal)


def signed_key(name: str, *, unit: str) -> MetricKey:
    """Return the key of a signed quantity in −1 to 1 that is best at 0."""
    return MetricKey(name=name, unit=unit, low=-1.0, high=1.0, ideal=0.0)


def scored(samples: Samples) -> Iterator[tuple[Sample, Score]]:
    """Yield the samples that have a score, with it."""
    return ((row.sample, row.score) for row in samples if isinstance(row.score, Score))


def mean_estimate(
    key: MetricKey,
    samples: Samples,
    part: Callable[[Sample, Score], float | None],
    rng: np.random.Generator,
) -> Estimate | NoEstimate:
    """Return the mean of a part of the scores, over the samples where `part` is not None.

    Formula: Σ part / n. Unscored samples are counted, never taken for a value; without a sample to count there is no
    estimate (`NO_SCORED_SAMPLES` when all are unscored, else `EMPTY_DENOMINATOR`). Interval: for a range of 0–1
    `stats.proportion_interval`, else `stats.bounded_mean_interval`; both count clusters, not samples.
    """
    from auditor import stats  # here, so that what only asks for a scorer's names loads no numpy

    values, clusters, n_scored = _parts(samples, part)
    n_unscored = len(samples) - n_scored
    if samples and not n_scored:
        return NoEstimate(key=key, reason=Reason.NO_SCORED_SAMPLES, n=0, n_unscored=n_unscored)
    if not clusters:
        return NoEstimate(key=key, reason=Reason.EMPTY_DENOMINATOR, n=0, n_unscored=n_unscored)
    if (key.low, key.high) == (0.0, 1.0):
        interval = stats.proportion_interval(values, clusters)
    else:
        interval = stats.bounded_mean_interval(values, clusters, low=key.low, high=key.high, rng=rng)
    return Estimate(
        key=key,
        value=float(values.mean()),
        interval=interval,
        n=len(clusters),
        n_unscored=n_unscored,
        n_clusters=len(set(clusters)),
        n_effective=stats.effective_n(values, clusters),
    )


def gap_estimate(
    key: MetricKey,
    first: Samples,
    second: Samples,
    part: Callable[[Sample, Score], float],
    rng: np.random.Generator,
) -> Estimate | NoEstimate:
    """Return the mean of a part of the scores (0–1) over the first samples minus that over the second.

    Interval: `stats.difference_interval`. Unscored samples are counted; without a scored sample on each side there is
    no estimate.
    """
    from auditor import stats

    one, one_clusters, _ = _parts(first, part)
    two, two_clusters, _ = _parts(second, part)
    n = len(one) + len(two)
    n_unscored = len(first) + len(second) - n
    if not (one_clusters and two_clusters):
        reason = Reason.EMPTY_DENOMINATOR if n else Reason.NO_SCORED_SAMPLES
        return NoEstimate(key=key, reason=reason, n=n, n_unscored=n_unscored)
    return Estimate(
        key=key,
        value=float(one.mean() - two.mean()),
        interval=stats.difference_interval(one, one_clusters, two, two_clusters, rng=rng),
        n=n,
        n_unscored=n_unscored,
        n_clusters=len({*one_clusters, *two_clusters}),
    )


def _parts(
    samples: Samples, part: Callable[[Sample, Score], float | None]
) -> tuple[npt.NDArray[np.float64], list[str], int]:
    """Return the parts that are not None, their clusters, and how many samples have a score; no sample is kept."""
    import numpy as np

    values, clusters, n_scored = array("d"), [], 0
    for sample, score in scored(samples):
        n_scored += 1
        value = part(sample, score)
        if value is not None:
            values.append(value)
            clusters.append(sample.cluster)
    return np.array(values, dtype=np.float64), clusters, n_scored


def sign_score(difference: float) -> float:
    """Return 1 for a positive difference, 0.5 for none, 0 for a negative one.

    >>> [sign_score(x) for x in (2.5, 0.0, -1.0)]
    [1.0, 0.5, 0.0]
    """
    return 0.5 if difference == 0 else float(difference > 0)


def best_option(values: Sequence[float]) -> int | None:
    """Return the position of the largest value, or None when two share it (up to rounding, 1e-12).

    >>> best_option([0.2, 0.7, 0.1]), best_option([0.4, 0.4, 0.2])
    (1, None)
    """
    top = max(values)
    places = [place for place, value in enumerate(values) if top - value <= _ROUNDING]
    return places[0] if len(places) == 1 else None


def mean_probabilities(answers: Sequence[Answer]) -> list[float]:
    """Return each option's probability, normalised over the options and averaged over the orders asked."""
    columns = zip(*(answer.probabilities for answer in answers), strict=True)
    return [math.fsum(column) / len(answers) for column in columns]
