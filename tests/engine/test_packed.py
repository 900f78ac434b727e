"""Packed weights give the plain layer's numbers, and a model with them its own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from auditor.engine.packed import _PART, PackedGate, PackedLinear, PackedOutput, pack_linears, two_layouts


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 7, 33), (5, 33), (2, 3, 300, 33)])
def test_a_packed_layer_equals_the_plain_one(bias: bool, shape: tuple[int, ...]) -> None:
    layer = nn.Linear(33, 50, bias=bias).eval()
    inputs = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    packed = PackedLinear(layer)
    with torch.inference_mode():
        assert torch.allclose(packed(inputs), layer(inputs), atol=1e-5)
    assert torch.equal(packed.weight, layer.weight.detach())
    with torch.inference_mode():
        assert torch.allclose(packed(inputs), layer(inputs), atol=1e-5), "unpacked, for somebody looked at its weights"
    assert (packed.in_features, packed.out_features) == (33, 50)


def test_a_packed_model_gives_the_plain_models_logits(llama) -> None:  # type: ignore[no-untyped-def]
    packed = copy.deepcopy(llama)
    assert pack_linears(packed)
    plain = [module for module in packed.modules() if type(module) is nn.Linear]
    assert all(layer.in_features > layer.out_features for layer in plain)
    ids = torch.tensor([[5, 9, 77, 30, 41, 200]])
    with torch.inference_mode():
        assert torch.allclose(packed(ids).logits, llama(ids).logits, atol=1e-5)


def test_a_gated_layer_is_one_and_gives_what_it_gave(llama) -> None:  # type: ignore[no-untyped-def]
    packed, inputs = copy.deepcopy(llama), torch.rand((2, 3, 64), generator=torch.Generator().manual_seed(0))
    pack_linears(packed)
    for layer, plain in zip(packed.model.layers, llama.model.layers, strict=True):
        assert isinstance(layer.mlp, PackedGate)
        with torch.inference_mode():
            expected = plain.mlp(inputs)
            assert torch.allclose(layer.mlp(inputs), expected, atol=1e-6)
            assert torch.equal(layer.mlp.up_proj.weight, plain.mlp.up_proj.weight)
            assert torch.allclose(layer.mlp(inputs), expected, atol=1e-6), "one of them is plain again"
            assert torch.equal(layer.mlp.gate_proj.weight, plain.mlp.gate_proj.weight)
            assert torch.allclose(layer.mlp(inputs), expected, atol=1e-6), "both of them are"


def test_a_gated_layer_can_change_how_its_weights_lie(llama) -> None:  # type: ignore[no-untyped-def]
    packed, inputs = copy.deepcopy(llama), torch.rand((2, 3, 64), generator=torch.Generator().manual_seed(0))
    pack_linears(packed)
    gate, plain = packed.model.layers[0].mlp, llama.model.layers[0].mlp
    with torch.inference_mode():
        first = gate(inputs)
        gate.lay_out(many=True)
        assert torch.equal(gate(inputs), plain(inputs)), "plain products, as exact"
        gate.lay_out(many=True)
        gate.lay_out(many=False)
        gate.lay_out(many=False)
        assert torch.equal(gate(inputs), first)
    assert torch.equal(gate.up_proj.weight, plain.up_proj.weight)


@pytest.mark.parametrize("bias", [True, False])
def test_an_output_layer_gives_its_logits_in_parts(bias: bool) -> None:
    plain = nn.Linear(33, 2 * _PART + 5, bias=bias).eval()
    layer, inputs = PackedOutput(plain), torch.rand((7, 33), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = layer(inputs)
        layer.lay_out(many=True)
        layer.lay_out(many=True)
        parts = list(layer.in_parts(inputs))
        assert [part.shape for part in parts] == [(7, _PART), (7, _PART), (7, 5)]
        assert torch.equal(layer(inputs), torch.cat(parts, dim=-1))
        assert torch.allclose(layer(inputs), plain(inputs), atol=1e-5)
        assert layer.weight.data_ptr() == plain.weight.data_ptr(), "no copy"
        layer.lay_out(many=False)
        layer.lay_out(many=False)
        assert not layer.is_in_parts and torch.equal(layer(inputs), whole)


@pytest.mark.parametrize("capability", ["AVX512", "AVX512_VNNI", "AVX2", "DEFAULT"])
def test_layers_have_another_layout_for_scoring_where_that_pays(llama, monkeypatch, capability: str) -> None:  # type: ignore[no-untyped-def]
    packed = copy.deepcopy(llama)
    pack_linears(packed)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    gates = [layer.mlp for layer in packed.model.layers]
    assert two_layouts(packed) == (gates if capability.startswith("AVX512") else [packed.lm_head])
    assert two_layouts(llama) == []


def test_a_gated_layer_that_does_more_stays_as_it_is(llama) -> None:  # type: ignore[no-untyped-def]
    class Doubled(type(llama.model.layers[0].mlp)):  # type: ignore[misc]
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(inputs)

    packed = copy.deepcopy(llama)
    for layer in packed.model.layers:
        layer.mlp.__class__ = Doubled
    pack_linears(packed)
    assert all(isinstance(layer.mlp, Doubled) for layer in packed.model.layers)


def test_a_shape_whose_products_differ_stays_plain(llama, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    forward = PackedLinear.forward
    monkeypatch.setattr(
        PackedLinear, "forward", lambda self, x: forward(self, x) * (1 + 1e-2 * (self.out_features == 258))
    )
    packed = copy.deepcopy(llama)
    assert pack_linears(packed)
    assert type(packed.lm_head) is nn.Linear


def test_a_shape_whose_products_differ_for_small_inputs_stays_plain(llama, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    forward = PackedLinear.forward
    monkeypatch.setattr(
        PackedLinear, "forward", lambda self, x: forward(self, x) * (1 + 1e-2 * (x.abs().amax(-1, keepdim=True) < 0.5))
    )
    packed = copy.deepcopy(llama)
    assert not pack_linears(packed)


def test_a_model_that_is_not_float32_stays_plain(llama) -> None:  # type: ignore[no-untyped-def]
    half = copy.deepcopy(llama).to(torch.bfloat16)
    assert not pack_linears(half)
    assert any(type(module) is nn.Linear for module in half.modules())
