"""Log-likelihoods of a pack of rows in one forward pass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from auditor.engine.forward import Forward
from auditor.engine.plan import Row, Target
from auditor.engine.trees import Tree
from auditor.types import Loglikelihood, Output, Reason, Unscored

_VOCABULARY = 4096  # of which the logits of all rows are read at a time, to stay in a processor's cache


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
    logits_in_parts = torch.split(logits.flatten(0, 1), _VOCABULARY, dim=-1)
    logprobs = _logprobs(logits_in_parts, torch.tensor(columns), torch.tensor(tokens))
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


def _logprobs(parts: Iterable[torch.Tensor], rows: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return the log-probability (nats, float32 made float64) of each token [tokens] after its row of the logits.

    Logits come in parts of the vocabulary, [rows, some] each, in its order. A token beyond the vocabulary has none
    (NaN).
    """
    chosen = torch.full((len(tokens),), math.nan, dtype=torch.float64)
    sums = []
    start = 0
    for part in parts:
        logits = part.float()
        sums.append(logits.logsumexp(dim=-1).cpu().double())
        end = start + logits.shape[-1]
        here = (start <= tokens) & (tokens < end)
        at = rows[here].to(part.device), (tokens[here] - start).to(part.device)
        chosen[here] = logits[at].cpu().double()
        start = end
    return chosen - torch.stack(sums).logsumexp(dim=0)[rows]


def _places(target: Target) -> range:
    return range(target.start, target.start + len(target.continuation))
