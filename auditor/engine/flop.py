"""Floating-point operations of one pass, counted by torch as it dispatches them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from auditor.engine.fill import Fill
from auditor.engine.forward import Forward
from auditor.engine.packed import PackedGate, PackedLinear
from auditor.types import FlopCount

_FAULTS = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError)


def count_causal(forward: Forward, ids: list[int], *, tokens: int, formula: FlopCount) -> FlopCount:
    """Return what a token costs a causal model, counted over one text of `tokens` tokens.

    Two passes, with the logits of one position and of all, tell the body from the head. Attention is counted as torch
    runs it: each token with all of the text.

    Args:
        forward: the model.
        ids: tokens of a plain text, repeated as often as needed.
        tokens: the length of the text.
        formula: what is returned where the model cannot be counted.
    """
    text = torch.tensor([list(islice(cycle(ids), tokens))], device=forward.device)
    mask = torch.ones_like(text)
    return _count(
        lambda: forward(text, mask, keep=1, remember=False),
        lambda: forward(text, mask, keep=tokens, remember=False),
        tokens=tokens,
        formula=formula,
    )


def count_masked(fill: Fill, ids: list[int], *, tokens: int, formula: FlopCount) -> FlopCount:
    """Return what a token costs a masked model; the arguments are those of `count_causal`."""
    text = torch.tensor([list(islice(cycle(ids), tokens))], device=fill.device)
    place, narrow = torch.zeros(1, dtype=torch.long, device=fill.device), fill.narrow

    def run(cut: bool) -> None:
        fill.narrow = cut
        fill(text, place)

    try:
        return _count(lambda: run(narrow), lambda: run(False), tokens=tokens, formula=formula)
    finally:
        fill.narrow = narrow


def _count(one: Callable[[], Any], every: Callable[[], Any], *, tokens: int, formula: FlopCount) -> FlopCount:
    """Return the count of passes that predict at one and at every position of a text of `tokens` tokens.

    The formula, where a pass fails, or has a layer with weights of which torch sees no operation: too few would be
    counted.
    """
    try:
        least, most = _operations(one), _operations(every)
    except _FAULTS:
        return formula
    if least is None or most is None:
        return formula
    head = round((most - least) / (tokens - 1)) if tokens > 1 else 0
    body = round((least - head) / tokens)
    if body <= 0:
        return formula
    by = f"torch.utils.flop_counter of torch {torch.__version__.partition('+')[0]}"
    return FlopCount(method="counted", by=by, tokens=tokens, body=body, head=head, formula=formula.formula)


@torch.inference_mode()
def _operations(run: Callable[[], Any]) -> int | None:
    """Return the operations of a pass; None where those of a layer with weights are none that torch knows."""
    from torch.utils.flop_counter import FlopCounterMode

    before: list[int] = []  # of the modules that are running, the innermost last
    unseen: list[str] = []

    def begin(module: nn.Module, inputs: Any) -> None:
        before.append(counter.get_total_flops())

    def end(module: nn.Module, inputs: Any, outputs: Any) -> None:
        if counter.get_total_flops() == before.pop() and _multiplies(module):
            unseen.append(type(module).__name__)

    with FlopCounterMode(display=False, custom_mapping=_unknown_to_torch()) as counter:
        hooks = register_module_forward_pre_hook(begin), register_module_forward_hook(end)
        try:
            run()
        finally:
            for hook in hooks:
                hook.remove()
    return None if unseen else int(counter.get_total_flops())


def _multiplies(module: nn.Module) -> bool:
    """Return whether a module has matrices of its own that are not looked up in."""
    own = isinstance(module, PackedLinear | PackedGate) or any(one.ndim > 1 for one in module.parameters(recurse=False))
    return own and not isinstance(module, nn.Embedding)


def _unknown_to_torch() -> dict[Any, Callable[..., int]]:
    """Return the formulas of what the counter leaves out: attention on the CPU, and layers with packed weights."""
    from torch.utils.flop_counter import sdpa_flop_count

    def attention(query: Any, key: Any, value: Any, *rest: Any, **more: Any) -> int:
        return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]

    def linear(inputs: Any, weight: Any, *rest: Any, **more: Any) -> int:
        rows = torch.Size(inputs[:-1]).numel()
        if len(rest) == 3:  # what the product is multiplied by comes before the weight
            weight = rest[0]
        return 2 * rows * int(weight[0]) * int(weight[1])

    found = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention}
    packed = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    return found | ({packed: linear} if packed is not None else {})
