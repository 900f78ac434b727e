"""Whether batches can be trusted: a text's log-probabilities must be the same alone, beside others and step by step.

Some architectures count padding as text, some look at the tokens to come, some lose their state between steps; each
would give plausible, wrong numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from msgspec.structs import replace

from auditor.engine.cache import is_roomy, join
from auditor.engine.decode import prefill
from auditor.engine.forward import Forward
from auditor.engine.plan import Encoded, Prompt, Row, Target
from auditor.engine.score import score_rows, score_trees
from auditor.engine.trees import lay_tree
from auditor.types import Loglikelihood, Sampling

_STEPS = 4  # tokens of each text that are fed one by one
_SAME = 1e-6  # nats
_LEAST = 1e-3  # nats: far above float32's rounding, far below what any metric shows


def tolerance(dtype: torch.dtype) -> float:
    """Return how much (nats) a token's log-probability may move with its batch by rounding alone."""
    return max(_LEAST, 64 * torch.finfo(dtype).eps)


@torch.inference_mode()
def batch_difference(forward: Forward, texts: Sequence[Sequence[int]], *, pad: int, together: bool) -> float:
    """Return the largest difference (nats) of a token's log-probability from one pass over its whole text alone.

    Texts are token ids, at least two each. They are scored from packed rows, and read step by step from a cache:
    `together` in padded batches, else each in a batch of its own. Infinite when a log-probability is not finite.
    """
    found = 0.0
    expected = [_alone(forward, text) for text in texts]
    for places in [range(len(texts))] if together else [range(n, n + 1) for n in range(len(texts))]:
        group = [texts[place] for place in places]
        wanted = [expected[place] for place in places]
        for got in (_scored(forward, group, pad), _stepped(forward, group, pad)):
            for row, logprobs in got:
                pairs = zip(logprobs, wanted[row][-len(logprobs) :], strict=True)
                gaps = [abs(one - other) for one, other in pairs]
                found = max([found, *(gap if math.isfinite(gap) else math.inf for gap in gaps)])
    return found


@torch.inference_mode()
def tells_tokens_apart(forward: Forward, text: Sequence[int]) -> bool:
    """Return whether some token of a text is more probable than another, as after any weights but damaged ones."""
    logprobs = _alone(forward, text)
    return max(logprobs) - min(logprobs) > _SAME


