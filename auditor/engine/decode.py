"""Completions of a pack of prompts: each prompt is prefilled once for all its completions; finished rows leave.

Every completion draws from its own generator, so its text depends on its seed and its prompt, not on its neighbours
(beyond the float rounding of a different batch).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from msgspec import Struct

from auditor.engine.forward import Forward
from auditor.engine.plan import Prompt
from auditor.types import Sampling

_NUCLEUS_FIRST_LOOK = 256
_COMPACT_BELOW = 0.875
_BLOCK = 256


class Drawn(Struct, frozen=True, kw_only=True):
    """A completion as tokens, without the end token; `stopped` says that the model ended it."""

    ids: tuple[int, ...]
    stopped: bool
    finite: bool


@torch.inference_mode()
def decode_prompts(forward: Forward, prompts: Sequence[Prompt], *, pad: int, ends: Collection[int]) -> dict[int, Drawn]:
    """Return the completions of a pack of prompts of one sampling, by request number."""
    sampling = prompts[0].sampling
    logits, mask, cache = prefill(forward, prompts, pad)
    open_draws = [_Draw(number, seed, sampling) for prompt in prompts for number, seed in prompt.draws]
    found = {draw.number: draw for draw in open_draws}
    rows = list(open_draws)  # the draw of each row of the batch
    for step in range(sampling.max_new_tokens):
        chosen = _choose(logits, rows, step, sampling, ends)
        open_draws = [draw for draw in rows if draw.open]
        if not open_draws or step + 1 == sampling.max_new_tokens:
            break
        if len(open_draws) < _COMPACT_BELOW * len(rows):
            keep = torch.tensor([row for row, draw in enumerate(rows) if draw.open], device=forward.device)
            cache.reorder_cache(keep)
            mask, chosen, rows = mask[keep], chosen[keep], open_draws
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        logits, cache = forward(chosen[:, None], mask, keep=1, cache=cache, remember=True)
    return {
        number: Drawn(ids=tuple(draw.ids), stopped=draw.stopped, finite=draw.finite) for number, draw in found.items()
    }


def prefill(forward: Forward, prompts: Sequence[Prompt], pad: int) -> tuple[torch.Tensor, torch.Tensor, Any]:
    """Run each prompt once; return logits [completions, 1, vocabulary], mask and cache, a row for each completion."""
    length = max(len(prompt.ids) for prompt in prompts)
    ids = torch.full((len(prompts), length), pad)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, length - len(prompt.ids) :] = torch.tensor(prompt.ids)
        mask[row, length - len(prompt.ids) :] = 1
    mask = mask.to(forward.device)
    logits, cache = forward(ids.to(forward.device), mask, keep=1, remember=True)
    repeat = torch.tensor([row for row, prompt in enumerate(prompts) for _ in prompt.draws], device=forward.device)
    cache.reorder_cache(repeat)
    return logits[repeat], mask[repeat], cache


class _Draw:
    """A completion on its way."""

    def __init__(self, number: int, seed: int, sampling: Sampling) -> None:
        self.number = number
        self.uniforms = np.random.Generator(np.random.PCG64(seed)).random(sampling.max_new_tokens)
        self.ids: list[int] = []
        self.stopped = False
        self.finite = True

    @property
    def open(self) -> bool:
        return self.finite and not self.stopped


def _choose(
    logits: torch.Tensor, rows: Sequence[_Draw], step: int, sampling: Sampling, ends: Collection[int]
) -> torch.Tensor:
    """Return one token a row [rows], and note it in the draws that are open."""
    last = logits[:, -1].float()
    broken = ~torch.isfinite(last.sum(dim=-1))
    if broken.any():
        last = torch.where(broken[:, None], 0.0, last)
    if step < sampling.min_new_tokens:
        last[:, list(ends)] = -torch.inf
    uniform = torch.tensor([draw.uniforms[step] for draw in rows], dtype=torch.float64, device=last.device)
    chosen = draw_tokens(last, uniform, sampling)
    for draw, token, is_broken in zip(rows, chosen.tolist(), broken.tolist(), strict=True):
        if not draw.open:
            continue
        draw.finite = not is_broken
        draw.stopped = draw.finite and token in ends
        if draw.open:
            draw.ids.append(token)
    return chosen


def draw_tokens(logits: torch.Tensor, uniform: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Return one token a row, by inverting the cumulative distribution at `uniform`.

    `logits`: [rows, vocabulary]; `uniform`: [rows], in [0, 1). Temperature 0 is greedy. With `top_p` < 1 the draw is
    from the nucleus, the smallest set of most probable tokens whose mass reaches it.

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", §3.1.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    scaled = logits.float() if sampling.temperature == 1 else logits.float() / sampling.temperature
    probabilities = scaled.softmax(dim=-1)
    if sampling.top_p >= 1:
        return _invert(probabilities, uniform)
    k = min(_NUCLEUS_FIRST_LOOK, probabilities.shape[-1])
    values, tokens = probabilities.topk(k, dim=-1)
    if k < probabilities.shape[-1] and bool((values.sum(dim=-1) < sampling.top_p).any()):
        values, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
    before = values.double().cumsum(dim=-1) - values.double()
    nucleus = values.double() * (before < sampling.top_p)
    return tokens.gather(1, _invert(nucleus, uniform)[:, None])[:, 0]


def _invert(weights: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Return the place [rows] at which the running sum of weights [rows, size] exceeds `uniform` of the whole.

    In two steps, the block and the place in it, so that one pass over a large vocabulary is enough. The point stays
    below each total, so a place of weight 0 is never drawn.
    """
    rows = torch.arange(len(weights), device=weights.device)
    excess = -weights.shape[1] % _BLOCK
    padded = torch.nn.functional.pad(weights, (0, excess)) if excess else weights
    blocks = padded.view(len(weights), -1, _BLOCK)
    outer = blocks.sum(dim=-1, dtype=torch.float64).cumsum(dim=-1)
    point = _below(uniform.double() * outer[:, -1], outer[:, -1])
    block = torch.searchsorted(outer, point[:, None], right=True)[:, 0]
    before = torch.where(block > 0, outer[rows, (block - 1).clamp(min=0)], 0.0)
    inner = blocks[rows, block].cumsum(dim=-1, dtype=torch.float64)
    place = torch.searchsorted(inner, _below(point - before, inner[:, -1])[:, None], right=True)[:, 0]
    return block * _BLOCK + place


def _below(point: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    return torch.minimum(point, torch.nextafter(total, torch.zeros_like(total)))
