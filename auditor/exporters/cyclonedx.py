"""CycloneDX 1.7: an ML-BOM of the model with its card, who says each thing in it (`citations`), and what came of it.

Source: the JSON schema of CycloneDX 1.7 (ECMA-424), `modelCard`, `citation`. The document is built by hand, since the
library validates these parts and cannot write them; what it does not accept is an error and never written.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

from auditor import schema
from auditor.errors import ExportError, optional_package
from auditor.exporters import attestations, facts
from auditor.exporters.costs import known as how_known
from auditor.exporters.words import KNOWN, dispute, model_name
from auditor.inference import ENERGY, TASK_TOKENS
from auditor.types import Document, Energy, Fact, Json, Material, Metric, ProbeResult, Undefined, slice_words

NAMESPACE = uuid.UUID("6f1d6c1e-6c57-5d0c-9c8f-2f6a3f0d7a10")
_MODEL, _TOOL = "model", "auditor"
_FACT = attestations.FACT
_KWH = 1000  # in a MWh; as many Wh are in one
_T = 1000  # kg in one


def export(material: Material) -> Iterator[Document]:
    """Yield the BOM.

    Raises:
        ExportError: the validator refuses it.
        MissingPackageError: cyclonedx-python-lib is not installed.
    """
    bom = build(material)
    text = schema.canonical_json(bom, indent=1) + "\n"
    with optional_package("sbom", "the export cyclonedx"):
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        fault = JsonStrictValidator(SchemaVersion.V1_7).validate_str(text)
    if fault is not None:
        where = "/".join(map(str, getattr(fault.data, "absolute_path", ())))
        message = str(getattr(fault.data, "message", fault))[:300]
        raise ExportError(
            f"the CycloneDX validator refuses the document at /{where}: {message}",
            hint="report it: it is a fault of ours",
        )
    yield Document(name="bom.cdx.json", text=text)


def build(material: Material) -> dict[str, Json]:
    """Return the BOM. Its serial number follows from the record and the facts, its time is the end of the run."""
    record, card = material.record, material.card
    datasets = [_training_set(number, entry) for number, entry in enumerate(facts.datasets(facts.settled(card)))]
    probes = [_probe(probe) for probe in card.probes]
    component = {**_component(material), "modelCard": _model_card(material, [*datasets, *probes])}
    parties = {name: f"declared-by-{number}" for number, name in enumerate(_parties(card.facts))}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, record.digest + card.facts_digest)}",
        "version": 1,
        "metadata": {
            "timestamp": record.clocks.finished_at,
            "tools": {"components": [_tool(material)]},
            **({"authors": [{"bom-ref": ref, "name": name} for name, ref in parties.items()]} if parties else {}),
            "component": component,
        },
        "components": [*datasets, *probes],
        "dependencies": [
            {"ref": _MODEL, "dependsOn": sorted(entry["bom-ref"] for entry in datasets)},
            {"ref": _TOOL, "dependsOn": sorted(entry["bom-ref"] for entry in probes)},
        ],
        "citations": list(_citations(material, component, parties)),
        **(
            {
                "definitions": attestations.definitions(material.verdicts),
                "declarations": attestations.declarations(material, _MODEL),
            }
            if material.verdicts
            else {}
        ),
    }


def _component(material: Material) -> dict[str, Json]:
    record, known = material.record, facts.settled(material.card)
    provider, licence, base = (facts.words(known, f"model.{key}") for key in ("provider", "license", "base_model"))
    found: dict[str, Json] = {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": model_name(material.card),
        "version": facts.version_of(known, record.model.revision, record.model.weights_digest),
        "supplier": {"name": provider} if provider else None,
        "licenses": [_licence(licence)] if licence else None,
        "pedigree": {"ancestors": [{"type": "machine-learning-model", "name": base}]} if base else None,
        "components": [
            {
                "type": "file",
                "name": file.path,
                "hashes": [{"alg": "SHA-256", "content": file.sha256}],
                "properties": [_property("auditor:bytes", file.bytes)],
            }
            for file in record.model.files
        ],
        "properties": list(_properties(material)),
    }
    return {key: value for key, value in found.items() if value is not None}


def _properties(material: Material) -> Iterator[dict[str, str]]:
    """Yield each fact, digests, what the figures rest on, and the verdicts."""
    record, known = material.record, material.card.facts
    for key, fact in _given(known).items():
        yield _property(f"{_FACT}{key}", facts.told(fact, dispute(material.card, key)))
    yield _property(f"{_FACT}missing", ", ".join(key for key in known if key not in _given(known)) or "none")
    yield _property("auditor:record:sha256", record.digest)
    yield _property("auditor:weights:sha256", record.model.weights_digest)
    for address, metric in material.metrics():
        yield _property(f"{attestations.METRIC}{address}", facts.figures(metric))
    for address, metric in facts.overlaps(material.card):
        yield _property(f"auditor:overlap:{address}", facts.line(metric))
    for verdict in material.verdicts:
        yield _property(f"auditor:verdict:{verdict.policy}", f"{verdict.status} sha256:{verdict.policy_digest}")


def _property(name: str, value: Json) -> dict[str, str]:
    return {"name": name, "value": str(value)}


def _licence(name: str) -> dict[str, Json]:
    return {"expression": facts.licence_expression(name), "acknowledgement": "declared"}


def _model_card(material: Material, data: list[dict[str, Json]]) -> dict[str, Json]:
    known = facts.settled(material.card)
    task, architecture = facts.words(known, "model.pipeline_tag"), facts.words(known, "model.architecture")
    parameters: dict[str, Json] = {
        "task": task or None,
        "modelArchitecture": architecture or None,
        "datasets": [{"ref": entry["bom-ref"]} for entry in data] or None,
        "inputs": [{"format": "text"}],
        "outputs": [{"format": "text"}],
    }
    found = {
        "bom-ref": "model-card",
        "modelParameters": {key: value for key, value in parameters.items() if value is not None},
        "quantitativeAnalysis": {
            "performanceMetrics": [_metric(probe, metric) for probe in material.card.probes for metric in probe.metrics]
        },
        "considerations": _considerations(material),
    }
    return {key: value for key, value in found.items() if value}


def _metric(probe: ProbeResult, metric: Metric | Undefined) -> dict[str, Json]:
    """Return a metric; the format has numbers as text, and one without a value says so in its place."""
    where = slice_words(metric.slice)
    head: dict[str, Json] = {"type": f"{probe.id}:{metric.key.name}", **({"slice": where} if where else {})}
    if isinstance(metric, Undefined):
        return {**head, "value": f"undefined: {metric.reason}"}
    bounds = {"lowerBound": repr(metric.interval.low), "upperBound": repr(metric.interval.high)}
    return {**head, "value": repr(metric.value), "confidenceInterval": bounds}


def _considerations(material: Material) -> dict[str, Json]:
    known = facts.settled(material.card)
    intended, outside = facts.words(known, "use.intended"), facts.words(known, "use.out_of_scope")
    limits, mitigations = facts.words(known, "use.limitations"), facts.words(known, "validation.mitigations")
    consumed = list(_consumed(material))
    found: dict[str, Json] = {
        "useCases": [*([intended] if intended else []), *([f"Out of scope: {outside}"] if outside else [])],
        "technicalLimitations": [limits] if limits else [],
        "ethicalConsiderations": [{"name": limits or "Risks found by the provider", "mitigationStrategy": mitigations}]
        if mitigations
        else [],
    }
    if consumed:
        found["environmentalConsiderations"] = {"energyConsumptions": consumed}
    return {key: value for key, value in found.items() if value}


def _consumed(material: Material) -> Iterator[dict[str, Json]]:
    """Yield the energy of training and of inference as far as known, and of this audit; each says how it is known."""
    known, costs = facts.settled(material.card), material.record.clocks.costs
    training, inference = (facts.known(known, key) for key in ("training.energy_mwh", ENERGY))
    if isinstance(training, int | float):
        yield _energy("training", training * _KWH, facts.basis(known["training.energy_mwh"]))
    if isinstance(inference, int | float):
        task = f"{TASK_TOKENS} tokens; {facts.basis(known[ENERGY])}"
        yield _energy("inference", inference / _KWH, task)
    if costs is not None and costs.energy is not None:
        yield _audit(costs.energy)


def _audit(used: Energy) -> dict[str, Json]:
    lacking = f"; not in it: {'; '.join(used.lacking)}" if used.lacking else ""
    found = _energy("validation", used.kwh, f"this audit: {how_known(used)}, {used.tracker}{lacking}")
    if used.kg_co2e is None:
        return found
    return {**found, "co2CostEquivalent": {"value": used.kg_co2e / _T, "unit": "tCO2eq"}}


def _energy(activity: str, kwh: float, basis: str) -> dict[str, Json]:
    return {
        "activity": activity,
        "energyProviders": [],
        "activityEnergyCost": {"value": kwh, "unit": "kWh"},
        "properties": [_property("auditor:known", basis)],
    }


def _training_set(number: int, dataset: Mapping[str, Json]) -> dict[str, Json]:
    name, licence, where = str(dataset["name"]), dataset.get("license"), facts.address_of(dataset)
    sensitive = [key for key in ("personal_data", "sensitive_data") if dataset.get(key) == "yes"]
    data: dict[str, Json] = {"type": "dataset", "name": name}
    found: dict[str, Json] = {
        "type": "data",
        "bom-ref": f"training-data-{number}",
        "name": name,
        "version": dataset.get("version", dataset.get("revision")),
        "description": dataset.get("description"),
        "supplier": {"name": dataset["creator"]} if "creator" in dataset else None,
        "hashes": [{"alg": "SHA-256", "content": dataset["sha256"]}] if "sha256" in dataset else None,
        "licenses": [_licence(str(licence))] if licence else None,
        "externalReferences": [{"type": "distribution", "url": where}] if where else None,
        "data": [{**data, "sensitiveData": sensitive} if sensitive else data],
        "properties": [
            _property(f"auditor:dataset:{key}", facts.text(value)) for key, value in sorted(dataset.items())
        ],
    }
    return {key: value for key, value in found.items() if value is not None}


def _probe(probe: ProbeResult) -> dict[str, Json]:
    data: dict[str, Json] = {"type": "dataset", "name": probe.title, "description": probe.construct}
    if probe.content_notice:
        data = {**data, "sensitiveData": [probe.content_notice]}
    return {
        "type": "data",
        "bom-ref": f"probe:{probe.id}",
        "name": probe.id,
        "version": probe.version,
        "description": f"{probe.title}. {probe.source}",
        "hashes": [{"alg": "SHA-256", "content": probe.digest}],
        "licenses": [_licence(probe.license)],
        "data": [data],
    }


def _tool(material: Material) -> dict[str, Json]:
    run = material.record.run
    found = {"type": "application", "bom-ref": _TOOL, "name": "auditor", "version": run.auditor_version}
    return {**found, "properties": [_property("auditor:code:sha256", run.code_digest)]}


def _given(known: Mapping[str, Fact]) -> dict[str, Fact]:
    return {key: fact for key, fact in known.items() if fact.status != "missing"}


def _parties(known: Mapping[str, Fact]) -> list[str]:
    """Return who declares facts, each once, in the card's order."""
    return [by for by in dict.fromkeys(facts.declaration(fact)[0] for fact in known.values()) if by]


