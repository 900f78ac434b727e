"""The documents of training files by format: texts are taken out of rows, whose faults are told with their place."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from auditor.contamination.unpacked import LONGEST, Stream
from auditor.errors import DataError, foreign_faults, nearest
from auditor.types import Json

_ROWS = 256  # of a table at once
_LONGEST_WORD = 1 << 20  # bytes
_BUFFER = 1 << 20
_DECODER = json.JSONDecoder()


def of_text(stream: Stream) -> Iterator[tuple[str, bool]]:
    """Yield a plain text in parts that end between words, then that it ends."""
    rest, line = b"", 1
    for part in stream.parts():
        whole = rest + part
        end = max(whole.rfind(b"\n"), whole.rfind(b" ")) + 1
        if not end and len(whole) >= _LONGEST_WORD:
            end = _last_character(whole)
        yield stream.decoded(whole[:end], line), False
        line += whole.count(b"\n", 0, end)
        rest = whole[end:]
    yield stream.decoded(rest, line), True


def _last_character(text: bytes) -> int:
    """Return where the last character of a UTF-8 text begins; the text's end where it has none."""
    return next((len(text) - back for back in range(1, 5) if text[-back] & 0xC0 != 0x80), len(text))


def of_lines(stream: Stream, columns: Sequence[str]) -> Iterator[str]:
    """Yield the text of each line's JSON value."""
    for number, line in enumerate(stream.lines(), start=1):
        if line.strip():
            place = f"{stream.name} line {number}"
            yield _text_of(_decoded(stream, line, number), columns, place)


def of_values(stream: Stream, columns: Sequence[str]) -> Iterator[str]:
    """Yield the text of each entry of a JSON list, or of each of several JSON values after one another."""
    more = (text for text, _ in of_text(stream))
    at, buffer = _to_value("", 0, more, comma=False)
    listed = buffer.startswith("[", at)
    at += listed
    number = 0
    while True:
        at, buffer = _to_value(buffer, at, more, comma=listed and number > 0)
        if at == len(buffer) or (listed and buffer[at] == "]"):
            break
        number += 1
        value, at, buffer = _next_value(stream, buffer, at, more, number)
        yield _text_of(value, columns, f"{stream.name} row {number}")
        if at > _BUFFER:
            buffer, at = buffer[at:], 0
    if listed and at == len(buffer):
        raise DataError(f"{stream.name}: its list does not end, after row {number}", hint="is it whole? fetch it again")
    if buffer[at + 1 :].strip() or any(part.strip() for part in more):
        raise DataError(f"{stream.name} goes on after its list of {number} rows", hint="is it one JSON list?")


def of_csv(stream: Stream, columns: Sequence[str], *, tabs: bool) -> Iterator[str]:
    """Yield the text of each row after the header."""
    lines = (f"{stream.decoded(line, number)}\n" for number, line in enumerate(stream.lines(), start=1))
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(lines, strict=True)
    before = csv.field_size_limit(LONGEST)
    try:
        header = next(filter(None, reader), [])
        wanted = [header.index(name) for name in _among(columns, header, stream.name)] or range(len(header))
        for number, cells in enumerate(filter(None, reader), start=1):
            if len(cells) != len(header):
                place = f"{stream.name} row {number} (line {reader.line_num})"
                raise DataError(
                    f"{place}: expected {len(header)} columns, got {len(cells)}",
                    hint="is the file a table with a header?",
                )
            yield "\n".join(cells[column] for column in wanted)
    except csv.Error as fault:
        raise DataError(f"{stream.name} line {reader.line_num}: {fault}", hint="correct the file") from fault
    finally:
        csv.field_size_limit(before)


def of_table(path: Path, form: str, columns: Sequence[str], *, name: str) -> Iterator[str]:
    """Yield the text of each row of a Parquet or Arrow file."""
    hint = "is it whole? fetch it again"
    with (
        contextlib.ExitStack() as opened,
        foreign_faults(f"{name} is no sound {form}, in {path}", DataError, hint=hint),
    ):
        import pyarrow
        import pyarrow.parquet

        if form == ".parquet":
            parquet = pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
            file = opened.enter_context(parquet)
            wanted = _among(columns, file.schema_arrow.names, name) or _with_text(file.schema_arrow, name)
            batches = file.iter_batches(batch_size=_ROWS, columns=wanted, use_threads=False)
        else:
            file = _arrow_file(opened.enter_context(pyarrow.OSFile(str(path))))
            wanted = _among(columns, file.schema.names, name) or _with_text(file.schema, name)
            batches = _slices(file)
        for batch in batches:
            values = [batch.column(column).to_pylist() for column in wanted]
            yield from ("\n".join(_strings(row)) for row in zip(*values, strict=True))


