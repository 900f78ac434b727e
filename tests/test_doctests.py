"""Runs the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import auditor
import auditor.stats

PACKAGE = Path(auditor.__file__).parent
MODULES = sorted(
    ".".join(("auditor", *file.relative_to(PACKAGE).with_suffix("").parts))
    for file in PACKAGE.rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)
SCORERS = ("ambiguity_bias", "base", "behaviour_choice", "claim_verdict", "multiple_choice", "opinion_shift", "pairs")
WITH_EXAMPLES = {
    *(f"auditor.stats.{module.name}" for module in pkgutil.iter_modules(auditor.stats.__path__)),
    "auditor.engine.blanks",
    *(f"auditor.scorers.{name}" for name in SCORERS),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0 and result.attempted > 0


def test_every_module_that_should_have_examples_has_some() -> None:
    assert set(MODULES) >= WITH_EXAMPLES
