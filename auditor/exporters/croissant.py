"""Croissant 1.0 with the RAI extension: each probe of a record as a dataset, in the layout of a pack.

Sources: MLCommons Croissant 1.0, Croissant RAI 1.0. mlcroissant writes and checks the document offline. Its name for
the property `dataManipulationProtocol` differs from the specification's, so that one is written here. What nobody says
of a probe (when it was published, whether its texts are personal data) is left out rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auditor import items, probes, schema
from auditor.errors import ExportError, foreign_faults, optional_package
from auditor.exporters import facts
from auditor.probes import Place, Probe
from auditor.provenance.datasets import without_warnings
from auditor.types import Document, FileDigest, Json, Material, ProbeResult

CONFORMS_TO = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
_CONTENT = {
    "toml": "application/toml",
    "jsonl": "application/jsonlines",
    "csv": "text/csv",
    "tsv": "text/tsv",
    "json": "application/json",
}
_LIMITS = ("Known criticism and limits", "Published criticism and limits")
_COLLECTION = ("Items", "Data")


def export(material: Material) -> Iterator[Document]:
    """Yield `FAMILY/PROBE/croissant.json` for each probe of the record, `croissant.PART.json` for a part of one.

    Raises:
        ExportError: the probe at hand is not the one of the record, or the library refuses the document.
        MissingPackageError: mlcroissant is not installed.
    """
    with optional_package("croissant", "the export croissant"):
        import mlcroissant as mlc

    places = probes.find(material.packs)
    for probe in material.card.probes:
        at_hand = _at_hand(probe, places.get(probe.id))
        hint = "report it: it is a fault of ours"
        refused = f"mlcroissant refuses the document of {probe.id}"
        with foreign_faults(refused, ExportError, hint=hint), without_warnings():
            content = build(mlc, probe, at_hand, places[probe.id].folder)
            mlc.Dataset(jsonld=content)
        yield Document(
            name=_name(probe.id, places[probe.id].part), text=schema.canonical_json(content, indent=1) + "\n"
        )


def _name(probe_id: str, part: str) -> str:
    """Return the document's name, so that it lies beside the probe.toml that it speaks of."""
    return f"{probe_id.removesuffix(f'/{part}')}/croissant.{part}.json" if part else f"{probe_id}/croissant.json"


def _at_hand(probe: ProbeResult, place: Place | None) -> Probe:
    """Return the probe as it lies on the disk, where it is the record's."""
    if place is None:
        raise ExportError(f"the probe {probe.id} is not at hand", hint="give the pack that holds it with --pack")
    found = probes.load(place.folder, place.part, with_items=not place.external)
    same = found.version == probe.version and (place.external or found.digest == probe.digest)
    pinned = {file.path: file.sha256 for file in found.data.files if file.sha256} if found.data else {}
    if not same or any(pinned.get(file.path, file.sha256) != file.sha256 for file in probe.data_files):
        raise ExportError(
            f"the probe {probe.id} in {place.folder} is another than the record's "
            f"(version {found.version} and {probe.version})",
            hint="use the pack of the run",
        )
    return found


def build(mlc: Any, probe: ProbeResult, at_hand: Probe, folder: Path) -> dict[str, Json]:
    """Return a probe's Croissant document."""
    context = mlc.Context()
    files = list(_files(probe, folder))
    about = _sections(folder / "README.md")
    metadata = mlc.Metadata(
        ctx=context,
        conforms_to=CONFORMS_TO,
        name=probe.id,
        description=f"{probe.title}. {probe.construct}",
        license=[_licence_url(probe.license)],
        url=_url(at_hand.data.origin) if at_hand.data else "README.md",
        creators=[mlc.Organization(ctx=context, name=probe.source)],
        cite_as=probe.source,
        version=probe.version,
        in_language=list(probe.languages),
        keywords=[probe.family, "language model evaluation"],
        distribution=[_file_object(mlc, context, file) for file in files],
        record_sets=[] if at_hand.data else [_record_set(mlc, context, folder)],
        data_collection=_first(about, _COLLECTION),
        data_use_cases=[probe.construct],
        data_limitations=_listed(_first(about, _LIMITS)),
        data_biases=["See dataLimitations: the probe's README does not tell biases from other limits."],
        data_social_impact=probe.content_notice or None,
    )
    content: dict[str, Json] = metadata.to_json()
    content["@context"].pop("@base", None)  # a placeholder of the library's
    content["@context"]["prov"] = "http://www.w3.org/ns/prov#"
    content["rai:dataManipulationProtocol"] = _manipulation(at_hand)
    if at_hand.data:
        content["prov:wasDerivedFrom"] = at_hand.data.origin
    return content


