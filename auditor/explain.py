"""A policy explained: what each duty asks, where that stands, what the card has, and what to write to meet it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from auditor.computed import COMPUTED_KEYS
from auditor.demands import asked_of
from auditor.duties import answer_key
from auditor.errors import counted
from auditor.provenance.datasets import folders_of
from auditor.provenance.facts import catalogue, missing
from auditor.types import ANSWERS, Card, Duty, Fact, Finding, Json, Policy, Rule, Verdict

_KNOWN = {"measured", "derived", "declared"}
_FILL = {
    "auto": "auditor, from the model's files or a measurement; a declaration only where it cannot",
    "hint": "auditor drafts it where the files say it (`auditor provenance MODEL`), a person confirms",
    "declared": "a person: the provider, or whoever trained the model",
}
_FAMILY_PATHS = ("computed.measured.", "computed.metrics.", "computed.gaps_measured", "computed.partial_probes")
_OVERLAP_PATHS = "computed.contamination."


class Need(Struct, frozen=True, kw_only=True):
    """One thing that a duty looks at: a fact or what is computed, what the card has now, and what would supply it."""

    key: str
    label: str
    now: str
    supplied_by: str
    toml: str = ""


class Explained(Struct, frozen=True, kw_only=True):
    """A rule or duty with its clause, and what it needs. `status` is empty where no record was judged."""

    id: str
    kind: Literal["rule", "duty"]
    title: str
    status: str
    severity: str
    basis: str
    clause: str
    audience: tuple[str, ...]
    rationale: str
    message: str
    needs: tuple[Need, ...]
    note: str = ""
    unchecked: str = ""


def explain(policy: Policy, facts: Mapping[str, Fact], card: Card | None, verdict: Verdict | None) -> list[Explained]:
    """Return every rule and duty of a policy.

    Args:
        policy: the policy.
        facts: what is declared, and with a card all of its facts.
        card: the card that was judged, if any.
        verdict: the policy's verdict on it.
    """
    found = {finding.id: finding for finding in verdict.findings} if verdict else {}
    rules = [_rule(policy, rule, found.get(rule.id)) for rule in policy.rules]
    return rules + [_duty(policy, duty, facts, card, found.get(duty.id)) for duty in policy.duties]


def _rule(policy: Policy, rule: Rule, finding: Finding | None) -> Explained:
    where = "".join(f", {key} = {value}" for key, value in sorted(rule.slice.items()))
    probe = rule.metric.partition(":")[0]
    by = f" by a scorer shown to find {rule.construct}" if rule.construct else ""
    earlier = " --previous RECORD" if rule.against else ""
    least = counted(rule.min_n, "sample")
    need = Need(
        key=rule.metric + where,
        label=bounds(rule),
        now=finding.message if finding else "not judged",
        supplied_by=f"a measurement{by}: auditor run --probes {probe}{earlier}, at least {least} scored",
    )
    return _explained(policy, rule, finding, "rule", (need,))


def bounds(rule: Rule) -> str:
    """Return a rule's bound in words."""
    given = (("≥", rule.min), ("≤", rule.max))
    found = " and ".join(f"{sign} {bound}" for sign, bound in given if bound is not None)
    return f"a change {found}" if rule.against else found


def _duty(
    policy: Policy, duty: Duty, facts: Mapping[str, Fact], card: Card | None, finding: Finding | None
) -> Explained:
    keys, paths = asked_of(policy.card_schema, duty.id)
    wanted = dict(_wanted(policy.card_schema["$defs"].get(duty.id, {})))
    needs = [_fact_need(key, facts, wanted.get(key, {})) for key in keys if not key.startswith(f"{ANSWERS}.")]
    needs += [_computed_need(path, card, facts) for path in paths]
    if not duty.automatable:
        needs.append(_answer_need(policy, duty, facts))
    return _explained(policy, duty, finding, "duty", tuple(needs))


