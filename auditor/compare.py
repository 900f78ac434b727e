"""Two records side by side: every metric that both hold, compared over the samples that both have a score for.

Pairs are made by the samples' ids, and only where both records asked and scored alike: the same version of the probe
and of its data, the same scorer, the same seed where it matters. Slices are compared in the same way. Holm's correction
covers all comparisons of one call, those over all samples and those over slices each as a family. Whatever cannot be
compared is listed with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from auditor import record, registry, stats
from auditor.compared import Pairs, joined, judged, pairs_fault
from auditor.errors import RecordError, ScorerError, UsageError
from auditor.rows import those
from auditor.samples import read_scored
from auditor.scorers.base import Rating, Scorer
from auditor.scorers.measures import sums_of
from auditor.scoring import open_scorer
from auditor.types import (
    COMPARISON_SCHEMA,
    ComparedRecord,
    Comparison,
    Metric,
    NotCompared,
    ProbeResult,
    RunRecord,
    Score,
    ScoredSample,
    ScorerRef,
    Undefined,
    gap_name,
    slice_words,
)

_SAME = 1e-9
_SIDES = ("baseline", "candidate")


class Side(Struct, frozen=True, kw_only=True):
    """One record's part of a probe, and its samples."""

    result: ProbeResult
    samples: Sequence[ScoredSample]
    seed: int

    def metrics(self, where: dict[str, str]) -> dict[str, Metric | Undefined]:
        """Return the metrics over a slice, by name; without one, those over all samples."""
        return {metric.key.name: metric for metric in self.result.metrics if metric.slice == where}

    def over(self, where: dict[str, str]) -> Side:
        """Return the side with the samples of a slice alone."""
        if not where:
            return self
        return replace(self, samples=those(self.samples, lambda row: where.items() <= row.sample.slices.items()))

    @property
    def ids_scored(self) -> set[str]:
        """The ids of the samples that have a score."""
        return {row.sample.id for row in self.samples if isinstance(row.score, Score)}

    def of(self, ids: set[str]) -> Sequence[ScoredSample]:
        """Return the samples of these ids."""
        return those(self.samples, lambda row: row.sample.id in ids)


class RecordedClassifier:
    """Stands for a record's classifier where only its scores are read: it says what it measures, and rates nothing."""

    notes = ""

    def __init__(self, ref: ScorerRef, measures: str) -> None:
        self.ref = ref
        self.measures = measures

    def rate(self, texts: Sequence[str]) -> list[Rating]:
        """Refuse: what a record holds is rated already."""
        raise ScorerError(f"{self.ref.name} was not opened", hint="`auditor verify` rates a record's texts again")


def compare(baseline: Path, candidate: Path, *, level: float = stats.LEVEL) -> Comparison:
    """Return what two finished records say of the same samples, the candidate measured against the baseline.

    Args:
        baseline: the folder of the record that is compared against.
        candidate: the folder of the other.
        level: the confidence of the intervals; a difference is told where Holm's p is below 1 − level.

    Raises:
        RecordError: a record is missing, damaged or was changed after it was written, or a metric does not follow from
            its samples.
        UsageError: the level is not within 0.5–1.
    """
    if not 0.5 < level < 1:
        raise UsageError(f"--level must lie between 0.5 and 1, got {level}", hint="0.95 is usual")
    found = [record.load_record(path) for path in (baseline, candidate)]
    ids = sorted({probe.id for loaded, _ in found for probe in loaded.probes})
    rows = [row for probe_id in ids for row in _rows(found, probe_id)]
    pairs = [row for row in rows if isinstance(row, Pairs)]
    return Comparison(
        schema=COMPARISON_SCHEMA,
        level=level,
        baseline=_named(found[0][0]),
        candidate=_named(found[1][0]),
        compared=judged([row for row in pairs if not row.slice], level),
        slices=judged([row for row in pairs if row.slice], level),
        not_compared=tuple(row for row in rows if isinstance(row, NotCompared)),
    )


