"""A tiny random model in memory, for the engine alone."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def llama(tiny_model):  # type: ignore[no-untyped-def]
    """The model of the folder `tiny_model`, in float32."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model).eval()
