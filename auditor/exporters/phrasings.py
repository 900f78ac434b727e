"""How far a metric moves when the same items are asked in other words, or with their options in another order."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.types import OPTION_ORDER, PHRASING, Metric, ProbeResult, Undefined

_ASKED = {PHRASING: "phrasing", OPTION_ORDER: "order of options"}
_SEVERAL = {PHRASING: "phrasings", OPTION_ORDER: "orders of options"}


def spreads(probe: ProbeResult) -> list[str]:
    """Return a line for each metric of a probe with phrasings or orders: in which it is lowest and in which highest.

    A metric that lies further apart between two of them than its interval is wide says so.
    """
    found = []
    for metric in probe.metrics:
        if isinstance(metric, Metric) and not metric.slice and metric.gap is None:
            for name, several in _SEVERAL.items():
                told = _spread(metric, [row for row in probe.metrics if set(row.slice) == {name}], name)
                found += [f"{metric.key.name} over {several}: {told}"] if told else []
    return found


def _spread(metric: Metric, sliced: Sequence[Metric | Undefined], name: str) -> str:
    rows = [row for row in sliced if isinstance(row, Metric) and row.key.name == metric.key.name]
    if len(rows) < 2:
        return ""
    ranked = sorted(rows, key=lambda row: (row.value, row.slice[name]))
    low, high = ranked[0], ranked[-1]
    width = metric.interval.high - metric.interval.low
    moves = f"; moves more with the {_ASKED[name]} than its interval is wide" if high.value - low.value > width else ""
    return f"{low.value:.3f} ({low.slice[name]}) to {high.value:.3f} ({high.slice[name]}){moves}"