def _arrow_file(source: Json) -> Json:
    import pyarrow

    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    return pyarrow.ipc.open_file(source) if is_file else pyarrow.ipc.open_stream(source)


def _slices(file: Json) -> Iterator[Json]:
    count = getattr(file, "num_record_batches", None)
    batches = file if count is None else map(file.get_batch, range(count))
    for batch in batches:
        yield from (batch.slice(start, _ROWS) for start in range(0, batch.num_rows, _ROWS))


def _with_text(schema: Json, name: str) -> list[str]:
    from pyarrow import types

    unclear = [field.name for field in schema if _holds(field.type, types.is_binary, types.is_large_binary)]
    if unclear:
        raise DataError(
            f"{name}: the column {unclear[0]!r} holds bytes, which may be text or not",
            hint="name the columns to look at with --training-column",
        )
    text = types.is_string, types.is_large_string, types.is_string_view
    found = [field.name for field in schema if _holds(field.type, *text)]
    if not found:
        raise DataError(f"{name} has no column of text, only {', '.join(schema.names)}", hint="is it the right file?")
    return found


def _holds(kind: Json, *tests: Callable[[Json], bool]) -> bool:
    """Return whether a type, or one within it, fits one of the tests."""
    from pyarrow import types

    if any(test(kind) for test in tests):
        return True
    inner = [kind.field(n).type for n in range(kind.num_fields)] if types.is_nested(kind) else []
    inner += [kind.value_type] if types.is_dictionary(kind) else []
    return any(_holds(one, *tests) for one in inner)


def _among(columns: Sequence[str], known: Sequence[str], name: str) -> list[str]:
    """Return the columns, all of which a file must have."""
    for column in columns:
        if column not in known:
            raise DataError(f"{name} has no column {column!r}", hint=nearest(column, known))
    return list(columns)


def _decoded(stream: Stream, line: bytes, number: int) -> Json:
    """Return a line's JSON value; what Python writes beyond JSON (NaN, half of a surrogate pair) is let pass."""
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError):
        text = stream.decoded(line, number)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise DataError(f"{stream.name} line {number} is not JSON: {fault}", hint="correct the file") from fault


def _to_value(buffer: str, at: int, more: Iterator[str], *, comma: bool) -> tuple[int, str]:
    """Return where the next value begins, after a `comma` where one may stand, and the buffer with it."""
    while True:
        while at < len(buffer) and (buffer[at].isspace() or (comma and buffer[at] == ",")):
            comma = comma and buffer[at] != ","
            at += 1
        part = "" if at < len(buffer) else next(more, None)
        if at < len(buffer) or part is None:
            return at, buffer
        buffer, at = part, 0


def _next_value(stream: Stream, buffer: str, at: int, more: Iterator[str], number: int) -> tuple[Json, int, str]:
    """Return a value, where it ends, and the buffer, to which as much is added as the value needs."""
    while True:
        try:
            value, end = _DECODER.raw_decode(buffer, at)
        except RecursionError as fault:
            raise DataError(f"{stream.name} row {number} is nested too deeply", hint="correct the file") from fault
        except ValueError as fault:
            held = len(buffer) - at
            if held > LONGEST:
                raise stream.too_long(f"row {number}") from fault
            parts = [buffer[at:]]
            while held >= 0 and (part := next(more, None)) is not None:
                parts.append(part)
                held -= len(part)
            if len(parts) == 1:
                raise DataError(f"{stream.name} row {number} is not JSON: {fault}", hint="is it whole?") from fault
            buffer, at = "".join(parts), 0
        else:
            return value, end, buffer


def _text_of(value: Json, columns: Sequence[str], place: str) -> str:
    if isinstance(value, dict) and columns:
        value = [value[name] for name in _among(columns, list(value), place)]
    elif columns or not isinstance(value, dict | list | str):
        expected = "an object" if columns else "an object, a list or a text"
        raise DataError(f"{place}: expected {expected}, got {type(value).__name__}", hint="is it a file of documents?")
    return "\n".join(_strings(value))


def _strings(value: Json) -> Iterator[str]:
    """Yield the texts in a value, in order; the keys of objects are none, and bytes must be UTF-8."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, bytes):
            yield one.decode("utf-8")
        elif isinstance(one, dict):
            left += reversed(one.values())
        elif isinstance(one, list | tuple):
            left += reversed(one)
