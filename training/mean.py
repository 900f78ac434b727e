"""Trains on several lists of texts, each in a process of its own, and takes the mean of the weights.

All begin with the same adapters, without which a mean of weights would mean nothing. Source: Wortsman et al. 2022,
"Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing inference time", §2,
the uniform soup.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch

from auditor.scorers import minilm_toxicity
from training.example import Example
from training.fit import Settings, Trained, fit
from training.studies import tokeniser


def fit_each(lists: Sequence[Sequence[Example]], settings: Settings) -> Trained:
    """Return what was trained on the list or, of several, the mean of what was trained on each, side by side."""
    if len(lists) == 1:
        return _fitted(lists[0], settings)
    with ProcessPoolExecutor(len(lists), mp_context=get_context("spawn")) as pool:
        shown = [number == 0 for number in range(len(lists))]  # all take about as long: one bar tells enough
        found = list(pool.map(_weights, lists, [settings] * len(lists), shown))
    return mean_of(found, settings)


def mean_of(found: Sequence[Mapping[str, np.ndarray]], settings: Settings) -> Trained:
    """Return a model whose every weight is the mean of those found under its name, as `weights_of` names them."""
    torch.set_num_threads(settings.threads)
    encoder, _ = minilm_toxicity.open_encoder()
    model = Trained(encoder, settings)
    with torch.no_grad():
        for name, weight in _named(model).items():
            weight.copy_(torch.from_numpy(np.mean([one[name].astype(np.float32) for one in found], axis=0)))
    return model.eval()


def weights_of(model: Trained) -> dict[str, np.ndarray]:
    """Return adapters and heads by name in half precision, as they are written."""
    return {name: weight.detach().half().numpy() for name, weight in _named(model).items()}


def _named(model: Trained) -> dict[str, torch.Tensor]:
    heads = {f"heads.{name}": weight for name, weight in model.heads.named_parameters()}
    return {f"adapters.{name}": weight for name, weight in model.adapters.items()} | heads


def _weights(examples: Sequence[Example], settings: Settings, shown: bool) -> dict[str, np.ndarray]:
    with contextlib.nullcontext() if shown else contextlib.redirect_stderr(io.StringIO()):
        return weights_of(_fitted(examples, settings))


def _fitted(examples: Sequence[Example], settings: Settings) -> Trained:
    encoder, _ = minilm_toxicity.open_encoder()
    return fit(encoder, tokeniser(), examples, settings)[0]
