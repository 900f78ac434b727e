"""From a sample to the requests that a backend answers, and from outputs back to answers.

`pairs`       one log-likelihood a text, each from the start of a text or, with `context`, after the prompt (an empty
              prompt is the start of a text); with `masked`, of what the two texts share.
`choice`      for each variant of the prompt and each order of the options, one log-likelihood a choice. With
              `letters` the options are listed in the prompt and the choice is the letter; `rotate` asks every
              rotation of the options, so that a preference for a letter cancels out; where the probe lists `orders`,
              each is a sample of its own.
`generation`  `samples_per_prompt` completions; each has its own seed, which depends on nothing but the run's seed,
              the probe, the sample and the number of the completion.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence

from auditor.definition import Ask
from auditor.errors import PackError, foreign_faults
from auditor.probes import Probe
from auditor.prompts import sandbox
from auditor.types import (
    OPTION_ORDER,
    Answer,
    Completion,
    GenerateRequest,
    Json,
    Loglikelihood,
    LoglikelihoodRequest,
    Output,
    Question,
    Reason,
    Sample,
    Unscored,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Message = dict[str, str]
RenderChat = Callable[[list[Message]], str]


def questions(probe: Probe, sample: Sample, *, seed: int, render_chat: RenderChat) -> list[Question]:
    """Return everything that is asked about one sample, in a fixed order.

    Raises:
        PackError: the prompt template has a hole for this sample, or does what the sandbox forbids.
    """
    match probe.ask.kind:
        case "pairs":
            texts = [str(sample.fields[name]) for name in probe.ask.texts]
            context = render(probe, sample, variant="", options=[]) if probe.ask.context else ""
            asked = _shared(*texts) if probe.ask.masked else tuple(_after(context, text) for text in texts)
            return [Question(variant="", order=tuple(range(len(texts))), requests=asked)]
        case "choice":
            return list(_choice_questions(probe, sample))
        case "generation":
            return [_generation_question(probe, sample, seed=seed, render_chat=render_chat)]


def answers(asked: Sequence[Question], outputs: Sequence[Output]) -> list[Answer] | Unscored:
    """Return the outputs of a sample's questions as answers, or the first reason why one is missing or no number."""
    for output in outputs:
        if isinstance(output, Unscored):
            return output
        if isinstance(output, Loglikelihood) and not math.isfinite(output.nats):
            return Unscored(reason=Reason.NON_FINITE, detail=f"the log-likelihood is {output.nats}")
    found, at = [], 0
    for question in asked:
        part = outputs[at : at + len(question.requests)]
        at += len(question.requests)
        likelihoods = [(output.nats, output.n_tokens) for output in part if isinstance(output, Loglikelihood)]
        by_option = sorted(zip(question.order, likelihoods, strict=bool(likelihoods)))
        nats = tuple(nats for _, (nats, _) in by_option)
        tokens = tuple(n_tokens for _, (_, n_tokens) in by_option)
        texts = tuple(output.text for output in part if isinstance(output, Completion))
        found.append(Answer(variant=question.variant, nats=nats, tokens=tokens, completions=texts))
    return found


def sample_seed(seed: int, probe_id: str, sample_id: str, number: int) -> int:
    """Return the seed (63 bits) of one completion."""
    text = f"{seed}\0{probe_id}\0{sample_id}\0{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _after(context: str, text: str) -> LoglikelihoodRequest:
    return LoglikelihoodRequest(context=context, continuation=f" {text}" if context else text)


def _shared(first: str, second: str) -> tuple[LoglikelihoodRequest, LoglikelihoodRequest]:
    return (
        LoglikelihoodRequest(context="", continuation=first, against=second),
        LoglikelihoodRequest(context="", continuation=second, against=first, second=True),
    )


def _choice_questions(probe: Probe, sample: Sample) -> Iterator[Question]:
    options = _options(probe.ask, sample)
    orders = _orders(probe.ask, sample, len(options))
    for variant in probe.ask.variants:
        for order in orders:
            listed = [options[option] for option in order]
            prompt = render(probe, sample, variant=variant, options=listed)
            words = _letters(probe, sample, len(options)) if probe.ask.letters else listed
            asked = tuple(LoglikelihoodRequest(context=prompt, continuation=f" {word}") for word in words)
            yield Question(variant=variant, order=order, requests=asked)


def _orders(ask: Ask, sample: Sample, count: int) -> list[tuple[int, ...]]:
    """Return the orders in which a sample lists its options."""
    if ask.orders:
        return [tuple(map(int, sample.slices[OPTION_ORDER].split("-")))]
    turns = range(count) if ask.rotate else range(1)
    return [tuple((place + turn) % count for place in range(count)) for turn in turns]


def _letters(probe: Probe, sample: Sample, count: int) -> str:
    if count > len(LETTERS):
        raise PackError(
            f"probe {probe.id}, sample {sample.id}: {count} options, and letters for {len(LETTERS)}",
            hint="shorten the options, or ask without letters",
        )
    return LETTERS[:count]


def _options(ask: Ask, sample: Sample) -> list[str]:
    if ask.choices:
        return list(ask.choices)
    options: list[str] = []
    for name in ask.choices_from:
        value = sample.fields[name]
        options += value if isinstance(value, list) else [value]
    return options


def _generation_question(probe: Probe, sample: Sample, *, seed: int, render_chat: RenderChat) -> Question:
    prompt = render(probe, sample, variant="", options=[])
    if probe.ask.chat:
        prompt = render_chat([{"role": "user", "content": prompt}])
    asked = tuple(
        GenerateRequest(
            prompt=prompt,
            chat=probe.ask.chat,
            sampling=probe.ask.sampling,
            seed=sample_seed(seed, probe.id, sample.id, number),
        )
        for number in range(probe.ask.samples_per_prompt)
    )
    return Question(variant="", order=(), requests=asked)


def render(probe: Probe, sample: Sample, *, variant: str, options: Sequence[str]) -> str:
    """Return the prompt for a sample: the template over the item's fields, `variant`, `options` and `letters`.

    Raises:
        PackError: the template has a hole, or does what the sandbox forbids.
    """
    names: dict[str, Json] = {**sample.fields, "variant": variant, "options": list(options), "letters": LETTERS}
    message = f"probe {probe.id}, sample {sample.id}: prompt.j2 does not render"
    with foreign_faults(message, PackError, hint=f"an item has the fields {', '.join(sorted(sample.fields))}"):
        return str(_compiled(probe.template).render(names))


@functools.cache
def _compiled(template: str) -> Json:
    return sandbox().from_string(template)
