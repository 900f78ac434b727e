"""Exports: every format carries the card's values, passes its validator, and makes nothing better than it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml
from msgspec.structs import replace

from auditor import commands, policies, registry, renderings, schema
from auditor.card import build_card
from auditor.costs import add_up
from auditor.errors import ExportError, MissingPackageError
from auditor.export import export, material_of
from auditor.exporters import croissant, cyclonedx, every_eval_ever, in_toto, junit, sarif, spdx3
from auditor.exporters.facts import licence_expression
from auditor.exporters.facts import overlaps as facts_overlaps
from auditor.exporters.readers import cut
from auditor.judge import judge
from auditor.probes import find, load
from auditor.types import (
    Card,
    Contamination,
    EnergyPart,
    Fact,
    FileDigest,
    Finding,
    Grid,
    Interval,
    Material,
    Metric,
    ProbeOverlap,
    Reason,
    RunRecord,
    Span,
    Status,
    Undefined,
    Waiver,
)

Cli = Callable[..., subprocess.CompletedProcess[str]]
Numbers = tuple[float, float, float, int]
Found = tuple[dict[str, Numbers], set[str]]
FACTS = """by = "The Owl Works"
date = 2026-11-01
[model]
name = "Owl <b>1</b>"
provider = "The Owl Works"
license = "llama3.1"
release_date = 2026-10-01
contact = { withheld = "being set up" }
languages = ["en", "no"]
base_model = "owls/egg"
description = { value = "A secret of the owls", audiences = ["ai-office"] }
[training]
datasets = [
  "https://owls.example/night",
  { name = "hoots", version = "2", license = "cc-by-4.0", creator = "Owls", personal_data = "yes" },
]
energy_mwh = 0.25
[use]
intended = "Tests"
out_of_scope = "All else"
limitations = "It knows nothing"
[validation]
mitigations = "None was needed"
"""
METRICS_IN = sorted(set(registry.FORMATS) - {"croissant"})


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("facts") / "facts.toml"
    path.write_text(FACTS, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def material(finished: tuple[RunRecord, Path], facts: Path) -> Material:
    return material_of(finished[1], commands.Demands(provenance=facts))


@pytest.fixture(scope="session")
def documents(finished: tuple[RunRecord, Path], facts: Path) -> dict[str, dict[str, str]]:
    """Every format's documents, by name."""
    return {
        form: {one.name: one.text for one in export(finished[1], form, commands.Demands(provenance=facts))}
        for form in registry.FORMATS
    }


def only(documents: dict[str, str]) -> Any:
    (text,) = documents.values()
    return json.loads(text)


def of_card(material: Material) -> Found:
    values = {
        address: (metric.value, metric.interval.low, metric.interval.high, metric.n)
        for address, metric in material.metrics()
        if isinstance(metric, Metric)
    }
    return values, {address for address, metric in material.metrics() if isinstance(metric, Undefined)}


LINE = re.compile(r"(\S+) \[(\S+), (\S+)\] n=(\d+) ")


def of_lines(lines: Iterator[tuple[str, str]]) -> Found:
    values, undefined = {}, set()
    for address, line in lines:
        match = LINE.match(line)
        if match:
            values[address] = (float(match[1]), float(match[2]), float(match[3]), int(match[4]))
        elif line.startswith("undefined n="):
            undefined.add(address)
    return values, undefined


def of_plain(metrics: list[dict[str, Any]]) -> Found:
    undefined = {row["address"] for row in metrics if "undefined" in row}
    assert not any({"value", "low", "high"} & set(row) for row in metrics if "undefined" in row)
    rest = [row for row in metrics if "undefined" not in row]
    return {row["address"]: (row["value"], row["low"], row["high"], row["n"]) for row in rest}, undefined


def of_cyclonedx(found: dict[str, str]) -> Found:
    component = only(found)["metadata"]["component"]
    n = {
        row["name"]: int(re.match(r"n=(\d+)", row["value"])[1])
        for row in component["properties"]
        if ":metric:" in row["name"]
    }  # type: ignore[index]
    values, undefined = {}, set()
    for row in component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]:
        address = f"{row['type']}, {row['slice']}" if "slice" in row else row["type"]
        if row["value"].startswith("undefined: "):
            assert "confidenceInterval" not in row
            undefined.add(address)
            continue
        low, high = (float(row["confidenceInterval"][key]) for key in ("lowerBound", "upperBound"))
        values[address] = (float(row["value"]), low, high, n[f"auditor:metric:{address}"])
    return values, undefined


def of_spdx3(found: dict[str, str]) -> Found:
    (model,) = [row for row in only(found)["@graph"] if row["type"] == "ai_AIPackage"]
    return of_lines((row["key"], row["value"]) for row in model["ai_metric"])


def of_eee(found: dict[str, str]) -> Found:
    (log,) = [json.loads(text) for name, text in found.items() if name.endswith(".json")]
    values = {}
    for row in log["evaluation_results"]:
        uncertainty = row["score_details"]["uncertainty"]
        interval = uncertainty["confidence_interval"]
        numbers = (row["score_details"]["score"], interval["lower"], interval["upper"], uncertainty["num_samples"])
        values[row["evaluation_result_id"]] = numbers
    details = log["eval_library"]["additional_details"]
    return values, {key.removeprefix("undefined ") for key in details if key.startswith("undefined ")}


def of_junit(found: dict[str, str]) -> Found:
    (text,) = found.values()
    rows = Xml.fromstring(text).iterfind("testsuite/properties/property")
    named = [(row.get("name", ""), row.get("value", "")) for row in rows]
    return of_lines(row for row in named if not row[0].startswith("overlap "))


def of_summary(found: dict[str, str]) -> Found:
    (text,) = found.values()
    values, undefined = {}, set()
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 5 or ":" not in cells[0]:
            continue
        address = re.sub(r"\\(.)", r"\1", cells[0])
        if cells[1].startswith("*undefined"):
            undefined.add(address)
        elif cells[1].strip("-:"):
            low, high = (float(bound) for bound in cells[2].strip("[]").split(", "))
            values[address] = (float(cells[1]), low, high, int(cells[3]))
    return values, undefined


