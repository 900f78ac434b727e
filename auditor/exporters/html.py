"""The card as one HTML file: no script, nothing loaded from anywhere, every value escaped."""

from __future__ import annotations

from auditor.exporters import templates
from auditor.exporters.commands import command
from auditor.exporters.markup import HTML
from auditor.types import Card, Texts

_DOCUMENT = templates.Document(name="html", template="card.html.j2", markup=HTML)


def render(card: Card, texts: Texts | None = None) -> str:
    """Return the card as HTML, as the public may see it."""
    return templates.render(card, _DOCUMENT, texts=texts, more={"command": command(card)})
