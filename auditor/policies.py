"""Policies: TOML files with bounds on metrics, and JSON Schemas over the card for what must be documented."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from auditor import probes, registry, resources, schema
from auditor.computed import COMPUTED_KEYS, is_computed
from auditor.demands import KEYS, asked_of, compile_duties
from auditor.errors import PolicyError, UsageError, foreign_faults, list_faults, nearest
from auditor.provenance.facts import catalogue, missing
from auditor.types import ANSWERS, OVERLAPS, Duty, Json, Policy, Rule, Scale, Source, gap_name

KEPT = "policies"
T = TypeVar("T", Rule, Duty)

_WHOLE = ".json"

_OTHER_KEYWORDS = ("then", "else", "minContains", "maxContains", "title", "description")


def shipped() -> Path:
    """Return the folder of the policies that come with auditor."""
    return resources.root() / "policies"


def find() -> dict[str, Path]:
    """Return every shipped policy's file by id."""
    return {path.stem: path for path in sorted(shipped().glob("*.toml"))}


def load(name: str) -> Policy:
    """Return the policy that an id or a path names: a TOML file, or what `text_of` made of one (`.json`).

    Raises:
        UsageError: nothing has that name.
        PolicyError: with every fault of the file, each with its place.
    """
    path, content, card_schema = _read(name)
    faults = _faults(content, card_schema)
    if faults:
        raise _refused(path, faults)
    policy = Policy(
        id=path.stem,
        version=content["version"],
        title=content["title"],
        owner=content["owner"],
        description=content["description"].strip(),
        digest=schema.digest_of([content, card_schema]),
        rules=tuple(_demanded(content, rule, Rule, path) for rule in content.get("rules", [])),
        duties=tuple(_demanded(content, duty, Duty, path) for duty in content.get("duties", [])),
        card_schema=card_schema,
        sources={
            name: schema.convert(source, Source, where=str(path), error=PolicyError)
            for name, source in content.get("sources", {}).items()
        },
        coverage=schema.convert(content["coverage"], Scale, where=str(path), error=PolicyError)
        if "coverage" in content
        else None,
    )
    own = path.parent != shipped() and path.suffix != _WHOLE
    faults = empty_duties(policy) if own else []  # slow; the tests check the shipped ones, and a run its own
    if faults:
        raise _refused(path, faults)
    return policy


def text_of(name: str) -> str:
    """Return a policy as one JSON text, its schema over the card with it; the text's sha256 is the policy's digest."""
    _, content, card_schema = _read(name)
    return schema.canonical_json([content, card_schema])


def kept_in(folder: Path, policy_id: str) -> Path | None:
    """Return where a record's folder keeps a policy that its run was judged by, or None."""
    path = folder / KEPT / f"{policy_id}{_WHOLE}"
    return path if Path(policy_id).name == policy_id and schema.is_file(path) else None


def at_hand(folder: Path, policy_id: str, digest: str) -> Policy | None:
    """Return the policy of an id and a digest that a record's folder keeps, or that is shipped, or None."""
    kept = kept_in(folder, policy_id)
    for name in ([str(kept)] if kept else []) + [policy_id] * (policy_id in find()):
        with contextlib.suppress(PolicyError):  # one that was damaged is told by its digest
            policy = load(name)
            if policy.digest == digest:
                return policy
    return None


def _read(name: str) -> tuple[Path, dict[str, Json], dict[str, Json]]:
    """Return a policy's path, its content, dates as texts, and its schema over the card."""
    known = find()
    path = known.get(name) or Path(name)
    if not schema.is_file(path):
        raise UsageError(f"no policy is named {name!r}", hint=nearest(name, known))
    whole = path.suffix == _WHOLE
    content, card_schema = _whole(path) if whole else (msgspec.to_builtins(schema.read_toml(path, PolicyError)), {})
    schema.check(content, schema.load_schema("policy"), where=str(path), error=PolicyError)
    return path, content, card_schema if whole else _card_schema(path, content)


