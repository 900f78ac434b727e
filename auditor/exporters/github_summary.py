"""A job summary for GitHub Actions: the verdicts, what was not met, and every metric, as GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.exporters import facts
from auditor.exporters.markup import escape
from auditor.exporters.words import model_name
from auditor.types import Document, Finding, Material, Metric, Status, Undefined, Verdict

LIMIT = 1024 * 1024  # bytes that GitHub shows of a step's summary


def export(material: Material) -> Iterator[Document]:
    """Yield the summary; where GitHub would cut it, slices are left out, and it says so."""
    rows = [_row(address, metric) for address, metric in material.metrics()]
    text = _text(material, rows, "")
    if len(text.encode()) > LIMIT:
        overall = [_row(address, metric) for address, metric in material.metrics() if not metric.slice]
        text = _text(
            material, overall, f"\nMetrics of slices that are in card.json alone: {len(rows) - len(overall)}.\n"
        )
    yield Document(name="summary.md", text=text)


def _text(material: Material, rows: Sequence[str], rest: str) -> str:
    model = material.record.model
    lines = [
        f"## auditor: {escape(model_name(material.card))}",
        "",
        f"weights `{model.weights_digest[:16]}`, record `{material.record.digest[:16]}`",
        "",
        "| policy | verdict | decided by | met | not met | inconclusive | waived | advice, or does not apply |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *(_verdict(verdict) for verdict in material.verdicts),
    ]
    for verdict in material.verdicts:
        lines += _open(verdict)
    lines += ["", "| metric | value | interval | n | unscored |", "|---|---:|---|---:|---:|", *rows]
    overlaps = [_row(address, metric) for address, metric in facts.overlaps(material.card)]
    if overlaps:
        head = "| items in the training files looked at | share | interval | n | unscored |"
        lines += ["", head, "|---|---:|---|---:|---:|", *overlaps]
    return "\n".join(lines) + "\n" + rest


def _verdict(verdict: Verdict) -> str:
    deciding = verdict.deciding
    count = {status: sum(finding.status is status for finding in deciding) for status in Status}
    name = escape(f"{verdict.policy} {verdict.policy_version}")
    by_status = [count[status] for status in (Status.PASS, Status.FAIL, Status.INCONCLUSIVE, Status.WAIVED)]
    counts = " | ".join(map(str, [len(deciding), *by_status, len(verdict.findings) - len(deciding)]))
    return f"| {name} | **{verdict.status}** | {counts} |"


def _open(verdict: Verdict) -> list[str]:
    """Return the lines of what a policy did not find met, the worst first."""
    order = list(Status)
    found = [finding for finding in verdict.findings if finding.status is not Status.PASS]
    found.sort(key=lambda finding: (not finding.required, order.index(finding.status)))
    return ["", f"### {escape(verdict.policy_title)}", "", *map(_finding, found)] if found else []


def _finding(finding: Finding) -> str:
    advice = "" if finding.required else ", advisory"
    bound = f" ({finding.bound})" if finding.bound else ""
    return f"- **{finding.status}**{advice} {escape(finding.subject)}{escape(bound)}: {escape(finding.message)}"


def _row(address: str, metric: Metric | Undefined) -> str:
    if isinstance(metric, Undefined):
        return f"| {escape(address)} | *undefined: {escape(metric.reason)}* | | {metric.n} | {metric.n_unscored} |"
    interval = f"[{metric.interval.low!r}, {metric.interval.high!r}]"
    cells = (escape(address), repr(metric.value), interval, str(metric.n), str(metric.n_unscored))
    return f"| {' | '.join(cells)} |"
