"""The summary for a terminal: a line a metric with its denominators, scorers' errors, duties not met, the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.exporters import calibrations, costs, phrasings
from auditor.judge import worst
from auditor.types import Calibration, Card, Finding, Metric, RunRecord, Status, Undefined, Verdict


def render(record: RunRecord, card: Card, verdicts: Sequence[Verdict]) -> str:
    """Return the table of all metrics, then what each policy found, as plain text."""
    rules: dict[str, list[Finding]] = {}
    for finding in (finding for verdict in verdicts for finding in verdict.findings):
        if finding.kind == "rule" and finding not in rules.get(finding.subject, []):
            rules.setdefault(finding.subject, []).append(finding)
    rows = [_row(probe.id, metric, rules) for probe in record.probes for metric in probe.metrics]
    rows = [row for row in rows if row]
    lines = _aligned(rows)
    shown = {row[0] for row in rows}
    lines += [f"{probe.id}:{line}" for probe in record.probes for line in phrasings.spreads(probe)]
    lines += [f"{subject}  {_judged(found)}" for subject, found in rules.items() if subject not in shown]
    for scorer, known in calibrations.fallible(record).items():
        lines += ["", f"scorer  {scorer.name} {scorer.version}{'' if known else '  uncalibrated'}"]
        lines += [f"  {line}" for calibration in known for line in _trust(calibration)]
    lines.append("")
    for verdict in verdicts:
        lines += _documents(verdict, several=len(verdicts) > 1)
    lines += ["", costs.line(record.clocks)]
    named = ", ".join(f"{verdict.policy} {verdict.policy_version}" for verdict in verdicts)
    many = "policies" if len(verdicts) > 1 else "policy"
    lines.append(f"verdict  {worst(verdict.status for verdict in verdicts)}  {many} {named}")
    return "\n".join(lines)


def _documents(verdict: Verdict, *, several: bool) -> list[str]:
    """Return how many duties are documented, then a line for each that is not, each contradiction and bad waiver."""
    torn = [finding for finding in verdict.findings if finding.is_contradiction]
    duties = [finding for finding in verdict.findings if finding.kind == "duty" and finding not in torn]
    unmet = [finding for finding in duties if finding.status is not Status.PASS]
    head = f"{verdict.policy}  {verdict.status}  " if several else ""
    met = f"{len(duties) - len(unmet)} of {len(duties)} documented{_rest(duties)}" if duties else "the policy has none"
    lines = [f"{head}duties  {met}{_coverage(verdict)}", *map(_line, unmet)]
    lines += [f"  {finding.status}  contradiction in {finding.subject}: {finding.message}" for finding in torn]
    return lines + [_line(finding) for finding in verdict.findings if finding.kind == "waiver"]


def _line(finding: Finding) -> str:
    return f"  {finding.status}  {_advice(finding)}{finding.subject}: {finding.message}"


def _rest(duties: Sequence[Finding]) -> str:
    """Return how many duties are missing, undecided or waived, and how many of those documented do not apply."""
    count = {status: sum(finding.status is status for finding in duties) for status in Status}
    told = {
        "missing": count[Status.FAIL],
        "undecided": count[Status.INCONCLUSIVE],
        "waived": count[Status.WAIVED],
        "documented not to apply": sum(not finding.applies for finding in duties),
    }
    return "".join(f", {number} {name}" for name, number in told.items() if number)


def _coverage(verdict: Verdict) -> str:
    found = verdict.coverage
    if found is None:
        return ""
    grade = f", grade {found.grade}" if found.grade else ""
    more = f", {found.undecided:g} undecided" if found.undecided else ""
    return f"; {found.title}: {found.points:g} of {found.of:g} points, {found.percent:.1f} %{grade}{more}"


def _trust(calibration: Calibration) -> list[str]:
    """Return what a calibration found, and the subgroups with the lowest figures."""
    found = calibration.overall
    shares = ", ".join(f"{name} {calibrations.figure(getattr(found, name))}" for name in calibrations.SHARES)
    shown = "" if calibration.beats_chance() else " (not shown to be found)"
    head = f"{calibration.construct}{shown} on {calibration.name}: {shares}, AUC {calibrations.figure(found.auc)}"
    lines = [f"{head}  n={calibration.n}  unscored={calibration.n_unscored}"]
    low = calibrations.lowest(calibration)
    return [*lines, f"  lowest: {'; '.join(low)}"] if low else lines


def _row(probe_id: str, metric: Metric | Undefined, rules: dict[str, list[Finding]]) -> list[str]:
    """Return a line's cells; a slice without a rule has none."""
    where = "".join(f", {key} = {value}" for key, value in sorted(metric.slice.items()))
    address = f"{probe_id}:{metric.key.name}{where}"
    if where and address not in rules:
        return []
    if isinstance(metric, Metric):
        value = f"{metric.value:.3f} [{metric.interval.low:.3f}, {metric.interval.high:.3f}]"
        value += f"  {metric.gap.told}" if metric.gap else ""
    else:
        value = f"undefined ({metric.reason})"
    return [address, value, f"n={metric.n}", f"unscored={metric.n_unscored}", _judged(rules.get(address, []))]


def _judged(findings: list[Finding]) -> str:
    told = [f"{finding.status} {_advice(finding)}({_why(finding)})" for finding in findings]
    return "; ".join(told) if told else "no rule"


def _why(finding: Finding) -> str:
    return f"{finding.bound}; {finding.message}" if finding.status is Status.INCONCLUSIVE else finding.bound


def _advice(finding: Finding) -> str:
    return "" if finding.required else f"{finding.severity}: "


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows]
