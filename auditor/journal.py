"""The journal: every output, written and synced before it is scored, so that a killed run can go on.

The first line says which plan it belongs to, and when that was fixed: it is on the disk before the first request is
sent. Every other line is one output: [kind, number of the request, output]. A last line that a kill cut short is
dropped. In memory stands only where each line begins: an output is read back when it is scored.
"""

from __future__ import annotations

import datetime
import json
import os
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import FileIO
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from auditor import schema
from auditor.errors import RecordError
from auditor.record import JOURNAL, output_faults
from auditor.rows import Rows
from auditor.types import Json, Output

Kind = Literal["loglikelihood", "generate"]
KINDS: tuple[Kind, Kind] = ("loglikelihood", "generate")
_SCHEMA = "auditor:journal/2"
_CHUNK = 1 << 12  # bytes; most lines are shorter


class _Line(Struct, frozen=True, array_like=True):
    kind: Kind
    number: Annotated[int, Meta(ge=0)]
    output: Output


class Outputs(Mapping[int, Output]):
    """The outputs of one kind in an open journal, by number of their request."""

    def __init__(self, read: Callable[[int], Output]) -> None:
        """Take what reads the output whose line begins at a byte of the file."""
        self._read = read
        self._starts = array("q")  # of each line; -1 where there is none
        self._n_lines = 0

    def put(self, number: int, start: int) -> None:
        """Take note of where the line of an output begins; a later line counts."""
        if number >= len(self._starts):
            self._starts.extend([-1] * (max(number + 1, 2 * len(self._starts)) - len(self._starts)))
        self._n_lines += self._starts[number] < 0
        self._starts[number] = start

    def __getitem__(self, number: int) -> Output:
        """Read an output back."""
        if number not in self:
            raise KeyError(number)
        return self._read(self._starts[number])

    def __contains__(self, number: object) -> bool:
        """Return whether it is there, without a look at the file."""
        return isinstance(number, int) and 0 <= number < len(self._starts) and self._starts[number] >= 0

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers, smallest first."""
        return (number for number, start in enumerate(self._starts) if start >= 0)

    def __len__(self) -> int:
        """Return how many there are."""
        return self._n_lines


class Journal:
    """Outputs by kind and number of their request; open it with `with`, and read them within."""

    def __init__(
        self, folder: Path, plan: Mapping[str, Json], *, resume: bool, sizes: Mapping[Kind, int] | None = None
    ) -> None:
        """Take the folder and what names the run; `sizes` says how many requests of each kind there are."""
        self._sizes = sizes or {}
        self._path = folder / JOURNAL
        self._plan = dict(plan)
        self._resume = resume
        self._stream: FileIO | None = None
        self.fixed_at = ""
        self.outputs: dict[Kind, Outputs] = {
            "loglikelihood": Outputs(self._read_output),
            "generate": Outputs(self._read_output),
        }

    def __enter__(self) -> Journal:
        """Open the journal, reading what it holds when the run is resumed.

        Raises:
            RecordError: it belongs to another plan, is damaged, or another process is writing to it.
            OutputError: it cannot be written.
        """
        with output_faults(self._path):
            fresh = not (self._resume and self._path.is_file() and self._path.stat().st_size)
            self._stream = self._path.open("w+b" if fresh else "r+b", buffering=0)
            _lock(self._stream, self._path)
        if fresh or not self._read():
            self.fixed_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            self._append([{"schema": _SCHEMA, "fixed_at": self.fixed_at, "plan": self._plan}])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the journal."""
        if self._stream is not None:
            self._stream.close()

    def add(self, kind: Kind, outputs: Mapping[int, Output]) -> None:
        """Write a pack of outputs and sync it to disk.

        Raises:
            OutputError: the disk is full; what was written before is intact.
        """
        lines = [_Line(kind, number, output) for number, output in sorted(outputs.items())]
        starts = self._append(lines)
        for line, start in zip(lines, starts, strict=True):
            self.outputs[kind].put(line.number, start)

    def _append(self, lines: Sequence[Json]) -> list[int]:
        """Write lines and sync them; return at which byte each begins."""
        assert self._stream is not None
        start = self._stream.seek(0, os.SEEK_END)
        texts = [_text(line) for line in lines]
        data = b"".join(texts)
        with output_faults(self._path):
            try:
                _write_all(self._stream, data)
                os.fsync(self._stream.fileno())
            except OSError:
                _cut(self._stream, start)
                raise
        return [start, *(start + end for end in accumulate(map(len, texts)))][:-1]

    def _read(self) -> bool:
        """Take over what a killed run wrote; return whether there was anything whole."""
        assert self._stream is not None
        length = _whole_lines(self._stream)
        _cut(self._stream, length)
        if not length:
            return False
        with self._path.open("rb") as stream:
            header = _header(self._path, stream.readline())
            self._check_plan(header.plan)
            self.fixed_at = header.fixed_at
            start = stream.tell()
            for number, text in enumerate(stream, start=2):
                line = _line(self._path, number, text)
                self._check_number(number, line)
                self.outputs[line.kind].put(line.number, start)
                start += len(text)
        return True

    def _check_number(self, place: int, line: _Line) -> None:
        known = self._sizes.get(line.kind)
        if known is not None and line.number >= known:
            raise RecordError(
                f"{self._path}:{place} answers the {line.kind} request {line.number}, and there are {known}",
                hint="start a new run",
            )

    def _read_output(self, start: int) -> Output:
        """Return the output whose line begins at a byte."""
        assert self._stream is not None
        text = b""
        self._stream.seek(start)
        while not text.endswith(b"\n"):
            chunk = self._stream.read(_CHUNK)
            if not chunk:
                raise RecordError(f"{self._path} was cut short while it was read", hint="start a new run")
            text += chunk[: chunk.find(b"\n") + 1 or None]
        return _line_at(self._path, start, text).output

    def _check_plan(self, before: dict[str, Json]) -> None:
        now = msgspec.to_builtins(self._plan)
        changed = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        if changed:
            raise RecordError(
                f"{self._path} belongs to another run: it differs in {', '.join(changed)}",
                hint="resume with the same model, probes and options, or choose another --out",
            )


