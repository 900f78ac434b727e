"""What calibrations say, in words and cells: for the console, for cards and for `auditor scorers`."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.types import Calibration, Card, Figure, FigureName, NoFigure, RunRecord, ScorerRef

SHARES: tuple[FigureName, ...] = ("sensitivity", "specificity")


def fallible(told: Card | RunRecord) -> dict[ScorerRef, list[Calibration]]:
    """Return the scorers that a rate rests on, each with its calibrations in the languages that it scored.

    Whether a rate rests on a fallible scorer, its corrected sister tells.
    """
    found: dict[ScorerRef, list[Calibration]] = {}
    for probe in told.probes:
        for scorer in sorted({metric.scorer for metric in probe.metrics if metric.correction}, key=_name):
            known = found.setdefault(scorer, [])
            known += [one for one in _spoken(told.calibrations_of(probe), probe.languages) if one not in known]
    return found


def elsewhere(told: Card | RunRecord, scorer: ScorerRef) -> int:
    """Return how many calibrations of a scorer are on texts in other languages than it scored."""
    held = {one.digest for one in told.calibrations if one.scorer == scorer}
    return len(held - {one.digest for one in fallible(told).get(scorer, [])})


def figure(found: Figure | NoFigure) -> str:
    """Return a figure with its interval, or the word for none."""
    if isinstance(found, NoFigure):
        return f"undefined ({found.reason})"
    return f"{found.value:.3f} [{found.interval.low:.3f}, {found.interval.high:.3f}]"


def lowest(calibration: Calibration, count: int = 1) -> list[str]:
    """Return, for sensitivity and specificity, the subgroups with the lowest, `count` of each column."""
    return [
        f"{name} {found.value:.3f} for {errors.label} (n={found.n})"
        for name in SHARES
        for errors, found in calibration.worst(name, count)
    ]


def _name(scorer: ScorerRef) -> str:
    return f"{scorer.name} {scorer.version} {scorer.checkpoint}"


def _spoken(calibrations: Iterable[Calibration], languages: Iterable[str]) -> list[Calibration]:
    spoken = set(languages)
    return [one for one in calibrations if not one.languages or spoken & set(one.languages)]
