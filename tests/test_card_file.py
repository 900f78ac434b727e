"""card.json fits its published schema; a card of another version is refused with the way to migrate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import policies, schema
from auditor.card import SCHEMA, build_card, with_verdicts
from auditor.card_file import json_schema, load_card
from auditor.errors import CardError
from auditor.judge import judge
from auditor.types import Card, Fact, RunRecord


@pytest.fixture(scope="module")
def card(finished: tuple[RunRecord, Path]) -> Card:
    bare = build_card(finished[0], {"use.intended": Fact(status="declared", value="Tests.", source="declared by us")})
    return with_verdicts(bare, judge(finished[0], bare, policies.load("baseline")))


def written(folder: Path, card: Card, **changes: Any) -> Path:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(schema.canonical_json(card)), **changes}), encoding="utf-8")
    return path


def test_the_published_schema_is_that_of_the_types() -> None:
    published = schema.load_schema("card")
    assert published == json.loads(json.dumps(json_schema())), "write it anew: make schema"


def test_a_card_fits_the_published_schema_and_comes_back_the_same(card: Card, tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema.load_schema("card"))
    assert load_card(written(tmp_path, card)) == card


def test_a_card_names_the_digest_of_each_part_of_the_model(card: Card, finished: tuple[RunRecord, Path]) -> None:
    record = finished[0]
    files = {part.name: part.sha256 for part in card.model.parts if part.kind == "file"}
    assert files == {file.path: file.sha256 for file in record.model.files}
    roles = {part.name: part.role for part in card.model.parts if part.kind == "file"}
    assert roles["model.safetensors"] == "weights"
    assert roles["config.json"] == "config"
    assert roles["generation_config.json"] == "generation_defaults"
    assert roles["tokenizer.json"] == "tokenizer"
    loaded = {part.role: part.sha256 for part in card.model.parts if part.kind == "loaded"}
    assert loaded == {
        "tokenizer": record.backend.tokenizer_digest,
        "chat_template": record.backend.chat_template_digest,
    }


def test_every_fault_of_a_card_is_named(card: Card, tmp_path: Path) -> None:
    path = written(tmp_path, card, surprise=1, contradictions=["none"])
    with pytest.raises(CardError, match=r"2 faults") as caught:
        load_card(path)
    assert "surprise" in caught.value.message and "$.contradictions" in caught.value.message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.update(surprise=1), "surprise"),
        (lambda content: content["probes"][0].update(calibrations=["0" * 64]), "a calibration that the card does not"),
    ],
)
def test_a_single_fault_is_told_though_the_rest_is_a_card(
    card: Card, tmp_path: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    content = json.loads(schema.canonical_json(card))
    change(content)
    with pytest.raises(CardError, match=told):
        load_card(written(tmp_path, card, **content))


def test_a_card_that_says_what_it_may_leave_out_is_the_same_card(card: Card, tmp_path: Path) -> None:
    content = json.loads(schema.canonical_json(card))
    content["verdicts"][0]["findings"][0]["applies"] = True
    assert load_card(written(tmp_path, card, verdicts=content["verdicts"])) == card


@pytest.mark.parametrize("version", ["auditor:card/1", "auditor:card/99"])
def test_a_card_of_another_version_says_how_to_migrate(card: Card, tmp_path: Path, version: str) -> None:
    with pytest.raises(CardError) as caught:
        load_card(written(tmp_path, card, schema=version))
    assert version in caught.value.message and SCHEMA in caught.value.message
    assert "to migrate, make it anew from its record" in caught.value.hint
    assert card.record_digest[:12] in caught.value.hint and "auditor card RECORD --as json" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 3}', '{"schema": "auditor:record/1"}', "[" * 100000, '{"a": NaN}']
)
def test_what_is_no_card_is_one_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "card.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CardError) as caught:
        load_card(path)
    assert str(path) in caught.value.message and caught.value.hint
