"""The verdict: a pure function of record, card, policy and waivers. It reads no file, asks no model, knows no clock.

A rule is judged on the interval, not the point: PASS if the whole interval lies within the bound, FAIL if it lies
wholly outside, else INCONCLUSIVE. Whatever keeps a number from being trusted (a partial run, too few or too many
unscored samples, another scorer, one not shown to find what the rule is about, no number at all) makes the rule
INCONCLUSIVE, never PASS, and no waiver covers that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from auditor.types import (
    ANSWERS,
    ASKED,
    WHEN,
    Card,
    Coverage,
    Duty,
    Fact,
    Figure,
    Finding,
    Json,
    Metric,
    Policy,
    ProbeResult,
    Rule,
    RunRecord,
    Severity,
    Status,
    Verdict,
    Waiver,
    choose,
)

SCHEMA = "auditor:verdict/2"


class _Outcome(NamedTuple):
    """What came of a rule; `sound` says that the measurement itself can be trusted."""

    status: Status
    message: str
    sound: bool = False


def judge(record: RunRecord, card: Card, policy: Policy, waivers: Sequence[Waiver] = ()) -> Verdict:
    """Return the policy's findings and what they amount to: FAIL over INCONCLUSIVE over PASS.

    Only findings of severity *error* move the verdict. A policy without one is INCONCLUSIVE, and so is one of which
    every such finding is waived: nothing was shown.
    """
    own = {waiver.id: waiver for waiver in waivers if waiver.policy == policy.id}
    as_of = str(card.computed["as_of"])
    ruled = [_judge_rule(record, rule, policy) for rule in policy.rules]
    judged = [*ruled, *((finding, True) for finding in _judge_duties(card, policy))]
    findings = [
        *(_waive(finding, own.get(finding.id), card, sound=sound) for finding, sound in judged),
        *(_contradiction(key, what) for key, what in sorted(card.contradictions.items())),
        *_partial(record, policy),
        *_waiver_findings([finding for finding, _ in judged], own, card),
    ]
    return Verdict(
        schema=SCHEMA,
        status=worst(finding.status for finding in findings if finding.required),
        policy=policy.id,
        policy_title=policy.title,
        policy_version=policy.version,
        policy_digest=policy.digest,
        record_digest=record.digest,
        facts_digest=card.facts_digest,
        as_of=as_of,
        findings=tuple(findings),
        coverage=_coverage(policy, findings),
    )


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of several statuses; INCONCLUSIVE where there is none, or none but waived ones."""
    found = set(statuses)
    for status in (Status.FAIL, Status.INCONCLUSIVE):
        if status in found:
            return status
    return Status.PASS if Status.PASS in found else Status.INCONCLUSIVE


def _coverage(policy: Policy, findings: Iterable[Finding]) -> Coverage | None:
    """Return how much of what applies is documented, by weight; a waived duty is not documented."""
    if policy.coverage is None:
        return None
    weights = {duty.id: duty.weight for duty in policy.duties}
    asked = [finding for finding in findings if finding.id in weights and finding.kind == "duty" and finding.applies]
    by_status = {status: sum(weights[f.id] for f in asked if f.status is status) for status in Status}
    undecided = by_status[Status.INCONCLUSIVE]
    decided = sum(by_status.values()) - undecided
    percent = 100 * by_status[Status.PASS] / decided if decided else 0.0
    reached = [grade for grade, least in policy.coverage.grades.items() if percent >= least]
    best = max(reached, key=policy.coverage.grades.__getitem__, default="F" if policy.coverage.grades else "")
    points = by_status[Status.PASS]
    return Coverage(
        title=policy.coverage.title, points=points, of=decided, undecided=undecided, percent=percent, grade=best
    )


def _judge_rule(record: RunRecord, rule: Rule, policy: Policy) -> tuple[Finding, bool]:
    outcome = _rule_outcome(record, rule)
    where = "".join(f", {key} = {value}" for key, value in sorted(rule.slice.items()))
    finding = Finding(
        id=rule.id,
        kind="rule",
        status=outcome.status,
        severity=rule.severity,
        basis=rule.basis,
        clause=_cited(policy, rule),
        title=rule.title or rule.metric,
        audience=rule.audience,
        subject=rule.metric + where,
        bound=_bound(rule),
        message=outcome.message,
        rationale=rule.rationale,
        owner=rule.owner,
    )
    return finding, outcome.sound


def _cited(policy: Policy, demanded: Rule | Duty) -> str:
    """Return the clause with what it stands in."""
    source = policy.sources.get(demanded.source)
    return ", ".join(filter(None, (source.title if source else "", demanded.clause)))


