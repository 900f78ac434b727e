"""Weights laid out for the CPU: linear layers keep theirs in the blocks that oneDNN's matrix product reads.

The plain layer lays them out anew at each call, which costs most where few rows meet many columns: the output layer,
and every step of decoding. Values are the same float32 numbers; sums may be taken in another order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_ROWS = 256  # for which the layout is chosen; others are served by it as well


class PackedLinear(nn.Module):
    """An `nn.Linear` with packed weights. Once something looks at its `weight`, it goes on as a plain layer."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        self._packed: Any = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self._dense: torch.Tensor | None = None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return outputs [..., out features] of inputs [..., in features]."""
        if self._dense is not None:
            return nn.functional.linear(inputs, self._dense, self.bias)
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self._packed, self.bias, "none", [], "")
        return outputs

    @property
    def weight(self) -> torch.Tensor:
        """Return the weights [out features, in features]."""
        if self._dense is None:
            self._dense, self._packed = self._packed.to_dense(), None
        dense: torch.Tensor = self._dense
        return dense


@torch.inference_mode()
def pack_linears(model: Any) -> bool:
    """Pack linear layers of a float32 model on the CPU, in place; return whether any is packed.

    Not those with fewer outputs than inputs: they add up the longest sums, where the order moves log-likelihoods most.
    The first layer of each shape is compared with the plain one; a shape whose products differ stays plain.
    """
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not available or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    if model.device.type != "cpu" or model.dtype != torch.float32:
        return False
    sound: dict[tuple[int, int, bool], bool] = {}
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear and child.in_features <= child.out_features:
                packed = PackedLinear(child)
                shape = (child.in_features, child.out_features, child.bias is not None)
                if shape not in sound:
                    sound[shape] = _agrees(packed, child)
                if sound[shape]:
                    setattr(module, name, packed)
    return any(sound.values())


def _agrees(packed: PackedLinear, plain: nn.Linear) -> bool:
    inputs = torch.linspace(-1, 1, 3 * plain.in_features).view(3, -1).sin()
    expected = plain(inputs)
    return torch.allclose(packed(inputs), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
