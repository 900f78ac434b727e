"""Datasets that a person points to: a Croissant file, a dataset card, a folder. What is read there is kept.

A dataset of a provenance file can name one of the three by a path beside that file. A card is a pure function of the
record and the declared facts, so what was read once is written beside the record's copy of the file, bound to it by
its digest, and read from there ever after.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor import schema
from auditor.errors import ModelError, ProvenanceError, first_line, foreign_faults
from auditor.provenance import croissant_files
from auditor.provenance.front_matter import languages
from auditor.provenance.reading import front_matter_of
from auditor.textfiles import is_beside, is_data
from auditor.types import Fact, Json

READ = "provenance.sources.json"
WAYS = ("croissant", "card", "folder")
_BYTES = 16 << 20
_FILES = 1_000_000
_LINES = (".jsonl", ".ndjson", ".txt", ".csv", ".tsv")


def read_all(datasets: list[Json], base: Path) -> list[Json]:
    """Return the datasets, each that points to something with a table `read` of what was found there.

    Raises:
        ProvenanceError: it is not there, or a Croissant file is not sound, with what mlcroissant says.
        MissingPackageError: mlcroissant is not installed.
    """
    return [entry if not isinstance(entry, dict) else {**entry, **_read(entry, base)} for entry in datasets]


def keep(datasets: Json, text: str) -> str:
    """Return what was read of the datasets as JSON, bound to the provenance file's text; empty where nothing was."""
    found = {
        str(number): entry["read"]
        for number, entry in enumerate(datasets or [])
        if isinstance(entry, dict) and "read" in entry
    }
    if not found:
        return ""
    return schema.canonical_json({"provenance_sha256": _digest(text), "read": found}, indent=1) + "\n"


def recall(datasets: list[Json], path: Path, text: str) -> list[Json] | None:
    """Return the datasets with what was read of them when `path` was kept; None where nothing is kept beside it.

    Raises:
        ProvenanceError: what is kept is damaged, or of another provenance file.
    """
    kept = path.with_name(READ)
    if not kept.is_file():
        return None
    try:
        content = schema.strict_json(kept.read_text(encoding="utf-8"))
        found, digest = dict(content["read"]), content["provenance_sha256"]
        places = {int(number): {**table, "path": str(table["path"])} for number, table in found.items()}
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as fault:
        raise ProvenanceError(f"{kept} is damaged: {first_line(fault)}", hint="restore it, or run again") from fault
    if digest != _digest(text) or not set(places) <= set(range(len(datasets))):
        raise ProvenanceError(f"{kept} is of another {path.name}", hint=f"restore both, or delete {kept.name}")
    return [{**entry, "read": places[n]} if n in places else entry for n, entry in enumerate(datasets)]


def folders_of(facts: Mapping[str, Fact]) -> list[str]:
    """Return the folders of declared datasets, as the provenance file has them: by paths from its own folder."""
    fact = facts.get("training.datasets")
    declared = fact.value if fact is not None else None
    read = [entry.get("read", {}) for entry in declared or [] if isinstance(entry, dict)]
    return [str(found["path"]) for found in read if found.get("kind") == "folder"]


def _digest(text: str) -> str:
    return schema.digest_of(text)


def _read(entry: dict[str, Json], base: Path) -> dict[str, Json]:
    named = [way for way in WAYS if way in entry]
    if not named:
        return {}
    if len(named) > 1:
        raise ProvenanceError(
            f"the dataset {entry['name']!r} points to {' and '.join(named)}", hint="one of them is enough"
        )
    path = base / entry[named[0]]
    reader = {"croissant": _croissant, "card": _card, "folder": _folder}[named[0]]
    try:
        found = {key: value for key, value in reader(path).items() if value}
    except OSError as fault:
        message = f"the dataset {entry['name']!r}: cannot read {path}: {fault.strerror}"
        raise ProvenanceError(message, hint="paths are taken from the folder of the provenance file") from fault
    return {"read": {"path": str(entry[named[0]]), "kind": named[0], **found}}


def _croissant(path: Path) -> dict[str, Json]:
    """Return what a Croissant file says, after mlcroissant has found it sound, and how the files beside it compare.

    Nothing is downloaded.
    """
    text = _text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise ProvenanceError(f"{path} is not JSON: {first_line(fault)}", hint="give a Croissant file") from fault
    context = content.get("@context") if isinstance(content, dict) else None
    if not isinstance(context, dict) or "@import" in context:
        raise ProvenanceError(
            f"{path} does not carry its @context", hint="a context by address would have to be downloaded; write it in"
        )
    hint = "correct it as the Croissant specification says, or leave it out"
    with foreign_faults(f"{path} is no sound Croissant file", ProvenanceError, hint=hint):
        import mlcroissant

        try:
            with without_warnings():
                found = mlcroissant.Dataset(jsonld=content).metadata
        except mlcroissant.ValidationError as fault:
            raise ProvenanceError(f"{path} is no sound Croissant file: {_unsound(fault)}", hint=hint) from fault
        files = [node for node in found.distribution if getattr(node, "sha256", None)]
        licences = found.license if isinstance(found.license, list) else [found.license]
        creators = found.creators if isinstance(found.creators, list) else [found.creators]
        return {
            "title": str(found.name or ""),
            "version": str(found.version or ""),
            "license": _one_or_all([_licence(str(one)) for one in licences if one]),
            "url": str(found.url or ""),
            "creators": [str(getattr(creator, "name", None) or "") for creator in creators if creator],
            "files": len(files),
            "file_sha256": schema.digest_of(sorted(str(node.sha256) for node in files)) if files else "",
            "sha256": str(files[0].sha256).lower() if len(files) == 1 else "",
            **croissant_files.compared(found.distribution, path.parent),
            "document_sha256": schema.digest_file(path).sha256,
        }


