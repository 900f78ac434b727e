"""Policies: TOML files with bounds on metrics, and JSON Schemas over the card for what must be documented."""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from auditor import policy_faults, probes, registry, resources, schema
from auditor.demands import KEYS, compile_duties
from auditor.errors import PolicyError, UsageError, counted, foreign_faults, list_faults, nearest
from auditor.provenance.facts import catalogue, missing
from auditor.types import ANSWERS, OVERLAPS, Duty, Json, Policy, Rule, Scale, Source, gap_name

KEPT = "policies"
T = TypeVar("T", Rule, Duty)

_WHOLE = ".json"

_FEW = 5  # probes that a hint can name


def shipped() -> Path:
    """Return the folder of the policies that come with auditor."""
    return resources.root() / "policies"


def find() -> dict[str, Path]:
    """Return every shipped policy's file by id."""
    return {path.stem: path for path in sorted(shipped().glob("*.toml"))}


def load(name: str, known: Mapping[str, set[str]] | None = None) -> Policy:
    """Return the policy that an id or a path names: a TOML file, or what `text_of` made of one (`.json`).

    With the metrics `known` of each probe, a rule on another one is a fault.

    Raises:
        UsageError: nothing has that name.
        PolicyError: with every fault of the file, each with its place.
    """
    path, content, card_schema, faults = _read(name)
    if known is not None:
        rules = [(rule["id"], rule["metric"]) for _, rule in policy_faults.entries(content, "rules")]
        faults = [*faults, *_metric_faults(rules, known)]
    if faults:
        raise _refused(path, faults)
    return Policy(
        id=path.stem,
        version=content["version"],
        title=content["title"],
        owner=content["owner"],
        description=content["description"].strip(),
        digest=schema.digest_of([content, card_schema]),
        rules=tuple(_demanded(content, "rules", Rule, path)),
        duties=tuple(_demanded(content, "duties", Duty, path)),
        card_schema=card_schema,
        sources={
            name: schema.convert(source, Source, where=str(path), error=PolicyError)
            for name, source in content.get("sources", {}).items()
        },
        coverage=schema.convert(content["coverage"], Scale, where=str(path), error=PolicyError)
        if "coverage" in content
        else None,
    )


def text_of(name: str) -> str:
    """Return a policy as one JSON text, its schema over the card with it; the text's sha256 is the policy's digest."""
    path, content, card_schema, faults = _read(name)
    if faults:
        raise _refused(path, faults)
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


def _read(name: str) -> tuple[Path, dict[str, Json], dict[str, Json], list[str]]:
    """Return a policy's path, its content, dates as texts, its schema over the card, and the faults of both.

    Where there are faults, the content is the sound part of it.
    """
    known = find()
    path = known.get(name) or Path(name)
    if not schema.is_file(path):
        raise UsageError(f"no policy is named {name!r}", hint=nearest(name, known))
    whole = path.suffix == _WHOLE
    content, card_schema = _whole(path) if whole else (msgspec.to_builtins(schema.read_toml(path, PolicyError)), {})
    faults = schema.faults_against(content, schema.load_schema("policy"))
    content = policy_faults.sound(content, faults)
    try:
        card_schema = card_schema if whole else _card_schema(path, content)
    except PolicyError as fault:
        return path, content, {}, [*faults, fault.message]
    faults += policy_faults.find(content, card_schema)
    if path.parent != shipped() and not whole:  # slow; the tests check the shipped ones, and a run its own
        duties = [(number, duty["id"]) for number, duty in policy_faults.entries(content, "duties")]
        faults += _empty(card_schema, duties)
    return path, content, card_schema, faults


