"""The summary for a terminal: a line a metric with its denominators, scorers' errors, duties not met, the verdict."""

from __future__ import annotations

from auditor.exporters import calibrations, phrasings
from auditor.types import Calibration, Card, Finding, Metric, RunRecord, Status, Undefined, Verdict


def render(record: RunRecord, card: Card, verdict: Verdict) -> str:
    """Return the table of all metrics, then what the policy found, as plain text."""
    rules: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        if finding.kind == "rule":
            rules.setdefault(finding.subject, []).append(finding)
    rows = [_row(probe.id, metric, rules) for probe in record.probes for metric in probe.metrics]
    rows = [row for row in rows if row]
    lines = _aligned(rows)
    shown = {row[0] for row in rows}
    lines += [f"{probe.id}:{line}" for probe in record.probes for line in phrasings.spreads(probe)]
    lines += [f"{subject}  {_judged(found)}" for subject, found in rules.items() if subject not in shown]
    for scorer, known in calibrations.fallible(record.probes).items():
        lines += ["", f"scorer  {scorer.name} {scorer.version}{'' if known else '  uncalibrated'}"]
        lines += [f"  {line}" for calibration in known for line in _trust(calibration)]
    duties = [finding for finding in verdict.findings if finding.kind == "duty"]
    unmet = [finding for finding in duties if finding.status is not Status.PASS]
    lines.append("")
    lines.append(f"duties  {len(duties) - len(unmet)} of {len(duties)} documented")
    lines += [f"  {finding.status}  {_advice(finding)}{finding.subject}: {finding.message}" for finding in unmet]
    lines.append("")
    lines.append(f"verdict  {verdict.status}  policy {verdict.policy} {verdict.policy_version}")
    return "\n".join(lines)


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
    return "" if finding.required else "advisory: "


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows]
