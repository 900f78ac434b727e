"""Log-likelihoods of packs against one plain forward pass a sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auditor.engine.forward import Forward
from auditor.engine.plan import Encoded, pack_rows, plan_rows
from auditor.engine.score import _logprobs, score_rows
from auditor.types import Loglikelihood, Reason, Unscored


@torch.inference_mode()
def plain(model, request: Encoded) -> float:  # type: ignore[no-untyped-def]
    logprobs = model(input_ids=torch.tensor([request.ids])).logits[0].double().log_softmax(dim=-1)
    return sum(float(logprobs[n - 1, request.ids[n]]) for n in range(request.n_context, len(request.ids)))


@pytest.fixture(scope="module")
def requests() -> list[Encoded]:
    rng = np.random.default_rng(0)
    found = []
    for number in range(20):
        ids = tuple(int(token) for token in rng.integers(2, 258, size=rng.integers(2, 60)))
        found.append(Encoded(number=number, ids=ids, n_context=int(rng.integers(1, len(ids)))))
    cut = found[0].ids[: len(found[0].ids) // 2]
    return [*found, Encoded(number=20, ids=(*cut, 99), n_context=len(cut))]  # rides along in request 0


@pytest.mark.parametrize("max_tokens", [1, 150, 10**6])
def test_packs_of_any_size_equal_a_plain_forward(llama, requests: list[Encoded], max_tokens: int) -> None:  # type: ignore[no-untyped-def]
    found = {}
    for pack in pack_rows(plan_rows(requests), max_tokens=max_tokens):
        found |= score_rows(Forward(llama), pack, pad=1)
    assert sorted(found) == [request.number for request in requests]
    for request in requests:
        output = found[request.number]
        assert isinstance(output, Loglikelihood)
        assert output.n_tokens == len(request.ids) - request.n_context
        assert output.nats == pytest.approx(plain(llama, request), abs=1e-4)


def test_a_logit_that_is_not_finite_is_unscored_and_leaves_other_rows_alone(llama) -> None:  # type: ignore[no-untyped-def]
    rows = plan_rows(
        [
            Encoded(number=0, ids=(5, 77, 9), n_context=1),
            Encoded(number=1, ids=(5, 6, 9), n_context=1),
        ]
    )
    embedding = llama.get_input_embeddings().weight
    kept = embedding.detach().clone()
    try:
        embedding.data[77] = torch.nan
        found = score_rows(Forward(llama), rows, pad=1)
    finally:
        embedding.data.copy_(kept)
    broken = found[0]
    assert isinstance(broken, Unscored)
    assert broken.reason == Reason.NON_FINITE
    assert "nan" in broken.detail
    assert isinstance(found[1], Loglikelihood)


def test_a_broken_token_later_in_a_shared_row_does_not_reach_a_shorter_request(llama) -> None:  # type: ignore[no-untyped-def]
    short = Encoded(number=1, ids=(5, 6, 9), n_context=1)
    rows = plan_rows([Encoded(number=0, ids=(5, 6, 77, 9), n_context=1), short])
    assert len(rows) == 1
    embedding = llama.get_input_embeddings().weight
    kept = embedding.detach().clone()
    expected = plain(llama, short)
    try:
        embedding.data[77] = torch.nan
        found = score_rows(Forward(llama), rows, pad=1)
    finally:
        embedding.data.copy_(kept)
    assert isinstance(found[0], Unscored)
    assert isinstance(found[1], Loglikelihood)
    assert found[1].nats == pytest.approx(expected, abs=1e-4)


def test_a_token_beyond_the_vocabulary_has_no_number() -> None:
    logits = torch.arange(12.0).view(3, 4)
    found = _logprobs([logits[:, :3], logits[:, 3:]], torch.tensor([2, 0, 1]), torch.tensor([1, 3, 4]))
    assert found[:2].tolist() == pytest.approx([logits[2].log_softmax(0)[1].item(), logits[0].log_softmax(0)[3].item()])
    assert torch.isnan(found[2])
