"""Licence ids of the Hub and of SPDX, and licences recognised by text or title."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.exporters.hub import hub_licence
from auditor.provenance.licence_texts import recognise
from auditor.provenance.licences import HUB_LICENCES, fault_of, to_spdx


def test_every_hub_id_that_names_one_licence_has_an_spdx_spelling_and_none_is_at_fault() -> None:
    untold = {name for name in HUB_LICENCES if not to_spdx(name)}
    assert untold == {"bsd", "cc", "gfdl", "gpl", "lgpl", "openrail", "other", "unknown"}
    assert [name for name in HUB_LICENCES if fault_of(name)] == []
    assert len(HUB_LICENCES) == 83


def test_a_hub_id_with_a_plus_is_a_reference_that_spdx_allows_and_comes_back() -> None:
    assert to_spdx("openrail++") == "LicenseRef-openrail-plus-plus"
    assert hub_licence("LicenseRef-openrail-plus-plus") == hub_licence("openrail++") == ("openrail++", "")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("apache2", "apache-2.0"),
        ("Apache 2.0", "Apache-2.0"),
        ("MITT", "MIT"),
        ("MIT AND foo", ""),
        ("LicenseRef-", ""),
    ],
)
def test_what_is_neither_is_named_with_the_nearest(name: str, near: str) -> None:
    assert near in fault_of(name)
    assert "neither an SPDX id" in fault_of(name)


@pytest.mark.parametrize("name", ["MIT OR Apache-2.0", "LicenseRef-own", "gpl-2.0-or-later", "llama3.1"])
def test_expressions_own_licences_and_hub_ids_are_taken(name: str) -> None:
    assert fault_of(name) == ""


def test_the_licence_of_this_project_is_recognised_by_its_whole_text() -> None:
    text = (Path(__file__).resolve().parents[2] / "LICENSE").read_text(encoding="utf-8")
    found = recognise(text)
    assert found is not None
    assert (found.id, found.whole) == ("Apache-2.0", True)
    changed = recognise(text.replace("irrevocable", "revocable"))
    assert changed is not None
    assert (changed.id, changed.whole) == ("Apache-2.0", False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\nLlama 3.1 Version Release Date", "llama3.1"),
        ("Creative Commons Attribution-NonCommercial 4.0 International Public License", "CC-BY-NC-4.0"),
        ("Attribution 4.0 International\n=====", "CC-BY-4.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007", "AGPL-3.0"),
        ("BigCode Open RAIL-M v1 License Agreement", "bigcode-openrail-m"),
    ],
)
def test_titles_are_told_as_titles(text: str, name: str) -> None:
    found = recognise(text)
    assert found is not None
    assert (found.id, found.whole) == (name, False)


@pytest.mark.parametrize("name", ["MIT AND", "MIT OR (", "OR", "MIT WITH"])
def test_half_an_expression_is_no_licence(name: str) -> None:
    assert to_spdx(name) == "" and "neither an SPDX id" in fault_of(name)


@pytest.mark.parametrize("text", ["", "All rights reserved.", "see " * 60 + "the MIT License"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert recognise(text) is None
