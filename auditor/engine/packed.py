"""Weights laid out for the CPU: linear layers keep theirs in the blocks that oneDNN's matrix product reads.

The plain layer lays them out anew at each call, which costs most where few rows meet many columns: the output layer,
and every step of decoding. Values are the same float32 numbers; sums may be taken in another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

_GATED = {"gate_proj", "up_proj", "down_proj", "act_fn"}  # what a gated layer is made of in llama and its kin
_ROWS = 256  # for which the layout is chosen; others are served by it as well
_PART = 4096  # outputs that the output layer gives at a time for many rows, to stay in a processor's cache


class PackedLinear(nn.Module):
    """An `nn.Linear` with packed weights. Once something looks at its `weight`, it goes on as a plain layer."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        self._packed: Any = _packed(linear.weight.detach())
        self._dense: Any = None

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
            self._packed, self._dense = _packed(self._dense), None


class PackedOutput(PackedLinear):
    """A model's output layer, which keeps its plain weights beside the packed ones."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear)
        self._kept = linear.weight.detach()
        self._parts: list[tuple[Any, torch.Tensor | None]] = []  # weights and biases, where they lie for many rows

    @property
    def weight(self) -> torch.Tensor:
        """Return the weights [out features, in features]."""
        return self._kept

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return outputs [..., out features] of inputs [..., in features]."""
        return torch.cat(list(self.in_parts(inputs)), dim=-1) if self._parts else super().forward(inputs)

    @property
    def is_in_parts(self) -> bool:
        """Whether the weights lie in parts."""
        return bool(self._parts)

    def in_parts(self, inputs: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield outputs [..., some] for one part of the out features after another."""
        for weight, bias in self._parts:
            yield torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")

    def lay_out(self, *, many: bool) -> None:
        """Hold the weights in parts, for many rows at once, or in one piece."""
        if many and not self._parts:
            weights = torch.split(self._kept, _PART)
            biases = [None] * len(weights) if self.bias is None else torch.split(self.bias.detach(), _PART)
            self._parts = [(_packed(weight), bias) for weight, bias in zip(weights, biases, strict=True)]
            self._packed = None
        elif not many and self._parts:
            self._packed, self._parts = _packed(self._kept), []


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

    def lay_out(self, *, many: bool) -> None:
        """Hold the weights of both branches plain, for many rows at once, or packed."""
        for branch in (self.gate_proj, self.up_proj):
            if many:
                branch.unpack()
            else:
                branch.pack()


def two_layouts(model: Any) -> list[PackedGate | PackedOutput]:
    """Return the layers of a packed model whose weights should lie otherwise for many rows at once than for few.

    With AVX512 the gated ones: plain they are as fast for many rows, and round less. Without, the output layer: packed
    it is faster, and in parts its outputs are read while they are in the processor's cache.
    """
    kind = PackedGate if torch.backends.cpu.get_cpu_capability().startswith("AVX512") else PackedOutput
    return [module for module in model.modules() if isinstance(module, kind)]


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
                kind = PackedOutput if child is output else PackedLinear
                packed = kind(child)
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


def _packed(weight: torch.Tensor) -> Any:
    return torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
