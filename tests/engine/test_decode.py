"""Drawing tokens against numpy, and decoding against a plain loop and transformers' own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.decode import decode_prompts, draw_tokens
from auditor.engine.forward import Forward
from auditor.engine.plan import Prompt
from auditor.types import Sampling

SAMPLING = Sampling(max_new_tokens=20, temperature=0.8, top_p=0.9)
PROMPTS = [tuple(range(5, 5 + length)) for length in (23, 7, 7, 1)]


def reference_token(logits: np.ndarray, uniform: float, sampling: Sampling) -> int:
    """One token by the textbook: softmax, nucleus in descending order, inverse of the cumulative distribution."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    scaled = logits.astype(np.float64) / sampling.temperature
    p = np.exp(scaled - scaled.max())
    p /= p.sum()
    order = np.arange(len(p)) if sampling.top_p >= 1 else np.argsort(-p, kind="stable")
    size = len(p) if sampling.top_p >= 1 else int(np.searchsorted(np.cumsum(p[order]), sampling.top_p)) + 1
    kept = order[:size]
    cumulative = np.cumsum(p[kept])
    return int(kept[min(int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right")), len(kept) - 1)])


def table(seed: int, rows: int, width: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(scale=3, size=(rows, width)), dtype=torch.float32)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    width=st.sampled_from([2, 17, 300, 700]),
    temperature=st.sampled_from([0.0, 0.5, 1.0, 5.0]),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 0.9999, 1.0]),
)
def test_draws_invert_the_cumulative_distribution_of_the_nucleus(
    seed: int, width: int, temperature: float, top_p: float
) -> None:
    sampling = Sampling(max_new_tokens=1, temperature=temperature, top_p=top_p)
    logits = table(seed, 6, width)
    uniform = torch.tensor(np.random.default_rng(seed + 1).random(6))
    got = draw_tokens(logits, uniform, sampling).tolist()
    assert got == [reference_token(row.numpy(), float(u), sampling) for row, u in zip(logits, uniform, strict=True)]


def test_a_flat_distribution_needs_more_than_the_first_look() -> None:
    logits = torch.zeros(1, 1000)
    drawn = draw_tokens(logits, torch.tensor([0.999]), Sampling(max_new_tokens=1, top_p=0.95))
    assert drawn.item() == 949  # the nucleus has 950 of 1,000 equal tokens; a topk of 256 would end at 255


def test_rows_are_drawn_independently_of_each_other() -> None:
    logits, uniform = table(0, 8, 400), torch.tensor(np.random.default_rng(2).random(8))
    together = draw_tokens(logits, uniform, SAMPLING)
    for row in range(8):
        assert draw_tokens(logits[row : row + 1], uniform[row : row + 1], SAMPLING)[0] == together[row]


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_a_token_of_no_probability_is_never_drawn(uniform: float) -> None:
    logits = torch.tensor([[-torch.inf, 1.0, 0.0, -torch.inf]])
    for top_p in (0.9, 1.0):
        drawn = draw_tokens(logits, torch.tensor([uniform]), Sampling(max_new_tokens=1, top_p=top_p))
        assert drawn.item() in (1, 2)


def draw_frequencies(top_p: float) -> np.ndarray:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(2000, 1)
    grid = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    drawn = draw_tokens(logits, grid, Sampling(max_new_tokens=1, top_p=top_p))
    return np.bincount(drawn.numpy(), minlength=4) / 2000


def test_frequencies_are_the_probabilities_over_the_nucleus() -> None:
    assert draw_frequencies(1.0) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=1e-3)
    assert draw_frequencies(0.7) == pytest.approx([0.625, 0.375, 0, 0], abs=1e-3)
    assert draw_frequencies(0.4) == pytest.approx([1, 0, 0, 0])