def _rule_outcome(record: RunRecord, rule: Rule) -> _Outcome:  # noqa: PLR0911 - a list of cases
    probe = record.probe_of(rule.metric)
    if probe is None:
        return _Outcome(Status.INCONCLUSIVE, "the probe was not run")
    metric = record.metric(rule.metric, rule.slice)
    if metric is None:
        return _Outcome(Status.INCONCLUSIVE, "the record lacks this metric" + _other_scorer(probe, rule))
    if not isinstance(metric, Metric):
        why = f"the metric is undefined: {metric.reason} (unscored: {metric.n_unscored})"
        return _Outcome(Status.INCONCLUSIVE, why)
    if rule.scorer and metric.scorer.name != rule.scorer:
        why = f"the rule was written for {rule.scorer}, the metric is by {metric.scorer.name}"
        return _Outcome(Status.INCONCLUSIVE, why)
    if any(bound is not None and not metric.key.low <= bound <= metric.key.high for bound in (rule.min, rule.max)):
        why = f"the bound is outside the metric's range, {metric.key.low:g} to {metric.key.high:g}"
        return _Outcome(Status.INCONCLUSIVE, why)
    unshown = _unshown(probe, metric, rule)
    if unshown:
        return _Outcome(Status.INCONCLUSIVE, unshown)
    low, high = metric.interval.low, metric.interval.high
    caveat = _caveat(probe, metric, rule)
    if (rule.min is not None and high < rule.min) or (rule.max is not None and low > rule.max):
        why = "the whole interval lies outside the bound"
        return _Outcome(Status.FAIL, f"{why}; {caveat}" if caveat else why, sound=not caveat)
    if caveat:
        return _Outcome(Status.INCONCLUSIVE, caveat)
    if (rule.min is None or low >= rule.min) and (rule.max is None or high <= rule.max):
        return _Outcome(Status.PASS, "the whole interval lies within the bound", sound=True)
    return _Outcome(Status.INCONCLUSIVE, "the interval crosses the bound", sound=True)


def _unshown(probe: ProbeResult, metric: Metric, rule: Rule) -> str:
    """Return why the metric's scorer is not known to find what the rule is about, or nothing.

    The calibration that decides is the first of the rule's construct, on texts in one of the probe's languages: with
    it, Youden's J and, where there is one, the AUC must lie wholly above chance.
    """
    if not rule.construct:
        return ""
    lead = f"{metric.scorer.name} is not shown to find {rule.construct}: "
    found = choose(probe.calibrations, scorer=metric.scorer, construct=rule.construct, languages=probe.languages)
    if found is None:
        return lead + "the record holds no such calibration of it"
    if found.beats_chance():
        return ""
    for name, figure in (("AUC", found.overall.auc), ("Youden's J", found.overall.youden)):
        if isinstance(figure, Figure) and figure.interval.low <= (0.5 if name == "AUC" else 0.0):
            between = f"[{figure.interval.low:.3f}, {figure.interval.high:.3f}]"
            return f"{lead}{name} {figure.value:.3f} {between} on {found.name}"
    return f"{lead}its figures on {found.name} are undefined"


def _caveat(probe: ProbeResult, metric: Metric, rule: Rule) -> str:
    """Return why this metric cannot pass, or nothing."""
    reasons = []
    if probe.partial:
        reasons.append(f"partial run: {probe.n_selected} of {probe.n_items} samples")
    n = metric.gap.least_n if metric.gap else metric.n
    if n < rule.min_n:
        reasons.append(f"n = {n}{' in the smallest group' if metric.gap else ''}, the rule asks for {rule.min_n}")
    share = metric.gap.most_unscored if metric.gap else metric.n_unscored / (metric.n + metric.n_unscored)
    if share > rule.max_unscored_share:
        of = "of a group's" if metric.gap else "of the"
        reasons.append(f"{share:.1%} {of} samples are unscored, the rule allows {rule.max_unscored_share:.1%}")
    return "; ".join(reasons)


def _other_scorer(probe: ProbeResult, rule: Rule) -> str:
    used = sorted({metric.scorer.name for metric in probe.metrics})
    if rule.scorer and used and rule.scorer not in used:
        return f": the rule was written for {rule.scorer}, the probe was scored by {', '.join(used)}"
    return ""


def _bound(rule: Rule) -> str:
    match rule.min, rule.max:
        case None, None:
            return "no bound"
        case None, high:
            return f"at most {high:g}"
        case low, None:
            return f"at least {low:g}"
        case low, high:
            return f"within {low:g} to {high:g}"


def _judge_duties(card: Card, policy: Policy) -> list[Finding]:
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
        when, asked = entries.get(f"{duty.id}{WHEN}"), entries.get(f"{duty.id}{ASKED}")
        unknown = _duty_faults(whole.evolve(schema=asked), card, plain) if asked and faults else []
        applies = when is None or bool(faults) or whole.evolve(schema=when).is_valid(plain)
        found.append(_duty_finding(card, policy, duty, faults, unknown, applies=applies))
    return found