READERS: dict[str, Callable[[dict[str, str]], Found]] = {
    "cyclonedx": of_cyclonedx,
    "spdx3": of_spdx3,
    "every-eval-ever": of_eee,
    "in-toto-test-result": lambda found: of_plain(only(found)["predicate"]["auditor_metrics"]),
    "in-toto-svr": lambda found: of_plain(only(found)["predicate"]["auditor_metrics"]),
    "junit": of_junit,
    "sarif": lambda found: of_plain(only(found)["runs"][0]["properties"]["metrics"]),
    "github-summary": of_summary,
}


@pytest.mark.parametrize("form", METRICS_IN)
def test_every_format_carries_the_card_s_values_and_no_number_for_what_is_undefined(
    material: Material, documents: dict[str, dict[str, str]], form: str
) -> None:
    values, undefined = of_card(material)
    assert len(values) >= 10 and undefined
    assert READERS[form](documents[form]) == (values, undefined)


def front_matter(card: Card) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(renderings.render(card, "markdown").split("---\n")[1])
    return found


def test_the_front_matter_of_the_card_carries_the_same_values(material: Material) -> None:
    (indexed,) = front_matter(material.card)["model-index"]
    found = {
        f"{result['dataset']['config']}:{metric['type']}": (
            metric["value"],
            *metric["args"]["interval"],
            metric["args"]["n"],
        )
        for result in indexed["results"]
        for metric in result["metrics"]
    }
    assert found == {address: numbers for address, numbers in of_card(material)[0].items() if ", " not in address}


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_documents_for_people_carry_the_same_values_to_three_digits(material: Material, name: str) -> None:
    plain = re.sub(r"<svg.*?</svg>", "", renderings.render(material.card, name), flags=re.DOTALL).replace("\\", "")
    text = re.sub(r"(</?t[dhr][^>]*>|[|\n])+", "|", plain)
    for probe in material.card.probes:
        part = text[text.index(f"{probe.id} {probe.version}, {probe.languages[0]}") :]
        for metric in (metric for metric in probe.metrics if isinstance(metric, Metric) and not metric.slice):
            low, high = metric.interval.low, metric.interval.high
            row = re.search(rf"\|\s*{metric.key.name}\s*\|([^|]*)\|\s*{metric.key.ideal:g}\s*\|\s*(\d+)\s*\|", part)
            assert row, (probe.id, metric.key.name)
            assert row[1].strip().startswith(f"{metric.value:.3f} [{low:.3f}, {high:.3f}]"), row[0]
            assert int(row[2]) == metric.n


# What is said of the model


def in_cyclonedx(found: dict[str, str]) -> dict[str, Any]:
    bom = only(found)
    component, parts = bom["metadata"]["component"], bom["components"]
    told = {row["name"]: row["value"] for row in component["properties"]}
    return {
        "name": component["name"],
        "provider": component["supplier"]["name"],
        "licence": component["licenses"][0]["expression"],
        "base": component["pedigree"]["ancestors"][0]["name"],
        "datasets": [part["name"] for part in parts if part["bom-ref"].startswith("training-data-")],
        "probes": {
            part["name"]: (part["version"], part["hashes"][0]["content"])
            for part in parts
            if part["bom-ref"].startswith("probe:")
        },
        "files": {file["name"]: file["hashes"][0]["content"] for file in component["components"]},
        "record": told["auditor:record:sha256"],
        "weights": told["auditor:weights:sha256"],
        "verdicts": {
            name.removeprefix("auditor:verdict:"): value.split(" ")[0]
            for name, value in told.items()
            if name.startswith("auditor:verdict:")
        },
    }


def in_spdx3(found: dict[str, str]) -> dict[str, Any]:
    rows = {row["spdxId"]: row for row in only(found)["@graph"] if "spdxId" in row}

    def related(kind: str) -> list[dict[str, Any]]:
        links = [row for row in rows.values() if row.get("relationshipType") == kind and row["from"] == model["spdxId"]]
        return [rows[one] for link in links for one in link["to"] if one in rows]

    (model,) = [row for row in rows.values() if row["type"] == "ai_AIPackage"]
    return {
        "name": model["name"],
        "provider": rows[model["suppliedBy"]]["name"],
        "licence": related("hasDeclaredLicense")[0]["simplelicensing_licenseExpression"],
        "base": related("descendantOf")[0]["name"],
        "datasets": [row["name"] for row in related("trainedOn")],
        "probes": {
            row["name"]: (row["software_packageVersion"], row["verifiedUsing"][0]["hashValue"])
            for row in related("testedOn")
        },
        "files": {row["name"]: row["verifiedUsing"][0]["hashValue"] for row in related("contains")},
        "record": model["spdxId"].split(":")[3],
    }


def in_eee(found: dict[str, str]) -> dict[str, Any]:
    (log,) = [json.loads(text) for name, text in found.items() if name.endswith(".json")]
    return {
        "name": log["model_info"]["name"],
        "provider": log["model_info"]["developer"],
        "weights": log["model_info"]["additional_details"]["weights_sha256"],
        "record": log["source_metadata"]["additional_details"]["record_sha256"],
    }


def in_test_result(found: dict[str, str]) -> dict[str, Any]:
    statement = only(found)
    policy, of_record = statement["predicate"]["configuration"]
    return {
        "files": {one["name"]: one["digest"]["sha256"] for one in statement["subject"]},
        "record": of_record["digest"]["sha256"],
        "verdicts": {policy["name"].split(" ")[0]: statement["predicate"]["auditor_verdict"]},
    }


def in_svr(found: dict[str, str]) -> dict[str, Any]:
    statement = only(found)
    return {
        "files": {one["name"]: one["digest"]["sha256"] for one in statement["subject"]},
        "verdicts": statement["predicate"]["auditor_verdicts"],
    }


