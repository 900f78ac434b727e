"""The committed examples are what the code makes today of the committed record and provenance file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from auditor.check_card import Asked, check_card
from auditor.errors import RecordError

EXAMPLES = Path(__file__).parents[2] / "model_cards" / "examples"
SMOLLM2 = EXAMPLES / "smollm2"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_examples", EXAMPLES / "make.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_what_its_record_and_provenance_give(make: ModuleType) -> None:
    assert SMOLLM2 in make.examples()
    for folder in make.examples():
        for file, text in make.documents(folder).items():
            assert (folder / file).read_bytes() == text.encode(), f"{folder.name}/{file}: make examples"
        assert {path.name for path in folder.iterdir()} == {*make.files(folder), "record.json", "provenance.toml"}


def test_an_example_whose_record_was_edited_is_refused(make: ModuleType, tmp_path: Path) -> None:
    for name in ("record.json", "provenance.toml"):
        text = (SMOLLM2 / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace('"n_unscored": 0', '"n_unscored": 1', 1), encoding="utf-8")
    with pytest.raises(RecordError, match="was changed"):
        make.documents(tmp_path)


@pytest.mark.parametrize("name", ["card.json", "README.md", "card.html", "mdf-downstream.md"])
def test_an_example_is_about_the_embedded_model(name: str) -> None:
    found = check_card(Asked(path=SMOLLM2 / name, model="smollm2"))
    assert found.exit_code == 0, found.summary


def test_an_example_tells_no_reader_what_is_for_another() -> None:
    text = (SMOLLM2 / "mdf-downstream.md").read_text(encoding="utf-8")
    assert "1-500M" in text and "134515008" not in text and "134,515,008" not in text
    text = (SMOLLM2 / "mdf-authorities.md").read_text(encoding="utf-8")
    assert "134515008" not in text and "134,515,008" not in text and "269030016" not in text
    assert "1B-10T tokens" in text and "2000000000000" not in text and "2,000,000" not in text
