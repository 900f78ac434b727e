"""Two cards side by side: what differs is told, and what a reader must look at again is escalated."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor import commands, schema
from auditor.diff import DATA, LINEAGE, TERMS, diff
from auditor.exporters import differences
from auditor.provenance.facts import catalogue
from auditor.types import Card, CardDiff, Fact, Interval, Metric, Reason, RunRecord, Status, Undefined

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def card(finished: tuple[RunRecord, Path]) -> Card:
    found = commands.review(finished[1], commands.Demands()).card
    said = {
        "model.license": declared("apache-2.0"),
        "use.intended": declared("Tests"),
        "training.datasets": declared(["a/b"]),
    }
    return replace(found, facts={**found.facts, **said})


def declared(value: object) -> Fact:
    return Fact(status="declared", value=value, source="declared by us on 2026-11-01")


def told(found: CardDiff) -> dict[str, str]:
    return {f"{change.area} {change.key}": change.kind for change in found.changes}


def with_fact(card: Card, key: str, fact: Fact) -> Card:
    return replace(card, facts={**card.facts, key: fact})


def with_metric(card: Card, change: Callable[[Metric], Metric | Undefined | None]) -> tuple[Card, str]:
    """Return the card with its first measured metric changed, and that metric's address."""
    probe = next(probe for probe in card.probes if any(isinstance(one, Metric) for one in probe.metrics))
    first = next(one for one in probe.metrics if isinstance(one, Metric))
    changed = change(first)
    metrics = tuple(one for old in probe.metrics if (one := changed if old is first else old) is not None)
    probes = tuple(replace(one, metrics=metrics) if one is probe else one for one in card.probes)
    return replace(card, probes=probes), first.address(probe.id)


def test_a_card_does_not_differ_from_itself(card: Card) -> None:
    found = diff(card, card)
    assert found.changes == () and found.exit_code == 0
    assert found.n_same == sum(len(probe.metrics) for probe in card.probes)
    assert "No difference" in differences.markdown(found)


@pytest.mark.parametrize(
    ("fact", "kind", "why"),
    [
        (Fact(status="missing"), "escalated", "declared before, missing now"),
        (Fact(status="withheld", reason="secret"), "escalated", "declared before, withheld now"),
        (Fact(status="not_applicable", reason="none"), "escalated", "not applicable now"),
        (Fact(status="declared", value="Other tests"), "changed", ""),
    ],
)
def test_a_fact_that_is_taken_back_is_escalated(card: Card, fact: Fact, kind: str, why: str) -> None:
    (change,) = diff(card, with_fact(card, "use.intended", fact)).changes
    assert (change.area, change.key, change.kind) == ("fact", "use.intended", kind)
    assert why in change.why and change.before == "declared: Tests"


def test_a_fact_that_rests_on_less_is_escalated_though_it_says_the_same(card: Card) -> None:
    key = next(key for key, fact in card.facts.items() if fact.status == "derived")
    weaker = declared(card.facts[key].value)
    found = diff(card, with_fact(card, key, weaker))
    assert told(found) == {f"fact {key}": "escalated"}
    assert told(diff(with_fact(card, key, weaker), card)) == {f"fact {key}": "changed"}


def test_a_fact_that_comes_in_is_added(card: Card) -> None:
    found = diff(card, with_fact(card, "model.contact", declared("us@example.org")))
    assert told(found) == {"fact model.contact": "added"} and found.exit_code == 0


@pytest.mark.parametrize("key", ["model.license", "training.datasets"])
def test_another_licence_and_other_data_are_escalated(card: Card, key: str) -> None:
    found = diff(card, with_fact(card, key, declared("llama3.1" if key == "model.license" else ["a/b", "c/d"])))
    assert told(found) == {f"fact {key}": "escalated"} and found.exit_code == 10


def test_every_fact_that_is_watched_exists() -> None:
    assert set(TERMS + DATA + LINEAGE) <= set(catalogue())


def test_a_contradiction_that_comes_in_is_escalated(card: Card) -> None:
    found = diff(card, replace(card, contradictions={"model.license": "declared mit, but LICENSE says apache-2.0"}))
    assert told(found) == {"fact model.license": "escalated"}


def moved(metric: Metric, value: float) -> Metric:
    interval = Interval(low=value - 0.01, high=value + 0.01, level=0.95, method="given")
    return replace(metric, value=value, interval=interval)


@pytest.mark.parametrize(
    ("before", "after", "kind"), [(0.1, 0.5, "escalated"), (0.5, 0.1, "changed"), (0.1, 0.11, None)]
)
def test_a_metric_is_told_beyond_both_intervals_and_escalated_when_it_got_worse(
    card: Card, before: float, after: float, kind: str | None
) -> None:
    towards = lambda metric, far: moved(metric, metric.key.ideal + (far if metric.key.ideal < 1 else -far))  # noqa: E731
    older, address = with_metric(card, lambda metric: towards(metric, before))
    newer, _ = with_metric(card, lambda metric: towards(metric, after))
    assert told(diff(older, newer)) == ({f"metric {address}": kind} if kind else {})


