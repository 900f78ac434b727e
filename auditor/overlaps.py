"""The probes' items in training files: looked for before the model is asked, told in the record, verified from it.

The rule is `contamination/`; here it meets the run. What was found is fixed in the plan, so a run that goes on after a
kill looks again, and is refused where it finds anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
from msgspec import UnsetType

from auditor import record, schema
from auditor.checking import attempted, check
from auditor.contamination import rates, training
from auditor.contamination.look import Look, Sought, look
from auditor.contamination.texts import Compared, compared
from auditor.correct import correct
from auditor.errors import RecordError
from auditor.plan import limited
from auditor.probes import Probe
from auditor.samples import read_scored
from auditor.scorers.base import Scorer
from auditor.summarise import overall
from auditor.types import (
    Calibration,
    Check,
    Contamination,
    ItemOverlap,
    Metric,
    ProbeOverlap,
    ProbeResult,
    Reason,
    RunRecord,
    Sample,
    Undefined,
)

Say = Callable[[str], None]


class TrainingData(msgspec.Struct, frozen=True, kw_only=True):
    """The training files that a run looks at, found and fit to be read; `left_out` counts others in their folders."""

    files: tuple[training.TrainingFile, ...] = ()
    columns: tuple[str, ...] = ()
    left_out: dict[str, int] = {}


def training_data(sources: Sequence[Path], columns: Sequence[str]) -> TrainingData:
    """Return the training files that paths name.

    Raises:
        UsageError: a path leads nowhere, or to a file of no known format.
        DataError: a folder holds no file of a known format, or a file is empty, a pointer, or cannot be read.
    """
    files, left_out = training.find(sources)
    return TrainingData(files=tuple(files), columns=tuple(columns), left_out=left_out)


def look_for(selected: Sequence[Probe], data: TrainingData, *, seed: int, limit: int | None, say: Say) -> Look | None:
    """Return how far the items that will be asked stand in the training files, None where none were given.

    Raises:
        DataError: a file is damaged, holds no text, or lacks a column; with the row.
    """
    if not data.files:
        return None
    asked = [
        Sought(
            probe=probe.id,
            digest=probe.digest,
            samples=limited(probe, seed=seed, limit=limit),
            fields=compared(probe),
        )
        for probe in selected
    ]
    return look(asked, data.files, columns=data.columns, left_out=data.left_out, say=say)


def contamination_of(
    found: Look | None,
    results: Sequence[ProbeResult],
    scorers: Mapping[str, Scorer],
    *,
    calibrations: Sequence[Calibration],
    out: Path,
    seed: int,
) -> Contamination | UnsetType:
    """Return what the record tells of the look, with each probe's metrics over the items that do not overlap.

    `calibrations` are all that were at hand, in the order in which they are used.

    Raises:
        OutputError: the folder is full or cannot be written.
    """
    if found is None:
        return msgspec.UNSET
    by_id = {result.id: result for result in results}
    return Contamination(
        rule=found.rule,
        columns=found.columns,
        files=found.files,
        left_out=found.left_out,
        n_documents=found.n_documents,
        n_words=found.n_words,
        items_file=record.write_lines(out, record.ITEMS, found.items),
        probes=tuple(
            msgspec.structs.replace(
                probe,
                without=_without(
                    by_id[probe.id], found.items, scorers[probe.id], calibrations=calibrations, folder=out, seed=seed
                ),
            )
            for probe in found.probes
        ),
    )


def _without(
    result: ProbeResult,
    items: Sequence[ItemOverlap],
    scorer: Scorer,
    *,
    calibrations: Sequence[Calibration],
    folder: Path,
    seed: int,
) -> tuple[Metric | Undefined, ...]:
    """Return a probe's metrics over the samples whose items do not overlap; none where no item does."""
    gone = {item.item for item in items if item.probe == result.id and item.overlaps}
    if not gone:
        return ()
    rows = read_scored(folder / result.samples_file.path)
    kept = [row for row in rows if str(row.sample.fields["id"]) not in gone]
    whole = [metric for metric in result.metrics if not metric.slice and not metric.correction]
    if not kept:
        return tuple(_nothing(metric) for metric in whole if not (isinstance(metric, Metric) and metric.gap))
    metrics = overall(scorer, kept, probe_id=result.id, data_digest=result.digest, seed=seed)
    return correct(msgspec.structs.replace(result, metrics=metrics), scorer, calibrations).metrics


def _nothing(metric: Metric | Undefined) -> Undefined:
    return Undefined(
        key=metric.key,
        slice={},
        reason=Reason.EMPTY_DENOMINATOR,
        n=0,
        n_unscored=0,
        scorer=metric.scorer,
        data_digest=metric.data_digest,
    )


