"""Whether the clocks of a record can be as it says: its times, how long it took, and what its processes did in it.

No clock can be read again. What can be told is whether times lie in their order and whether what a process says fits
into the run.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from auditor.types import Check, Clocks, Costs, Outcome, RunRecord, Span

_ROUNDING_S = 2.0  # times are of whole seconds, each cut off, and a length is taken a moment after them


def checks(found: RunRecord) -> Iterator[Check]:
    """Yield whether the record's times are in their order, and whether its length and its processes fit between."""
    clocks = found.clocks
    yield _check("times", _of_times(clocks))
    yield _check("duration", _of_duration(clocks))
    if clocks.costs is None:
        yield _no_costs("processes")
    else:
        yield _of_processes(clocks, clocks.costs)


def _check(what: str, fault: str, outcome: Outcome = "differs") -> Check:
    return Check(what=what, outcome=outcome if fault else "same", detail=fault)


def _no_costs(what: str) -> Check:
    return _check(what, "the record does not hold what its processes did", "not_checked")


def _time(text: str) -> datetime.datetime | None:
    """Return a time that names its zone, None where a text is no such time."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _seconds(begin: str, end: str) -> float | None:
    """Return the seconds from one time to another, None where either is no time with a zone."""
    one, two = _time(begin), _time(end)
    return (two - one).total_seconds() if one and two else None


def _of_times(clocks: Clocks) -> str:
    """Return which time of the run is none, or comes after the end; nothing where all are in their order."""
    times = {name: getattr(clocks, name) for name in ("planned_at", "started_at", "finished_at")}
    for name, text in times.items():
        if _time(text) is None:
            return f"clocks.{name}: {text!r} is no time with a zone"
        if (_seconds(text, clocks.finished_at) or 0.0) < 0:
            return f"clocks.{name}: {text} lies after the end, {clocks.finished_at}"
    return ""


def _of_duration(clocks: Clocks) -> str:
    """Return why the run cannot have taken as long as it says. A computer that slept lets it be shorter, not longer."""
    return _length("clocks.duration_s", clocks.duration_s, clocks.started_at, clocks.finished_at)


def _length(place: str, duration_s: float, begin: str, end: str) -> str:
    most = _seconds(begin, end)
    if duration_s < 0:
        return f"{place}: {duration_s} s is less than nothing"
    if most is not None and duration_s > most + _ROUNDING_S:
        return f"{place}: {duration_s} s, and from {begin} to the end are {most:.0f} s"
    return ""


def _of_processes(clocks: Clocks, costs: Costs) -> Check:
    """Return whether each process lies within the run, and the seconds in which it wrote completions within it."""
    faults = (
        fault for n, span in enumerate(costs.spans) for fault in _of_span(f"clocks.costs.spans[{n}]", span, clocks)
    )
    fault = next(filter(None, faults), "") or _of_last(clocks, costs)
    if fault:
        return _check("processes", fault)
    if any(span.completion_tokens and not span.completions_s for span in costs.spans):
        return _check("processes", "the record does not hold how long completions took", "not_checked")
    return _check("processes", "")


def _of_span(place: str, span: Span, clocks: Clocks) -> Iterator[str]:
    since = _seconds(span.started_at, clocks.finished_at)
    if _time(span.started_at) is None:
        yield f"{place}.started_at: {span.started_at!r} is no time with a zone"
    if since is not None and since < 0:
        yield f"{place}.started_at: {span.started_at} lies after the run's end, {clocks.finished_at}"
    yield _length(f"{place}.duration_s", span.duration_s, span.started_at, clocks.finished_at)
    if not 0 <= span.completions_s <= span.duration_s + _ROUNDING_S:
        yield f"{place}.completions_s: {span.completions_s} s, in a process of {span.duration_s} s"


def _of_last(clocks: Clocks, costs: Costs) -> str:
    """Return why the last process cannot be the one that wrote the record, with its own times."""
    if not costs.spans:
        return "clocks.costs.spans: there is none, and a process wrote the record"
    last = costs.spans[-1]
    if not last.ended:
        return "the last process did not end, and it wrote the record"
    if last.duration_s > clocks.duration_s + _ROUNDING_S:
        return f"the last process took {last.duration_s} s, and the run that it was {clocks.duration_s} s"
    begun = _seconds(clocks.started_at, last.started_at)
    if begun is not None and begun < 0:
        return f"the last process began at {last.started_at}, and the run that it was at {clocks.started_at}"
    return ""
