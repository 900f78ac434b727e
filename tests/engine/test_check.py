"""The self-check sees what would make a batch's numbers wrong."""

from __future__ import annotations

import math

import pytest
import torch

from auditor.engine.check import batch_difference, tolerance
from auditor.engine.forward import Forward

TEXTS = [list(range(5, 5 + length)) for length in (30, 4, 12)]


class CountsPadding(Forward):
    """Takes padding for text: no mask, positions from the first column."""

    def _run(self, ids, mask, keep, **more):  # type: ignore[no-untyped-def]
        return super()._run(ids, torch.ones_like(mask), keep, **more)


class LosesItsCache(Forward):
    """Forgets all but the newest token at every step."""

    def __call__(self, ids, mask, *, keep, cache=None, remember):  # type: ignore[no-untyped-def]
        return super().__call__(ids, mask[:, -ids.shape[1] :], keep=keep, cache=None, remember=remember)


class SeesAhead(Forward):
    """Adds the last token's logits to all, as a masked model's do."""

    def _logits(self, out, keep):  # type: ignore[no-untyped-def]
        return super()._logits(out, keep) + out.logits[:, -1:]


def difference(kind: type[Forward], model, *, together: bool) -> float:  # type: ignore[no-untyped-def]
    return batch_difference(kind(model), TEXTS, pad=1, together=together)


@pytest.mark.parametrize("together", [True, False])
def test_a_sound_model_differs_by_rounding_alone(llama, together: bool) -> None:  # type: ignore[no-untyped-def]
    assert difference(Forward, llama, together=together) < 1e-4


def test_padding_that_counts_shows_in_batches_alone(llama) -> None:  # type: ignore[no-untyped-def]
    assert difference(CountsPadding, llama, together=True) > tolerance(torch.float32)
    assert difference(CountsPadding, llama, together=False) < 1e-4


def test_a_lost_cache_shows_even_alone(llama) -> None:  # type: ignore[no-untyped-def]
    assert difference(LosesItsCache, llama, together=False) > tolerance(torch.float32)


def test_logits_that_know_the_next_token_show_even_alone(llama) -> None:  # type: ignore[no-untyped-def]
    assert difference(SeesAhead, llama, together=False) > tolerance(torch.float32)


def test_logits_that_are_not_finite_are_infinitely_different(llama) -> None:  # type: ignore[no-untyped-def]
    embedding = llama.get_input_embeddings().weight
    kept = embedding.detach().clone()
    try:
        embedding.data[1] = torch.nan  # the padding alone
        assert difference(Forward, llama, together=True) == math.inf
        assert difference(Forward, llama, together=False) < 1e-4
    finally:
        embedding.data.copy_(kept)


def test_the_tolerance_grows_with_the_rounding_of_the_dtype() -> None:
    assert tolerance(torch.float32) == 1e-3
    assert tolerance(torch.float32) < tolerance(torch.float16) < tolerance(torch.bfloat16) <= 0.5
