"""What the commands do once the words are parsed: run or re-enter after the record, then card, verdict and files."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from auditor import earlier, policies, probes, record, registry, requests, schema, waivers
from auditor.card import build_card, with_verdicts
from auditor.computed.dates import day_of
from auditor.errors import PackError, ProvenanceError, UsageError, counted, list_faults
from auditor.judge import judge, worst
from auditor.provenance.datasets import folders_of
from auditor.provenance.declare import kept_beside, load_declared
from auditor.types import ANSWERS, Card, Comparison, Fact, Policy, RunRecord, Status, Verdict, Verdicts, Waiver

if TYPE_CHECKING:
    from auditor.run import Settings

CARD_MD = "card.md"
CARD_JSON = "card.json"
VERDICT_JSON = "verdict.json"
PROVENANCE = "provenance.toml"
WAIVERS = "waivers.toml"
VERDICTS_SCHEMA = "auditor:verdicts/1"
EXIT_CODES = {Status.PASS: 0, Status.FAIL: 10, Status.INCONCLUSIVE: 11}


class Audit(Struct, frozen=True, kw_only=True):
    """A record with everything that is made of it."""

    record: RunRecord
    card: Card
    verdicts: tuple[Verdict, ...]

    @property
    def status(self) -> Status:
        """Return the worst of the verdicts' statuses."""
        return worst(verdict.status for verdict in self.verdicts)

    @property
    def exit_code(self) -> int:
        """Return 0 for PASS, 10 for FAIL, 11 for INCONCLUSIVE: the worst of the verdicts."""
        return EXIT_CODES[self.status]


class Demands(Struct, frozen=True, kw_only=True):
    """What a record is judged by: policies by name or file, declared facts, waivers, and the date of judgement.

    `previous` is the folder of an earlier record to count changes from. Without policies or files, those kept beside
    the record are used, and a new run is judged by `baseline`; without a date, the day on which the record was
    finished.
    """

    policies: tuple[str, ...] = ()
    provenance: Path | None = None
    waivers: Path | None = None
    as_of: str = ""
    previous: Path | None = None


class _Given(Struct, frozen=True, kw_only=True):
    """What demands name, read and checked."""

    policies: tuple[Policy, ...]
    declared: dict[str, Fact]
    waivers: tuple[Waiver, ...]
    as_of: str
    files: dict[str, str]


def new_folder(model: str) -> Path:
    """Return the name of a new folder under `runs/`, by time and model."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("runs") / f"{now}-{re.sub(r'[^A-Za-z0-9.]+', '-', model).strip('-')[-60:]}"


def run(settings: Settings, demands: Demands) -> Audit:
    """Measure, build the card, judge, and write everything into the record's folder.

    What the demands name is checked before the model is opened, so that a slip costs no measurement.
    """
    from auditor.progress import open_progress
    from auditor.run import measure

    demands = replace(demands, policies=demands.policies or ("baseline",))
    given = _read(demands, settings.out if settings.resume else None)
    known = policies.metrics_of(settings.packs, given.policies)
    for policy in given.policies:
        policies.check_metrics(policy, known)
    previous = earlier.find(demands.previous)[0].digest if demands.previous else ""
    fixed = replace(settings, policies={policy.id: policy.digest for policy in given.policies}, previous=previous)
    _check_day(given.as_of, datetime.datetime.now(datetime.UTC).date().isoformat())
    progress = open_progress()
    if not settings.training_data and (folders := folders_of(given.declared)):
        named = " ".join(f"--training-data {folder}" for folder in folders)
        progress.say(f"the declared training data is not looked at for the probes' items; to look: {named}")
    found = measure(fixed, progress)
    comparison = earlier.compared(demands.previous, settings.out) if demands.previous else None
    audit = _assembled(found, given, comparison)
    compared = {earlier.COMPARISON: earlier.text_of(comparison)} if comparison else {}
    kept = {f"{policies.KEPT}/{Path(name).stem}.json": policies.text_of(name) for name in demands.policies}
    for name, text in {**given.files, **kept, **compared, **documents(audit)}.items():
        record.write_text(settings.out / name, text)
    return audit


def policies_of(found: RunRecord, folder: Path) -> tuple[str, ...]:
    """Return the names or paths of the policies that a run was judged by; `baseline` where it was by none.

    Raises:
        UsageError: one is neither kept in the record's folder nor shipped.
    """
    names = []
    for name in found.run.policies:
        kept = policies.kept_in(folder, name)
        if kept is None and name not in policies.find():
            raise UsageError(
                f"the run was judged by the policy {name}, which is not at hand",
                hint="give its file with --policy, or judge by another: --policy baseline",
            )
        names.append(str(kept or name))
    return tuple(names) or ("baseline",)


def review(path: Path, demands: Demands) -> Audit:
    """Build card and verdicts of a finished record; what is kept with it is used unless other files are given."""
    found, folder = record.load_record(path)
    given = _read(replace(demands, policies=demands.policies or policies_of(found, folder)), folder)
    known = policies.metrics_of(judged_by=given.policies)
    for probe in found.probes:
        known.setdefault(probe.id, set()).update(metric.key.name for metric in probe.metrics)
    for policy in given.policies:
        policies.check_metrics(policy, known, foreign=True)
    _check_day(given.as_of, found.clocks.finished_at[:10])
    previous = demands.previous
    return _assembled(found, given, earlier.compared(previous, folder) if previous else earlier.kept(folder, found))


def _assembled(found: RunRecord, given: _Given, comparison: Comparison | None) -> Audit:
    return assemble(found, given.policies, given.declared, given.waivers, as_of=given.as_of, comparison=comparison)


def _read(demands: Demands, folder: Path | None) -> _Given:
    """Return what the demands name; files that they do not name are looked for in the record's folder."""
    loaded = policies.load_all(demands.policies)
    facts = _source(demands.provenance, folder, PROVENANCE)
    waived = _source(demands.waivers, folder, WAIVERS)
    declared = load_declared(facts) if facts else {}
    faults = policies.answer_faults((key for key in declared if key.startswith(f"{ANSWERS}.")), loaded)
    if faults:
        raise ProvenanceError(
            f"{facts} answers what nobody asks:\n{list_faults(faults)}", hint="correct the places named"
        )
    excused = waivers.load(waived, {*policies.find(), *(policy.id for policy in loaded)}) if waived else ()
    texts = {name: path.read_text(encoding="utf-8") for name, path in ((PROVENANCE, facts), (WAIVERS, waived)) if path}
    return _Given(
        policies=tuple(loaded),
        declared=declared,
        waivers=excused,
        as_of=_day(demands.as_of),
        files={**texts, **(kept_beside(texts[PROVENANCE], declared) if facts else {})},
    )


