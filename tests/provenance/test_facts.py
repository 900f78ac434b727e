"""The catalogue of facts: its one source is the schema of provenance files."""

from __future__ import annotations

from auditor import schema
from auditor.provenance.facts import catalogue, missing


def test_every_leaf_of_the_schema_is_a_fact_with_a_label_and_a_question() -> None:
    sections = schema.load_schema("provenance")["properties"]
    leaves = [f"{name}.{leaf}" for name, body in sections.items() for leaf in body.get("properties", {})]
    assert list(catalogue()) == leaves
    for kind in catalogue().values():
        assert kind.label
        assert kind.question.endswith(".")
        assert kind.section == sections[kind.key.partition(".")[0]]["title"]


def test_the_schema_of_a_fact_judges_its_value() -> None:
    languages = catalogue()["model.languages"].schema
    assert schema.faults_against(["en"], languages) == []
    assert schema.faults_against("en", languages) == ["$: 'en' is not of type 'array'"]


def test_a_missing_fact_says_why_and_has_no_value() -> None:
    assert (missing().status, missing().value) == ("missing", None)
    assert missing().reason
