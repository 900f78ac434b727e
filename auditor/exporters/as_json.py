"""The card as JSON: the one source that every other rendering is made of. It holds the facts for all readers."""

from __future__ import annotations

from auditor import schema
from auditor.types import Card, Texts


def render(card: Card, texts: Texts | None = None) -> str:
    """Return card.json."""
    return schema.canonical_json(card, indent=1) + "\n"
