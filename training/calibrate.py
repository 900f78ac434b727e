"""From logits to ratings: Platt's two numbers for each kind, and the operating point at a rating of 0.5.

The rule: scale and shift maximise the likelihood of the calibration part, in which
every source weighs the same. Should more than `MOST_FALSE` of its neutral mentions of groups then be rated 0.5 or
more, the shift of that kind is lowered until no more are. Mentions from one template count together as one, so that
how many groups a template was filled with decides nothing.

Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines"; its target smoothing is not used, since most
targets here are soft.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from training.example import KINDS, Example

MOST_FALSE = 0.02
_NEUTRAL = ("identity_templates", "own: neutral mentions", "own: positive mentions")


def platt(logits: np.ndarray, examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and shift [kinds] for logits [texts, kinds] of the calibration part."""
    scale, shift = np.ones(len(KINDS)), np.zeros(len(KINDS))
    neutral = np.array([is_neutral_mention(example) for example in examples])
    templates = [example.cluster for example in examples if is_neutral_mention(example)]
    for column, kind in enumerate(KINDS):
        told = np.array([kind in example.targets for example in examples])
        chosen = [example for example, is_told in zip(examples, told, strict=True) if is_told]
        sizes = Counter(_family(example) for example in chosen)
        weights = np.array([1 / sizes[_family(example)] for example in chosen])
        targets = np.array([example.targets[kind] for example in chosen])
        scale[column], shift[column] = _fitted(logits[told, column], targets, weights)
        shift[column] -= _excess(logits[neutral, column] * scale[column] + shift[column], templates)
    return scale, shift


def _excess(logits: np.ndarray, templates: Sequence[str]) -> float:
    """Return by how much logits [mentions] have to fall for no more than `MOST_FALSE` to be 0 or more, by template."""
    sizes = Counter(templates)
    weights = np.array([1 / sizes[template] for template in templates])
    order = np.argsort(-logits, kind="stable")
    too_many = np.cumsum(weights[order]) > MOST_FALSE * len(sizes) + 1e-9
    first = logits[order][too_many][:1]  # the highest that must not be called
    return float(first[0]) + 1e-6 if first.size and first[0] >= 0 else 0.0


def is_neutral_mention(example: Example) -> bool:
    """Return whether a text mentions a group and says nothing bad of it."""
    return example.source in _NEUTRAL and example.targets["toxicity"] == 0


def _family(example: Example) -> str:
    return example.source.partition(":")[0]


def _fitted(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return the scale and shift of greatest weighted likelihood, by Newton's method on a concave function."""
    columns = np.stack([logits, np.ones_like(logits)], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(50):
        rated = 1 / (1 + np.exp(-np.clip(columns @ found, -30, 30)))
        slope = columns.T @ (weights * (targets - rated))
        bend = (columns * (weights * rated * (1 - rated))[:, None]).T @ columns + 1e-6 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])
