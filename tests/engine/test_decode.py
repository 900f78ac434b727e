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
from auditor.engine.sample import draw_tokens, noise_size
from auditor.types import Sampling

SAMPLING = Sampling(max_new_tokens=20, temperature=0.8, top_p=0.9)
PROMPTS = [tuple(range(5, 5 + length)) for length in (23, 7, 7, 1)]


def reference_token(logits: np.ndarray, noise: np.ndarray, sampling: Sampling) -> int:
    """One token by the textbook: softmax, nucleus in descending order, Gumbel-max over blocks and in the block."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    scaled = logits.astype(np.float64) / sampling.temperature
    p = np.exp(scaled - scaled.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    size = len(p) if sampling.top_p >= 1 else int(np.searchsorted(np.cumsum(p[order]), sampling.top_p)) + 1
    p[order[size:]] = 0
    blocks = [p[start : start + 256] for start in range(0, len(p), 256)]
    with np.errstate(divide="ignore"):
        block = int(np.argmax([np.log(part.sum()) + one for part, one in zip(blocks, noise[:-256], strict=True)]))
        return 256 * block + int(np.argmax(np.log(blocks[block]) + noise[-256:][: len(blocks[block])]))


def table(seed: int, rows: int, width: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(scale=3, size=(rows, width)), dtype=torch.float32)


def noise_for(seed: int, rows: int, width: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).gumbel(size=(rows, noise_size(width))), dtype=torch.float32)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    width=st.sampled_from([2, 17, 300, 700]),
    temperature=st.sampled_from([0.0, 0.5, 1.0, 5.0]),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 0.9999, 1.0]),
)
def test_draws_are_those_of_a_plain_draw_from_the_nucleus(
    seed: int, width: int, temperature: float, top_p: float
) -> None:
    sampling = Sampling(max_new_tokens=1, temperature=temperature, top_p=top_p)
    logits, noise = table(seed, 6, width), noise_for(seed + 1, 6, width)
    got = draw_tokens(logits, noise, sampling).tolist()
    assert got == [reference_token(row.numpy(), one.numpy(), sampling) for row, one in zip(logits, noise, strict=True)]


def test_a_flat_distribution_needs_more_than_the_first_look() -> None:
    logits = torch.zeros(3000, 1000)
    drawn = draw_tokens(logits, noise_for(0, 3000, 1000), Sampling(max_new_tokens=1, top_p=0.95))
    assert drawn.max() < 950  # the nucleus has 950 of 1,000 equal tokens; a topk of 256 would end at 255
    assert len(drawn.unique()) > 850


def test_rows_are_drawn_independently_of_each_other() -> None:
    logits, noise = table(0, 8, 400), noise_for(2, 8, 400)
    together = draw_tokens(logits, noise, SAMPLING)
    for row in range(8):
        assert draw_tokens(logits[row : row + 1], noise[row : row + 1], SAMPLING)[0] == together[row]


@pytest.mark.parametrize("top_p", [0.95, 1.0])
def test_the_rounding_of_another_batch_moves_hardly_a_draw(top_p: float) -> None:
    logits, noise = table(0, 300, 20_000) / 2, noise_for(1, 300, 20_000)
    rounding = 1e-5 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    sampling = Sampling(max_new_tokens=1, top_p=top_p)
    moved = draw_tokens(logits, noise, sampling) != draw_tokens(logits + rounding, noise, sampling)
    assert moved.sum() <= 1


@pytest.mark.parametrize("noise", [-3.0, 30.0])
def test_a_token_of_no_probability_is_never_drawn(noise: float) -> None:
    logits = torch.tensor([[-torch.inf, 1.0, 0.0, -torch.inf]])
    there = torch.zeros(1, noise_size(4))
    there[:, [1, 4]] = noise  # of the first token and the last
    for top_p in (0.9, 1.0):
        assert draw_tokens(logits, there, Sampling(max_new_tokens=1, top_p=top_p)).item() in (1, 2)


def draw_frequencies(top_p: float) -> np.ndarray:
    logits = torch.full((40_000, 600), -torch.inf)
    logits[:, [3, 250, 300, 599]] = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    drawn = draw_tokens(logits, noise_for(0, 40_000, 600), Sampling(max_new_tokens=1, top_p=top_p))
    counts = np.bincount(drawn.numpy(), minlength=600)[[3, 250, 300, 599]]
    assert counts.sum() == 40_000
    return counts / 40_000


def test_frequencies_are_the_probabilities_over_the_nucleus() -> None:
    assert draw_frequencies(1.0) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.01)
    assert draw_frequencies(0.7) == pytest.approx([0.625, 0.375, 0, 0], abs=0.01)
    assert draw_frequencies(0.4) == pytest.approx([1, 0, 0, 0])


@torch.inference_mode()
def plain_loop(model, ids: tuple[int, ...], seed: int, sampling: Sampling, ends: set[int]) -> tuple[int, ...]:  # type: ignore[no-untyped-def]
    """Sample with no batch, no cache and no padding."""
    rng = np.random.Generator(np.random.PCG64(seed))
    found: list[int] = []
    for step in range(sampling.max_new_tokens):
        logits = model(input_ids=torch.tensor([[*ids, *found]])).logits[0, -1].clone()
        if step < sampling.min_new_tokens:
            logits[list(ends)] = -torch.inf
        noise = rng.gumbel(size=noise_size(len(logits))) if sampling.temperature else np.zeros(0)
        token = reference_token(logits.numpy(), noise, sampling)
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
    chosen = draw_tokens(logits, noise_for(size, 200, size), Sampling(max_new_tokens=1))
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
