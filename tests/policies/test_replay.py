"""The verdicts on the example cards, replayed as docs/policies.md says: card.json, a published schema, `jsonschema`."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor import policies, schema
from auditor.duties import judge_duties
from auditor.types import Card

ROOT = Path(__file__).parents[2]
POLICIES = sorted(path.stem for path in (ROOT / "policies").glob("*.toml"))
EXAMPLES = ("smollm2", "minilm-toxicity")
LOOK = {"datasets": {"unknown": ["one: no digest"], "not_looked_at": []}, "unlooked": [], "items": {"bias": 12}}


def _card(example: str) -> dict[str, Any]:
    path = ROOT / "model_cards" / "examples" / example / "card.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _duties(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "policies" / f"{name}.toml").read_text("utf-8"))["duties"]
    return found


def _replayed(name: str, card: dict[str, Any]) -> dict[str, str]:
    """Return what comes of each duty; of this project only the files that it publishes are used."""
    published = json.loads((ROOT / "policies" / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))

    def valid(entry: str) -> bool:
        return bool(jsonschema.Draft202012Validator({**published, "$ref": f"#/$defs/{entry}"}).is_valid(card))

    def outcome(duty: dict[str, Any]) -> str:
        entry = duty["id"]
        if valid(entry):
            return "PASS"
        answer = card["facts"].get(f"answers.{name}/{entry}", {"status": "missing"})
        undecided = (
            (f"{entry}.asked" in published["$defs"] and not valid(f"{entry}.asked"))
            or (f"{entry}.undecided" in published["$defs"] and valid(f"{entry}.undecided"))
            or (duty.get("automatable") is False and answer["status"] == "missing")
        )
        return "INCONCLUSIVE" if undecided else "FAIL"

    return {duty["id"]: outcome(duty) for duty in _duties(name)}


def _ours(name: str, card: dict[str, Any]) -> dict[str, str]:
    judged = judge_duties(schema.convert(card, Card, where="a card", error=ValueError), policies.load(name))
    return {finding.id: str(finding.status) for finding in judged}


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", POLICIES)
def test_an_outside_validator_gives_each_duty_of_an_example_our_outcome(name: str, example: str) -> None:
    replayed = _replayed(name, _card(example))
    assert replayed and replayed == _ours(name, _card(example))


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_verdict_that_a_card_carries_is_the_one_that_is_replayed(example: str) -> None:
    card = _card(example)
    for verdict in card["verdicts"]:
        carried = {one["id"]: one["status"] for one in verdict["findings"] if one["kind"] == "duty"}
        replayed = _replayed(verdict["policy"], card)
        assert {key: status for key, status in carried.items() if key in replayed} == replayed


def _undecided() -> Iterator[tuple[str, str]]:
    for name in POLICIES:
        published = json.loads((ROOT / "policies" / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))
        yield from ((name, entry.rpartition(".")[0]) for entry in published["$defs"] if entry.endswith(".undecided"))


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda look: None, "INCONCLUSIVE"),
        (lambda look: look["datasets"].update(unknown=[]), "FAIL"),
        (lambda look: look["datasets"].update(not_looked_at=["two"]), "FAIL"),
        (lambda look: look.update(unlooked=["bias/x"], items={"bias": 0}), "FAIL"),
        (lambda look: look.update(over_all_data={"highest": 0.5, "items": {"bias": 12}}), "PASS"),
    ],
)
@pytest.mark.parametrize(("name", "duty"), list(_undecided()))
def test_what_leaves_a_duty_undecided_is_replayed(
    name: str, duty: str, change: Callable[[dict[str, Any]], None], outcome: str
) -> None:
    look = copy.deepcopy(LOOK)
    change(look)
    card = _card("smollm2")
    card["computed"] |= {"contamination": look, "measured": {"bias": 2}}
    assert _replayed(name, card)[duty] == _ours(name, card)[duty] == outcome


STATES: tuple[dict[str, Any], ...] = (
    {"status": "missing"},
    {"status": "withheld", "reason": "under negotiation"},
    {"status": "not_applicable", "reason": "there is none"},
    *({"status": "declared", "value": value} for value in (True, False, "", "other", [], ["no"], 0, 1.5e24, {})),
)


@pytest.mark.parametrize("state", STATES, ids=str)
@pytest.mark.parametrize("name", POLICIES)
def test_whatever_all_facts_are_the_outcomes_are_the_same(name: str, state: dict[str, Any]) -> None:
    card = _card("smollm2")
    questions = [duty["id"] for duty in _duties(name) if duty.get("automatable") is False]
    answers = {f"answers.{name}/{question}": card["facts"]["model.name"] for question in questions}
    facts = {**card["facts"], **answers}
    card["facts"] = {key: {**fact, "value": None, "reason": "", **state} for key, fact in facts.items()}
    assert _replayed(name, card) == _ours(name, card)
