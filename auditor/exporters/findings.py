"""What a policy did not find met, in a line each: for the top of a card, where a reader decides on a release."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from auditor.errors import counted
from auditor.exporters.markup import Markup, Safe
from auditor.exporters.words import outcome
from auditor.types import Card, Finding, Metric, Status, Undefined, Verdict

_SHOWN = 12  # lines at the top of a card; the rest is counted there, and stands with all others under its policy


class Opened(Struct, frozen=True, kw_only=True):
    """The findings that decide a verdict and are not met, the worst first, and how many `more` there are.

    Of facts that are `disputed` it only counts them: what contradicts them stands on its own.
    """

    lead: str
    disputed: int
    findings: tuple[Finding, ...]
    more: int


def opened(verdict: Verdict) -> Opened:
    """Return what keeps a verdict from PASS, as far as it has room at the top of a card."""
    found = [finding for finding in not_met(verdict) if not finding.is_contradiction]
    disputed = sum(finding.is_contradiction for finding in verdict.findings)
    shown, more = tuple(found[:_SHOWN]), max(0, len(found) - _SHOWN)
    return Opened(lead=lead(verdict), disputed=disputed, findings=shown, more=more)


def not_met(verdict: Verdict) -> list[Finding]:
    """Return the findings that decide a verdict and are not met, the worst first."""
    return ranked([finding for finding in verdict.deciding if finding.status is not Status.PASS])


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings in this order: those that move the verdict before advice, the worst first."""
    order = list(Status)
    return sorted(findings, key=lambda finding: (not finding.required, order.index(finding.status)))


def lead(verdict: Verdict) -> str:
    """Return how many findings decide a verdict, and which outcome they have."""
    deciding = len(verdict.deciding)
    if not deciding:
        return "Nothing decides this."
    return f"{counted(deciding, 'finding')} {'decides' if deciding == 1 else 'decide'} this: {tally(verdict)}."


def tally(verdict: Verdict) -> str:
    """Return how many of the findings that decide a verdict have which outcome, and how many others there are."""
    told = [
        f"{count} {outcome(status)}"
        for status in (Status.PASS, Status.FAIL, Status.INCONCLUSIVE, Status.WAIVED)
        if (count := sum(finding.status is status for finding in verdict.deciding))
    ]
    rest = len(verdict.findings) - len(verdict.deciding)
    more = "is advice, or does not apply" if rest == 1 else "are advice, or do not apply"
    return f"{', '.join(told)}{f'; {rest} more {more}' if rest else ''}"


def line(card: Card, finding: Finding, markup: Markup) -> Safe:
    """Return a finding in a line: what was asked, what was found, and why that decides it or does not."""
    title = markup.escape(finding.title)
    if finding.kind != "rule":
        return Safe(f"{title}: {markup.escape(finding.message)}")
    metric = _metric(card, finding.subject)
    found = f"{_figures(metric)}; " if isinstance(metric, Metric) else ""
    asked = f"{markup.escape(finding.subject)}, asked: {markup.escape(finding.bound)}"
    return Safe(f"{title} ({asked}): {markup.escape(found + finding.message)}")


def _metric(card: Card, address: str) -> Metric | Undefined | None:
    """Return the metric that a rule is about, where the card has it."""
    found = (metric for probe in card.probes for metric in probe.metrics if metric.address(probe.id) == address)
    return next(found, None)


def _figures(metric: Metric) -> str:
    unscored = f", unscored={metric.n_unscored}" if metric.n_unscored else ""
    return f"{metric.value:.3f} [{metric.interval.low:.3f}, {metric.interval.high:.3f}], n={metric.n}{unscored}"