SAID_IN: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "cyclonedx": in_cyclonedx,
    "spdx3": in_spdx3,
    "every-eval-ever": in_eee,
    "in-toto-test-result": in_test_result,
    "in-toto-svr": in_svr,
}


@pytest.mark.parametrize("named", [True, False])
def test_all_exports_and_the_front_matter_say_the_same_of_the_model(material: Material, named: bool) -> None:
    facts = material.card.facts if named else {**material.card.facts, "model.name": Fact(status="missing")}
    given = replace(material, card=replace(material.card, facts=facts))
    card = given.card
    said = {
        "name": "Owl <b>1</b>" if named else card.model.requested,
        "provider": "The Owl Works",
        "licence": "LicenseRef-llama3.1",
        "base": "owls/egg",
        "datasets": ["https://owls.example/night", "hoots"],
        "probes": {probe.id: (probe.version, probe.digest) for probe in card.probes},
        "files": {file.path: file.sha256 for file in given.record.model.files},
        "record": given.record.digest,
        "weights": given.record.model.weights_digest,
        "verdicts": {verdict.policy: str(verdict.status) for verdict in card.verdicts},
    }
    for form, read in SAID_IN.items():
        found = read({one.name: one.text for one in registry.load("formats", form)(given)})
        assert found == {key: said[key] for key in found}, form
    head = front_matter(card)
    assert (head["model-index"][0]["name"], head["base_model"]) == (said["name"], said["base"])
    assert licence_expression(head["license"]) == said["licence"]
    sets = [json.loads(one.text) for one in croissant.export(given)]
    assert {one["name"]: one["version"] for one in sets} == {
        key: version for key, (version, _) in said["probes"].items()
    }


# Figures on training files


def overlap_of_cyclonedx(found: dict[str, str]) -> list[tuple[str, str]]:
    rows = only(found)["metadata"]["component"]["properties"]
    return [(r["name"].removeprefix("auditor:overlap:"), r["value"]) for r in rows if ":overlap:" in r["name"]]


def overlap_of_spdx3(found: dict[str, str]) -> list[tuple[str, str]]:
    lines = [
        line
        for row in only(found)["@graph"]
        if row["type"] == "dataset_DatasetPackage"
        for line in row.get("comment", "").splitlines()
    ]
    return [tuple(line.removeprefix("overlap with training files ").split(": ", 1)) for line in lines]  # type: ignore[misc]


def overlap_of_eee(found: dict[str, str]) -> list[tuple[str, str]]:
    (log,) = [json.loads(text) for name, text in found.items() if name.endswith(".json")]
    rows = log["eval_library"]["additional_details"].items()
    return [(key.removeprefix("overlap "), value) for key, value in rows if key.startswith("overlap ")]


def overlap_of_junit(found: dict[str, str]) -> list[tuple[str, str]]:
    (text,) = found.values()
    rows = [
        (r.get("name", ""), r.get("value", "")) for r in Xml.fromstring(text).iterfind("testsuite/properties/property")
    ]
    return [(name.removeprefix("overlap "), value) for name, value in rows if name.startswith("overlap ")]


OVERLAPS_IN: dict[str, Callable[[dict[str, str]], Found]] = {
    "cyclonedx": lambda found: of_lines(iter(overlap_of_cyclonedx(found))),
    "spdx3": lambda found: of_lines(iter(overlap_of_spdx3(found))),
    "every-eval-ever": lambda found: of_lines(iter(overlap_of_eee(found))),
    "in-toto-test-result": lambda found: of_plain(only(found)["predicate"]["auditor_overlaps"]),
    "in-toto-svr": lambda found: of_plain(only(found)["predicate"]["auditor_overlaps"]),
    "junit": lambda found: of_lines(iter(overlap_of_junit(found))),
    "sarif": lambda found: of_plain(only(found)["runs"][0]["properties"]["overlaps"]),
    "github-summary": lambda found: of_summary({"": found["summary.md"].partition("| items in the training")[2]}),
}


@pytest.fixture(scope="module")
def looked(material: Material) -> Material:
    """The material of a record with a look: one share a probe, and one that is undefined."""
    record = material.record
    probe = next(one for one in record.probes if any(isinstance(metric, Metric) for metric in one.metrics))
    share = next(metric for metric in probe.metrics if isinstance(metric, Metric) and not metric.slice)
    named = replace(share, key=replace(share.key, name="overlap_rate"), value=0.125)
    nothing = Undefined(
        key=replace(share.key, name="answered_overlap_rate"),
        slice={},
        reason=Reason.NO_SCORED_SAMPLES,
        n=0,
        n_unscored=3,
        scorer=share.scorer,
        data_digest=share.data_digest,
    )
    file = FileDigest(path="corpus/a.txt", sha256="a" * 64, bytes=9)
    found = Contamination(
        rule=share.scorer,
        columns=(),
        files=(file,),
        left_out={},
        n_documents=1,
        n_words=9,
        items_file=file,
        probes=(ProbeOverlap(id=probe.id, asked=("text",), answers=(), metrics=(named, nothing)),),
    )
    card = replace(material.card, contamination=found)
    return replace(material, record=replace(record, contamination=found), card=card)


@pytest.mark.parametrize("form", METRICS_IN)
def test_every_format_carries_what_was_found_in_training_files_apart_from_what_the_model_scored(
    material: Material, looked: Material, form: str
) -> None:
    found = {one.name: one.text for one in registry.load("formats", form)(looked)}
    (values, undefined) = OVERLAPS_IN[form](found)
    ((address, metric), (other, _)) = facts_overlaps(looked.card)
    assert isinstance(metric, Metric) and address.endswith(":overlap_rate")
    assert values == {address: (0.125, metric.interval.low, metric.interval.high, metric.n)} and undefined == {other}
    if form != "github-summary":  # its reader reads every table
        assert READERS[form](found) == of_card(material)


def test_an_export_is_the_same_each_time(finished: tuple[RunRecord, Path], facts: Path, documents: Any) -> None:
    for form in registry.FORMATS:
        again = {one.name: one.text for one in export(finished[1], form, commands.Demands(provenance=facts))}
        assert again == documents[form], form


