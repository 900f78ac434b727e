"""Whether a metric keeps within a rule's bound: decided on its whole interval, and only where it can be trusted."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from auditor.types import (
    MOST_LOST,
    Card,
    Figure,
    Metric,
    MetricChange,
    ProbeResult,
    Rule,
    RunRecord,
    Status,
    choose,
)


class Outcome(NamedTuple):
    """What came of a rule; `sound` says that the measurement itself can be trusted."""

    status: Status
    message: str
    sound: bool = False


def outcome_of(record: RunRecord, card: Card, rule: Rule) -> Outcome:  # noqa: PLR0911 - a list of cases
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
    low, high = _range(metric, rule)
    if any(bound is not None and not low <= bound <= high for bound in (rule.min, rule.max)):
        what = "its change's range" if rule.against else "the metric's range"
        return Outcome(Status.INCONCLUSIVE, f"the bound is outside {what}, {low:g} to {high:g}")
    unshown = _unshown(record, probe, metric, rule)
    if unshown:
        return Outcome(Status.INCONCLUSIVE, unshown)
    if rule.against:
        return _change_outcome(card, probe, metric, rule)
    n = metric.gap.least_n if metric.gap else metric.n
    return _bounded(rule, metric.interval.low, metric.interval.high, _caveat(probe, metric, rule, n))


def _bounded(rule: Rule, low: float, high: float, caveat: str) -> Outcome:
    """Return on which side of a rule's bound an interval lies; with a caveat it is FAIL or INCONCLUSIVE."""
    if (rule.min is not None and high < rule.min) or (rule.max is not None and low > rule.max):
        why = "the whole interval lies outside the bound"
        return Outcome(Status.FAIL, f"{why}; {caveat}" if caveat else why, sound=not caveat)
    if caveat:
        return Outcome(Status.INCONCLUSIVE, caveat)
    if (rule.min is None or low >= rule.min) and (rule.max is None or high <= rule.max):
        return Outcome(Status.PASS, "the whole interval lies within the bound", sound=True)
    return Outcome(Status.INCONCLUSIVE, "the interval crosses the bound", sound=True)


def _change_outcome(card: Card, probe: ProbeResult, metric: Metric, rule: Rule) -> Outcome:
    """Return what came of a bound on how far a metric moved since an earlier record."""
    if "previous" not in card.computed:
        return Outcome(Status.INCONCLUSIVE, "there is no earlier record to compare with (--previous)")
    changes = card.computed.get("slice_changes", {}) if rule.slice else card.computed["changes"]
    found = changes.get(metric.address(probe.id))
    if found is None:
        reason = _not_compared(card, probe, rule)
        return Outcome(Status.INCONCLUSIVE, f"not compared with the earlier record: {reason or 'it lacks this metric'}")
    change = msgspec.convert(found, MetricChange)
    lost = f"more than {MOST_LOST:.0%} more of the samples are unscored than in the earlier record"
    caveat = "; ".join(filter(None, (_caveat(probe, metric, rule, change.n), lost if change.lost else "")))
    outcome = _bounded(rule, change.low, change.high, caveat)
    moved = f"{change.baseline:.3f} → {change.candidate:.3f}, by {change.difference:+.3f}"
    told = f"{moved} [{change.low:+.3f}, {change.high:+.3f}], p {change.p_holm:.4f} (Holm), n = {change.n} pairs"
    return outcome._replace(message=f"{outcome.message}: {told}")


def _not_compared(card: Card, probe: ProbeResult, rule: Rule) -> str:
    """Return why a metric was not compared, or nothing where nobody says."""
    reasons = card.computed["not_compared"]
    named = [rule.metric, *(f"{probe.id}:slices by {field}" for field in rule.slice)]
    return next((str(reasons[name]) for name in named if name in reasons), "")


def _range(metric: Metric, rule: Rule) -> tuple[float, float]:
    """Return between what the number lies that a rule bounds."""
    low, high = metric.key.low, metric.key.high
    return (low - high, high - low) if rule.against else (low, high)


def _unshown(record: RunRecord, probe: ProbeResult, metric: Metric, rule: Rule) -> str:
    """Return why the metric's scorer is not known to find what the rule is about, or nothing.

    The calibration that decides is the first of the rule's construct, on texts in one of the probe's languages: with
    it, Youden's J and, where there is one, the AUC must lie wholly above chance.
    """
    if not rule.construct:
        return ""
    lead = f"{metric.scorer.name} is not shown to find {rule.construct}: "
    known = record.calibrations_of(probe)
    found = choose(known, scorer=metric.scorer, construct=rule.construct, languages=probe.languages)
    if found is None:
        return lead + "the record holds no such calibration of it"
    if found.beats_chance():
        return ""
    for name, figure in (("AUC", found.overall.auc), ("Youden's J", found.overall.youden)):
        if isinstance(figure, Figure) and figure.interval.low <= (0.5 if name == "AUC" else 0.0):
            between = f"[{figure.interval.low:.3f}, {figure.interval.high:.3f}]"
            return f"{lead}{name} {figure.value:.3f} {between} on {found.name}"
    return f"{lead}its figures on {found.name} are undefined"


def _caveat(probe: ProbeResult, metric: Metric, rule: Rule, n: int) -> str:
    """Return why this metric, or its change, which rests on `n` samples, cannot pass, or nothing."""
    reasons = []
    if probe.partial:
        reasons.append(f"partial run: {probe.n_selected} of {probe.n_items} samples")
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
            found = "no bound"
        case None, high:
            found = f"at most {high:g}"
        case low, None:
            found = f"at least {low:g}"
        case low, high:
            found = f"within {low:g} to {high:g}"
    return f"a change of {found}" if rule.against else found
