"""How far metrics moved since an earlier record, as the card's documents tell it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from auditor.errors import counted
from auditor.exporters.comparison import chance
from auditor.types import Card, Json, MetricChange

_STILL = "not told apart"


class Row(Struct, frozen=True, kw_only=True):
    """One metric's change in words and figures."""

    metric: str
    then: str
    now: str
    change: str
    n: int
    p: str
    detectable: str
    direction: str


class Changes(Struct, frozen=True, kw_only=True):
    """All changes, over all samples and over slices, and why other metrics were `left` out.

    `model` is the earlier record's.
    """

    model: str
    record_digest: str
    weights_digest: str
    level: float
    rows: tuple[Row, ...]
    slices: tuple[Row, ...]
    left: tuple[tuple[str, str], ...]

    @property
    def tables(self) -> list[tuple[str, tuple[Row, ...]]]:
        """Return the tables to show, each with its title: over all samples none, over slices how many moved."""
        moved = tuple(row for row in self.slices if not row.direction.startswith(_STILL))
        head = f"Over slices, Holm's family of {counted(len(self.slices), 'comparison')}: {len(moved)} told apart"
        rest = tuple(row for row in self.slices if row not in moved)
        found = [("", self.rows), (head, moved), ("Slices not told apart", rest)]
        if self.slices and not moved:
            found[1:] = [(head, rest)]
        return [(title, rows) for title, rows in found if rows]


def changes_of(card: Card) -> Changes | None:
    """Return what a card tells of an earlier record, or None where it was compared with none."""
    earlier = card.computed.get("previous")
    if earlier is None:
        return None
    return Changes(
        **earlier,
        rows=_rows(card.computed["changes"]),
        slices=_rows(card.computed.get("slice_changes", {})),
        left=tuple(card.computed["not_compared"].items()),
    )


def _rows(changes: Json) -> tuple[Row, ...]:
    found = msgspec.convert(changes, dict[str, MetricChange])
    return tuple(_row(address, change) for address, change in found.items())


def _row(address: str, change: MetricChange) -> Row:
    return Row(
        metric=address,
        then=f"{change.baseline:.3f}",
        now=f"{change.candidate:.3f}",
        change=f"{change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}]",
        n=change.n,
        p=chance(change.p_holm),
        detectable="none" if change.detectable is None else f"{change.detectable:.3f}",
        direction=f"{change.direction}, more unscored" if change.lost else change.direction,
    )