def test_what_is_meant_for_others_than_the_public_is_in_no_export(documents: dict[str, dict[str, str]]) -> None:
    assert not [form for form, found in documents.items() if "secret of the owls" in "".join(found.values())]


# CycloneDX


def refs(node: Any, key: str) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get(key), str):
            yield node[key]
        for value in node.values():
            yield from refs(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value, key)


def pointed(document: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def test_every_fact_is_cited_with_its_status_and_who_says_so(documents: Any, material: Material) -> None:
    bom = only(documents["cyclonedx"])
    notes = {}
    for citation in bom["citations"]:
        places = [pointed(bom, pointer) for pointer in citation["pointers"]]
        assert all(place is not None for place in places)
        if places[0].get("name", "").startswith("auditor:fact:"):
            notes[places[0]["name"].removeprefix("auditor:fact:")] = citation
    given = {key: fact for key, fact in material.card.facts.items() if fact.status != "missing"}
    assert set(notes) == {*given, "missing"}
    assert all(notes[key]["note"].startswith(fact.status) for key, fact in given.items())
    listed = pointed(bom, notes["missing"]["pointers"][0])["value"].split(", ")
    assert listed == [key for key in material.card.facts if key not in given]
    authors = {row["bom-ref"]: row["name"] for row in bom["metadata"]["authors"]}
    assert authors[notes["model.license"]["attributedTo"]] == "The Owl Works"
    assert notes["model.license"]["timestamp"] == "2026-11-01T00:00:00Z"
    assert notes["model.context_length"]["attributedTo"] == "auditor"
    known = set(refs(bom, "bom-ref"))
    assert len(known) == len(list(refs(bom, "bom-ref")))
    used = {citation["attributedTo"] for citation in bom["citations"]} | set(refs(bom["metadata"], "ref"))
    used |= {ref for row in bom["dependencies"] for ref in [row["ref"], *row["dependsOn"]]}
    assert used <= known


def test_every_finding_is_claimed_countered_or_left_open_with_its_evidence(documents: Any, material: Material) -> None:
    bom = only(documents["cyclonedx"])
    told, asked = bom["declarations"], bom["definitions"]["standards"]
    assert [one["name"] for one in asked] == [verdict.policy_title for verdict in material.verdicts]
    assert [one["identifier"] for one in asked[0]["requirements"]] == [f.id for f in material.verdicts[0].findings]
    claims = {claim["bom-ref"]: claim for claim in told["claims"]}
    places = {row["name"] for row in bom["metadata"]["component"]["properties"]}
    evidence = {row["bom-ref"]: row for row in told["evidence"]}
    outcomes = set()
    for row, finding in zip(told["attestations"][0]["map"], material.verdicts[0].findings, strict=True):
        met, not_met = row.get("claims", []), row.get("counterClaims", [])
        assert bool(met) == (finding.status is Status.PASS)
        assert bool(not_met) == (finding.status in {Status.FAIL, Status.WAIVED})
        assert "score" not in row.get("conformance", {})
        outcomes.add(finding.status)
        for ref in (*met, *not_met):
            claim = claims[ref]
            assert claim["target"] == "model" and claim["reasoning"] == finding.message
            used = [*claim.get("evidence", []), *claim.get("counterEvidence", [])]
            assert used and all(ref in evidence for ref in used)
    assert outcomes >= {Status.PASS, Status.FAIL, Status.INCONCLUSIVE}
    own = {row["propertyName"] for row in evidence.values() if not row["propertyName"].startswith("auditor:computed")}
    assert own <= places and "auditor:fact:missing" in own
    assert "compliant" not in json.dumps(told).lower() and "affirmation" not in told


def test_a_waiver_is_how_a_gap_is_dealt_with_and_expires(material: Material) -> None:
    verdict = material.verdicts[0]
    failed = next(finding for finding in verdict.findings if finding.status is Status.FAIL)
    waiver = Waiver(
        id=failed.id,
        policy=verdict.policy,
        scope=material.card.weights_digest,
        reason="It is being moved.",
        compensating_measure="The board answers.",
        approver="A. Person",
        expires="2099-12-31",
        ticket="GOV-12",
    )
    waived = replace(failed, status=Status.WAIVED, was=Status.FAIL, waiver=waiver)
    findings = tuple(waived if finding is failed else finding for finding in verdict.findings)
    (text,) = [one.text for one in cyclonedx.export(replace(material, verdicts=(replace(verdict, findings=findings),)))]
    told = json.loads(text)["declarations"]
    (claim,) = [one for one in told["claims"] if one["bom-ref"] == f"claim:{verdict.policy}/{failed.id}"]
    (row,) = [one for one in told["evidence"] if one["bom-ref"] == claim["mitigationStrategies"][0]]
    assert (
        row["expires"] == "2099-12-31T23:59:59Z"
        and "GOV-12" in row["description"]
        and "A. Person" in row["description"]
    )


def test_a_hub_licence_becomes_a_reference_and_files_carry_their_hashes(documents: Any, material: Material) -> None:
    component = only(documents["cyclonedx"])["metadata"]["component"]
    assert component["licenses"] == [{"expression": "LicenseRef-llama3.1", "acknowledgement": "declared"}]
    hashes = {row["name"]: row["hashes"][0]["content"] for row in component["components"]}
    assert hashes == {file.path: file.sha256 for file in material.record.model.files}
    night, hoots = only(documents["cyclonedx"])["components"][:2]
    assert night["externalReferences"][0]["url"] == "https://owls.example/night" and "licenses" not in night
    assert hoots["licenses"][0]["expression"] == "CC-BY-4.0" and hoots["data"][0]["sensitiveData"] == ["personal_data"]
    assert component["pedigree"]["ancestors"][0]["name"] == "owls/egg"
    used = component["modelCard"]["considerations"]["environmentalConsiderations"]["energyConsumptions"][0]
    assert used["activityEnergyCost"] == {"value": 250.0, "unit": "kWh"}


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("cc-by-4.0", "CC-BY-4.0"),
        ("LicenseRef-own AND MIT", "LicenseRef-own AND MIT"),
        ("LicenseRef-our own terms", "LicenseRef-our-own-terms"),
        ("MIT AND", "LicenseRef-MIT-AND"),
        ("other", "LicenseRef-other"),
        ("!", "LicenseRef-unnamed"),
    ],
)
def test_what_is_no_spdx_licence_is_a_reference(name: str, expression: str) -> None:
    assert licence_expression(name) == expression


