"""Weights laid out for the CPU: linear layers keep theirs in the blocks that oneDNN's matrix product reads.

The plain layer lays them out anew at each call, which costs most where few rows meet many columns: the output layer,
and every step of decoding. Values are the same float32 numbers; sums may be taken in another order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_GATED = {"gate_proj", "up_proj", "down_proj", "act_fn"}  # what a gated layer is made of in llama and its kin
_ROWS = 256  # for which the layout is chosen; others are served by it as well


class PackedLinear(nn.Module):
    """An `nn.Linear` with packed weights. Once something looks at its `weight`, it goes on as a plain layer.

    It stays packed if it may `keep` the plain weights beside the packed ones.
    """

    def __init__(self, linear: nn.Linear, *, keep: bool = False) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        self._packed: Any = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self._dense: Any = None
        self._kept = linear.weight.detach() if keep else None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return outputs [..., out features] of inputs [..., in features]."""
        return self._product(inputs, "none")

    def silu(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return x · sigmoid(x) of the outputs x."""
        return nn.functional.silu(self.forward(inputs)) if self._packed is None else self._product(inputs, "swish")

    def times(self, inputs: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """Return the outputs times factors [..., out features]."""
        if self._dense is not None:
            return self.forward(inputs) * factors
        product = torch.ops.mkldnn._linear_pointwise.binary
        outputs: torch.Tensor = product(inputs, factors, self._packed, self.bias, "mul")
        return outputs

    def _product(self, inputs: torch.Tensor, then: str) -> torch.Tensor:
        if self._dense is not None:
            return nn.functional.linear(inputs, self._dense, self.bias)
        product = torch.ops.mkldnn._linear_pointwise
        outputs: torch.Tensor = product(inputs, self._packed, self.bias, then, [], "")
        return outputs

    @property
    def weight(self) -> torch.Tensor:
        """Return the weights [out features, in features]."""
        if self._kept is not None:
            return self._kept
        self.unpack()
        dense: torch.Tensor = self._dense
        return dense

    def unpack(self) -> None:
        """Go on as a plain layer."""
        if self._dense is None:
            self._dense, self._packed = self._packed.to_dense(), None

    def pack(self) -> None:
        """Go on as a packed layer."""
        if self._dense is not None:
            self._packed = torch.ops.mkldnn._reorder_linear_weight(self._dense, _ROWS)
            self._dense = None


class PackedGate(nn.Module):
    """A gated feed-forward layer, down(silu(gate) · up), whose products do at once what follows them.

    Source: Shazeer 2020, "GLU variants improve transformer", §2, SwiGLU.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = layer.gate_proj, layer.up_proj, layer.down_proj

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return outputs [..., width] of inputs [..., width]."""
        outputs: torch.Tensor = self.down_proj(self.up_proj.times(inputs, self.gate_proj.silu(inputs)))
        return outputs

    def lay_out(self, *, packed: bool) -> None:
        """Hold the weights of both branches packed, or plain."""
        for branch in (self.gate_proj, self.up_proj):
            if packed:
                branch.pack()
            else:
                branch.unpack()


def exact_gates(model: Any) -> list[PackedGate]:
    """Return the gated layers of a packed model that are better plain for many rows at once.

    With AVX512 plain ones are as fast for these, and round less; few rows, as in decoding, are faster packed.
    """
    wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return [module for module in model.modules() if isinstance(module, PackedGate)] if wide else []


@torch.inference_mode()
def pack_linears(model: Any) -> bool:
    """Pack linear layers of a float32 model on the CPU, in place; return whether any is packed.

    Not those with fewer outputs than inputs: they add up the longest sums, where the order moves log-likelihoods most.
    The output layer keeps its plain weights as well, whose parts `Forward` reads. The first layer of each shape is
    compared with the plain one; a shape whose products differ stays plain. Layers gated by SiLU become `PackedGate`, if
    the first of each shape gives what it gave.
    """
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not available or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    if model.device.type != "cpu" or model.dtype != torch.float32:
        return False
    sound: dict[tuple[int, int, bool], bool] = {}
    output = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear and child.in_features <= child.out_features:
                packed = PackedLinear(child, keep=child is output)
                shape = (child.in_features, child.out_features, child.bias is not None)
                if shape not in sound:
                    sound[shape] = _agrees(packed, child, child.in_features)
                if sound[shape]:
                    setattr(module, name, packed)
    _pack_gates(model)
    return any(sound.values())


def _pack_gates(model: Any) -> None:
    sound: dict[tuple[type, int, int], bool] = {}
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            parts = dict(child.named_children())
            if parts.keys() == _GATED and _are_packed(parts):
                gate, packed = parts["gate_proj"], PackedGate(child)
                kind = (type(child), gate.in_features, gate.out_features)
                if kind not in sound:
                    sound[kind] = _agrees(packed, child, gate.in_features)
                if sound[kind]:
                    setattr(module, name, packed)


def _are_packed(parts: dict[str, Any]) -> bool:
    return isinstance(parts["gate_proj"], PackedLinear) and isinstance(parts["up_proj"], PackedLinear)


def _agrees(packed: nn.Module, plain: nn.Module, width: int) -> bool:
    inputs = torch.linspace(-1, 1, 3 * width).view(3, -1).sin() * torch.tensor([[0.1], [1.0], [30.0]])
    rows = zip(packed(inputs), plain(inputs), strict=True)
    return all(torch.allclose(got, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max())) for got, wanted in rows)