def _explained(
    policy: Policy,
    demanded: Rule | Duty,
    finding: Finding | None,
    kind: Literal["rule", "duty"],
    needs: tuple[Need, ...],
) -> Explained:
    source = policy.sources.get(demanded.source)
    cited = ", ".join(filter(None, (source.title if source else "", demanded.clause)))
    checked = f" (looked up {demanded.checked_on})" if demanded.checked_on else ""
    return Explained(
        id=demanded.id,
        kind=kind,
        title=demanded.title or demanded.id,
        status=str(finding.status) if finding else "",
        severity=demanded.severity,
        basis=demanded.basis,
        clause=cited + checked if cited else "",
        audience=demanded.audience,
        rationale=demanded.rationale,
        message=finding.message if finding else "",
        needs=needs,
        note=demanded.note if isinstance(demanded, Duty) else "",
        unchecked=demanded.unchecked if isinstance(demanded, Duty) else "",
    )


def _wanted(part: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield the facts whose values a part of a policy's schema wants to be of some shape, each with that shape."""
    if isinstance(part, list):
        for entry in part:
            yield from _wanted(entry)
    elif isinstance(part, dict):
        value = part.get("properties", {}).get("facts", {}).get("properties", {})
        for key, fact in value.items():
            options = [fact, *fact.get("anyOf", ())]
            yield from ((key, one["properties"]["value"]) for one in options if "value" in one.get("properties", {}))
        for key in ("allOf", "then"):
            yield from _wanted(part.get(key))


def _fact_need(key: str, facts: Mapping[str, Fact], wanted: Mapping[str, Json]) -> Need:
    kind = catalogue()[key]
    fact = facts.get(key) or missing()
    known = fact.status in _KNOWN
    section, _, name = key.partition(".")
    line = "" if known else f"[{section}]\n{name} = {example(kind.schema, wanted)}  # {kind.question}"
    return Need(key=key, label=kind.label, now=_now(fact), supplied_by=_FILL[kind.fill], toml=line)


def _now(fact: Fact) -> str:
    if fact.status in _KNOWN:
        return f"{fact.status}: {str(fact.value)[:80]}"
    return fact.status.replace("_", " ") + (f": {fact.reason}" if fact.reason else "")


def _computed_need(path: str, card: Card | None, facts: Mapping[str, Fact]) -> Need:
    found: Json = card.computed if card else None
    for word in path.split(".")[1:]:
        found = found.get(word) if isinstance(found, dict) else None
    words = path.split(".")
    told = next((told for key, told in COMPUTED_KEYS.items() if _fits(key.split("."), words)), "")
    under = next((f"such as {key}: {told}" for key, told in COMPUTED_KEYS.items() if key.startswith(f"{path}.")), "")
    by = "a measurement: auditor run" if path.startswith(_FAMILY_PATHS) else "auditor, from the facts above and others"
    by = _look(facts) if path.startswith(_OVERLAP_PATHS) else by
    now = "not known" if found is None else str(found)[:80]
    return Need(key=path, label=told or under, now=now, supplied_by=by)


def _look(facts: Mapping[str, Fact]) -> str:
    """Return the command that looks into the training files, with those folders that are declared."""
    declared = folders_of(facts)
    if declared:
        named = " ".join(f"--training-data {folder}" for folder in declared)
        return f"a look into the training files: auditor run {named} (folders declared in the provenance file)"
    return (
        "a look into the training files: auditor run --training-data FILES; a dataset is known again by its digests, "
        "where training.datasets gives its folder, its Croissant file, or a file's sha256"
    )


def _fits(pattern: list[str], words: list[str]) -> bool:
    same = all(known in {"*", word} for known, word in zip(pattern, words, strict=False))
    return len(pattern) == len(words) and same


def _answer_need(policy: Policy, duty: Duty, facts: Mapping[str, Fact]) -> Need:
    key = answer_key(policy.id, duty.id)
    fact = facts.get(key) or missing()
    line = f'[{ANSWERS}]\n"{policy.id}/{duty.id}" = {{ value = true, evidence = "…" }}  # {duty.question}'
    by = "a person who knows, and says on what evidence"
    return Need(key=key, label=duty.question, now=_now(fact), supplied_by=by, toml="" if fact.value else line)


def example(schema: Mapping[str, Json], wanted: Mapping[str, Json] | None = None) -> str:
    """Return a TOML value of the shape that a fact's schema asks for, with … where a person's words go.

    `wanted` is what a duty asks of the value beside that: keys of tables that it needs.

    >>> example({"type": "array", "items": {"type": "object", "required": ["n"], "properties": {"n": {"enum": ["a"]}}}})
    '[{ n = "a" }]'
    >>> example({"type": "object", "properties": {"n": {"type": "string"}}}, {"anyOf": [{"required": ["n"]}]})
    '{ n = "…" }'
    """
    return _example(schema, schema.get("$defs", {}), wanted or {})


def _example(schema: Mapping[str, Json], definitions: Mapping[str, Json], wanted: Mapping[str, Json]) -> str:
    wanted = {**next(iter(wanted.get("anyOf", ())), {}), **wanted}
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions:
        return _example(definitions[name], definitions, wanted)
    if "enum" in schema:
        return f'"{schema["enum"][0]}"'
    if "then" in schema and "type" not in schema:
        return _example(schema["then"], definitions, wanted)
    match schema.get("type"):
        case "boolean":
            found = "true"
        case "integer" | "number":
            found = "0"
        case "array":
            found = f"[{_example(schema.get('items', {}), definitions, wanted.get('items', {}))}]"
        case "object":
            keys = dict.fromkeys([*schema.get("required", ()), *wanted.get("required", ())])
            of = {key: schema.get("properties", {}).get(key, {}) for key in keys}
            found = "{ " + ", ".join(f"{key} = {_example(inner, definitions, {})}" for key, inner in of.items()) + " }"
        case _:
            found = "YYYY-MM-DD" if schema.get("format") == "date" else '"…"'
    return found


def outline(policy: Policy) -> str:
    """Return a policy's rules and duties, each with its clause and its reason."""
    lines = [f"{policy.title} {policy.version}, owner: {policy.owner}", policy.description, ""]
    for rule in policy.rules:
        where = "".join(f", {key} = {value}" for key, value in sorted(rule.slice.items()))
        by = f", by a scorer shown to find {rule.construct}" if rule.construct else ""
        lines.append(f"{rule.id} ({rule.severity}): {rule.metric}{where} {bounds(rule)}{by}")
        lines.append(f"    {rule.rationale}")
    for duty in policy.duties:
        clause = f", {duty.clause}" if duty.clause else ""
        lines.append(f"{duty.id} ({duty.severity}, {duty.basis}): {duty.title}{clause}")
        lines.append(f"    {duty.question or duty.rationale}")
    return "\n".join(lines)


def as_text(policy: Policy, entries: list[Explained]) -> str:
    """Return an explanation for people."""
    lines = [f"{policy.title} {policy.version}, owner: {policy.owner}", policy.description, ""]
    for source in policy.sources.values():
        lines.append(f"{source.title}{f', {source.url}' if source.url else ''}: looked up on {source.checked_on}")
        lines += [f"    against {source.checked_against.strip()}"] if source.checked_against else []
    unchecked = [entry.id for entry in entries if entry.unchecked]
    if unchecked:
        lines.append(f"Unchecked in part, {len(unchecked)} of {len(entries)}: {', '.join(unchecked)}")
    lines += [""] if policy.sources else []
    for entry in entries:
        status = f"{entry.status:<13}" if entry.status else ""
        lines.append(f"{status}{entry.id}: {entry.title} ({entry.severity}, {entry.basis})")
        lines += [f"    {line}" for line in _lines(entry)]
        lines.append("")
    return "\n".join(lines).rstrip()


def _lines(entry: Explained) -> list[str]:
    lines = [f"why     {entry.rationale}"]
    lines += [f"clause  {entry.clause}"] if entry.clause else []
    lines += [f"note    {entry.note}"] if entry.note else []
    lines += [f"unchecked  {entry.unchecked}"] if entry.unchecked else []
    lines.append(f"for     {', '.join(entry.audience)}")
    lines += [f"found   {entry.message}"] if entry.message else []
    for need in entry.needs:
        lines.append(f"needs   {need.key}: {need.label}")
        lines.append(f"  now   {need.now}")
        lines.append(f"  from  {need.supplied_by}")
        lines += [f"  add   {line}" for line in need.toml.splitlines()]
    return lines
