"""The path from a model and probes to a record: resolve, load, plan, ask, score, summarise, write down.

`measure` is the whole of it, from top to bottom. Every output is in the journal before it is scored.
"""

from __future__ import annotations

import contextlib
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

import auditor
from auditor import calibration, costs, overlaps, probes, record, registry, schema
from auditor.backends.base import Backend, BackendOptions, Outputs
from auditor.correct import calibrations_for, correct
from auditor.environment import Clock, environment
from auditor.errors import AnswerError, InterruptedRun, OutputError, UsageError, foreign_faults
from auditor.hubdata import HubAccess, read_places
from auditor.journal import Journal, Kind
from auditor.plan import Criteria, Part, Plan, make_plan
from auditor.probes import Probe
from auditor.provenance.derive import Derived, derive_facts, is_masked
from auditor.provenance.resolve import resolve, weights_digest
from auditor.results import score_probe
from auditor.scorers.base import Classifier, Scorer
from auditor.scoring import check_used, open_classifier, open_scorer, portable
from auditor.types import (
    Calibration,
    Loglikelihood,
    ModelInfo,
    ModelRef,
    Output,
    ProbeResult,
    Reason,
    RunInfo,
    RunRecord,
    Unscored,
)

OpenBackend = Callable[[ModelRef, BackendOptions], Backend]


class Settings(Struct, frozen=True, kw_only=True):
    """What the user asked for. `limit` is the number of samples a probe, None for all.

    `data_dir` holds the benchmarks' files, and `data_hub` lets those be read from the Hub that have a place there, or
    one in `hub_places` (see `hubdata.read_places`);
    `calibrations` are files, used before the shipped ones. `policies` are the digests, by id, of those that the run
    will be judged by, `previous` is that of the record that changes will be counted from: they are fixed in the plan.
    `training_data` are files and folders in which the probes' items are looked for, in the `training_columns` of their
    rows. With `energy`, the energy of the machine is measured; `country` is where its electricity comes from (ISO
    3166-1 alpha-3).
    """

    model: str
    out: Path
    probes: str = ""
    packs: tuple[Path, ...] = ()
    data_dir: Path | None = None
    data_hub: bool = False
    hub_places: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    toxicity: str = "auto"
    calibrations: tuple[Path, ...] = ()
    training_data: tuple[Path, ...] = ()
    training_columns: tuple[str, ...] = ()
    policies: dict[str, str] = {}
    previous: str = ""
    resume: bool = False
    offline: bool = False
    energy: bool = False
    country: str = ""
    backend: BackendOptions = BackendOptions()


class Progress(Protocol):
    """Who is told how far the run is."""

    def say(self, message: str) -> None:
        """Take note of a step."""
        ...

    def begin(self, totals: Mapping[str, int], answered: Mapping[str, int]) -> None:
        """Take note of the number of requests, by probe, and of how many of them the journal holds already."""
        ...

    def advance(self, probe_id: str, count: int) -> None:
        """Take note that so many requests of a probe are answered."""
        ...

    def end(self) -> None:
        """Take note that every request is answered, or that the run breaks off."""
        ...


