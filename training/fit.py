"""Fits adapters and heads on MiniLM: what lies under the adapters is computed once, then each epoch runs the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import numpy as np
import torch
from msgspec import Struct
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from auditor.engine.encoder import Encoder, Heads, pad
from training.example import KINDS, Example

MAX_TOKENS = 96
_AT_ONCE = 64


class Settings(Struct, frozen=True, kw_only=True):
    """How the scorer is trained. `adapted` are the layers with adapters, which must be the last ones.

    `renamed` is how often a text that has `others` is read as one of them; `unread` the share of tokens that is left
    out each time in texts of the sources `unread_in`; `averaged` the share of the steps, the last ones, whose weights
    are averaged.
    """

    adapted: tuple[int, ...] = (3, 4, 5)
    rank: int = 16
    epochs: int = 3
    batch: int = 32
    rate: float = 1e-3
    head_rate: float = 1e-3
    decay: float = 0.01
    dropout: float = 0.2
    renamed: float = 0.0
    unread: float = 0.0
    unread_in: tuple[str, ...] = ()
    averaged: float = 0.0
    seed: int = 6
    threads: int = 2


SHIPPED = Settings(adapted=(0, 1, 2, 3, 4, 5), rank=32, renamed=0.3, averaged=0.3, threads=1)


class Trained(nn.Module):
    """An encoder with adapters, and heads on it."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.encoder, self.settings = encoder, settings
        self.frozen = range(min(settings.adapted, default=len(encoder.layers)))
        self.rest = range(len(self.frozen), len(encoder.layers))
        rng = torch.Generator().manual_seed(settings.seed)
        self.adapters = encoder.adapt(settings.adapted, settings.rank, rng)
        self.heads = Heads(len(KINDS), dropout=settings.dropout)

    def under(self, ids: Tensor) -> Tensor:
        """Return hidden states [texts, tokens, width] of the layers that are not trained."""
        return self.encoder.run_layers(self.encoder.embed(ids), ids, self.frozen)

    def over(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """Return logits [texts, kinds] from them."""
        logits: Tensor = self.heads(self.encoder.run_layers(hidden, ids, self.rest), ids)
        return logits


class Read(Struct, frozen=True, kw_only=True):
    """A text's token ids, and what the untrained layers make of them, [tokens, width]; its `others` by text."""

    ids: list[int]
    hidden: Tensor
    others: dict[str, Read] = {}


def fit(
    encoder: Encoder,
    tokenise: Callable[[str], list[int]],
    examples: Sequence[Example],
    settings: Settings,
    read: list[Read] | None = None,
) -> tuple[Trained, list[Read]]:
    """Return what was trained on the examples of part `train`, and all examples as read, in order.

    `read` is what an earlier fit with as many untrained layers returned for the same texts; it saves reading them
    again. The same seed, thread count and processor give the same weights. PyTorch's global generator, which dropout
    and new layers draw from, is put back afterwards.
    """
    torch.set_num_threads(settings.threads)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = Trained(encoder, settings)
        if read is None:
            read = read_examples(model, tokenise, examples)
        chosen = [number for number, example in enumerate(examples) if example.part == "train"]
        _train(model, read, examples, chosen)
    return model.eval(), read


@torch.inference_mode()
def logits_of(model: Trained, read: Sequence[Read]) -> np.ndarray:
    """Return logits [texts, kinds], in order."""
    found = np.zeros((len(read), len(KINDS)))
    model.eval()
    for batch in _by_length(range(len(read)), read):
        ids, hidden = _stack([read[number] for number in batch])
        found[batch] = model.over(hidden, ids).numpy()
    return found


def read_examples(model: Trained, tokenise: Callable[[str], list[int]], examples: Sequence[Example]) -> list[Read]:
    """Return examples and their `others` as the untrained layers read them, in order."""
    texts = [example.text for example in examples]
    more = sorted({text for example in examples for text in example.others})
    found = read_texts(model, [tokenise(text) for text in [*texts, *more]])
    others = dict(zip(more, found[len(texts) :], strict=True))
    return [
        msgspec.structs.replace(one, others={text: others[text] for text in example.others})
        for one, example in zip(found[: len(texts)], examples, strict=True)
    ]


@torch.inference_mode()
def read_texts(model: Trained, texts: Sequence[Sequence[int]]) -> list[Read]:
    """Return texts, given as token ids, as the untrained layers read their first 96 tokens, in order."""
    texts = [list(ids[:MAX_TOKENS]) for ids in texts]
    order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
    found: dict[int, Read] = {}
    starts = range(0, len(order), _AT_ONCE)
    for start in _shown(starts, "Reading"):
        batch = order[start : start + _AT_ONCE]
        ids = pad([texts[number] for number in batch])
        hidden = model.under(ids).half()
        for place, number in enumerate(batch):
            length = len(texts[number])
            found[number] = Read(ids=texts[number], hidden=hidden[place, :length].clone())
    return [found[number] for number in range(len(texts))]


def _train(model: Trained, read: Sequence[Read], examples: Sequence[Example], chosen: Sequence[int]) -> None:
    settings = model.settings
    rng, drawn = np.random.default_rng(settings.seed), np.random.default_rng(settings.seed + 1)
    n_steps = settings.epochs * -(-len(chosen) // settings.batch)
    optimiser, schedule = _optimiser(model, n_steps)
    mean = _Mean([*model.adapters.values(), *model.heads.parameters()])
    targets, weights = _targets(examples)
    model.train()
    for step, batch in enumerate(_shown(list(_batches(chosen, read, settings, rng)), "Training")):
        ids, hidden = _stack([_drawn(read[number], examples[number], settings, drawn) for number in batch])
        logits = model.over(hidden.clone(), ids)
        losses = nn.functional.binary_cross_entropy_with_logits(logits, targets[batch], reduction="none")
        loss = (losses * weights[batch]).sum() / weights[batch].sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step >= n_steps * (1 - settings.averaged):
            mean.add()
    mean.put()


class _Mean:
    """The mean of parameters over training steps."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self._sums = [torch.zeros_like(one) for one in parameters]
        self._n = 0

    @torch.no_grad()
    def add(self) -> None:
        """Take the parameters as they are now into the mean."""
        for total, one in zip(self._sums, self._parameters, strict=True):
            total.add_(one)
        self._n += 1

    @torch.no_grad()
    def put(self) -> None:
        """Give the parameters their means, if there are any."""
        for total, one in zip(self._sums, self._parameters, strict=True):
            if self._n:
                one.copy_(total / self._n)


def _optimiser(model: Trained, n_steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return AdamW and its schedule: the rate rises for a twentieth of the steps, and then falls."""
    settings = model.settings
    optimiser = torch.optim.AdamW(
        [
            {"params": list(model.adapters.values()), "lr": settings.rate},
            {"params": list(model.heads.parameters()), "lr": settings.head_rate},
        ],
        weight_decay=settings.decay,
    )
    warm = max(1, n_steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.02, (n_steps - step) / (n_steps - warm)))
    )
    return optimiser, schedule


