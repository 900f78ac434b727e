"""Verifying a record: its digests checked, its scores and metrics computed again from the outputs, its card rebuilt.

Whoever edits a number can also mend every digest, so a digest that fits is only the beginning: requests are digested
again into the plan that was fixed before the first of them was sent, samples are scored again from what the model
said, metrics are computed again from the scores, and the card from the record. What is left to believe is the model's
outputs, some of which `reask.py` asks for again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from auditor import (
    calibration,
    clocks,
    commands,
    costs,
    counts,
    earlier,
    overlaps,
    record,
    requests,
    same_items,
    schema,
)
from auditor import policies as shipped_policies
from auditor.card import build_card, with_older_constants
from auditor.checking import attempted, check, compare_texts
from auditor.computed.dates import day_of
from auditor.correct import correct
from auditor.errors import AuditorError, RecordError, UsageError, WaiverError
from auditor.fixed import constants_checks, journal_check, kept_checks, policy_checks, previous_checks
from auditor.journal import KINDS, Kind
from auditor.plan import Criteria, kind_of, make_header
from auditor.progress import open_progress
from auditor.provenance.declare import load_declared
from auditor.rows import Rows
from auditor.samples import Answered, AskedSample, read_samples, read_scored
from auditor.scorers.base import Scorer
from auditor.scoring import score_samples, scorers_of
from auditor.summarise import count_unscored, summarise
from auditor.types import (
    Card,
    Check,
    Fact,
    Json,
    Policy,
    ProbeResult,
    RunRecord,
    ScoredSample,
    Verdict,
    Verification,
)
from auditor.waivers import load as load_waivers

Lines = Mapping[str, Sequence[AskedSample]]


class AtHand(Struct, frozen=True, kw_only=True):
    """What is at hand beside the record.

    `policies` are those of its verdicts, `packs` the folders with those of its probes that are not shipped; `data_dir`
    holds its benchmarks' files, `previous` is the folder of the record that its card counts changes from. `toxicity`
    opens its classifier where that needs more than its name: a path or a release that only the record names is never
    opened. `offline` downloads nothing, `allow_pickle` opens a classifier's pickled weights.
    """

    policies: Sequence[str] = ()
    packs: Sequence[Path] = ()
    data_dir: Path | None = None
    previous: Path | None = None
    toxicity: str = ""
    offline: bool = False
    allow_pickle: bool = False


class _Judged(Struct, frozen=True):
    """What a card and the file of the verdicts have in common."""

    verdicts: tuple[Verdict, ...]


def verify(path: Path, at_hand: AtHand = AtHand()) -> Verification:  # noqa: B008 - immutable
    """Return what came of computing a record again, and the card and verdict beside it.

    `path` is the record's folder, or a file in it.

    Raises:
        PackError: a pack holds no probe, or an id twice.
        RecordError: there is no record to verify.
        PolicyError: the policy cannot be read.
        UsageError: an earlier record or a classifier is given, and nothing in the record is of one.
    """
    found, folder, checks = _read(path)
    if found is None:
        return Verification(record_digest="", checks=tuple(checks))
    _refuse_unused(found, folder, at_hand)
    lines = {probe.id: read_samples(folder / probe.samples_file.path) for probe in found.probes}
    checks.append(check("plan", found.run.plan_digest, schema.digest_of(header_of(found, lines, folder))))
    checks += same_items.checks(found, lines, at_hand.packs, at_hand.data_dir)
    scorers = scorers_of(found, at_hand.toxicity, offline=at_hand.offline, allow_pickle=at_hand.allow_pickle)
    for probe in found.probes:
        checks += _probe_checks(found, probe, scorers[probe.id], lines[probe.id])
    checks += overlaps.checks(found, folder, scorers)
    outputs = {kind: (pair.output for pair in answered(found, lines, kind)) for kind in KINDS}
    checks.append(journal_check(found, folder, outputs))
    checks += costs.checked(found, folder)
    checks += clocks.checks(found)
    checks += counts.checks(found, lines)
    checks += _document_checks(found, folder, at_hand.policies, at_hand.previous)
    return Verification(record_digest=found.digest, checks=tuple(checks))


def _refuse_unused(found: RunRecord, folder: Path, at_hand: AtHand) -> None:
    """Raise UsageError for what is at hand and nothing uses: whoever gave it takes it for checked."""
    if at_hand.toxicity and found.run.classifier is None:
        hint = "leave --toxicity out"
        raise UsageError(f"--toxicity {at_hand.toxicity} is of no use: the record names no classifier", hint=hint)
    if at_hand.previous and not found.run.previous and not (folder / earlier.COMPARISON).is_file():
        raise UsageError(
            f"--previous {at_hand.previous} is of no use: the record is compared with no earlier one",
            hint="leave it out; `auditor compare` sets two records side by side",
        )


def look_again(path: Path, sources: Sequence[Path]) -> list[Check]:
    """Return whether the record's items stand in the same training files as far as it says.

    Raises:
        RecordError: the record tells of no training files.
        UsageError: a path leads nowhere, or to a file of no known format.
        DataError: a file cannot be read.
    """
    found, folder = record.load_record(path if path.is_dir() else path.parent)
    samples = {
        probe.id: [row.sample for row in read_scored(folder / probe.samples_file.path)] for probe in found.probes
    }
    return overlaps.look_again(found, folder, samples, sources, open_progress().say)


def _read(path: Path) -> tuple[RunRecord | None, Path, list[Check]]:
    """Return the record where its digests fit, its folder, and that check."""
    folder = record.folder_of(path)
    record.check_ended(folder)
    if not (folder / record.RECORD).is_file():
        raise RecordError(f"there is no {record.RECORD} in {folder}", hint="give the folder that a run wrote")
    try:
        found, _ = record.load_record(folder)
    except RecordError as fault:
        return None, folder, [Check(what="digests", outcome="differs", detail=fault.message)]
    for known in found.calibrations:
        wrong = calibration.faults(known)
        if wrong:
            return None, folder, [Check(what=f"calibration on {known.name}", outcome="differs", detail=wrong[0])]
    return found, folder, [Check(what="digests", outcome="same")]


def answered(found: RunRecord, lines: Lines, kind: Kind) -> Iterator[Answered]:
    """Yield every request of a kind with its output, in the order in which the journal numbers them."""
    every = (pair for probe in found.probes for line in lines[probe.id] for pair in line.pairs)
    return (pair for pair in every if kind_of(pair.request) == kind)


def header_of(found: RunRecord, lines: Lines, folder: Path) -> dict[str, Json]:
    """Return the header that these samples' requests make."""
    asked = {kind: (pair.request for pair in answered(found, lines, kind)) for kind in KINDS}
    return make_header(
        code={
            "auditor": found.run.auditor_version,
            "code": found.run.code_digest,
            "environment": found.environment,
        },
        model=found.model,
        backend=found.backend,
        probes={probe.id: (probe.digest, lines[probe.id]) for probe in found.probes},
        seed=found.run.seed,
        requests=asked,
        criteria=Criteria(
            scorers={probe.id: (probe.scorer.name, probe.scorer.version) for probe in found.probes},
            classifier=found.run.classifier,
            calibrations={probe.id: probe.calibrations for probe in found.probes},
            policies=found.run.policies,
            overlap=overlaps.digest_in(found, folder),
            previous=found.run.previous,
        ),
    )


