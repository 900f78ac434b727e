"""Facts that a person declares, in a TOML file: who says so, when, and on what evidence.

A leaf is a plain value, or a table with one of `value`, `withheld` (the reason) and `not_applicable` (the reason),
optionally `evidence`, `unit`, `by` and `date` where somebody else says it, or on another day, and `audiences`, the only
readers that it is to go to (default: anybody).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auditor import schema
from auditor.errors import ProvenanceError, counted, list_faults, nearest
from auditor.provenance import checks, datasets
from auditor.provenance.facts import AUDIENCES, catalogue
from auditor.types import ANSWERS, Evidence, Fact, Json

_NO_WORDS = " \t\r\n.…"  # what stands where words are still to come
_WAYS = ("value", "withheld", "not_applicable")
_KEYS = {*_WAYS, "evidence", "unit", "by", "date", "audiences"}
_ABOUT: dict[str, Json] = {
    "properties": {"by": {"type": "string", "minLength": 1}, "date": {"type": "string", "format": "date"}}
}
_DATASETS = "training.datasets"


def load_declared(path: Path) -> dict[str, Fact]:
    """Return the declared facts by key; a dataset that points to something has what was read there in a table `read`.

    Raises:
        ProvenanceError: with every fault of the file, each with its place; or what it points to cannot be read.
        MissingPackageError: it points to a Croissant file, and mlcroissant is not installed.
    """
    content = schema.read_toml(path, ProvenanceError)
    plain, leaves, faults = _split(content)
    units = [*checks.unit_faults(leaves), *checks.amount_faults(leaves)]
    named = {fault.partition(": ")[0] for fault in units}
    refused = schema.faults_against(plain, schema.load_schema("provenance"))
    faults += [fault for fault in refused if fault.partition(": ")[0] not in named]
    faults += [*units, *checks.licence_faults(leaves)]
    if not faults:
        faults += checks.date_faults(leaves, plain["date"], checks.today_anywhere())
    if faults:
        count = counted(len(faults), "fault")
        raise ProvenanceError(f"{path} has {count}:\n{list_faults(faults)}", hint="correct the places named above")
    listed = leaves.get(_DATASETS, {}).get("value")
    if listed:
        text = path.read_text(encoding="utf-8")
        leaves[_DATASETS]["value"] = datasets.recall(listed, path, text) or datasets.read_all(listed, path.parent)
    return {key: _fact(leaf, plain["by"], plain["date"]) for key, leaf in leaves.items()}


def kept_beside(text: str, declared: Mapping[str, Fact]) -> dict[str, str]:
    """Return what was read of the datasets that a provenance file points to, by the name of the file to keep it in."""
    fact = declared.get(_DATASETS)
    read = datasets.keep(fact.value, text) if fact else ""
    return {datasets.READ: read} if read else {}


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
            for key in ("by", "date"):
                if key in table:
                    table[key] = _iso(table[key])
                    faults += [f"{place}.{line[2:]}" for line in schema.faults_against({key: table[key]}, _ABOUT)]
            if sum(way in table for way in _WAYS) != 1:
                faults.append(f"{place}: expected exactly one of {', '.join(_WAYS)}")
            elif "value" in table:
                plain[section][name] = table["value"] = _iso(table["value"])
                faults += [f"{place}: a text of spaces or dots says nothing"] if _holds_blank(table["value"]) else []
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


def _holds_blank(value: Json) -> bool:
    """Return whether a value is, or has in it, a text of nothing but spaces or dots."""
    if isinstance(value, list):
        return any(map(_holds_blank, value))
    if isinstance(value, dict):
        return any(map(_holds_blank, value.values()))
    return isinstance(value, str) and bool(value) and not _is_text(value)


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip(_NO_WORDS))


def _iso(value: Json) -> Json:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _fact(leaf: dict[str, Json], by: str, date: str) -> Fact:
    pointer, by, date = leaf.get("evidence", ""), leaf.get("by", by), leaf.get("date", date)
    source = f"declared by {by} on {date}" + (f"; evidence: {pointer}" if pointer else "")
    evidence = (Evidence(kind="declaration", by=by, date=date, text=pointer), *_read_evidence(leaf.get("value")))
    common: dict[str, Json] = {"source": source, "evidence": evidence, "audiences": tuple(leaf.get("audiences", ()))}
    if "value" in leaf:
        return Fact(status="declared", value=leaf["value"], **common)
    if "withheld" in leaf:
        return Fact(status="withheld", reason=leaf["withheld"], **common)
    return Fact(status="not_applicable", reason=leaf["not_applicable"], **common)


def _read_evidence(value: Json) -> tuple[Evidence, ...]:
    """Return the files that a list's entries were read from."""
    tables = (
        [entry["read"] for entry in value if isinstance(entry, dict) and "read" in entry]
        if isinstance(value, list)
        else []
    )
    return tuple(
        Evidence(kind="file", path=table["path"], sha256=table.get("document_sha256") or table.get("sha256", ""))
        for table in tables
    )
