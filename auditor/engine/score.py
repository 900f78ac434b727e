"""Log-likelihoods of a pack of rows in one forward pass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch

from auditor.engine.forward import Forward
from auditor.engine.plan import Row, Target
from auditor.engine.trees import Tree
from auditor.types import Loglikelihood, Output, Reason, Unscored

_ROWS_IN_CACHE = 16


@torch.inference_mode()
def score_rows(forward: Forward, rows: Sequence[Row], *, pad: int) -> dict[int, Output]:
    """Return the log-likelihood (nats) of every target in a pack, by request number.

    Rows are padded on the right to one length; logits are computed only at positions where some row predicts a
    target's token, and turned into log-probabilities in float32.
    """
    length = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), length), pad)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
    wanted = sorted({place for row in rows for target in row.targets for place in _places(target)})
    column = {place: number for number, place in enumerate(wanted)}
    keep = torch.tensor(wanted, device=forward.device)
    logits, _ = forward(ids.to(forward.device), mask.to(forward.device), keep=keep, remember=False)
    targets = [(number, target) for number, row in enumerate(rows) for target in row.targets]
    columns = [number * len(wanted) + column[place] for number, target in targets for place in _places(target)]
    tokens = [token for _, target in targets for token in target.continuation]
    logprobs = _logprobs([logits.flatten(0, 1)], torch.tensor(columns), torch.tensor(tokens))
    parts = torch.split(logprobs, [len(target.continuation) for _, target in targets])
    found = {
        target.number: output_of(float(part.sum()), len(part)) for (_, target), part in zip(targets, parts, strict=True)
    }
    return found | _apart(forward, rows, found, pad)


@torch.inference_mode()
def score_trees(forward: Forward, trees: Sequence[Tree], *, pad: int, stem: Any = None) -> dict[int, Output]:
    """Return the log-likelihood (nats) of every target in trees of one stem, by request number.

    One pass over all nodes with a mask that lets each see its own path; `position_ids` are the depths. Logits are
    computed only where a token is predicted, and turned into log-probabilities in float32. What comes out broken is
    run again alone, for the reason that `_apart` gives. `stem` is the stem's cache, None for trees without one.
    """
    leaves = [(row, leaf) for row, tree in enumerate(trees) for leaf in tree.targets]
    wanted = sorted({(row, place) for row, leaf in leaves for place in leaf.places})
    column = {place: number for number, place in enumerate(wanted)}
    columns = torch.tensor([column[row, place] for row, leaf in leaves for place in leaf.places])
    tokens = torch.tensor([token for _, leaf in leaves for token in leaf.continuation])
    logits = forward.trees(trees, keep=torch.tensor(wanted), pad=pad, stem=stem)
    parts = torch.split(_logprobs(logits, columns, tokens), [len(leaf.places) for _, leaf in leaves])
    found: dict[int, Output] = {}
    for (row, leaf), part in zip(leaves, parts, strict=True):
        output = output_of(float(part.sum()), len(leaf.places))
        if isinstance(output, Unscored):
            ids = trees[row].path(leaf.places[-1])
            target = Target(number=leaf.number, start=len(ids) - len(leaf.places), continuation=leaf.continuation)
            if len(ids) < len(trees[row].stem) + len(trees[row].ids):
                output = score_rows(forward, [Row(ids=ids, targets=(target,))], pad=pad)[leaf.number]
        found[leaf.number] = output
    return found


def output_of(nats: float, n_tokens: int) -> Output:
    """Return a log-likelihood (nats) over so many tokens, unless it is no number."""
    if not math.isfinite(nats):
        return Unscored(reason=Reason.NON_FINITE, detail=f"the log-likelihood is {nats}")
    return Loglikelihood(nats=nats, n_tokens=n_tokens)


def _apart(forward: Forward, rows: Sequence[Row], found: Mapping[int, Output], pad: int) -> dict[int, Output]:
    """Score again, each in a row of its own, the targets that came out broken from a row with more after them.

    A state that is not finite reaches back to earlier tokens: attention gives it the weight 0, and 0 × NaN is NaN.
    """
    again: dict[int, Output] = {}
    for row in rows:
        for target in row.targets:
            ids = row.ids[: target.start + len(target.continuation)]
            if isinstance(found[target.number], Unscored) and ids != row.ids:
                again |= score_rows(forward, [Row(ids=ids, targets=(target,))], pad=pad)
    return again


def _logprobs(logits: Iterable[torch.Tensor], columns: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return the log-probability (nats, float32 made float64) of each token [tokens] at its column of the logits.

    Logits come in parts [some, vocabulary]; on a CPU a few rows at a time are taken to stay in the cache. A row's
    result does not depend on the others; a token whose column is not among them has none (NaN).
    """
    found = torch.full((len(columns),), math.nan, dtype=torch.float64)
    ordered, order = columns.sort(stable=True)
    start = done = 0
    for rows in chain.from_iterable(map(_few, logits)):
        start += len(rows)
        end = int(torch.searchsorted(ordered, start))
        here = order[done:end]
        at = (ordered[done:end] - start + len(rows)).to(rows.device), tokens[here].to(rows.device)
        found[here] = rows.float().log_softmax(dim=-1)[at].cpu().double()
        done = end
    return found


def _few(part: torch.Tensor) -> Sequence[torch.Tensor]:
    return torch.split(part, _ROWS_IN_CACHE) if part.device.type == "cpu" else [part]


def _places(target: Target) -> range:
    return range(target.start, target.start + len(target.continuation))
