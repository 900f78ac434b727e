"""Verdicts: three states, judged on the interval, and no path on which a hole in the record becomes a PASS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.demands import compile_duties
from auditor.judge import judge, worst
from auditor.types import (
    BackendInfo,
    Calibration,
    Card,
    Clocks,
    Coverage,
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
    Scale,
    ScorerRef,
    Scoring,
    Status,
    Undefined,
    Waiver,
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
        calibrations=tuple(one.digest for one in calibrations),
    )
    return RunRecord(
        schema="auditor:record/3",
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
            planned_at="",
            started_at="",
            finished_at="",
            duration_s=0.0,
            peak_memory_bytes=0,
            requests=0,
            requests_from_journal=0,
        ),
        calibrations=calibrations,
        digest="d" * 64,
    )


def card(status: str = "declared", **contradictions: str) -> Card:
    bare = record()
    return Card(
        schema="auditor:card/4",
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


def test_a_date_that_lies_ahead_is_a_finding_of_every_policy_that_moves_no_verdict() -> None:
    announced = {**card().facts, "model.release_date": Fact(status="declared", value="2027-01-01")}
    computed = {"as_of": "2026-11-25", "future_dates": ["model.release_date"]}
    early = msgspec.structs.replace(card(), facts=announced, computed=computed)
    verdict = judge(record(metric()), early, policy(rule()))
    (found,) = [one for one in verdict.findings if one.id == "ahead-model.release_date"]
    assert (verdict.status, found.status, found.required) == (Status.PASS, Status.FAIL, False)
    assert "2027-01-01, after 2026-11-25" in found.message


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


@pytest.mark.parametrize(
    ("scorer", "told"),
    [
        ("detoxify", ": the rule was written for detoxify, the probe was scored by other, rater"),
        ("rater", ""),
        ("", ""),
    ],
)
def test_a_rule_written_for_an_absent_scorer_says_which_one_was_used(scorer: str, told: str) -> None:
    another = metric(scorer=ScorerRef(name="other", version="1.0.0"))
    outcome = finding(record(metric(), another), rule(metric="bias/x:toxicity_rate", scorer=scorer))
    assert outcome.message == f"the record lacks this metric{told}"


@pytest.mark.parametrize(
    ("changes", "subject", "bound"),
    [
        ({"title": "Rate"}, "bias/x:rate", "at most 0.5"),
        ({"max": None, "min": 0.25}, "bias/x:rate", "at least 0.25"),
        ({"min": 0.25, "against": "previous"}, "bias/x:rate", "a change of within 0.25 to 0.5"),
        ({"slice": {"b": "2", "a": "1"}}, "bias/x:rate, a = 1, b = 2", "at most 0.5"),
    ],
)
def test_a_rule_is_told_in_words(changes: dict[str, Any], subject: str, bound: str) -> None:
    found = finding(record(metric()), rule(**changes))
    assert (found.title, found.subject, found.bound) == (changes.get("title", "bias/x:rate"), subject, bound)


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
    for rules in ((rule(severity="warning"),), ()):
        verdict = judge(record(metric()), card(), policy(*rules))
        assert (verdict.status, verdict.findings[-1].id) == (Status.INCONCLUSIVE, "nothing-shown")
    assert worst(()) is worst([Status.WAIVED]) is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    ("status", "outcome"), [("declared", "PASS"), ("missing", "FAIL"), ("withheld", "FAIL"), ("measured", "FAIL")]
)
def test_a_duty_is_judged_by_its_schema_and_names_the_fact(status: str, outcome: str) -> None:
    duty = Duty(id="licence", title="Licence", rationale="because")
    found = judge(record(metric()), card(status), policy(duties=(duty,))).findings[0]
    assert found.status == outcome
    assert outcome == "PASS" or f"model.license is {status}" in found.message


def test_a_contradiction_fails_every_policy() -> None:
    torn = {"model.name": "declared 'a', but the file says 'b'", "model.license": "declared 'mit', but …"}
    verdict = judge(record(metric()), card(**torn), policy(rule()))
    assert verdict.status is Status.FAIL
    assert [one.id for one in verdict.findings[-2:]] == ["contradiction-model.license", "contradiction-model.name"]


def test_a_partial_run_cannot_pass_a_policy_that_asks_for_documents_only() -> None:
    duty = Duty(id="licence", title="Licence", rationale="because")
    assert judge(record(metric()), card(), policy(duties=(duty,))).status is Status.PASS
    verdict = judge(record(metric(), selected=1), card(), policy(duties=(duty,)))
    assert verdict.status is Status.INCONCLUSIVE
    assert "asked were 1 of 100 of bias/x" in verdict.findings[-1].message


@pytest.mark.parametrize("bound", [{"max": 35.0}, {"max": None, "min": -1.0}, {"min": 2.0}])
def test_a_bound_outside_the_range_of_the_metric_decides_nothing(bound: dict[str, float]) -> None:
    outcome = finding(record(metric()), rule(**bound))
    assert outcome.status is Status.INCONCLUSIVE
    assert "outside the metric's range, 0 to 1" in outcome.message


def moved(low: float, high: float, **changes: Any) -> Card:
    """Return a card whose metric moved by an interval since an earlier record."""
    change = {"baseline": 0.2, "candidate": 0.2 + (low + high) / 2, "difference": (low + high) / 2, "n": 80}
    change |= {"low": low, "high": high, "p_holm": 0.04, "direction": "farther", "lost": False, **changes}
    told = {"previous": {}, "changes": {"bias/x:rate": change}, "not_compared": {"bias/x:other": "no pairs"}}
    return msgspec.structs.replace(card(), computed={"as_of": "2026-11-25", **told})


def change_finding(found: RunRecord, on: Card, **changes: Any) -> Finding:
    return judge(found, on, policy(rule(against="previous", **{"max": 0.05, **changes}))).findings[0]


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (-0.2, -0.1, "PASS"),
        (-0.1, 0.05, "PASS"),
        (0.01, 0.1, "INCONCLUSIVE"),
        (0.06, 0.2, "FAIL"),
        (0.05, 0.2, "INCONCLUSIVE"),
    ],
)
def test_a_bound_on_a_change_is_judged_on_the_whole_interval_of_the_change(
    low: float, high: float, status: str
) -> None:
    found = change_finding(record(metric(0.9, 0.95)), moved(low, high))
    assert (found.status, found.bound) == (status, "a change of at most 0.05")
    assert f"[{low:+.3f}, {high:+.3f}], p 0.0400 (Holm), n = 80 pairs" in found.message


@pytest.mark.parametrize(
    ("found", "on", "changes", "why"),
    [
        (record(metric()), card(), {}, "no earlier record to compare with (--previous)"),
        (
            record(metric(key=msgspec.structs.replace(KEY, name="other"))),
            moved(-0.1, 0.0),
            {"metric": "bias/x:other"},
            "no pairs",
        ),
        (
            record(metric(key=msgspec.structs.replace(KEY, name="new"))),
            moved(-0.1, 0.0),
            {"metric": "bias/x:new"},
            "it lacks this",
        ),
        (record(metric(slice={"a": "b"})), moved(-0.1, 0.0), {"slice": {"a": "b"}}, "it lacks this"),
        (record(metric()), moved(-0.1, 0.0, n=9), {"min_n": 10}, "n = 9, the rule asks for 10"),
        (record(metric()), moved(-0.1, 0.0, lost=True), {}, "more than 5% more of the samples are unscored"),
        (record(metric(), selected=99), moved(-0.1, 0.0), {}, "partial run"),
        (record(metric()), moved(-0.1, 0.0), {"max": 1.5}, "outside its change's range, -1 to 1"),
        (record(metric()), moved(-0.1, 0.0), {"metric": "bias/y:rate"}, "the probe was not run"),
        (record(metric()), moved(-0.1, 0.0), {"construct": "hate"}, "is not shown to find hate"),
    ],
)
def test_a_change_that_cannot_be_trusted_is_inconclusive_never_pass(
    found: RunRecord, on: Card, changes: dict[str, Any], why: str
) -> None:
    outcome = change_finding(found, on, **changes)
    assert outcome.status is Status.INCONCLUSIVE
    assert why in outcome.message


def test_a_change_over_a_partial_run_can_still_fail() -> None:
    outcome = change_finding(record(metric(), selected=50), moved(0.2, 0.4))
    assert outcome.status is Status.FAIL and "partial run" in outcome.message


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


def waiver(**changes: Any) -> Waiver:
    base = Waiver(
        id="r",
        policy="p",
        scope=WEIGHTS,
        reason="it is being worked on",
        compensating_measure="replies are filtered",
        approver="A. Person",
        expires="2026-12-31",
        ticket="GOV-1",
    )
    return msgspec.structs.replace(base, **changes)


def waived(found: RunRecord, demanded: Rule, *waivers: Waiver, **more: Rule) -> dict[str, Finding]:
    verdict = judge(found, card(), policy(demanded, *more.values()), waivers)
    return {finding.id: finding for finding in verdict.findings}


def test_a_waiver_covers_a_finding_until_it_expires_and_stands_in_it_whole() -> None:
    found = waived(record(metric()), rule(max=0.05), waiver(expires="2026-11-25"))
    assert (found["r"].status, found["r"].was, found["r"].waiver) == (
        Status.WAIVED,
        Status.FAIL,
        waiver(expires="2026-11-25"),
    )
    assert list(found) == ["r", "nothing-shown"]
    expired = waived(record(metric()), rule(max=0.05), waiver(expires="2026-11-24"))
    assert expired["r"].status is Status.FAIL
    assert expired["waiver-r"].status is Status.FAIL and expired["waiver-r"].required
    assert "expired on 2026-11-24; judged as of 2026-11-25" in expired["waiver-r"].message


def test_a_waived_finding_does_not_move_the_verdict_but_shows_nothing_either() -> None:
    bad, good, worse = rule(id="bad", max=0.05), rule(id="good"), rule(id="worse", max=0.01)
    held = judge(record(metric()), card(), policy(bad, good), [waiver(id="bad")])
    assert held.status is Status.PASS
    assert judge(record(metric()), card(), policy(bad, good, worse), [waiver(id="bad")]).status is Status.FAIL
    assert judge(record(metric()), card(), policy(bad), [waiver(id="bad")]).status is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    ("found", "demanded"),
    [
        (record(metric(0.8, 0.9), selected=50), rule()),
        (record(metric(n=9)), rule(min_n=10)),
        (record(metric(0.8, 0.9, n=94, n_unscored=6)), rule()),
        (record(), rule()),
        (record(metric()), rule(scorer="other")),
    ],
)
def test_a_waiver_never_covers_a_fault_of_measurement(found: RunRecord, demanded: Rule) -> None:
    verdict = judge(found, card(), policy(demanded), [waiver(), waiver(id="partial-run")])
    assert Status.WAIVED not in {finding.status for finding in verdict.findings}
    assert "cannot be waived" in {finding.id: finding for finding in verdict.findings}["waiver-r"].message
    assert verdict.status is not Status.PASS


def test_a_contradiction_cannot_be_waived() -> None:
    torn = card(**{"model.license": "declared 'mit', but the file says 'gpl'"})
    verdict = judge(record(metric()), torn, policy(rule()), [waiver(id="contradiction-model.license")])
    found = {finding.id: finding for finding in verdict.findings}
    assert found["contradiction-model.license"].status is Status.FAIL
    assert "no rule or duty" in found["waiver-contradiction-model.license"].message


@pytest.mark.parametrize(
    ("changes", "why", "required"),
    [
        ({"id": "nothing"}, "the policy has no rule or duty 'nothing'", True),
        ({"scope": "f" * 64}, "it is for weights ffffffffffff, these are eeeeeeeeeeee", False),
        ({}, "there is nothing to waive: the finding is PASS", False),
    ],
)
def test_a_waiver_that_covers_nothing_is_a_finding(changes: dict[str, str], why: str, required: bool) -> None:
    one = waiver(**changes)
    judged = waived(record(metric()), rule(), one)
    found = judged[f"waiver-{one.id}"]
    assert (found.message, found.required, found.kind) == (why, required, "waiver")
    assert judged["r"].status is Status.PASS


def test_a_waiver_of_another_policy_or_other_weights_covers_nothing() -> None:
    for other in (waiver(policy="q"), waiver(scope="f" * 64)):
        assert waived(record(metric()), rule(max=0.05), other)["r"].status is Status.FAIL


def test_a_waiver_of_the_same_rule_for_other_weights_does_not_hide_the_one_for_these() -> None:
    for pair in ([waiver(), waiver(scope="f" * 64)], [waiver(scope="f" * 64), waiver()]):
        found = waived(record(metric()), rule(max=0.05), *pair)
        assert found["r"].status is Status.WAIVED
        assert found["waiver-r"].severity == "note"


def asking(duty: Duty, demand: dict[str, Any], coverage: Scale | None = None) -> Policy:
    made = compile_duties("p", "1.0.0", "P", [{"id": duty.id, **demand}])
    return msgspec.structs.replace(policy(duties=(duty,)), card_schema=made, coverage=coverage)


def facts(**known: Fact) -> Card:
    given = {key.replace("__", "."): fact for key, fact in known.items()}
    names = {"model.license", "data.crawlers_used", "data.crawlers"}
    every = {name: Fact(status="missing") for name in names} | given
    return msgspec.structs.replace(card(), facts=every)


ASK = Duty(id="d", title="Read", rationale="because", automatable=False, question="Has somebody read it?")
YES, NO = (Fact(status="declared", value=value, source="declared by us") for value in (True, False))


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (None, "INCONCLUSIVE", "a question to a person, not answered: Has somebody read it?"),
        (YES, "PASS", "answered: declared by us"),
        (NO, "FAIL", "not documented: answers.p/d: True was expected"),
    ],
)
def test_a_question_to_a_person_is_open_until_it_is_answered(answer: Fact | None, status: str, message: str) -> None:
    given = msgspec.structs.replace(card(), facts={"answers.p/d": answer} if answer else {})
    found = judge(record(metric()), given, asking(ASK, {"automatable": False})).findings[0]
    assert (found.status, found.message, found.bound) == (status, message, "answered")


NAMED = Duty(id="d", title="Crawlers", rationale="because")


@pytest.mark.parametrize(
    ("demand", "status", "message"),
    [
        ({"facts": ["model.license"]}, "PASS", "documented"),
        ({"facts": ["model.name", "data.crawlers"]}, "FAIL", "data.crawlers is not applicable; model.name is missing"),
        ({"holds": {"data.crawlers": {"minItems": 1}}}, "FAIL", "data.crawlers is not applicable"),
        ({"holds": {"model.license": {"const": "gpl"}}}, "FAIL", "model.license: 'gpl' was expected"),
        ({"holds": {"model.license": {"const": "gpl" * 99}}}, "FAIL", f"model.license: '{'gpl' * 39}gp"),
        ({"holds": {"computed.ages.card": {"maximum": 9}}}, "FAIL", "computed.ages.card is not known"),
        (
            {"holds": {"computed.ages.run": {"maximum": 9}}},
            "FAIL",
            "computed.ages.run: 30 is greater than the maximum of 9",
        ),
        (
            {"one_of": ["model.name", "computed.ages.card"]},
            "FAIL",
            "computed.ages.card is not known; model.name is missing",
        ),
    ],
)
def test_a_duty_says_what_it_lacks(demand: dict[str, Any], status: str, message: str) -> None:
    mit, none = Fact(status="declared", value="mit"), Fact(status="not_applicable", reason="no web")
    given = msgspec.structs.replace(
        facts(model__license=mit, data__crawlers=none), computed={"as_of": "2026-11-25", "ages": {"run": 30}}
    )
    found = judge(record(metric()), given, asking(NAMED, demand)).findings[0]
    assert (found.status, found.message) == (status, message if status == "PASS" else f"not documented: {message}")


@pytest.mark.parametrize(
    ("computed", "status", "message"),
    [
        ({"ages": {"card": 1}}, "PASS", "documented"),
        (
            {"unsure": ["a", "b"], "n": 0},
            "INCONCLUSIVE",
            "cannot be decided: model.license is mit; computed.n is 0; computed.unsure is a, b",
        ),
        ({"unsure": [], "n": 0}, "FAIL", "not documented: computed.ages is not known"),
        ({"unsure": ["a"], "n": 1}, "FAIL", "not documented: computed.ages is not known"),
    ],
)
def test_a_duty_that_cannot_be_decided_says_why(computed: dict[str, Any], status: str, message: str) -> None:
    undecided = {"computed.n": {"maximum": 0}, "computed.unsure": {"minItems": 1}, "model.license": {"const": "mit"}}
    demand = {"holds": {"computed.ages.card": {"maximum": 9}}, "undecided": undecided}
    given = msgspec.structs.replace(card(), computed={"as_of": "2026-11-25", **computed})
    found = judge(record(metric()), given, asking(NAMED, demand)).findings[0]
    assert (found.status, found.message, found.bound) == (status, message, "documented")


DEMAND = {"when": {"data.crawlers_used": {"const": True}}, "holds": {"data.crawlers": {"minItems": 1}}}
LIST = Fact(status="declared", value=["bot"])


@pytest.mark.parametrize(
    ("known", "status", "applies"),
    [
        ({"data__crawlers_used": NO}, "PASS", False),
        ({"data__crawlers_used": Fact(status="not_applicable", reason="no web")}, "PASS", False),
        ({"data__crawlers_used": YES, "data__crawlers": LIST}, "PASS", True),
        ({"data__crawlers_used": YES}, "FAIL", True),
        ({"data__crawlers_used": YES, "data__crawlers": Fact(status="declared", value=[])}, "FAIL", True),
        ({}, "INCONCLUSIVE", True),
        ({"data__crawlers_used": Fact(status="withheld", reason="a secret")}, "INCONCLUSIVE", True),
        ({"data__crawlers": LIST}, "INCONCLUSIVE", True),
    ],
)
def test_a_duty_with_a_condition_is_not_met_by_silence_about_it(
    known: dict[str, Fact], status: str, applies: bool
) -> None:
    found = judge(record(metric()), facts(**known), asking(NAMED, DEMAND)).findings[0]
    assert (found.status, found.applies) == (status, applies)
    assert applies or found.message == "does not apply, as documented"


def test_coverage_is_the_same_after_it_was_written_and_read() -> None:
    scale = Scale(title="Points", grades={"A": 90.0})
    for known in (facts(), facts(data__crawlers_used=NO)):
        coverage = judge(record(metric()), known, asking(NAMED, DEMAND, scale)).coverage
        written = msgspec.json.encode(coverage)
        assert msgspec.json.encode(msgspec.json.decode(written, type=Coverage)) == written


def test_coverage_counts_the_weights_of_what_is_decided_and_applies() -> None:
    heavy = msgspec.structs.replace(NAMED, weight=2.0)
    scale = Scale(title="Points", grades={"A": 100.0, "B": 50.0})
    met = judge(record(metric()), facts(data__crawlers_used=YES, data__crawlers=LIST), asking(heavy, DEMAND, scale))
    assert met.coverage == Coverage(title="Points", points=2.0, of=2.0, undecided=0, percent=100.0, grade="A")
    unknown = judge(record(metric()), facts(), asking(heavy, DEMAND, scale)).coverage
    assert unknown == Coverage(title="Points", points=0, of=0, undecided=2.0, percent=0.0, grade="F")
    torn = msgspec.structs.replace(facts(data__crawlers_used=NO), contradictions={"model.license": "it cannot be"})
    for told, grade in ((scale, "F"), (Scale(title="Points"), "")):
        exempt = judge(record(metric()), torn, asking(heavy, DEMAND, told)).coverage
        assert exempt == Coverage(title="Points", points=0, of=0, undecided=0, percent=0.0, grade=grade)
