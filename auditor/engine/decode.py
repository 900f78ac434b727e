"""Completions by continuous batching: a prompt is prefilled once for all its completions; finished rows leave, and
waiting prompts take their place.

Every completion draws from its own generator, so its text depends on its seed and its prompt, not on its neighbours
(beyond the float rounding of a different batch).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Struct

from auditor.engine.cache import is_roomy, join, make_room
from auditor.engine.forward import Forward
from auditor.engine.plan import Prompt
from auditor.engine.sample import draw_tokens, noise_size
from auditor.types import Sampling

_LEAVE = 8  # finished rows leave once they are an eighth of the batch; as many must be free for prompts to enter
_TRIM = 32  # columns that no row needs


class Limits(Struct, frozen=True, kw_only=True):
    """What a batch may hold: completions, tokens of prompts read at once (padding included), and tokens cached."""

    rows: int
    prefill_tokens: int
    cached_tokens: int


class Drawn(Struct, frozen=True, kw_only=True):
    """A completion as tokens, without the end token; `stopped` says that the model ended it."""

    ids: tuple[int, ...]
    stopped: bool
    finite: bool


def decode_prompts(
    forward: Forward, prompts: Sequence[Prompt], *, pad: int, ends: Collection[int], limits: Limits
) -> Iterator[dict[int, Drawn]]:
    """Yield the completions of prompts of one sampling by request number, as they are finished.

    Prompts enter in their order. One with more completions than `limits` allow begins a batch of its own.
    """
    waiting = list(prompts)
    batch: _Batch | None = None
    while waiting or batch is not None:
        while waiting and (batch is None or batch.joins):
            entering = _entering(waiting, batch, limits)
            if not entering:
                break
            del waiting[: len(entering)]
            fresh = _Batch(forward, entering, pad, ends)
            batch = fresh if batch is None else batch.joined(fresh)
        assert batch is not None
        finished = batch.step()
        if finished:
            yield finished
        if batch.empty:
            batch = None


@torch.inference_mode()
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
    return logits[repeat], mask[repeat], make_room(cache)


def _entering(waiting: Sequence[Prompt], batch: _Batch | None, limits: Limits) -> list[Prompt]:
    """Return the prompts, from the front, that are to be read next; at least one when there is no batch."""
    rows, columns = (batch.rows, batch.columns) if batch else (0, 0)
    if batch and limits.rows - rows < limits.rows / _LEAVE:
        return []
    found: list[Prompt] = []
    longest = 0
    for prompt in waiting:
        rows += len(prompt.draws)
        longest = max(longest, len(prompt.ids))
        columns = max(columns, longest + prompt.sampling.max_new_tokens)
        read = (len(found) + 1) * longest
        if (batch or found) and (rows > limits.rows or rows * columns > limits.cached_tokens):
            break
        if found and read > limits.prefill_tokens:
            break
        found.append(prompt)
    return found


class _Draw:
    """A completion on its way."""

    def __init__(self, number: int, seed: int, sampling: Sampling) -> None:
        self.number = number
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._most = sampling.max_new_tokens
        self.ids: list[int] = []
        self.stopped = False
        self.finite = True

    @property
    def open(self) -> bool:
        return self.finite and not self.stopped and len(self.ids) < self._most

    def noise(self, size: int) -> npt.NDArray[np.float64]:
        """Return the numbers that draw the next token; any, for a completion that has its last."""
        return self._rng.gumbel(size=size) if self.open else np.zeros(size)


class _Batch:
    """Completions that are decoded together, a row each."""

    def __init__(self, forward: Forward, prompts: Sequence[Prompt], pad: int, ends: Collection[int]) -> None:
        self._forward = forward
        self._sampling = prompts[0].sampling
        self._ends = ends
        self._draws = [_Draw(number, seed, self._sampling) for prompt in prompts for number, seed in prompt.draws]
        logits, self._mask, self._cache = prefill(forward, prompts, pad)
        self._logits = logits[:, -1].float()  # [rows, vocabulary], of each row's next token

    @property
    def rows(self) -> int:
        return len(self._draws)

    @property
    def columns(self) -> int:
        """How many tokens a row has in the cache, at most, once all completions are as long as they may get."""
        return self._mask.shape[1] + self._sampling.max_new_tokens - min(len(draw.ids) for draw in self._draws)

    @property
    def empty(self) -> bool:
        return not self._draws

    @property
    def joins(self) -> bool:
        """Whether other rows can join, which not every kind of cache allows."""
        return is_roomy(self._cache)

    @torch.inference_mode()
    def joined(self, other: _Batch) -> _Batch:
        """Return this batch with another's rows below its own."""
        self._mask = join(self._cache, self._mask, other._cache, other._mask)
        self._logits = torch.cat([self._logits, other._logits])
        self._draws += other._draws
        return self

    @torch.inference_mode()
    def step(self) -> dict[int, Drawn]:
        """Draw a token for every row and read it; return the completions that are finished by it."""
        was_open = [draw for draw in self._draws if draw.open]
        chosen = self._choose()
        still_open = [row for row, draw in enumerate(self._draws) if draw.open]
        if not still_open or len(self._draws) - len(still_open) >= len(self._draws) / _LEAVE:
            chosen = self._keep(still_open, chosen)
        if still_open:
            seen = self._mask.new_tensor([[int(draw.open)] for draw in self._draws])  # the others stay where they are
            self._mask = torch.cat([self._mask, seen], dim=1)
            logits, self._cache = self._forward(chosen[:, None], self._mask, keep=1, cache=self._cache, remember=True)
            self._logits = logits[:, -1].float()
        return {
            draw.number: Drawn(ids=tuple(draw.ids), stopped=draw.stopped, finite=draw.finite)
            for draw in was_open
            if not draw.open
        }

    def _keep(self, rows: list[int], chosen: torch.Tensor) -> torch.Tensor:
        """Let the other rows leave, and with them the columns that they alone needed; return the tokens that stay."""
        self._draws = [self._draws[row] for row in rows]
        if not rows:
            return chosen
        keep = torch.tensor(rows, device=chosen.device)
        self._cache.reorder_cache(keep)
        self._mask = self._mask[keep]
        unused = int(self._mask.argmax(dim=1).min())
        if unused >= _TRIM and self.joins:
            self._mask = self._mask[:, unused:]
            for layer in self._cache.layers:
                layer.trim(unused)
        return chosen[keep]

    def _choose(self) -> torch.Tensor:
        """Return one token a row [rows], and note it in the draws that are open."""
        logits = self._logits
        broken = ~torch.isfinite(logits.sum(dim=-1))
        if broken.any():
            logits = torch.where(broken[:, None], 0.0, logits)
        young = [row for row, draw in enumerate(self._draws) if len(draw.ids) < self._sampling.min_new_tokens]
        if young and self._ends:
            logits[torch.tensor(young)[:, None], torch.tensor([*self._ends])] = -torch.inf
        size = noise_size(logits.shape[1]) if self._sampling.temperature else 0
        noise = np.stack([draw.noise(size) for draw in self._draws])
        chosen = draw_tokens(logits, torch.from_numpy(noise).float(), self._sampling)
        for draw, token, is_broken in zip(self._draws, chosen.tolist(), broken.tolist(), strict=True):
            if not draw.open:
                continue
            draw.finite = not is_broken
            draw.stopped = draw.finite and token in self._ends
            if draw.open:
                draw.ids.append(token)
        return chosen
