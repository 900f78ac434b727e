"""What comes of a policy's duties on a card: a pure function of the two. The JSON Schema of a duty decides it."""

from __future__ import annotations

from itertools import chain

from auditor.demands import asked_of
from auditor.types import ANSWERS, ASKED, UNDECIDED, WHEN, Card, Duty, Fact, Finding, Json, Policy, Rule, Status


def judge_duties(card: Card, policy: Policy) -> list[Finding]:
    """Return what came of each duty of a policy."""
    if not policy.duties:
        return []
    import msgspec
    from jsonschema import Draft202012Validator

    plain = msgspec.json.decode(msgspec.json.encode(card))
    whole = Draft202012Validator({key: value for key, value in policy.card_schema.items() if key != "allOf"})
    entries = policy.card_schema["$defs"]
    found = []
    for duty in policy.duties:
        faults = _duty_faults(whole.evolve(schema=entries[duty.id]), card, plain)
        when, asked, undecided = (entries.get(f"{duty.id}{ending}") for ending in (WHEN, ASKED, UNDECIDED))
        unasked = _duty_faults(whole.evolve(schema=asked), card, plain) if asked and faults else []
        unknown = f"whether it applies is not known: {'; '.join(unasked)}" if unasked else ""
        if faults and not unknown and undecided and whole.evolve(schema=undecided).is_valid(plain):
            unknown = f"cannot be decided: {'; '.join(_said(card, policy, duty.id + UNDECIDED))}"
        applies = when is None or bool(faults) or whole.evolve(schema=when).is_valid(plain)
        found.append(_duty_finding(card, policy, duty, faults, unknown, applies=applies))
    return found


def cited(policy: Policy, demanded: Rule | Duty) -> str:
    """Return the clause with what it stands in."""
    source = policy.sources.get(demanded.source)
    return ", ".join(filter(None, (source.title if source else "", demanded.clause)))


def answer_key(policy: str, duty: str) -> str:
    """Return the key of the fact that answers a policy's question."""
    return f"{ANSWERS}.{policy}/{duty}"


def _duty_finding(card: Card, policy: Policy, duty: Duty, faults: list[str], unknown: str, *, applies: bool) -> Finding:
    """Return what came of a duty: `faults` says what it lacks, `unknown` why it cannot be decided."""
    answer = card.facts.get(answer_key(policy.id, duty.id))
    if not faults:
        status, message = Status.PASS, _met(answer) if applies else "does not apply, as documented"
    elif unknown:
        status, message = Status.INCONCLUSIVE, unknown
    elif not duty.automatable and (answer is None or answer.status == "missing"):
        status, message = Status.INCONCLUSIVE, f"a question to a person, not answered: {duty.question}"
    else:
        status, message = Status.FAIL, "not documented: " + "; ".join(faults)
    return Finding(
        id=duty.id,
        kind="duty",
        status=status,
        severity=duty.severity,
        basis=duty.basis,
        clause=cited(policy, duty),
        title=duty.title,
        audience=duty.audience,
        subject=duty.title,
        bound="documented" if duty.automatable else "answered",
        message=message,
        rationale=duty.rationale,
        owner=policy.owner,
        applies=applies,
        looks_at=tuple(chain(*asked_of(policy.card_schema, duty.id))),
    )


def _said(card: Card, policy: Policy, entry: str) -> list[str]:
    """Return what a card holds at the places that an entry of the policy's schema looks at."""
    keys, paths = asked_of(policy.card_schema, entry)
    found = {key: card.facts[key].value for key in keys if key in card.facts}
    for path in paths:
        value: Json = {"computed": card.computed}
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        found[path] = value
    return [f"{key} is {_shown(value)}" for key, value in found.items() if value or value == 0]


def _shown(value: Json) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _met(answer: Fact | None) -> str:
    return f"answered: {answer.source}" if answer and answer.status == "declared" else "documented"


def _duty_faults(validator: Json, card: Card, plain: Json) -> list[str]:
    """Return where the card does not meet the duty's schema, as `fact is missing` or the validator's words."""
    found = list(validator.iter_errors(plain))
    faults = set()
    while found:
        error = found.pop()
        path = [str(part) for part in error.absolute_path]
        if error.context:
            found += error.context
        elif len(path) > 1 and path[0] == "facts":
            faults.add(_fact_fault(path, card, error))
        elif path == ["facts"] and error.validator == "required":
            faults.add(error.message.replace("is a required property", "is missing").replace("'", ""))
        elif path[:1] == ["computed"] and error.validator == "required":
            lacking = [name for name in error.validator_value if name not in error.instance]
            faults |= {f"{'.'.join([*path, name])} is not known" for name in lacking}
        else:
            faults.add(f"{'.'.join(path) or 'the card'}: {error.message[:120]}")
    return sorted(faults)


def _fact_fault(path: list[str], card: Card, error: Json) -> str:
    fact = card.facts[path[1]]
    if path[-1] == "status" or fact.status not in {"measured", "derived", "declared"}:
        return f"{path[1]} is {fact.status.replace('_', ' ')}"
    return f"{'.'.join(part for part in path[1:] if part != 'value')}: {error.message[:120]}"