def measure(settings: Settings, progress: Progress, *, open_backend: OpenBackend | None = None) -> RunRecord:
    """Ask the model everything that the probes want to know, and return the record, which is also on disk.

    Args:
        settings: what to measure, and how.
        progress: who is told how far the run is.
        open_backend: opens what answers; default: the backend registered as `masked` for a masked language model, else
            the one registered as `hf`.

    Raises:
        AuditorError: of the class that says what is wrong; the journal holds every output up to then.
    """
    clock = Clock()
    names = probes.select(
        settings.probes, settings.packs, external=settings.data_dir is not None, hub=settings.data_hub
    )
    hub = _hub_access(settings, names)
    selected = probes.load_all(names, settings.packs, data_dir=settings.data_dir, hub=hub)
    given = {path: calibration.load(path) for path in settings.calibrations}
    trained_on = overlaps.training_data(settings.training_data, settings.training_columns)
    with costs.keep(measure_energy=settings.energy, country=settings.country) as ledger, _output_folder(settings):
        progress.say(f"resolving {settings.model}, writing to {settings.out}")
        ref = _resolve(settings)
        classifier, scorers = _open_scorers(settings, selected)
        check_used(given, scorers.values())
        known = [*calibration.ranked(given.values()), *calibration.shipped()]
        derived = derive_facts(ref)
        looked = overlaps.look_for(selected, trained_on, seed=settings.seed, limit=settings.limit, say=progress.say)
        progress.say(f"opening {settings.model}")
        backend = (open_backend or registry.load("backends", _backend_name(ref)))(ref, settings.backend)
        model = _model_info(ref, derived)
        criteria = _criteria(settings, scorers, classifier, known, looked.digest if looked else "")
        plan = make_plan(selected, backend, model, seed=settings.seed, limit=settings.limit, criteria=criteria)
        with Journal(settings.out, plan.header, resume=settings.resume, sizes=plan.sizes) as journal:
            resumed = sum(len(found) for found in journal.outputs.values())
            ledger.begin(settings.out, backend, answered=resumed)
            _ask(plan, backend, journal, progress, ledger)
            results = [
                score_probe(part, scorers[part.probe.id], journal.outputs, out=settings.out, seed=settings.seed)
                for part in plan.parts
            ]
        results = [correct(result, scorers[result.id], known) for result in results]
        finished = RunRecord(
            schema=record.SCHEMA,
            run=_run_info(settings, plan, classifier, names),
            model=model,
            backend=backend.info,
            environment=environment(),
            probes=tuple(results),
            clocks=clock.stop(
                planned_at=journal.fixed_at, requests=plan.n_requests, from_journal=resumed, costs=ledger.close()
            ),
            contamination=overlaps.contamination_of(
                looked, results, scorers, calibrations=known, out=settings.out, seed=settings.seed
            ),
            calibrations=_used(known, results),
        )
        sealed = record.seal(finished)
        record.save_record(settings.out, sealed)
    return sealed


def _ask(plan: Plan, backend: Backend, journal: Journal, progress: Progress, ledger: costs.Ledger) -> None:
    """Have every request answered that the journal does not hold yet."""
    totals = {part.probe.id: len(part.numbers) for part in plan.parts}
    answered = {
        part.probe.id: sum(number in journal.outputs[part.kind] for number in part.numbers) for part in plan.parts
    }
    progress.begin(totals, answered)
    answer: dict[Kind, Callable[..., Iterator[Outputs]]] = {
        "loglikelihood": backend.loglikelihood,
        "generate": backend.generate,
    }
    hint = "what was answered is kept: go on with --resume"
    try:
        with foreign_faults("the model failed while it answered", AnswerError, hint=hint):
            for kind, asked in plan.requests.items():
                done = journal.outputs[kind].keys()
                with ledger.answering(kind):
                    for pack in answer[kind](asked, done=done):
                        new = {number: _finite(output) for number, output in pack.items() if number not in done}
                        journal.add(kind, new)
                        ledger.note(new)
                        _advance(progress, plan.of_kind(kind), new)
    except KeyboardInterrupt as fault:
        raise InterruptedRun("interrupted", hint=hint) from fault
    finally:
        progress.end()


def _finite(output: Output) -> Output:
    """Return the output, unless it is a log-likelihood that is no number."""
    if isinstance(output, Loglikelihood) and not math.isfinite(output.nats):
        return Unscored(reason=Reason.NON_FINITE, detail=f"the log-likelihood is {output.nats}")
    return output


def _advance(progress: Progress, parts: Sequence[Part], numbers: Iterable[int]) -> None:
    found = sorted(numbers)
    for part in parts:
        count = bisect_left(found, part.numbers.stop) - bisect_left(found, part.start)
        if count:
            progress.advance(part.probe.id, count)


def _hub_access(settings: Settings, names: Sequence[str]) -> HubAccess | None:
    places = read_places(settings.hub_places)
    if idle := sorted(set(places) - set(names)):
        raise UsageError(f"--hub-place names {idle[0]}, which is not asked", hint="name it in --probes, too")
    if places and not settings.data_hub:
        raise UsageError("--hub-place needs --data-hub", hint="name both, or neither")
    return HubAccess(offline=settings.offline, places=places) if settings.data_hub else None


