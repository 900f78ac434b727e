"""The record on disk: a folder with `record.json` (canonical JSON), one samples file a probe, and the journal.

Files are written whole or not at all; what was changed after it was written is found out when it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from auditor import schema
from auditor.errors import RecordError, unwritten
from auditor.types import FileDigest, Json, RunRecord

SCHEMA = "auditor:record/3"
RECORD = "record.json"
JOURNAL = "journal.jsonl"
ITEMS = "contamination.jsonl"
SAMPLES = "samples"
_CRLF = "its line ends were made CRLF, as git does by core.autocrlf: restore them, with `* -text` in .gitattributes"


def seal(record: RunRecord) -> RunRecord:
    """Return the record with both digests filled in."""
    bare = msgspec.structs.replace(record, content_digest="", digest="")
    content = _content_digest(bare)
    named = msgspec.structs.replace(bare, content_digest=content)
    return msgspec.structs.replace(named, digest=schema.digest_of(named))


def save_record(folder: Path, record: RunRecord) -> None:
    """Write `record.json`, with its digests.

    Raises:
        OutputError: the folder is full or cannot be written.
    """
    write_text(folder / RECORD, schema.canonical_json(record, indent=1) + "\n")


def folder_of(path: Path) -> Path:
    """Return the folder of a record that is named by its folder or by a file in it.

    Raises:
        RecordError: there is nothing of that name.
    """
    if not path.exists():
        raise RecordError(f"there is no {path}", hint="give the folder that a run wrote")
    return path if path.is_dir() else path.parent


def check_ended(folder: Path) -> None:
    """Raise where a run was begun in a folder and has not ended.

    Raises:
        RecordError: there is a journal, and no record yet.
    """
    if schema.is_file(folder / JOURNAL) and not schema.is_file(folder / RECORD):
        raise RecordError(
            f"the run in {folder} has not ended: there is no {RECORD} yet",
            hint=f"go on with `auditor run … --out {folder} --resume`, with all options that it was begun with",
        )


def load_record(path: Path) -> tuple[RunRecord, Path]:
    """Return a record, checked against its digests and those of its samples files, and its folder.

    Raises:
        RecordError: it is missing, not a record, of another schema, or was changed after it was written.
    """
    file = path
    try:
        file = path / RECORD if path.is_dir() else path
        check_ended(file.parent)
        content = schema.strict_json(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise RecordError(f"cannot read {file}: {fault.strerror}", hint="give the folder that a run wrote") from fault
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"{file} is not JSON: {fault}", hint="it is damaged: restore it, or run again") from fault
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        raise RecordError(f"{file} is not a record of schema {SCHEMA}, got {found!r}", hint="run the audit again")
    record = schema.convert(content, RunRecord, where=str(file), error=RecordError)
    _check_digests(record, content, file)
    return record, file.parent


def _check_digests(record: RunRecord, content: dict[str, Json], file: Path) -> None:
    hint = "a record cannot be edited: restore it, or run the audit again"
    if schema.digest_of({**content, "digest": ""}) != record.digest:
        raise RecordError(f"{file} was changed after it was written: its digest does not match", hint=hint)
    if _content_digest(msgspec.structs.replace(record, content_digest="", digest="")) != record.content_digest:
        raise RecordError(f"{file}: its content digest does not match", hint=hint)
    held = {calibration.digest for calibration in record.calibrations}
    for probe in record.probes:
        if not held.issuperset(probe.calibrations):
            raise RecordError(f"{file}: {probe.id} names a calibration that the record does not hold", hint=hint)
    beside = [probe.samples_file for probe in record.probes]
    beside += [record.contamination.items_file] if record.contamination else []
    if beside and not (file.parent / SAMPLES).exists():
        raise RecordError(
            f"{file} came without its samples, so it cannot be checked and nothing can be made of it",
            hint="read the card beside it, or get the whole folder; the samples of shipped examples are left out",
        )
    for named in beside:
        path = file.parent / named.path
        if not path.is_file():
            raise RecordError(f"{path} is missing", hint="keep the record's folder together")
        if schema.digest_file(path, name=named.path) != named:
            hint = _CRLF if _has_crlf_for_lf(path, named.sha256) else hint
            raise RecordError(f"{path} was changed after it was written: its digest does not match", hint=hint)


def _has_crlf_for_lf(path: Path, sha256: str) -> bool:
    """Return whether a file would have a digest if its lines ended as they were written."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest() == sha256


def _content_digest(record: RunRecord) -> str:
    plain = msgspec.to_builtins(record)
    return schema.digest_of({key: value for key, value in plain.items() if key != "clocks"})


def write_samples(folder: Path, probe_id: str, lines: Iterator[Json]) -> FileDigest:
    """Write a probe's samples, one a line, and return the file's digest; its name is relative to `folder`."""
    return write_lines(folder, f"{SAMPLES}/{probe_id.replace('/', '__')}.jsonl", lines)


def write_lines(folder: Path, name: str, lines: Iterable[Json]) -> FileDigest:
    """Write values as JSON lines, and return the file's digest; its name is relative to `folder`."""
    write_texts(folder / name, (schema.canonical_json(line) + "\n" for line in lines))
    return schema.digest_file(folder / name, name=name)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: the folder is full or cannot be written.
    """
    write_texts(path, [text])


def write_texts(path: Path, texts: Iterable[str]) -> None:
    """Write texts to one file, whole or not at all.

    Raises:
        OutputError: the folder is full or cannot be written.
    """
    part = path.parent / f"{path.name}.part"  # with_name() takes no folder such as `.`
    with output_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("w", encoding="utf-8") as stream:
                stream.writelines(texts)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def output_faults(path: Path) -> Iterator[None]:
    """Turn an OSError of the output folder into an OutputError that says what to do."""
    try:
        yield
    except OSError as fault:
        raise unwritten(fault, path, hint="choose another folder with --out") from fault
