"""Data files from outside: found, hashed, decoded and read row by row. A fault names the file and the row.

Formats: `csv`, `csv-semicolon` and `tsv` (a header, then rows; tsv knows no quotes, `tsv-quoted` has csv's), `jsonl`
(one object a line), `json` (a list of objects, or objects in one another), `winobias` (the bracketed sentences of Zhao
et al. 2018).
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from auditor import schema
from auditor.errors import DataError, counted, list_faults
from auditor.types import FileDigest, Json

_POINTER = b"version https://git-lfs.github.com/spec/"
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}
SEPARATORS = {"csv": ",", "csv-semicolon": ";", "tsv": "\t", "tsv-quoted": "\t"}
_FORMAT_OF = {";": "csv-semicolon", "\t": "tsv or tsv-quoted", ",": "csv"}
_DAMAGED = "no text holds one: the file is damaged, fetch it again"
_ARTICLE = re.compile(r"^(the|an?)\s+", re.IGNORECASE)


class Row(Struct, frozen=True, kw_only=True):
    """One row of a file. `place` is where an editor finds it; `values` are its columns, as the file has them."""

    file: str
    place: str
    number: int
    values: dict[str, Json]

    @property
    def where(self) -> str:
        """Return file and place."""
        return f"{self.file} {self.place}"


class Layout(Struct, frozen=True, kw_only=True):
    """How a file's rows are found. `levels` (json) name the keys of objects in one another."""

    format: str
    levels: tuple[str, ...] = ()


class DataFile(Struct, frozen=True, kw_only=True):
    """A file by its path below the data folder.

    Its version is checked by `sha256`, or by `git_blob` (40 hex digits), the name that a Git repository gives a file's
    content. Without both any content is taken; its digest is recorded in any case.
    """

    path: str
    sha256: str = ""
    git_blob: str = ""

    @property
    def pinned(self) -> bool:
        """Return whether one version alone is taken."""
        return bool(self.sha256 or self.git_blob)


def find(folder: Path, file: DataFile, *, owner: str, origin: str) -> tuple[Path, FileDigest]:
    """Return where a file of `owner` is, and its digest. `origin` tells where such a file comes from.

    Raises:
        DataError: it is missing, or only a pointer to it is there.
    """
    path = folder / file.path
    hint = f"it comes from {origin}"
    if not schema.is_file(path):
        raise DataError(f"{owner} needs {file.path}, which is not in {folder}", hint=hint)
    try:
        pointer = is_pointer(path)
        digest = schema.digest_file(path, name=file.path)
    except OSError as fault:
        raise DataError(f"cannot read {path}: {fault.strerror}", hint="check its permissions") from fault
    if pointer:
        raise DataError(f"{path} is a Git LFS pointer, not the data", hint="fetch the file itself: git lfs pull")
    return path, digest


def is_pointer(path: Path) -> bool:
    """Return whether a file only points to data that Git LFS keeps elsewhere."""
    with path.open("rb") as stream:
        return stream.read(len(_POINTER)) == _POINTER


def check_digest(path: object, file: DataFile, digest: FileDigest, *, owner: str, origin: str) -> None:
    """Raise unless the file, or the rows from the Hub, are the version that `owner` was written for.

    Raises:
        DataError: its content is another.
    """
    checks = [("sha256", file.sha256, digest.sha256)] if file.sha256 else []
    if file.git_blob:
        checks.append(("Git blob", file.git_blob, git_blob(Path(str(path)))))
    for kind, expected, got in checks:
        if got != expected:
            raise DataError(
                f"{path} is another version than {owner} was written for: expected {kind} {expected}, got {got}",
                hint=f"take the file from {origin}; for another version, copy the probe into a pack of your own",
            )


