"""What policies found, as CycloneDX attests it: each policy a standard, each finding a claim, each fact its evidence.

Source: the JSON schema of CycloneDX 1.7 (ECMA-424), `definitions.standards` and `declarations`. What is met is claimed,
what is not met is counter-claimed, what is undecided is neither. No degree of conformance is given, and nobody affirms
anything: that is for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auditor.exporters import facts
from auditor.exporters.words import dispute
from auditor.types import Finding, Json, Material, Status, Verdict

ASSESSOR = "assessor"
MISSING = "evidence:missing"
FACT, METRIC = "auditor:fact:", "auditor:metric:"
_COMPUTED = "computed."


def definitions(verdicts: Iterable[Verdict]) -> dict[str, Json]:
    """Return each policy as a standard, with a requirement a rule or duty."""
    return {"standards": [_standard(verdict) for verdict in verdicts]}


def declarations(material: Material, target: str) -> dict[str, Json]:
    """Return what was found of the component `target`: assessor, attestations, claims and their evidence."""
    known = dict(material.metrics())
    claims = [
        _claim(material, known, verdict, finding, target)
        for verdict in material.verdicts
        for finding in verdict.findings
        if finding.status is not Status.INCONCLUSIVE
    ]
    version = material.record.run.auditor_version
    return {
        "assessors": [{"bom-ref": ASSESSOR, "organization": {"name": f"auditor {version}, a program"}}],
        "attestations": [_attestation(verdict) for verdict in material.verdicts],
        "claims": claims,
        "evidence": list(_evidence(material, claims)),
    }


def _standard(verdict: Verdict) -> dict[str, Json]:
    return {
        "bom-ref": f"policy:{verdict.policy}",
        "name": verdict.policy_title,
        "version": verdict.policy_version,
        "requirements": [
            {
                "bom-ref": _requirement(verdict, finding),
                "identifier": finding.id,
                "title": finding.title,
                **({"text": f"{finding.subject}: {finding.bound}"} if finding.kind == "rule" else {}),
                "descriptions": [told for told in (finding.clause, finding.rationale) if told],
                "properties": [
                    {"name": f"auditor:{name}", "value": value}
                    for name, value in (
                        ("basis", finding.basis),
                        ("severity", finding.severity),
                        ("owner", finding.owner),
                    )
                ],
            }
            for finding in verdict.findings
        ],
    }


def _requirement(verdict: Verdict, finding: Finding) -> str:
    return f"policy:{verdict.policy}/{finding.id}"


def _attestation(verdict: Verdict) -> dict[str, Json]:
    return {
        "summary": f"{verdict.policy_title} {verdict.policy_version}, judged as of {verdict.as_of}: {verdict.status}",
        "assessor": ASSESSOR,
        "map": [_mapped(verdict, finding) for finding in verdict.findings],
    }


def _mapped(verdict: Verdict, finding: Finding) -> dict[str, Json]:
    found: dict[str, Json] = {"requirement": _requirement(verdict, finding)}
    if finding.status is Status.INCONCLUSIVE:
        return {**found, "conformance": {"rationale": f"{finding.status}: {finding.message}"}}
    kind = "claims" if finding.status is Status.PASS else "counterClaims"
    return {**found, kind: [_claim_ref(verdict, finding)]}


def _claim_ref(verdict: Verdict, finding: Finding) -> str:
    return f"claim:{verdict.policy}/{finding.id}"


def _claim(
    material: Material, known: dict[str, Json], verdict: Verdict, finding: Finding, target: str
) -> dict[str, Json]:
    """Return a finding as a claim on the component that `target` refers to; a waiver is how its gap is dealt with."""
    there, gaps = [], []
    for key in finding.looks_at or ((finding.subject,) if finding.kind == "rule" else ()):
        fact = material.card.facts.get(key)
        if key in known:
            there.append(f"evidence:{METRIC}{key}")
        elif key.startswith(_COMPUTED):
            there.append(f"evidence:{key}")
        elif fact is not None and fact.status != "missing":
            there.append(f"evidence:{FACT}{key}")
        elif fact is not None:
            gaps.append(MISSING)
    met = finding.status is Status.PASS
    found: dict[str, Json] = {
        "bom-ref": _claim_ref(verdict, finding),
        "target": target,
        "predicate": f"{finding.title}: {finding.status}",
        "reasoning": finding.message,
        "evidence": there if met else [],
        "counterEvidence": [] if met else [*there, *dict.fromkeys(gaps)],
        "mitigationStrategies": [f"evidence:waiver:{verdict.policy}/{finding.id}"] if finding.waiver else [],
    }
    return {key: value for key, value in found.items() if value}


def _evidence(material: Material, claims: Iterable[dict[str, Json]]) -> Iterator[dict[str, Json]]:
    """Yield each piece of evidence that a claim refers to, once."""
    named = ("evidence", "counterEvidence", "mitigationStrategies")
    refs = dict.fromkeys(ref for claim in claims for name in named for ref in claim.get(name, []))
    waivers = {
        f"evidence:waiver:{verdict.policy}/{finding.id}": finding.waiver
        for verdict in material.verdicts
        for finding in verdict.findings
        if finding.waiver
    }
    for ref in refs:
        name = ref.removeprefix("evidence:")
        waiver = waivers.get(ref)
        if waiver is not None:
            said = f"waived by {waiver.approver} ({waiver.ticket}): {waiver.reason} {waiver.compensating_measure}"
            yield {"bom-ref": ref, "description": said, "expires": f"{waiver.expires}T23:59:59Z"}
        elif name.startswith(FACT):
            yield _of_fact(material, ref, name)
        elif name.startswith(METRIC):
            yield {"bom-ref": ref, "propertyName": name, "description": f"measured: record {material.record.digest}"}
        elif ref == MISSING:
            yield {"bom-ref": ref, "propertyName": f"{FACT}missing", "description": "neither in the files nor declared"}
        else:
            said = f"worked out from record and facts, whose sha256 is {material.card.facts_digest}"
            yield {"bom-ref": ref, "propertyName": f"auditor:{name}", "description": said}


def _of_fact(material: Material, ref: str, name: str) -> dict[str, Json]:
    key = name.removeprefix(FACT)
    fact = material.card.facts[key]
    by, date = facts.declaration(fact)
    told = facts.told(fact, dispute(material.card, key))
    found: dict[str, Json] = {
        "bom-ref": ref,
        "propertyName": name,
        "description": f"{fact.status}: {fact.source or fact.reason}",
        "data": [{"name": name, "contents": {"attachment": {"contentType": "text/plain", "content": told}}}],
    }
    return {
        **found,
        **({"created": f"{date}T00:00:00Z"} if date else {}),
        **({"author": {"name": by}} if by else {}),
    }
