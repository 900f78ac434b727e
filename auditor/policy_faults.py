"""What is wrong with a policy beyond its schema: bounds that exclude each other, sources that nobody can look up, …"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from auditor import schema
from auditor.computed import COMPUTED_KEYS, is_computed
from auditor.demands import asked_of
from auditor.errors import nearest
from auditor.provenance.facts import catalogue
from auditor.types import ANSWERS, Json

_OTHER_KEYWORDS = ("then", "else", "minContains", "maxContains", "title", "description")
_PLACE = re.compile(r"\$\.(\w+)(?:\[(\d+)\])?")


def sound(content: dict[str, Json], faults: Iterable[str]) -> dict[str, Json]:
    """Return a policy's content with None for each rule, duty or other key in which its schema found a fault."""
    kept = {key: list(value) if isinstance(value, list) else value for key, value in content.items()}
    for place in filter(None, map(_PLACE.match, faults)):
        key, number = place.groups()
        if number is not None and key in {"rules", "duties"}:
            kept[key][int(number)] = None
        else:
            kept[key] = None
    return kept


def entries(content: dict[str, Json], kind: str) -> Iterator[tuple[int, dict[str, Json]]]:
    """Yield the sound rules or duties with their places in the list."""
    yield from ((number, entry) for number, entry in enumerate(content.get(kind) or []) if entry is not None)


def find(content: dict[str, Json], card_schema: dict[str, Json]) -> list[str]:
    """Return the faults of what is sound by the schema of policies, each with its place."""
    both = [(kind, number, entry) for kind in ("rules", "duties") for number, entry in entries(content, kind)]
    places = [(f"$.{kind}[{number}]", entry) for kind, number, entry in both]
    counted = Counter(entry["id"] for _, entry in places)
    faults = [f"the id {name!r} stands more than once" for name, count in sorted(counted.items()) if count > 1]
    for number, rule in entries(content, "rules"):
        faults += [f"$.rules[{number}]: {fault}" for fault in _rule_faults(rule)]
    for place, entry in places:
        faults += [f"{place}: {fault}" for fault in _source_faults(content, entry)]
    known = card_schema["$defs"]
    for number, duty in entries(content, "duties"):
        faults += [f"$.duties[{number}]{fault}" for fault in _duty_faults(content, duty, known)]
    for name in known:
        faults += [f"card_schema: $defs.{name}: {fault}" for fault in _unknown(card_schema, name)]
    return faults


def _rule_faults(rule: dict[str, Json]) -> Iterator[str]:
    if "min" not in rule and "max" not in rule:
        yield "a rule needs min, max or both"
    elif rule.get("min", float("-inf")) > rule.get("max", float("inf")):
        yield f"min {rule['min']} is above max {rule['max']}"


def _duty_faults(content: dict[str, Json], duty: dict[str, Json], known: dict[str, Json]) -> Iterator[str]:
    """Yield what is wrong with a duty, each behind the rest of its place."""
    if duty["id"] not in known:
        yield f": card_schema has no $defs entry {duty['id']!r}"
    for where in ("holds", "when"):
        for key, wanted in duty.get(where, {}).items():
            yield from (f".{where}.{key}: {fault}" for fault in _keyword_faults(wanted))
    if "rationale" not in duty and "rationale" not in content:
        yield f": neither {duty['id']!r} nor the policy gives a rationale"
    if duty.get("automatable") is False and not duty.get("question", "").endswith("?"):
        yield f": {duty['id']!r} is not automatable, so it needs a question, ending in '?'"


def _keyword_faults(wanted: Json) -> list[str]:
    """Return the words that mean nothing in a JSON Schema: a validator would pass over them, and over the demand."""
    if not isinstance(wanted, dict):
        return []
    known = {*schema.validators().Draft202012Validator.VALIDATORS, *_OTHER_KEYWORDS}
    faults = [f"unknown keyword {key!r} ({nearest(key, known)})" for key in wanted if key not in known]
    inner = [wanted.get(key) for key in ("items", "contains", "not", "if", "then", "else", "additionalProperties")]
    inner += [part for key in ("allOf", "anyOf", "oneOf", "prefixItems") for part in wanted.get(key, [])]
    inner += [part for key in ("properties", "patternProperties") for part in wanted.get(key, {}).values()]
    return faults + [fault for part in inner for fault in _keyword_faults(part)]


def _source_faults(content: dict[str, Json], entry: dict[str, Json]) -> list[str]:
    """Return why what a rule or duty cites cannot be looked up."""
    sources = content.get("sources", {})
    if sources is None:
        return []
    name = entry.get("source", content.get("source", ""))
    if name and name not in sources:
        return [f"no source is named {name!r} ({nearest(name, sources)})"]
    basis = entry.get("basis", sources[name]["basis"] if name else "organisation")
    clause = str(entry.get("clause", "")).strip()
    if basis != "organisation" and not (name and clause):
        return [f"{entry['id']!r} rests on a {basis}, so it needs a source and a clause"]
    clauses = sources[name].get("clauses", []) if name else []
    if clause and clauses and clause not in clauses:
        return [f"{name!r} has no clause {clause!r} ({nearest(clause, clauses)})"]
    return []


def _unknown(card_schema: dict[str, Json], entry: str) -> list[str]:
    facts, paths = asked_of(card_schema, entry)
    unknown = [key for key in facts if key not in catalogue() and not key.startswith(f"{ANSWERS}.")]
    strange = [path for path in paths if not is_computed(path)]
    return [
        *(f"unknown fact {key!r} ({nearest(key, catalogue())})" for key in unknown),
        *(f"nothing is computed as {path!r} ({nearest(path, COMPUTED_KEYS)})" for path in strange),
    ]