def test_a_metric_that_is_gone_or_undefined_is_escalated(card: Card) -> None:
    gone, address = with_metric(card, lambda _: None)
    assert told(diff(card, gone)) == {f"metric {address}": "escalated"}
    assert told(diff(gone, card)) == {f"metric {address}": "added"}
    lost, _ = with_metric(card, undefined)
    assert told(diff(card, lost)) == {f"metric {address}": "escalated"}
    assert told(diff(lost, card)) == {f"metric {address}": "changed"}


def undefined(metric: Metric) -> Undefined:
    return Undefined(
        key=metric.key,
        slice=metric.slice,
        reason=Reason.TOO_FEW_SAMPLES,
        n=1,
        n_unscored=0,
        scorer=metric.scorer,
        data_digest=metric.data_digest,
    )


def test_values_of_another_scorer_or_other_data_are_not_compared(card: Card) -> None:
    newer, address = with_metric(card, lambda metric: replace(moved(metric, 0.9), data_digest="0" * 64))
    (change,) = diff(card, newer).changes
    assert change.key == address and change.kind == "changed" and change.why == "not comparable: another data"


def test_a_verdict_and_a_finding_that_got_worse_are_escalated(card: Card) -> None:
    (verdict,) = card.verdicts
    passed = next(finding for finding in verdict.findings if finding.required)
    findings = tuple(replace(one, status=Status.PASS) if one is passed else one for one in verdict.findings)
    better = replace(card, verdicts=(replace(verdict, status=Status.PASS, findings=findings),))
    worse = diff(better, card)
    assert told(worse) == {"policy baseline": "escalated", f"policy baseline: {passed.id}": "escalated"}
    assert told(diff(card, better)) == {"policy baseline": "changed", f"policy baseline: {passed.id}": "changed"}
    assert told(diff(card, replace(card, verdicts=()))) == {"policy baseline": "escalated"}
    other = replace(card, verdicts=(replace(verdict, policy_digest="0" * 64),))
    assert told(diff(card, other)) == {"policy baseline": "changed"}


def test_other_weights_are_named_and_foreign_code_is_escalated(card: Card) -> None:
    parts = tuple(replace(part, sha256="0" * 64) if part.role == "weights" else part for part in card.model.parts)
    found = diff(card, replace(card, model=replace(card.model, parts=parts)))
    assert told(found) == {"model weights model.safetensors": "changed"}
    code = replace(card.model.parts[0], role="code", name="modeling.py")
    newer = replace(
        card,
        model=replace(card.model, parts=(*card.model.parts, code)),
        backend=replace(card.backend, trust_remote_code=True),
    )
    assert told(diff(card, newer)) == {
        "model code modeling.py": "escalated",
        "model trust_remote_code": "escalated",
    }


def test_markdown_puts_the_escalated_first_and_escapes_what_cards_say(card: Card) -> None:
    newer = with_fact(card, "model.license", declared("<script>|x| [a](http://evil.example)"))
    newer = with_fact(newer, "model.contact", declared("us"))
    text = differences.markdown(diff(card, newer))
    assert "<script>" not in text and "[a](http" not in text and "http://" not in text
    assert text.index("Escalated") < text.index("model.license") < text.index("### Added")
    assert all(line.count("|") - line.count("\\|") == 6 for line in text.splitlines() if line.startswith("| fact"))


def test_the_command_exits_10_where_something_is_escalated(auditor_cli: Cli, card: Card, tmp_path: Path) -> None:
    older, newer = tmp_path / "old.json", tmp_path / "run" / "card.json"
    newer.parent.mkdir()
    older.write_text(schema.canonical_json(card), encoding="utf-8")
    newer.write_text(schema.canonical_json(with_fact(card, "model.license", declared("mit"))), encoding="utf-8")
    done = auditor_cli("diff", older, newer.parent, "--json")
    assert done.returncode == 10, done.stderr
    assert json.loads(done.stdout)["changes"][0]["key"] == "model.license"
    assert auditor_cli("diff", older, older).returncode == 0


def test_what_a_fact_that_is_not_for_the_public_says_is_told_nowhere(card: Card) -> None:
    key = "training.energy_mwh"
    one, two = (
        replace(
            with_fact(card, key, replace(declared(value), audiences=("ai-office",))),
            contradictions={key: f"declared {value}, but a file says 7"},
            verdicts=tuple(
                replace(verdict, findings=(replace(verdict.findings[0], status=status, message=f"{key} is {value}"),))
                for verdict in card.verdicts
            ),
        )
        for value, status in ((123.25, Status.PASS), (456.75, Status.FAIL))
    )
    found = diff(one, two)
    said = [(change.kind, change.before, change.after) for change in found.changes if change.key == key]
    alone, hidden = "declared: for ai-office alone", "it is not for every reader"
    assert said == [("escalated", hidden, hidden), ("changed", alone, alone)]
    for text in (differences.markdown(found), schema.canonical_json(found), str(differences.rows(found))):
        assert "123.25" not in text and "456.75" not in text
    public = with_fact(card, key, declared(1.5))
    assert "1.5" in differences.markdown(diff(public, one)) and "123.25" not in differences.markdown(diff(public, one))
