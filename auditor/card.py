"""The card: what is known of a model and how it is known. A pure function of the record and the declared facts."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from auditor import schema
from auditor.computed import computed_of
from auditor.described import describe
from auditor.provenance.facts import catalogue, missing, name_of
from auditor.types import ANSWERS, FAMILIES, Card, Evidence, Fact, Json, RunRecord, Verdict

SCHEMA = "auditor:card/3"
_FREE = {"model.name", "model.library", "model.pipeline_tag"}  # a public name may differ from the file's


def build_card(record: RunRecord, declared: Mapping[str, Fact], *, as_of: str = "") -> Card:
    """Return the card: every fact of the catalogue with its status, answers to policies, and the record's results.

    A fact that a person declares stands above the one read off the files; where both have a value and they differ,
    that is a contradiction, which the card names and every policy counts as a failed duty. Ages are counted to `as_of`
    (YYYY-MM-DD), by default to the day on which the measurement was finished.
    """
    derived = {
        **record.model.facts,
        "model.parameters": Fact(
            status="derived",
            value=record.backend.parameters,
            source="counted when the model was opened",
            evidence=(Evidence(kind="run", text="backend.parameters"),),
        ),
    }
    facts = {key: declared.get(key) or derived.get(key) or missing() for key in catalogue()}
    facts |= {key: said for key, said in sorted(declared.items()) if key.startswith(f"{ANSWERS}.")}
    contradictions = {
        key: f"declared {said.value!r}, but {derived[key].source} says {derived[key].value!r}"
        for key, said in declared.items()
        if key in derived and key not in _FREE and said.status == "declared" and _differ(said.value, derived[key].value)
    }
    return Card(
        schema=SCHEMA,
        record_digest=record.digest,
        content_digest=record.content_digest,
        weights_digest=record.model.weights_digest,
        model=describe(record),
        facts=facts,
        facts_digest=schema.digest_of(facts),
        contradictions=contradictions,
        computed=computed_of(record, facts, contradictions, as_of=as_of or record.clocks.finished_at[:10]),
        run=record.run,
        backend=record.backend,
        environment=record.environment,
        clocks=record.clocks,
        probes=record.probes,
        not_measured=_not_measured(record),
    )


def with_verdicts(card: Card, *verdicts: Verdict) -> Card:
    """Return the card with what policies found of it."""
    return replace(card, verdicts=verdicts)


def _differ(said: Json, read: Json) -> bool:
    return bool(_plain(said) != _plain(read))


def _plain(value: Json) -> Json:
    if isinstance(value, list):
        return sorted(str(_plain(name_of(entry) or schema.canonical_json(entry))) for entry in value)
    return value.strip().casefold() if isinstance(value, str) else value


def _not_measured(record: RunRecord) -> dict[str, str]:
    ran = {probe.family for probe in record.probes}
    reasons: dict[str, str] = {family: "no probe of this family was run" for family in FAMILIES if family not in ran}
    for probe in record.probes:
        if probe.partial:
            reasons[probe.id] = f"only {probe.n_selected} of {probe.n_items} samples were asked (--limit)"
    return reasons
