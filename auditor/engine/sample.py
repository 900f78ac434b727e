"""One token a row from logits, by inverting the cumulative distribution at a number that belongs to the row."""

from __future__ import annotations

import torch

from auditor.types import Sampling

_NUCLEUS_FIRST_LOOK = 256
_BLOCK = 256


def draw_tokens(logits: torch.Tensor, uniform: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Return one token a row, by inverting the cumulative distribution at `uniform`.

    `logits`: [rows, vocabulary]; `uniform`: [rows], in [0, 1). Temperature 0 is greedy. With `top_p` < 1 the draw is
    from the nucleus, the smallest set of most probable tokens whose mass reaches it.

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", §3.1.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    if logits.device.type == "mps":  # which has no float64
        return draw_tokens(logits.cpu(), uniform, sampling).to(logits.device)
    uniform = uniform.to(logits.device)
    scaled = logits.float() if sampling.temperature == 1 else logits.float() / sampling.temperature
    probabilities = scaled.softmax(dim=-1)
    if sampling.top_p >= 1:
        return _invert(probabilities, uniform)
    k = min(_NUCLEUS_FIRST_LOOK, probabilities.shape[-1])
    values, tokens = probabilities.topk(k, dim=-1)
    chosen = _from_nucleus(values, tokens, uniform, sampling.top_p)
    wide = (values.sum(dim=-1) < sampling.top_p).nonzero()[:, 0]  # rows whose nucleus is wider than the first look
    if k < probabilities.shape[-1] and len(wide):
        values, tokens = probabilities[wide].sort(dim=-1, descending=True, stable=True)
        chosen[wide] = _from_nucleus(values, tokens, uniform[wide], sampling.top_p)
    return chosen


def _from_nucleus(values: torch.Tensor, tokens: torch.Tensor, uniform: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return one token a row [rows]; `values` are probabilities of `tokens`, both [rows, size], in falling order."""
    before = values.double().cumsum(dim=-1) - values.double()
    nucleus = values.double() * (before < top_p)
    return tokens.gather(1, _invert(nucleus, uniform)[:, None])[:, 0]


def _invert(weights: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Return the place [rows] at which the running sum of weights [rows, size] exceeds `uniform` of the whole.

    In two steps, the block and the place in it, so that one pass over a large vocabulary is enough: only the sums of
    blocks are added up in float64. The point stays below each total, so a place of weight 0 is never drawn.
    """
    rows = torch.arange(len(weights), device=weights.device)
    excess = -weights.shape[1] % _BLOCK
    padded = torch.nn.functional.pad(weights, (0, excess)) if excess else weights
    blocks = padded.view(len(weights), -1, _BLOCK)
    outer = blocks.sum(dim=-1).double().cumsum(dim=-1)
    point = _below(uniform.double() * outer[:, -1], outer[:, -1])
    block = torch.searchsorted(outer, point[:, None], right=True)[:, 0]
    before = torch.where(block > 0, outer[rows, (block - 1).clamp(min=0)], 0.0)
    inner = blocks[rows, block].cumsum(dim=-1, dtype=torch.float64)
    place = torch.searchsorted(inner, _below(point - before, inner[:, -1])[:, None], right=True)[:, 0]
    return block * _BLOCK + place


def _below(point: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    return torch.minimum(point, torch.nextafter(total, torch.zeros_like(total)))
