"""Whether a metric keeps within a rule's bound: decided on its whole interval, and only where it can be trusted."""

from __future__ import annotations

from typing import NamedTuple

from auditor.types import Figure, Metric, ProbeResult, Rule, RunRecord, Status, choose


class Outcome(NamedTuple):
    """What came of a rule; `sound` says that the measurement itself can be trusted."""

    status: Status
    message: str
    sound: bool = False


def outcome_of(record: RunRecord, rule: Rule) -> Outcome:  # noqa: PLR0911 - a list of cases
    """Return what came of a rule; whatever keeps its number from being trusted makes it INCONCLUSIVE, never PASS."""
    probe = record.probe_of(rule.metric)
    if probe is None:
        return Outcome(Status.INCONCLUSIVE, "the probe was not run")
    metric = record.metric(rule.metric, rule.slice)
    if metric is None:
        return Outcome(Status.INCONCLUSIVE, "the record lacks this metric" + _other_scorer(probe, rule))
    if not isinstance(metric, Metric):
        why = f"the metric is undefined: {metric.reason} (unscored: {metric.n_unscored})"
        return Outcome(Status.INCONCLUSIVE, why)
    if rule.scorer and metric.scorer.name != rule.scorer:
        why = f"the rule was written for {rule.scorer}, the metric is by {metric.scorer.name}"
        return Outcome(Status.INCONCLUSIVE, why)
    if any(bound is not None and not metric.key.low <= bound <= metric.key.high for bound in (rule.min, rule.max)):
        why = f"the bound is outside the metric's range, {metric.key.low:g} to {metric.key.high:g}"
        return Outcome(Status.INCONCLUSIVE, why)
    unshown = _unshown(probe, metric, rule)
    if unshown:
        return Outcome(Status.INCONCLUSIVE, unshown)
    low, high = metric.interval.low, metric.interval.high
    caveat = _caveat(probe, metric, rule)
    if (rule.min is not None and high < rule.min) or (rule.max is not None and low > rule.max):
        why = "the whole interval lies outside the bound"
        return Outcome(Status.FAIL, f"{why}; {caveat}" if caveat else why, sound=not caveat)
    if caveat:
        return Outcome(Status.INCONCLUSIVE, caveat)
    if (rule.min is None or low >= rule.min) and (rule.max is None or high <= rule.max):
        return Outcome(Status.PASS, "the whole interval lies within the bound", sound=True)
    return Outcome(Status.INCONCLUSIVE, "the interval crosses the bound", sound=True)


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


def bound_of(rule: Rule) -> str:
    """Return a rule's bound in words."""
    match rule.min, rule.max:
        case None, None:
            return "no bound"
        case None, high:
            return f"at most {high:g}"
        case low, None:
            return f"at least {low:g}"
        case low, high:
            return f"within {low:g} to {high:g}"