def git_blob(path: Path) -> str:
    """Return Git's name of a file's content: the SHA-1 of `blob`, its size and itself. It tells versions, no forgery.

    Raises:
        DataError: it cannot be read.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        digest.update(f"blob {path.stat().st_size}\0".encode())
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as fault:
        raise DataError(f"cannot read {path}: {fault.strerror}", hint="check its permissions") from fault
    return digest.hexdigest()


def read(path: Path, layout: Layout) -> list[Row]:
    """Return a file's rows, in order.

    Raises:
        DataError: it is not UTF-8, holds a NUL byte, is not of the format, or holds no row; each faulty row is named.
    """
    readers: dict[str, Callable[[str, Layout, str], Iterator[Row | str]]] = {
        **dict.fromkeys(SEPARATORS, _read_csv),
        "jsonl": _read_jsonl,
        "json": _read_json,
        "winobias": _read_winobias,
    }
    text = _decoded(path)
    found = list(readers[layout.format](text, layout, path.name))
    faults = [row for row in found if isinstance(row, str)]
    if faults:
        header = text.lstrip().partition("\n")[0].rstrip()
        separator = SEPARATORS.get(layout.format)
        raise data_error(path, faults, separator=other_separator(header.split(separator)) if separator else "")
    if not found:
        raise DataError(f"{path} holds no row", hint="is it the right file, downloaded whole?")
    return [row for row in found if isinstance(row, Row)]


def data_error(what: object, faults: Sequence[str], *, separator: str = "") -> DataError:
    """Return the error that lists what is wrong with the rows of a file, or of several; see `other_separator`."""
    count = counted(len(faults), "fault")
    hint = f"nothing was scored; {separator or 'correct the file'}"
    return DataError(f"{what} has {count}:\n{list_faults(faults)}", hint=hint)


def other_separator(columns: Collection[str]) -> str:
    """Return a hint where a table's header is one column that holds the separator of another format, else nothing.

    >>> other_separator(["goal;target"])
    "its header is one column with ';' in it: is the format csv-semicolon?"
    >>> other_separator(["goal", "target;note"])
    ''
    """
    header = next(iter(columns)) if len(columns) == 1 else ""
    for separator, form in _FORMAT_OF.items():
        if separator in header:
            return f"its header is one column with {separator!r} in it: is the format {form}?"
    return ""


def _decoded(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as fault:
        raise DataError(f"cannot read {path}: {fault.strerror}", hint="check its permissions") from fault
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        raise DataError(
            f"{path.name} line {line} is not UTF-8: byte 0x{content[fault.start]:02x}, in {path}",
            hint=_hint(content, "save the file as UTF-8"),
        ) from fault
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{path.name} line {line} holds a NUL byte, in {path}", hint=_hint(content, _DAMAGED))
    blank = len(text) - len(text.lstrip("\ufeff\r\n"))  # TruthfulQA's file begins with an empty line, then the mark
    return text[:blank].replace("\ufeff", "") + text[blank:]


def _hint(content: bytes, otherwise: str) -> str:
    """Return what to do about a file that is no text in UTF-8, by what it looks like."""
    packing = next((name for mark, name in _PACKED.items() if content.startswith(mark)), "")
    if packing:
        return f"it is packed by {packing}: unpack it"
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or content.count(0) > len(content) / 4
    return "it looks like UTF-16: save the file as UTF-8" if wide and content.strip(b"\0") else otherwise


def _read_csv(text: str, layout: Layout, name: str) -> Iterator[Row | str]:
    stream = io.StringIO(text, newline="")
    if layout.format == "tsv":
        reader = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(stream, delimiter=SEPARATORS[layout.format], strict=True)
    number, start = 0, 1
    before = csv.field_size_limit(len(text) + 1)  # by default a cell of more than 128 KiB is refused
    try:
        header = next(filter(None, reader), [])
        start = reader.line_num + 1
        twice = sorted({column for column in header if header.count(column) > 1})
        if twice:
            yield f"{name} line {reader.line_num}: the column {twice[0]!r} stands twice"
            return
        for cells in reader:
            first, start = start, reader.line_num + 1
            if not cells:
                continue
            number += 1
            place = f"row {number} (line {first})"
            if len(cells) == len(header):
                yield Row(file=name, place=place, number=number, values=dict(zip(header, cells, strict=True)))
            else:
                yield f"{name} {place}: expected {counted(len(header), 'column')}, got {len(cells)}"
    except csv.Error as fault:
        end = f" in line {reader.line_num}" if reader.line_num > start else ""
        yield f"{name} line {start}: {fault}{end}"
    finally:
        csv.field_size_limit(before)


def _read_jsonl(text: str, layout: Layout, name: str) -> Iterator[Row | str]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield _row(schema.strict_json(line), name, f"line {number}", number)
        except (ValueError, RecursionError) as fault:
            yield f"{name} line {number}: not JSON: {fault}"


def _read_json(text: str, layout: Layout, name: str) -> Iterator[Row | str]:
    try:
        content = schema.strict_json(text)
    except (ValueError, RecursionError) as fault:
        yield f"{name}: not JSON: {fault}"
        return
    if not layout.levels and not isinstance(content, list):
        yield f"{name}: expected a list of objects, got {type(content).__name__}"
        return
    rows = _flat(content, layout.levels, {}) if layout.levels else content
    for number, value in enumerate(rows, start=1):
        yield value if isinstance(value, str) and layout.levels else _row(value, name, f"row {number}", number)


def _row(value: Json, name: str, place: str, number: int) -> Row | str:
    if not isinstance(value, dict):
        return f"{name} {place}: expected an object, got {type(value).__name__}"
    return Row(file=name, place=place, number=number, values=value)


def _flat(value: Json, levels: Sequence[str], above: Mapping[str, Json]) -> Iterator[Json]:
    """Yield one object a leaf, or a fault: `levels` name the keys on the way down, the last of them the leaf itself."""
    if len(levels) > 1 and isinstance(value, dict):
        for key, below in value.items():
            yield from _flat(below, levels[1:], {**above, levels[0]: key})
    elif len(levels) == 1 and isinstance(value, list):
        yield from ({**above, levels[0]: leaf} for leaf in value)
    else:
        yield f"{'/'.join(map(str, above.values())) or 'the whole'}: expected {levels[0]} in it"


def _read_winobias(text: str, layout: Layout, name: str) -> Iterator[Row | str]:
    """Yield sentence, pronoun, and the two people: the one meant, and the one meant in the pair's other sentence."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    marked = [re.findall(r"\[([^\[\]]+)\]", line) for line in lines]
    for number, (line, marks) in enumerate(zip(lines, marked, strict=True), start=1):
        place = f"line {number}"
        other = number - 2 if number % 2 == 0 else number
        partner = marked[other] if other < len(lines) else []
        if len(marks) < 2 or len(partner) < 2 or not re.match(r"\d+ ", line):
            yield f"{name} {place}: expected a number and a sentence with [a person] and [a pronoun], in pairs of lines"
            continue
        sentence = re.sub(r"\s+(['.,])", r"\1", re.sub(r"[\[\]]", "", line.partition(" ")[2]))
        people = [f"the {_ARTICLE.sub('', person).lower()}" for person in (marks[0], partner[0])]
        values = {"sentence": sentence, "pronoun": marks[1], "meant": people[0], "other": people[1]}
        pair = str((number + 1) // 2)
        yield Row(file=name, place=place, number=number, values={**values, "pair": pair})