def _whole(path: Path) -> tuple[dict[str, Json], dict[str, Json]]:
    told, hint = f"{path} is no policy as a run keeps it", "give the policy's TOML file"
    try:
        whole = schema.strict_json(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as fault:
        raise PolicyError(f"{told}: it is not JSON: {fault}", hint=hint) from fault
    if not (isinstance(whole, list) and len(whole) == len(("content", "card_schema"))):
        raise PolicyError(f"{told}: expected a list of the policy and its schema", hint=hint)
    with foreign_faults(told, PolicyError, hint=hint):
        content, card_schema = whole
        schema.validators().Draft202012Validator.check_schema(card_schema)
        return dict(content), dict(card_schema)


def _refused(path: Path, faults: list[str]) -> PolicyError:
    count = counted(len(faults), "fault")
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


def _demanded(content: dict[str, Json], key: str, kind: type[T], path: Path) -> Iterator[T]:
    """Yield the rules or duties, each with what the whole policy, and the source that it cites, say of it."""
    defaults = {key: content[key] for key in ("owner", "rationale", "severity", "audience", "source") if key in content}
    for number, entry in policy_faults.entries(content, key):
        own = {**defaults, **{key: value for key, value in entry.items() if key not in KEYS}}
        source = content.get("sources", {}).get(own.get("source", ""), {})
        cited = {key: source[key] for key in ("basis", "checked_on") if key in source}
        at, hint = f"$.{key}[{number}]", "correct the place named"
        yield schema.convert({**cited, **own}, kind, where=str(path), error=PolicyError, at=at, hint=hint)


def check_metrics(policy: Policy, known: Mapping[str, set[str]], *, foreign: bool = False) -> None:
    """Raise unless every rule's metric is one that a known probe gives; `foreign` lets unknown probes pass.

    Raises:
        PolicyError: naming each metric that no probe gives, with the nearest that one does.
    """
    rules = [
        (rule.id, rule.metric) for rule in policy.rules if not (foreign and rule.metric.partition(":")[0] not in known)
    ]
    if faults := _metric_faults(rules, known):
        raise PolicyError(
            f"policy {policy.id} names metrics that do not exist:\n{list_faults(faults)}", hint="correct the policy"
        )


def answer_faults(keys: Iterable[str], judged_by: Sequence[Policy]) -> list[str]:
    """Return a fault for each answer that goes to no question of a policy that is at hand, with the nearest that is.

    A policy that is not at hand, and like none that is, can have any question.
    """
    known = {policy.id: policy for policy in judged_by}
    names = sorted({*find(), *known})
    faults = []
    for key in keys:
        name, _, duty = key.removeprefix(f"{ANSWERS}.").partition("/")
        at = f"$.answers: {name}/{duty}: no"
        if name not in names:
            near = difflib.get_close_matches(name, names, cutoff=0.75)
            faults += [f"{at} policy is named {name!r} ({nearest(name, near)})"] if near else []
            continue
        policy = known.get(name) or load(name)
        questions = [one.id for one in policy.duties if not one.automatable]
        if duty not in questions:
            faults.append(f"{at} question of {name} is named {duty!r} ({nearest(duty, questions)})")
    return faults


def _metric_faults(rules: Iterable[tuple[str, str]], known: Mapping[str, set[str]]) -> list[str]:
    """Return a fault for each rule, by its id and metric, whose metric no known probe gives."""
    return [
        f"rule {rule_id}: no probe gives {metric} ({_nearest_metric(metric, known)})"
        for rule_id, metric in rules
        if metric.partition(":")[2] not in known.get(metric.partition(":")[0], ())
    ]


def _nearest_metric(metric: str, known: Mapping[str, set[str]]) -> str:
    """Return what may have been meant: a metric of the same probe, the same one of a probe nearby, or the probe."""
    probe_id, _, name = metric.partition(":")
    if probe_id in known:
        close = difflib.get_close_matches(name, sorted(known[probe_id]), n=3, cutoff=0.7)
        if not close:
            return f"it gives {', '.join(sorted(known[probe_id]))}"
        return f"did you mean {' or '.join(f'{probe_id}:{one}' for one in close)}?"
    alike = difflib.get_close_matches(probe_id, sorted(known), n=3, cutoff=0.75)
    given = [f"{one}:{name}" for one in alike if name in known[one]]
    if not given and len(probes_with := sorted(one for one in known if name in known[one])) <= _FEW:
        given = [f"{one}:{name}" for one in probes_with]
    named = given or [f"a metric of {one}" for one in alike]
    return f"did you mean {' or '.join(named)}?" if named else "`auditor probes list` names the probes"


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
    duties = [duty for _, duty in policy_faults.entries(content, "duties")]
    made = compile_duties(path.stem, str(content.get("version")), str(content.get("title")), duties)
    given = _given_schema(path, content["card_schema"]) if content.get("card_schema") else {}
    both = sorted(set(made["$defs"]) & set(given.get("$defs", {})) - {"known"})
    if both:
        said = (f"the duty {name!r} says what it demands, and so does card_schema" for name in both)
        raise PolicyError("; ".join(said))
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
    return _empty(policy.card_schema, list(enumerate(duty.id for duty in policy.duties)))


def _empty(card_schema: dict[str, Json], duties: Iterable[tuple[int, str]]) -> list[str]:
    return [
        f"$.duties[{number}]: a card on which every fact is missing meets {name!r}"
        for number, name in duties
        if name in card_schema["$defs"] and _met_by_nothing(card_schema, name)
    ]


def _met_by_nothing(card_schema: dict[str, Json], entry: str) -> bool:
    facts = dict.fromkeys(catalogue(), msgspec.json.decode(msgspec.json.encode(missing())))
    empty = {"facts": facts, "computed": {}, "contradictions": {}, "probes": [], "not_measured": {}}
    rooted = {**{key: value for key, value in card_schema.items() if key != "allOf"}, "$ref": f"#/$defs/{entry}"}
    return bool(schema.validators().Draft202012Validator(rooted).is_valid(empty))