def _resolve(settings: Settings) -> ModelRef:
    return resolve(
        settings.model,
        offline=settings.offline,
        allow_pickle=settings.backend.allow_pickle,
        trust_remote_code=settings.backend.trust_remote_code,
    )


def _open_scorers(settings: Settings, selected: Sequence[Probe]) -> tuple[Classifier | None, dict[str, Scorer]]:
    """Return the classifier, where a scorer uses one, and each probe's scorer by its id, with all their files there."""
    classifier = open_classifier(
        settings.toxicity,
        [probe.scoring.scorer for probe in selected],
        offline=settings.offline,
        allow_pickle=settings.backend.allow_pickle,
    )
    scorers = {probe.id: open_scorer(probe.scoring, classifier) for probe in selected}
    for scorer in scorers.values():
        scorer.open()
    return classifier, scorers


def _backend_name(ref: ModelRef) -> str:
    return "masked" if is_masked(ref) else "hf"


@contextlib.contextmanager
def _output_folder(settings: Settings) -> Iterator[None]:
    """Make the output folder; take it away again when the run fails before anything is in it.

    Raises:
        OutputError: it holds something already, cannot be made, or there is nothing to resume in it.
    """
    out = settings.out
    with record.output_faults(out):
        held = out.is_dir() and any(out.iterdir())
        started = (out / record.JOURNAL).is_file()
        made = not out.exists()
    if settings.resume and not started:
        raise OutputError(f"nothing to resume: {out / record.JOURNAL} does not exist", hint="run without --resume")
    if held and not settings.resume:
        raise OutputError(
            f"the output folder {out} is not empty", hint="choose another --out, or continue that run with --resume"
        )
    with record.output_faults(out):
        out.mkdir(parents=True, exist_ok=True)
        probe_file = out / ".writable"
        probe_file.touch()
        probe_file.unlink()
    try:
        yield
    finally:
        if made and not any(out.iterdir()):
            out.rmdir()


def _model_info(ref: ModelRef, derived: Derived) -> ModelInfo:
    return ModelInfo(
        requested=ref.requested,
        format=ref.format,
        repository=ref.repository,
        revision=ref.revision,
        files=ref.files,
        weights_digest=weights_digest(ref),
        facts=derived.facts,
        others=derived.others,
    )


def _criteria(
    settings: Settings,
    scorers: Mapping[str, Scorer],
    classifier: Classifier | None,
    known: Sequence[Calibration],
    overlap: str,
) -> Criteria:
    own = {probe_id: calibrations_for(scorer, known) for probe_id, scorer in scorers.items()}
    return Criteria(
        scorers={probe_id: (scorer.name, scorer.version) for probe_id, scorer in scorers.items()},
        classifier=classifier.ref if classifier else None,
        calibrations={probe_id: tuple(dict.fromkeys(one.digest for one in of)) for probe_id, of in own.items()},
        policies=settings.policies,
        overlap=overlap,
        previous=settings.previous,
    )


def _used(known: Sequence[Calibration], results: Sequence[ProbeResult]) -> tuple[Calibration, ...]:
    """Return each calibration that a probe names once, in the order of their digests."""
    named = {digest for result in results for digest in result.calibrations}
    held = {one.digest: one for one in known}
    return tuple(held[digest] for digest in sorted(named))


def _run_info(settings: Settings, plan: Plan, classifier: Classifier | None, names: Sequence[str]) -> RunInfo:
    external = settings.data_dir is not None
    return RunInfo(
        auditor_version=auditor.__version__,
        code_digest=plan.header["code"],
        seed=settings.seed,
        limit=settings.limit,
        packs=tuple(pack.name for pack in settings.packs),
        plan_digest=schema.digest_of(plan.header),
        classifier=classifier.ref if classifier else None,
        classifier_request=portable(settings.toxicity) if classifier else "",
        classifier_notes=classifier.notes if classifier else "",
        calibrations=tuple(path.name for path in settings.calibrations),
        policies=settings.policies,
        previous=settings.previous,
        not_asked=probes.not_asked(names, settings.packs, external=external, hub=settings.data_hub),
    )
