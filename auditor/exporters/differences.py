"""What lies between two cards, as a table for a terminal and as Markdown for a pull request."""

from __future__ import annotations

from auditor.errors import counted
from auditor.exporters.markup import escape
from auditor.types import CardDiff, Change, ChangeKind

_TITLES: dict[ChangeKind, str] = {
    "escalated": "Escalated: look at these before relying on the newer card",
    "removed": "Removed",
    "changed": "Changed",
    "added": "Added",
}


def markdown(found: CardDiff) -> str:
    """Return the differences as Markdown; whatever a card holds is escaped."""
    lines = ["## Model card: what changed", "", summary(found)]
    for kind, title in _TITLES.items():
        changes = found.of(kind)
        if changes:
            lines += ["", f"### {title}", "", "| | what | before | after | why |", "|---|---|---|---|---|"]
            lines += [_row(change) for change in changes]
    lines += ["", f"Older record `{found.older[:16]}`, newer record `{found.newer[:16]}`."]
    return "\n".join(lines) + "\n"


def rows(found: CardDiff) -> list[list[str]]:
    """Return a row a change, for a table on a terminal."""
    return [
        [
            change.kind,
            change.area,
            _plain(change.key),
            _plain(change.before) or "–",
            _plain(change.after) or "–",
            _plain(change.why),
        ]
        for change in found.changes
    ]


def summary(found: CardDiff) -> str:
    """Return the counts in a line."""
    if not found.changes:
        return f"No difference; {_same(found.n_same)}"
    counts = ", ".join(f"{len(found.of(kind))} {kind}" for kind in _TITLES if found.of(kind))
    return f"{counts}; {_same(found.n_same)}"


def _same(count: int) -> str:
    alike = "is the same, or its interval overlaps" if count == 1 else "are the same, or their intervals overlap"
    return f"{counted(count, 'metric')} {alike}."


def _row(change: Change) -> str:
    cells = (change.area, change.key, change.before or "–", change.after or "–", change.why)
    return f"| {' | '.join(escape(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
