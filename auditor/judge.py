"""The verdict: a pure function of record, card and policy. It reads no file, asks no model and knows no clock.

A rule is judged on the interval, not the point: PASS if the whole interval lies within the bound, FAIL if it lies
wholly outside, else INCONCLUSIVE. Whatever keeps a number from being trusted (a partial run, too few or too many
unscored samples, another scorer, one not shown to find what the rule is about, no number at all) makes the rule
INCONCLUSIVE, never PASS.
"""

from __future__ import annotations

from collections.abc import Iterable

from auditor.types import (
    Card,
    Duty,
    Figure,
    Finding,
    Json,
    Metric,
    Policy,
    ProbeResult,
    Rule,
    RunRecord,
    Status,
    Verdict,
    choose,
)

SCHEMA = "auditor:verdict/1"


def judge(record: RunRecord, card: Card, policy: Policy) -> Verdict:
    """Return the policy's findings and what they amount to: FAIL over INCONCLUSIVE over PASS.

    Advisory findings do not move the verdict; a policy without any required finding is INCONCLUSIVE.
    """
    findings = [
        *(_judge_rule(record, rule) for rule in policy.rules),
        *(_judge_duty(card, policy, duty) for duty in policy.duties),
        *(_contradiction(key, what) for key, what in sorted(card.contradictions.items())),
        *_partial(record, policy),
    ]
    return Verdict(
        schema=SCHEMA,
        status=_worst(finding.status for finding in findings if finding.required),
        policy=policy.id,
        policy_title=policy.title,
        policy_version=policy.version,
        policy_digest=policy.digest,
        record_digest=record.digest,
        facts_digest=card.facts_digest,
        findings=tuple(findings),
    )


def _worst(statuses: Iterable[Status]) -> Status:
    found = set(statuses)
    if not found:
        return Status.INCONCLUSIVE
    return next(status for status in Status if status in found)


def _judge_rule(record: RunRecord, rule: Rule) -> Finding:
    status, message = _rule_outcome(record, rule)
    where = "".join(f", {key} = {value}" for key, value in sorted(rule.slice.items()))
    return Finding(
        id=rule.id,
        kind="rule",
        status=status,
        required=rule.required,
        subject=rule.metric + where,
        bound=_bound(rule),
        message=message,
        rationale=rule.rationale,
        owner=rule.owner,
    )


def _rule_outcome(record: RunRecord, rule: Rule) -> tuple[Status, str]:  # noqa: PLR0911 - a list of cases
    probe = record.probe_of(rule.metric)
    if probe is None:
        return Status.INCONCLUSIVE, "the probe was not run"
    metric = record.metric(rule.metric, rule.slice)
    if metric is None:
        return Status.INCONCLUSIVE, "the record lacks this metric" + _other_scorer(probe, rule)
    if not isinstance(metric, Metric):
        return Status.INCONCLUSIVE, f"the metric is undefined: {metric.reason} (unscored: {metric.n_unscored})"
    if rule.scorer and metric.scorer.name != rule.scorer:
        return Status.INCONCLUSIVE, f"the rule was written for {rule.scorer}, the metric is by {metric.scorer.name}"
    if any(bound is not None and not metric.key.low <= bound <= metric.key.high for bound in (rule.min, rule.max)):
        return (
            Status.INCONCLUSIVE,
            f"the bound is outside the metric's range, {metric.key.low:g} to {metric.key.high:g}",
        )
    unshown = _unshown(probe, metric, rule)
    if unshown:
        return Status.INCONCLUSIVE, unshown
    low, high = metric.interval.low, metric.interval.high
    if (rule.min is not None and high < rule.min) or (rule.max is not None and low > rule.max):
        return Status.FAIL, "the whole interval lies outside the bound" + _caveat(probe, metric, rule, "; ")
    caveat = _caveat(probe, metric, rule, "")
    if caveat:
        return Status.INCONCLUSIVE, caveat
    if (rule.min is None or low >= rule.min) and (rule.max is None or high <= rule.max):
        return Status.PASS, "the whole interval lies within the bound"
    return Status.INCONCLUSIVE, "the interval crosses the bound"


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


def _caveat(probe: ProbeResult, metric: Metric, rule: Rule, lead: str) -> str:
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
    return lead + "; ".join(reasons) if reasons else ""


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


def _judge_duty(card: Card, policy: Policy, duty: Duty) -> Finding:
    faults = _duty_faults(card, policy.card_schema, duty.id)
    return Finding(
        id=duty.id,
        kind="duty",
        status=Status.FAIL if faults else Status.PASS,
        required=duty.required,
        subject=duty.title,
        bound="documented",
        message="not documented: " + "; ".join(faults) if faults else "documented",
        rationale=duty.rationale,
        owner=policy.owner,
    )


def _duty_faults(card: Card, card_schema: dict[str, Json], duty_id: str) -> list[str]:
    """Return where the card does not meet the duty's schema, as `fact is missing` or the validator's words."""
    import msgspec
    from jsonschema import Draft202012Validator

    rooted = {**card_schema, "$ref": f"#/$defs/{duty_id}"}
    rooted.pop("allOf", None)
    found = list(Draft202012Validator(rooted).iter_errors(msgspec.json.decode(msgspec.json.encode(card))))
    faults = set()
    while found:
        error = found.pop()
        path = [str(part) for part in error.absolute_path]
        if error.context:
            found += error.context
        elif len(path) > 1 and path[0] == "facts" and path[-1] == "status":
            faults.add(f"{path[1]} is {card.facts[path[1]].status}")
        else:
            faults.add(f"${''.join('.' + part for part in path)}: {error.message[:120]}")
    return sorted(faults)


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
            required=True,
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
        required=True,
        subject=key,
        bound="no contradiction",
        message=what,
        rationale="A declared fact and the model's own files cannot both be true.",
        owner="auditor",
    )
