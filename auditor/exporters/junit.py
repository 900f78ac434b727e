"""JUnit XML for CI: one test suite a policy, one test case a rule or duty.

What is inconclusive is an `error`, so that a build turns red for it as the exit code would; advice that is not followed
is `skipped`, so that it does not. Source: the format has no standard; elements as Jenkins' xUnit plugin reads them
(junit-10.xsd).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as Xml

from auditor.exporters import facts
from auditor.types import Document, Finding, Material, Status, Verdict


def export(material: Material) -> Iterator[Document]:
    """Yield the test suites."""
    root = Xml.Element("testsuites", name="auditor")
    for verdict in material.verdicts:
        root.append(_suite(material, verdict))
    Xml.indent(root)
    text = Xml.tostring(root, encoding="unicode")
    yield Document(name="junit.xml", text=f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _suite(material: Material, verdict: Verdict) -> Xml.Element:
    cases = [_case(verdict, finding) for finding in verdict.findings]
    suite = Xml.Element(
        "testsuite",
        name=clean(f"{verdict.policy} {verdict.policy_version}"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        timestamp=material.record.clocks.finished_at.partition("+")[0],
        hostname="localhost",
        time="0",
    )
    properties = Xml.SubElement(suite, "properties")
    told = {
        "model": material.record.model.requested,
        "weights.sha256": material.record.model.weights_digest,
        "record.sha256": material.record.digest,
        "policy.sha256": verdict.policy_digest,
        "verdict": str(verdict.status),
    }
    for name, value in told.items():
        Xml.SubElement(properties, "property", name=name, value=clean(value))
    for address, metric in material.metrics():
        Xml.SubElement(properties, "property", name=clean(address), value=clean(facts.line(metric)))
    for address, metric in facts.overlaps(material.card):
        Xml.SubElement(properties, "property", name=clean(f"overlap {address}"), value=clean(facts.line(metric)))
    suite.extend(cases)
    return suite


def _case(verdict: Verdict, finding: Finding) -> Xml.Element:
    case = Xml.Element(
        "testcase", classname=clean(f"{verdict.policy}.{finding.kind}"), name=clean(finding.id), time="0"
    )
    if finding.status is Status.PASS and finding.applies:
        return case
    held = finding.status in {Status.FAIL, Status.INCONCLUSIVE} and finding.required
    kind = ("failure" if finding.status is Status.FAIL else "error") if held else "skipped"
    bound = f" ({finding.bound})" if finding.bound else ""
    message = clean(f"{finding.status}: {finding.subject}{bound}: {finding.message}")
    node = Xml.SubElement(case, kind, message=message)
    if kind != "skipped":
        node.set("type", str(finding.status))
    node.text = clean(f"{finding.rationale}\nowner: {finding.owner}")
    return case


def clean(value: str) -> str:
    """Return a text without the characters that XML 1.0 cannot hold, escaped or not.

    >>> clean("a\\x00b\\ufffe<")
    'a b <'
    """
    return "".join(char if _fits(ord(char)) else " " for char in value)


def _fits(code: int) -> bool:
    return code in {0x9, 0xA, 0xD} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
