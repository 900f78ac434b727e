"""A file's bytes as a stream, unpacked on the way where it is packed, and its text in parts that end between lines."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from auditor.errors import DataError, optional_package
from auditor.types import Json

LONGEST = 64 << 20  # bytes of a line, a row or a value
_PART = 1 << 18
_NULS = 4  # more than one byte in so many is a NUL: no text in UTF-8
_FAULTS = (EOFError, OSError, zlib.error, lzma.LZMAError)


class Stream:
    """A file opened to be read once, from its beginning to its end; open it with `with`."""

    def __init__(self, path: Path, packing: str, *, name: str) -> None:
        self._path = path
        self._packing = packing
        self._source: Json = None
        self.name = name

    def __enter__(self) -> Stream:
        """Open the file."""
        try:
            self._source = _opened(self._path, self._packing)
        except _FAULTS as fault:
            raise DataError(f"cannot read {self._path}: {fault}", hint="check the file") from fault
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._source.close()

    def parts(self) -> Iterator[bytes]:
        """Yield the file's bytes.

        Raises:
            DataError: it cannot be read or unpacked to its end; with how far it could.
        """
        done = 0
        while True:
            try:
                part = bytes(self._source.read(_PART))
            except _FAULTS as fault:
                raise DataError(
                    f"{self.name} cannot be read to its end: {fault}, after {done} bytes of text, in {self._path}",
                    hint="is it whole? fetch it again",
                ) from fault
            if not part:
                return
            done += len(part)
            yield part

    def lines(self) -> Iterator[bytes]:
        """Yield the file's lines without their ends.

        Raises:
            DataError: a line is longer than `LONGEST`.
        """
        rest: list[bytes] = []
        number, size = 1, 0
        for part in self.parts():
            first, *more = part.split(b"\n")
            rest.append(first)
            size += len(first)
            if size > LONGEST:
                raise self.too_long(f"line {number}")
            if more:
                yield b"".join(rest)
                yield from more[:-1]
                number += len(more)
                rest, size = [more[-1]], len(more[-1])
        if size:
            yield b"".join(rest)

    def too_long(self, place: str) -> DataError:
        """Return the error of a row that is too large to be one."""
        return DataError(
            f"{self.name} {place} is longer than {LONGEST >> 20} MiB", hint="write one document a line, as .jsonl"
        )

    def decoded(self, line: bytes, number: int) -> str:
        """Return a line, or several of which this is the first one's number, as text.

        Raises:
            DataError: it is not UTF-8.
        """
        if line.count(b"\0") * _NULS > len(line):  # valid UTF-8, but read so no word of it would ever be found
            raise DataError(
                f"{self.name} line {number} holds mostly NUL bytes, as in UTF-16, in {self._path}",
                hint="save the file as UTF-8",
            )
        try:
            return line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as fault:
            place = number + line.count(b"\n", 0, fault.start)
            raise DataError(
                f"{self.name} line {place} is not UTF-8: byte 0x{line[fault.start]:02x}, in {self._path}",
                hint="save the file as UTF-8",
            ) from fault


def _opened(path: Path, packing: str) -> Json:
    match packing:
        case ".gz":
            return gzip.open(path)
        case ".bz2":
            return bz2.open(path)
        case ".xz":
            return lzma.open(path)
        case ".zst":
            with optional_package("zstd", f"{path.name}, packed as .zst,"):
                import pyarrow
            return pyarrow.input_stream(str(path), compression="zstd")
        case _:
            return path.open("rb")
