"""Fits the reader: adapters in the encoder's layers and a head, on prompt and reply in one sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from msgspec import Struct
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from auditor.engine.encoder import Encoder
from auditor.engine.pair_reader import Pair, PairHead, by_length, stacked
from auditor.scorers.minilm_refusal import LABELS
from training.refusal.fit import label_weights
from training.refusal.items import Reply

_AT_ONCE = 64


class ReaderSettings(Struct, frozen=True, kw_only=True):
    """How the reader is trained. `adapted` are the layers with adapters, which must be the last ones.

    Each pass draws `drawn` replies, each as likely as it weighs; `shares` is how often each label is drawn.
    """

    adapted: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    rank: int = 16
    passes: int = 8
    drawn: int = 5500
    batch: int = 32
    rate: float = 8e-4
    decay: float = 0.01
    dropout: float = 0.3
    smoothing: float = 0.05
    shares: tuple[float, ...] = (0.45, 0.22, 0.13, 0.2)
    seed: int = 6


class Reader(nn.Module):
    """An encoder with adapters, and a head that reads pairs with it."""

    def __init__(self, encoder: Encoder, settings: ReaderSettings) -> None:
        super().__init__()
        self.encoder = encoder
        self.frozen = range(min(settings.adapted))
        self.rest = range(len(self.frozen), len(encoder.layers))
        rng = torch.Generator().manual_seed(settings.seed)
        self.adapters = encoder.adapt(settings.adapted, settings.rank, rng)
        self.head = PairHead(len(LABELS), dropout=settings.dropout)

    def over(self, hidden: Tensor, ids: Tensor, starts: Tensor) -> Tensor:
        """Return logits [pairs, labels] from the hidden states under the adapters."""
        logits: Tensor = self.head(self.encoder.run_layers(hidden, ids, self.rest), ids, starts)
        return logits

    @torch.inference_mode()
    def logits(self, pairs: Sequence[Pair]) -> Tensor:
        """Return logits [pairs, labels], in order."""
        self.eval()
        found = torch.zeros(len(pairs), len(LABELS))
        for batch in by_length(range(len(pairs)), pairs, _AT_ONCE):
            ids, starts = stacked([pairs[number] for number in batch])
            under = self.encoder.run_layers(self.encoder.embed(ids), ids, self.frozen)
            found[batch] = self.over(under, ids, starts)
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return adapters and head, as they are stored."""
        adapters = {f"adapters.{name}": value.detach().clone() for name, value in self.adapters.items()}
        return adapters | {f"reader.{name}": value.clone() for name, value in self.head.state_dict().items()}


def fit_reader(encoder: Encoder, pairs: Sequence[Pair], replies: Sequence[Reply], settings: ReaderSettings) -> Reader:
    """Return a reader trained on the replies of part `train`.

    The same seed, thread count and kind of processor give the same one. PyTorch's global generator is put back
    afterwards.
    """
    targets = torch.tensor([LABELS.index(reply.label) for reply in replies])
    weights = torch.tensor([reply.weight * (reply.part == "train") for reply in replies])
    odds = label_weights(targets, weights, settings.shares).double().numpy()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        reader = Reader(encoder, settings)
        under = _under(reader, pairs, np.flatnonzero(odds))
        _train(reader, pairs, under, targets, odds / odds.sum(), settings)
    return reader.eval()


def _train(
    reader: Reader,
    pairs: Sequence[Pair],
    under: dict[int, Tensor],
    targets: Tensor,
    odds: np.ndarray,
    settings: ReaderSettings,
) -> None:
    batches = list(_drawn(pairs, odds, settings))
    optimiser = torch.optim.AdamW(
        [*reader.adapters.values(), *reader.head.parameters()], lr=settings.rate, weight_decay=settings.decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=len(batches), pct_start=0.1)
    reader.train()
    for batch in track(batches, description="Training", console=Console(stderr=True)):
        ids, starts = stacked([pairs[number] for number in batch])
        hidden = torch.zeros(*ids.shape, under[batch[0]].shape[1])
        for row, number in enumerate(batch):
            hidden[row, : len(under[number])] = under[number].float()
        loss = nn.functional.cross_entropy(
            reader.over(hidden, ids, starts), targets[batch], label_smoothing=settings.smoothing
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        schedule.step()


def _drawn(pairs: Sequence[Pair], odds: np.ndarray, settings: ReaderSettings) -> Iterator[list[int]]:
    """Yield batches of replies of like length, in any order."""
    rng = np.random.default_rng(settings.seed)
    for _ in range(settings.passes):
        drawn = rng.choice(len(pairs), size=settings.drawn, replace=False, p=odds)
        batches = list(by_length(drawn.tolist(), pairs, settings.batch))
        yield from (batches[place] for place in rng.permutation(len(batches)))


@torch.inference_mode()
def _under(reader: Reader, pairs: Sequence[Pair], numbers: np.ndarray) -> dict[int, Tensor]:
    """Return what the layers that are not trained make of pairs, [tokens, width] each in half precision."""
    found: dict[int, Tensor] = {}
    batches = list(by_length(numbers.tolist(), pairs, _AT_ONCE))
    for batch in track(batches, description="Reading", console=Console(stderr=True)):
        ids, _ = stacked([pairs[number] for number in batch])
        hidden = reader.encoder.run_layers(reader.encoder.embed(ids), ids, reader.frozen).half()
        found |= {number: hidden[row, : len(pairs[number].ids)].clone() for row, number in enumerate(batch)}
    return found