def digest_in(found: RunRecord, folder: Path) -> str:
    """Return the digest of the look that a record tells of, as its plan has it; empty where it tells of none."""
    told = found.contamination
    return _look_in(told, read_items(folder / told.items_file.path)).digest if told else ""


def _look_in(told: Contamination, items: Sequence[ItemOverlap]) -> Look:
    return Look(
        rule=told.rule,
        columns=told.columns,
        files=told.files,
        left_out=told.left_out,
        n_documents=told.n_documents,
        n_words=told.n_words,
        items=tuple(items),
        probes=tuple(msgspec.structs.replace(probe, without=()) for probe in told.probes),
    )


def read_items(path: Path) -> list[ItemOverlap]:
    """Return what a record's file tells of each item.

    Raises:
        RecordError: a line is not one that a run writes.
    """
    return list(schema.read_lines(path, ItemOverlap, error=RecordError, hint="restore the record's folder"))


def checks(found: RunRecord, folder: Path, scorers: Mapping[str, Scorer | str]) -> Iterator[Check]:
    """Yield whether each probe's overlap, and its metrics without it, follow from the items' file and the samples."""
    told = found.contamination
    if not told:
        return
    lines = read_items(folder / told.items_file.path)
    results = {probe.id: probe for probe in found.probes}
    yield check("contamination, probes", [probe.id for probe in found.probes], [probe.id for probe in told.probes])
    for probe in told.probes:
        if probe.id not in results:
            continue
        own = [line for line in lines if line.probe == probe.id]
        result, scorer = results[probe.id], scorers[probe.id]
        now = rates.rates(own, told.rule, result.digest)
        what = f"{probe.id} overlap"
        rows = read_scored(folder / result.samples_file.path)
        ids = list(dict.fromkeys(str(row.sample.fields["id"]) for row in rows))
        yield check(f"{what}, items", [line.item for line in own], ids)
        yield check(what, _named(probe.metrics, probe.id), _named(now, probe.id))
        if isinstance(scorer, str):
            yield Check(what=f"{what}, metrics without it", outcome="not_checked", detail=scorer)
            continue
        yield attempted(f"{what}, metrics without it", partial(_without_check, found, probe, own, scorer, folder))


def _without_check(
    found: RunRecord, told: ProbeOverlap, own: Sequence[ItemOverlap], scorer: Scorer, folder: Path
) -> Check:
    """Return whether a probe's metrics over the items that do not overlap are what its samples give."""
    result = next(probe for probe in found.probes if probe.id == told.id)
    known = found.calibrations_of(result)
    without = _without(result, own, scorer, calibrations=known, folder=folder, seed=found.run.seed)
    return check(f"{told.id} overlap, metrics without it", _named(told.without, told.id), _named(without, told.id))


def _named(metrics: Sequence[Metric | Undefined], probe_id: str) -> dict[str, Metric | Undefined]:
    return {metric.address(probe_id): metric for metric in metrics}


def look_again(
    found: RunRecord, folder: Path, samples: Mapping[str, Sequence[Sample]], sources: Sequence[Path], say: Say
) -> list[Check]:
    """Return whether looking in the same training files again finds the same.

    Raises:
        RecordError: the record tells of no training files.
        UsageError: a path leads nowhere, or to a file of no known format.
        DataError: a file cannot be read.
    """
    told = found.contamination
    if not told:
        raise RecordError(
            "the record tells of no training files", hint="they are looked at by `auditor run --training-data`"
        )
    data = training_data(sources, told.columns)
    digests = {probe.id: probe.digest for probe in found.probes}
    asked = [
        Sought(
            probe=probe.id,
            digest=digests[probe.id],
            samples=tuple(samples[probe.id]),
            fields=Compared(asked=probe.asked, answers=probe.answers),
        )
        for probe in told.probes
    ]
    again = look(asked, data.files, columns=data.columns, left_out=data.left_out, say=say)
    before = _look_in(told, read_items(folder / told.items_file.path))
    files = check("training files", _by_name(before), _by_name(again))
    if files.outcome == "differs":
        return [files]
    said, now = ({f"{one.probe}/{one.item}": one for one in looked.items} for looked in (before, again))
    return [files, check("overlap, looked for again", said, now)]


def _by_name(found: Look) -> dict[str, list[str]]:
    """Return the digests of the files by name: two files of different folders can have the same one."""
    digests: dict[str, list[str]] = {}
    for file in sorted(found.files, key=lambda file: file.sha256):
        digests.setdefault(file.path, []).append(file.sha256)
    return digests
