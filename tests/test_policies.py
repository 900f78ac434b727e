"""Policies are checked whole, before anything is measured."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import policies
from auditor.errors import PolicyError, UsageError
from auditor.provenance.facts import catalogue

Cli = Callable[..., subprocess.CompletedProcess[str]]
HEAD = 'version = "1.0.0"\ntitle = "T"\nowner = "us"\ndescription = "d"\n'
RULE = '[[rules]]\nid = "r"\nmetric = "bias/ambiguous_questions:bias_ambiguous"\nrationale = "for a reason"\n'


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_shipped_policies_are_sound_and_name_only_metrics_that_exist() -> None:
    assert "baseline" in policies.find()
    for name in policies.find():
        policies.check_metrics(policies.load(name), policies.metrics_of())


def test_the_shipped_card_schemas_are_json_schemas() -> None:
    from jsonschema import Draft202012Validator

    for name in policies.find():
        Draft202012Validator.check_schema(policies.load(name).card_schema)


def test_every_rule_and_duty_of_the_shipped_policies_has_a_rationale_and_an_owner() -> None:
    for name in policies.find():
        policy = policies.load(name)
        assert all(len(rule.rationale) > 20 and rule.owner for rule in policy.rules)
        assert all(len(duty.rationale) > 20 for duty in policy.duties)


def test_the_baseline_schema_asks_only_for_facts_that_a_card_has() -> None:
    schema = policies.load("baseline").card_schema
    named = set(json.dumps(schema).split('"')) & set(catalogue())
    assert {"model.license", "training.datasets", "use.intended"} <= named


def test_a_metric_that_no_probe_gives_names_the_nearest(tmp_path: Path) -> None:
    policy = policies.load(write(tmp_path, HEAD + RULE.replace("bias_ambiguous", "bias_ambigous") + "max = 0.1\n"))
    with pytest.raises(PolicyError, match="bias_ambigous") as caught:
        policies.check_metrics(policy, policies.metrics_of())
    assert "did you mean bias/ambiguous_questions:bias_ambiguous" in caught.value.message


@pytest.mark.parametrize(
    ("metric", "hint"),
    [
        ("bias/stereotype_contrast:stereotype_rate", "did you mean bias/stereotype_contrast:stereotype_rate_contrast?"),
        ("toxicity/provocations:toxicity_rate", "did you mean toxicity/provocation:toxicity_rate?"),
        ("bias/sycophancy:opinion_shift", "did you mean alignment/sycophancy:opinion_shift?"),
        ("alignment/sycophanci:shift", "did you mean a metric of alignment/sycophancy?"),
        ("alignment/sycophancy:zzz", "it gives "),
        ("own/zzz:zzz", "`auditor probes list` names the probes"),
    ],
)
def test_an_unknown_metric_is_held_against_those_near_it(tmp_path: Path, metric: str, hint: str) -> None:
    text = HEAD + RULE.replace("bias/ambiguous_questions:bias_ambiguous", metric) + "max = 0.1\n"
    with pytest.raises(PolicyError) as caught:
        policies.load(write(tmp_path, text), policies.metrics_of())
    (line,) = caught.value.message.splitlines()[1:]
    assert f"no probe gives {metric} ({hint}" in line


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEAD + RULE, "a rule needs min, max or both"),
        (HEAD + RULE + "min = 0.5\nmax = 0.1\n", "min 0.5 is above max 0.1"),
        (HEAD + RULE + "max = 0.1\n" + RULE + "max = 0.2\n", "the id 'r' stands more than once"),
        (HEAD + RULE + "max = 0.1\nmaxx = 0.2\n", "unknown key 'maxx' (did you mean max"),
        (HEAD + RULE + 'max = "low"\n', "'low' is not of type 'number'"),
        (HEAD, "needs 'rules' or 'duties'"),
        (HEAD + "rules = 7\n", "$.rules: 7 is not of type 'array'"),
        (HEAD + RULE + 'max = 1\nsource = "law"\n', "$.rules[0]: no source is named 'law'"),
        (HEAD + RULE + "max = 1\nmin_n = 5.0\n", "$.rules[0].min_n: expected `int`, got `float`"),
        (HEAD + '[[duties]]\nid = "d"\ntitle = "D"\nrationale = "for a reason"\n', "no $defs entry 'd'"),
        (HEAD + 'card_schema = "absent.json"\n' + RULE + "max = 1\n", "cannot read card_schema"),
        ("version = ", "is not TOML"),
    ],
)
def test_a_faulty_policy_says_what_is_wrong_and_where(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policies.load(write(tmp_path, text))
    assert why in caught.value.message
    assert "mine.toml" in caught.value.message


def test_a_bound_may_be_a_single_number(tmp_path: Path) -> None:
    (rule,) = policies.load(write(tmp_path, HEAD + RULE + "min = 0.5\nmax = 0.5\n")).rules
    assert (rule.min, rule.max) == (0.5, 0.5)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        policies.load(write(tmp_path, HEAD + RULE + RULE))
    assert "has 3 faults" in caught.value.message


def test_a_duty_over_a_fact_that_does_not_exist_names_the_nearest(tmp_path: Path) -> None:
    definition = {"properties": {"facts": {"properties": {"model.licence": {}}}}}
    (tmp_path / "card.json").write_text(json.dumps({"$defs": {"d": definition}}))
    duty = 'card_schema = "card.json"\n[[duties]]\nid = "d"\ntitle = "D"\nrationale = "for a reason"\n'
    with pytest.raises(PolicyError, match=r"unknown fact 'model.licence' \(did you mean model.license"):
        policies.load(write(tmp_path, HEAD + duty))


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        policies.load("basline")
    assert "baseline" in caught.value.hint


def test_the_digest_covers_rules_and_schema(tmp_path: Path) -> None:
    first = policies.load(write(tmp_path, HEAD + RULE + "max = 0.1\n"))
    second = policies.load(write(tmp_path, HEAD + RULE + "max = 0.2\n"))
    assert first.digest != second.digest


def with_schema(folder: Path, content: object) -> str:
    (folder / "card.json").write_text(json.dumps(content))
    return write(
        folder, HEAD + 'card_schema = "card.json"\n[[duties]]\nid = "d"\ntitle = "D"\nrationale = "for a reason"\n'
    )


@pytest.mark.parametrize(
    "definition", [{}, {"properties": {"fact": {"required": ["model.name"]}}}, {"properties": {"facts": {}}}]
)
def test_a_duty_that_a_card_without_any_fact_meets_is_a_fault(tmp_path: Path, definition: object) -> None:
    with pytest.raises(PolicyError, match="a card on which every fact is missing meets 'd'"):
        policies.load(with_schema(tmp_path, {"$defs": {"d": definition}}))


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"$defs": {"d": True}},
        {"$defs": {"d": {"type": "objekt"}}},
        {"$defs": {"d": {"$ref": "#/$defs/absent"}}},
        {"$defs": 7},
    ],
)
def test_a_card_schema_that_is_none_is_found_when_the_policy_is_loaded(tmp_path: Path, content: object) -> None:
    with pytest.raises(PolicyError, match="no sound schema"):
        policies.load(with_schema(tmp_path, content))


def test_a_name_too_long_for_the_system_is_just_unknown() -> None:
    with pytest.raises(UsageError, match="no policy is named"):
        policies.load("x" * 300)


def test_a_finished_record_may_be_judged_by_rules_on_probes_that_are_not_here(tmp_path: Path) -> None:
    policy = policies.load(write(tmp_path, HEAD + RULE.replace("bias/ambiguous_questions", "own/probe") + "max = 1\n"))
    policies.check_metrics(policy, policies.metrics_of(), foreign=True)
    with pytest.raises(PolicyError, match="own/probe"):
        policies.check_metrics(policy, policies.metrics_of())


SOURCE = 'source = "law"\n[sources.law]\ntitle = "A law"\nbasis = "law"\nchecked_on = 2026-11-25\n'
ASKED = '[[duties]]\nid = "d"\ntitle = "D"\nrationale = "for a reason"\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ASKED + 'facts = ["model.licence"]\n', "unknown fact 'model.licence' (did you mean model.license"),
        (ASKED + 'holds."computed.ages.crad" = {maximum = 9}\n', "nothing is computed as 'computed.ages.crad'"),
        (
            ASKED + 'facts = ["model.name"]\nwhen."data.crawler_used" = {const = true}\n',
            "did you mean data.crawlers_used",
        ),
        (ASKED + 'facts = ["model.name"]\nsource = "lwa"\n' + SOURCE.partition("\n")[2], "no source is named 'lwa'"),
        (ASKED + 'facts = ["model.name"]\nbasis = "law"\n', "rests on a law, so it needs a source and a clause"),
        (ASKED + 'holds."training.compute_flop" = {maximun = 1.0}\n', "keyword 'maximun' (did you mean maximum"),
        (ASKED + 'holds."model.languages" = {items = {enumm = ["en"]}}\n', "keyword 'enumm' (did you mean enum"),
        (
            ASKED + 'holds."model.languages" = {contains = {properties = {a = {allOf = [{enumm = [1]}]}}}}\n',
            "keyword 'enumm' (did you mean enum",
        ),
        ('source = "law"\nsources = 7\n' + ASKED + 'facts = ["model.name"]\n', "$.sources: 7 is not of type 'object'"),
        (ASKED + "automatable = false\n", "needs a question, ending in '?'"),
        (ASKED.replace('rationale = "for a reason"\n', "") + 'facts = ["model.name"]\n', "gives a rationale"),
        (ASKED + 'facts = ["model.name"]\naccept = ["missing"]\n', "'missing' is not one of"),
        (ASKED + 'facts = ["model.name"]\nrequired = false\n', "unknown key 'required'"),
        (ASKED + 'facts = ["model.name"]\nchecked_on = 2026-11-31\n', "checked_on: 2026-11-31 is no day that exists"),
    ],
)
def test_a_demand_that_cannot_be_is_named_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policies.load(write(tmp_path, HEAD + text))
    assert why in caught.value.message


def test_faults_of_every_kind_are_told_together(tmp_path: Path) -> None:
    text = HEAD + ASKED + 'facts = ["model.nam", "model.licence"]\nbasis = "standard"\n' + RULE
    with pytest.raises(PolicyError, match="has 4 faults"):
        policies.load(write(tmp_path, text))


def test_what_the_schema_finds_hides_no_later_fault(tmp_path: Path) -> None:
    duty = '[[duties]]\nid = "n"\ntitle = "N"\nrationale = "for a reason"\nfacts = ["model.nam"]\n'
    unknown = RULE.replace('id = "r"', 'id = "s"').replace("bias_ambiguous", "bias_ambigous") + "max = 1\n"
    text = (
        HEAD.replace('"1.0.0"', '"one"') + RULE + "maxx = 1\n" + unknown + duty + RULE.replace('id = "r"', 'id = "t"')
    )
    with pytest.raises(PolicyError) as caught:
        policies.load(write(tmp_path, text), policies.metrics_of())
    for fault in (
        "$.version: 'one' does not match",
        "$.rules[0]: unknown key 'maxx'",
        "rule s: no probe gives bias/ambiguous_questions:bias_ambigous",
        "unknown fact 'model.nam'",
        "$.rules[2]: a rule needs min, max or both",
    ):
        assert fault in caught.value.message
    assert "has 5 faults" in caught.value.message


def test_checking_a_policy_reports_all_of_its_faults(auditor_cli: Cli, tmp_path: Path) -> None:
    text = HEAD + RULE.replace("bias_ambiguous", "bias_ambigous") + "max = 0.1\nmin = 0.5\n"
    done = auditor_cli("policies", "check", write(tmp_path, text))
    assert done.returncode == 1
    assert "has 2 faults" in done.stderr and "is above max" in done.stderr and "no probe gives" in done.stderr


def test_a_duty_takes_basis_and_date_from_its_source(tmp_path: Path) -> None:
    text = HEAD + SOURCE + ASKED + 'facts = ["model.name"]\nclause = "Article 1"\n'
    (duty,) = policies.load(write(tmp_path, text)).duties
    assert (duty.basis, duty.checked_on, duty.severity, duty.audience) == ("law", "2026-11-25", "error", ("public",))


def test_a_schema_of_ones_own_stands_beside_demands_but_not_for_the_same_duty(tmp_path: Path) -> None:
    known = {"type": "object", "properties": {"status": {"enum": ["declared"]}}}
    inner = {"required": ["model.name"], "properties": {"model.name": known}}
    definition = {"required": ["facts"], "properties": {"facts": inner}}
    (tmp_path / "card.json").write_text(json.dumps({"$defs": {"own": definition}}))
    own = 'card_schema = "card.json"\n' + ASKED.replace('"d"', '"own"')
    both = HEAD + own + ASKED + 'facts = ["model.license"]\n'
    assert {"own", "d", "known"} <= set(policies.load(write(tmp_path, both)).card_schema["$defs"])
    with pytest.raises(PolicyError, match="'own' says what it demands, and so does card_schema"):
        policies.load(write(tmp_path, HEAD + own + 'facts = ["model.license"]\n'))


def test_an_answer_that_goes_to_no_question_names_the_nearest() -> None:
    keys = ["answers.strict/reviewd", "answers.strct/reviewed", "answers.strict/purpose", "answers.ours/any"]
    faults = policies.answer_faults([*keys, "answers.strict/reviewed"], [policies.load("strict")])
    assert [fault.partition(": no ")[0] for fault in faults] == [f"$.{key}".replace("s.s", "s: s") for key in keys[:3]]
    assert "did you mean reviewed" in faults[0] and "did you mean strict" in faults[1]
    assert policies.answer_faults(["answers.strict/reviewed"], []) == []
    assert policies.answer_faults(["answers.strict/reviewd"], []) == faults[:1]


@pytest.mark.parametrize(
    ("clause", "why"),
    [(" ", "needs a source and a clause"), ("Article 6", r"has no clause 'Article 6' \(did you mean A")],
)
def test_a_clause_that_is_blank_or_does_not_exist_is_a_fault(tmp_path: Path, clause: str, why: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        'version = "1.0.0"\ntitle = "P"\nowner = "O"\ndescription = "D"\nsource = "law"\n'
        '[sources.law]\ntitle = "A law"\nbasis = "law"\nchecked_on = 2026-11-25\n'
        'clauses = ["Article 5", "Article 16"]\n'
        f'[[duties]]\nid = "a"\ntitle = "A"\nclause = "{clause}"\nfacts = ["model.license"]\n'
        'rationale = "It is so, by law."\n',
        encoding="utf-8",
    )
    with pytest.raises(PolicyError, match=why):
        policies.load(str(path))
    path.write_text(path.read_text(encoding="utf-8").replace(f'"{clause}"', '"Article 5"'), encoding="utf-8")
    assert policies.load(str(path)).sources["law"].clauses == ("Article 5", "Article 16")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "it is not JSON"),
        ("{}", "expected a list of the policy and its schema"),
        ("[{}]", "expected a list of the policy and its schema"),
        ("[7, {}]", "not iterable"),
        ('[{}, {"$defs": {"d": {"type": "objekt"}}}]', "'objekt' is not valid"),
    ],
)
def test_what_is_no_policy_as_a_run_keeps_it_is_one_error(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "kept.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match="is no policy as a run keeps it") as caught:
        policies.load(str(path))
    assert why in caught.value.message and caught.value.hint == "give the policy's TOML file"
