"""Exports: a finished record in the formats that other tools read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor import commands, probes, record, registry
from auditor.errors import UsageError
from auditor.exporters.readers import cut
from auditor.types import Document, Material


def export(
    path: Path,
    form: str,
    demands: commands.Demands = commands.Demands(),  # noqa: B008 - immutable
    *,
    packs: Sequence[Path] = (),
    with_text: bool = False,
) -> list[Document]:
    """Return a record's documents in a format, each of them as the format's validator accepts it.

    Args:
        path: the record's folder.
        form: a format's name.
        demands: the policies whose verdicts are told, and what they are judged on.
        packs: folders with the probes of the record that are not shipped.
        with_text: write prompts and completions in place of their digests, where the format has a place for them.

    Raises:
        UsageError: the format is unknown.
        RecordError: the record is missing or was changed.
        PackError: a pack holds no probe.
        ExportError: the document cannot be made, or the validator refuses it.
        MissingPackageError: the format's library is not installed.
    """
    exporter = registry.load("formats", form)
    for pack in packs:
        probes.find_in(pack)
    return list(exporter(material_of(path, demands, packs=packs, with_text=with_text)))


def material_of(
    path: Path, demands: commands.Demands, *, packs: Sequence[Path] = (), with_text: bool = False
) -> Material:
    """Return what exporters may read of a record: its card without the facts that are not for the public."""
    audit = commands.review(path, demands)
    shown = cut(audit.card, "public")
    return Material(
        record=audit.record,
        card=shown,
        verdicts=shown.verdicts,
        folder=path if path.is_dir() else path.parent,
        packs=tuple(packs),
        with_text=with_text,
    )


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