def _citations(material: Material, component: dict[str, Json], parties: Mapping[str, str]) -> Iterator[dict[str, Json]]:
    """Yield who stands behind each fact, with its status, behind what is missing, and behind the measurements."""
    places = {entry["name"]: f"/metadata/component/properties/{n}" for n, entry in enumerate(component["properties"])}
    end = material.record.clocks.finished_at
    for key, fact in _given(material.card.facts).items():
        by, date = facts.declaration(fact)
        disputed = dispute(material.card, key)
        yield {
            "pointers": [places[f"{_FACT}{key}"], *([] if disputed else _mapped(key, fact, component))],
            "timestamp": f"{date}T00:00:00Z" if date else end,
            "attributedTo": parties.get(by, _TOOL),
            "note": f"{fact.status}: {fact.source or fact.reason}{'; disputed: ' if disputed else ''}{disputed}",
        }
    yield _of_tool([places[f"{_FACT}missing"]], end, "missing: neither in the model's files nor declared")
    if "quantitativeAnalysis" in component["modelCard"]:
        pointer = "/metadata/component/modelCard/quantitativeAnalysis"
        yield _of_tool([pointer], end, f"measured: record sha256:{material.record.digest}")


def _of_tool(pointers: list[str], time: str, note: str) -> dict[str, Json]:
    return {"pointers": pointers, "timestamp": time, "attributedTo": _TOOL, "note": note}


_FIELDS = {
    "model.name": "name",
    "model.version": "version",
    "model.provider": "supplier",
    "model.license": "licenses",
    "model.base_model": "pedigree",
    "model.pipeline_tag": "modelCard/modelParameters/task",
    "model.architecture": "modelCard/modelParameters/modelArchitecture",
    "use.intended": "modelCard/considerations/useCases",
    "use.out_of_scope": "modelCard/considerations/useCases",
    "use.limitations": "modelCard/considerations/technicalLimitations",
    "validation.mitigations": "modelCard/considerations/ethicalConsiderations",
    "training.energy_mwh": "modelCard/considerations/environmentalConsiderations",
    ENERGY: "modelCard/considerations/environmentalConsiderations",
}


def _mapped(key: str, fact: Fact, component: dict[str, Json]) -> list[str]:
    """Return the pointer to the BOM's own field for a fact, where it has one and the fact is what fills it in."""
    field = _FIELDS.get(key)
    if field is None or fact.status not in KNOWN:
        return []
    place: Json = component
    for step in field.split("/"):
        place = place.get(step) if isinstance(place, dict) else None
    named_otherwise = field == "name" and place != fact.value
    return [f"/metadata/component/{field}"] if place is not None and not named_otherwise else []
