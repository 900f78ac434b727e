"""Forms that are filled from the card item by item: the Model Documentation Form, the public summary, a datasheet.

Which facts answer an item stands in the catalogue, or in the form's own file; so do the readers of each fact.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from auditor.exporters import templates
from auditor.exporters.markup import Safe
from auditor.exporters.readers import cut
from auditor.exporters.words import Entry, entry
from auditor.provenance.facts import FactKind, catalogue
from auditor.types import Audience, Card, Json, Texts


class Item(Struct, frozen=True, kw_only=True):
    """An item of a form with the facts that answer it."""

    title: str
    entries: tuple[Entry, ...]


class Part(Struct, frozen=True, kw_only=True):
    """A section of a form."""

    title: str
    entries: tuple[Item, ...]


class Form(Struct, frozen=True, kw_only=True):
    """A form, filled."""

    title: str
    lead: str
    sections: tuple[Part, ...]


def mdf_ai_office(card: Card, texts: Texts | None = None) -> str:
    """Return the Model Documentation Form for the AI Office."""
    return _mdf(card, "ai-office")


def mdf_authorities(card: Card, texts: Texts | None = None) -> str:
    """Return the Model Documentation Form for national competent authorities."""
    return _mdf(card, "authorities")


def mdf_downstream(card: Card, texts: Texts | None = None) -> str:
    """Return the Model Documentation Form for providers of systems that build on the model."""
    return _mdf(card, "downstream")


def mdf_public(card: Card, texts: Texts | None = None) -> str:
    """Return the part of the Model Documentation Form that may be published."""
    return _mdf(card, "public")


def training_summary(card: Card, texts: Texts | None = None) -> str:
    """Return the public summary of training content."""
    found = _filled("training_summary.toml", card, "public", lambda kind: kind.summary, form=True)
    return templates.render(card, _document("training-summary", form=True), more={"form": found})


def datasheet(card: Card, texts: Texts | None = None) -> str:
    """Return a datasheet of the training data."""
    found = _filled("datasheet.toml", card, "public", lambda kind: "", form=False)
    return templates.render(card, _document("datasheet"), more={"form": found})


def _mdf(card: Card, audience: Audience) -> str:
    found = _filled("mdf.toml", card, audience, lambda kind: kind.mdf, form=True)
    return templates.render(card, _document(f"mdf-{audience}", audience, form=True), more={"form": found})


def _document(name: str, audience: Audience = "public", *, form: bool = False) -> templates.Document:
    return templates.Document(name=name, template="form.md.j2", audience=audience, form=form)


def _filled(file: str, card: Card, audience: Audience, item_of: Callable[[FactKind], str], *, form: bool) -> Form:
    """Return a form with the facts that its readers may see; an item without any such fact is left out."""
    content = templates.data(file)
    shown = cut(card, audience, form=form)
    by_item: dict[str, list[str]] = {}
    for key, kind in catalogue().items():
        by_item.setdefault(item_of(kind), []).append(key)

    def entries(item: dict[str, Json]) -> tuple[Entry, ...]:
        keys = item.get("facts", by_item.get(item["id"], []))
        return tuple(entry(shown, key) for key in keys if key in shown.facts)

    parts = [
        Part(title=Safe(part["title"]), entries=tuple(_items(part["items"], entries))) for part in content["sections"]
    ]
    sections = tuple(part for part in parts if part.entries)
    return Form(title=content["title"], lead=content["lead"], sections=sections)


def _items(told: list[dict[str, Json]], entries: Callable[[dict[str, Json]], tuple[Entry, ...]]) -> list[Item]:
    """Return a section's items that a fact answers; those of an official form bear its numbers."""
    found = []
    for item in told:
        number = "" if "facts" in item or item["id"].startswith("hdr") else f"{item['id']} "
        held = entries(item)
        if held:
            found.append(Item(title=number + item["title"], entries=held))
    return found
