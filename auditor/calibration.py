"""Calibrations on disk: a scorer's measured errors as canonical JSON with a digest, shipped or the user's own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from auditor import resources, schema
from auditor.errors import CalibrationError, list_faults
from auditor.types import Calibration, Errors, Figure, NoFigure

SCHEMA = "auditor:calibration/1"
_SAME = 1e-9
_SHARES = {"sensitivity", "specificity"}
_MADE = "`auditor scorers calibrate NAME --data TEXTS --text COLUMN --label COLUMN --out FILE`"
_HINT = f"it needs the file that {_MADE} writes, unchanged"


def seal(calibration: Calibration) -> Calibration:
    """Return the calibration with its digest filled in."""
    return msgspec.structs.replace(calibration, digest=_digest(calibration))


def dump(calibration: Calibration) -> str:
    """Return the text of a calibration's file."""
    return schema.canonical_json(calibration, indent=1) + "\n"


def load(path: Path) -> Calibration:
    """Return the calibration in a file, checked against its digest, and its figures against its counts.

    Raises:
        CalibrationError: it is missing, no calibration, of another schema, contradicts itself or was changed.
    """
    try:
        content = schema.strict_json(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise CalibrationError(f"cannot read {path}: {fault.strerror}", hint="check the path") from fault
    except (ValueError, RecursionError) as fault:
        raise CalibrationError(f"{path} is not a calibration: it is not JSON: {fault}", hint=_HINT) from fault
    named = content.get("schema") if isinstance(content, dict) else None
    if named != SCHEMA:
        got = f"its schema is {named!r}" if named else "it names no schema"
        raise CalibrationError(f"{path} is not a calibration: {got}, expected {SCHEMA!r}", hint=_HINT)
    calibration = schema.convert(content, Calibration, where=str(path), error=CalibrationError)
    found = faults(calibration)
    if found:
        raise CalibrationError(f"{path} contradicts itself:\n{list_faults(found)}", hint=_HINT)
    return calibration


def faults(calibration: Calibration) -> list[str]:
    """Return where a calibration's figures contradict its counts, and whether it was changed after it was sealed."""
    found = list(_faults(calibration))
    if not found and _digest(calibration) != calibration.digest:
        found.append("it was changed after it was written: its digest does not match")
    return found


def shipped() -> list[Calibration]:
    """Return the calibrations that come with auditor, those over the most texts first."""
    return ranked(load(path) for path in sorted((resources.root() / "calibrations").glob("*.json")))


def ranked(calibrations: Iterable[Calibration]) -> list[Calibration]:
    """Return calibrations by their number of texts, largest first; among equals by digest."""
    return sorted(calibrations, key=lambda found: (-found.n, found.digest))


def _digest(calibration: Calibration) -> str:
    return schema.digest_of(msgspec.structs.replace(calibration, digest=""))


def _faults(calibration: Calibration) -> Iterator[str]:
    overall = calibration.overall
    if not calibration.construct or not calibration.scorer.name:
        yield "scorer and construct need names"
    if calibration.threshold is not None and not 0 <= calibration.threshold <= 1:
        yield f"threshold: {calibration.threshold} is outside 0–1"
    if overall.tp + overall.fn + overall.fp + overall.tn != calibration.n or overall.group:
        yield f"overall: the counts are not those of all {calibration.n} texts"
    for errors in (overall, *calibration.subgroups):
        where = errors.label or "overall"
        yield from (f"{where}: {fault}" for fault in _faults_of(errors))
    if any(not errors.group for errors in calibration.subgroups):
        yield "subgroups: one has no group"


def _faults_of(errors: Errors) -> Iterator[str]:
    """Yield where figures and counts differ; the figures that follow from the counts are computed again."""
    positive, negative = errors.tp + errors.fn, errors.tn + errors.fp
    if min(errors.tp, errors.fn, errors.fp, errors.tn) < 0:
        yield "a count is negative"
        return
    sensitivity = errors.tp / positive if positive else math.nan
    specificity = errors.tn / negative if negative else math.nan
    expected = {
        "sensitivity": (sensitivity, positive, 0.0),
        "specificity": (specificity, negative, 0.0),
        "balanced_accuracy": ((sensitivity + specificity) / 2, positive + negative, 0.0),
        "youden": (sensitivity + specificity - 1, positive + negative, -1.0),
        "auc": (None, positive + negative, 0.0),
    }
    for name, (value, n, low) in expected.items():
        figure: Figure | NoFigure = getattr(errors, name)
        if figure.n != n:
            yield f"{name}: n is {figure.n}, the counts say {n}"
        if isinstance(figure, Figure):
            if value is not None and not abs(figure.value - value) < _SAME:  # not: NaN is another, too
                yield f"{name}: {figure.value} is not what the counts say"
            if not low <= figure.interval.low <= figure.value <= figure.interval.high <= 1:
                yield f"{name}: {figure.value} does not lie in its interval, or outside its range"
            if (figure.n_effective is None) == (name in _SHARES):
                yield f"{name}: a share needs n_effective, another figure has none"
            elif figure.n_effective is not None and not 1 <= figure.n_effective <= n + _SAME:
                yield f"{name}: n_effective is {figure.n_effective}, of {n} texts"
