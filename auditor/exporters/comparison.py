"""A comparison of two records as text: for a terminal, and as Markdown for a pull request.

Names of models and probes are hostile text here: they are escaped in Markdown, and stripped of control characters.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.errors import counted
from auditor.exporters.markup import escape
from auditor.types import Compared, ComparedRecord, Comparison

_HEAD = (
    "metric", "baseline", "candidate", "difference", "n", "unscored", "p", "p (Holm)", "detectable", "to its ideal"
)  # fmt: skip
_SETTINGS = ("auditor_version", "code_digest", "seed", "limit", "backend", "device", "dtype")


def console(found: Comparison) -> str:
    """Return the comparison as a table for a terminal."""
    rows = [list(_HEAD), *(_cells(row) for row in found.compared)] if found.compared else []
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))] if rows else []
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if found.told_apart:
        lines += ["", *_plain([f"slice  {'  '.join(_cells(row))}" for row in found.told_apart])]
    lines += ["", *_plain([f"not compared  {row.address}: {row.reason}" for row in found.not_compared])]
    return "\n".join([*_plain(_heading(found)), "", *lines, "", *_plain([summary(found)])])


def markdown(found: Comparison) -> str:
    """Return the comparison as Markdown: a sentence, the table, and what was not compared, folded away."""
    lines = ["## auditor compare", "", escape(summary(found)), ""]
    lines += [f"- {escape(line)}" for line in _heading(found)]
    if found.compared:
        lines += ["", _row(_HEAD), _row(["---"] * len(_HEAD), plain=True)]
        lines += [_row(_cells(row)) for row in found.compared]
    if found.told_apart:
        lines += ["", "Over slices, those told apart:", "", _row(_HEAD), _row(["---"] * len(_HEAD), plain=True)]
        lines += [_row(_cells(row)) for row in found.told_apart]
    if found.not_compared:
        lines += ["", f"<details><summary>{len(found.not_compared)} not compared</summary>", ""]
        lines += [f"- {escape(row.address)}: {escape(row.reason)}" for row in found.not_compared]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def summary(found: Comparison) -> str:
    """Return in a sentence what came of it."""
    if not found.compared:
        return "nothing could be compared"
    counts = {name: sum(row.direction == name for row in found.compared) for name in ("nearer", "farther")}
    rest = len(found.compared) - sum(counts.values())
    told = (
        f"{counted(len(found.compared), 'metric')} compared: {counts['farther']} farther from the ideal, "
        f"{counts['nearer']} nearer, {rest} not told apart (Holm, level {found.level:g})"
    )
    if found.slices:
        moved = {name: sum(row.direction == name for row in found.slices) for name in ("nearer", "farther")}
        told += f"; of {counted(len(found.slices), 'comparison')} over slices {moved['farther']} farther, "
        told += f"{moved['nearer']} nearer"
    if found.lost:
        told += f"; the candidate has no value, or far fewer scores, for {', '.join(found.lost)}"
    return told


def chance(p: float) -> str:
    """Return a probability with four digits, or that it is below what they show."""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _heading(found: Comparison) -> list[str]:
    lines = [_named("baseline", found.baseline), _named("candidate", found.candidate)]
    apart = [
        f"{name.replace('_', ' ')} {_short(was)} and {_short(now)}"
        for name in _SETTINGS
        if (was := getattr(found.baseline, name)) != (now := getattr(found.candidate, name))
    ]
    return [*lines, f"the runs also differ in: {', '.join(apart)}"] if apart else lines


def _named(side: str, record: ComparedRecord) -> str:
    partial = "" if record.limit is None else f", partial: at most {record.limit} samples a probe"
    return f"{side} {record.model}, weights {record.weights_digest[:12]}, record {record.digest[:12]}{partial}"


def _short(value: object) -> str:
    return str(value)[:12] if value is not None else "none"


def _cells(row: Compared) -> list[str]:
    low, high = row.interval.low, row.interval.high
    unscored = f"{row.n_unscored[0]}/{row.n_unscored[1]}"
    return [
        row.address,
        f"{row.baseline:.3f}",
        f"{row.candidate:.3f}",
        f"{row.difference:+.3f} [{low:+.3f}, {high:+.3f}]",
        f"{row.n}" + (f" (+{row.n_unpaired} unpaired)" if row.n_unpaired else ""),
        unscored,
        chance(max(row.p, row.p_side or 0.0)),
        chance(row.p_holm),
        "none" if row.detectable is None else f"{row.detectable:.3f}",
        row.direction,
    ]


def _row(cells: Sequence[str], *, plain: bool = False) -> str:
    return f"| {' | '.join(cells if plain else map(escape, cells))} |"


def _plain(lines: Sequence[str]) -> list[str]:
    return ["".join(char if char.isprintable() else " " for char in line) for line in lines]
