"""Pairs of cards, each with all that a reader must be told: nothing is missed, nothing is told twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import commands
from auditor.diff import diff
from auditor.types import Card, Fact, Finding, Metric, Reason, RunRecord, Status, Undefined, Waiver

Pair = tuple[Card, Card]
Change = Callable[[Card], Card]
WAIVER = Waiver(
    id="contact",
    policy="baseline",
    scope="0" * 64,
    reason="The address is being moved.",
    compensating_measure="The board answers.",
    approver="A. Person",
    expires="2026-12-31",
    ticket="GOV-1",
)


@pytest.fixture(scope="module")
def card(finished: tuple[RunRecord, Path]) -> Card:
    found = commands.review(finished[1], commands.Demands()).card
    said = {
        "model.license": said_to_be("apache-2.0"),
        "training.datasets": said_to_be(["a/b", "c/d"]),
        "use.intended": said_to_be("Tests"),
        "model.contact": Fact(status="withheld", reason="being set up"),
    }
    return replace(found, facts={**found.facts, **said})


def said_to_be(value: Any, **more: Any) -> Fact:
    return Fact(status="declared", value=value, source="declared by us on 2026-11-01", **more)


def facts(**changed: Fact) -> Change:
    return lambda card: replace(card, facts={**card.facts, **{key.replace("__", "."): changed[key] for key in changed}})


def metric(change: Callable[[Metric], Metric | Undefined]) -> Change:
    """Return the card with its first measured metric changed."""

    def changed(card: Card) -> Card:
        (probe, *others) = card.probes
        first = next(one for one in probe.metrics if isinstance(one, Metric))
        metrics = tuple(change(first) if one is first else one for one in probe.metrics)
        return replace(card, probes=(replace(probe, metrics=metrics), *others))

    return changed


def undefined(reason: Reason) -> Change:
    return metric(
        lambda one: Undefined(
            key=one.key,
            slice=one.slice,
            reason=reason,
            n=0,
            n_unscored=one.n,
            scorer=one.scorer,
            data_digest=one.data_digest,
        )
    )


def finding(change: Callable[[Finding], Finding], **verdict: Any) -> Change:
    """Return the card with the first duty of its verdict changed, and the verdict with it."""

    def changed(card: Card) -> Card:
        (only,) = card.verdicts
        first = next(one for one in only.findings if one.kind == "duty")
        findings = tuple(change(one) if one is first else one for one in only.findings)
        return replace(card, verdicts=(replace(only, findings=findings, **verdict),))

    return changed


def same(card: Card) -> Card:
    return card


def without_finding(card: Card) -> Card:
    (only,) = card.verdicts
    first = next(one for one in only.findings if one.kind == "duty")
    return replace(card, verdicts=(replace(only, findings=tuple(one for one in only.findings if one is not first)),))


def without_metric(card: Card) -> Card:
    (probe, *others) = card.probes
    first = next(one for one in probe.metrics if isinstance(one, Metric))
    left = tuple(one for one in probe.metrics if one is not first)
    return replace(card, probes=(replace(probe, metrics=left), *others))


def unjudged(card: Card) -> Card:
    return replace(card, verdicts=())


def trusted(card: Card) -> Card:
    code = replace(card.model.parts[0], role="code", name="modeling.py")
    model = replace(card.model, parts=(*card.model.parts, code))
    return replace(card, model=model, backend=replace(card.backend, trust_remote_code=True))


def waived(**changes: str) -> Change:
    given = replace(WAIVER, **changes)
    return finding(lambda one: replace(one, status=Status.WAIVED, was=Status.FAIL, waiver=given))


FIRST, DUTY = "FIRST METRIC", "FIRST DUTY"
PAIRS: dict[str, tuple[Change, Change, list[tuple[str, str, str]]]] = {
    "another order of a list": (same, facts(training__datasets=said_to_be(["c/d", "a/b"])), []),
    "a fact that comes in, and one that is withdrawn": (
        same,
        facts(model__contact=said_to_be("us@example.org"), use__intended=Fact(status="missing")),
        [
            ("escalated", "fact use.intended", "declared before, missing now"),
            ("changed", "fact model.contact", ""),
        ],
    ),
    "a fact that fewer may read": (
        same,
        facts(use__intended=said_to_be("Tests", audiences=("ai-office",))),
        [("escalated", "fact use.intended", "for fewer readers than before")],
    ),
    "a fact that more may read": (
        facts(use__intended=said_to_be("Tests", audiences=("ai-office",))),
        facts(use__intended=said_to_be("Tests", audiences=("ai-office", "public"))),
        [("changed", "fact use.intended", "")],
    ),
    "terms that change, and fewer readers": (
        same,
        facts(model__license=said_to_be("mit", audiences=("ai-office",))),
        [("escalated", "fact model.license", "the terms changed")],
    ),
    "a contradiction that is gone": (
        lambda card: replace(card, contradictions={"model.license": "declared mit, but LICENSE says apache-2.0"}),
        same,
        [("removed", "fact model.license", "the contradiction is gone")],
    ),
    "samples that gave no score any more": (
        same,
        metric(lambda one: replace(one, n=one.n // 2, n_unscored=one.n - one.n // 2)),
        [("escalated", FIRST, "50% of the samples gave no score, 0% before")],
    ),
    "another reason for no value": (
        undefined(Reason.TOO_FEW_SAMPLES),
        undefined(Reason.NO_SCORED_SAMPLES),
        [("changed", FIRST, "undefined for another reason")],
    ),
    "a value where there was none": (undefined(Reason.TOO_FEW_SAMPLES), same, [("changed", FIRST, "")]),
    "another policy and a worse verdict": (
        finding(lambda one: replace(one, status=Status.PASS), status=Status.PASS, policy_digest="0" * 64),
        finding(lambda one: replace(one, status=Status.FAIL, severity="error"), status=Status.FAIL),
        [
            ("escalated", "policy baseline", "the verdict got worse, and the policy itself changed"),
            ("escalated", DUTY, "*"),
        ],
    ),
    "a finding that is waived": (
        finding(lambda one: replace(one, status=Status.FAIL)),
        waived(),
        [("changed", DUTY, "*")],
    ),
    "terms that more may read": (
        facts(model__license=said_to_be("apache-2.0", audiences=("ai-office",))),
        facts(model__license=said_to_be("apache-2.0", audiences=("ai-office", "public"))),
        [("changed", "fact model.license", "")],
    ),
    "an answer that comes in": (
        same,
        facts(**{"answers__p/d": said_to_be(True)}),
        [("added", "fact answers.p/d", "")],
    ),
    "a few more samples without a score": (
        metric(lambda one: replace(one, n=96, n_unscored=4)),
        metric(lambda one: replace(one, n=92, n_unscored=8)),
        [],
    ),
    "a metric that is gone": (same, without_metric, [("escalated", FIRST, "it is no longer measured")]),
    "a metric that comes in": (without_metric, same, [("added", FIRST, "")]),
    "code that comes in": (
        same,
        trusted,
        [
            ("escalated", "model code modeling.py", "code that comes with the model is new or another"),
            ("escalated", "model trust_remote_code", "the model was newly trusted with it"),
        ],
    ),
    "code that is gone": (
        trusted,
        same,
        [("removed", "model code modeling.py", ""), ("changed", "model trust_remote_code", "")],
    ),
    "a policy that judges no longer": (
        same,
        unjudged,
        [("escalated", "policy baseline", "it is no longer judged by this policy")],
    ),
    "a policy that judges too": (unjudged, same, [("added", "policy baseline", "")]),
    "a finding that comes in and is good": (
        without_finding,
        finding(lambda one: replace(one, status=Status.PASS)),
        [("added", DUTY, "*")],
    ),
    "a finding that comes in and is bad": (
        without_finding,
        finding(lambda one: replace(one, status=Status.FAIL, severity="error")),
        [("escalated", DUTY, "*")],
    ),
    "advice that comes in": (
        without_finding,
        finding(lambda one: replace(one, status=Status.FAIL, severity="note")),
        [("added", DUTY, "*")],
    ),
    "a finding that is gone": (same, without_finding, [("removed", DUTY, "the policy has it no longer")]),
    "a waiver that is drawn out": (waived(), waived(expires="2027-12-31"), [("changed", DUTY, "*")]),
}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_all_that_differs_is_told_once(card: Card, name: str) -> None:
    one, two, expected = PAIRS[name]
    probe, (verdict,) = card.probes[0], card.verdicts
    address = next(row.address(probe.id) for row in probe.metrics if isinstance(row, Metric))
    first = next(row.id for row in verdict.findings if row.kind == "duty")
    named = {FIRST: f"metric {address}", DUTY: f"policy baseline: {first}"}
    found = diff(one(card), two(card))
    told = [(change.kind, f"{change.area} {change.key}", change.why) for change in found.changes]
    wanted = [(kind, named.get(key, key), why) for kind, key, why in expected]
    assert [(kind, key) for kind, key, _ in told] == [(kind, key) for kind, key, _ in wanted]
    assert all(why == given for (_, _, given), (_, _, why) in zip(told, wanted, strict=True) if why != "*")
    assert found.exit_code == (10 if any(kind == "escalated" for kind, _, _ in wanted) else 0)


def test_what_differs_is_quoted_from_both_cards_and_cut_where_it_is_long(card: Card) -> None:
    def quoted(one: Card, two: Card) -> list[tuple[str, str]]:
        return [(change.before, change.after) for change in diff(one, two).changes]

    long = said_to_be("x" * 190)  # 200 characters with "declared: "
    one = facts(use__intended=long, model__contact=said_to_be("x" * 191), training__datasets=said_to_be(["a/b"]))(card)
    assert quoted(card, one) == [
        ('declared: ["a/b","c/d"]', 'declared: ["a/b"]'),
        ("withheld: being set up", "declared: " + "x" * 189 + "…"),
        ("declared: Tests", "declared: " + "x" * 190),
    ]
    digest = f"sha256:{card.model.parts[0].sha256}"
    assert quoted(card, trusted(card)) == [("", digest), ("no", "yes")]
    assert quoted(trusted(card), card) == [(digest, ""), ("yes", "no")]
