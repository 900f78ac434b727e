"""The verdict: a pure function of record, card, policy and waivers. It reads no file, asks no model, knows no clock.

A rule is judged on the interval, not the point: PASS if the whole interval lies within the bound, FAIL if it lies
wholly outside, else INCONCLUSIVE. Whatever keeps a number from being trusted (a partial run, too few or too many
unscored samples, another scorer, one not shown to find what the rule is about, no number at all) makes the rule
INCONCLUSIVE, never PASS, and no waiver covers that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from auditor.duties import cited, judge_duties
from auditor.rules import bound_of, outcome_of
from auditor.types import (
    CONTRADICTION,
    Card,
    Coverage,
    Finding,
    Policy,
    Rule,
    RunRecord,
    Severity,
    Status,
    Verdict,
    Waiver,
)

SCHEMA = "auditor:verdict/2"
_OWN = Finding(  # what no policy asks for, and this module adds
    id="",
    kind="rule",
    status=Status.INCONCLUSIVE,
    severity="error",
    basis="organisation",
    clause="",
    title="",
    audience=("public",),
    subject="",
    bound="",
    message="",
    rationale="",
    owner="auditor",
)


def judge(record: RunRecord, card: Card, policy: Policy, waivers: Sequence[Waiver] = ()) -> Verdict:
    """Return the policy's findings and what they amount to: FAIL over INCONCLUSIVE over PASS.

    Only findings of severity *error* move the verdict. A policy without one is INCONCLUSIVE, and so is one of which
    every such finding is waived: nothing was shown.
    """
    own = [waiver for waiver in waivers if waiver.policy == policy.id]
    as_of = str(card.computed["as_of"])
    ruled = [_judge_rule(record, card, rule, policy) for rule in policy.rules]
    judged = [*ruled, *((finding, True) for finding in judge_duties(card, policy))]
    findings = [
        *(_waive(finding, own, card, sound=sound) for finding, sound in judged),
        *(_contradiction(key, what) for key, what in sorted(card.contradictions.items())),
        *_ahead(card),
        *_partial(record, policy),
        *_waiver_findings(judged, own, card),
    ]
    findings += _nothing_shown(findings, policy)
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
    undecided = float(by_status[Status.INCONCLUSIVE])
    decided = float(sum(by_status.values())) - undecided
    percent = 100 * by_status[Status.PASS] / decided if decided else 0.0
    reached = [grade for grade, least in policy.coverage.grades.items() if percent >= least]
    best = max(reached, key=policy.coverage.grades.__getitem__, default="F" if policy.coverage.grades else "")
    points = float(by_status[Status.PASS])
    return Coverage(
        title=policy.coverage.title, points=points, of=decided, undecided=undecided, percent=percent, grade=best
    )


def _judge_rule(record: RunRecord, card: Card, rule: Rule, policy: Policy) -> tuple[Finding, bool]:
    outcome = outcome_of(record, card, rule)
    where = "".join(f", {key} = {value}" for key, value in sorted(rule.slice.items()))
    finding = Finding(
        id=rule.id,
        kind="rule",
        status=outcome.status,
        severity=rule.severity,
        basis=rule.basis,
        clause=cited(policy, rule),
        title=rule.title or rule.metric,
        audience=rule.audience,
        subject=rule.metric + where,
        bound=bound_of(rule),
        message=outcome.message,
        rationale=rule.rationale,
        owner=rule.owner,
    )
    return finding, outcome.sound


def _waive(finding: Finding, own: Iterable[Waiver], card: Card, *, sound: bool) -> Finding:
    """Return the finding as WAIVED where a waiver covers it: in scope, not expired, and no fault of measurement."""
    in_force = (one for one in own if one.id == finding.id and not _out_of_force(one, card))
    waiver = next(in_force, None)
    if waiver is None or finding.status is Status.PASS or not sound:
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


def _waiver_findings(judged: Iterable[tuple[Finding, bool]], own: Iterable[Waiver], card: Card) -> list[Finding]:
    """Return what is wrong with waivers: expired, naming nothing, or covering nothing."""
    known = {finding.id: (finding, sound) for finding, sound in judged}
    found = []
    for waiver in sorted(own, key=lambda one: (one.id, one.scope)):
        name = waiver.id
        severity: Severity = "error"
        expired = waiver.expires < str(card.computed["as_of"])
        if name not in known:
            why = f"the policy has no rule or duty {name!r}"
        elif waiver.scope != card.weights_digest:
            why, severity = _out_of_force(waiver, card), "note"
        elif expired:
            why = _out_of_force(waiver, card)
        elif known[name][0].status is Status.PASS:
            why, severity = "there is nothing to waive: the finding is PASS", "note"
        elif not known[name][1]:
            why, severity = "a fault of measurement cannot be waived", "note"
        else:
            continue
        found.append(_waiver_finding(waiver, why, severity))
    return found


def _waiver_finding(waiver: Waiver, why: str, severity: Severity) -> Finding:
    return replace(
        _OWN,
        id=f"waiver-{waiver.id}",
        kind="waiver",
        status=Status.FAIL,
        severity=severity,
        title=f"Waiver of {waiver.id}",
        subject=waiver.id,
        bound="in force",
        message=why,
        rationale="A waiver that nobody looks after hides what it was meant to show.",
        owner=waiver.approver,
        waiver=waiver,
    )


def _partial(record: RunRecord, policy: Policy) -> list[Finding]:
    """Return why a run of which only a part was asked cannot pass, whatever the policy demands."""
    asked = [f"{probe.n_selected} of {probe.n_items} of {probe.id}" for probe in record.probes if probe.partial]
    if not asked:
        return []
    return [
        replace(
            _OWN,
            id="partial-run",
            title="The whole of every probe",
            subject="the run",
            bound="needs all samples",
            message="partial run (--limit): asked were " + ", ".join(asked),
            rationale="A part of the samples says too little for a PASS.",
            owner=policy.owner,
        )
    ]


def _nothing_shown(findings: Iterable[Finding], policy: Policy) -> list[Finding]:
    """Return why a verdict is INCONCLUSIVE though no finding is: all that could move it is advisory or waived."""
    if any(finding.required and finding.status is not Status.WAIVED for finding in findings):
        return []
    return [
        replace(
            _OWN,
            id="nothing-shown",
            title="Something required is shown",
            subject="the policy",
            bound="a required finding that is not waived",
            message="every finding is advisory or waived",
            rationale="Where nothing required was shown, nothing was passed.",
            owner=policy.owner,
        )
    ]


def _ahead(card: Card) -> list[Finding]:
    """Return which facts are dated after the day of judgement; before a release that is no fault, so it is advice."""
    day = card.computed["as_of"]
    return [
        replace(
            _OWN,
            id=f"ahead-{key}",
            kind="duty",
            status=Status.FAIL,
            severity="warning",
            title="No date lies ahead",
            subject=key,
            bound=f"not after {day}",
            message=f"{key} is {card.facts[key].value}, after {day}, the day of judgement: a plan, or a slip",
            rationale="What is still to come can change, and is no fact yet.",
        )
        for key in card.computed.get("future_dates", ())
    ]


def _contradiction(key: str, what: str) -> Finding:
    return replace(
        _OWN,
        id=f"{CONTRADICTION}{key}",
        kind="duty",
        status=Status.FAIL,
        title="No contradiction",
        subject=key,
        bound="no contradiction",
        message=what,
        rationale="A declared fact and the model's own files cannot both be true.",
    )
