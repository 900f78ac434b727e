"""Facts that a person declares, in a TOML file: who says so, when, and on what evidence.

A leaf is a plain value, or a table with one of `value`, `withheld` (the reason) and `not_applicable` (the reason),
and optionally `evidence` and `audiences`, the only readers that it is to go to (default: anybody).
"""

from __future__ import annotations

from pathlib import Path

from auditor import schema
from auditor.errors import ProvenanceError, list_faults, nearest
from auditor.provenance.facts import AUDIENCES, catalogue
from auditor.types import ANSWERS, Evidence, Fact, Json

_WAYS = ("value", "withheld", "not_applicable")
_KEYS = {*_WAYS, "evidence", "audiences"}


def load_declared(path: Path) -> dict[str, Fact]:
    """Return the declared facts by key.

    Raises:
        ProvenanceError: with every fault of the file, each with its place.
    """
    content = schema.read_toml(path, ProvenanceError)
    plain, leaves, faults = _split(content)
    faults += schema.faults_against(plain, schema.load_schema("provenance"))
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise ProvenanceError(f"{path} has {count}:\n{list_faults(faults)}", hint="correct the places named above")
    by, date = content["by"], _iso(content["date"])
    return {key: _fact(leaf, by, date) for key, leaf in leaves.items()}


def _split(content: dict[str, Json]) -> tuple[dict[str, Json], dict[str, dict[str, Json]], list[str]]:
    """Return the file with each leaf's plain value, each leaf as a table, and faults of the tables."""
    plain: dict[str, Json] = {}
    leaves: dict[str, dict[str, Json]] = {}
    faults: list[str] = []
    for section, body in content.items():
        if not isinstance(body, dict):
            plain[section] = _iso(body)
            continue
        plain[section] = {}
        for name, leaf in body.items():
            table = leaf if isinstance(leaf, dict) else {"value": leaf}
            place = f"$.{section}.{name}"
            unknown = sorted(set(table) - _KEYS)
            faults += [f"{place}: unknown key {key!r} ({nearest(key, _KEYS)})" for key in unknown]
            if "evidence" in table and not _is_text(table["evidence"]):
                faults.append(f"{place}.evidence: expected a text, got {table['evidence']!r}")
            faults += _audience_faults(place, table.get("audiences", list(AUDIENCES)))
            if sum(way in table for way in _WAYS) != 1:
                faults.append(f"{place}: expected exactly one of {', '.join(_WAYS)}")
            elif "value" in table:
                plain[section][name] = table["value"] = _iso(table["value"])
            else:
                faults += _reason_faults(place, table)
            leaves[f"{section}.{name}"] = table
    return plain, leaves, faults + _unknown_leaves(leaves)


def _unknown_leaves(leaves: dict[str, dict[str, Json]]) -> list[str]:
    known = {*catalogue(), *(key for key in leaves if key.startswith(f"{ANSWERS}."))}
    refused = [key for key, leaf in leaves.items() if "value" not in leaf and key not in known]
    return [f"$.{key}: unknown fact ({nearest(key, catalogue())})" for key in refused]


def _reason_faults(place: str, table: dict[str, Json]) -> list[str]:
    reason = table.get("withheld", table.get("not_applicable"))
    return [] if _is_text(reason) else [f"{place}: withheld and not_applicable need a reason, got {reason!r}"]


def _audience_faults(place: str, audiences: Json) -> list[str]:
    if not isinstance(audiences, list) or not audiences:
        return [f"{place}.audiences: expected a list of {', '.join(AUDIENCES)}, got {audiences!r}"]
    unknown = [one for one in audiences if one not in AUDIENCES]
    return [f"{place}.audiences: unknown audience {one!r} ({nearest(str(one), AUDIENCES)})" for one in unknown]


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _iso(value: Json) -> Json:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _fact(leaf: dict[str, Json], by: str, date: str) -> Fact:
    pointer = leaf.get("evidence", "")
    source = f"declared by {by} on {date}" + (f"; evidence: {pointer}" if pointer else "")
    evidence = (Evidence(kind="declaration", by=by, date=date, text=pointer),)
    common: dict[str, Json] = {"source": source, "evidence": evidence, "audiences": tuple(leaf.get("audiences", ()))}
    if "value" in leaf:
        return Fact(status="declared", value=leaf["value"], **common)
    if "withheld" in leaf:
        return Fact(status="withheld", reason=leaf["withheld"], **common)
    return Fact(status="not_applicable", reason=leaf["not_applicable"], **common)
