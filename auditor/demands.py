"""What a duty demands, as a small table in a policy, made into the JSON Schema that decides it.

A reader of the policy sees which facts a duty needs; any validator of JSON Schema can say whether a card has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditor.types import ANSWERS, ASKED, UNDECIDED, WHEN, Json

KEYS = ("facts", "one_of", "accept", "holds", "when", "undecided")
COMPUTED = "computed."
_SAID_OF_UNDECIDED = " ID.undecided says when a duty that is not met is undecided rather than failed."
_KNOWN = ["measured", "derived", "declared"]


def is_demand(duty: Mapping[str, Json]) -> bool:
    """Return whether a duty of a policy's file says what it demands, rather than leaving it to a card schema."""
    return any(key in duty for key in ("facts", "one_of", "holds")) or duty.get("automatable") is False


def compile_duties(policy: str, version: str, title: str, duties: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Return a JSON Schema (2020-12) over the card with one `$defs` entry for each duty that is a demand.

    `facts` must all be known; of `one_of` at least one, which may be a path that begins with `computed.` too. `holds`
    maps a fact's key, or such a path, to a schema of its value. `accept` names statuses that do for a value
    (not_applicable, withheld).
    `when`, of the shape of `holds`, says when the duty applies at all; what it asks about must be known, or not
    applicable for a reason that is given, so that nobody is excused by silence. The entry `ID.when` tells whether a
    duty applies, `ID.asked` whether that can be told. `undecided`, of the same shape, says when a duty that is not met
    is undecided rather than failed; the entry `ID.undecided` tells that.
    A question to a person is met by the answer true.
    """
    entries: dict[str, Json] = {}
    for duty in duties:
        if is_demand(duty):
            entries[duty["id"]] = _entry(policy, duty)
            if "when" in duty:
                entries[duty["id"] + WHEN] = _all(_holding(key, wanted, ()) for key, wanted in duty["when"].items())
                entries[duty["id"] + ASKED] = _all(_is_there(key, ("not_applicable",)) for key in duty["when"])
            if "undecided" in duty:
                wanted = duty["undecided"].items()
                entries[duty["id"] + UNDECIDED] = _all(_holding(key, value, ()) for key, value in wanted)
    used = {name: _fact_schema(name.split("_or_")) for name in sorted(_references(entries))}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"auditor:policy/{policy}/{version}",
        "title": f"What the policy {title} asks of a card",
        "description": "One $defs entry a duty, which a valid card meets. ID.when says whether the duty applies, "
        "ID.asked whether that can be told."
        + (_SAID_OF_UNDECIDED if any("undecided" in one for one in duties) else ""),
        "$defs": {**used, **entries},
    }


def _entry(policy: str, duty: Mapping[str, Json]) -> dict[str, Json]:
    accept = tuple(duty.get("accept", ()))
    parts = [_fact(key, accept) for key in duty.get("facts", ())]
    if "one_of" in duty:
        parts.append({"anyOf": [_is_there(key, accept) for key in duty["one_of"]]})
    parts += [_holding(key, wanted, accept) for key, wanted in duty.get("holds", {}).items()]
    if duty.get("automatable") is False:
        parts.append(_answer(policy, duty["id"], accept))
    demand = _all(parts)
    if "when" not in duty:
        return demand
    asked, when = ({"$ref": f"#/$defs/{duty['id']}{ending}"} for ending in (ASKED, WHEN))
    return {"allOf": [asked], "if": when, "then": demand}


def _is_there(key: str, accept: tuple[str, ...]) -> dict[str, Json]:
    return _at(key, {}) if key.startswith(COMPUTED) else _fact(key, accept)


def _all(parts: Iterable[Json]) -> dict[str, Json]:
    found = list(parts)
    return found[0] if len(found) == 1 else {"allOf": found}


def _fact(key: str, accept: tuple[str, ...]) -> dict[str, Json]:
    return _in_facts(key, {"$ref": f"#/$defs/{_name(accept)}"})


def _answer(policy: str, duty: str, accept: tuple[str, ...]) -> dict[str, Json]:
    return _holding(f"{ANSWERS}.{policy}/{duty}", {"const": True}, accept)


def _holding(key: str, wanted: Json, accept: tuple[str, ...]) -> dict[str, Json]:
    """Return the schema that wants a value to be as `wanted` says, or its fact to have an accepted status."""
    if key.startswith(COMPUTED):
        return _at(key, wanted)
    known = {"$ref": "#/$defs/known", "properties": {"value": wanted}}
    if not accept:
        return _in_facts(key, known)
    return _in_facts(
        key, {"anyOf": [known, {"properties": {"status": {"enum": list(accept)}}, "required": ["status"]}]}
    )


def _at(path: str, wanted: Json) -> dict[str, Json]:
    found = wanted
    for name in reversed(path.split(".")):
        found = {"type": "object", "required": [name], "properties": {name: found}}
    return dict(found)


def _in_facts(key: str, wanted: Json) -> dict[str, Json]:
    inner = {"type": "object", "required": [key], "properties": {key: wanted}}
    return {"type": "object", "required": ["facts"], "properties": {"facts": inner}}


def _name(accept: tuple[str, ...]) -> str:
    return "_or_".join(("known", *sorted(accept)))


def _fact_schema(name: list[str]) -> dict[str, Json]:
    more = name[1:]
    said = "The fact has a value" + "".join(f", or is {status.replace('_', ' ')} with the reason" for status in more)
    return {
        "description": said + ".",
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"enum": [*_KNOWN, *more]}},
    }


def _references(value: Json) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"].removeprefix("#/$defs/")} if isinstance(value.get("$ref"), str) else set()
        found = own.union(*map(_references, value.values()))
        return {name for name in found if name.split("_or_")[0] == "known"}
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def asked_of(card_schema: Mapping[str, Json], duty: str) -> tuple[list[str], list[str]]:
    """Return the keys of the facts, and the paths under `computed`, that a duty's entry looks at, in its order."""
    facts: dict[str, None] = {}
    paths: dict[str, None] = {}
    _look(card_schema.get("$defs", {}), card_schema.get("$defs", {}).get(duty, {}), facts, paths, frozenset())
    return list(facts), list(paths)


def _look(
    entries: Mapping[str, Json], part: Json, facts: dict[str, None], paths: dict[str, None], seen: frozenset[str]
) -> None:
    if isinstance(part, list):
        for entry in part:
            _look(entries, entry, facts, paths, seen)
    if not isinstance(part, dict):
        return
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    if name in entries and name not in seen:
        _look(entries, entries[name], facts, paths, seen | {name})
    properties = part.get("properties", {})
    for key, wanted in properties.items() if isinstance(properties, dict) else ():
        if key == "facts" and isinstance(wanted, dict):
            facts.update(dict.fromkeys(wanted.get("properties", {})))
        elif key == "computed":
            paths.update(dict.fromkeys(_paths("computed", wanted)))
    for key, entry in part.items():
        if key not in {"properties", "$ref", "enum", "const"}:
            _look(entries, entry, facts, paths, seen)


def _paths(path: str, wanted: Json) -> Iterator[str]:
    inner = wanted.get("properties", {}) if isinstance(wanted, dict) else {}
    if not inner:
        yield path
    for name, entry in inner.items():
        yield from _paths(f"{path}.{name}", entry)