def _unsound(fault: Exception) -> str:
    """Return the errors that mlcroissant tells of, without its warnings."""
    lines = str(fault).partition(" warning(s)")[0].splitlines()
    errors = [line.strip().removeprefix("-").strip() for line in lines if line.strip().startswith("-")]
    return "; ".join(errors)[:600] or first_line(fault)


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Keep mlcroissant from writing of every recommended property that is not there."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _licence(named: str) -> str:
    """Return a licence's id of its address at SPDX or Creative Commons, as Croissant has it, else what is named."""
    bare = named.rstrip("/").removesuffix(".html")
    if "spdx.org/licenses/" in bare:
        return bare.rpartition("/")[2]
    if "creativecommons.org/licenses/" in bare:
        kind, version = [*bare.partition("/licenses/")[2].split("/"), ""][:2]
        return f"CC-{kind.upper()}-{version}"
    return "" if "://" in named else named


def _card(path: Path) -> dict[str, Json]:
    """Return what the front matter of a dataset's README says."""
    try:
        front = front_matter_of(_text(path))
    except ModelError as fault:
        raise ProvenanceError(f"the front matter of {path}: {fault.message}", hint=fault.hint) from fault
    spoken = languages(front.get("language"))
    return {
        "title": str(front.get("pretty_name") or ""),
        "license": _licences(front),
        "languages": spoken if isinstance(spoken, list) else [spoken] if isinstance(spoken, str) else [],
        "document_sha256": schema.digest_file(path).sha256,
    }


def _licences(front: dict[str, Json]) -> Json:
    """Return the licence that a dataset's front matter names, a list where it names several."""
    told = front.get("license")
    several = told if isinstance(told, list) else [told]
    found = [front.get("license_name") if one == "other" else one for one in several]
    return _one_or_all([one for one in found if isinstance(one, str) and one != "unknown"])


def _one_or_all(named: list[str]) -> Json:
    """Return a single licence as it is, several as a list."""
    return named[0] if len(named) == 1 else named


def _folder(path: Path) -> dict[str, Json]:
    """Return the digest over a folder's files, by name and content, with their number, bytes and lines of text.

    That of a single file is its own. `file_sha256` is over the digests of its text files alone, so that these are known
    again wherever they lie; `other_files` counts what is neither such a file nor written about them.
    """
    files = [path] if path.is_file() else sorted(_walk(path))
    root = path.parent if path.is_file() else path
    lines, size, others, digests = 0, 0, 0, []
    texts: list[str] = []
    for file in files:
        name = file.relative_to(root).as_posix()
        digest = schema.digest_file(file)
        digests.append([name, digest.sha256])
        size += digest.bytes
        lines += _count_lines(file) if file.suffix in _LINES else 0
        if is_data(name):
            texts.append(digest.sha256)
        elif not is_beside(name):
            others += 1
    if not files:
        raise ProvenanceError(f"{path} holds no files", hint="give the folder of the dataset's files")
    return {
        "sha256": schema.digest_of(digests) if path.is_dir() else digests[0][1],
        "files": len(files),
        "bytes": size,
        "lines": lines,
        "file_sha256": schema.digest_of(sorted(texts)) if texts else "",
        "other_files": others,
    }


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder; links are not followed, and are no files."""
    if not folder.is_dir():
        raise FileNotFoundError(2, "no such folder", str(folder))
    count = 0
    for place, _, names in os.walk(folder, followlinks=False):
        for name in names:
            file = Path(place) / name
            if file.is_file() and not file.is_symlink():
                count += 1
                if count > _FILES:
                    raise ProvenanceError(f"{folder} holds more than {_FILES} files", hint="pack them, or name a part")
                yield file


def _count_lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def _text(path: Path) -> str:
    size = path.stat().st_size
    if size > _BYTES:
        raise ProvenanceError(
            f"{path} has {size} bytes, more than the {_BYTES} that are read", hint="give the file itself"
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ProvenanceError(f"{path} is not UTF-8: byte {fault.start}", hint="save the file as UTF-8") from fault
