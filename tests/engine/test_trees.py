"""Trees: every request is in one, shared beginnings are there once, and the numbers are those of a plain forward."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.check import tree_difference
from auditor.engine.forward import Forward
from auditor.engine.plan import Encoded, Tree, plan_trees
from auditor.engine.score import score_tree
from auditor.types import Loglikelihood, Unscored


@st.composite
def encoded_requests(draw: st.DrawFn) -> list[Encoded]:
    """Requests over three tokens, so that shared beginnings and duplicates are common."""
    texts = draw(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=8), min_size=1, max_size=30))
    return [
        Encoded(number=number, ids=tuple(ids), n_context=draw(st.integers(1, len(ids) - 1)))
        for number, ids in enumerate(texts)
    ]


def trees_of(requests: list[Encoded], nodes: int = 10**6, predictions: int = 10**6) -> list[Tree]:
    return list(plan_trees(requests, max_nodes=nodes, max_predictions=predictions))


@given(encoded_requests(), st.integers(1, 40), st.integers(1, 40))
def test_every_request_is_one_leaf_whose_path_is_its_own_tokens(
    requests: list[Encoded], nodes: int, predictions: int
) -> None:
    leaves = [(tree, leaf) for tree in trees_of(requests, nodes, predictions) for leaf in tree.targets]
    assert sorted(leaf.number for _, leaf in leaves) == [request.number for request in requests]
    for tree, leaf in leaves:
        request = requests[leaf.number]
        assert leaf.continuation == request.ids[request.n_context :]
        assert tree.path(leaf.places[-1]) == request.ids[:-1]
        assert [tree.depths[place] for place in leaf.places] == list(range(request.n_context - 1, len(request.ids) - 1))


@given(encoded_requests())
def test_one_tree_holds_each_different_beginning_once(requests: list[Encoded]) -> None:
    (tree,) = trees_of(requests)
    beginnings = {request.ids[:end] for request in requests for end in range(1, len(request.ids))}
    assert sorted(tree.path(node) for node in range(len(tree.ids))) == sorted(beginnings)


@given(encoded_requests(), st.integers(1, 40), st.integers(1, 40))
def test_a_tree_keeps_its_budgets_unless_it_is_one_request(
    requests: list[Encoded], nodes: int, predictions: int
) -> None:
    for tree in trees_of(requests, nodes, predictions):
        predicted = sum(len(leaf.places) for leaf in tree.targets)
        assert len(tree.targets) == 1 or (len(tree.ids) <= nodes and predicted <= predictions)


@given(encoded_requests(), st.randoms(use_true_random=False))
def test_the_order_of_requests_does_not_change_the_trees(requests: list[Encoded], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(requests)
    random.shuffle(shuffled)
    assert trees_of(shuffled, 10, 10) == trees_of(requests, 10, 10)


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
        found |= score_tree(Forward(llama), tree, pad=1)
    for request in branching:
        output = found[request.number]
        assert isinstance(output, Loglikelihood)
        assert output.n_tokens == len(request.ids) - request.n_context
        assert output.nats == pytest.approx(plain(llama, request), abs=1e-4)


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
        found = score_tree(Forward(llama), tree, pad=1)
    finally:
        embedding.data.copy_(kept)
    assert isinstance(found[0], Unscored)
    for request in (requests[1], requests[3]):
        output = found[request.number]
        assert isinstance(output, Loglikelihood)
        assert output.nats == pytest.approx(plain(llama, request), abs=1e-4)


TEXTS = [[5, 9, 77, 30, 41, 200], [6, 7, 8, 9], [5, 9, 70, 12, 13, 14, 15]]


def test_the_check_sees_a_model_whose_nodes_look_at_strangers(llama) -> None:  # type: ignore[no-untyped-def]
    class Careless(Forward):
        def tree(self, tree: Tree, *, keep: torch.Tensor) -> torch.Tensor:
            chain = Tree(ids=tree.ids, parents=tuple(range(-1, len(tree.ids) - 1)), targets=tree.targets)
            return super().tree(chain, keep=keep)

    assert tree_difference(Forward(llama), TEXTS, pad=1, nodes=60) < 1e-4
    assert tree_difference(Careless(llama), TEXTS, pad=1, nodes=60) > 1e-2


def test_the_check_sees_a_layer_that_looks_back_only_so_far_along_the_tree(llama) -> None:  # type: ignore[no-untyped-def]
    class Shortsighted(Forward):
        def tree(self, tree: Tree, *, keep: torch.Tensor) -> torch.Tensor:
            near = [parent if node - parent < 12 else -1 for node, parent in enumerate(tree.parents)]
            return super().tree(Tree(ids=tree.ids, parents=tuple(near), targets=tree.targets), keep=keep)

    spread = [[5, *range(20, 27)], [5, *range(50, 57)], [9, *range(80, 87)]]
    assert tree_difference(Forward(llama), spread, pad=1, nodes=200) < 1e-4
    assert tree_difference(Shortsighted(llama), spread, pad=1, nodes=200) > 1e-2
