"""The samples of a record, read back from its files: what was asked, what came, and what it was worth."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from auditor import schema
from auditor.errors import RecordError
from auditor.rows import Rows
from auditor.types import Json, Output, Question, Request, Sample, Score, ScoredSample, Unscored


class AskedSample(Struct, frozen=True, kw_only=True):
    """A line of a samples file."""

    id: str
    cluster: str
    slices: dict[str, str]
    fields: dict[str, Json]
    questions: tuple[AskedQuestion, ...]
    score: Score | Unscored

    @property
    def sample(self) -> Sample:
        """Return the sample as it was before it was asked."""
        return Sample(id=self.id, cluster=self.cluster, slices=self.slices, fields=self.fields)

    @property
    def asked(self) -> list[Question]:
        """Return what was asked about it."""
        return [
            Question(variant=one.variant, order=one.order, requests=tuple(pair.request for pair in one.requests))
            for one in self.questions
        ]

    @property
    def pairs(self) -> list[Answered]:
        """Return every request with its output, in order."""
        return [pair for one in self.questions for pair in one.requests]


class AskedQuestion(Struct, frozen=True, kw_only=True):
    """A question's requests with their outputs."""

    variant: str
    order: tuple[int, ...]
    requests: tuple[Answered, ...]


class Answered(Struct, frozen=True, kw_only=True):
    """A request and what came back for it."""

    request: Request
    output: Output


class _Line(Struct, frozen=True, kw_only=True):
    """What a line says of a sample beside what was asked, which takes far longer to read."""

    id: str
    cluster: str
    slices: dict[str, str]
    fields: dict[str, Json]
    score: Score | Unscored


def read_scored(path: Path) -> Rows[ScoredSample]:
    """Return the samples of a samples file with their scores, without what was asked and came back.

    Raises:
        RecordError: a line is not one that a run writes.
    """
    rows = schema.read_lines(path, _Line, error=RecordError, hint="restore the record's folder")
    return Rows(
        ScoredSample,
        (
            ScoredSample(
                sample=Sample(id=row.id, cluster=row.cluster, slices=row.slices, fields=row.fields), score=row.score
            )
            for row in rows
        ),
    )


def read_samples(path: Path) -> Rows[AskedSample]:
    """Return the lines of a samples file.

    Raises:
        RecordError: a line is not one that a run writes.
    """
    found = Rows(AskedSample)
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            where = f"{path}:{number}"
            try:
                content = schema.strict_json(line)
            except (ValueError, RecursionError) as fault:
                raise RecordError(f"{where} is not JSON: {fault}", hint="restore the record's folder") from fault
            found.add(schema.convert(content, AskedSample, where=where, error=RecordError))
    return found
