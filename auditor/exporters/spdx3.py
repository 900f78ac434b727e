"""SPDX 3.0.1: the model as an AI package, its files, the data it was trained and tested on, metrics with their bounds.

Source: SPDX 3.0.1, profiles AI and Dataset. A profile is claimed only where everything that it demands is known; the
document's comment names what is lacking. The official SHACL check downloads its shapes, so the document is instead read
back with SPDX's own bindings and the profiles' demands are checked here.
"""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.errors import ExportError, first_line, foreign_faults, optional_package
from auditor.exporters import facts, words
from auditor.inference import ENERGY, TASK_TOKENS
from auditor.types import Document, Json, Material, ProbeResult

VERSION = "3.0.1"
_NO_ASSERTION = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"
_KWH = 1000  # in a MWh; as many Wh are in one
AI_DEMANDS = (
    "suppliedBy",
    "releaseTime",
    "software_downloadLocation",
    "software_packageVersion",
    "software_primaryPurpose",
)
DATASET_DEMANDS = (
    "originatedBy",
    "builtTime",
    "releaseTime",
    "software_downloadLocation",
    "software_primaryPurpose",
    "dataset_datasetType",
)
_LICENCES = ("hasConcludedLicense", "hasDeclaredLicense")


def export(material: Material) -> Iterator[Document]:
    """Yield the document.

    Raises:
        ExportError: it cannot be read back.
        MissingPackageError: spdx-python-model is not installed.
    """
    with optional_package("sbom", "the export spdx3"):
        from spdx_python_model import v3_0_1 as spdx

    with foreign_faults("SPDX's bindings refuse the document", ExportError, hint="report it: it is a fault of ours"):
        text = serialise(spdx, _Builder(spdx, material).build())
        faults = check(spdx, text)
    if faults:
        raise ExportError(f"the SPDX document is not sound: {faults[0]}", hint="report it: it is a fault of ours")
    yield Document(name="model.spdx.json", text=text)


def serialise(spdx: Any, objects: Any) -> str:
    """Return a set of SPDX objects as JSON-LD, in a fixed order."""
    stream = io.BytesIO()
    spdx.JSONLDSerializer().write(objects, stream, indent=1)
    return stream.getvalue().decode() + "\n"


def check(spdx: Any, text: str) -> list[str]:
    """Return what is wrong with a document: it cannot be read, or claims a profile whose demands it does not meet."""
    objects = spdx.SHACLObjectSet()
    try:
        spdx.JSONLDDeserializer().read(io.BytesIO(text.encode()), objects)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        return [f"it cannot be read back: {first_line(fault)}"]
    documents = list(objects.foreach_type(spdx.SpdxDocument))
    claimed = {str(profile).rpartition("/")[2] for document in documents for profile in document.profileConformance}
    found = lacking(spdx, objects)
    faults = [f"{profile}: {gap}" for profile in sorted(claimed) for gap in found.get(profile, [])]
    unresolved = sorted(str(missing) for missing in objects.missing_ids if missing != _NO_ASSERTION)
    return faults + [f"{missing} is referred to and not there" for missing in unresolved]


def lacking(spdx: Any, objects: Any) -> dict[str, list[str]]:
    """Return what each of the profiles `ai` and `dataset` demands and the objects lack."""
    related: dict[tuple[str, str], int] = {}
    for relation in objects.foreach_type(spdx.Relationship):
        key = (_id(relation.from_), str(relation.relationshipType).rpartition("/")[2])
        related[key] = related.get(key, 0) + len(relation.to)
    found: dict[str, list[str]] = {}
    kinds = (("ai", spdx.ai_AIPackage, AI_DEMANDS), ("dataset", spdx.dataset_DatasetPackage, DATASET_DEMANDS))
    for profile, kind, demands in kinds:
        for package in sorted(objects.foreach_type(kind), key=_id):
            gaps = [name.rpartition("_")[2] for name in demands if not getattr(package, name)]
            gaps += [name for name in _LICENCES if related.get((_id(package), name)) != 1]
            if gaps:
                found.setdefault(profile, []).append(f"{package.name} lacks {', '.join(gaps)}")
    return found


def _id(thing: Any) -> str:
    return str(thing if isinstance(thing, str) else thing._id)