def _probe_checks(
    found: RunRecord, probe: ProbeResult, scorer: Scorer | str, lines: Sequence[AskedSample]
) -> Iterator[Check]:
    if isinstance(scorer, str):
        yield Check(what=f"{probe.id} scores", outcome="not_checked", detail=scorer)
        yield Check(what=f"{probe.id} metrics", outcome="not_checked", detail=scorer)
        return
    yield attempted(f"{probe.id} scores", partial(_scores_check, probe, scorer, lines))
    told = Rows(ScoredSample, (ScoredSample(sample=line.sample, score=line.score) for line in lines))
    what = f"{probe.id} metrics"
    yield attempted(what, lambda: check(what, _named(probe), _named(computed_again(found, probe, scorer, told))))


def _scores_check(probe: ProbeResult, scorer: Scorer, lines: Sequence[AskedSample]) -> Check:
    """Return whether each sample's score is what its outputs are worth; the first that is not is named."""
    answers = ((line.sample, requests.answers(line.asked, [pair.output for pair in line.pairs])) for line in lines)
    scored = score_samples(scorer, answers)
    same = Check(what=f"{probe.id} scores", outcome="same")
    near = partial(check, same.what, name=probe.samples_file.path, tolerance=scorer.tolerance)
    compared = (
        near({line.id: line.score}, {row.sample.id: row.score}) for line, row in zip(lines, scored, strict=True)
    )
    return next((one for one in compared if one.outcome == "differs"), same)


def computed_again(found: RunRecord, probe: ProbeResult, scorer: Scorer, scored: Sequence[ScoredSample]) -> ProbeResult:
    """Return the probe's result with everything that follows from its scores computed again."""
    metrics = summarise(
        scorer, scored, probe_id=probe.id, data_digest=probe.digest, seed=found.run.seed, scoring=probe.scoring
    )
    bare = msgspec.structs.replace(
        probe,
        n_selected=len(scored),
        unscored=count_unscored(scored),
        counts=scorer.counts(scored),
        metrics=metrics,
    )
    return correct(bare, scorer, found.calibrations_of(probe))


def _named(probe: ProbeResult) -> dict[str, Json]:
    """Return what follows from the scores, metrics by their names, so that a difference names one."""
    plain: dict[str, Json] = msgspec.to_builtins(probe)
    metrics = {metric.address(probe.id): metric for metric in probe.metrics}
    return {**metrics, "n_selected": plain["n_selected"], "unscored": plain["unscored"], "counts": plain["counts"]}


