"""Requests as tokens: where a text begins, where its continuation begins, and what is too long to ask."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence, Set
from typing import Any

from auditor.backends.hf_config import leading_tokens
from auditor.engine.plan import Encoded, Prompt
from auditor.types import GenerateRequest, LoglikelihoodRequest, Output, Reason, Unscored

_PLANNED_TOGETHER = 32_768  # requests; tokenising and planning more of them needs no more memory


class Encoder:
    """A transformers tokenizer, and the context length of its model."""

    def __init__(self, tokenizer: Any, *, ends: Collection[int], context_length: int) -> None:
        self._tokenizer = tokenizer
        self._leading = leading_tokens(tokenizer)
        self._ends = ends
        self._context_length = context_length

    def encode(
        self, numbers: Sequence[int], requests: Sequence[LoglikelihoodRequest]
    ) -> tuple[list[Encoded], dict[int, Output]]:
        """Return requests as tokens, and those that cannot be asked, by number.

        Context and continuation are tokenised as one text, then split at the context's length (the field's rule).
        Where the context has no token, the token that starts a text stands for it.
        """
        parts = [_split_space(requests[number].context, requests[number].continuation) for number in numbers]
        contexts = self.tokenize([context for context, _ in parts])
        wholes = self.tokenize([context + continuation for context, continuation in parts])
        bare = self.tokenize(["" if context else continuation for context, continuation in parts], special=False)
        encoded: list[Encoded] = []
        refused: dict[int, Output] = {}
        for place, (number, (context, _)) in enumerate(zip(numbers, parts, strict=True)):
            ids, n_context = (wholes[place], len(contexts[place])) if context else (bare[place], 0)
            if not n_context:
                ids, n_context = [self._start(), *ids], 1
            if len(ids) - 1 > self._context_length:
                refused[number] = self._too_long(len(ids) - 1)
            elif len(ids) <= n_context:
                refused[number] = Unscored(reason=Reason.EMPTY_CONTINUATION, detail="the continuation has no token")
            else:
                encoded.append(Encoded(number=number, ids=tuple(ids), n_context=n_context))
        return encoded, refused

    def prompts(
        self, numbers: Sequence[int], requests: Sequence[GenerateRequest]
    ) -> tuple[list[Prompt], dict[int, Output]]:
        """Return the different prompts with their completions, and those that cannot be asked, by number."""
        together: dict[tuple[str, bool, Any], list[int]] = {}
        for number in numbers:
            request = requests[number]
            together.setdefault((request.prompt, request.chat, request.sampling), []).append(number)
        prompts: list[Prompt] = []
        refused: dict[int, Output] = {}
        for (text, chat, sampling), same in together.items():
            ids = self.tokenize([text], special=not chat)[0] or [self._start()]
            if len(ids) + sampling.max_new_tokens > self._context_length:
                refused |= dict.fromkeys(same, self._too_long(len(ids) + sampling.max_new_tokens))
            else:
                draws = tuple((number, requests[number].seed) for number in same)
                prompts.append(Prompt(ids=tuple(ids), draws=draws, sampling=sampling))
        return prompts, refused

    def tokenize(self, texts: list[str], *, special: bool = True) -> list[list[int]]:
        """Return each text as token ids, with what the tokenizer puts before a text if `special`."""
        different = list(dict.fromkeys(texts))
        ids = self._tokenizer(different, add_special_tokens=False).input_ids if different else []
        leading = self._leading if special else []
        found = {
            text: row if row[: len(leading)] == leading else [*leading, *row]  # a text may bring them itself
            for text, row in zip(different, ids, strict=True)
        }
        return [found[text] for text in texts]

    def _start(self) -> int:
        """Return the token that stands for the start of a text: the tokenizer's for it, else its end token."""
        start, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        if start is None:
            start = end if end in self._ends else min(self._ends, default=0)
        return int(start)

    def _too_long(self, n_tokens: int) -> Unscored:
        detail = f"{n_tokens} tokens, context length {self._context_length}"
        return Unscored(reason=Reason.TOO_LONG, detail=detail)


def spans(count: int, done: Set[int]) -> Iterator[range]:
    """Yield the numbers of the requests that are tokenised and planned together, unless all of them are done."""
    for start in range(0, count, _PLANNED_TOGETHER):
        numbers = range(start, min(start + _PLANNED_TOGETHER, count))
        if not all(number in done for number in numbers):
            yield numbers


def _split_space(context: str, continuation: str) -> tuple[str, str]:
    """Return both with the space, tabs and line ends included, that ends the context at the continuation's start."""
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + continuation
