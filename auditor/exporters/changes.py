"""How far metrics moved since an earlier record, as the card's documents tell it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from auditor.exporters.comparison import chance
from auditor.types import Card, MetricChange


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
    """All changes, and why other metrics were `left` out; `model` is the earlier record's."""

    model: str
    record_digest: str
    weights_digest: str
    level: float
    rows: tuple[Row, ...]
    left: tuple[tuple[str, str], ...]


def changes_of(card: Card) -> Changes | None:
    """Return what a card tells of an earlier record, or None where it was compared with none."""
    earlier = card.computed.get("previous")
    if earlier is None:
        return None
    found = msgspec.convert(card.computed["changes"], dict[str, MetricChange])
    return Changes(
        **earlier,
        rows=tuple(_row(address, change) for address, change in found.items()),
        left=tuple(card.computed["not_compared"].items()),
    )


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