def _document_checks(found: RunRecord, folder: Path, names: Sequence[str], previous: Path | None) -> Iterator[Check]:
    """Yield what comes of making the card and the verdicts again; a document that is not there is not checked."""
    declared, waivers = folder / commands.PROVENANCE, folder / commands.WAIVERS
    reached = _reached(folder)
    judged = [] if isinstance(reached, Check) else reached
    try:
        facts: dict[str, Fact] = load_declared(declared) if declared.is_file() else {}
        known = {*shipped_policies.find(), *(verdict.policy for verdict in judged)}
        waived = load_waivers(waivers, known) if waivers.is_file() else ()
        comparison = earlier.kept(folder, found)
    except AuditorError as fault:
        files = {WaiverError: commands.WAIVERS, RecordError: earlier.COMPARISON}
        yield Check(
            what=files.get(type(fault), commands.PROVENANCE),
            outcome="differs",
            detail=f"{fault.message} ({fault.hint})",
        )
        return
    yield from previous_checks(found, comparison)
    yield from earlier.checks(comparison, folder, previous)
    yield from policy_checks(found, judged) if judged else ()
    as_of = judged[0].as_of if judged else ""
    if as_of and as_of < found.clocks.finished_at[:10]:
        detail = f"{as_of} lies before the measurement of {found.clocks.finished_at[:10]}"
        yield Check(what="day of judgement", outcome="differs", detail=detail)
    built = build_card(found, facts, as_of=as_of, comparison=comparison)
    card, changed = with_older_constants(built, _computed(folder / commands.CARD_JSON))
    yield from constants_checks(changed)
    yield from kept_checks(found, folder)
    used = reached if isinstance(reached, Check) else _policies_of(judged, names, folder)
    if isinstance(used, Check):
        yield _unjudged_check(folder / commands.CARD_JSON, card)
        yield used
        yield Check(what=commands.CARD_MD, outcome="not_checked", detail=f"it needs {commands.VERDICT_JSON}")
        return
    for name, text in commands.documents(commands.judged(found, card, used, waived)).items():
        yield _document_check(folder / name, text)


def _computed(path: Path) -> dict[str, Json]:
    """Return what the card in a file has `computed`, nothing where it cannot be read."""
    try:
        found = schema.strict_json(path.read_text(encoding="utf-8"))["computed"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _unjudged_check(path: Path, card: Card) -> Check:
    """Return whether a card whose policy is not at hand is, its verdicts aside, what it would be now."""
    try:
        content = schema.strict_json(path.read_text(encoding="utf-8"))
    except OSError:
        return Check(what=path.name, outcome="not_checked", detail="it is not there")
    except (ValueError, RecursionError) as fault:
        return Check(what=path.name, outcome="differs", detail=f"it is no JSON: {fault}"[:200])
    said = {**content, "verdicts": []} if isinstance(content, dict) else content
    found = compare_texts(path.name, schema.canonical_json(said, indent=1), schema.canonical_json(card, indent=1))
    if found.outcome == "differs":
        return found
    return Check(
        what=path.name, outcome="not_checked", detail="all but its verdicts is the same; their policy is not at hand"
    )


def _reached(folder: Path) -> list[Verdict] | Check:
    """Return the verdicts that were reached, those on the card where their own file is not there, or why none are."""
    path = folder / commands.VERDICT_JSON
    if path.is_file():
        return _verdicts(path)
    on_card = _verdicts(folder / commands.CARD_JSON) if (folder / commands.CARD_JSON).is_file() else []
    return on_card or Check(what=path.name, outcome="not_checked", detail="it is not there")


def _verdicts(path: Path) -> list[Verdict] | Check:
    """Return the verdicts that a file holds, or the check that says why they cannot be read."""
    try:
        content = schema.strict_json(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as fault:
        return Check(what=path.name, outcome="differs", detail=f"it is no verdict: {fault!r}"[:200])
    try:
        found = list(schema.convert(content, _Judged, where=path.name, error=RecordError).verdicts)
    except RecordError as fault:
        return Check(what=path.name, outcome="differs", detail=f"it is no verdict: {fault.message}"[:200])
    dates = {verdict.as_of for verdict in found}
    if len(dates) != 1 or any(day_of(date) is None for date in dates):
        return Check(what=path.name, outcome="differs", detail=f"it was judged as of no one date: {sorted(dates)}")
    return found


def _policies_of(verdicts: Sequence[Verdict], names: Sequence[str], folder: Path) -> list[Policy] | Check:
    """Return the policies that verdicts were reached by, or the check that says which is not at hand."""
    given = {policy.id: policy for policy in shipped_policies.load_all(names)}
    used = []
    for verdict in verdicts:
        found = given.get(verdict.policy) or shipped_policies.at_hand(folder, verdict.policy, verdict.policy_digest)
        if found is None or found.digest != verdict.policy_digest:
            why = f"the policy {verdict.policy} that it was reached by is not at hand: give it with --policy"
            return Check(what=commands.VERDICT_JSON, outcome="not_checked", detail=f"{why}, or judge again")
        used.append(found)
    return used


def _document_check(path: Path, now: str) -> Check:
    """Return whether a document says what it would say if it were written now; the first other line is named."""
    if not path.is_file():
        return Check(what=path.name, outcome="not_checked", detail="it is not there")
    return compare_texts(path.name, path.read_text(encoding="utf-8", errors="replace"), now)
