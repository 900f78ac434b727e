"""From outputs to a probe's result: answers, scores, the samples file, metrics."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auditor import record, requests, summarise
from auditor.journal import Kind
from auditor.plan import Part
from auditor.rows import Rows
from auditor.scorers.base import Scorer
from auditor.scoring import score_samples
from auditor.types import (
    Answer,
    Json,
    Output,
    ProbeResult,
    Question,
    Sample,
    ScoredSample,
    ScorerRef,
    Unscored,
)


def score_probe(
    part: Part, scorer: Scorer, outputs: Mapping[Kind, Mapping[int, Output]], *, out: Path, seed: int
) -> ProbeResult:
    """Score one probe's samples, write them down one by one, and summarise them."""
    probe = part.probe
    scored: Rows[ScoredSample] = Rows(ScoredSample)
    samples_file = record.write_samples(out, probe.id, _lines(part, scorer, outputs[part.kind], scored))
    return ProbeResult(
        id=probe.id,
        version=probe.version,
        title=probe.title,
        family=probe.family,
        construct=probe.construct,
        kind=probe.ask.kind,
        languages=probe.languages,
        license=probe.license,
        source=probe.source,
        data_files=probe.files,
        data_pinned=probe.pinned,
        content_notice=probe.content_notice,
        digest=probe.digest,
        n_items=len(probe.samples),
        n_selected=len(part.samples),
        samples_file=samples_file,
        unscored=summarise.count_unscored(scored),
        counts=scorer.counts(scored),
        scorer=ScorerRef(name=scorer.name, version=scorer.version),
        scoring=probe.scoring,
        metrics=summarise.summarise(
            scorer, scored, probe_id=probe.id, data_digest=probe.digest, seed=seed, scoring=probe.scoring
        ),
    )


def _lines(
    part: Part, scorer: Scorer, outputs: Mapping[int, Output], scored: Rows[ScoredSample]
) -> Iterator[dict[str, Json]]:
    """Yield the line of each sample in the samples file, and add it with its score to `scored`."""
    waiting: deque[tuple[list[Question], list[Output]]] = deque()

    def answered() -> Iterator[tuple[Sample, list[Answer] | Unscored]]:
        for place, sample in enumerate(part.samples):
            asked = part.ask(sample)
            came = [outputs[number] for number in part.numbers_of(place)]
            waiting.append((asked, came))
            yield sample, requests.answers(asked, came)

    for row in score_samples(scorer, answered()):
        scored.add(row)
        yield _sample_line(row, *waiting.popleft())


def _sample_line(row: ScoredSample, asked: Sequence[Question], outputs: Sequence[Output]) -> dict[str, Json]:
    came = iter(outputs)
    return {
        "id": row.sample.id,
        "cluster": row.sample.cluster,
        "slices": row.sample.slices,
        "fields": row.sample.fields,
        "questions": [
            {
                "variant": question.variant,
                "order": question.order,
                "requests": [{"request": request, "output": next(came)} for request in question.requests],
            }
            for question in asked
        ],
        "score": row.score,
    }