def test_what_the_validator_refuses_is_never_written(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = cyclonedx.build(material)
    broken = {**sound, "components": [{"type": "model", "name": "x"}]}
    monkeypatch.setattr(cyclonedx, "build", lambda _: broken)
    with pytest.raises(ExportError, match="/components/0"):
        list(cyclonedx.export(material))


# SPDX


def test_a_profile_is_claimed_only_where_all_that_it_demands_is_known(material: Material) -> None:
    from spdx_python_model import v3_0_1 as spdx

    (text,) = [one.text for one in spdx3.export(material)]
    (document,) = [row for row in json.loads(text)["@graph"] if row["type"] == "SpdxDocument"]
    assert document["profileConformance"] == ["core", "software", "simpleLicensing"]
    assert "profile ai: Owl <b>1</b> lacks downloadLocation" in document["comment"]
    model = replace(material.record.model, repository="owls/owl", revision="a" * 40)
    (text,) = [one.text for one in spdx3.export(replace(material, record=replace(material.record, model=model)))]
    (document,) = [row for row in json.loads(text)["@graph"] if row["type"] == "SpdxDocument"]
    assert "ai" in document["profileConformance"] and "dataset" not in document["profileConformance"]
    assert spdx3.check(spdx, text) == []
    false_claim = text.replace('"simpleLicensing"', '"simpleLicensing", "dataset"', 1)
    assert any("lacks originatedBy" in fault for fault in spdx3.check(spdx, false_claim))


@pytest.mark.parametrize(
    ("said", "instead", "fault"),
    [
        ('"specVersion": "3.0.1"', '"specVersion": "three"', "not correctly formatted"),
        ('"spdxId": "', '"nosuch": 1, "spdxId": "', "Unknown property 'nosuch'"),
        ('"software_primaryPurpose": "model"', '"software_primaryPurpose": "owl"', "owl"),
    ],
)
def test_the_bindings_hold_a_document_to_the_shapes_that_they_are_made_from(
    documents: Any, said: str, instead: str, fault: str
) -> None:
    from spdx_python_model import v3_0_1 as spdx

    (text,) = documents["spdx3"].values()
    assert said in text
    assert any(fault in found for found in spdx3.check(spdx, text.replace(said, instead, 1)))


def test_rules_are_the_metrics_decision_thresholds(documents: Any) -> None:
    (model,) = [row for row in only(documents["spdx3"])["@graph"] if row["type"] == "ai_AIPackage"]
    bounds = {row["key"]: row["value"] for row in model["ai_metricDecisionThreshold"]}
    told = bounds["toxicity/civility_pairs:rude_preference_rate"]
    assert told.startswith("at most 0.6 (baseline") and told.endswith("INCONCLUSIVE")


# Croissant


def test_croissant_lies_in_a_pack_and_its_items_can_be_read_through_it(documents: Any, tmp_path: Path) -> None:
    import shutil

    import mlcroissant as mlc

    from auditor.probes import shipped

    name = "bias/stereotype_contrast"
    folder = Path(shutil.copytree(shipped() / name, tmp_path / "probe"))
    (folder / "croissant.json").write_text(documents["croissant"][f"{name}/croissant.json"], encoding="utf-8")
    rows = list(mlc.Dataset(str(folder / "croissant.json")).records("items"))
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["items/id"].decode() for row in rows] == [item["id"] for item in items]
    content = json.loads(documents["croissant"][f"{name}/croissant.json"])
    files = {row["@id"]: row["sha256"] for row in content["distribution"]}
    assert files["items.jsonl"] == schema.digest_file(folder / "items.jsonl").sha256
    assert content["conformsTo"] == croissant.CONFORMS_TO
    assert {"rai:dataLimitations", "rai:dataCollection", "rai:dataManipulationProtocol"} <= set(content)
    assert not [key for key in content if "TimeFrame" in key or "dataDataManipulation" in key]


def test_a_part_of_a_benchmark_names_its_origin_and_files(material: Material) -> None:
    place = find()["bias/bbq/age"]
    known = load(place.folder, place.part, with_items=False)
    assert known.data is not None
    files = tuple(FileDigest(path=file.path, sha256=file.sha256, bytes=1) for file in known.data.files)
    probe = replace(
        material.card.probes[0], id=known.id, version=known.version, license=known.license, data_files=files
    )
    (document,) = croissant.export(replace(material, card=replace(material.card, probes=(probe,))))
    assert document.name == "bias/bbq/croissant.age.json"
    content = json.loads(document.text)
    assert content["url"] == "https://github.com/nyu-mll/BBQ" and content["prov:wasDerivedFrom"] == known.data.origin
    assert {row["@id"] for row in content["distribution"]} == {
        "probe.toml",
        "prompt.j2",
        *(file.path for file in files),
    }
    other = replace(probe, data_files=(replace(files[0], sha256="0" * 64),))
    with pytest.raises(ExportError, match="another than the record's"):
        list(croissant.export(replace(material, card=replace(material.card, probes=(other,)))))


def test_a_probe_that_is_another_than_the_record_s_is_not_described(material: Material) -> None:
    probe = replace(material.card.probes[0], digest="0" * 64)
    with pytest.raises(ExportError, match="another than the record's"):
        list(croissant.export(replace(material, card=replace(material.card, probes=(probe,)))))


# in-toto


