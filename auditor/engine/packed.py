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
    """An `nn.Linear` with packed weights; `weight` unpacks them for the few models that look at them."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return outputs [..., out features] of inputs [..., in features]."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self._packed, self.bias, "none", [], "")
        return outputs

    @property
    def weight(self) -> torch.Tensor:
        """Return the weights [out features, in features]."""
        dense: torch.Tensor = self._packed.to_dense()
        return dense


@torch.inference_mode()
def pack_linears(model: Any) -> bool:
    """Pack the linear layers of a float32 model on the CPU, in place; return whether this machine can, and did."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not available or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    if model.device.type != "cpu" or model.dtype != torch.float32:
        return False
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, PackedLinear(child))
    return True
