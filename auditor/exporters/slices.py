"""A probe's metrics over slices as a table with a row for each slice, in place of one for each metric of each slice."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from auditor.types import Metric, ProbeResult, Undefined, slice_words

Found = Metric | Undefined


class Row(Struct, frozen=True, kw_only=True):
    """A slice in words, its metrics in the order of the columns (None where it has none), and their n and unscored.

    Those are of most of its metrics; a cell with others says so (`apart`).
    """

    where: str
    cells: tuple[tuple[Found | None, str], ...]
    n: int
    n_unscored: int


class Table(Struct, frozen=True, kw_only=True):
    """The names of the metrics, and a row for each slice."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]


def table(probe: ProbeResult) -> Table | None:
    """Return a probe's metrics over slices, or None where it has none."""
    by_slice: dict[str, dict[str, Found]] = {}
    for metric in probe.metrics:
        if metric.slice:
            by_slice.setdefault(slice_words(metric.slice), {})[metric.key.name] = metric
    if not by_slice:
        return None
    names = tuple(dict.fromkeys(name for row in by_slice.values() for name in row))
    return Table(names=names, rows=tuple(_row(where, names, row) for where, row in by_slice.items()))


def _row(where: str, names: tuple[str, ...], found: dict[str, Found]) -> Row:
    counts = Counter((metric.n, metric.n_unscored) for metric in found.values())
    n, n_unscored = counts.most_common(1)[0][0]
    cells = tuple((metric := found.get(name), _apart(metric, n, n_unscored)) for name in names)
    return Row(where=where, cells=cells, n=n, n_unscored=n_unscored)


def _apart(metric: Found | None, n: int, n_unscored: int) -> str:
    """Return a metric's n and unscored where they are not those of the row."""
    if metric is None or (metric.n, metric.n_unscored) == (n, n_unscored):
        return ""
    unscored = f", unscored={metric.n_unscored}" if metric.n_unscored != n_unscored else ""
    return f"n={metric.n}{unscored}"