def verdict_of(material: Material, *statuses: tuple[Status, bool]) -> Material:
    base = material.verdicts[0].findings[0]
    findings: tuple[Finding, ...] = tuple(
        replace(base, id=f"f{number}", status=status, severity="error" if required else "warning")
        for number, (status, required) in enumerate(statuses)
    )
    worst = Status.FAIL if any(one is Status.FAIL for one, _ in statuses) else statuses[0][0]
    return replace(material, verdicts=(replace(material.verdicts[0], status=worst, findings=findings),))


UNDECIDED = ((Status.INCONCLUSIVE, True), (Status.PASS, True), (Status.WAIVED, True), (Status.FAIL, False))


def test_what_is_inconclusive_is_no_passed_test_anywhere(material: Material) -> None:
    given = verdict_of(
        material, (Status.INCONCLUSIVE, True), (Status.PASS, True), (Status.WAIVED, True), (Status.FAIL, False)
    )
    given = replace(given, verdicts=(replace(given.verdicts[0], status=Status.INCONCLUSIVE),))
    (statement,) = [json.loads(one.text) for one in in_toto.export_test_result(given)]
    predicate = statement["predicate"]
    assert predicate["result"] == "FAILED"
    assert (predicate["passedTests"], predicate["warnedTests"], predicate["failedTests"]) == (
        ["f1"],
        ["f2", "f3"],
        ["f0"],
    )
    (svr,) = [json.loads(one.text) for one in in_toto.export_svr(given)]
    assert svr["predicate"]["properties"] == ["AUDITOR_baseline/f1"]
    (log,) = [json.loads(one.text) for one in sarif.export(given)]
    assert [(row["kind"], row["level"]) for row in log["runs"][0]["results"]] == [
        ("fail", "warning"),
        ("pass", "none"),
        ("fail", "note"),
        ("fail", "note"),
    ]
    (text,) = [one.text for one in junit.export(given)]
    suite = Xml.fromstring(text).find("testsuite")
    assert suite is not None
    assert [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["4", "0", "1", "2"]


def test_a_verdict_of_which_nothing_required_was_shown_is_red_everywhere(material: Material) -> None:
    policy = policies.load("baseline")
    advisory = replace(policy, rules=(), duties=tuple(replace(duty, severity="warning") for duty in policy.duties))
    whole = replace(
        material.record, probes=tuple(replace(one, n_selected=one.n_items) for one in material.record.probes)
    )
    verdict = judge(whole, replace(material.card, contradictions={}), advisory)
    assert verdict.status is Status.INCONCLUSIVE and verdict.findings[-1].id == "nothing-shown"
    given = replace(material, verdicts=(verdict,))
    (log,) = [json.loads(one.text) for one in sarif.export(given)]
    assert "warning" in {row["level"] for row in log["runs"][0]["results"]}
    (text,) = [one.text for one in junit.export(given)]
    suite = Xml.fromstring(text).find("testsuite")
    assert suite is not None and suite.get("errors") == "1"


def test_a_finding_on_a_fact_that_is_cut_out_keeps_its_words_to_itself(material: Material) -> None:
    told = verdict_of(material, (Status.FAIL, True)).verdicts[0]
    finding = replace(told.findings[0], message="model.contact: 'info@owls.example' is not as asked")
    contact = Fact(status="declared", value="info@owls.example", source="us", audiences=("ai-office",))
    card = replace(
        material.card,
        facts={**material.card.facts, "model.contact": contact},
        verdicts=(replace(told, findings=(finding,)),),
    )
    assert "owls.example" not in cut(card, "public").verdicts[0].findings[0].message
    assert "owls.example" in cut(card, "ai-office").verdicts[0].findings[0].message


@pytest.mark.parametrize("form", ["in-toto-test-result", "in-toto-svr"])
def test_in_toto_s_own_library_accepts_the_statement(documents: Any, form: str) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    Statement.copy_from_pb(json_format.ParseDict(only(documents[form]), statement_pb2.Statement())).validate()


def test_statements_are_about_the_model_s_files(documents: Any, material: Material) -> None:
    for form in ("in-toto-test-result", "in-toto-svr"):
        statement = only(documents[form])
        assert statement["_type"] == in_toto.STATEMENT
        digests = {row["name"]: row["digest"]["sha256"] for row in statement["subject"]}
        assert digests == {file.path: file.sha256 for file in material.record.model.files}
    policies = only(documents["in-toto-svr"])["predicate"]["verifier"]["policies"]
    assert policies[0]["digest"]["sha256"] == material.verdicts[0].policy_digest


# Every Eval Ever: what its schemas demand, written out


def test_every_eval_ever_has_what_its_schemas_demand(documents: Any, material: Material) -> None:
    found = documents["every-eval-ever"]
    (name, text), (rows_name, rows_text) = sorted(found.items(), key=lambda row: row[0].endswith("l"))
    log, rows = json.loads(text), [json.loads(line) for line in rows_text.splitlines()]
    uuid4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"data/auditor/[^/]+/[^/]+/{uuid4}\.json", name)
    assert rows_name == name.removesuffix(".json") + "_samples.jsonl"
    required = {"schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info"}
    assert required | {"eval_library", "evaluation_results"} <= set(log) and log["schema_version"] == "0.3.0"
    assert log["retrieved_timestamp"].isdigit()
    sidecar = log["detailed_evaluation_results"]
    assert (sidecar["file_path"], sidecar["total_rows"]) == (rows_name, len(rows))
    import hashlib

    assert sidecar["checksum"] == hashlib.sha256(rows_text.encode()).hexdigest()
    assert len(rows) == sum(probe.n_selected - sum(probe.unscored.values()) for probe in material.card.probes)
    for row in rows:
        assert (row["evaluation_id"], row["model_id"]) == (log["evaluation_id"], log["model_info"]["id"])
        assert {"input", "output", "sample_id", "evaluation_name", "answer_attribution"} <= set(row)
        assert all(isinstance(value, str) for value in row["metadata"].values())
    for row in log["evaluation_results"]:
        config = row["metric_config"]
        assert config["min_score"] <= row["score_details"]["score"] <= config["max_score"]
        assert isinstance(config["lower_is_better"], bool)


