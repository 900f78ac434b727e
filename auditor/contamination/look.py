"""The look itself: the items that will be asked are looked for in every training file, from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from auditor import schema
from auditor.contamination import rates, texts, training
from auditor.contamination.index import Index
from auditor.contamination.scan import Scanner
from auditor.contamination.texts import Compared, ItemTexts
from auditor.contamination.training import TrainingFile
from auditor.errors import DataError
from auditor.types import FileDigest, ItemOverlap, ProbeOverlap, Sample, ScorerRef

RULE = "word_overlap"
VERSION = "1.0.1"
_EVERY_S = 30.0


class Sought(Struct, frozen=True, kw_only=True):
    """A probe's samples, and the fields of theirs that are looked for; `digest` is the probe's."""

    probe: str
    digest: str
    samples: Sequence[Sample]
    fields: Compared


class Look(Struct, frozen=True, kw_only=True):
    """What was found, of every item that was asked, and in what."""

    rule: ScorerRef
    columns: tuple[str, ...]
    files: tuple[FileDigest, ...]
    left_out: dict[str, int]
    n_documents: int
    n_words: int
    items: tuple[ItemOverlap, ...]
    probes: tuple[ProbeOverlap, ...]

    @property
    def digest(self) -> str:
        """Return the sha256 over all that was found, so that a plan can fix it."""
        return schema.digest_of(self)


def look(
    asked: Sequence[Sought],
    files: Sequence[TrainingFile],
    *,
    columns: Sequence[str] = (),
    left_out: dict[str, int] | None = None,
    say: Callable[[str], None],
) -> Look:
    """Return how far the items of some probes stand in training files.

    Args:
        asked: what will be asked.
        files: where to look.
        columns: the columns of rows to look at; all texts where none is named.
        left_out: how many files of other formats there were, by ending.
        say: is told of each file.

    Raises:
        DataError: a file is damaged, holds no text, or lacks a column; with the row.
    """
    items = [item for probe in asked for item in texts.items_of(probe.probe, probe.samples, probe.fields)]
    scanner = Scanner(Index(items))
    digests = [_scan(scanner, file, number, columns, say) for number, file in enumerate(files)]
    covered = schema.digest_of([sorted((one.path, one.sha256) for one in digests), list(columns)])
    rule = ScorerRef(name=RULE, version=VERSION, checkpoint=covered)
    names = [file.name for file in files]
    found = {probe.probe: scanner.overlaps(_members(items, probe.probe), names) for probe in asked}
    return Look(
        rule=rule,
        columns=tuple(columns),
        files=tuple(digests),
        left_out=left_out or {},
        n_documents=scanner.n_documents,
        n_words=scanner.n_words,
        items=tuple(item for probe in asked for item in found[probe.probe]),
        probes=tuple(
            ProbeOverlap(
                id=probe.probe,
                asked=probe.fields.asked,
                answers=probe.fields.answers,
                metrics=rates.rates(found[probe.probe], rule, probe.digest),
            )
            for probe in asked
        ),
    )


def _members(items: Sequence[ItemTexts], probe: str) -> list[int]:
    return [number for number, item in enumerate(items) if item.probe == probe]


def _scan(
    scanner: Scanner, file: TrainingFile, number: int, columns: Sequence[str], say: Callable[[str], None]
) -> FileDigest:
    """Look at one file, and return its digest."""
    say(f"looking for the probes' items in {file.name}")
    before = scanner.n_words
    state = _state(file)
    try:
        digest = schema.digest_file(file.path, name=file.name)
    except OSError as fault:
        raise DataError(f"cannot read {file.path}: {fault.strerror}", hint="check its permissions") from fault
    told = time.monotonic()
    for text, ends in training.documents(file, columns):
        scanner.read(text, ends=ends, file=number)
        if time.monotonic() - told > _EVERY_S:
            told = time.monotonic()
            say(f"{scanner.n_words - before} words of {file.name} looked at")
    scanner.end()
    if _state(file) != state:
        raise DataError(f"{file.path} was changed while it was read", hint="wait until it is whole, then run again")
    if scanner.n_words == before:
        where = f" in the column{'s' if len(columns) > 1 else ''} {', '.join(columns)}" if columns else ""
        raise DataError(f"{file.name} holds no text{where}, in {file.path}", hint="is it the right file?")
    return digest


def _state(file: TrainingFile) -> tuple[int, int]:
    """Return a file's size and the time of its last change, so that its digest is of what was read."""
    try:
        found = file.path.stat()
    except OSError as fault:
        raise DataError(f"cannot read {file.path}: {fault.strerror}", hint="is it still there?") from fault
    return found.st_size, found.st_mtime_ns
