"""Many structs in little memory: each is kept as JSON and made again whenever it is asked for.

A struct of a few short fields takes ten times its JSON. A million samples, or scores, are held so: in memory stands
where each begins, and beyond a few MiB the JSON is in a temporary file without a name.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar, overload

import msgspec
from msgspec import Struct

from auditor.errors import OutputError, unwritten

IN_MEMORY = 1 << 22  # bytes of JSON that one `Rows` keeps without a file
T = TypeVar("T", bound=Struct)


def picked(rows: Sequence[T], places: Iterable[int]) -> Sequence[T]:
    """Return the rows at these places, in this order; of `Rows` without a copy of them."""
    return rows.pick(places) if isinstance(rows, Rows) else [rows[place] for place in places]


def those(rows: Sequence[T], belongs: Callable[[T], bool]) -> Sequence[T]:
    """Return the rows that belong, as `picked` does."""
    return picked(rows, (place for place, row in enumerate(rows) if belongs(row)))


class Rows(Sequence[T], Generic[T]):
    """A sequence of structs of one kind; `rows[i]` is equal to what was put in, but never the same object.

    The structs must be ones that JSON gives back equal: text keys, lists for tuples where the type is open, no NaN.
    """

    def __init__(self, kind: type[T], structs: Iterable[T] = ()) -> None:
        """Take in the structs; more can be added until the rows are in use."""
        self._kind = kind
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(kind)
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with the last of its rows
        self._ends = array("Q", [0])
        self._chosen: Sequence[int] | None = None
        for struct in structs:
            self.add(struct)

    def add(self, struct: T) -> None:
        """Put a struct at the end.

        Raises:
            OutputError: the folder of temporary files is full, or cannot be written.
        """
        assert self._chosen is None
        text = self._encoder.encode(struct)
        try:
            self._file.seek(self._ends[-1])
            self._file.write(text)
        except OSError as fault:
            raise _unwritten(fault) from fault
        self._ends.append(self._ends[-1] + len(text))

    def pick(self, places: Iterable[int]) -> Rows[T]:
        """Return the rows at these places, in this order, without a copy of them."""
        found: Rows[T] = Rows(self._kind)
        found._file, found._ends = self._file, self._ends
        found._chosen = array("Q", (self._place(place) for place in places))
        return found

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends) - 1 if self._chosen is None else len(self._chosen)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Rows[T]: ...
    def __getitem__(self, place: int | slice) -> T | Rows[T]:
        """Return one, or a slice of them."""
        if isinstance(place, slice):
            return self.pick(range(*place.indices(len(self))))
        return self._at(self._place(place))

    def __iter__(self) -> Iterator[T]:
        """Yield them in order."""
        for place in range(len(self)):
            yield self._at(self._place(place))

    def __eq__(self, other: object) -> bool:
        """Return whether the other is a sequence of equal structs."""
        if not isinstance(other, Sequence) or len(other) != len(self):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def _place(self, place: int) -> int:
        if not -len(self) <= place < len(self):
            raise IndexError(f"row {place} of {len(self)}")
        place %= len(self)
        return place if self._chosen is None else self._chosen[place]

    def _at(self, place: int) -> T:
        start, end = self._ends[place], self._ends[place + 1]
        try:
            self._file.seek(start)
            text = self._file.read(end - start)
        except OSError as fault:
            raise _unwritten(fault) from fault
        return self._decoder.decode(text)


def _unwritten(fault: OSError) -> OutputError:
    where = f" in {tempfile.tempdir}" if tempfile.tempdir else ""  # the fault itself tells that no folder is fit
    return unwritten(fault, f"a temporary file{where}", hint="name another folder in TMPDIR")
