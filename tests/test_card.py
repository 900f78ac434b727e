"""The card holds what is known, says how, and invents nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor.card import build_card
from auditor.provenance.facts import catalogue
from auditor.types import Fact, RunRecord


@pytest.fixture(scope="module")
def record(finished: tuple[RunRecord, Path]) -> RunRecord:
    return finished[0]


def test_every_fact_of_the_catalogue_is_there_and_what_nobody_gave_is_missing(record: RunRecord) -> None:
    card = build_card(record, {})
    assert list(card.facts) == list(catalogue())
    assert card.facts["training.datasets"].status == "missing"
    assert card.facts["training.datasets"].value is None
    assert card.facts["model.architecture"].status == "derived"


def test_the_number_of_parameters_is_counted_not_declared(record: RunRecord) -> None:
    facts = build_card(record, {}).facts
    found = facts["model.parameters"]
    assert (found.value, found.source) == (record.backend.parameters, "counted when the model was opened")
    assert facts["maintenance.last_updated"].value == record.clocks.finished_at.partition("T")[0]


def test_the_count_is_held_against_what_the_files_say(record: RunRecord) -> None:
    told = Fact(status="derived", value=7_000_000_000, source="config.json")
    model = replace(record.model, facts={**record.model.facts, "model.parameters": told})
    card = build_card(replace(record, model=model), {})
    assert list(card.contradictions) == ["model.parameters"]
    assert card.contradictions["model.parameters"].endswith("but config.json says 7000000000")


def test_answers_stand_after_the_catalogue_and_what_follows_from_facts_is_inferred(record: RunRecord) -> None:
    names = ["answers.p/b", "answers.p/a"]
    said = {name: Fact(status="declared", value=True, source="declared by us") for name in names}
    flop = Fact(status="declared", value=2.5e21, source="declared by us")
    facts = build_card(record, {**said, "training.compute_flop": flop}).facts
    assert list(facts) == [*catalogue(), *sorted(names)]
    assert (facts["compute.order_of_magnitude"].status, facts["compute.order_of_magnitude"].value) == ("derived", 21)


def test_a_declared_fact_stands_with_who_said_it(record: RunRecord) -> None:
    said = Fact(status="declared", value="apache-2.0", source="declared by us on 2026-11-01")
    assert build_card(record, {"model.license": said}).facts["model.license"] == said


@pytest.mark.parametrize(("value", "contradicts"), [(1, True), (None, False)])
def test_what_the_files_contradict_is_named(record: RunRecord, value: int | None, contradicts: bool) -> None:
    said = Fact(status="declared", value=value or record.backend.parameters, source="declared by us")
    card = build_card(record, {"model.parameters": said})
    assert bool(card.contradictions) is contradicts
    if contradicts:
        assert "declared 1, but" in card.contradictions["model.parameters"]


def test_whatever_is_not_missing_has_evidence(record: RunRecord) -> None:
    for key, fact in build_card(record, {}).facts.items():
        assert bool(fact.evidence) is (fact.status != "missing"), key


def test_a_withheld_fact_is_no_contradiction(record: RunRecord) -> None:
    said = Fact(status="withheld", reason="a trade secret")
    assert not build_card(record, {"model.parameters": said}).contradictions


def test_families_without_a_probe_are_named_as_not_measured(record: RunRecord) -> None:
    card = build_card(record, {})
    families = {"bias", "toxicity", "misinformation", "alignment"}
    assert families & set(card.not_measured) == {"misinformation", "alignment"}
    assert card.not_measured["bias/stereotype_contrast"] == "only 6 of 168 samples were asked (--limit)"


def test_the_card_is_a_pure_function_of_record_and_declared_facts(
    record: RunRecord, fact_maker: Callable[[], dict[str, Fact]]
) -> None:
    assert build_card(record, fact_maker()) == build_card(record, fact_maker())


def test_each_probe_that_was_not_asked_is_on_the_card_with_the_reason(finished: tuple[RunRecord, Path]) -> None:
    told = build_card(finished[0], {}).not_measured
    assert told["misinformation/claims"] == "it was not among the probes chosen (--probes)"
    assert told["bias/crows_pairs/english"] == "its data files were not given (--data-dir)"
    assert told["misinformation"] == "no probe of this family was run"
    assert told["bias/stereotype_contrast"].startswith("only 6 of ")
