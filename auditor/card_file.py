"""A card on disk: read, held against its published schema, and told from one of another version."""

from __future__ import annotations

import contextlib
import inspect
from pathlib import Path

import msgspec

from auditor import schema
from auditor.card import SCHEMA
from auditor.errors import CardError
from auditor.types import Card, Json

CARD_JSON = "card.json"
_FAMILY = SCHEMA.partition("/")[0]
_AGAIN = "`auditor card RECORD --as json --out card.json`"


def load_card(path: Path) -> Card:
    """Return the card in a file.

    Raises:
        CardError: it is missing, no card, of another schema version, or breaks the schema (with all faults).
    """
    try:
        content = schema.strict_json(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise CardError(f"cannot read {path}: {fault.strerror}", hint=f"make it by {_AGAIN}") from fault
    except (ValueError, RecursionError) as fault:
        raise CardError(f"{path} is not JSON: {fault}", hint=f"make it anew by {_AGAIN}") from fault
    _check_version(path, content)
    card = _converted(path, content)
    held = {calibration.digest for calibration in card.calibrations}
    for probe in card.probes:
        if not held.issuperset(probe.calibrations):
            raise CardError(f"{path}: {probe.id} names a calibration that the card does not hold", hint=f"see {_AGAIN}")
    return card


def _converted(path: Path, content: Json) -> Card:
    """Return a card's content as a card.

    The schema is made of the type, so what the type takes in and gives back as it was fits the schema, too; only what
    does not is held against the schema, which takes far longer and names every fault.

    Raises:
        CardError: with all faults.
    """
    with contextlib.suppress(msgspec.ValidationError):
        card = msgspec.convert(content, Card)
        if schema.canonical_json(card) == schema.canonical_json(content):
            return card
    schema.check(content, schema.load_schema("card"), where=str(path), error=CardError)
    return schema.convert(content, Card, where=str(path), error=CardError)


def _check_version(path: Path, content: Json) -> None:
    """Raise where a file is no card, or one of another schema version.

    Raises:
        CardError: saying which version it is of, and how to get one of this version.
    """
    found = content.get("schema") if isinstance(content, dict) else None
    if found == SCHEMA:
        return
    if not isinstance(found, str) or found.partition("/")[0] != _FAMILY:
        raise CardError(f"{path} is no card: expected the schema {SCHEMA}, got {found!r}", hint=f"make one by {_AGAIN}")
    digest = str(content.get("record_digest", ""))[:12] or "not named"
    raise CardError(
        f"{path} is a card of schema {found}, and this version of auditor reads {SCHEMA}",
        hint=f"to migrate, make it anew from its record (digest {digest}) and provenance file by {_AGAIN}; "
        "where the record is of another version too, run the audit again",
    )


def json_schema() -> dict[str, Json]:
    """Return the JSON Schema (draft 2020-12) of card.json, made of the types that the code uses.

    `policies/schema/card.schema.json` is this, and a test holds the two together.
    """
    made = msgspec.json.schema(Card)
    definitions = {name: _tidy(entry) for name, entry in made["$defs"].items()}
    card = definitions.pop(made["$ref"].rpartition("/")[2])
    card["properties"]["schema"] = {"const": SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **card,
        "title": CARD_JSON,
        "$defs": definitions,
    }


def _tidy(entry: dict[str, Json]) -> dict[str, Json]:
    """Return a definition with its description on the margin; an object holds no keys but its own."""
    said = {"description": inspect.cleandoc(entry["description"])} if "description" in entry else {}
    return {**entry, **said, **({"additionalProperties": False} if "properties" in entry else {})}


if __name__ == "__main__":
    import json

    print(json.dumps(json_schema(), indent=1, ensure_ascii=False))  # noqa: T201 - this is `make schema`
