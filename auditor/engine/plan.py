"""From token sequences to packs: what is equal is computed once, what is of like length goes together.

Pure Python on token ids; no model, no tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from msgspec import Struct

from auditor.types import Sampling


class Encoded(Struct, frozen=True, kw_only=True):
    """A log-likelihood request as tokens: `ids` is context and continuation, split after `n_context` (≥ 1)."""

    number: int
    ids: tuple[int, ...]
    n_context: int


class Target(Struct, frozen=True, kw_only=True):
    """A continuation inside a row: its tokens are predicted at positions `start`, `start` + 1, …"""

    number: int
    start: int
    continuation: tuple[int, ...]


class Row(Struct, frozen=True, kw_only=True):
    """One sequence to run, and the continuations that can be read off it."""

    ids: tuple[int, ...]
    targets: tuple[Target, ...]


class Prompt(Struct, frozen=True, kw_only=True):
    """One prompt to run, and the completions to draw from it as (request number, seed)."""

    ids: tuple[int, ...]
    draws: tuple[tuple[int, int], ...]
    sampling: Sampling


def plan_rows(encoded: Iterable[Encoded]) -> list[Row]:
    """Return the fewest rows that hold every request, longest first.

    The last token of a continuation is predicted, never fed; so continuations that differ in it alone share a row,
    and a row that is the beginning of another rides along in it. The order of the requests does not matter.
    """
    wanted = sorted((request.ids[:-1], request.n_context, request.number, request.ids) for request in encoded)
    rows: list[tuple[tuple[int, ...], list[Target]]] = []
    for fed, n_context, number, ids in wanted:
        target = Target(number=number, start=n_context - 1, continuation=ids[n_context:])
        if rows and rows[-1][0] == fed[: len(rows[-1][0])]:
            rows[-1] = (fed, [*rows[-1][1], target])
        else:
            rows.append((fed, [target]))
    rows.sort(key=lambda row: (-len(row[0]), row[0]))
    return [Row(ids=ids, targets=tuple(targets)) for ids, targets in rows]


def pack_rows(rows: Sequence[Row], *, max_tokens: int) -> Iterator[list[Row]]:
    """Yield the rows, longest first, in packs of at most `max_tokens` tokens with padding, at least one row each."""
    pack: list[Row] = []
    for row in rows:
        if pack and (len(pack) + 1) * len(pack[0].ids) > max_tokens:
            yield pack
            pack = []
        pack.append(row)
    if pack:
        yield pack


def pack_prompts(prompts: Iterable[Prompt], *, max_draws: int) -> Iterator[list[Prompt]]:
    """Yield prompts of the same sampling and of like length together, at most `max_draws` completions a pack.

    A prompt with more completions than that is a pack of its own.
    """

    def same_sampling(prompt: Prompt) -> tuple[int, int, float, float]:
        how = prompt.sampling
        return (how.max_new_tokens, how.min_new_tokens, how.temperature, how.top_p)

    ordered = sorted(prompts, key=lambda prompt: (same_sampling(prompt), -len(prompt.ids), prompt.ids))
    for _, group in groupby(ordered, key=same_sampling):
        pack: list[Prompt] = []
        count = 0
        for prompt in group:
            if pack and count + len(prompt.draws) > max_draws:
                yield pack
                pack, count = [], 0
            pack.append(prompt)
            count += len(prompt.draws)
        if pack:
            yield pack