def test_prompts_and_completions_are_digests_unless_texts_are_asked_for(material: Material, documents: Any) -> None:
    hashed = next(text for name, text in documents["every-eval-ever"].items() if name.endswith(".jsonl"))
    shown = next(
        one.text for one in every_eval_ever.export(replace(material, with_text=True)) if one.name.endswith(".jsonl")
    )
    for row, open_row in zip(map(json.loads, hashed.splitlines()), map(json.loads, shown.splitlines()), strict=True):
        assert row["input"]["raw"].startswith("sha256:") and not open_row["input"]["raw"].startswith("sha256:")
        assert row["sample_hash"] == every_eval_ever.sample_hash(open_row["input"]["raw"], [])


# Hostile text, and the command line


def test_findings_are_counted_alike_wherever_they_are_counted(
    material: Material, documents: dict[str, dict[str, str]]
) -> None:
    (verdict,) = material.verdicts
    counts = Counter(str(one.status) for one in verdict.findings if one.severity == "error" and one.applies)
    decided, rest = counts.total(), len(verdict.findings) - counts.total()
    assert rest and len(counts) > 1
    by_status = [counts[status] for status in ("PASS", "FAIL", "INCONCLUSIVE", "WAIVED")]
    row = " | ".join(map(str, [decided, *by_status, rest]))
    assert f"| **{verdict.status}** | {row} |" in documents["github-summary"]["summary.md"]
    words = zip(by_status, ("met", "not met", "undecided", "waived for a time"), strict=True)
    told = renderings.render(material.card, "summary")
    (line,) = [line for line in told.splitlines() if f"Of {decided} things that decide this: " in line]
    assert all(f"{count} {word}" in line for count, word in words if count)
    assert f"; {rest} more are advice, or do not apply." in line


def test_hostile_text_stays_text(material: Material) -> None:
    nasty = "\x00\x1b[31m]]> <script>& [click](https://evil.example) | \ufffe"
    finding = replace(material.verdicts[0].findings[0], message=nasty, subject=nasty, rationale=nasty)
    given = replace(material, verdicts=(replace(material.verdicts[0], findings=(finding,)),))
    for form in METRICS_IN:
        for document in registry.load("formats", form)(given):
            document.text.encode()
            if form == "junit":
                assert "<script>" in (Xml.fromstring(document.text).find("testsuite/testcase/*").get("message") or "")  # type: ignore[union-attr]
            elif form == "github-summary":
                assert "<script>" not in document.text and "](" not in document.text.replace("\\](", "")
            elif form == "sarif":
                assert "](" not in json.loads(document.text)["runs"][0]["results"][0]["message"]["text"].replace(
                    "\\](", ""
                )
            elif document.name.endswith("json"):
                json.loads(document.text)


