"""Exports: a finished record in the formats that other tools read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor import commands, record, registry
from auditor.errors import UsageError
from auditor.types import Document, Material


def export(
    path: Path,
    form: str,
    *,
    policies: Sequence[str] = ("baseline",),
    provenance: Path | None = None,
    packs: Sequence[Path] = (),
    with_text: bool = False,
) -> list[Document]:
    """Return a record's documents in a format, each of them as the format's validator accepts it.

    Args:
        path: the record's folder.
        form: a format's name.
        policies: the policies whose verdicts are told.
        provenance: declared facts, in place of those that the run kept.
        packs: folders with the probes of the record that are not shipped.
        with_text: write prompts and completions in place of their digests, where the format has a place for them.

    Raises:
        UsageError: the format is unknown.
        RecordError: the record is missing or was changed.
        ExportError: the document cannot be made, or the validator refuses it.
        MissingPackageError: the format's library is not installed.
    """
    exporter = registry.load("formats", form)
    audit = commands.review(path, commands.Demands(policies=tuple(policies), provenance=provenance))
    material = Material(
        record=audit.record,
        card=audit.card,
        verdicts=audit.verdicts,
        folder=path if path.is_dir() else path.parent,
        packs=tuple(packs),
        with_text=with_text,
    )
    return list(exporter(material))


def write(documents: Sequence[Document], out: Path) -> list[Path]:
    """Write an export and return its files: one document to the file `out`, several into the folder `out`.

    Raises:
        UsageError: there are several, and `out` is a file.
        OutputError: the folder is full or cannot be written.
    """
    if len(documents) == 1 and not out.is_dir():
        paths = [out]
    elif out.is_file():
        raise UsageError(
            f"the export has {len(documents)} files, and {out} is one file", hint="give a folder with --out"
        )
    else:
        paths = [out / document.name for document in documents]
    for path, document in zip(paths, documents, strict=True):
        record.write_text(path, document.text)
    return paths
