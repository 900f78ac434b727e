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


class Tree(Struct, frozen=True, kw_only=True):
    """Sequences laid side by side as one, their common beginnings once.

    Node i holds token `ids[i]` after the tokens on the path over `parents` (−1 at the start of a sequence, always
    below i). Target `places` are nodes: the continuation's tokens are predicted there.
    """

    ids: tuple[int, ...]
    parents: tuple[int, ...]
    targets: tuple[Leaf, ...]

    @property
    def depths(self) -> list[int]:
        """Return each node's position in its sequence, from 0."""
        found: list[int] = []
        for parent in self.parents:
            found.append(0 if parent < 0 else found[parent] + 1)
        return found

    def path(self, node: int) -> tuple[int, ...]:
        """Return the tokens from the start of a node's sequence to the node."""
        tokens: list[int] = []
        while node >= 0:
            tokens.append(self.ids[node])
            node = self.parents[node]
        return tuple(reversed(tokens))


class Leaf(Struct, frozen=True, kw_only=True):
    """A continuation inside a tree."""

    number: int
    places: tuple[int, ...]
    continuation: tuple[int, ...]


def plan_trees(encoded: Iterable[Encoded], *, max_nodes: int, max_predictions: int) -> Iterator[Tree]:
    """Yield trees that hold every request, each of at most `max_nodes` tokens unless one sequence has more.

    Sequences are taken in lexicographic order, in which each shares its longest beginning with its neighbour; so a
    tree is filled one sequence at a time, and only what stands on the border of two trees is computed twice.
    `max_predictions` bounds the continuations' tokens of a tree. The order of the requests does not matter.
    """
    growing = _Growing()
    for request in sorted(encoded, key=lambda request: (request.ids[:-1], request.n_context, request.number)):
        new_nodes, new_predictions = growing.cost(request)
        over = len(growing.ids) + new_nodes > max_nodes or growing.n_predictions + new_predictions > max_predictions
        if growing.leaves and over:
            yield growing.tree()
            growing = _Growing()
        growing.add(request)
    if growing.leaves:
        yield growing.tree()


class _Growing:
    """A tree being filled; `_path` are the nodes of the sequence added last."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.leaves: list[Leaf] = []
        self.n_predictions = 0
        self._parents: list[int] = []
        self._path: list[int] = []

    def cost(self, request: Encoded) -> tuple[int, int]:
        """Return how many nodes and predictions the request would add."""
        return len(request.ids) - 1 - self._shared(request), len(request.ids) - request.n_context

    def add(self, request: Encoded) -> None:
        """Lay the request's tokens, but for the last, along the tree."""
        del self._path[self._shared(request) :]
        for token in request.ids[len(self._path) : -1]:
            self._parents.append(self._path[-1] if self._path else -1)
            self._path.append(len(self.ids))
            self.ids.append(token)
        places = tuple(self._path[request.n_context - 1 :])
        self.leaves.append(Leaf(number=request.number, places=places, continuation=request.ids[request.n_context :]))
        self.n_predictions += len(places)

    def tree(self) -> Tree:
        """Return the tree as it stands."""
        return Tree(ids=tuple(self.ids), parents=tuple(self._parents), targets=tuple(self.leaves))

    def _shared(self, request: Encoded) -> int:
        fed = request.ids[:-1]
        for depth, node in enumerate(self._path):
            if depth == len(fed) or self.ids[node] != fed[depth]:
                return depth
        return len(self._path)


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


def pack_prompts(prompts: Iterable[Prompt], *, max_rows: int) -> Iterator[list[Prompt]]:
    """Yield prompts of the same sampling and of like length together, at most `max_rows` completions a pack.

    A prompt with more completions than that is a pack of its own.
    """

    def same_sampling(prompt: Prompt) -> tuple[int, int, float, float]:
        how = prompt.sampling
        return (how.max_new_tokens, how.min_new_tokens, how.temperature, how.top_p)

    ordered = sorted(prompts, key=lambda prompt: (same_sampling(prompt), -len(prompt.ids), prompt.ids))
    for _, group in groupby(ordered, key=same_sampling):
        pack: list[Prompt] = []
        rows = 0
        for prompt in group:
            if pack and rows + len(prompt.draws) > max_rows:
                yield pack
                pack, rows = [], 0
            pack.append(prompt)
            rows += len(prompt.draws)
        if pack:
            yield pack
