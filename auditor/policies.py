"""Policies: TOML files with bounds on metrics, and JSON Schemas over the card for what must be documented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from auditor import probes, registry, resources, schema
from auditor.errors import PolicyError, UsageError, foreign_faults, list_faults, nearest
from auditor.provenance.facts import catalogue, missing
from auditor.types import Duty, Json, Policy, Rule, gap_name


def shipped() -> Path:
    """Return the folder of the policies that come with auditor."""
    return resources.root() / "policies"


def find() -> dict[str, Path]:
    """Return every shipped policy's file by id."""
    return {path.stem: path for path in sorted(shipped().glob("*.toml"))}


def load(name: str) -> Policy:
    """Return the policy that an id or a path names.

    Raises:
        UsageError: nothing has that name.
        PolicyError: with every fault of the file, each with its place.
    """
    known = find()
    path = known.get(name) or Path(name)
    if not schema.is_file(path):
        raise UsageError(f"no policy is named {name!r}", hint=nearest(name, known))
    content = schema.read_toml(path, PolicyError)
    schema.check(content, schema.load_schema("policy"), where=str(path), error=PolicyError)
    card_schema = _card_schema(path, content.get("card_schema", ""))
    faults = _faults(content, card_schema)
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise PolicyError(f"{path} has {count}:\n{list_faults(faults)}", hint="correct the places named above")
    rules = [
        schema.convert({"owner": content["owner"], **rule}, Rule, where=str(path), error=PolicyError)
        for rule in content.get("rules", [])
    ]
    duties = [schema.convert(duty, Duty, where=str(path), error=PolicyError) for duty in content.get("duties", [])]
    return Policy(
        id=path.stem,
        version=content["version"],
        title=content["title"],
        owner=content["owner"],
        description=content["description"].strip(),
        digest=schema.digest_of([content, card_schema]),
        rules=tuple(rules),
        duties=tuple(duties),
        card_schema=card_schema,
    )


def check_metrics(policy: Policy, known: Mapping[str, set[str]], *, foreign: bool = False) -> None:
    """Raise unless every rule's metric is one that a known probe gives; `foreign` lets unknown probes pass.

    Raises:
        PolicyError: naming each metric that no probe gives, with the nearest that one does.
    """
    addresses = [f"{probe_id}:{name}" for probe_id, names in known.items() for name in names]
    faults = [
        f"rule {rule.id}: no probe gives {rule.metric} ({nearest(rule.metric, addresses)})"
        for rule in policy.rules
        if rule.metric not in addresses and not (foreign and rule.metric.partition(":")[0] not in known)
    ]
    if faults:
        raise PolicyError(
            f"policy {policy.id} names metrics that do not exist:\n{list_faults(faults)}", hint="correct the policy"
        )


def metrics_of(packs: tuple[Path, ...] = ()) -> dict[str, set[str]]:
    """Return the names of the metrics that each known probe can give, under any classifier."""
    found: dict[str, set[str]] = {}
    for probe_id, place in probes.find(packs).items():
        if place.scorer in registry.names("scorers"):  # else loading the probe says so, with its other faults
            names = set(registry.load("scorers", place.scorer).metric_names) or {place.metric}
            found[probe_id] = names | {gap_name(name, field) for name in names for field in place.gap_by}
    return found


def _card_schema(path: Path, name: str) -> dict[str, Json]:
    if not name:
        return {}
    import json

    from jsonschema import Draft202012Validator

    file = path.parent / name
    try:
        found: dict[str, Json] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise PolicyError(f"{path}: cannot read card_schema {file}: {fault}", hint="check the path") from fault
    hint = "it must be a JSON Schema (draft 2020-12) with one $defs entry a duty"
    with foreign_faults(f"{path}: card_schema {file} is no sound schema", PolicyError, hint=hint):
        if path.parent != shipped():  # slow beside the rest; the tests check the shipped ones
            Draft202012Validator.check_schema(found)
        definitions = found["$defs"]
        for entry in definitions:
            _met_by_nothing(found, entry)
        if not all(isinstance(definition, dict) for definition in definitions.values()):
            raise TypeError("an entry of $defs is no object")
    return found


def _met_by_nothing(card_schema: dict[str, Json], entry: str) -> bool:
    """Return whether a card on which every fact is missing meets an entry of the schema."""
    from jsonschema import Draft202012Validator

    facts = {key: msgspec.json.decode(msgspec.json.encode(missing())) for key in catalogue()}
    empty = {"facts": facts, "contradictions": {}, "probes": [], "not_measured": {}}
    rooted = {**{key: value for key, value in card_schema.items() if key != "allOf"}, "$ref": f"#/$defs/{entry}"}
    return bool(Draft202012Validator(rooted).is_valid(empty))


def _faults(content: dict[str, Json], card_schema: dict[str, Json]) -> list[str]:
    rules, duties = content.get("rules", []), content.get("duties", [])
    counted = Counter(entry["id"] for entry in [*rules, *duties])
    faults = [f"the id {name!r} stands more than once" for name, count in sorted(counted.items()) if count > 1]
    for number, rule in enumerate(rules):
        if "min" not in rule and "max" not in rule:
            faults.append(f"$.rules[{number}]: a rule needs min, max or both")
        elif rule.get("min", float("-inf")) > rule.get("max", float("inf")):
            faults.append(f"$.rules[{number}]: min {rule['min']} is above max {rule['max']}")
    known = card_schema.get("$defs", {})
    for number, duty in enumerate(duties):
        if duty["id"] not in known:
            faults.append(f"$.duties[{number}]: card_schema has no $defs entry {duty['id']!r}")
        elif _met_by_nothing(card_schema, duty["id"]):
            faults.append(f"$.duties[{number}]: a card on which every fact is missing meets {duty['id']!r}")
    for name, definition in known.items():
        wanted = definition.get("properties", {}).get("facts", {}).get("properties", {})
        unknown = sorted(set(wanted) - set(catalogue()))
        faults += [f"card_schema: $defs.{name}: unknown fact {key!r} ({nearest(key, catalogue())})" for key in unknown]
    return faults