def _files(probe: ProbeResult, folder: Path) -> Iterator[FileDigest]:
    """Yield the probe's own files by their names in its folder, a benchmark's by those in the data folder."""
    for name in ("probe.toml", "prompt.j2", items.OWN):
        if (folder / name).is_file():
            yield schema.digest_file(folder / name, name=name)
    yield from probe.data_files


def _file_object(mlc: Any, context: Any, file: FileDigest) -> Any:
    ending = file.path.rpartition(".")[2]
    return mlc.FileObject(
        ctx=context,
        id=file.path,
        name=file.path,
        content_url=file.path,
        content_size=f"{file.bytes} B",
        encoding_formats=[_CONTENT.get(ending, "text/plain")],
        sha256=file.sha256,
    )


def _record_set(mlc: Any, context: Any, folder: Path) -> Any:
    """Return the fields of a probe's own items."""
    found, _ = items.read_own(folder / items.OWN)
    kinds: dict[str, tuple[Any, bool]] = {}
    for item in found:
        for name, value in item.fields.items():
            kinds.setdefault(name, _kind(mlc, value))
    fields = [
        mlc.Field(
            ctx=context,
            id=f"items/{name}",
            name=name,
            data_types=[kind],
            repeated=repeated,
            source=mlc.Source(ctx=context, file_object=items.OWN, extract=mlc.Extract(ctx=context, column=name)),
        )
        for name, (kind, repeated) in sorted(kinds.items())
    ]
    return mlc.RecordSet(ctx=context, id="items", name="items", key=["items/id"], fields=fields)


def _kind(mlc: Any, value: Json) -> tuple[Any, bool]:
    if isinstance(value, list):
        return _kind(mlc, value[0] if value else "")[0], True
    if isinstance(value, bool):
        return mlc.DataType.BOOL, False
    if isinstance(value, int):
        return mlc.DataType.INTEGER, False
    return (mlc.DataType.FLOAT if isinstance(value, float) else mlc.DataType.TEXT), False


def _manipulation(probe: Probe) -> str:
    read = "Rows are read by the table [data] of probe.toml. " if probe.data else ""
    shown = "Each item is rendered with prompt.j2" if probe.template else "Items are shown to the model as they stand"
    return f"{read}{shown}."


def _url(origin: str) -> str:
    """Return the address that an origin begins with, else the origin itself."""
    head = origin.split(maxsplit=1)[0].rstrip(",") if origin.split() else origin
    return f"https://{head}" if re.match(r"[\w-]+(\.[\w-]+)+/", head) else head


def _licence_url(name: str) -> str:
    expression = facts.licence_expression(name)
    single = re.fullmatch(r"[A-Za-z0-9.+-]+", expression) and not facts.is_reference(expression)
    return f"https://spdx.org/licenses/{expression}.html" if single else name


def _sections(readme: Path) -> dict[str, str]:
    """Return the sections of a probe's README by their headings."""
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def _first(sections: Mapping[str, str], titles: tuple[str, ...]) -> str | None:
    return next((sections[title] for title in titles if sections.get(title)), None)


def _listed(text: str | None) -> list[str] | None:
    return [text] if text else None
