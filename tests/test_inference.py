"""The facts on inference: what was counted is measured, what is estimated says so, what nobody measured is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import costs, renderings
from auditor.backends.base import by_formula
from auditor.card import build_card
from auditor.exporters.costs import energy, line
from auditor.inference import ENERGY, FLOP, METHOD, SECONDS, TASK_TOKENS, inference_facts
from auditor.provenance.facts import catalogue
from auditor.schema import faults_against
from auditor.types import Clocks, EnergyMethod, EnergyPart, Fact, FlopCount, Grid, RunRecord, Span

COUNTED = FlopCount(method="counted", by="a counter", tokens=128, body=600, head=400, formula=900)


def span(method: EnergyMethod | None = None, **changes: Any) -> Span:
    parts = (
        EnergyPart(
            part="cpu", kwh=0.002, method=method or "estimated", by="RAPL" if method == "counters" else "its load"
        ),
        EnergyPart(part="ram", kwh=0.001, method="estimated", by="the size of the memory"),
    )
    known = {} if method is None else {"energy": parts, "completions_energy": parts, "tracker": "codecarbon 3.3.2"}
    base = Span(
        started_at="2026-11-25T12:00:00+00:00", duration_s=30.0, ended=True, completions=8, completion_tokens=50
    )
    return replace(base, **{**known, **changes})


def costed(record: RunRecord, flop: FlopCount, *spans: Span) -> RunRecord:
    made = costs.add_up(flop, spans, device=record.backend.device)
    return replace(record, clocks=replace(record.clocks, costs=made))


@pytest.fixture
def record(finished: tuple[RunRecord, Path]) -> RunRecord:
    return finished[0]


def test_a_real_run_counts_its_model_and_needs_no_energy_for_it(record: RunRecord) -> None:
    clocks: Clocks = record.clocks
    assert clocks.costs is not None and clocks.costs.flop.method == "counted"
    flop = clocks.costs.flop
    assert flop.tokens == 32 and 0.5 < flop.written / flop.formula < 2
    assert clocks.costs.flop_in_all is not None and clocks.costs.flop_in_all > 1000 * flop.body
    assert clocks.costs.energy is None
    facts = build_card(record, {}).facts
    assert 0 < clocks.costs.spans[-1].completions_s < clocks.costs.spans[-1].duration_s
    assert facts[SECONDS].status == "measured" and clocks.costs.spans[-1].machine in facts[METHOD].value
    assert facts[FLOP].status == facts[METHOD].status == "measured"
    assert facts[FLOP].value == flop.written * TASK_TOKENS
    assert facts[FLOP].evidence[0].text == "clocks.costs.flop"
    assert facts[ENERGY].status == "missing" and "--energy" in facts[ENERGY].reason


def test_every_fact_fits_its_place_in_the_card(record: RunRecord) -> None:
    for flop in (COUNTED, by_formula(7)):
        for method in ("counters", "estimated", None):
            for key, fact in inference_facts(costed(record, flop, span(method))).items():
                assert fact.value is None or not faults_against(fact.value, catalogue()[key].schema)
                assert bool(fact.evidence) == (fact.status != "missing")


def test_a_formula_is_derived_and_says_that_nothing_was_counted(record: RunRecord) -> None:
    facts = inference_facts(costed(record, by_formula(450), span()))
    assert (facts[FLOP].status, facts[FLOP].value) == ("derived", 900 * TASK_TOKENS)
    assert "estimated by the formula" in facts[FLOP].source
    assert "Estimated, not counted" in facts[METHOD].value and "leaves attention out" in facts[METHOD].value
    assert inference_facts(costed(record, by_formula(0), span())).keys() == {ENERGY, SECONDS}


def test_the_time_of_the_task_is_what_the_clock_said_and_missing_where_a_process_kept_none(record: RunRecord) -> None:
    timed = [span(completions_s=2.0, machine="a processor"), span(completions_s=3.0, machine="a processor")]
    facts = inference_facts(costed(record, COUNTED, *timed))
    assert (facts[SECONDS].status, facts[SECONDS].value) == ("measured", 5.0 / 100 * TASK_TOKENS)
    assert "100 tokens in 16 completions" in facts[SECONDS].source
    assert "cpu (a processor)" in facts[METHOD].value
    assert inference_facts(costed(record, COUNTED, timed[0], span()))[SECONDS].status == "missing"
    assert inference_facts(costed(record, COUNTED, replace(timed[0], untold=True)))[SECONDS].status == "missing"


def test_the_method_names_task_counter_machine_and_the_formula_beside_it(record: RunRecord) -> None:
    said = inference_facts(costed(record, COUNTED, span()))[METHOD].value
    for part in (
        "Writing 100 000 tokens",
        "128 tokens",
        "a counter",
        "float32 on cpu",
        "1000 FLOP a token",
        "about 9e+02 FLOP",
    ):
        assert part in said
    masked = replace(record, backend=replace(record.backend, masked=True))
    assert str(record.backend.parameters) not in said
    assert "Reading 100 000 tokens" in inference_facts(costed(masked, COUNTED, span()))[METHOD].value


def test_only_counters_make_an_energy_measured(record: RunRecord) -> None:
    sure = inference_facts(costed(record, COUNTED, span("counters")))[ENERGY]
    assert (sure.status, sure.value) == ("measured", 0.002 * 1000 / 50 * TASK_TOKENS)
    assert "by energy counters" in sure.source and "cpu by RAPL" in sure.source and "ram" not in sure.source
    guess = inference_facts(costed(record, COUNTED, span("estimated")))[ENERGY]
    assert (guess.status, guess.value) == ("derived", 0.003 * 1000 / 50 * TASK_TOKENS)
    assert guess.source.startswith("estimated, not measured") and "50 tokens in 8 completions" in guess.source


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"completions": 0, "completion_tokens": 0, "completions_energy": ()}, "no completion was written"),
        ({"completions_energy": (), "lacking": ("the gpu",)}, "is not known"),
    ],
)
def test_an_energy_that_cannot_be_told_is_missing_with_the_reason(
    record: RunRecord, changes: dict[str, Any], why: str
) -> None:
    fact = inference_facts(costed(record, COUNTED, span("estimated", **changes)))[ENERGY]
    assert fact.status == "missing" and fact.value is None and why in fact.reason


def test_a_record_without_costs_says_nothing(record: RunRecord) -> None:
    assert inference_facts(replace(record, clocks=replace(record.clocks, costs=None))) == {}


def test_what_the_provider_declares_of_another_task_stands_and_contradicts_nothing(record: RunRecord) -> None:
    said = Fact(status="declared", value=1.5e18, source="declared by us on 2026-11-01")
    card = build_card(costed(record, COUNTED, span("counters")), {FLOP: said})
    assert card.facts[FLOP] == said and not card.contradictions


def test_the_form_tells_both_items_to_the_authorities_alone(record: RunRecord) -> None:
    card = build_card(costed(record, COUNTED, span("estimated")), {})
    for name, told in (
        ("mdf-ai-office", True),
        ("mdf-authorities", True),
        ("mdf-downstream", False),
        ("mdf-public", False),
    ):
        text = renderings.render(card, name).replace("\\", "")
        assert ("100,000,000 FLOP *(measured: counted" in text) == ("1000 FLOP a token" in text) == told, name


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("counters", "3 Wh, of which 2 Wh were measured by counters and the rest is estimated"),
        ("estimated", "3 Wh, estimated, not measured"),
    ],
)
def test_the_card_tells_the_energy_of_the_audit_and_how_it_is_known(
    record: RunRecord, method: EnergyMethod, said: str
) -> None:
    grid = Grid(country="SWE", g_per_kwh=40.0, source="a table of 2023")
    made = costed(record, COUNTED, span(method, grid=grid, lacking=("the cellar",)))
    for name in ("markdown", "html"):
        text = renderings.render(build_card(made, {}), name).replace("\\", "")
        assert said in text and "0.12 g CO2eq at 40 g/kWh" in text and "Not in it: the cellar." in text
    silent = renderings.render(build_card(record, {}), "markdown")
    assert "The energy of this audit was not measured." in silent


def test_a_line_tells_whoever_ran_it_what_the_audit_cost(record: RunRecord) -> None:
    assert re.fullmatch(r"cost  \d+ s, \d[.\d]*e\+\d+ FLOP", line(record.clocks))
    estimated = costed(record, COUNTED, span("estimated"), span()).clocks
    lacking = " (not in it: 1 of 2 processes, in which it was not measured)"
    assert line(estimated) == f"cost  60 s, 3 Wh, estimated, not measured{lacking}"
    assert "over 30 s in 1 process." in energy(estimated) and "1 of 2 processes" in energy(estimated)
    counters = tuple(part for part in span("counters").energy if part.method == "counters")
    sure = costed(record, COUNTED, span("counters", energy=counters)).clocks
    assert line(sure) == "cost  30 s, 2 Wh, measured by counters"
    large = (EnergyPart(part="gpu", kwh=12.34, method="counters", by="its energy counter"),)
    assert line(costed(record, COUNTED, span("counters", energy=large)).clocks).startswith("cost  30 s, 12.3 kWh")
    assert line(replace(record.clocks, costs=None)).startswith("cost  ")
