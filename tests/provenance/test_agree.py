"""Statements that cannot both be true are contradictions, wherever they stand; different spellings are not."""

from __future__ import annotations

import pytest

from auditor.provenance.agree import agree, contradictions
from auditor.types import Fact, Json


def said(value: Json, source: str = "declared by us", status: str = "declared") -> Fact:
    return Fact(status=status, value=value, source=source)  # type: ignore[arg-type]


def read(value: Json, source: str = "config.json") -> Fact:
    return said(value, source, "derived")


@pytest.mark.parametrize(
    ("key", "one", "other", "both"),
    [
        ("model.license", "LicenseRef-my-1.0", "my-1.0", True),
        ("model.license", "mit", "other", True),
        ("model.license", "gpl", "GPL-3.0-only", True),
        ("model.license", "cc-by-4.0", "cc", True),
        ("model.license", "cc-by-4.0", "gpl", False),
        ("model.base_model", "org/base", "base", True),
        ("model.base_model", "org/base", "other/base", False),
        ("model.base_model", "base", "other", False),
        ("model.dependencies", [{"name": "org/base"}], ["base"], True),
        ("model.identifier", f"org/m@{'a' * 40}", f"commit {'a' * 40}", True),
        ("model.identifier", f"org/m@{'a' * 40}", f"commit {'b' * 40}", False),
        ("model.identifier", "org/m", f"org/m@{'a' * 40}", True),
        ("model.identifier", "org/m", f"org/n@{'a' * 40}", False),
        ("model.license", "apache-2.0", "Apache-2.0", True),
        ("model.license", "odbl", "ODbL-1.0", True),
        ("model.license", "mit", "Apache-2.0", False),
        ("model.license", "llama3.1", "llama3.1", True),
        ("model.license", "llama3.1", "llama3.2", False),
        ("model.license", "our own", "Our own", True),
        ("model.license", "our own", "mit", False),
        ("model.parameters", 135_000_000, 134_515_008, True),
        ("model.parameters", 130_000_000, 134_515_008, True),
        ("model.parameters", 360_000_000, 134_515_008, False),
        ("model.parameters", 134_515_008, 162_826_560, False),
        ("compute.carbon_tonnes", 0.5, 0.502, True),
        ("compute.carbon_tonnes", 0, 0.5, False),
        ("compute.carbon_tonnes", "little", 0.5, False),
        ("compute.carbon_tonnes", "little", "little", True),
        ("model.context_length", 8192, 8193, False),
        ("model.languages", ["sv", "en"], ["en", "sv"], True),
        ("model.languages", ["en"], ["en", "sv"], False),
        ("model.base_model", "Org/Base", "https://huggingface.co/org/base", True),
        ("training.datasets", [{"name": "org/a"}, "org/b"], ["org/b"], True),
        ("training.datasets", ["org/a"], ["org/a", "org/b"], False),
        ("training.datasets", ["org/a"], ["https://huggingface.co/datasets/Org/a"], True),
    ],
)
def test_what_can_both_be_true(key: str, one: Json, other: Json, both: bool) -> None:
    assert agree(key, one, other) is both


def test_a_declared_fact_is_held_against_every_file() -> None:
    found = contradictions(
        {"model.license": said("mit")},
        {"model.license": read("MIT", "README.md")},
        {"model.license": (read("Apache-2.0", "LICENSE"),)},
    )
    assert found == {"model.license": "declared 'mit', but LICENSE says 'Apache-2.0'"}


def test_files_are_held_against_each_other_without_a_declaration() -> None:
    found = contradictions(
        {},
        {"model.base_model": read("org/a", "adapter_config.json"), "design.tokenizer": read("BPE", "tokenizer.json")},
        {"model.base_model": (read("org/b", "README.md"),), "design.tokenizer": (read("unigram", "other.json"),)},
    )
    assert found == {"model.base_model": "adapter_config.json says 'org/a', but README.md says 'org/b'"}


def test_what_each_file_says_of_itself_is_held_against_a_declaration_only() -> None:
    declared, derived = {"design.tokenizer": said("BPE")}, {"design.tokenizer": read("unigram", "tokenizer.json")}
    assert contradictions(declared, derived, {}) == {
        "design.tokenizer": "declared 'BPE', but tokenizer.json says 'unigram'"
    }


def test_what_is_withheld_or_in_ones_own_words_contradicts_nothing() -> None:
    withheld = Fact(status="withheld", reason="a secret", source="declared by us")
    derived = {"model.context_length": read(128), "model.name": read("m-q4")}
    assert contradictions({"model.context_length": withheld, "model.name": said("M")}, derived, {}) == {}


def test_a_dataset_that_is_not_what_lies_there_is_a_contradiction() -> None:
    entry = {
        "name": "d",
        "sha256": "a" * 64,
        "license": "mit",
        "read": {"path": "d", "sha256": "b" * 64, "license": "MIT"},
    }
    unread = {"name": "e", "license": "mit"}
    unsaid = {"name": "f", "version": "1", "read": {"path": "f", "sha256": "c" * 64}}
    found = contradictions({"training.datasets": said(["g", unread, unsaid, entry])}, {}, {})
    assert list(found) == ["training.datasets"]
    assert "declared sha256 'aaa" in found["training.datasets"] and "license" not in found["training.datasets"]


def test_a_table_is_told_by_its_name_whatever_the_order_of_its_keys() -> None:
    entry: dict[str, Json] = {"name": "d", "folder": "data", "read": {"path": "data", "kind": "folder"}}
    turned = {key: entry[key] for key in reversed(entry)}
    for value in ([entry], [turned]):
        found = contradictions({"training.datasets": said(value)}, {"training.datasets": read(["org/a"])}, {})
        assert found == {"training.datasets": "declared 'd', but config.json says 'org/a'"}
    nameless = [{"b": 1, "a": 2}], [{"a": 2, "b": 1}]
    told = [contradictions({"use.domains": said(one)}, {"use.domains": read(["x"])}, {}) for one in nameless]
    assert told[0] == told[1] and '{"a":2,"b":1}' in told[0]["use.domains"]


def test_what_the_files_name_is_never_declared_away() -> None:
    declared = {"model.base_model": Fact(status="not_applicable", source="declared by us", reason="made from nothing")}
    found = contradictions(declared, {"model.base_model": read("org/base")}, {})
    assert found == {"model.base_model": "declared not applicable, but config.json says 'org/base'"}
    assert contradictions(declared, {}, {}) == {}
