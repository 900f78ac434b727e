"""The facts that a card has a place for. Their one source is `policies/schema/provenance.schema.json`."""

from __future__ import annotations

import functools

from msgspec import Struct

from auditor import schema
from auditor.types import Fact, Json


class FactKind(Struct, frozen=True, kw_only=True):
    """A place for a fact: `key` is `section.name`; `question` says what is asked of a person."""

    key: str
    section: str
    label: str
    question: str
    schema: dict[str, Json]


@functools.cache
def catalogue() -> dict[str, FactKind]:
    """Return every kind of fact by key, in the card's order."""
    sections = schema.load_schema("provenance")["properties"]
    kinds = [
        FactKind(
            key=f"{name}.{leaf}",
            section=section["title"],
            label=spec["title"],
            question=spec["description"],
            schema={key: value for key, value in spec.items() if key not in {"title", "description"}},
        )
        for name, section in sections.items()
        if "properties" in section
        for leaf, spec in section["properties"].items()
    ]
    return {kind.key: kind for kind in kinds}


def missing() -> Fact:
    """Return the fact that nobody gave."""
    return Fact(status="missing", reason="neither in the model's files nor declared")
