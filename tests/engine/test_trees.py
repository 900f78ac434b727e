"""Trees: every request is in one, shared beginnings are there once, and the numbers are those of a plain forward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.engine.check import tree_difference
from auditor.engine.forward import Forward
from auditor.engine.plan import Encoded
from auditor.engine.score import score_trees
from auditor.engine.trees import Tree, lay_tree, plan_forests, plan_trees
from auditor.types import Loglikelihood, Unscored


@st.composite
def encoded_requests(draw: st.DrawFn) -> list[Encoded]:
    """Requests over three tokens, so that shared beginnings and duplicates are common."""
    texts = draw(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=8), min_size=1, max_size=30))
    return [
        Encoded(number=number, ids=tuple(ids), n_context=draw(st.integers(1, len(ids) - 1)))
        for number, ids in enumerate(texts)
    ]


def trees_of(requests: list[Encoded], nodes: int = 10**6, *, stems: bool = True) -> list[Tree]:
    return list(plan_trees(requests, max_nodes=nodes, stems=stems))


@st.composite
def stemmed_requests(draw: st.DrawFn) -> list[Encoded]:
    """Requests of which many begin with one or two of three long beginnings."""
    long = [(0,) * 20, (0,) * 20 + (1,) * 17, (2, 1) * 9]
    found = []
    for request in draw(encoded_requests()):
        before = draw(st.sampled_from([(), *long]))
        found.append(
            Encoded(number=request.number, ids=before + request.ids, n_context=len(before) + request.n_context)
        )
    return found


SOME_REQUESTS = encoded_requests() | stemmed_requests()


@given(SOME_REQUESTS, st.integers(1, 40), st.booleans())
def test_every_request_is_one_leaf_whose_path_is_its_own_tokens(
    requests: list[Encoded], nodes: int, stems: bool
) -> None:
    leaves = [(tree, leaf) for tree in trees_of(requests, nodes, stems=stems) for leaf in tree.targets]
    assert sorted(leaf.number for _, leaf in leaves) == [request.number for request in requests]
    for tree, leaf in leaves:
        request = requests[leaf.number]
        assert leaf.continuation == request.ids[request.n_context :]
        assert tree.path(leaf.places[-1]) == request.ids[:-1]
        assert [tree.depths[place] for place in leaf.places] == list(range(request.n_context - 1, len(request.ids) - 1))


@given(SOME_REQUESTS)
def test_one_tree_holds_each_different_beginning_once(requests: list[Encoded]) -> None:
    tree = lay_tree(sorted(requests, key=lambda request: request.ids[:-1]), stem=0)
    beginnings = {request.ids[:end] for request in requests for end in range(1, len(request.ids))}
    assert sorted(tree.path(node) for node in range(len(tree.ids))) == sorted(beginnings)


@given(SOME_REQUESTS, st.integers(1, 60))
def test_no_other_cuts_of_the_sorted_requests_cost_less(requests: list[Encoded], nodes: int) -> None:
    ordered = sorted(requests[:9], key=lambda request: request.ids[:-1])
    cheapest = min(
        sum(map(cost_of, trees))
        for trees in all_cuts(ordered)
        if all(
            len(tree.ids) <= nodes or len({requests[leaf.number].ids[:-1] for leaf in tree.targets}) == 1
            for tree in trees
        )
    )
    assert sum(map(cost_of, trees_of(ordered, nodes, stems=False))) == pytest.approx(cheapest)


def cost_of(tree: Tree) -> float:
    return 3 + len(tree.ids) + 0.0004 * len(tree.ids) ** 2


def all_cuts(ordered: list[Encoded]) -> Iterator[list[Tree]]:
    for cut in product([False, True], repeat=len(ordered) - 1):
        ends = [place for place, ends_here in enumerate([*cut, True], 1) if ends_here]
        yield [lay_tree(ordered[begin:end], stem=0) for begin, end in pairwise([0, *ends])]


@given(SOME_REQUESTS, st.integers(1, 40))
def test_a_tree_keeps_its_budget_unless_it_is_one_sequence(requests: list[Encoded], nodes: int) -> None:
    for tree in trees_of(requests, nodes):
        sequences = {(*tree.stem, *requests[leaf.number].ids[:-1]) for leaf in tree.targets}
        longest = max(len(requests[leaf.number].ids) - 1 for leaf in tree.targets) - len(tree.stem)
        assert len(tree.ids) <= nodes or len(tree.ids) == longest, sequences


@given(stemmed_requests(), st.integers(1, 40))
def test_a_stem_is_context_alone_and_begins_every_sequence_of_several_trees(
    requests: list[Encoded], nodes: int
) -> None:
    trees = [tree for tree in trees_of(requests, nodes) if tree.stem]
    for tree in trees:
        assert len(tree.stem) >= 16
        for leaf in tree.targets:
            assert requests[leaf.number].n_context > len(tree.stem)
            assert requests[leaf.number].ids[: len(tree.stem)] == tree.stem


def test_a_primer_is_computed_once_for_all_questions() -> None:
    primer = tuple(range(100, 300))
    requests = [Encoded(number=n, ids=(*primer, n, *range(9)), n_context=205) for n in range(50)]
    trees = trees_of(requests, 100)
    assert {tree.stem for tree in trees} == {primer}
    assert sum(len(tree.ids) for tree in trees) == 50 * 9
    assert all(not tree.stem for tree in trees_of(requests, 100, stems=False))
    assert all(not tree.stem for tree in trees_of(requests, 1000)), "one tree needs no stem"


def test_choices_after_a_context_longer_than_a_tree_share_it() -> None:
    requests = [Encoded(number=n, ids=(*range(300), n, 7, 7), n_context=300) for n in range(4)]
    (tree,) = trees_of(requests, 100)
    assert len(tree.stem) == 299
    assert len(tree.ids) == 1 + 4 * 2


def test_trees_end_where_little_is_cut() -> None:
    groups = [[(first, *range(20, 50), last, last) for last in range(8)] for first in range(10)]
    requests = [
        Encoded(number=n, ids=ids, n_context=1) for n, ids in enumerate(ids for group in groups for ids in group)
    ]
    trees = trees_of(requests, 100)
    assert sum(len(tree.ids) for tree in trees) == len(groups) * (31 + 8), "no beginning is computed twice"


@given(SOME_REQUESTS, st.randoms(use_true_random=False))
def test_the_order_of_requests_does_not_change_the_trees(requests: list[Encoded], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(requests)
    random.shuffle(shuffled)
    assert trees_of(shuffled, 10) == trees_of(requests, 10)


@torch.inference_mode()
def plain(model, request: Encoded) -> float:  # type: ignore[no-untyped-def]
    logprobs = model(input_ids=torch.tensor([request.ids])).logits[0].double().log_softmax(dim=-1)
    return sum(float(logprobs[n - 1, request.ids[n]]) for n in range(request.n_context, len(request.ids)))


@pytest.fixture(scope="module")
def branching() -> list[Encoded]:
    """Sixty requests that branch off each other at random places."""
    rng = np.random.default_rng(1)
    texts = [tuple(int(token) for token in rng.integers(2, 258, size=40))]
    while len(texts) < 60:
        stem = texts[rng.integers(len(texts))]
        tail = rng.integers(2, 258, size=rng.integers(1, 30))
        texts.append((*stem[: rng.integers(1, len(stem))], *map(int, tail)))
    return [
        Encoded(number=number, ids=ids, n_context=int(rng.integers(1, len(ids)))) for number, ids in enumerate(texts)
    ]


@pytest.mark.parametrize("nodes", [1, 100, 10**6])
def test_trees_of_any_size_equal_a_plain_forward(llama, branching: list[Encoded], nodes: int) -> None:  # type: ignore[no-untyped-def]
    found = {}
    for tree in trees_of(branching, nodes):
        stem = Forward(llama).read(tree.stem) if tree.stem else None
        found |= score_trees(Forward(llama), [tree], pad=1, stem=stem)
    for request in branching:
        output = found[request.number]
        assert isinstance(output, Loglikelihood)
        assert output.n_tokens == len(request.ids) - request.n_context
        assert output.nats == pytest.approx(plain(llama, request), abs=1e-4)


@pytest.mark.parametrize("together", [1, 100, 300, 10**6])
def test_trees_of_several_sizes_side_by_side_equal_a_plain_forward(
    llama,  # type: ignore[no-untyped-def]
    branching: list[Encoded],
    together: int,
) -> None:
    primer = tuple(range(100, 140))
    primed = [
        Encoded(number=request.number + 60, ids=primer + request.ids, n_context=len(primer) + request.n_context)
        for request in branching
    ]
    found = {}
    for forest in plan_forests(trees_of(branching + primed, 60), max_nodes=together):
        stem = Forward(llama).read(forest[0].stem) if forest[0].stem else None
        found |= score_trees(Forward(llama), forest, pad=1, stem=stem)
    for request in branching + primed:
        output = found[request.number]
        assert isinstance(output, Loglikelihood)
        assert output.nats == pytest.approx(plain(llama, request), abs=1e-4)


@given(SOME_REQUESTS, st.integers(1, 40), st.integers(1, 100))
def test_forests_hold_every_tree_once_with_others_of_its_stem_in_bounds(
    requests: list[Encoded], nodes: int, together: int
) -> None:
    trees = trees_of(requests, nodes)
    forests = list(plan_forests(trees, max_nodes=together))
    held = [tree for forest in forests for tree in forest]
    assert sorted(held, key=repr) == sorted(trees, key=repr)
    for forest in forests:
        assert len({tree.stem for tree in forest}) == 1
        assert len(forest) == 1 or len(forest) * max(len(tree.ids) for tree in forest) <= together


def test_trees_on_one_stem_leave_its_cache_as_it_was(llama, branching: list[Encoded]) -> None:  # type: ignore[no-untyped-def]
    primer = tuple(range(100, 140))
    primed = [
        Encoded(number=request.number, ids=primer + request.ids, n_context=len(primer) + request.n_context)
        for request in branching
    ]
    trees = trees_of(primed, 100)
    assert len(trees) > 3
    assert {tree.stem[:40] for tree in trees} == {primer}
    read: dict[tuple[int, ...], object] = {}
    for tree in trees:
        stem = read.setdefault(tree.stem, Forward(llama).read(tree.stem))
        found = score_trees(Forward(llama), [tree], pad=1, stem=stem)
        for number, output in found.items():
            assert isinstance(output, Loglikelihood)
            assert output.nats == pytest.approx(plain(llama, primed[number]), abs=1e-4)


def test_a_node_that_is_not_finite_breaks_only_what_comes_after_it(llama) -> None:  # type: ignore[no-untyped-def]
    requests = [
        Encoded(number=0, ids=(5, 77, 9), n_context=1),
        Encoded(number=1, ids=(5, 6, 9), n_context=1),
        Encoded(number=2, ids=(5, 77), n_context=1),
        Encoded(number=3, ids=(8, 9), n_context=1),
    ]
    (tree,) = trees_of(requests)
    embedding = llama.get_input_embeddings().weight
    kept = embedding.detach().clone()
    try:
        embedding.data[77] = torch.nan
        found = score_trees(Forward(llama), [tree], pad=1)
    finally:
        embedding.data.copy_(kept)
    assert isinstance(found[0], Unscored)
    for request in (requests[1], requests[3]):
        output = found[request.number]
        assert isinstance(output, Loglikelihood)
        assert output.nats == pytest.approx(plain(llama, request), abs=1e-4)


TEXTS = [[5, 9, 77, 30, 41, 200], [6, 7, 8, 9], [5, 9, 70, 12, 13, 14, 15]]


@pytest.mark.parametrize("stem", [[], [40, 41, 42, 43, 44]])
def test_the_check_sees_a_model_whose_nodes_look_at_strangers(llama, stem: list[int]) -> None:  # type: ignore[no-untyped-def]
    class Careless(Forward):
        def trees(self, trees: Sequence[Tree], **more: Any) -> Iterator[torch.Tensor]:
            lines = [replace(tree, parents=tuple(range(-1, len(tree.ids) - 1))) for tree in trees]
            return super().trees(lines, **more)

    assert tree_difference(Forward(llama), TEXTS, pad=1, nodes=60, stem=stem) < 1e-4
    assert tree_difference(Careless(llama), TEXTS, pad=1, nodes=60, stem=stem) > 1e-2


def test_a_stem_holds_no_graph(llama) -> None:  # type: ignore[no-untyped-def]
    assert not any(layer.keys.requires_grad for layer in Forward(llama).read((5, 6, 7)).layers)


def test_a_stem_that_costs_more_than_it_saves_is_not_read() -> None:
    primer = tuple(range(100, 300))
    deep = [(*primer, n, *range(20), m, 7, 7) for n in range(30) for m in range(40)]
    trees = trees_of([Encoded(number=n, ids=ids, n_context=222) for n, ids in enumerate(deep)], 90)
    assert {tree.stem for tree in trees} == {primer}, "twenty tokens more would cost 220 for each question"


def test_the_check_sees_a_stem_that_was_read_wrongly(llama) -> None:  # type: ignore[no-untyped-def]
    class Misread(Forward):
        def read(self, ids: tuple[int, ...]) -> object:
            return super().read((*ids[:-1], 3))

    assert tree_difference(Misread(llama), TEXTS, pad=1, nodes=60, stem=[40, 41, 42]) > 1e-2


def test_the_check_sees_a_layer_that_looks_back_only_so_far_along_the_tree(llama) -> None:  # type: ignore[no-untyped-def]
    class Shortsighted(Forward):
        def trees(self, trees: Sequence[Tree], **more: Any) -> Iterator[torch.Tensor]:
            near = [[p if node - p < 12 else -1 for node, p in enumerate(tree.parents)] for tree in trees]
            cut = [replace(tree, parents=tuple(parents)) for tree, parents in zip(trees, near, strict=True)]
            return super().trees(cut, **more)

    spread = [[5, *range(20, 27)], [5, *range(50, 57)], [9, *range(80, 87)]]
    assert tree_difference(Forward(llama), spread, pad=1, nodes=200) < 1e-4
    assert tree_difference(Shortsighted(llama), spread, pad=1, nodes=200) > 1e-2
