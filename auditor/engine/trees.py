"""From token sequences to trees: what sequences have in common at their beginning is computed once.

Pure Python on token ids; no model, no tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from msgspec import Struct

from auditor.engine.plan import Encoded

_LEAST_STEM = 16  # tokens that a stem must have beyond the stem it is part of
_TREE = 3  # what a tree costs beside its nodes, in nodes: what it is padded with in its forest
_SEEN = 0.0004  # what it costs, in nodes, that attention compares one node of a tree with another


class Tree(Struct, frozen=True, kw_only=True):
    """Sequences laid side by side as one, their common beginnings once.

    All of them begin with `stem`, which is no node. Node i holds token `ids[i]` after the tokens on the path over
    `parents` (−1 next to the stem, always below i). Target `places` are nodes: the continuation's tokens are predicted
    there.
    """

    stem: tuple[int, ...]
    ids: tuple[int, ...]
    parents: tuple[int, ...]
    targets: tuple[Leaf, ...]

    @property
    def depths(self) -> list[int]:
        """Return each node's position in its sequence, from 0 at the stem's beginning."""
        found: list[int] = []
        for parent in self.parents:
            found.append(len(self.stem) if parent < 0 else found[parent] + 1)
        return found

    def path(self, node: int) -> tuple[int, ...]:
        """Return the tokens from the start of a node's sequence to the node."""
        tokens: list[int] = []
        while node >= 0:
            tokens.append(self.ids[node])
            node = self.parents[node]
        return (*self.stem, *reversed(tokens))


class Leaf(Struct, frozen=True, kw_only=True):
    """A continuation inside a tree."""

    number: int
    places: tuple[int, ...]
    continuation: tuple[int, ...]


def plan_trees(encoded: Iterable[Encoded], *, max_nodes: int, stems: bool = True) -> Iterator[Tree]:
    """Yield trees that hold every request, each of at most `max_nodes` nodes unless one sequence has more.

    Sequences are taken in lexicographic order, in which each shares its longest beginning with its neighbour. Many
    that begin alike, too many for one tree, get that beginning as the `stem` of their trees, if `stems` are allowed.
    What stands on the border of two trees beyond their stem is computed twice, and attention compares all nodes of a
    tree; so trees end where both together cost least. The order of the requests does not matter.
    """
    ordered = sorted(encoded, key=lambda request: (request.ids[:-1], request.n_context, request.number))
    runs = _runs(ordered, 0, max_nodes) if stems else iter([(0, ordered)] if ordered else [])
    for stem, run in runs:
        for part in _parts(run, stem, max_nodes):
            yield lay_tree(part, stem=stem)


def plan_forests(trees: Iterable[Tree], *, max_nodes: int) -> Iterator[list[Tree]]:
    """Yield trees of one stem and of like size together, at most `max_nodes` nodes with padding, at least one tree.

    A pass reads all weights, and attention grows with the square of a tree: many small trees in one pass cost less
    than a few large ones one after another.
    """
    for _, group in groupby(trees, key=lambda tree: tree.stem):
        forest: list[Tree] = []
        for tree in sorted(group, key=lambda tree: -len(tree.ids)):
            if forest and (len(forest) + 1) * len(forest[0].ids) > max_nodes:
                yield forest
                forest = []
            forest.append(tree)
        yield forest


def lay_tree(ordered: Sequence[Encoded], *, stem: int) -> Tree:
    """Return one tree of requests in lexicographic order, whose first `stem` tokens are the same and only context."""
    ids: list[int] = []
    parents: list[int] = []
    leaves: list[Leaf] = []
    path: list[int] = []  # the nodes of the sequence laid last
    for before, request in pairwise([ordered[0], *ordered]):
        del path[_shared(before, request) - stem :]
        for token in request.ids[stem + len(path) : -1]:
            parents.append(path[-1] if path else -1)
            path.append(len(ids))
            ids.append(token)
        places = tuple(path[request.n_context - 1 - stem :])
        leaves.append(Leaf(number=request.number, places=places, continuation=request.ids[request.n_context :]))
    return Tree(stem=ordered[0].ids[:stem], ids=tuple(ids), parents=tuple(parents), targets=tuple(leaves))


def _runs(ordered: Sequence[Encoded], stem: int, max_nodes: int) -> Iterator[tuple[int, list[Encoded]]]:
    """Yield requests with the length of their stem.

    A stem is read from its first token, so it must save more in the trees that would hold its tokens than it costs.
    """
    rest: list[Encoded] = []
    for _, group in groupby(ordered, key=lambda request: request.ids[: stem + _LEAST_STEM]):
        run = list(group)
        common = min(_shared(run[0], run[-1]), *(request.n_context - 1 for request in run))
        room = max(1, max_nodes - (common - stem))  # what a tree has left once the beginning is in it
        n_trees = min(len(run), sum(_costs(run, common)) / room)
        if common >= stem + _LEAST_STEM and n_trees > 1 and n_trees * (common - stem) > common:
            yield from _runs(run, common, max_nodes)
        else:
            rest += run
    if rest:
        yield stem, rest


def _parts(ordered: Sequence[Encoded], stem: int, max_nodes: int) -> Iterator[Sequence[Encoded]]:
    """Yield the requests of one tree after another, cut where all trees together cost least.

    By dynamic programming over where the last tree begins, as lines of text are broken best (Knuth and Plass 1981).
    """
    costs = _costs(ordered, stem)
    places = [place for place, cost in enumerate(costs) if cost or not place]  # what feeds the same is not cut
    least, begins = [0.0], [0]  # by the number of places that have a tree: what it costs, where the last one begins
    for end in range(1, len(places) + 1):
        best, begin, after = math.inf, end - 1, 0
        for last in range(end - 1, -1, -1):
            size = len(ordered[places[last]].ids) - 1 - stem + after
            if last < end - 1 and size > max_nodes:
                break
            cost = least[last] + _TREE + size + _SEEN * size**2
            if cost < best:
                best, begin = cost, last
            after += costs[places[last]]
        least.append(best)
        begins.append(begin)
    cuts = [len(places)]
    while cuts[-1]:
        cuts.append(begins[cuts[-1]])
    bounds = [*places, len(ordered)]
    for begin, end in pairwise(reversed(cuts)):
        yield ordered[bounds[begin] : bounds[end]]


def _costs(ordered: Sequence[Encoded], stem: int) -> list[int]:
    """Return how many nodes each request adds to a tree that ends with the one before it."""
    first = len(ordered[0].ids) - 1 - stem
    return [first, *(len(request.ids) - 1 - _shared(before, request) for before, request in pairwise(ordered))]


def _shared(one: Encoded, other: Encoded) -> int:
    """Return how many of the tokens that are fed two requests have in common at the beginning."""
    length = min(len(one.ids), len(other.ids)) - 1
    return next((place for place in range(length) if one.ids[place] != other.ids[place]), length)
