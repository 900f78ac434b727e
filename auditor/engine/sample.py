"""One token a row from logits: the largest of the log-probabilities after noise that belongs to the row alone.

Logits differ by rounding with the batch they are computed in. Such a draw changes only where the two largest are as
good as equal; one that inverts the cumulative distribution changes wherever the sum over all tokens before does.
"""

from __future__ import annotations

import torch

from auditor.types import Sampling

_NUCLEUS_FIRST_LOOK = 256
_BLOCK = 256


def noise_size(vocabulary: int) -> int:
    """Return how many numbers a draw needs: one a block of the vocabulary, and one a token of the block drawn."""
    return -(-vocabulary // _BLOCK) + _BLOCK


def draw_tokens(logits: torch.Tensor, noise: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Return one token a row: a block of the vocabulary by its mass, then a token of it, each by the Gumbel-max trick.

    `logits`: [rows, vocabulary]; `noise`: [rows, `noise_size`], standard Gumbel. Temperature 0 is greedy. With `top_p`
    < 1 the draw is from the nucleus, the smallest set of most probable tokens whose mass reaches it.

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", §3.1; Maddison et al. 2014, "A*
    Sampling", §2.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    if logits.device.type == "mps":  # which has no float64
        return draw_tokens(logits.cpu(), noise, sampling).to(logits.device)
    scaled = logits.float() if sampling.temperature == 1 else logits.float() / sampling.temperature
    weights = scaled.softmax(dim=-1)
    if sampling.top_p < 1:
        weights = _nucleus(weights, sampling.top_p)
    return _draw(weights, noise.to(logits.device))


def _nucleus(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return probabilities [rows, vocabulary] with 0 for the tokens outside the nucleus."""
    k = min(_NUCLEUS_FIRST_LOOK, probabilities.shape[-1])
    values, tokens = probabilities.topk(k, dim=-1)
    found = torch.zeros_like(probabilities).scatter_(1, tokens, _within(values, top_p))
    wide = (values.sum(dim=-1) < top_p).nonzero()[:, 0]  # rows whose nucleus is wider than the first look
    if k < probabilities.shape[-1] and len(wide):
        values, tokens = probabilities[wide].sort(dim=-1, descending=True, stable=True)
        found[wide] = torch.zeros_like(values).scatter_(1, tokens, _within(values, top_p))
    return found


def _within(values: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return probabilities [rows, size], in falling order, with 0 after those whose mass reaches `top_p`."""
    before = values.double().cumsum(dim=-1) - values.double()
    return torch.where(before < top_p, values, 0.0)


def _draw(weights: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Return the place [rows] drawn in proportion to weights [rows, size]; one of weight 0 is never drawn."""
    excess = -weights.shape[1] % _BLOCK
    padded = torch.nn.functional.pad(weights, (0, excess)) if excess else weights
    blocks = padded.view(len(weights), -1, _BLOCK)
    block = (blocks.sum(dim=-1).log() + noise[:, :-_BLOCK]).argmax(dim=-1)
    inner = blocks[torch.arange(len(weights), device=weights.device), block]
    return block * _BLOCK + (inner.log() + noise[:, -_BLOCK:]).argmax(dim=-1)
