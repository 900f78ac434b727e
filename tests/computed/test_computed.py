"""What is computed into the card: ages, limits of law, counts; never a number for what is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor.card import build_card
from auditor.computed import COMPUTED_KEYS, dates, flop, is_computed, measures, mof, statements
from auditor.types import Evidence, Fact, Gap, GroupMean, Json, Metric, Reason, RunRecord, Undefined


def said(value: Json, **more: Json) -> Fact:
    return Fact(status="declared", value=value, source="declared by us", **more)


def test_ages_are_counted_to_the_date_given_and_only_to_that(finished: tuple[RunRecord, Path]) -> None:
    facts = {"model.release_date": said("2026-01-01"), "training.knowledge_cutoff": said("2025-02")}
    early = dates.compute(finished[0], facts, as_of="2026-01-31")
    assert (early["ages"]["release"], early["ages"]["knowledge_cutoff"]) == (30, 337)
    assert "card" not in early["ages"] and early["future_dates"] == []
    late = dates.compute(finished[0], facts, as_of="2025-12-31")
    assert late["ages"]["release"] == -1 and late["future_dates"] == ["model.release_date"]


def test_without_a_date_ages_are_counted_to_the_day_of_the_run(finished: tuple[RunRecord, Path]) -> None:
    record = finished[0]
    card = build_card(record, {})
    assert card.computed["as_of"] == record.clocks.finished_at[:10]
    assert card.computed["ages"]["record"] == 0
    assert build_card(record, {}, as_of="2099-01-01").computed["ages"]["record"] > 365


@pytest.mark.parametrize(
    ("text", "day"), [("2024-02", "2024-02-29"), ("2026-11-25", "2026-11-25"), ("soon", None), (7, None)]
)
def test_a_month_ends_with_its_last_day(text: Json, day: str | None) -> None:
    found = dates.day_of(text)
    assert (found.isoformat() if found else None) == day


@pytest.mark.parametrize(
    ("compute", "gpai", "systemic"),
    [(1e23, False, False), (1.1e23, True, False), (1e25, True, False), (2e25, True, True)],
)
def test_compute_is_set_against_the_limits_of_the_law(compute: float, gpai: bool, systemic: bool) -> None:
    found = flop.compute({"training.compute_flop": said(compute)})["compute"]
    assert (found["above_gpai_limit"], found["above_systemic_risk_limit"]) == (gpai, systemic)
    assert "above_modifier_limit" not in found


@pytest.mark.parametrize(("compute", "above"), [(3.3e22, False), (3.4e22, True)])
def test_a_modified_model_is_set_against_a_third_of_the_limit(compute: float, above: bool) -> None:
    facts = {"training.compute_flop": said(compute), "model.base_model": said("org/base")}
    assert flop.compute(facts)["compute"]["above_modifier_limit"] is above


@pytest.mark.parametrize(("placed", "due"), [("2025-08-01", "2027-08-02"), ("2025-08-02", "2025-08-02")])
def test_a_summary_is_due_when_the_model_is_placed_on_the_market_or_later_for_earlier_ones(
    placed: str, due: str
) -> None:
    found = flop.compute({"model.union_market_release_date": said(placed)})
    assert found["deadlines"] == {"training_summary": due}


def test_what_is_not_known_is_absent_and_not_below_a_limit() -> None:
    assert flop.compute({}) == {"compute": {}, "deadlines": {}}
    assert mof.compute({}) == {"mof": {}}
    withheld = Fact(status="withheld", reason="a secret")
    assert flop.compute({"training.compute_flop": withheld})["compute"] == {}


def test_evidence_that_leads_nowhere_is_named(finished: tuple[RunRecord, Path]) -> None:
    record = finished[0]
    there = next(f"{p.id}:{m.key.name}" for p in record.probes for m in p.metrics)
    facts = {
        "a.b": said(1, evidence=(Evidence(kind="metric", metric=there),)),
        "a.c": said(1, evidence=(Evidence(kind="metric", metric="bias/none:rate"),)),
        "a.d": said(1, evidence=(Evidence(kind="file", path="config.json"),)),
        "a.e": said(1, evidence=(Evidence(kind="file", sha256="0" * 64),)),
        "a.f": said(1, evidence=(Evidence(kind="file", path="config.json", sha256="0" * 64),)),
        "a.g": said(1, evidence=(Evidence(kind="run", text="backend.parameters"),)),
    }
    assert statements.compute(record, facts, {})["dangling_evidence"] == ["a.c", "a.d", "a.e"]


def test_languages_that_yaml_takes_for_truth_values_are_named(finished: tuple[RunRecord, Path]) -> None:
    facts = {"model.languages": said(["sv", "no", "en"])}
    assert statements.compute(finished[0], facts, {})["languages"] == {"boolean_words": ["no"]}


@pytest.mark.parametrize(
    ("named", "there"), [(["Org/Base"], True), ([{"name": "org/base"}], True), (["org/other"], False)]
)
def test_a_base_model_is_looked_for_among_the_dependencies(
    finished: tuple[RunRecord, Path], named: Json, there: bool
) -> None:
    facts = {"model.base_model": said("org/base"), "model.dependencies": said(named)}
    assert statements.compute(finished[0], facts, {})["dependencies"] == {"names_base_model": there}


def test_a_partial_probe_is_not_counted_as_measured(finished: tuple[RunRecord, Path]) -> None:
    computed = build_card(finished[0], {}).computed
    assert computed["measured"] == dict.fromkeys(("bias", "toxicity", "misinformation", "alignment"), 0)
    assert "bias/stereotype_contrast" in computed["partial_probes"]


def leaves(value: Json, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [path]
    return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}")]


def test_everything_that_is_computed_is_told_of(finished: tuple[RunRecord, Path]) -> None:
    assets = [{"component": "model_parameters", "access": "open", "license": "MIT"}]
    facts = {
        "distribution.assets": said(assets),
        "training.compute_flop": said(1e24),
        "model.base_model": said("org/base"),
        "model.release_date": said("2026-01-01"),
    }
    computed = build_card(finished[0], facts).computed
    assert all(is_computed(path) for path in leaves(computed, "computed"))
    assert {"computed.mof.class", "computed.compute.flop", "computed.ages.release"} <= set(leaves(computed, "computed"))
    assert not is_computed("computed.ages.nothing") and is_computed("computed.ages")
    page = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    assert [key for key, told in COMPUTED_KEYS.items() if f"| `{key}` | {told} |" not in page] == []


@pytest.mark.parametrize(("n_unscored", "counted"), [(5, 1), (6, 0)])
def test_a_probe_of_which_much_is_unscored_is_not_counted_as_measured(
    finished: tuple[RunRecord, Path], n_unscored: int, counted: int
) -> None:
    (probe, *_) = finished[0].probes
    metrics = tuple(
        replace(metric, n=100 - n_unscored, n_unscored=n_unscored)
        for metric in probe.metrics
        if isinstance(metric, Metric) and not metric.slice
    )
    assert metrics
    whole = replace(finished[0], probes=(replace(probe, metrics=metrics, n_selected=probe.n_items),))
    assert measures.compute(whole)["measured"][probe.family] == counted


def test_bounds_are_those_of_metrics_with_a_value_over_all_samples(finished: tuple[RunRecord, Path]) -> None:
    (probe, *_) = finished[0].probes
    one = next(metric for metric in probe.metrics if isinstance(metric, Metric) and not metric.slice)
    ends = [GroupMean(group=name, value=value, n=3) for name, value in (("a", 0.4), ("b", 0.2))]
    gap = Gap(of="rate", field="group", highest=ends[0], lowest=ends[1], n_groups=2, least_n=3, most_unscored=0.0)
    undefined = Undefined(
        key=replace(one.key, name="none"),
        slice={},
        reason=Reason.TOO_FEW_SAMPLES,
        n=0,
        n_unscored=6,
        scorer=one.scorer,
        data_digest=one.data_digest,
    )
    rows = (replace(one, slice={"axis": "a"}, value=0.75), replace(one, n_unscored=1, gap=gap), undefined)
    found = measures.compute(replace(finished[0], probes=(replace(probe, metrics=rows),)))
    ends_of = {"low": one.interval.low, "high": one.interval.high}
    assert found["metrics"] == {one.address(probe.id): {"value": one.value, **ends_of, "n": one.n, "n_unscored": 1}}
    assert found["gaps_measured"] == 1