class _Builder:
    """Makes the objects of one document; every id follows from the record's digest."""

    def __init__(self, spdx: Any, material: Material) -> None:
        self._spdx = spdx
        self._material = material
        self._known = facts.settled(material.card)
        self._base = f"urn:auditor:record:{material.record.digest}"
        self._objects = spdx.SHACLObjectSet()
        self._elements: list[Any] = []
        self._info = spdx.CreationInfo(specVersion=VERSION, created=_time(material.record.clocks.finished_at))
        version = material.record.run.auditor_version
        agent = self._add(spdx.SoftwareAgent, "agent", name=f"auditor {version}")
        self._info.createdBy = [agent]
        self._objects.add(self._info)

    def build(self) -> Any:
        """Return the whole document."""
        spdx = self._spdx
        model = self._model()
        self._licences("model", model, facts.words(self._known, "model.license"))
        self._relate(
            "files", model, "contains", [self._file(file.path, file.sha256) for file in self._record.model.files]
        )
        trained = [self._training_set(number, entry) for number, entry in enumerate(facts.datasets(self._known))]
        self._relate("trained-on", model, "trainedOn", trained)
        self._relate("tested-on", model, "testedOn", [self._probe(probe) for probe in self._material.card.probes])
        self._base_model(model)
        gaps = lacking(spdx, self._objects)
        claimed = ["core", "software", "simpleLicensing", *(name for name in ("ai", "dataset") if name not in gaps)]
        lines = [f"not claimed: profile {name}: {line}" for name, lines in gaps.items() for line in lines]
        document = self._add(spdx.SpdxDocument, "document", name=f"{model.name}: AI bill of materials")
        document.profileConformance = [getattr(spdx.ProfileIdentifierType, name) for name in claimed]
        document.comment = "\n".join(lines) or "everything that the claimed profiles demand is there"
        document.rootElement = [model]
        document.element = [element for element in self._elements if element is not document]
        return self._objects

    @property
    def _record(self) -> Any:
        return self._material.record

    def _add(self, kind: Any, ref: str, **values: Any) -> Any:
        element = kind(creationInfo=self._info, **values)
        element._id = f"{self._base}:{re.sub(r'[^A-Za-z0-9._-]', '-', ref)}"
        self._objects.add(element)
        self._elements.append(element)
        return element

    def _relate(self, ref: str, source: Any, kind: str, targets: list[Any]) -> None:
        if targets:
            relation = self._add(self._spdx.Relationship, f"relation-{ref}", to=targets)
            relation.from_ = source
            relation.relationshipType = getattr(self._spdx.RelationshipType, kind)

    def _model(self) -> Any:
        spdx, known, model = self._spdx, self._known, self._record.model
        package = self._add(spdx.ai_AIPackage, "model", name=words.model_name(self._material.card))
        package.software_packageVersion = facts.version_of(known, model.revision, model.weights_digest)
        package.software_primaryPurpose = spdx.software_SoftwarePurpose.model
        provider, released = facts.words(known, "model.provider"), facts.words(known, "model.release_date")
        dated = re.fullmatch(r"\d{4}-\d{2}-\d{2}", released)
        training = [facts.words(known, f"training.{key}") for key in ("procedure", "data_sources")]
        architecture = facts.words(known, "model.architecture")
        _fill(
            package,
            software_downloadLocation=_location(model.repository, model.revision),
            suppliedBy=self._add(spdx.Organization, "provider", name=provider) if provider else None,
            releaseTime=_time(f"{released}T00:00:00+00:00") if dated else None,
            ai_typeOfModel=[architecture] if architecture else [],
            ai_informationAboutTraining="\n".join(filter(None, training)),
            ai_informationAboutApplication=facts.words(known, "use.intended"),
            ai_limitation=facts.words(known, "use.limitations"),
            ai_metric=[self._entry(address, facts.line(metric)) for address, metric in self._material.metrics()],
            ai_metricDecisionThreshold=[self._entry(*bound) for bound in self._bounds()],
            ai_energyConsumption=self._energy(),
            comment="\n".join(filter(None, [self._energy_basis(), *self._disputes()])),
        )
        return package

    def _entry(self, key: str, value: str) -> Any:
        return self._spdx.DictionaryEntry(key=key, value=value)

    def _bounds(self) -> Iterator[tuple[str, str]]:
        """Yield each rule's bound under its metric's address, with whose bound it is and how it came out."""
        for verdict in self._material.verdicts:
            for finding in verdict.findings:
                if finding.kind == "rule":
                    whose = f"{verdict.policy} {verdict.policy_version}, rule {finding.id}, owner {finding.owner}"
                    yield finding.subject, f"{finding.bound} ({whose}): {finding.status}"

    def _energy(self) -> Any:
        used = {
            "ai_trainingEnergyConsumption": self._kwh("training.energy_mwh", _KWH),
            "ai_inferenceEnergyConsumption": self._kwh(ENERGY, 1 / _KWH),
        }
        given = {name: [one] for name, one in used.items() if one is not None}
        return self._spdx.ai_EnergyConsumption(**given) if given else None

    def _kwh(self, key: str, factor: float) -> Any:
        """Return the energy that a fact tells; it has no place for how that is known, which the comment says."""
        amount = facts.known(self._known, key)
        if not isinstance(amount, int | float):
            return None
        unit = self._spdx.ai_EnergyUnitType.kilowattHour
        return self._spdx.ai_EnergyConsumptionDescription(ai_energyQuantity=amount * factor, ai_energyUnit=unit)

    def _energy_basis(self) -> str:
        told = {"training.energy_mwh": "training", ENERGY: f"inference, for {TASK_TOKENS} tokens"}
        return "\n".join(
            f"energy of {what}: {facts.basis(self._known[key])}"
            for key, what in told.items()
            if facts.known(self._known, key) is not None
        )

    def _disputes(self) -> Iterator[str]:
        """Yield what is disputed of the model, and therefore not told in the format's own fields."""
        for label, key, what in words.disputes(self._material.card):
            yield f"disputed: {label} ({key}): {what}"

    def _licences(self, name: str, package: Any, declared: str) -> None:
        """Relate a package to the licence that was declared; what it concludes to be, auditor does not say."""
        licence: Any = _NO_ASSERTION
        if declared:
            expression = facts.licence_expression(declared)
            kind = self._spdx.simplelicensing_LicenseExpression
            licence = self._add(kind, f"licence-{name}", simplelicensing_licenseExpression=expression)
        self._relate(f"declared-licence-{name}", package, "hasDeclaredLicense", [licence])
        self._relate(f"concluded-licence-{name}", package, "hasConcludedLicense", [_NO_ASSERTION])

    def _hash(self, digest: str) -> Any:
        return self._spdx.Hash(algorithm=self._spdx.HashAlgorithm.sha256, hashValue=digest)

    def _file(self, path: str, digest: str) -> Any:
        return self._add(self._spdx.software_File, f"file-{path}", name=path, verifiedUsing=[self._hash(digest)])

    def _dataset(self, ref: str, **values: Any) -> Any:
        spdx = self._spdx
        package = self._add(spdx.dataset_DatasetPackage, ref, **values)
        package.software_primaryPurpose = spdx.software_SoftwarePurpose.data
        return package

    def _training_set(self, number: int, dataset: Mapping[str, Json]) -> Any:
        spdx, ref = self._spdx, f"training-data-{number}"
        package = self._dataset(ref, name=str(dataset["name"]))
        kind, creator = str(dataset.get("modality", "")), str(dataset.get("creator", ""))
        known_kind = kind if kind in {"text", "image", "audio", "video"} else "other" if kind else "noAssertion"
        package.dataset_datasetType = [getattr(spdx.dataset_DatasetType, known_kind)]
        personal = {"yes": "yes", "no": "no"}.get(str(dataset.get("personal_data")), "noAssertion")
        package.dataset_hasSensitivePersonalInformation = getattr(spdx.PresenceType, personal)
        biases = dataset.get("biases")
        _fill(
            package,
            description=dataset.get("description"),
            software_packageVersion=dataset.get("version", dataset.get("revision")),
            software_downloadLocation=facts.address_of(dataset),
            originatedBy=[self._add(spdx.Organization, f"{ref}-creator", name=creator)] if creator else [],
            dataset_knownBias=[biases] if biases else [],
            verifiedUsing=[self._hash(str(dataset["sha256"]))] if "sha256" in dataset else [],
        )
        self._licences(ref, package, str(dataset.get("license", "")))
        return package

    def _probe(self, probe: ProbeResult) -> Any:
        package = self._dataset(f"probe-{probe.id}", name=probe.id, description=probe.construct.strip())
        package.software_packageVersion = probe.version
        package.dataset_datasetType = [self._spdx.dataset_DatasetType.text]
        package.dataset_datasetSize = probe.n_items
        package.dataset_dataCollectionProcess = probe.source
        package.verifiedUsing = [self._hash(probe.digest)]
        prefix = f"{probe.id}:"
        looked = [
            f"overlap with training files {address}: {facts.line(metric)}"
            for address, metric in facts.overlaps(self._material.card)
            if address.startswith(prefix)
        ]
        _fill(package, comment="\n".join(looked))
        self._licences(f"probe-{probe.id}", package, probe.license)
        return package

    def _base_model(self, model: Any) -> None:
        name = facts.words(self._known, "model.base_model")
        if name:
            base = self._add(self._spdx.software_Package, "base-model", name=name)
            self._relate("base-model", model, "descendantOf", [base])


def _fill(element: Any, **values: Any) -> None:
    """Set the properties that have a value."""
    for name, value in values.items():
        if value:
            setattr(element, name, value)


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def _location(repository: str, revision: str) -> str | None:
    return f"https://huggingface.co/{repository}/tree/{revision or 'main'}" if repository else None
