"""in-toto statements about the model's files: the result of the tests, and which rules and duties a policy saw met.

Sources: in-toto attestation framework, Statement v1; predicates test-result v0.1 and svr v0.2. Neither predicate knows
a third state, and a reader who asks for PASSED alone must not be misled: what is inconclusive is no passed test.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor import schema
from auditor.exporters import facts
from auditor.types import Document, Finding, Json, Material, Status, Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SVR = "https://in-toto.io/attestation/svr/v0.2"


def export_test_result(material: Material) -> Iterator[Document]:
    """Yield a statement a policy: PASSED where its verdict is PASS, FAILED otherwise, with each test's name."""
    for verdict in material.verdicts:
        statement = _statement(material, TEST_RESULT, _test_result(material, verdict))
        yield Document(
            name=f"{verdict.policy}.test-result.json", text=schema.canonical_json(statement, indent=1) + "\n"
        )


def export_svr(material: Material) -> Iterator[Document]:
    """Yield one statement that names every rule and duty that was met, by policy."""
    predicate = {
        "verifier": {
            "id": f"pkg:pypi/auditor@{material.record.run.auditor_version}",
            "policies": [_policy(verdict) for verdict in material.verdicts],
        },
        "timeCreated": material.record.clocks.finished_at,
        "properties": sorted(
            f"AUDITOR_{verdict.policy}/{finding.id}"
            for verdict in material.verdicts
            for finding in verdict.findings
            if finding.status is Status.PASS and finding.applies
        ),
        "auditor_verdicts": {verdict.policy: str(verdict.status) for verdict in material.verdicts},
        "auditor_metrics": _metrics(material),
        **_overlaps(material),
    }
    text = schema.canonical_json(_statement(material, SVR, predicate), indent=1) + "\n"
    yield Document(name="svr.json", text=text)


def _statement(material: Material, kind: str, predicate: dict[str, Json]) -> dict[str, Json]:
    subject = [{"name": file.path, "digest": {"sha256": file.sha256}} for file in material.record.model.files]
    return {"_type": STATEMENT, "subject": subject, "predicateType": kind, "predicate": predicate}


def _test_result(material: Material, verdict: Verdict) -> dict[str, Json]:
    groups: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for finding in verdict.findings:
        if finding.applies:
            groups[_group(finding)].append(finding.id)
    return {
        "result": "PASSED" if verdict.status is Status.PASS else "FAILED",
        "configuration": [_policy(verdict), _record(material)],
        **groups,
        "auditor_verdict": str(verdict.status),
        "auditor_notApplicable": [finding.id for finding in verdict.findings if not finding.applies],
        "auditor_inconclusiveTests": [f.id for f in verdict.findings if f.status is Status.INCONCLUSIVE],
        "auditor_metrics": _metrics(material),
        **_overlaps(material),
    }


def _group(finding: Finding) -> str:
    """Return the list that a finding belongs to; advice that is not followed is a warning."""
    if finding.status is Status.PASS:
        return "passedTests"
    held = finding.status in {Status.FAIL, Status.INCONCLUSIVE}
    return "failedTests" if held and finding.required else "warnedTests"


def _policy(verdict: Verdict) -> dict[str, Json]:
    return {
        "name": f"{verdict.policy} {verdict.policy_version}",
        "digest": {"sha256": verdict.policy_digest},
        "annotations": {"auditor_digest_of": "the policy's content and its card schema, as canonical JSON"},
    }


def _record(material: Material) -> dict[str, Json]:
    digest = {"sha256": material.record.digest}
    note = {"auditor_digest_of": "the record with an empty field digest, as canonical JSON"}
    return {"name": "record.json", "digest": digest, "annotations": note}


def _metrics(material: Material) -> list[dict[str, Json]]:
    return [facts.plain(metric, address) for address, metric in material.metrics()]


def _overlaps(material: Material) -> dict[str, Json]:
    found = [facts.plain(metric, address) for address, metric in facts.overlaps(material.card)]
    return {"auditor_overlaps": found} if found else {}
