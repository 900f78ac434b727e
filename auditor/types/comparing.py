"""What came of comparing two records, sample by sample."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from auditor.types.measuring import Interval, MetricKey, ScorerRef, slice_words

Direction = Literal["nearer", "farther", "not told apart"]
MOST_LOST = 0.05  # what a rule of a policy allows to go unscored where it names no share
COMPARISON_SCHEMA = "auditor:comparison/2"


class ComparedRecord(Struct, frozen=True, kw_only=True):
    """Which record, of which model, and what could change its scores beside the model."""

    digest: str
    model: str
    weights_digest: str
    auditor_version: str
    code_digest: str
    seed: int
    limit: int | None
    backend: str
    device: str
    dtype: str


class Compared(Struct, frozen=True, kw_only=True):
    """One metric over the units that both records have a score for, `n` pairs in `n_clusters` clusters.

    `slice` is empty where it is over all samples. `baseline` and `candidate` are its values over these pairs,
    `difference` is candidate − baseline, with its `interval`. `n_unscored` are samples without a score in the baseline
    and in the candidate; `n_unpaired` were asked in one record only. `p` is that of no difference by `test`; `p_side`,
    asked where the ideal lies inside the metric's range and p is small, that of two values equally far from it to both
    sides. `p_holm` is the larger of the two, adjusted for all comparisons of its family. `detectable` is the smallest
    difference that so many pairs show with a chance of 0.8 at the first of Holm's steps, None where none would.
    """

    probe: str
    key: MetricKey
    scorer: ScorerRef
    data_digest: str
    baseline: float
    candidate: float
    difference: float
    interval: Interval
    n: int
    n_clusters: int
    n_unscored: tuple[int, int]
    n_unpaired: int
    test: Literal["mcnemar-exact", "sign-flip", "swap"]
    p: float
    p_side: float | None
    p_holm: float
    detectable: float | None
    direction: Direction
    slice: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Return `probe:metric`, and the slice where there is one."""
        where = slice_words(self.slice)
        return f"{self.probe}:{self.key.name}{', ' if where else ''}{where}"

    @property
    def lost(self) -> bool:
        """Whether the candidate left more than `MOST_LOST` more of the samples unscored than the baseline did."""
        baseline, candidate = self.n_unscored
        return candidate - baseline > MOST_LOST * (self.n + max(self.n_unscored))


class MetricChange(Struct, frozen=True, kw_only=True):
    """How far a metric moved since an earlier record, as a card's `computed.changes` has it; see `Compared`."""

    baseline: float
    candidate: float
    difference: float
    low: float
    high: float
    n: int
    p_holm: float
    direction: Direction
    lost: bool
    detectable: float | None = None


class NotCompared(Struct, frozen=True, kw_only=True):
    """A metric that was not compared, and why; `lost` where only the candidate has no value of it."""

    probe: str
    metric: str
    reason: str
    lost: bool = False

    @property
    def address(self) -> str:
        """Return `probe:metric`."""
        return f"{self.probe}:{self.metric}"


class Comparison(Struct, frozen=True, kw_only=True):
    """Two records side by side. Every metric of either is in `compared` or in `not_compared`.

    `slices` are compared as a family of their own, which decides nothing: the metrics over all samples do.
    """

    schema: str
    level: float
    baseline: ComparedRecord
    candidate: ComparedRecord
    compared: tuple[Compared, ...]
    not_compared: tuple[NotCompared, ...]
    slices: tuple[Compared, ...] = ()

    @property
    def farther(self) -> list[Compared]:
        """Return the metrics that are farther from their ideal in the candidate."""
        return [row for row in self.compared if row.direction == "farther"]

    @property
    def told_apart(self) -> list[Compared]:
        """Return the metrics over slices that moved, those farther from their ideal first."""
        moved = [row for row in self.slices if row.direction != "not told apart"]
        return sorted(moved, key=lambda row: row.direction)

    @property
    def lost(self) -> list[str]:
        """Return the metrics that the candidate has no value of, or too few scores for, and the baseline has."""
        rows: tuple[Compared | NotCompared, ...] = (*self.compared, *self.not_compared)
        return [row.address for row in rows if row.lost]

    @property
    def exit_code(self) -> int:
        """Return 10 where a metric got worse; 11 where nothing could be compared or the candidate lost one; else 0."""
        if self.farther:
            return 10
        return 11 if not self.compared or self.lost else 0
