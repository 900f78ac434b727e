"""The card: what is known of a model and how it is known. A pure function of the record and the declared facts."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from auditor import schema
from auditor.computed import computed_of
from auditor.computed import with_older_constants as older_constants
from auditor.described import describe
from auditor.inference import inference_facts
from auditor.provenance.agree import contradictions
from auditor.provenance.facts import catalogue, missing
from auditor.provenance.infer import infer
from auditor.types import ANSWERS, FAMILIES, Card, Comparison, Evidence, Fact, Json, RunRecord, Verdict

SCHEMA = "auditor:card/4"


def build_card(
    record: RunRecord, declared: Mapping[str, Fact], *, as_of: str = "", comparison: Comparison | None = None
) -> Card:
    """Return the card: every fact of the catalogue with its status, answers to policies, and the record's results.

    A fact that a person declares stands above the one read off the files; where two statements of a fact cannot both be
    true, that is a contradiction, which the card names and every policy counts as a failed duty. What nobody says and
    follows from other facts is derived from them. Ages are counted to `as_of` (YYYY-MM-DD), by default to the day on
    which the measurement was finished. `comparison` holds the record against an earlier one.
    """
    day = as_of or record.clocks.finished_at[:10]
    read = record.model
    derived = {**read.facts, **_counted(record), **inference_facts(record)}
    others = dict(read.others)
    if "model.parameters" in read.facts:
        others["model.parameters"] = (read.facts["model.parameters"], *others.get("model.parameters", ()))
    facts = {key: declared.get(key) or derived.get(key) or missing() for key in catalogue()}
    facts |= {key: said for key, said in sorted(declared.items()) if key.startswith(f"{ANSWERS}.")}
    facts |= infer(facts)
    contradicted = contradictions(declared, derived, others)
    return Card(
        schema=SCHEMA,
        record_digest=record.digest,
        content_digest=record.content_digest,
        weights_digest=record.model.weights_digest,
        model=describe(record),
        facts=facts,
        facts_digest=schema.digest_of(facts),
        contradictions=contradicted,
        computed=computed_of(record, facts, contradicted, as_of=day, comparison=comparison),
        run=record.run,
        backend=record.backend,
        environment=record.environment,
        clocks=record.clocks,
        probes=record.probes,
        not_measured=_not_measured(record),
        contamination=record.contamination,
        calibrations=record.calibrations,
    )


def with_verdicts(card: Card, *verdicts: Verdict) -> Card:
    """Return the card with what policies found of it."""
    return replace(card, verdicts=verdicts)


def with_older_constants(card: Card, kept: Mapping[str, Json]) -> tuple[Card, list[str]]:
    """Return a card that is built again as one with constants changed since would have it; and which have changed.

    `kept` is what the older card has `computed`.
    """
    computed, changed = older_constants(card.computed, kept)
    return replace(card, computed=computed), changed


def _counted(record: RunRecord) -> dict[str, Fact]:
    """Return the facts that only a run knows."""
    known = {
        "model.parameters": (record.backend.parameters, "counted when the model was opened", "backend.parameters"),
        "maintenance.last_updated": (record.clocks.finished_at[:10], "the day of this audit", "clocks.finished_at"),
    }
    return {
        key: Fact(status="derived", value=value, source=source, evidence=(Evidence(kind="run", text=place),))
        for key, (value, source, place) in known.items()
    }


def _not_measured(record: RunRecord) -> dict[str, str]:
    ran = {probe.family for probe in record.probes}
    reasons: dict[str, str] = {family: "no probe of this family was run" for family in FAMILIES if family not in ran}
    for probe in record.probes:
        if probe.partial:
            reasons[probe.id] = f"only {probe.n_selected} of {probe.n_items} samples were asked (--limit)"
    return reasons | record.run.not_asked
