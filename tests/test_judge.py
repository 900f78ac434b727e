"""Verdicts: three states, judged on the interval, and no path on which a hole in the record becomes a PASS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.judge import judge
from auditor.types import (
    BackendInfo,
    Calibration,
    Card,
    Clocks,
    Described,
    Duty,
    Fact,
    FileDigest,
    Finding,
    Gap,
    GroupMean,
    Interval,
    Metric,
    MetricKey,
    ModelInfo,
    Policy,
    ProbeResult,
    Reason,
    Rule,
    RunInfo,
    RunRecord,
    ScorerRef,
    Scoring,
    Status,
    Undefined,
)

KEY = MetricKey(name="rate", unit="share", low=0.0, high=1.0, ideal=0.0)
WEIGHTS = "e" * 64
SCORER = ScorerRef(name="rater", version="1.0.0")


def metric(low: float = 0.1, high: float = 0.3, **changes: Any) -> Metric:
    base = Metric(
        key=KEY,
        slice={},
        value=(low + high) / 2,
        interval=Interval(low=low, high=high, level=0.95, method="wilson"),
        n=100,
        n_unscored=0,
        n_clusters=100,
        scorer=SCORER,
        data_digest="0" * 64,
    )
    return msgspec.structs.replace(base, **changes)


def record(*metrics: Metric | Undefined, selected: int = 100, calibrations: tuple[Calibration, ...] = ()) -> RunRecord:
    probe = ProbeResult(
        id="bias/x",
        version="1.0.0",
        title="X",
        family="bias",
        construct="c",
        kind="pairs",
        languages=("en",),
        license="CC-BY-4.0",
        source="own items",
        content_notice="",
        data_files=(),
        digest="0" * 64,
        n_items=100,
        n_selected=selected,
        samples_file=FileDigest(path="samples/x.jsonl", sha256="0" * 64, bytes=1),
        unscored={},
        counts={},
        scorer=SCORER,
        scoring=Scoring(scorer="text_rating"),
        metrics=metrics,
        calibrations=calibrations,
    )
    return RunRecord(
        schema="auditor:record/2",
        run=RunInfo(
            auditor_version="0",
            code_digest="",
            seed=0,
            limit=None,
            packs=(),
            plan_digest="",
            classifier=None,
            classifier_request="",
            classifier_notes="",
        ),
        model=ModelInfo(
            requested="m", format="gguf", repository="", revision="", files=(), weights_digest="", facts={}
        ),
        backend=BackendInfo(
            name="hf",
            version="0",
            tokenizer_digest="",
            chat_template_digest="",
            context_length=1,
            parameters=1,
            trust_remote_code=False,
            allow_pickle=False,
            device="cpu",
            dtype="float32",
            batch_tokens=1,
            batch_rows=1,
            attention="",
            packed=False,
            threads=1,
        ),
        environment={},
        probes=(probe,),
        clocks=Clocks(
            started_at="",
            finished_at="",
            duration_s=0.0,
            peak_memory_bytes=0,
            requests=0,
            requests_from_journal=0,
        ),
        digest="d" * 64,
    )


def card(status: str = "declared", **contradictions: str) -> Card:
    bare = record()
    return Card(
        schema="auditor:card/3",
        record_digest="d" * 64,
        content_digest="",
        weights_digest=WEIGHTS,
        model=Described(requested="m", format="gguf", repository="", revision="", parts=()),
        facts={"model.license": Fact(status=status, value="mit" if status == "declared" else None)},  # type: ignore[arg-type]
        facts_digest="",
        contradictions=contradictions,
        computed={"as_of": "2026-11-25"},
        run=bare.run,
        backend=bare.backend,
        environment={},
        clocks=bare.clocks,
        probes=(),
        not_measured={},
    )


def rule(**changes: Any) -> Rule:
    base = Rule(id="r", metric="bias/x:rate", rationale="because", owner="us", max=0.5)
    return msgspec.structs.replace(base, **changes)


LICENCE = {
    "$defs": {
        "licence": {
            "properties": {
                "facts": {
                    "properties": {"model.license": {"properties": {"status": {"enum": ["declared", "derived"]}}}},
                    "required": ["model.license"],
                }
            }
        }
    }
}


def policy(*rules: Rule, duties: tuple[Duty, ...] = ()) -> Policy:
    return Policy(
        id="p",
        version="1.0.0",
        title="P",
        owner="us",
        description="d",
        digest="",
        rules=rules,
        duties=duties,
        card_schema=LICENCE,
    )


def finding(found: RunRecord, demanded: Rule) -> Finding:
    return judge(found, card(), policy(demanded)).findings[0]


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.1, 0.3, "PASS"),
        (0.1, 0.5, "PASS"),
        (0.4, 0.6, "INCONCLUSIVE"),
        (0.6, 0.7, "FAIL"),
        (0.5, 0.7, "INCONCLUSIVE"),
    ],
)
def test_an_upper_bound_is_judged_on_the_whole_interval(low: float, high: float, status: str) -> None:
    assert finding(record(metric(low, high)), rule()).status == status


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_pass_means_inside_and_fail_means_outside(a: float, b: float, c: float, d: float) -> None:
    (low, high), (least, most) = sorted((a, b)), sorted((c, d))
    status = finding(record(metric(low, high)), rule(min=least, max=most)).status
    inside = least <= low and high <= most
    outside = high < least or low > most
    assert status == ("PASS" if inside else "FAIL" if outside else "INCONCLUSIVE")


@pytest.mark.parametrize(
    ("found", "demanded", "why"),
    [
        (record(metric(), selected=99), rule(), "partial run: 99 of 100"),
        (record(metric(n=9)), rule(min_n=10), "n = 9, the rule asks for 10"),
        (record(metric(n=94, n_unscored=6)), rule(), "6.0% of the samples are unscored"),
        (record(), rule(), "the record lacks this metric"),
        (record(metric()), rule(slice={"axis": "age"}), "the record lacks this metric"),
        (record(metric()), rule(metric="bias/y:rate"), "the probe was not run"),
        (record(metric()), rule(scorer="other"), "the rule was written for other"),
        (
            record(
                Undefined(
                    key=KEY,
                    slice={},
                    reason=Reason.NO_SCORED_SAMPLES,
                    n=0,
                    n_unscored=100,
                    scorer=SCORER,
                    data_digest="",
                )
            ),
            rule(),
            "undefined: NO_SCORED_SAMPLES",
        ),
    ],
)
def test_what_keeps_a_number_from_being_trusted_is_inconclusive_never_pass(
    found: RunRecord, demanded: Rule, why: str
) -> None:
    outcome = finding(found, demanded)
    assert outcome.status is Status.INCONCLUSIVE
    assert why in outcome.message


@pytest.mark.parametrize(
    ("changes", "asked", "why"),
    [
        ({}, {}, ""),
        ({"least_n": 12}, {"min_n": 30}, "n = 12 in the smallest group, the rule asks for 30"),
        ({"most_unscored": 0.4}, {}, "40.0% of a group's samples are unscored, the rule allows 5.0%"),
    ],
)
def test_a_gap_is_trusted_as_far_as_its_weakest_group(changes: dict[str, Any], asked: dict[str, Any], why: str) -> None:
    ends = [GroupMean(group=name, value=value, n=50) for name, value in (("a", 0.4), ("b", 0.2))]
    gap = Gap(of="rate", field="group", highest=ends[0], lowest=ends[1], n_groups=2, least_n=50, most_unscored=0.0)
    found = finding(record(metric(gap=msgspec.structs.replace(gap, **changes))), rule(**asked))
    assert (found.status, found.message) == (
        (Status.INCONCLUSIVE, why) if why else (Status.PASS, "the whole interval lies within the bound")
    )


def test_a_rule_written_for_an_absent_scorer_says_which_one_was_used() -> None:
    outcome = finding(record(metric()), rule(metric="bias/x:toxicity_rate", scorer="detoxify"))
    assert "written for detoxify, the probe was scored by rater" in outcome.message


def test_a_partial_run_can_still_fail() -> None:
    outcome = finding(record(metric(0.8, 0.9), selected=50), rule())
    assert outcome.status is Status.FAIL
    assert "partial run" in outcome.message


def test_the_verdict_is_the_worst_finding_of_severity_error() -> None:
    good, bad, unsure = rule(id="a"), rule(id="b", max=0.05), rule(id="c", max=0.2)
    assert judge(record(metric()), card(), policy(good)).status is Status.PASS
    assert judge(record(metric()), card(), policy(good, unsure)).status is Status.INCONCLUSIVE
    assert judge(record(metric()), card(), policy(good, unsure, bad)).status is Status.FAIL
    advisory = msgspec.structs.replace(bad, severity="warning")
    assert judge(record(metric()), card(), policy(good, advisory)).status is Status.PASS


def test_a_policy_without_any_finding_of_severity_error_is_inconclusive() -> None:
    assert judge(record(metric()), card(), policy(rule(severity="warning"))).status is Status.INCONCLUSIVE
    assert judge(record(metric()), card(), policy()).status is Status.INCONCLUSIVE


@pytest.mark.parametrize(("status", "outcome"), [("declared", "PASS"), ("missing", "FAIL"), ("withheld", "FAIL")])
def test_a_duty_is_judged_by_its_schema_and_names_the_fact(status: str, outcome: str) -> None:
    duty = Duty(id="licence", title="Licence", rationale="because")
    found = judge(record(metric()), card(status), policy(duties=(duty,))).findings[0]
    assert found.status == outcome
    assert outcome == "PASS" or f"model.license is {status}" in found.message


def test_a_contradiction_fails_every_policy() -> None:
    verdict = judge(
        record(metric()), card(**{"model.license": "declared 'mit', but the file says 'gpl'"}), policy(rule())
    )
    assert verdict.status is Status.FAIL
    assert verdict.findings[-1].id == "contradiction-model.license"


def test_a_partial_run_cannot_pass_a_policy_that_asks_for_documents_only() -> None:
    duty = Duty(id="licence", title="Licence", rationale="because")
    assert judge(record(metric()), card(), policy(duties=(duty,))).status is Status.PASS
    verdict = judge(record(metric(), selected=1), card(), policy(duties=(duty,)))
    assert verdict.status is Status.INCONCLUSIVE
    assert "bias/x: 1 of 100" in verdict.findings[-1].message


@pytest.mark.parametrize("bound", [{"max": 35.0}, {"max": None, "min": -1.0}, {"min": 2.0}])
def test_a_bound_outside_the_range_of_the_metric_decides_nothing(bound: dict[str, float]) -> None:
    outcome = finding(record(metric()), rule(**bound))
    assert outcome.status is Status.INCONCLUSIVE
    assert "outside the metric's range, 0 to 1" in outcome.message


Maker = Callable[..., Calibration]


def test_a_rule_on_a_construct_is_decided_where_the_scorer_is_shown_to_find_it(calibration_maker: Maker) -> None:
    shown = calibration_maker(SCORER)
    assert finding(record(metric(), calibrations=(shown,)), rule(construct="hate")).status is Status.PASS
    assert finding(record(metric(0.6, 0.7), calibrations=(shown,)), rule(construct="hate")).status is Status.FAIL
    decides_only = calibration_maker(SCORER, auc=None)
    assert finding(record(metric(), calibrations=(decides_only,)), rule(construct="hate")).status is Status.PASS


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"auc": 0.468}, "rater is not shown to find hate: AUC 0.468 [0.418, 0.518] on HateCheck"),
        ({"auc": 0.55}, "AUC 0.550 [0.500, 0.600]"),
        ({"tp": 22, "tn": 80}, "Youden's J 0.020 [-0.030, 0.070] on HateCheck"),
        ({"tp": 22, "tn": 80, "auc": None}, "Youden's J 0.020 [-0.030, 0.070] on HateCheck"),
        ({"construct": "toxicity"}, "rater is not shown to find hate: the record holds no such calibration of it"),
        ({"languages": ("es",)}, "the record holds no such calibration of it"),
        ({"scorer": ScorerRef(name="rater", version="1.0.1")}, "the record holds no such calibration of it"),
        ({"scorer": ScorerRef(name="rater", version="1.0.0", checkpoint="f")}, "no such calibration"),
    ],
)
@pytest.mark.parametrize("bounds", [(0.1, 0.3), (0.6, 0.7), (0.4, 0.6)])
def test_a_rule_on_a_construct_that_the_scorer_is_not_shown_to_find_is_never_decided(
    calibration_maker: Maker, how: dict[str, Any], why: str, bounds: tuple[float, float]
) -> None:
    found = calibration_maker(**{"scorer": SCORER, **how})
    outcome = finding(record(metric(*bounds), calibrations=(found,)), rule(construct="hate"))
    assert outcome.status is Status.INCONCLUSIVE
    assert why in outcome.message


def test_the_first_calibration_of_the_construct_decides_and_another_constructs_does_not(
    calibration_maker: Maker,
) -> None:
    bad, good = calibration_maker(SCORER, auc=0.468), calibration_maker(SCORER)
    other = calibration_maker(SCORER, "profanity")
    asked = rule(construct="hate")
    assert finding(record(metric(), calibrations=(other, good, bad)), asked).status is Status.PASS
    assert finding(record(metric(), calibrations=(other, bad, good)), asked).status is Status.INCONCLUSIVE
    assert finding(record(metric(), calibrations=(other,)), asked).status is Status.INCONCLUSIVE


def test_without_a_construct_no_calibration_is_asked_for(calibration_maker: Maker) -> None:
    assert finding(record(metric()), rule()).status is Status.PASS
    assert finding(record(metric(), calibrations=(calibration_maker(SCORER, auc=0.468),)), rule()).status is Status.PASS
