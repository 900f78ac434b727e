"""What somebody does who alters a record and means it: digests are mended, or whatever follows is computed anew.

Where all is computed anew, scores, metrics, counts, plan, journal, card and verdicts agree with one another. What then
tells such a record from an honest one is the probe, which has the items, and what was given away before the run ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from auditor import commands, costs, record, requests, schema
from auditor.errors import AuditorError, RecordError
from auditor.journal import KINDS, Journal
from auditor.samples import AskedSample, read_samples
from auditor.scorers.base import Scorer
from auditor.scoring import score_samples
from auditor.types import Completion, Costs, Json, ProbeResult, RunRecord, ScoredSample
from auditor.verify import answered, computed_again, header_of


def mend(folder: Path, demands: commands.Demands) -> str:
    """Write digests, card and verdicts anew; return what the type of the record refuses, or nothing."""
    try:
        record.save_record(folder, _redigested(folder))
        _write_documents(folder, demands)
    except AuditorError as fault:
        return fault.message
    return ""


def forge(folder: Path, demands: commands.Demands, probe_id: str, scorer: Scorer) -> None:
    """Compute anew whatever follows from the altered samples of a probe, the plan and the journal with it.

    Raises:
        AuditorError: the altered samples are none that a run could write.
    """
    found = _redigested(folder)
    probes = tuple(_probe(folder, found, one, scorer) if one.id == probe_id else one for one in found.probes)
    found = replace(found, probes=probes)
    lines = {probe.id: read_samples(folder / probe.samples_file.path) for probe in found.probes}
    header = header_of(found, lines, folder)
    (folder / record.JOURNAL).unlink()
    with Journal(folder, header, resume=False) as journal:
        for kind in KINDS:
            journal.add(kind, {number: pair.output for number, pair in enumerate(answered(found, lines, kind))})
    _redate(folder / record.JOURNAL, journal.fixed_at, found.clocks.planned_at)
    run = replace(found.run, plan_digest=schema.digest_of(header))
    requests_now = sum(map(len, journal.outputs.values()))
    wrote = [pair.output for pair in answered(found, lines, "generate") if isinstance(pair.output, Completion)]
    clocks = replace(
        found.clocks,
        requests=requests_now,
        requests_from_journal=min(found.clocks.requests_from_journal, requests_now),
        costs=_recounted(found.clocks.costs, len(wrote), sum(one.n_tokens for one in wrote)),
    )
    record.save_record(folder, record.seal(replace(found, run=run, clocks=clocks)))
    add_up_anew(folder)
    _write_documents(folder, demands)


def add_up_anew(folder: Path) -> None:
    """Add up what the processes of a record did, and write it where they wrote it down, too."""
    found = _redigested(folder)
    made = found.clocks.costs
    if made is None:
        return
    again = costs.add_up(made.flop, made.spans, device=found.backend.device, untold=made.untold)
    record.save_record(folder, record.seal(replace(found, clocks=replace(found.clocks, costs=again))))
    if (folder / costs.COSTS).is_file():
        costs.write_spans(folder / costs.COSTS, made.spans)


def _recounted(made: Costs | None, completions: int, tokens: int) -> Costs | None:
    """Return costs whose last process wrote what the others did not of so many completions and tokens."""
    if made is None or not made.spans:
        return made
    *before, last = made.spans
    completions -= sum(span.completions for span in before)
    tokens -= sum(span.completion_tokens for span in before)
    changed = replace(last, completions=max(0, completions), completion_tokens=max(0, tokens))
    return replace(made, spans=(*before, changed))


def _redate(journal: Path, was: str, told: str) -> None:
    """Write into a journal's first line that the plan was fixed at another time."""
    text = journal.read_text(encoding="utf-8")
    journal.write_text(text.replace(f'"fixed_at":"{was}"', f'"fixed_at":"{told}"', 1), encoding="utf-8")


def write_lines(file: Path, lines: Sequence[Json]) -> None:
    """Write the lines of a samples file as they are."""
    file.write_text("".join(schema.canonical_json(line) + "\n" for line in lines), encoding="utf-8")


def _redigested(folder: Path) -> RunRecord:
    """Return the record in a folder, sealed with the digests that its samples files have now."""
    content = json.loads((folder / record.RECORD).read_text(encoding="utf-8"))
    for probe in content["probes"]:
        name = probe["samples_file"]["path"]
        probe["samples_file"] = msgspec.to_builtins(schema.digest_file(folder / name, name=name))
    return record.seal(schema.convert(content, RunRecord, where=record.RECORD, error=RecordError))


def _probe(folder: Path, found: RunRecord, probe: ProbeResult, scorer: Scorer) -> ProbeResult:
    """Return a probe's result with its scores computed from the outputs in its file, where they are written, too."""
    file = folder / probe.samples_file.path
    rows = list(read_samples(file))
    answers = ((row.sample, requests.answers(row.asked, [pair.output for pair in row.pairs])) for row in rows)
    scored = list(score_samples(scorer, answers))
    write_lines(file, [_line(row, one) for row, one in zip(rows, scored, strict=True)])
    told = schema.digest_file(file, name=probe.samples_file.path)
    n_items = probe.n_items - probe.n_selected + len(rows)
    return replace(computed_again(found, probe, scorer, scored), samples_file=told, n_items=n_items)


def _line(row: AskedSample, scored: ScoredSample) -> Json:
    return msgspec.to_builtins(replace(row, score=scored.score))


def _write_documents(folder: Path, demands: commands.Demands) -> None:
    for name, text in commands.documents(commands.review(folder, demands)).items():
        (folder / name).write_text(text, encoding="utf-8")
