"""Prompt templates render in a sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import TemplateError

from auditor import prompts


def test_the_sandbox_lets_a_template_reach_nothing_of_pythons() -> None:
    for hostile in (
        "{{ ''.__class__.__mro__ }}",
        "{{ items.append(1) }}",
        "{{ hole }}",
        "{{ x.__init__.__globals__ }}",
    ):
        with pytest.raises(TemplateError):
            prompts.sandbox().from_string(hostile).render(items=[1], x=Path())
