"""The journal: every output, written and synced before it is scored, so that a killed run can go on.

The first line says which plan it belongs to, and when that was fixed: it is on the disk before the first request is
sent. Every other line is one output: [kind, number of the request, output]. A last line that a kill cut short is
dropped.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Literal

import msgspec
from msgspec import Struct

from auditor import schema
from auditor.errors import RecordError
from auditor.record import JOURNAL, output_faults
from auditor.types import Json, Output

Kind = Literal["loglikelihood", "generate"]
_SCHEMA = "auditor:journal/2"


class _Line(Struct, frozen=True, array_like=True):
    kind: Kind
    number: int
    output: Output


class Journal:
    """Outputs by kind and number of their request; open it with `with`."""

    def __init__(self, folder: Path, plan: Mapping[str, Json], *, resume: bool) -> None:
        self._path = folder / JOURNAL
        self._plan = dict(plan)
        self._resume = resume
        self._stream: FileIO | None = None
        self.fixed_at = ""
        self.outputs: dict[Kind, dict[int, Output]] = {"loglikelihood": {}, "generate": {}}

    def __enter__(self) -> Journal:
        """Open the journal, reading what it holds when the run is resumed.

        Raises:
            RecordError: it belongs to another plan, is damaged, or another process is writing to it.
            OutputError: it cannot be written.
        """
        with output_faults(self._path):
            fresh = not (self._resume and self._path.is_file() and self._path.stat().st_size)
            self._stream = self._path.open("wb" if fresh else "r+b", buffering=0)
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
        self._append([_Line(kind, number, output) for number, output in sorted(outputs.items())])
        self.outputs[kind].update(outputs)

    def _append(self, lines: list[Json]) -> None:
        assert self._stream is not None
        start = self._stream.tell()
        data = _text(lines)
        with output_faults(self._path):
            try:
                _write_all(self._stream, data)
                os.fsync(self._stream.fileno())
            except OSError:
                _cut(self._stream, start)
                raise

    def _read(self) -> bool:
        """Take over what a killed run wrote; return whether there was anything whole."""
        assert self._stream is not None
        data = self._stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        _cut(self._stream, len(whole))
        lines = whole.splitlines()
        if not lines:
            return False
        header = _header(self._path, lines[0])
        self._check_plan(header.plan)
        self.fixed_at = header.fixed_at
        for found in _outputs(self._path, lines):
            self.outputs[found.kind][found.number] = found.output
        return True

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
    outputs: dict[Kind, dict[int, Output]]


def read_journal(path: Path) -> WrittenJournal:
    """Return what a finished run's journal holds.

    Raises:
        RecordError: it is of another schema, damaged, or not as a run writes it.
    """
    data = path.read_bytes()
    lines = data.splitlines()
    header = _header(path, lines[0] if lines else b"")
    outputs: dict[Kind, dict[int, Output]] = {"loglikelihood": {}, "generate": {}}
    written = list(_outputs(path, lines))
    if data != _text([header, *written]):
        raise RecordError(f"{path} was changed by hand: a run writes it otherwise", hint="restore it")
    for found in written:
        outputs[found.kind][found.number] = found.output
    return WrittenJournal(plan=header.plan, fixed_at=header.fixed_at, outputs=outputs)


class _Header(Struct, frozen=True, kw_only=True):
    schema: str
    plan: dict[str, Json]
    fixed_at: str


def _header(path: Path, line: bytes) -> _Header:
    content = _parse(path, 1, line)
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise RecordError(f"{path} is not a journal of schema {_SCHEMA}", hint="start a new run")
    return schema.convert(content, _Header, where=f"{path}:1", error=RecordError)


def _outputs(path: Path, lines: Sequence[bytes]) -> Iterator[_Line]:
    for number, line in enumerate(lines[1:], start=2):
        yield schema.convert(_parse(path, number, line), _Line, where=f"{path}:{number}", error=RecordError)


def _parse(path: Path, number: int, line: bytes) -> Json:
    try:
        return json.loads(line)
    except ValueError as fault:
        raise RecordError(f"{path}:{number} is damaged: {fault}", hint="start a new run") from fault


def _text(lines: Sequence[Json]) -> bytes:
    return "".join(schema.canonical_json(line) + "\n" for line in lines).encode()


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
