"""Explaining a policy: each duty with its clause, what the card has, and the exact lines to add."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from auditor import commands, explain, policies
from auditor.provenance.declare import load_declared
from auditor.provenance.facts import catalogue
from auditor.types import RunRecord

NAMES = sorted(policies.find())


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_and_duty_is_explained_by_what_it_looks_at(name: str) -> None:
    policy = policies.load(name)
    entries = explain.explain(policy, {}, None, None)
    assert [entry.id for entry in entries] == [entry.id for entry in (*policy.rules, *policy.duties)]
    for entry in entries:
        assert entry.needs and entry.clause and entry.rationale
        assert all(need.supplied_by and need.label for need in entry.needs)
    text = explain.as_text(policy, entries)
    assert all(entry.title in text for entry in entries)


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_the_lines_to_add_are_toml_of_the_right_shape(key: str) -> None:
    text = explain.example(catalogue()[key].schema).replace("YYYY-MM-DD", "2026-01-31")
    assert tomllib.loads(f"x = {text}")
    kind = catalogue()[key].schema.get("type")
    value = tomllib.loads(f"x = {text}")["x"]
    if kind in {"array", "boolean"}:
        assert isinstance(value, {"array": list, "boolean": bool}[kind])


@pytest.mark.parametrize(
    ("name", "duty", "key", "told"),
    [
        ("eu-gpai-summary", "crawler-purposes", "data.crawlers", 'crawlers = [{ name = "…", purpose = "…" }]'),
        ("eu-gpai-summary", "public-versions", "training.datasets", 'datasets = [{ name = "…", version = "…" }]'),
        ("g7-sbom-ai", "dp-03", "training.datasets", "amount = 0"),
    ],
)
def test_the_lines_to_add_hold_the_keys_that_the_duty_asks_for(name: str, duty: str, key: str, told: str) -> None:
    entries = {entry.id: entry for entry in explain.explain(policies.load(name), {}, None, None)}
    (need,) = [need for need in entries[duty].needs if need.key == key]
    assert told in need.toml


def test_with_a_record_the_explanation_says_what_the_card_has(finished: tuple[RunRecord, Path], tmp_path: Path) -> None:
    facts = tmp_path / "facts.toml"
    facts.write_text('by = "Us"\ndate = 2026-11-01\n[model]\nlicense = "mit"\n', encoding="utf-8")
    audit = commands.review(finished[1], commands.Demands(policies=("strict",), provenance=facts))
    policy = policies.load("strict")
    entries = explain.explain(policy, audit.card.facts, audit.card, audit.verdicts[0])
    found = {entry.id: entry for entry in entries}
    (licence,) = [need for need in found["licence"].needs if need.key == "model.license"]
    assert licence.now == "declared: mit" and not licence.toml
    (contact,) = [need for need in found["contact"].needs if need.key == "model.contact"]
    assert contact.toml.startswith("[model]\ncontact = ")
    family = found["every-family"]
    assert family.status == "FAIL"
    assert all("a measurement: auditor run" in need.supplied_by for need in family.needs)
    assert '"strict/reviewed" = { value = true' in found["reviewed"].needs[0].toml
    assert "auditor run --probes misinformation/claims" in found["claims"].needs[0].supplied_by


def test_what_was_not_held_against_its_source_is_said_of_the_duty_and_at_the_top() -> None:
    policy = policies.load("eu-gpai-mdf")
    entries = {entry.id: entry for entry in explain.explain(policy, {}, None, None)}
    assert "third draft" in entries["mdf-3-2c"].unchecked and "bounds" in entries["mdf-6-4a"].unchecked
    assert not entries["mdf-1-1"].unchecked
    text = explain.as_text(policy, list(entries.values()))
    count = sum(bool(entry.unchecked) for entry in entries.values())
    assert f"Unchecked in part, {count} of {len(entries)}: mdf-2-2, " in text
    assert "looked up on 2026-11-26" in text and "could not be had" in text
    assert text.count("    unchecked  ") == count


def test_the_look_that_a_duty_needs_is_named_with_the_declared_folders(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text("A text.")
    facts = tmp_path / "facts.toml"
    facts.write_text(
        'by = "Us"\ndate = 2026-11-01\n[training]\ndatasets = [{ name = "c", folder = "corpus" }]\n', encoding="utf-8"
    )
    policy = policies.load("strict")
    for declared, said in (
        (load_declared(facts), "--training-data corpus (folders declared"),
        ({}, "gives its folder"),
    ):
        (overlap,) = [entry for entry in explain.explain(policy, declared, None, None) if entry.id == "overlap"]
        assert said in overlap.needs[-1].supplied_by


def test_an_answer_is_declared_as_the_explanation_says(tmp_path: Path) -> None:
    policy = policies.load("strict")
    (reviewed,) = [entry for entry in explain.explain(policy, {}, None, None) if entry.id == "reviewed"]
    path = tmp_path / "facts.toml"
    path.write_text(
        f'by = "Us"\ndate = 2026-11-01\n{reviewed.needs[0].toml.replace("…", "minutes")}\n', encoding="utf-8"
    )
    assert load_declared(path)["answers.strict/reviewed"].value is True