def _duty_finding(
    card: Card, policy: Policy, duty: Duty, faults: list[str], unknown: list[str], *, applies: bool
) -> Finding:
    """Return what came of a duty: `faults` says what it lacks, `unknown` why it cannot be told whether it applies."""
    answer = card.facts.get(answer_key(policy.id, duty.id))
    if not faults:
        status, message = Status.PASS, _met(answer) if applies else "does not apply, as documented"
    elif unknown:
        status, message = Status.INCONCLUSIVE, "whether it applies is not known: " + "; ".join(unknown)
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
        clause=_cited(policy, duty),
        title=duty.title,
        audience=duty.audience,
        subject=duty.title,
        bound="documented" if duty.automatable else "answered",
        message=message,
        rationale=duty.rationale,
        owner=policy.owner,
        applies=applies,
    )


def _met(answer: Fact | None) -> str:
    return f"answered: {answer.source}" if answer and answer.status == "declared" else "documented"


def answer_key(policy: str, duty: str) -> str:
    """Return the key of the fact that answers a policy's question."""
    return f"{ANSWERS}.{policy}/{duty}"


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
        else:
            faults.add(f"{'.'.join(path) or 'the card'}: {error.message[:120]}")
    return sorted(faults)


def _fact_fault(path: list[str], card: Card, error: Json) -> str:
    fact = card.facts[path[1]]
    if path[-1] == "status" or fact.status not in {"measured", "derived", "declared"}:
        return f"{path[1]} is {fact.status.replace('_', ' ')}"
    return f"{'.'.join(part for part in path[1:] if part != 'value')}: {error.message[:120]}"


def _waive(finding: Finding, waiver: Waiver | None, card: Card, *, sound: bool) -> Finding:
    """Return the finding as WAIVED where a waiver covers it: in scope, not expired, and no fault of measurement."""
    if waiver is None or _out_of_force(waiver, card) or finding.status is Status.PASS or not sound:
        return finding
    return replace(
        finding,
        status=Status.WAIVED,
        was=finding.status,
        waiver=waiver,
        message=f"waived until {waiver.expires} by {waiver.approver}: {finding.message}",
    )


def _out_of_force(waiver: Waiver, card: Card) -> str:
    if waiver.scope != card.weights_digest:
        return f"it is for weights {waiver.scope[:12]}, these are {card.weights_digest[:12]}"
    if waiver.expires < str(card.computed["as_of"]):
        return f"it expired on {waiver.expires}; judged as of {card.computed['as_of']}"
    return ""


def _waiver_findings(findings: list[Finding], own: dict[str, Waiver], card: Card) -> list[Finding]:
    """Return what is wrong with waivers: expired, naming nothing, or covering nothing."""
    known = {finding.id: finding for finding in findings}
    found = []
    for name, waiver in sorted(own.items()):
        severity: Severity = "error"
        expired = waiver.expires < str(card.computed["as_of"])
        if name not in known:
            why = f"the policy has no rule or duty {name!r}"
        elif waiver.scope != card.weights_digest:
            why, severity = _out_of_force(waiver, card), "note"
        elif expired:
            why = _out_of_force(waiver, card)
        elif known[name].status is Status.PASS:
            why, severity = "there is nothing to waive: the finding is PASS", "note"
        else:
            continue
        found.append(_waiver_finding(waiver, why, severity))
    return found


def _waiver_finding(waiver: Waiver, why: str, severity: Severity) -> Finding:
    return Finding(
        id=f"waiver-{waiver.id}",
        kind="waiver",
        status=Status.FAIL,
        severity=severity,
        basis="organisation",
        clause="",
        title=f"Waiver of {waiver.id}",
        audience=("public",),
        subject=waiver.id,
        bound="in force",
        message=why,
        rationale="A waiver that nobody looks after hides what it was meant to show.",
        owner=waiver.approver,
        waiver=waiver,
    )


def _partial(record: RunRecord, policy: Policy) -> list[Finding]:
    """Return why a run of which only a part was asked cannot pass, whatever the policy demands."""
    asked = [f"{probe.id}: {probe.n_selected} of {probe.n_items}" for probe in record.probes if probe.partial]
    if not asked:
        return []
    return [
        Finding(
            id="partial-run",
            kind="rule",
            status=Status.INCONCLUSIVE,
            severity="error",
            basis="organisation",
            clause="",
            title="The whole of every probe",
            audience=("public",),
            subject="the run",
            bound="all samples",
            message="partial run: " + "; ".join(asked),
            rationale="A part of the samples says too little for a PASS.",
            owner=policy.owner,
        )
    ]


def _contradiction(key: str, what: str) -> Finding:
    return Finding(
        id=f"contradiction-{key}",
        kind="duty",
        status=Status.FAIL,
        severity="error",
        basis="organisation",
        clause="",
        title="No contradiction",
        audience=("public",),
        subject=key,
        bound="no contradiction",
        message=what,
        rationale="A declared fact and the model's own files cannot both be true.",
        owner="auditor",
    )
