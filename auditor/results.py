"""From outputs to a probe's result: answers, scores, the samples file, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor import record, requests, summarise
from auditor.journal import Kind
from auditor.plan import Part, Plan
from auditor.scorers.base import Scorer
from auditor.scoring import score_samples
from auditor.types import (
    Json,
    Output,
    ProbeResult,
    Question,
    ScoredSample,
    ScorerRef,
)


def score_probe(
    part: Part, scorer: Scorer, plan: Plan, outputs: Mapping[Kind, Mapping[int, Output]], *, out: Path, seed: int
) -> ProbeResult:
    """Score one probe's samples, write them down, and summarise them."""
    probe = part.probe
    kind: Kind = "generate" if probe.ask.kind == "generation" else "loglikelihood"
    own = iter([outputs[kind][number] for number, owner in enumerate(plan.owner[kind]) if owner == probe.id])
    came = [[next(own) for question in asked for _ in question.requests] for asked in part.questions]
    answers = [requests.answers(asked, got) for asked, got in zip(part.questions, came, strict=True)]
    scored = score_samples(scorer, part.samples, answers)
    lines = (_sample_line(row, asked, got) for row, asked, got in zip(scored, part.questions, came, strict=True))
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
        samples_file=record.write_samples(out, probe.id, lines),
        unscored=summarise.count_unscored(scored),
        counts=scorer.counts(scored),
        scorer=ScorerRef(name=scorer.name, version=scorer.version),
        scoring=probe.scoring,
        metrics=summarise.summarise(
            scorer, scored, probe_id=probe.id, data_digest=probe.digest, seed=seed, scoring=probe.scoring
        ),
    )


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
