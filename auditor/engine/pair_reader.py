"""A small encoder that reads a prompt and a reply to it as one text, and a head that tells what the reply does.

Source: Devlin et al. 2019, "BERT", §3.2 (pairs of texts in one sequence). Differs: both carry the first segment's
embedding, as the encoder was trained on; the head reads the reply's tokens only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from msgspec import Struct
from torch import Tensor, nn

from auditor.engine.encoder import Encoder, pad
from auditor.engine.packed import pack_linears

OPENS, CLOSES = 101, 102  # the tokens that open and close a text
OPENING = 24
_PROMPT = (24, 16)  # tokens that are read at either end
_REPLY = (104, 56)
_WIDTH = 384
_AT_ONCE = 16


class Pair(Struct, frozen=True, kw_only=True):
    """Token ids of a prompt and a reply in one sequence, and where in it the reply starts."""

    ids: list[int]
    start: int


def pair_of(prompt: Sequence[int], reply: Sequence[int]) -> Pair:
    """Return one sequence of the two; of long ones the two ends. A reply without tokens has the closing one alone."""
    asked = [OPENS, *_ends(prompt, *_PROMPT), CLOSES]
    return Pair(ids=[*asked, *_ends(reply, *_REPLY), CLOSES], start=len(asked))


def stacked(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
    """Return token ids [pairs, tokens], padded with 0, and where the replies start [pairs]."""
    return pad([pair.ids for pair in pairs]), torch.tensor([pair.start for pair in pairs])


class PairHead(nn.Module):
    """Logits of labels from the hidden states of the reply's tokens."""

    def __init__(self, n_labels: int, hidden: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.first = nn.Linear(3 * _WIDTH, hidden)
        self.second = nn.Linear(hidden, n_labels)

    def forward(self, hidden: Tensor, ids: Tensor, starts: Tensor) -> Tensor:
        """Return logits [pairs, labels] from the mean and the maximum over the reply, and the mean of its opening."""
        places = torch.arange(ids.shape[1])[None, :]
        reply = ((ids != 0) & (places >= starts[:, None]))[:, :, None]
        opening = reply & (places < starts[:, None] + OPENING)[:, :, None]
        most = hidden.masked_fill(~reply, -1e9).amax(1)
        seen = torch.cat([_mean(hidden, reply), most, _mean(hidden, opening)], dim=1)
        logits: Tensor = self.second(self.dropout(nn.functional.gelu(self.first(self.dropout(seen)))))
        return logits


class PairReader:
    """An encoder with trained adapters in it, and the head on it, for use."""

    def __init__(self, encoder: Encoder, weights: Mapping[str, Tensor]) -> None:
        """Take tensors named `adapters.…` and `reader.…`; raise KeyError or RuntimeError where they do not fit."""
        head = {name.removeprefix("reader."): value for name, value in weights.items() if name.startswith("reader.")}
        adapters = {
            name.removeprefix("adapters."): one for name, one in weights.items() if name.startswith("adapters.")
        }
        encoder.merge(adapters)
        with torch.random.fork_rng(devices=[]):  # new layers draw from the global generator
            self._head = PairHead(len(head["second.bias"])).eval()
        self._head.load_state_dict(head)
        pack_linears(encoder)
        self._encoder = encoder.eval()

    @torch.inference_mode()
    def logits(self, pairs: Sequence[Pair]) -> Tensor:
        """Return logits [pairs, labels], in order."""
        found = torch.zeros(len(pairs), self._head.second.out_features)
        for batch in by_length(range(len(pairs)), pairs, _AT_ONCE):
            ids, starts = stacked([pairs[number] for number in batch])
            found[batch] = self._head(self._encoder(ids), ids, starts)
        return found


def by_length(numbers: Sequence[int], pairs: Sequence[Pair], size: int) -> Iterator[list[int]]:
    """Yield the numbers of pairs in batches of like length."""
    order = sorted(numbers, key=lambda number: len(pairs[number].ids))
    return (order[start : start + size] for start in range(0, len(order), size))


def _under(weights: Mapping[str, Tensor], stem: str) -> dict[str, Tensor]:
    return {name.removeprefix(stem): value for name, value in weights.items() if name.startswith(stem)}


def _mean(hidden: Tensor, there: Tensor) -> Tensor:
    return (hidden * there).sum(1) / there.sum(1)


def _ends(ids: Sequence[int], first: int, last: int) -> list[int]:
    return list(ids) if len(ids) <= first + last else [*ids[:first], *ids[-last:]]