class WrittenJournal(Struct, frozen=True, kw_only=True):
    """What a journal on the disk holds: the plan, when it was fixed, and the outputs by kind and number."""

    plan: dict[str, Json]
    fixed_at: str
    outputs: dict[Kind, Mapping[int, Output]]


def read_journal(path: Path) -> WrittenJournal:
    """Return what a finished run's journal holds.

    Raises:
        RecordError: it is of another schema, damaged, or not as a run writes it.
    """
    lines = Rows(_Line)
    places: dict[Kind, dict[int, int]] = {kind: {} for kind in KINDS}
    with path.open("rb") as stream:
        first = stream.readline()
        header = _header(path, first)
        by_hand = first != _text(header)
        for number, text in enumerate(stream, start=2):
            found = _line(path, number, text)
            by_hand = by_hand or text != _text(found)
            places[found.kind][found.number] = len(lines)
            lines.add(found)
    if by_hand:
        raise RecordError(f"{path} was changed by hand: a run writes it otherwise", hint="restore it")
    outputs: dict[Kind, Mapping[int, Output]] = {kind: _Written(lines, of) for kind, of in places.items()}
    return WrittenJournal(plan=header.plan, fixed_at=header.fixed_at, outputs=outputs)


class _Written(Mapping[int, Output]):
    """The outputs of one kind, by number, kept as JSON."""

    def __init__(self, lines: Rows[_Line], places: Mapping[int, int]) -> None:
        self._lines = lines
        self._places = places

    def __getitem__(self, number: int) -> Output:
        return self._lines[self._places[number]].output

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Header(Struct, frozen=True, kw_only=True):
    schema: str
    plan: dict[str, Json]
    fixed_at: str


def _header(path: Path, line: bytes) -> _Header:
    content = _parse(path, 1, line)
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise RecordError(f"{path} is not a journal of schema {_SCHEMA}", hint="start a new run")
    return schema.convert(content, _Header, where=f"{path}:1", error=RecordError)


def _line(path: Path, number: int, text: bytes) -> _Line:
    try:
        return msgspec.json.decode(text, type=_Line)
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"{path}:{number} is damaged: {fault}", hint="start a new run") from fault


def _line_at(path: Path, start: int, text: bytes) -> _Line:
    try:
        return msgspec.json.decode(text, type=_Line)
    except ValueError as fault:
        raise RecordError(
            f"{path} was changed while it was read, at byte {start}: {fault}", hint="start a new run"
        ) from fault


def _parse(path: Path, number: int, line: bytes) -> Json:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"{path}:{number} is damaged: {fault}", hint="start a new run") from fault


def _text(line: Json) -> bytes:
    return (schema.canonical_json(line) + "\n").encode()


def _whole_lines(stream: FileIO) -> int:
    """Return how many bytes of a file are whole lines; a look at its end tells."""
    end = stream.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _CHUNK)
        stream.seek(start)
        found = stream.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return end


def _write_all(stream: FileIO, data: bytes) -> None:
    """Write without a buffer: a buffer would write the rest of a failed line when the file is closed."""
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def _cut(stream: FileIO, length: int) -> None:
    """Drop everything after `length` bytes, so that no half line stays behind."""
    os.ftruncate(stream.fileno(), length)
    os.lseek(stream.fileno(), length, os.SEEK_SET)


def _lock(stream: FileIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on Windows; there the user must see to it
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        raise RecordError(
            f"another process is writing to {path}", hint="wait for it, or choose another --out"
        ) from fault