def _whole(path: Path) -> tuple[dict[str, Json], dict[str, Json]]:
    with foreign_faults(f"{path} is no policy as a run keeps it", PolicyError, hint="give the policy's TOML file"):
        content, card_schema = schema.strict_json(path.read_text(encoding="utf-8"))
        schema.validators().Draft202012Validator.check_schema(card_schema)
        return dict(content), dict(card_schema)


def _refused(path: Path, faults: list[str]) -> PolicyError:
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return PolicyError(f"{path} has {count}:\n{list_faults(faults)}", hint="correct the places named above")


def load_all(names: Sequence[str]) -> list[Policy]:
    """Return the policies that ids or paths name, each once.

    Raises:
        UsageError: two different ones have the same id.
    """
    found: dict[str, Policy] = {}
    for policy in map(load, names):
        if policy.id in found and found[policy.id].digest != policy.digest:
            raise UsageError(f"two policies are named {policy.id!r}", hint="give one of the files another name")
        found[policy.id] = policy
    return list(found.values())


def _demanded(content: dict[str, Json], entry: dict[str, Json], kind: type[T], path: Path) -> T:
    """Return a rule or duty with what the whole policy, and the source that it cites, say of it."""
    defaults = {key: content[key] for key in ("owner", "rationale", "severity", "audience", "source") if key in content}
    own = {**defaults, **{key: value for key, value in entry.items() if key not in KEYS}}
    source = content.get("sources", {}).get(own.get("source", ""), {})
    cited = {key: source[key] for key in ("basis", "checked_on") if key in source}
    return schema.convert({**cited, **own}, kind, where=str(path), error=PolicyError)


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


def metrics_of(packs: tuple[Path, ...] = (), judged_by: Sequence[Policy] = ()) -> dict[str, set[str]]:
    """Return the names of the metrics that each known probe can give, under any classifier.

    With policies, only the probes that their rules name are looked at, as long as all of those exist.
    """
    places = probes.find(packs)
    named = {rule.metric.partition(":")[0] for policy in judged_by for rule in policy.rules}
    if judged_by and named <= set(places):
        places = {probe_id: places[probe_id] for probe_id in sorted(named)}
    found: dict[str, set[str]] = {}
    for probe_id, place in places.items():
        if place.scorer in registry.names("scorers"):  # else loading the probe says so, with its other faults
            names = set(registry.load("scorers", place.scorer).metric_names) or {place.metric}
            gaps = {gap_name(name, field) for name in names for field in place.gap_by}
            found[probe_id] = names | gaps | set(OVERLAPS)
    return found


def _card_schema(path: Path, content: dict[str, Json]) -> dict[str, Json]:
    """Return the JSON Schema over the card: made of the duties' own demands, and of a file where one is named."""
    made = compile_duties(path.stem, content["version"], content["title"], content.get("duties", []))
    given = _given_schema(path, content["card_schema"]) if "card_schema" in content else {}
    both = sorted(set(made["$defs"]) & set(given.get("$defs", {})) - {"known"})
    faults = [f"the duty {name!r} says what it demands, and so does card_schema" for name in both]
    if faults:
        raise _refused(path, faults)
    return {**made, **given, "$defs": {**made["$defs"], **given.get("$defs", {})}}


def _given_schema(path: Path, name: str) -> dict[str, Json]:
    file = path.parent / name
    try:
        found: dict[str, Json] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise PolicyError(f"{path}: cannot read card_schema {file}: {fault}", hint="check the path") from fault
    hint = "it must be a JSON Schema (draft 2020-12) with one $defs entry a duty"
    with foreign_faults(f"{path}: card_schema {file} is no sound schema", PolicyError, hint=hint):
        schema.validators().Draft202012Validator.check_schema(found)
        for entry, definition in found["$defs"].items():
            if not isinstance(definition, dict):
                raise TypeError(f"$defs.{entry} is no object")
            _met_by_nothing(found, entry)
    return found


