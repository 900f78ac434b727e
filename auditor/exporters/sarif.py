"""SARIF 2.1.0 for code scanning: a rule and a result for each finding, every metric in the run's property bag.

An inconclusive finding is a result of kind `fail` and level `warning`: readers that look at levels alone, as most do,
would otherwise take what could not be decided for a good result. Source: OASIS SARIF 2.1.0, §3.27.9, §3.27.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor import schema
from auditor.exporters import facts
from auditor.types import Document, Finding, Json, Material, Status, Verdict

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def export(material: Material) -> Iterator[Document]:
    """Yield the log, with a run for each policy."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(material, verdict) for verdict in material.verdicts]}
    yield Document(name="auditor.sarif", text=schema.canonical_json(log, indent=1) + "\n")


def _run(material: Material, verdict: Verdict) -> dict[str, Json]:
    run = material.record.run
    return {
        "tool": {
            "driver": {
                "name": "auditor",
                "version": run.auditor_version,
                "rules": [_rule(finding) for finding in verdict.findings],
            }
        },
        "automationDetails": {"id": f"auditor/{verdict.policy}/{material.record.model.requested}"},
        "invocations": [{"executionSuccessful": True, "endTimeUtc": _utc(material.record.clocks.finished_at)}],
        "results": [_result(number, finding) for number, finding in enumerate(verdict.findings)],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "verdict": str(verdict.status),
            "policy": f"{verdict.policy} {verdict.policy_version}",
            "policy_sha256": verdict.policy_digest,
            "record_sha256": material.record.digest,
            "weights_sha256": material.record.model.weights_digest,
            "metrics": [facts.plain(metric, address) for address, metric in material.metrics()],
            "overlaps": [facts.plain(metric, address) for address, metric in facts.overlaps(material.card)],
        },
    }


def _utc(time: str) -> str:
    return time.replace("+00:00", "Z")


def _rule(finding: Finding) -> dict[str, Json]:
    bound = f"{finding.subject} {finding.bound}".strip()
    return {
        "id": finding.id,
        "shortDescription": {"text": finding.title or bound or finding.id},
        "fullDescription": {"text": finding.rationale or bound or finding.id},
        "properties": {
            "kind": finding.kind,
            "owner": finding.owner,
            "severity": finding.severity,
            "basis": finding.basis,
            "clause": finding.clause,
        },
    }


def _result(number: int, finding: Finding) -> dict[str, Json]:
    level = _level(finding)
    bound = f" ({finding.bound})" if finding.bound else ""
    return {
        "ruleId": finding.id,
        "ruleIndex": number,
        "kind": "pass" if level == "none" else "fail",
        "level": level,
        "message": {"text": _unlinked(f"{finding.status}: {finding.subject}{bound}: {finding.message}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": "card.json"}},
                "logicalLocations": [{"fullyQualifiedName": finding.subject}],
            }
        ],
        "partialFingerprints": {"finding/v1": finding.id},
        "properties": {"status": str(finding.status)},
    }


def _unlinked(text: str) -> str:
    """Return a text in which nothing is a link: SARIF reads `[text](target)` in plain messages (§3.11.6)."""
    return re.sub(r"([\\\[\]])", r"\\\1", text) if "](" in text else text


def _level(finding: Finding) -> str:
    """Return how bad a finding is, `none` for one that is met; what is only advice is never above `note`."""
    if finding.status is Status.PASS:
        return "none"
    if not finding.required or finding.status not in {Status.FAIL, Status.INCONCLUSIVE}:
        return "note"
    return "error" if finding.status is Status.FAIL else "warning"
