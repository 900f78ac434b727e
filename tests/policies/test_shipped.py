"""The shipped policies: sound, cited, and replayed by any validator of JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from auditor import commands, policies, schema
from auditor.card import build_card
from auditor.demands import asked_of
from auditor.exporters.hub import hub_licence
from auditor.judge import judge
from auditor.provenance.declare import load_declared
from auditor.provenance.facts import catalogue
from auditor.provenance.licences import HUB_LICENCES, to_spdx
from auditor.types import ASKED, Fact, Policy, RunRecord, Status

ROOT = Path(__file__).parents[2]
NAMES = sorted(policies.find())
EXPECTED = [
    "baseline",
    "eu-gpai-mdf",
    "eu-gpai-summary",
    "fmti-2025",
    "g7-sbom-ai",
    "hf-hub",
    "mof-1.0",
    "nist-ai-600-1",
    "strict",
]


@pytest.fixture(scope="module")
def loaded() -> dict[str, Policy]:
    return {name: policies.load(name) for name in NAMES}


def test_every_policy_that_was_promised_is_there() -> None:
    assert NAMES == EXPECTED


@pytest.mark.parametrize("name", EXPECTED)
def test_the_committed_schema_is_the_one_that_the_policy_makes(loaded: dict[str, Policy], name: str) -> None:
    committed = json.loads((ROOT / "policies" / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert committed == loaded[name].card_schema
    schema.validators().Draft202012Validator.check_schema(committed)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_rule_and_duty_carries_what_it_rests_on(loaded: dict[str, Policy], name: str) -> None:
    policy = loaded[name]
    for demanded in (*policy.rules, *policy.duties):
        assert demanded.title and len(demanded.rationale) > 20 and demanded.checked_on and demanded.audience
        assert demanded.source in policy.sources
        assert demanded.clause or demanded.basis == "organisation"
    assert all(rule.owner for rule in policy.rules)
    assert all(duty.question.endswith("?") for duty in policy.duties if not duty.automatable)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_card_without_a_fact_meets_no_duty(loaded: dict[str, Policy], name: str) -> None:
    assert policies.empty_duties(loaded[name]) == []


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("facts", ["smollm3", "apertus", "phi-4", ""])
def test_any_validator_replays_the_duties_from_card_and_schema_alone(
    loaded: dict[str, Policy], finished: tuple[RunRecord, Path], name: str, facts: str
) -> None:
    import jsonschema

    declared = load_declared(ROOT / "tests" / "data" / "summaries" / f"{facts}.toml") if facts else {}
    card = build_card(finished[0], declared)
    verdict = judge(finished[0], card, loaded[name])
    document = json.loads(schema.canonical_json(card))
    rules = json.loads((ROOT / "policies" / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))

    def meets(entry: str) -> bool:
        return bool(jsonschema.Draft202012Validator({**rules, "$ref": f"#/$defs/{entry}"}).is_valid(document))

    open_ones = {duty.id for duty in loaded[name].duties if not duty.automatable}
    for finding in (finding for finding in verdict.findings if finding.kind == "duty"):
        if meets(finding.id):
            expected = {Status.PASS}
        elif f"{finding.id}{ASKED}" in rules["$defs"] and not meets(f"{finding.id}{ASKED}"):
            expected = {Status.INCONCLUSIVE}
        else:
            expected = {Status.INCONCLUSIVE} if finding.id in open_ones else {Status.FAIL}
        if finding.id.startswith("contradiction-"):
            continue
        assert finding.status in expected, finding


def test_the_form_has_its_43_items_each_for_the_readers_of_its_fact(loaded: dict[str, Policy]) -> None:
    policy = loaded["eu-gpai-mdf"]
    assert len(policy.duties) == 43
    for duty in policy.duties:
        keys, _ = asked_of(policy.card_schema, duty.id)
        kinds = [catalogue()[key] for key in keys]
        assert {kind.mdf for kind in kinds} == {duty.clause.removeprefix("item ")}
        for kind in kinds:
            assert set(duty.audience) <= set(kind.audiences) or kind.mdf in {"2.3", "2.4"}, duty.id


def test_the_elements_are_fifty_and_the_indicators_are_counted_as_the_text_says(loaded: dict[str, Policy]) -> None:
    assert len(loaded["g7-sbom-ai"].duties) == 50
    indicators = loaded["fmti-2025"]
    assert indicators.description.startswith(f"{len(indicators.duties)} of the index's 100 indicators")
    assert f"The other {100 - len(indicators.duties)} are not looked at" in indicators.description


def test_the_hubs_licences_are_those_that_the_front_matter_is_written_with(loaded: dict[str, Policy]) -> None:
    text = json.dumps(loaded["hf-hub"].card_schema["$defs"]["licence"])
    assert set(HUB_LICENCES) == {word for word in text.split('"') if word in HUB_LICENCES}


def test_a_licence_that_is_written_as_one_of_the_hubs_meets_its_duty_in_either_spelling(
    finished: tuple[RunRecord, Path], loaded: dict[str, Policy]
) -> None:
    def status(name: str) -> Status:
        card = build_card(finished[0], {"model.license": Fact(status="declared", value=name, source="by us")})
        found = {finding.id: finding for finding in judge(finished[0], card, loaded["hf-hub"]).findings}
        return found["licence"].status

    spdx = {name for name in map(to_spdx, HUB_LICENCES) if name and not name.startswith("LicenseRef-")}
    for name in sorted({*HUB_LICENCES, *spdx, "GPL-2.0", "LGPL-3.0"}):
        assert status(name) is Status.PASS and (hub_licence(name)[0] in HUB_LICENCES), name
    for name in ("Apache 2.0", "apache2", "MIT-0", "GPL-3.0-or-later", "MIT OR Apache-2.0", "LicenseRef-"):
        assert status(name) is Status.FAIL and hub_licence(name)[0] == "other", name


def test_no_policy_promises_that_a_law_is_met() -> None:
    for path in [*(ROOT / "policies").rglob("*.toml"), *(ROOT / "policies" / "schema").glob("*.json")]:
        assert "compliant" not in path.read_text(encoding="utf-8").lower()


def test_a_finished_record_is_judged_by_all_policies_at_once(finished: tuple[RunRecord, Path]) -> None:
    audit = commands.review(finished[1], commands.Demands(policies=tuple(NAMES)))
    assert [verdict.policy for verdict in audit.verdicts] == NAMES
    assert msgspec.json.encode(commands.verdicts_of(audit))