def empty_duties(policy: Policy) -> list[str]:
    """Return the duties that a card without any fact meets, so that they demand nothing."""
    return [
        f"$.duties[{number}]: a card on which every fact is missing meets {duty.id!r}"
        for number, duty in enumerate(policy.duties)
        if _met_by_nothing(policy.card_schema, duty.id)
    ]


def _met_by_nothing(card_schema: dict[str, Json], entry: str) -> bool:
    facts = dict.fromkeys(catalogue(), msgspec.json.decode(msgspec.json.encode(missing())))
    empty = {"facts": facts, "computed": {}, "contradictions": {}, "probes": [], "not_measured": {}}
    rooted = {**{key: value for key, value in card_schema.items() if key != "allOf"}, "$ref": f"#/$defs/{entry}"}
    return bool(schema.validators().Draft202012Validator(rooted).is_valid(empty))


def _faults(content: dict[str, Json], card_schema: dict[str, Json]) -> list[str]:
    rules, duties = content.get("rules", []), content.get("duties", [])
    counted = Counter(entry["id"] for entry in [*rules, *duties])
    faults = [f"the id {name!r} stands more than once" for name, count in sorted(counted.items()) if count > 1]
    for number, rule in enumerate(rules):
        if "min" not in rule and "max" not in rule:
            faults.append(f"$.rules[{number}]: a rule needs min, max or both")
        elif rule.get("min", float("-inf")) > rule.get("max", float("inf")):
            faults.append(f"$.rules[{number}]: min {rule['min']} is above max {rule['max']}")
    for place, entry in _places(content):
        faults += [f"{place}: {fault}" for fault in _source_faults(content, entry)]
    known = card_schema["$defs"]
    for number, duty in enumerate(duties):
        if duty["id"] not in known:
            faults.append(f"$.duties[{number}]: card_schema has no $defs entry {duty['id']!r}")
        for where in ("holds", "when"):
            for key, wanted in duty.get(where, {}).items():
                faults += [f"$.duties[{number}].{where}.{key}: {fault}" for fault in _keyword_faults(wanted)]
        if not duty.get("rationale", content.get("rationale")):
            faults.append(f"$.duties[{number}]: neither {duty['id']!r} nor the policy gives a rationale")
        if duty.get("automatable") is False and not duty.get("question", "").endswith("?"):
            faults.append(
                f"$.duties[{number}]: {duty['id']!r} is not automatable, so it needs a question, ending in '?'"
            )
    for name in known:
        faults += [f"card_schema: $defs.{name}: {fault}" for fault in _unknown(card_schema, name)]
    return faults


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


def _places(content: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    for kind in ("rules", "duties"):
        for number, entry in enumerate(content.get(kind, [])):
            yield f"$.{kind}[{number}]", entry


def _source_faults(content: dict[str, Json], entry: dict[str, Json]) -> list[str]:
    """Return why what a rule or duty cites cannot be looked up."""
    sources = content.get("sources", {})
    name = entry.get("source", content.get("source", ""))
    if name and name not in sources:
        return [f"no source is named {name!r} ({nearest(name, sources)})"]
    basis = entry.get("basis", sources[name]["basis"] if name else "organisation")
    if basis != "organisation" and not (name and entry.get("clause")):
        return [f"{entry['id']!r} rests on a {basis}, so it needs a source and a clause"]
    return []


def _unknown(card_schema: dict[str, Json], entry: str) -> list[str]:
    facts, paths = asked_of(card_schema, entry)
    unknown = [key for key in facts if key not in catalogue() and not key.startswith(f"{ANSWERS}.")]
    strange = [path for path in paths if not is_computed(path)]
    return [
        *(f"unknown fact {key!r} ({nearest(key, catalogue())})" for key in unknown),
        *(f"nothing is computed as {path!r} ({nearest(path, COMPUTED_KEYS)})" for path in strange),
    ]
