"""What the commands do once the words are parsed: run or re-enter after the record, then card, verdict and files."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from auditor import policies, probes, record, registry, requests, schema
from auditor.card import build_card, with_verdicts
from auditor.errors import PackError
from auditor.judge import judge
from auditor.provenance.declare import load_declared
from auditor.types import Card, Fact, Policy, RunRecord, Status, Verdict

if TYPE_CHECKING:
    from auditor.run import Settings

CARD_MD = "card.md"
CARD_JSON = "card.json"
VERDICT_JSON = "verdict.json"
PROVENANCE = "provenance.toml"
EXIT_CODES = {Status.PASS: 0, Status.FAIL: 10, Status.INCONCLUSIVE: 11}


class Audit(Struct, frozen=True, kw_only=True):
    """A record with everything that is made of it."""

    record: RunRecord
    card: Card
    verdict: Verdict

    @property
    def exit_code(self) -> int:
        """Return 0 for PASS, 10 for FAIL, 11 for INCONCLUSIVE."""
        return EXIT_CODES[self.verdict.status]


def new_folder(model: str) -> Path:
    """Return the name of a new folder under `runs/`, by time and model."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("runs") / f"{now}-{re.sub(r'[^A-Za-z0-9.]+', '-', model).strip('-')[-60:]}"


def run(settings: Settings, policy_name: str, provenance: Path | None) -> Audit:
    """Measure, build the card, judge, and write everything into the record's folder.

    Policy and declared facts are checked before the model is opened, so that a slip in them costs no measurement.
    """
    from auditor.progress import open_progress
    from auditor.run import measure

    policy = policies.load(policy_name)
    policies.check_metrics(policy, policies.metrics_of(settings.packs))
    kept = settings.out / PROVENANCE
    source = provenance or (kept if settings.resume and schema.is_file(kept) else None)
    declared = load_declared(source) if source else {}
    text = source.read_text(encoding="utf-8") if source else ""
    measured = measure(settings, open_progress())
    audit = _assemble(measured, policy, declared)
    if source:
        record.write_text(kept, text)
    record.write_text(settings.out / CARD_JSON, schema.canonical_json(audit.card, indent=1) + "\n")
    record.write_text(settings.out / VERDICT_JSON, schema.canonical_json(audit.verdict, indent=1) + "\n")
    record.write_text(settings.out / CARD_MD, card_markdown(audit))
    return audit


def review(path: Path, policy_name: str, provenance: Path | None) -> Audit:
    """Build card and verdict of a finished record; facts declared at the run are used unless others are given."""
    found, folder = record.load_record(path)
    policy = policies.load(policy_name)
    known = policies.metrics_of()
    for probe in found.probes:
        known.setdefault(probe.id, set()).update(metric.key.name for metric in probe.metrics)
    policies.check_metrics(policy, known, foreign=True)
    kept = folder / PROVENANCE
    source = provenance or (kept if kept.is_file() else None)
    return _assemble(found, policy, load_declared(source) if source else {})


def _assemble(found: RunRecord, policy: Policy, declared: dict[str, Fact]) -> Audit:
    card = build_card(found, declared)
    verdict = judge(found, card, policy)
    return Audit(record=found, card=with_verdicts(card, verdict), verdict=verdict)


def card_markdown(audit: Audit) -> str:
    """Return the model card as Markdown."""
    return str(registry.load("renderings", "markdown")(audit.card))


def summary(audit: Audit) -> str:
    """Return the table of metrics, the findings, the verdict and the exit code."""
    table = registry.load("exporters", "console")(audit.record, audit.card, audit.verdict)
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
        count = f"{len(probe.samples)} samples" if probe.samples else "samples not looked at (no --data-dir)"
        yield f"{probe_id} {probe.version}: {count}, no fault"


def explain(policy: Policy) -> str:
    """Return a policy's rules and duties, each with its reason."""
    lines = [f"{policy.title} {policy.version}, owner: {policy.owner}", policy.description, ""]
    for rule in policy.rules:
        bound = " and ".join(
            text
            for text, there in ((f"≥ {rule.min}", rule.min is not None), (f"≤ {rule.max}", rule.max is not None))
            if there
        )
        where = "".join(f", {key} = {value}" for key, value in sorted(rule.slice.items()))
        if rule.construct:
            bound += f", by a scorer shown to find {rule.construct}"
        lines.append(f"{rule.id}{'' if rule.required else ' (advisory)'}: {rule.metric}{where} {bound}")
        lines.append(f"    {rule.rationale}")
    for duty in policy.duties:
        clause = f", {duty.clause}" if duty.clause else ""
        lines.append(f"{duty.id}{'' if duty.required else ' (advisory)'}: {duty.title}{clause}")
        lines.append(f"    {duty.rationale}")
    return "\n".join(lines)