def _rows(found: Sequence[tuple[RunRecord, Path]], probe_id: str) -> Iterator[Pairs | NotCompared]:
    """Yield each metric of a probe with its units in both records, or why there is no comparing it."""
    results = [_result(loaded, probe_id) for loaded, _ in found]
    fault = _probe_fault(results, [loaded.run.seed for loaded, _ in found])
    if fault:
        names = dict.fromkeys(metric.key.name for result in results if result for metric in result.metrics)
        before = results[0].metrics if results[0] and results[1] is None else ()
        gone = {metric.key.name for metric in before if isinstance(metric, Metric)}
        yield from (NotCompared(probe=probe_id, metric=name, reason=fault, lost=name in gone) for name in names)
        return
    sides = [
        Side(result=result, samples=read_scored(folder / result.samples_file.path), seed=loaded.run.seed)
        for (loaded, folder), result in zip(found, results, strict=True)
        if result
    ]
    yield from _paired(sides[0], sides[1])


def _named(found: RunRecord) -> ComparedRecord:
    return ComparedRecord(
        digest=found.digest,
        model=found.model.requested,
        weights_digest=found.model.weights_digest,
        auditor_version=found.run.auditor_version,
        code_digest=found.run.code_digest,
        seed=found.run.seed,
        limit=found.run.limit,
        backend=f"{found.backend.name} {found.backend.version}",
        device=found.backend.device,
        dtype=found.backend.dtype,
    )


def _result(found: RunRecord, probe_id: str) -> ProbeResult | None:
    return next((probe for probe in found.probes if probe.id == probe_id), None)


def _probe_fault(results: Sequence[ProbeResult | None], seeds: Sequence[int]) -> str:
    """Return why no metric of a probe can be compared, or nothing."""
    one, two = results
    if one is None or two is None:
        return f"only the {_SIDES[one is None]} has this probe"
    unlike = (
        (one.version != two.version, f"another version of the probe: {one.version} and {two.version}"),
        (one.digest != two.digest, f"other items, or asked otherwise: {one.digest[:12]} and {two.digest[:12]}"),
        (one.scoring != two.scoring, "scored otherwise: [score] is not the same"),
        (one.scorer != two.scorer, f"scored otherwise: by {_scorer(one.scorer)} and {_scorer(two.scorer)}"),
        (
            one.kind == "generation" and seeds[0] != seeds[1],
            f"completions drawn with other seeds: {seeds[0]} and {seeds[1]}",
        ),
    )
    return next((reason for found, reason in unlike if found), "") or _scorer_fault(one.scorer)


def _scorer_fault(ref: ScorerRef) -> str:
    """Return why a scorer here cannot tell what the metrics are made of, or nothing."""
    if ref.name not in registry.names("scorers"):
        return f"the scorer {ref.name} is not installed"
    kind = registry.load("scorers", ref.name)
    if kind.version != ref.version:
        return f"the scorer {ref.name} is {kind.version} here, it was {ref.version}"
    return (
        f"the scorer {ref.name} does not say what its metrics are made of" if kind.measures is Scorer.measures else ""
    )


def _scorer(ref: ScorerRef) -> str:
    return f"{ref.name} {ref.version} ({ref.checkpoint[:12] or 'no checkpoint'})"


def _paired(one: Side, two: Side) -> Iterator[Pairs | NotCompared]:
    """Yield the pairs of each metric of a probe, over all samples and over slices, or why there are none.

    Metrics are in the baseline's order. What is said of slices is said once for each field that they go by.
    """
    scorer = _open(one.result)
    for side in (one, two):
        _check_follows(scorer, side)
    yield from _pairs_over({}, one, two, scorer)
    fields: dict[str, list[dict[str, str]]] = {}
    for where in _slices(one, two):
        fields.setdefault(next(iter(where)), []).append(where)
    for field, slices in fields.items():
        rows = {where[field]: list(_pairs_over(where, one, two, scorer)) for where in slices}
        yield from (row for found in rows.values() for row in found if isinstance(row, Pairs))
        reason = _left_out(rows)
        if reason:
            yield NotCompared(probe=one.result.id, metric=f"slices by {field}", reason=reason)


def _left_out(rows: dict[str, list[Pairs | NotCompared]]) -> str:
    """Return how many metrics over slices are not compared, and by the reason which; or nothing."""
    found: dict[str, list[str]] = {}
    left = {value: [row for row in made if isinstance(row, NotCompared)] for value, made in rows.items()}
    for value, gone in left.items():
        for reason in dict.fromkeys(row.reason for row in gone):
            metrics = [row.metric.partition(",")[0] for row in gone if row.reason == reason]
            whole = len(metrics) == len(rows[value])
            found.setdefault(reason, []).append(value if whole else f"{value} ({', '.join(metrics)})")
    count, of = sum(map(len, left.values())), sum(map(len, rows.values()))
    told = "; ".join(f"{why}: {', '.join(which)}" for why, which in found.items())
    return f"{count} of {of}: {told}" if count else ""