def _source(given: Path | None, folder: Path | None, name: str) -> Path | None:
    kept = folder / name if folder else None
    return given or (kept if kept and schema.is_file(kept) else None)


def _day(text: str) -> str:
    if text and (day_of(text) is None or len(text) != len("YYYY-MM-DD")):
        raise UsageError(f"--as-of needs a date, got {text!r}", hint="write it as YYYY-MM-DD")
    return text


def _check_day(as_of: str, measured: str) -> None:
    """Raise UsageError for a day before the measurement, on which an expired waiver was still in force."""
    if as_of and as_of < measured:
        raise UsageError(
            f"--as-of {as_of} lies before the measurement of {measured}",
            hint="judge by the day of the run, or a later one",
        )


def assemble(
    found: RunRecord,
    judged_by: Sequence[Policy],
    declared: Mapping[str, Fact],
    waived: Sequence[Waiver] = (),
    *,
    as_of: str = "",
    comparison: Comparison | None = None,
) -> Audit:
    """Return a record's card, beside an earlier record where there is one, and the verdict of each policy on both."""
    return judged(found, build_card(found, declared, as_of=as_of, comparison=comparison), judged_by, waived)


def judged(found: RunRecord, card: Card, judged_by: Sequence[Policy], waived: Sequence[Waiver]) -> Audit:
    """Return a record's card with the verdict of each policy on both."""
    verdicts = tuple(judge(found, card, policy, waived) for policy in judged_by)
    return Audit(record=found, card=with_verdicts(card, *verdicts), verdicts=verdicts)


def verdicts_of(audit: Audit) -> Verdicts:
    """Return the verdicts as one document."""
    return Verdicts(schema=VERDICTS_SCHEMA, status=audit.status, verdicts=audit.verdicts)


def verdict_json(audit: Audit) -> str:
    """Return the text of the file that the verdicts are kept in."""
    return schema.canonical_json(verdicts_of(audit), indent=1) + "\n"


def documents(audit: Audit) -> dict[str, str]:
    """Return what is written beside the record, by file name."""
    return {
        CARD_JSON: schema.canonical_json(audit.card, indent=1) + "\n",
        VERDICT_JSON: verdict_json(audit),
        CARD_MD: card_markdown(audit),
    }


def card_markdown(audit: Audit) -> str:
    """Return the model card as Markdown."""
    return str(registry.load("renderings", "markdown")(audit.card))


def summary(audit: Audit) -> str:
    """Return the table of metrics, the findings, the verdict and the exit code."""
    table = registry.load("exporters", "console")(audit.record, audit.card, audit.verdicts)
    return f"{table}  exit code {audit.exit_code}"


def check_pack(folder: Path | None, data_dir: Path | None = None) -> Iterator[str]:
    """Yield one line a sound probe. Benchmarks' items are checked where `data_dir` is given.

    Raises:
        PackError: at the first probe with a fault, with all of its faults.
    """
    found = probes.find_in(folder) if folder else probes.find()
    for probe_id, place in sorted(found.items()):
        probe = probes.load(place.folder, place.part, data_dir=data_dir, with_items=data_dir is not None)
        if not (place.folder / "README.md").is_file():
            raise PackError(
                f"{place.folder} has no README.md", hint="say what it measures and how far it can be trusted"
            )
        for sample in probe.samples:
            requests.questions(probe, sample, seed=0, render_chat=lambda messages: messages[0]["content"])
        registry.load("scorers", probe.scoring.scorer)
        n = len(probe.samples)
        count = counted(n, "sample") if n else "samples not looked at (no --data-dir)"
        yield f"{probe_id} {probe.version}: {count}, no fault"
