"""Packed weights give the plain layer's numbers, and a model with them its own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from auditor.engine.packed import PackedLinear, pack_linears


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 7, 33), (5, 33), (2, 3, 300, 33)])
def test_a_packed_layer_equals_the_plain_one(bias: bool, shape: tuple[int, ...]) -> None:
    layer = nn.Linear(33, 50, bias=bias).eval()
    inputs = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    packed = PackedLinear(layer)
    with torch.inference_mode():
        assert torch.allclose(packed(inputs), layer(inputs), atol=1e-5)
    assert torch.equal(packed.weight, layer.weight.detach())
    assert (packed.in_features, packed.out_features) == (33, 50)


def test_a_packed_model_gives_the_plain_models_logits(llama) -> None:  # type: ignore[no-untyped-def]
    packed = copy.deepcopy(llama)
    assert pack_linears(packed)
    assert not any(type(module) is nn.Linear for module in packed.modules())
    ids = torch.tensor([[5, 9, 77, 30, 41, 200]])
    with torch.inference_mode():
        assert torch.allclose(packed(ids).logits, llama(ids).logits, atol=1e-5)


def test_a_model_that_is_not_float32_stays_plain(llama) -> None:  # type: ignore[no-untyped-def]
    half = copy.deepcopy(llama).to(torch.bfloat16)
    assert not pack_linears(half)
    assert any(type(module) is nn.Linear for module in half.modules())
