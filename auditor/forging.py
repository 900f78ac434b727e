"""What somebody does who alters a record and means it: digests are mended, or whatever follows is computed anew.

Where all is computed anew, scores, metrics, plan, journal, card and verdicts agree with one another. What then tells
such a record from an honest one is the probe, which has the items, and what was given away before the run ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from auditor import commands, record, requests, schema
from auditor.errors import AuditorError, RecordError
from auditor.journal import KINDS, Journal
from auditor.samples import AskedSample, read_samples
from auditor.scorers.base import Scorer
from auditor.scoring import score_samples
from auditor.types import Json, ProbeResult, RunRecord, ScoredSample
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
    run = replace(found.run, plan_digest=schema.digest_of(header))
    clocks = replace(found.clocks, planned_at=journal.fixed_at, requests=sum(map(len, journal.outputs.values())))
    record.save_record(folder, record.seal(replace(found, run=run, clocks=clocks)))
    _write_documents(folder, demands)


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
    return replace(computed_again(found, probe, scorer, scored), samples_file=told)


def _line(row: AskedSample, scored: ScoredSample) -> Json:
    return msgspec.to_builtins(replace(row, score=scored.score))


def _write_documents(folder: Path, demands: commands.Demands) -> None:
    for name, text in commands.documents(commands.review(folder, demands)).items():
        (folder / name).write_text(text, encoding="utf-8")
