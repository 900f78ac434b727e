"""Training files as a stream of documents; no file is ever read into memory whole.

| ending | document |
|---|---|
| `.txt` | the whole file |
| `.jsonl`, `.ndjson` | a line |
| `.json` | an entry of the list that the file is, or each of several values after one another |
| `.csv`, `.tsv` | a row after the header |
| `.parquet`, `.arrow` | a row |

Before the ending of a text format may stand no more, after it `.gz`, `.bz2`, `.xz` or `.zst`. A row's document is every
text in it, nested ones too, in order; or, where columns are named, the texts in those, which each row must have.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from auditor.contamination import rows
from auditor.contamination.unpacked import Stream
from auditor.datafiles import is_pointer
from auditor.errors import DataError
from auditor.textfiles import KNOWN, PACKED, TABLES, format_of


class TrainingFile(Struct, frozen=True, kw_only=True):
    """A file to be looked at: where it is, what the record calls it, its format, and how it is packed."""

    path: Path
    name: str
    format: str
    packing: str = ""


def find(sources: Sequence[Path]) -> tuple[list[TrainingFile], dict[str, int]]:
    """Return the training files that paths name, each once, and how many in the folders are of no known format.

    A folder stands for all files of known formats below it, in order of their names; hidden ones are no part of it.
    Links are followed, each folder once.

    Raises:
        UsageError: a path leads nowhere, or to a file of another format.
        DataError: a folder holds no file of a known format, or a file is empty, a pointer, or cannot be read.
    """
    found: dict[str, TrainingFile] = {}
    left_out: dict[str, int] = {}
    for source in sources:
        files = _in_folder(source, left_out) if _is_folder(source) else [_named(source)]
        for file in files:
            found.setdefault(os.path.realpath(file.path), file)
    for file in found.values():
        _check(file)
    return list(found.values()), dict(sorted(left_out.items()))


def documents(file: TrainingFile, columns: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield a file's documents as parts of text that end between words, each with whether its document ends there.

    Raises:
        DataError: the file is damaged, not UTF-8, or has a row without a column; with the row.
        MissingPackageError: the package that reads the format is not installed.
    """
    if file.format in TABLES:
        yield from ((text, True) for text in rows.of_table(file.path, file.format, columns, name=file.name))
        return
    with Stream(file.path, file.packing, name=file.name) as stream:
        match file.format:
            case ".txt":
                yield from rows.of_text(stream)
            case ".jsonl" | ".ndjson":
                yield from ((text, True) for text in rows.of_lines(stream, columns))
            case ".json":
                yield from ((text, True) for text in rows.of_values(stream, columns))
            case _:
                yield from ((text, True) for text in rows.of_csv(stream, columns, tabs=file.format == ".tsv"))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # whatever it is, it is named when it is opened
        return False


def _named(path: Path) -> TrainingFile:
    try:
        path.stat()
    except FileNotFoundError as fault:
        raise DataError(f"the training data {path} does not exist", hint="check --training-data") from fault
    except OSError as fault:
        raise DataError(f"cannot read the training data {path}: {fault.strerror}", hint="check its path") from fault
    known = format_of(path.name)
    if known is None:
        raise DataError(
            f"the training data {path} is of no known format",
            hint=f"formats: {', '.join(KNOWN)}; texts also packed as {', '.join(PACKED)}",
        )
    return TrainingFile(path=path, name=path.name, format=known[0], packing=known[1])


def _in_folder(folder: Path, left_out: dict[str, int]) -> list[TrainingFile]:
    found = []
    seen: set[str] = set()
    for place, below, names in os.walk(folder, onerror=_refuse, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place) / name
            known = format_of(path.name)
            if known is None:
                ending = path.suffix.lower() or "none"
                left_out[ending] = left_out.get(ending, 0) + 1
                continue
            told = (Path(folder.resolve().name) / path.relative_to(folder)).as_posix()
            found.append(TrainingFile(path=path, name=told, format=known[0], packing=known[1]))
    if not found:
        raise DataError(f"{folder} holds no training file of a known format", hint=f"formats: {', '.join(KNOWN)}")
    return found


def _refuse(fault: OSError) -> None:
    raise DataError(f"cannot read {fault.filename}: {fault.strerror}", hint="check its permissions") from fault


def _check(file: TrainingFile) -> None:
    try:
        state = file.path.stat()
        is_file = stat.S_ISREG(state.st_mode)
        pointer = is_file and is_pointer(file.path)  # a pipe would be waited for
    except OSError as fault:
        raise DataError(f"cannot read {file.path}: {fault.strerror}", hint="check its permissions") from fault
    if not is_file:
        raise DataError(f"{file.path} is no file that can be read twice", hint="write its content to a file")
    if not state.st_size:
        raise DataError(f"{file.path} is empty", hint="was it downloaded whole?")
    if pointer:
        raise DataError(f"{file.path} is a Git LFS pointer, not the data", hint="fetch the file itself: git lfs pull")