def _slices(one: Side, two: Side) -> list[dict[str, str]]:
    """Return the slices of either side, in their order."""
    found = {slice_words(metric.slice): metric.slice for side in (one, two) for metric in side.result.metrics}
    return [where for words, where in found.items() if words]


def _pairs_over(where: dict[str, str], one: Side, two: Side, scorer: Scorer) -> Iterator[Pairs | NotCompared]:
    """Yield the pairs of each metric over a slice, or over all samples; or why there are none."""
    probe = one.result
    parts = [side.over(where) for side in (one, two)]
    both = parts[0].ids_scored & parts[1].ids_scored
    measures = [{made.key.name: made for made in scorer.measures(part.of(both))} for part in parts]
    n_unpaired = len({row.sample.id for row in parts[0].samples} ^ {row.sample.id for row in parts[1].samples})
    metrics = [side.metrics(where) for side in (one, two)]
    for name in dict.fromkeys((*metrics[0], *metrics[1])):
        was, now = metrics[0].get(name), metrics[1].get(name)
        called = f"{name}, {slice_words(where)}" if where else name
        fault = _metric_fault(probe, was, now)
        if fault or not isinstance(was, Metric) or not isinstance(now, Metric):
            lost = isinstance(was, Metric) and not isinstance(now, Metric) and not _unpaired_kind(probe, was)
            yield NotCompared(probe=probe.id, metric=called, reason=fault, lost=lost and not where)
            continue
        units = joined(measures[0].get(name), measures[1].get(name))
        fault = pairs_fault(units)
        if fault or units is None:
            yield NotCompared(probe=probe.id, metric=called, reason=fault)
        else:
            yield Pairs(
                probe=probe.id, seed=one.seed, n_unpaired=n_unpaired, found=(was, now), units=units, slice=where
            )


def _open(probe: ProbeResult) -> Scorer:
    """Return the probe's scorer, for what its metrics are made of; a classifier is not opened for that."""
    first = probe.metrics[0]
    measures = first.key.name.partition("_")[0]  # what a classifier measures begins its metrics' names
    return open_scorer(probe.scoring, RecordedClassifier(first.scorer, measures))


def _check_follows(scorer: Scorer, side: Side) -> None:
    """Raise where a metric is not what the samples make."""
    for measure in scorer.measures(side.samples):
        metric = side.metrics({}).get(measure.key.name)
        if isinstance(metric, Metric):
            units = measure.units()
            now = float(measure.value(sums_of(units).sum(axis=0))) if units else math.nan
            if not math.isclose(metric.value, now, rel_tol=_SAME, abs_tol=_SAME):
                raise RecordError(
                    f"{side.result.id}:{measure.key.name} does not follow from the samples of its record: it says "
                    f"{metric.value!r}, computed {now!r}",
                    hint="see `auditor verify`",
                )


def _unpaired_kind(probe: ProbeResult, metric: Metric | Undefined) -> str:
    """Return why a metric of this kind has no pairs, or nothing."""
    if metric.correction is not None:
        return "a corrected rate errs with its calibration, too, for which no pairing is defined; see its raw rate"
    if any(metric.key.name.endswith(gap_name("", field)) for field in probe.scoring.gap_by):
        return "the gap's two ends can be other groups on either side, for which no pairing is defined"
    return ""


def _metric_fault(probe: ProbeResult, was: Metric | Undefined | None, now: Metric | Undefined | None) -> str:
    """Return why a metric cannot be compared, or nothing."""
    if was is None or now is None:
        return f"only the {_SIDES[was is None]} has it"
    kind = _unpaired_kind(probe, was)
    if kind:
        return kind
    if was.scorer != now.scorer:
        return f"scored otherwise: by {_scorer(was.scorer)} and {_scorer(now.scorer)}"
    undefined = [
        f"in the {side} ({metric.reason})"
        for side, metric in zip(_SIDES, (was, now), strict=True)
        if isinstance(metric, Undefined)
    ]
    return f"undefined {' and '.join(undefined)}" if undefined else ""