def _drawn(read: Read, example: Example, settings: Settings, rng: np.random.Generator) -> Read:
    """Return a text as it stands or, so often, as one of the `others` of its example; some tokens are left out."""
    if settings.renamed and example.others and rng.random() < settings.renamed:
        read = read.others[example.others[int(rng.integers(len(example.others)))]]
    if example.source not in settings.unread_in:
        return read
    there = rng.random(len(read.ids)) >= settings.unread
    there[[0, -1]] = True  # what opens and closes a text
    places = np.flatnonzero(there)
    return Read(ids=[read.ids[place] for place in places.tolist()], hidden=read.hidden[torch.from_numpy(places)])


def _targets(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Return targets and weights, both [examples, kinds]; a kind that a source says nothing of weighs nothing."""
    targets = torch.zeros(len(examples), len(KINDS))
    weights = torch.zeros(len(examples), len(KINDS))
    for number, example in enumerate(examples):
        for kind, value in example.targets.items():
            targets[number, KINDS.index(kind)] = value
            weights[number, KINDS.index(kind)] = example.weight * (1.0 if kind in KINDS[:2] else 0.4)
    return targets, weights


def _batches(
    chosen: Sequence[int], read: Sequence[Read], settings: Settings, rng: np.random.Generator
) -> Iterator[list[int]]:
    """Yield batches of texts of like length, all texts once an epoch, in an order drawn anew for each."""
    size = settings.batch
    for _ in range(settings.epochs):
        order = rng.permutation(np.array(chosen)).tolist()
        pools = [order[start : start + 50 * size] for start in range(0, len(order), 50 * size)]
        batches = [
            pool[start : start + size]
            for pool in (sorted(pool, key=lambda number: len(read[number].ids)) for pool in pools)
            for start in range(0, len(pool), size)
        ]
        yield from (batches[place] for place in rng.permutation(len(batches)).tolist())


def _by_length(numbers: Iterable[int], read: Sequence[Read]) -> list[list[int]]:
    order = sorted(numbers, key=lambda number: -len(read[number].ids))
    return [order[start : start + _AT_ONCE] for start in range(0, len(order), _AT_ONCE)]


def _stack(texts: Sequence[Read]) -> tuple[Tensor, Tensor]:
    hidden = nn.utils.rnn.pad_sequence([text.hidden for text in texts], batch_first=True)
    return pad([text.ids for text in texts]), hidden.float()


def _shown(things: Sequence[object] | Sequence[list[int]], what: str) -> Iterable[object]:
    return track(things, description=what, console=Console(stderr=True))
