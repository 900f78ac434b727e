"""Drawing tokens against numpy, and decoding against a plain loop and transformers' own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.decode import Drawn, Limits, decode_prompts
from auditor.engine.forward import Forward
from auditor.engine.plan import Prompt
from auditor.engine.sample import draw_tokens
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


def decoded(model, prompts: list[Prompt], ends: set[int], **limits: int) -> dict[int, Drawn]:  # type: ignore[no-untyped-def]
    """All completions; the limits not named hold everything at once."""
    whole = Limits(**{"rows": 99, "prefill_tokens": 10**6, "cached_tokens": 10**6, **limits})
    found: dict[int, Drawn] = {}
    for finished in decode_prompts(Forward(model), prompts, pad=1, ends=ends, limits=whole):
        assert not found.keys() & finished.keys()
        found |= finished
    return found


def asked(sampling: Sampling, copies: int = 2) -> list[Prompt]:
    return [
        Prompt(ids=ids, draws=tuple((10 * n + c, 1000 + 10 * n + c) for c in range(copies)), sampling=sampling)
        for n, ids in enumerate(PROMPTS)
    ]


# With one token in twelve ending a text, rows leave the batch at different steps.
@pytest.mark.parametrize("ends", [{1}, set(range(0, 258, 12))])
@pytest.mark.parametrize("sampling", [SAMPLING, Sampling(max_new_tokens=12, min_new_tokens=5, temperature=0)])
def test_a_pack_draws_what_a_plain_loop_draws(llama, sampling: Sampling, ends: set[int]) -> None:  # type: ignore[no-untyped-def]
    found = decoded(llama, asked(sampling), ends)
    for prompt in asked(sampling):
        for number, seed in prompt.draws:
            expected = plain_loop(llama, prompt.ids, seed, sampling, ends)
            assert found[number].ids == expected
            assert found[number].stopped == (len(expected) < sampling.max_new_tokens)
            assert found[number].finite


def test_greedy_equals_transformers_generate(llama) -> None:  # type: ignore[no-untyped-def]
    sampling = Sampling(max_new_tokens=16, temperature=0)
    found = decoded(llama, asked(sampling, copies=1), {1})
    for n, ids in enumerate(PROMPTS):
        whole = llama.generate(
            torch.tensor([ids]), max_new_tokens=16, min_new_tokens=1, do_sample=False, eos_token_id=1, pad_token_id=1
        )
        expected = [token for token in whole[0, len(ids) :].tolist() if token != 1]
        assert list(found[10 * n].ids) == expected


def test_batch_mates_do_not_change_a_completion(llama) -> None:  # type: ignore[no-untyped-def]
    ends = set(range(0, 258, 12))
    together = decoded(llama, asked(SAMPLING), ends)
    for prompt in asked(SAMPLING):
        assert decoded(llama, [prompt], ends) == {n: together[n] for n, _ in prompt.draws}


def test_a_row_whose_logits_break_is_marked_and_its_mates_go_on(llama) -> None:  # type: ignore[no-untyped-def]
    sampling = Sampling(max_new_tokens=6, temperature=0)
    prompts = [
        Prompt(ids=(5, 77, 8), draws=((0, 0),), sampling=sampling),
        Prompt(ids=(5, 6), draws=((1, 0),), sampling=sampling),
    ]
    whole = decoded(llama, prompts, {1})
    embedding = llama.get_input_embeddings().weight
    kept = embedding.detach().clone()
    try:
        embedding.data[77] = torch.nan
        found = decoded(llama, prompts, {1})
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


class Counting(Forward):
    """Notes the rows and columns of every pass."""

    def __init__(self, model) -> None:  # type: ignore[no-untyped-def]
        super().__init__(model)
        self.shapes: list[tuple[int, int]] = []

    def __call__(self, ids, mask, **more):  # type: ignore[no-untyped-def]
        self.shapes.append((ids.shape[0], mask.shape[1]))
        return super().__call__(ids, mask, **more)


@pytest.mark.parametrize(
    "limits", [{"rows": 2}, {"rows": 3}, {"rows": 5, "prefill_tokens": 10}, {"cached_tokens": 100}]
)
def test_waiting_prompts_enter_where_finished_rows_leave(llama, limits: dict[str, int]) -> None:  # type: ignore[no-untyped-def]
    ends = set(range(0, 258, 12))
    assert decoded(llama, asked(SAMPLING), ends, **limits) == decoded(llama, asked(SAMPLING), ends)


@pytest.mark.parametrize("rows", [2, 4])
def test_a_batch_is_never_fuller_than_allowed_and_is_filled_up(llama, rows: int) -> None:  # type: ignore[no-untyped-def]
    ends = set(range(0, 258, 12))
    forward = Counting(llama)
    limits = Limits(rows=rows, prefill_tokens=10**6, cached_tokens=10**6)
    sampling = Sampling(max_new_tokens=40)
    prompts = [Prompt(ids=(5, n), draws=((n, n),), sampling=sampling) for n in range(12)]
    found = {
        n: d for part in decode_prompts(forward, prompts, pad=1, ends=ends, limits=limits) for n, d in part.items()
    }
    steps = [count for count, _ in forward.shapes[1:]]
    assert sorted(found) == list(range(12))
    assert max(count for count, _ in forward.shapes) == rows
    assert len(steps) < sum(sorted((len(d.ids) for d in found.values()), reverse=True)[::rows]) + 12, "batch by batch"


def test_a_prompt_with_more_completions_than_rows_has_a_batch_of_its_own(llama) -> None:  # type: ignore[no-untyped-def]
    whole = decoded(llama, asked(SAMPLING, copies=4), {1})
    assert decoded(llama, asked(SAMPLING, copies=4), {1}, rows=3) == whole


def test_columns_that_no_row_needs_are_dropped(llama) -> None:  # type: ignore[no-untyped-def]
    sampling = Sampling(max_new_tokens=30)
    long = Prompt(ids=tuple(range(5, 95)), draws=((0, 0),), sampling=sampling)
    short = [Prompt(ids=(5, n), draws=((n, n),), sampling=sampling) for n in range(1, 9)]
    forward = Counting(llama)
    limits = Limits(rows=2, prefill_tokens=10**6, cached_tokens=10**6)
    found = {
        n: d
        for part in decode_prompts(forward, [long, *short], pad=1, ends={1}, limits=limits)
        for n, d in part.items()
    }
    assert max(columns for _, columns in forward.shapes) > 90
    assert forward.shapes[-1][1] < 90
    for prompt in [long, *short]:
        ((number, seed),) = prompt.draws
        assert found[number].ids == plain_loop(llama, prompt.ids, seed, sampling, {1})


def test_completions_are_given_out_as_they_are_finished(llama) -> None:  # type: ignore[no-untyped-def]
    limits = Limits(rows=99, prefill_tokens=10**6, cached_tokens=10**6)
    parts = list(decode_prompts(Forward(llama), asked(SAMPLING), pad=1, ends=set(range(0, 258, 12)), limits=limits))
    assert len(parts) > 1


def test_a_row_that_waits_to_leave_is_fed_no_further_than_the_context_length() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(GPT2Config(vocab_size=258, n_embd=32, n_layer=1, n_head=2, n_positions=40)).eval()
    sampling = Sampling(max_new_tokens=20)
    short = [Prompt(ids=(5, n), draws=((n, n),), sampling=sampling) for n in range(40)]
    full = [Prompt(ids=(5, *range(n, n + 19)), draws=((n, n),), sampling=sampling) for n in range(40, 60)]
    mixed = [*short[:20], *(prompt for pair in zip(full, short[20:], strict=True) for prompt in pair)]
    limits = Limits(rows=24, prefill_tokens=40, cached_tokens=10**6)
    parts = decode_prompts(Forward(model), mixed, pad=1, ends=set(range(0, 258, 40)), limits=limits)
    found = {number: drawn for part in parts for number, drawn in part.items()}
    assert found.keys() == {number for prompt in mixed for number, _ in prompt.draws}
    assert any(len(found[number].ids) == 20 for number in range(40, 60)), "its last token stands on the last position"
