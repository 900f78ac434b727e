"""Fits the head: a network of one hidden layer on what the encoder and the counts give, then its calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor, nn

from auditor.scorers.minilm_refusal import LABELS
from training.refusal.items import Reply

Head = dict[str, Tensor]


class Settings(Struct, frozen=True, kw_only=True):
    """How the head is trained.

    `shares` is what each label weighs in the loss; `noise` is added to the inputs, in standard deviations of each;
    `reader_share` is how much the reader's logits count beside the head's.
    """

    hidden: int = 96
    epochs: int = 20
    batch: int = 64
    rate: float = 1e-3
    decay: float = 0.1
    dropout: float = 0.4
    noise: float = 0.5
    smoothing: float = 0.05
    shares: tuple[float, ...] = (0.45, 0.25, 0.1, 0.2)
    reader_share: float = 1.0
    seed: int = 6
    threads: int = 2


def fit(vectors: Tensor, replies: Sequence[Reply], settings: Settings, used: Tensor) -> Head:
    """Return a head trained on vectors [replies, features], of which only the `used` ones count; not yet calibrated.

    The same seed and kind of processor give the same head. PyTorch's global generator is put back afterwards.
    """
    torch.set_num_threads(settings.threads)
    trained = torch.tensor([reply.part == "train" for reply in replies])
    mean, deviation = _scale(vectors[trained], used)
    scaled = (vectors - mean) / deviation
    targets = torch.tensor([LABELS.index(reply.label) for reply in replies])
    weights = label_weights(targets, torch.tensor([reply.weight for reply in replies]), settings.shares)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = _trained(scaled[trained], targets[trained], weights[trained], settings)
    head = {
        "mean": mean,
        "deviation": deviation,
        **{f"first.{name}": value.detach() for name, value in model[0].named_parameters()},
        **{f"second.{name}": value.detach() for name, value in model[3].named_parameters()},
    }
    return {name: value.clone() for name, value in head.items()}


def calibrated(logits: Tensor, replies: Sequence[Reply], settings: Settings) -> Head:
    """Return one scale and a shift [labels] that make the labels of replies most likely.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", §4.2 (temperature scaling), with shifts.
    """
    targets = torch.tensor([LABELS.index(reply.label) for reply in replies])
    weights = label_weights(targets, torch.tensor([reply.weight for reply in replies]), settings.shares)
    scale, shift = _most_likely(logits, targets, weights.double())
    return {"scale": scale, "shift": shift}


def _scale(vectors: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
    """Return what to subtract and to divide by; a feature that is not used is divided by so much that it is nothing."""
    deviation = vectors.std(0).clamp_min(0.05)
    return vectors.mean(0), torch.where(used, deviation, torch.tensor(1e6))


def label_weights(targets: Tensor, weights: Tensor, shares: Sequence[float]) -> Tensor:
    """Return weights of mean 1 by which every label has its share."""
    totals = torch.zeros(len(LABELS)).index_add(0, targets, weights)
    shared = torch.tensor(shares)[targets] * weights / totals[targets]
    return shared / shared.mean()


def _trained(scaled: Tensor, targets: Tensor, weights: Tensor, settings: Settings) -> nn.Sequential:
    model = nn.Sequential(
        nn.Linear(scaled.shape[1], settings.hidden),
        nn.GELU(),
        nn.Dropout(settings.dropout),
        nn.Linear(settings.hidden, len(LABELS)),
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=settings.decay)
    n_steps = settings.epochs * -(-len(scaled) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=n_steps, pct_start=0.1)
    rng = np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        for batch in torch.from_numpy(rng.permutation(len(scaled))).split(settings.batch):
            inputs = scaled[batch] + settings.noise * torch.randn(len(batch), scaled.shape[1])
            losses = nn.functional.cross_entropy(
                model(inputs), targets[batch], reduction="none", label_smoothing=settings.smoothing
            )
            optimiser.zero_grad()
            (losses * weights[batch]).mean().backward()
            optimiser.step()
            schedule.step()
    return model


def _most_likely(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(len(LABELS), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale, shift], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        losses = nn.functional.cross_entropy(logits * scale + shift, targets, reduction="none")
        total = (losses * weights).mean() + 1e-3 * shift.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    return scale.detach(), shift.detach()
