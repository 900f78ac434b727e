"""What outputs are worth: scores of samples, metrics of probes."""

from __future__ import annotations

from msgspec import Struct

from auditor.types.asking import Reason, Sample, Unscored


class Scoring(Struct, frozen=True, kw_only=True):
    """How a sample is scored, and how samples hang together: `cluster_by` and `slice_by` name fields of the items.

    Those of `gap_by` tell groups apart whose gap is a metric, too; a value in `gap_without` is no group. `metric` and
    `ideal` name what a generic scorer measures here.
    """

    scorer: str
    cluster_by: str = ""
    slice_by: tuple[str, ...] = ()
    gap_by: tuple[str, ...] = ()
    gap_without: tuple[str, ...] = ()
    metric: str = ""
    ideal: float | None = None


class Score(Struct, frozen=True, kw_only=True, tag="scored", tag_field="status"):
    """What one sample is worth to its scorer; `parts` holds the pieces that its metrics are made of."""

    value: float
    parts: dict[str, float | int | bool | str] = {}


class ScoredSample(Struct, frozen=True, kw_only=True):
    """A sample with its score, or with the reason for none."""

    sample: Sample
    score: Score | Unscored


class Interval(Struct, frozen=True, kw_only=True):
    """`low` ≤ value ≤ `high` at confidence `level`, by the named method."""

    low: float
    high: float
    level: float
    method: str


class ScorerRef(Struct, frozen=True, kw_only=True):
    """Which scorer, in which version, with which checkpoint (sha256, empty when it has none)."""

    name: str
    version: str
    checkpoint: str = ""


class MetricKey(Struct, frozen=True, kw_only=True):
    """What is measured: a name, its unit, its range and the value that would be best."""

    name: str
    unit: str
    low: float
    high: float
    ideal: float


class Correction(Struct, frozen=True, kw_only=True):
    """What a metric corrects: the raw rate's name, and the calibration (its digest and data) that says how far.

    Without a calibration of the construct, `calibration` and `data` are empty.
    """

    of: str
    construct: str
    calibration: str = ""
    data: str = ""


def gap_name(metric: str, field: str) -> str:
    """Return the name of a metric's gap between the groups that a field tells apart."""
    return f"{metric}_gap_by_{field}"


class GroupMean(Struct, frozen=True, kw_only=True):
    """The mean of a metric over the `n` scored samples of one group."""

    group: str
    value: float
    n: int


class Gap(Struct, frozen=True, kw_only=True):
    """What a gap lies between: the highest and the lowest of `n_groups` groups, each of at least `least_n` samples.

    `of` is the metric, `field` what tells the groups apart; those in `left_out` have too few scored samples.
    `most_unscored` is the largest share of a group's samples without a score, in groups that are not too small anyway.
    """

    of: str
    field: str
    highest: GroupMean
    lowest: GroupMean
    n_groups: int
    least_n: int
    most_unscored: float
    left_out: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """Return in words between which groups the gap lies, with the n of both."""
        ends = (f"{end.group} {end.value:.3f} (n={end.n})" for end in (self.highest, self.lowest))
        n_few = len(self.left_out)
        few = f", {n_few} group{'s' if n_few > 1 else ''} too small" if n_few else ""
        return f"{' over '.join(ends)}, of {self.n_groups} groups{few}"


def slice_words(where: dict[str, str]) -> str:
    """Return a slice as `key = value, …`, and all samples as nothing."""
    return ", ".join(f"{key} = {value}" for key, value in sorted(where.items()))


def _address(probe_id: str, metric: Metric | Undefined) -> str:
    words = slice_words(metric.slice)
    return f"{probe_id}:{metric.key.name}{', ' if words else ''}{words}"


class Metric(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="measured", tag_field="status"):
    """A number with everything that law L1 asks for. `n` counts samples, `n_clusters` independent groups of them.

    `n_effective` is how many independent samples the mean is worth, where that is known.
    """

    key: MetricKey
    slice: dict[str, str]
    value: float
    interval: Interval
    n: int
    n_unscored: int
    n_clusters: int
    scorer: ScorerRef
    data_digest: str
    n_effective: float | None = None
    correction: Correction | None = None
    gap: Gap | None = None

    def address(self, probe_id: str) -> str:
        """Return `probe:name`, and the slice where there is one."""
        return _address(probe_id, self)


class Undefined(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="undefined", tag_field="status"):
    """A metric without a value, and why."""

    key: MetricKey
    slice: dict[str, str]
    reason: Reason
    n: int
    n_unscored: int
    scorer: ScorerRef
    data_digest: str
    correction: Correction | None = None

    def address(self, probe_id: str) -> str:
        """Return `probe:name`, and the slice where there is one."""
        return _address(probe_id, self)
