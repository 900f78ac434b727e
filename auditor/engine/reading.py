"""What a small encoder makes of a prompt and of a reply to it, as one vector for a learned head.

The two are read apart from one another, each in one pass; how they fit together is in the cosines of the prompt with
pieces of the reply.

Source: Reimers and Gurevych 2019, "Sentence-BERT", §3 (mean pooling). Differs in the pieces, and in what a head is
given: no embedding of the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from msgspec import Struct
from torch import Tensor

from auditor.engine.encoder import Encoder, pad

PIECE = 16  # tokens; about a sentence
OPENING = 24
_BATCH_TOKENS = 2048


class Reading(Struct, frozen=True, kw_only=True):
    """What the encoder makes of a text.

    Mean hidden states: `whole` [width] of all its tokens, `opening` and `ending` [width] of its first and last ones,
    `pieces` [n, width] of `PIECE` tokens each, in order. `agreement` (0–1) is the length of the mean of its tokens'
    hidden states where each has length 1: tokens that make no sense together point apart.
    """

    whole: Tensor
    opening: Tensor
    ending: Tensor
    pieces: Tensor
    agreement: float
    n_tokens: int
    n_windows: int


@torch.inference_mode()
def read(encoder: Encoder, texts: Sequence[Sequence[Sequence[int]]]) -> list[Reading]:
    """Return readings of texts, each given as windows of token ids that a first and a last special token enclose."""
    windows = [(number, place) for number, text in enumerate(texts) for place in range(len(text))]
    windows.sort(key=lambda window: -len(texts[window[0]][window[1]]))
    hidden: dict[tuple[int, int], Tensor] = {}
    start = 0
    while start < len(windows):
        first, place = windows[start]
        batch = windows[start : start + max(1, _BATCH_TOKENS // len(texts[first][place]))]
        ids = pad([texts[number][place] for number, place in batch])
        states = encoder(ids)
        for row, (number, place) in enumerate(batch):
            hidden[number, place] = states[row, : len(texts[number][place])].clone()
        start += len(batch)
    return [_reading([hidden[number, place] for place in range(len(text))]) for number, text in enumerate(texts)]


def pair_vector(prompt: Reading, reply: Reading, n_words: int) -> Tensor:
    """Return [2 × width + scalars] of a prompt and a reply of so many words.

    What the prompt is about goes in by cosines alone, so that a head cannot judge the prompt instead of the reply.
    """
    embedded = torch.cat([_unit(reply.whole), _unit(reply.opening)])
    scale = reply.whole.numel() ** 0.5  # so that a typical number is of order one
    return torch.cat([scale * embedded, _cosines(prompt, reply), _sizes(prompt, reply, n_words)])


def _reading(windows: Sequence[Tensor]) -> Reading:
    inner = [window[1:-1] for window in windows]
    filled = [window for window in inner if len(window)] or [windows[0]]
    tokens = torch.cat(list(windows))
    starts = [(window, start) for window in filled for start in range(0, len(window), PIECE)]
    pieces = [window[start : start + PIECE] for window, start in starts]
    means = [piece.mean(0) for piece in pieces if len(piece) >= PIECE // 2]
    return Reading(
        whole=tokens.mean(0),
        opening=filled[0][:OPENING].mean(0),
        ending=filled[-1][-OPENING:].mean(0),
        pieces=torch.stack(means or [filled[0].mean(0)]),
        agreement=float(torch.nn.functional.normalize(tokens, dim=1).mean(0).norm()),
        n_tokens=sum(map(len, inner)),
        n_windows=len(windows),
    )


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=-1)


def _cosines(prompt: Reading, reply: Reading) -> Tensor:
    """Return cosines of the prompt with the reply, its ends and its pieces, and of the reply's pieces with each other.

    A reply of one piece agrees with itself.
    """
    asked, pieces = _unit(prompt.whole), _unit(reply.pieces)
    to_pieces = pieces @ asked
    beside = [float(one @ other) for one, other in pairwise(pieces)] or [1.0]
    return torch.tensor(
        [
            float(asked @ _unit(reply.whole)),
            float(asked @ _unit(reply.opening)),
            float(asked @ _unit(reply.ending)),
            float(to_pieces.max()),
            float(to_pieces.mean()),
            float(to_pieces.min()),
            sum(beside) / len(beside),
            min(beside),
            float(_unit(reply.opening) @ _unit(reply.ending)),
        ]
    )


def _sizes(prompt: Reading, reply: Reading, n_words: int) -> Tensor:
    return torch.tensor(
        [reply.agreement, prompt.agreement, min(4.0, reply.n_tokens / max(1, n_words)), math.log1p(reply.n_tokens) / 6]
    )