def test_a_library_that_is_not_there_is_one_error_with_the_extra(
    finished: tuple[RunRecord, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for form, package, extra in (
        ("cyclonedx", "cyclonedx.schema", "sbom"),
        ("spdx3", "spdx_python_model", "sbom"),
        ("croissant", "mlcroissant", "croissant"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingPackageError) as caught:
            export(finished[1], form)
        assert caught.value.hint == f"pip install 'auditor[{extra}]'"


def test_the_command_writes_one_file_or_a_folder(
    auditor_cli: Cli, finished: tuple[RunRecord, Path], tmp_path: Path
) -> None:
    done = auditor_cli("export", finished[1], "--format", "every-eval-ever")
    assert done.returncode == 2 and "--out" in done.stderr and done.stdout == ""
    done = auditor_cli("export", finished[1], "--format", "junit", "--out", tmp_path / "j.xml")
    assert done.returncode == 0 and Xml.parse(tmp_path / "j.xml").getroot().tag == "testsuites"
    done = auditor_cli("export", finished[1], "--format", "sarf")
    assert done.returncode == 2 and "sarif" in done.stderr


def test_exporting_does_not_import_torch(finished: tuple[RunRecord, Path]) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from auditor.export import export; from auditor.registry import FORMATS\n"
        f"[export(Path({str(finished[1])!r}), form) for form in FORMATS]\n"
        "print(sorted({'torch', 'transformers', 'detoxify', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


# Energy


@pytest.fixture(scope="module")
def metered(material: Material) -> Material:
    """A record of a run whose energy was estimated, with its card."""
    parts = (
        EnergyPart(part="cpu", kwh=0.0123, method="estimated", by="its load"),
        EnergyPart(part="ram", kwh=0.001, method="estimated", by="the size of the memory"),
    )
    span = Span(
        started_at="2026-11-25T12:00:00+00:00",
        duration_s=60.0,
        ended=True,
        completions=3,
        completion_tokens=70,
        tracker="codecarbon 3.3.2",
        energy=parts,
        completions_energy=parts[:1],
        grid=Grid(country="SWE", g_per_kwh=40.0, source="a table"),
    )
    assert material.record.clocks.costs is not None
    costs = add_up(material.record.clocks.costs.flop, (span,), device="cpu")
    record = replace(material.record, clocks=replace(material.record.clocks, costs=costs))
    declared = {key: fact for key, fact in material.card.facts.items() if fact.status == "declared"}
    return replace(material, record=record, card=cut(build_card(record, declared), "public"))


def test_every_format_with_a_place_for_energy_carries_the_same_values_and_how_they_are_known(metered: Material) -> None:
    [bom] = [json.loads(one.text) for one in cyclonedx.export(metered)]
    component = bom["metadata"]["component"]
    rows = component["modelCard"]["considerations"]["environmentalConsiderations"]["energyConsumptions"]
    kwh = {row["activity"]: row["activityEnergyCost"]["value"] for row in rows}
    fact = metered.card.facts["compute.inference_energy_wh"]
    costs = metered.record.clocks.costs
    assert costs is not None and costs.energy is not None
    assert kwh == {"training": 250.0, "inference": pytest.approx(fact.value / 1000), "validation": costs.energy.kwh}
    assert rows[2]["co2CostEquivalent"] == {"value": pytest.approx(0.0133 * 40 / 1e6), "unit": "tCO2eq"}
    known = {row["activity"]: row["properties"][0]["value"] for row in rows}
    assert known["training"].startswith("declared") and "estimated, not measured" in known["inference"]
    assert "estimated, not measured" in known["validation"]
    [text] = [one.text for one in spdx3.export(metered)]
    [model] = [row for row in json.loads(text)["@graph"] if row["type"] == "ai_AIPackage"]
    used = model["ai_energyConsumption"]
    told = {name: used[f"ai_{name}EnergyConsumption"][0]["ai_energyQuantity"] for name in ("training", "inference")}
    assert {name: float(value) for name, value in told.items()} == pytest.approx({name: kwh[name] for name in told})
    assert "energy of inference, for 100000 tokens: derived: estimated, not measured" in model["comment"]


def test_energy_that_nobody_knows_has_no_place_in_an_export(documents: Any) -> None:
    considerations = only(documents["cyclonedx"])["metadata"]["component"]["modelCard"]["considerations"]
    rows = considerations["environmentalConsiderations"]["energyConsumptions"]
    assert [row["activity"] for row in rows] == ["training"]


# Whatever names and numbers a card holds

SLICES = {
    "words of other scripts": "språk 性别 👩🏽‍🚀 e\u0301",
    "markup": '<b>rate</b> [x](http://e.example) `c` & "q" ]]>',
    "pipes and slashes": "a|b \\| c\\",
    "separators": "a, b: c=d; [0.1, 0.2] n=3 undefined n=2",
    "very long": "x" * 5000,
    "blanks": " a  b ",
}
NUMBERS = (0.0, 1.0, 1e-300, 1 / 3, 0.1 + 0.2, 1e15)


def with_metrics(material: Material, *metrics: Metric | Undefined) -> Material:
    """Return the material with these metrics in place of its first probe's, in record and card."""
    first, *others = material.record.probes
    probes = (replace(first, metrics=metrics), *others)
    return replace(material, record=replace(material.record, probes=probes), card=replace(material.card, probes=probes))


def one_of(material: Material) -> Metric:
    return next(metric for _, metric in material.metrics() if isinstance(metric, Metric))


def undefined(metric: Metric, group: dict[str, str]) -> Undefined:
    return Undefined(
        key=metric.key,
        slice=group,
        reason=Reason.NO_SCORED_SAMPLES,
        n=0,
        n_unscored=7,
        scorer=metric.scorer,
        data_digest=metric.data_digest,
    )


@pytest.mark.parametrize("form", METRICS_IN)
@pytest.mark.parametrize("name", sorted(SLICES))
def test_a_group_of_any_name_has_its_values(material: Material, name: str, form: str) -> None:
    plain = one_of(material)
    group = {"group": SLICES[name]}
    lacking = undefined(plain, {**group, "z": "1"})
    given = with_metrics(material, plain, replace(plain, slice=group, value=0.25), lacking)
    found = {one.name: one.text for one in registry.load("formats", form)(given)}
    (values, lost), (told, untold) = of_card(given), READERS[form](found)
    if form == "github-summary":  # names are escaped there, and their blanks are one
        assert list(told.values()) == list(values.values()) and len(untold) == len(lost)
    else:
        assert (told, untold) == (values, lost)


@pytest.mark.parametrize("form", METRICS_IN)
@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_every_digit_of_a_number_is_kept(material: Material, value: float, form: str) -> None:
    plain = one_of(material)
    interval = Interval(low=value / 3, high=value * 3, level=0.95, method="given")
    given = with_metrics(material, replace(plain, value=value, interval=interval, n=1, n_unscored=10**12))
    found = {one.name: one.text for one in registry.load("formats", form)(given)}
    assert READERS[form](found) == of_card(given)


NASTY = {
    "model.name": "språk 👩🏽‍🚀 </script><b>]]> \x00\x1b[31m",
    "model.description": "line one\r\nline two\u2028| a | [x](javascript:alert(1)) " + "long " * 4000,
    "use.intended": '{"a": 1} \\ \\u0000 %s ${x} {{ y }}',
    "use.limitations": "\ufeff\u202eback\u202c\ufffe",
    "model.version": "1.0; rm -rf / --no-preserve-root",
}


def with_facts(material: Material) -> Material:
    """Return the material with hostile declared facts, one that is withheld, and one that is contradicted."""
    said = {key: Fact(status="declared", value=value, source="by us") for key, value in NASTY.items()}
    said["model.contact"] = Fact(status="withheld", reason="<i>being set up</i> & \x00")
    said["model.license"] = Fact(status="declared", value="mit", source="by us")
    card = replace(
        material.card,
        facts={**material.card.facts, **said},
        contradictions={"model.license": "LICENSE says apache-2.0"},
    )
    return replace(material, card=card)


@pytest.mark.parametrize("form", METRICS_IN)
def test_hostile_facts_leave_every_metric_where_it_was(material: Material, form: str) -> None:
    given = with_facts(material)
    found = {one.name: one.text for one in registry.load("formats", form)(given)}
    assert READERS[form](found) == of_card(given)


def test_hostile_facts_are_told_as_they_are_with_what_disputes_or_withholds_them(material: Material) -> None:
    given = with_facts(material)
    component = only({one.name: one.text for one in cyclonedx.export(given)})["metadata"]["component"]
    told = {row["name"]: row["value"] for row in component["properties"]}
    assert {key: told[f"auditor:fact:{key}"] for key in NASTY} == NASTY
    assert told["auditor:fact:model.contact"] == "withheld: <i>being set up</i> & \x00"
    assert told["auditor:fact:model.license"] == "disputed: mit (LICENSE says apache-2.0)"
    assert "licenses" not in component
    (model,) = [
        row
        for row in only({one.name: one.text for one in spdx3.export(given)})["@graph"]
        if row["type"] == "ai_AIPackage"
    ]
    assert model["name"] == NASTY["model.name"] and model["ai_limitation"] == NASTY["use.limitations"]
