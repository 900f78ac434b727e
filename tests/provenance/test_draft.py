"""The draft: it declares nothing by itself, loads once signed, and what is uncommented is declared."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from auditor.errors import ProvenanceError
from auditor.provenance.declare import load_declared
from auditor.provenance.derive import Derived, derive_facts
from auditor.provenance.draft import draft, questions
from auditor.provenance.facts import catalogue
from auditor.provenance.resolve import resolve
from auditor.types import Fact

HOSTILE = 'x"\n[evil]\nby = "them"\x7f\x1b[31m \\ \u2028y'


@pytest.fixture
def derived(tmp_path: Path) -> Derived:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["X"], "max_position_embeddings": 8}))
    front = {"license": "mit", "datasets": ["org/a"], "base_model": ["org/b"], "language": ["en"]}
    (folder / "README.md").write_text(f"---\n{json.dumps(front)}\n---\n")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/c", "r": 4}))
    save_file({"w": numpy.zeros(3, numpy.float32)}, folder / "model.safetensors")
    return derive_facts(resolve(str(folder), offline=True))


def signed(text: str) -> str:
    return text.replace('by = ""', 'by = "Example Ltd"', 1).replace('date = ""', "date = 2025-06-30", 1)


def load(tmp_path: Path, text: str) -> dict[str, Fact]:
    path = tmp_path / "provenance.toml"
    path.write_text(text, encoding="utf-8")
    return load_declared(path)


def test_a_draft_declares_nothing_and_loads_once_it_is_signed(tmp_path: Path, derived: Derived) -> None:
    text = draft("model", derived)
    with pytest.raises(ProvenanceError, match=r"\$\.by: '' should be non-empty"):
        load(tmp_path, text)
    assert load(tmp_path, signed(text)) == {}


def test_every_fact_has_a_place_in_the_draft_with_its_question_and_its_form(derived: Derived) -> None:
    text = draft("model", derived)
    joined = re.sub(r"\n## ", " ", text)
    for kind in catalogue().values():
        assert f"{kind.label}. {kind.question}" in joined, kind.key
        assert not kind.mdf or f"Model Documentation Form {kind.mdf}" in joined
        assert not kind.unit or f", in {kind.unit}" in joined.partition(f"{kind.label}. ")[2].partition("]")[0], (
            kind.key
        )
    assert text.count("\n[") == len({kind.section for kind in catalogue().values()})


def test_what_was_derived_is_a_comment_with_its_source_and_can_be_confirmed(tmp_path: Path, derived: Derived) -> None:
    text = draft("model", derived)
    assert '## derived: "mit" (front matter of README.md)' in text
    confirmed = load(tmp_path, signed(text).replace('# license = "mit"', 'license = "mit"', 1))
    assert [(key, fact.value) for key, fact in confirmed.items()] == [("model.license", "mit")]
    assert "# context_length" not in text


def test_files_that_contradict_each_other_are_named_in_the_draft(derived: Derived) -> None:
    text = re.sub(r"\n## ", " ", draft("model", derived))
    assert "CONTRADICTION: adapter_config.json says 'org/c', but front matter of README.md says 'org/b'" in text


def test_all_that_can_be_confirmed_loads_where_it_is_taken_as_it_stands(tmp_path: Path, derived: Derived) -> None:
    text = signed(draft("model", derived))
    hints = [key for key, fact in derived.facts.items() if catalogue()[key].fill == "hint" and fact.value]
    for key in hints:
        text = re.sub(rf"^# ({key.partition('.')[2]} = (?!\"\"|\[\]).+)$", r"\1", text, count=1, flags=re.M)
    found = load(tmp_path, text)
    assert {key: fact.value for key, fact in found.items()} == {key: derived.facts[key].value for key in hints}


def test_an_empty_answer_cannot_slip_through(tmp_path: Path, derived: Derived) -> None:
    for empty in ('# version = ""', "# public_versions = []", "# tokens ="):
        text = signed(draft("model", derived))
        assert empty in text
        with pytest.raises(ProvenanceError):
            load(tmp_path, text.replace(empty, empty.removeprefix("# "), 1))


def test_hostile_text_of_a_model_cannot_leave_its_comment(tmp_path: Path) -> None:
    fact = Fact(status="derived", value=HOSTILE, source=HOSTILE)
    text = draft(HOSTILE, Derived(facts={"model.name": fact, "design.tokenizer": fact}, others={}))
    assert load(tmp_path, signed(text)) == {}
    name = next(line for line in text.splitlines() if line.startswith('# name = "x'))
    confirmed = load(tmp_path, signed(text).replace(name, name.removeprefix("# "), 1))
    assert confirmed["model.name"].value == HOSTILE


def test_a_question_is_what_the_files_do_not_say_and_only_a_person_knows(derived: Derived) -> None:
    asked = {kind.key for kind in questions(derived)}
    assert "use.intended" in asked and "training.procedure" in asked
    assert not asked & {"model.license", "model.architecture", "design.layers"}
