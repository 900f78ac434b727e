"""The facts that a card has a place for. Their one source is `policies/schema/provenance.schema.json`."""

from __future__ import annotations

import functools
from typing import Literal

from msgspec import Struct

from auditor import schema
from auditor.types import Audience, Fact, Json

AUDIENCES: tuple[Audience, ...] = ("ai-office", "authorities", "downstream", "public")
Fill = Literal["auto", "hint", "declared"]


class FactKind(Struct, frozen=True, kw_only=True):
    """A place for a fact: `key` is `section.name`; `question` says what is asked of a person.

    `mdf` is the item of the Union's Model Documentation Form (such as `2.5a`), `summary` the section of its public
    summary of training content, each empty where neither asks. `audiences` are those whom the fact is meant for.
    `fill`: the tool can fill it alone (`auto`), drafts what a person confirms (`hint`), or only a person can
    (`declared`). `unit` is that of a number. `schema` stands on its own: it carries the definitions that it refers to.
    """

    key: str
    section: str
    label: str
    question: str
    schema: dict[str, Json]
    mdf: str
    summary: str
    audiences: tuple[Audience, ...]
    fill: Fill
    unit: str


@functools.cache
def catalogue() -> dict[str, FactKind]:
    """Return every kind of fact by key, in the card's order."""
    content = schema.load_schema("provenance")
    kinds = [
        _kind(f"{name}.{leaf}", section["title"], spec, content["$defs"])
        for name, section in content["properties"].items()
        if "properties" in section
        for leaf, spec in section["properties"].items()
    ]
    return {kind.key: kind for kind in kinds}


def _kind(key: str, section: str, spec: dict[str, Json], definitions: dict[str, Json]) -> FactKind:
    said = {"title", "description"}
    bare = {name: value for name, value in spec.items() if name not in said and not name.startswith("x-")}
    return FactKind(
        key=key,
        section=section,
        label=spec["title"],
        question=spec["description"],
        schema={**bare, "$defs": definitions} if '"$ref"' in schema.canonical_json(bare) else bare,
        mdf=spec.get("x-mdf", ""),
        summary=spec.get("x-summary", ""),
        audiences=tuple(spec.get("x-audiences", AUDIENCES)),
        fill=spec["x-fill"],
        unit=spec.get("x-unit", ""),
    )


def name_of(entry: Json) -> Json:
    """Return the name of a dataset, model or channel that is given as a name or as a table with one."""
    return entry.get("name") if isinstance(entry, dict) else entry


def missing() -> Fact:
    """Return the fact that nobody gave."""
    return Fact(status="missing", reason="neither in the model's files nor declared")
