from __future__ import annotations

import doctest

import pytest

from training import example, left_out, other_sets, studies


@pytest.mark.parametrize("module", [example, left_out, other_sets, studies], ids=lambda module: module.__name__)
def test_examples_in_docstrings_hold(module) -> None:
    done = doctest.testmod(module)
    assert done.attempted and not done.failed