@torch.inference_mode()
def plain_loop(model, ids: tuple[int, ...], seed: int, sampling: Sampling, ends: set[int]) -> tuple[int, ...]:  # type: ignore[no-untyped-def]
    """Sample with no batch, no cache and no padding."""
    uniforms = np.random.Generator(np.random.PCG64(seed)).random(sampling.max_new_tokens)
    found: list[int] = []
    for step, uniform in enumerate(uniforms):
        logits = model(input_ids=torch.tensor([[*ids, *found]])).logits[0, -1].clone()
        if step < sampling.min_new_tokens:
            logits[list(ends)] = -torch.inf
        token = reference_token(logits.numpy(), float(uniform), sampling)
        if token in ends:
            break
        found.append(token)
    return tuple(found)


def asked(sampling: Sampling, copies: int = 2) -> list[Prompt]:
    return [
        Prompt(ids=ids, draws=tuple((10 * n + c, 1000 + 10 * n + c) for c in range(copies)), sampling=sampling)
        for n, ids in enumerate(PROMPTS)
    ]


# With one token in twelve ending a text, rows leave the batch at different steps.
@pytest.mark.parametrize("ends", [{1}, set(range(0, 258, 12))])
@pytest.mark.parametrize("sampling", [SAMPLING, Sampling(max_new_tokens=12, min_new_tokens=5, temperature=0)])
def test_a_pack_draws_what_a_plain_loop_draws(llama, sampling: Sampling, ends: set[int]) -> None:  # type: ignore[no-untyped-def]
    found = decode_prompts(Forward(llama), asked(sampling), pad=1, ends=ends)
    for prompt in asked(sampling):
        for number, seed in prompt.draws:
            expected = plain_loop(llama, prompt.ids, seed, sampling, ends)
            assert found[number].ids == expected
            assert found[number].stopped == (len(expected) < sampling.max_new_tokens)
            assert found[number].finite


def test_greedy_equals_transformers_generate(llama) -> None:  # type: ignore[no-untyped-def]
    sampling = Sampling(max_new_tokens=16, temperature=0)
    found = decode_prompts(Forward(llama), asked(sampling, copies=1), pad=1, ends={1})
    for n, ids in enumerate(PROMPTS):
        whole = llama.generate(
            torch.tensor([ids]), max_new_tokens=16, min_new_tokens=1, do_sample=False, eos_token_id=1, pad_token_id=1
        )
        expected = [token for token in whole[0, len(ids) :].tolist() if token != 1]
        assert list(found[10 * n].ids) == expected


def test_batch_mates_do_not_change_a_completion(llama) -> None:  # type: ignore[no-untyped-def]
    ends = set(range(0, 258, 12))
    together = decode_prompts(Forward(llama), asked(SAMPLING), pad=1, ends=ends)
    for prompt in asked(SAMPLING):
        assert decode_prompts(Forward(llama), [prompt], pad=1, ends=ends) == {n: together[n] for n, _ in prompt.draws}


def test_a_row_whose_logits_break_is_marked_and_its_mates_go_on(llama) -> None:  # type: ignore[no-untyped-def]
    sampling = Sampling(max_new_tokens=6, temperature=0)
    prompts = [
        Prompt(ids=(5, 77, 8), draws=((0, 0),), sampling=sampling),
        Prompt(ids=(5, 6), draws=((1, 0),), sampling=sampling),
    ]
    whole = decode_prompts(Forward(llama), prompts, pad=1, ends={1})
    embedding = llama.get_input_embeddings().weight
    kept = embedding.detach().clone()
    try:
        embedding.data[77] = torch.nan
        found = decode_prompts(Forward(llama), prompts, pad=1, ends={1})
    finally:
        embedding.data.copy_(kept)
    assert (found[0].finite, found[0].ids) == (False, ())
    assert found[1] == whole[1]


@pytest.mark.parametrize("size", [1, 7, 256, 257, 700])
def test_a_token_of_probability_zero_is_never_drawn(size: int) -> None:
    rng = np.random.default_rng(size)
    logits = torch.full((200, size), -torch.inf)
    possible = rng.integers(size, size=200)
    logits[torch.arange(200), torch.tensor(possible)] = 0.0
    edges = torch.tensor([0.0, 1.0 - 2.0**-53] * 100, dtype=torch.float64)
    chosen = draw_tokens(logits, edges, Sampling(max_new_tokens=1))
    assert chosen.tolist() == possible.tolist()
