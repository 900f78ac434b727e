"""The catalogue of facts: its one source is the schema of provenance files."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from auditor import schema
from auditor.provenance.facts import AUDIENCES, catalogue, missing


def test_every_leaf_of_the_schema_is_a_fact_with_a_label_and_a_question() -> None:
    sections = schema.load_schema("provenance")["properties"]
    leaves = [f"{name}.{leaf}" for name, body in sections.items() for leaf in body.get("properties", {})]
    assert list(catalogue()) == leaves
    for kind in catalogue().values():
        assert kind.label
        assert kind.question.endswith(".")
        assert kind.section == sections[kind.key.partition(".")[0]]["title"]


MDF = [
    "1.1", "1.2", "1.3", "1.4", "1.5", "1.6",
    "2.1", "2.2", "2.3", "2.4", "2.5a", "2.5b",
    "3.1a", "3.1b", "3.2a", "3.2b", "3.2c",
    "4.1", "4.2", "4.3", "4.4", "4.5", "4.6",
    "5.1", "5.2",
    "6.1", "6.2", "6.3", "6.4a", "6.4b", "6.5", "6.6", "6.7", "6.8",
    "7.1a", "7.1b", "7.2a", "7.2b", "7.3",
    "8.1", "8.2", "8.3", "8.4",
]  # fmt: skip
SUMMARY = ["0", "1.1", "1.2", "1.3", "2.1", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3"]


def test_every_item_of_the_unions_forms_has_a_fact() -> None:
    assert len(MDF) == 43
    assert {kind.mdf for kind in catalogue().values()} == {*MDF, "hdr.version", "hdr.last_updated", ""}
    assert {kind.summary for kind in catalogue().values()} == {*SUMMARY, ""}


def test_the_public_summary_is_meant_for_the_public_and_no_figure_of_compute_for_integrators() -> None:
    for kind in catalogue().values():
        assert set(kind.audiences) <= set(AUDIENCES)
        if kind.mdf[:1] in {"7", "8"}:
            assert not set(kind.audiences) & {"downstream", "public"}, kind.key
        if kind.summary:
            assert "public" in kind.audiences, kind.key
    assert catalogue()["model.parameters"].audiences == ("ai-office",)
    assert catalogue()["model.name"].audiences == AUDIENCES


def test_only_notes_of_ours_and_words_of_json_schema_describe_a_fact() -> None:
    Draft202012Validator.check_schema(schema.load_schema("provenance"))
    for kind in catalogue().values():
        assert kind.fill in {"auto", "hint", "declared"}
        assert not any(name.startswith("x-") for name in kind.schema)


def test_the_schema_of_a_fact_judges_its_value() -> None:
    languages = catalogue()["model.languages"].schema
    assert schema.faults_against(["en"], languages) == []
    assert schema.faults_against([{"name": "x"}], catalogue()["training.datasets"].schema) == []
    assert schema.faults_against("en", languages) == ["$: 'en' is not of type 'array'"]


def test_a_missing_fact_says_why_and_has_no_value() -> None:
    assert (missing().status, missing().value) == ("missing", None)
    assert missing().reason