@torch.inference_mode()
def tree_difference(
    forward: Forward, texts: Sequence[Sequence[int]], *, pad: int, nodes: int, stem: Sequence[int] = ()
) -> float:
    """Return the largest difference (nats) of a token's log-probability in one tree from a pass over its text alone.

    The tree has about as many `nodes` as trees will have in use, since some layers see only so far back along it; a
    smaller one with every third of its sequences runs beside it, as forests do. It
    holds the texts, each text's first half with the next one's second half, and, to fill it, rotations of the texts
    that all begin with the longest one's first tokens; all of them after the `stem`, which is read once before.
    Compared are every token of the former, and the last token of those of the latter that lie farthest from their
    common beginning.
    """
    crossed = [[*text[: len(text) // 2], *other[len(other) // 2 :]] for text, other in pairwise([*texts, texts[0]])]
    shown = [tuple(text) for text in [*texts, *crossed]]
    start = tuple(max(texts, key=len)[:_STEPS])
    filling = sorted({(*start, *text[at:], *text[:at]) for text in texts for at in range(1, len(text))} - {*shown})
    filling = filling[: max(1, nodes // (sum(map(len, filling)) // len(filling)))]
    prefixes = [text[:end] for text in shown for end in range(2, len(text) + 1)]
    wanted = dict(enumerate(logprob for text in shown for logprob in _alone(forward, [*stem, *text])[-len(text) + 1 :]))
    for number, text in enumerate(filling, start=len(prefixes)):
        if number >= len(prefixes) + len(filling) - _STEPS:
            wanted[number] = _alone(forward, [*stem, *text])[-1]
    sequences = [(*stem, *text) for text in [*prefixes, *filling]]
    encoded = [Encoded(number=n, ids=ids, n_context=len(ids) - 1) for n, ids in enumerate(sequences)]
    encoded.sort(key=lambda request: request.ids[:-1])
    again = len(encoded)  # added to the numbers of the smaller tree
    smaller = [replace(request, number=request.number + again) for request in encoded[::3]]
    trees = [lay_tree(encoded, stem=len(stem)), lay_tree(smaller, stem=len(stem))]
    read = forward.read(trees[0].stem) if stem else None
    gaps = []
    for _ in range(2 if stem else 1):  # a stem must come out of a forest as it went in
        for number, output in score_trees(forward, trees, pad=pad, stem=read).items():
            if number % again in wanted:
                nats = output.nats if isinstance(output, Loglikelihood) else math.nan
                gaps.append(abs(nats - wanted[number % again]))
    return max(gap if math.isfinite(gap) else math.inf for gap in gaps)


def _alone(forward: Forward, text: Sequence[int]) -> list[float]:
    """Return the log-probability (nats) of each token but the first, from one pass over all of them."""
    ids = torch.tensor([text], device=forward.device)
    keep = torch.arange(len(text) - 1, device=forward.device)
    logits, _ = forward(ids, torch.ones_like(ids), keep=keep, remember=False)
    return _pick(logits[0], text[1:])


def _scored(forward: Forward, texts: Sequence[Sequence[int]], pad: int) -> Iterator[tuple[int, list[float]]]:
    rows, first = [], 0
    for text in texts:
        targets = [Target(number=first + n, start=n, continuation=(token,)) for n, token in enumerate(text[1:])]
        rows.append(Row(ids=tuple(text[:-1]), targets=tuple(targets)))
        first += len(targets)
    outputs = score_rows(forward, rows, pad=pad)
    for number, row in enumerate(rows):
        found = [outputs[target.number] for target in row.targets]
        yield number, [output.nats if isinstance(output, Loglikelihood) else math.nan for output in found]


def _stepped(forward: Forward, texts: Sequence[Sequence[int]], pad: int) -> Iterator[tuple[int, list[float]]]:
    """Yield the log-probabilities of each text's last tokens, twice: two completions share each prompt's cache."""
    steps = min(_STEPS, *(len(text) - 1 for text in texts))
    sampling = Sampling(max_new_tokens=steps)
    prompts = [Prompt(ids=tuple(text[:-steps]), draws=((0, 0), (1, 0)), sampling=sampling) for text in texts]
    logits, mask, cache = prefill(forward, prompts[:2], pad)
    if len(prompts) > 2 and is_roomy(cache):  # as when prompts enter a batch that is on its way
        more, more_mask, more_cache = prefill(forward, prompts[2:], pad)
        logits, mask = torch.cat([logits, more]), join(cache, mask, more_cache, more_mask)
    elif len(prompts) > 2:
        logits, mask, cache = prefill(forward, prompts, pad)
    owners = [row for row in range(len(texts)) for _ in range(2)]
    found: list[list[float]] = [[] for _ in owners]
    for step in range(-steps, 0):
        tokens = [texts[owner][step] for owner in owners]
        for line, logprob in zip(found, _pick(logits[:, -1], tokens), strict=True):
            line.append(logprob)
        if step < -1:
            mask = torch.cat([mask, mask.new_ones(len(owners), 1)], dim=1)
            fed = torch.tensor(tokens, device=forward.device)[:, None]
            logits, cache = forward(fed, mask, keep=1, cache=cache, remember=True)
    yield from zip(owners, found, strict=True)


def _pick(logits: torch.Tensor, tokens: Sequence[int]) -> list[float]:
    """Return the log-probability (nats) of one token a row; logits: [rows, vocabulary]."""
    logprobs = logits.float().log_softmax(dim=-1)
    chosen: list[float] = logprobs[range(len(tokens)), list(tokens)].tolist()
    return chosen
