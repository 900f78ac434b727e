"""Masked language models (BERT and its kin) through transformers: how probable is what a text shares with another?

Source: Nangia et al. 2020, "CrowS-Pairs", EMNLP, §4, Eq. 1, and `mask_unigram` of its code (nyu-mll/crows-pairs,
metric.py): the pseudo-log-likelihood of the shared tokens, each masked alone while the rest of its own text is seen.
Differs from the code in that texts are not lower-cased first: an uncased model's tokenizer does that itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from typing import Any, NoReturn

from msgspec.structs import replace

from auditor.backends.base import COUNTED_TOKENS, BackendOptions, Outputs, by_formula
from auditor.backends.hf_config import UNLIMITED, first_position
from auditor.backends.hf_encode import spans
from auditor.backends.hf_load import info_of, load
from auditor.engine.blanks import Blanked, pack_texts, plan_texts, shared_places
from auditor.errors import ModelError, foreign_faults
from auditor.types import GenerateRequest, LoglikelihoodRequest, ModelRef, Output, Reason, Unscored, Work

_LOGITS_BUDGET = 400_000_000  # bytes of float32 logits that one pass may need
_SAME = 1e-6  # nats
_PLAIN_TEXT = "The sun rises in the east."


def open_backend(ref: ModelRef, options: BackendOptions) -> MaskedBackend:
    """Return a backend for a resolved model, after a short text has shown that its numbers hold.

    Raises:
        ModelError: the model does not load, its logits are not finite, or move with the rows beside a text.
        MissingPackageError: the model's format needs a package that is not installed.
    """
    hint = "is it a masked language model that transformers knows, with all its files?"
    model, tokenizer = load(ref, options, auto="AutoModelForMaskedLM", hint=hint)
    with foreign_faults(f"cannot run {ref.requested}", ModelError, hint=hint):
        backend = MaskedBackend(model, tokenizer, options, name=ref.requested)
        backend.prove()
        backend.count_flop()
    return backend


class MaskedBackend:
    """A masked language model and its tokenizer behind the `Backend` seam."""

    def __init__(self, model: Any, tokenizer: Any, options: BackendOptions, *, name: str) -> None:
        from auditor.engine.fill import Fill
        from auditor.engine.packed import pack_linears

        self._name = name
        self._tokenizer = tokenizer
        self._fill = Fill(model)
        self._vocabulary = model.config.get_text_config().vocab_size
        self._mask = self._mask_token()
        info = info_of(model, tokenizer, options, name="masked")
        length = info.context_length
        self.info = replace(
            info,
            chat_template_digest="",
            context_length=length if length == UNLIMITED else length - first_position(model),
            packed=pack_linears(model),
            masked=True,
        )
        self.flop = by_formula(info.parameters)

    @property
    def work(self) -> Work:
        """What was run since the model was opened."""
        return Work(tokens=self._fill.tokens, predictions=self._fill.predictions)

    def count_flop(self) -> None:
        """Count what a token costs; where that cannot be done, the formula stands."""
        from auditor.engine.flop import count_masked

        ids = self._tokenizer(_PLAIN_TEXT).input_ids
        tokens = min(COUNTED_TOKENS, self.info.context_length)
        self.flop = count_masked(self._fill, ids, tokens=tokens, formula=self.flop)

    def render_chat(self, messages: list[dict[str, str]]) -> str:
        """Refuse: a masked model holds no conversation."""
        self._refuse("it holds no conversation")

    def loglikelihood(self, requests: Sequence[LoglikelihoodRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Yield the pseudo-log-likelihood of each request that is not done, in packs of texts of equal length."""
        from auditor.engine.fill import score_texts

        for numbers in spans(len(requests), done):
            blanked, refused = self._encode(numbers, requests)
            if any(number not in done for number in refused):
                yield refused
            limits = {"max_tokens": self.info.batch_tokens, "max_rows": self.info.batch_rows}
            for pack in pack_texts(plan_texts(blanked), **limits):
                if {number for text in pack for number, _ in text.wanted} - done:
                    most = max(1, min(self.info.batch_rows, self.info.batch_tokens // len(pack[0].ids)))
                    yield score_texts(self._fill, pack, mask=self._mask, max_rows=most)

    def generate(self, requests: Sequence[GenerateRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Refuse any request: a masked model writes no text."""
        if requests:
            self._refuse("it writes no text")
        return iter(())

    def prove(self) -> None:
        """Show that a text's masked copies have the same numbers together as alone; narrow the head where that holds.

        Raises:
            ModelError: they differ, or are not finite.
        """
        import torch

        from auditor.engine.check import tolerance
        from auditor.engine.fill import blank_logprobs

        most = tolerance(getattr(torch, self.info.dtype))
        ids = self._tokenizer(_PLAIN_TEXT).input_ids[: self.info.context_length]
        rows = [(ids, place) for place in range(1, len(ids) - 1)]
        alone = [logprob for row in rows for logprob in blank_logprobs(self._fill, [row], self._mask)]
        if not all(map(math.isfinite, alone)):
            raise ModelError(
                f"{self._name} gives logits that are not finite ({self.info.dtype} on {self.info.device})",
                hint="the weights are damaged, or the dtype is too narrow: try --dtype float32",
            )
        if len(alone) > 1 and not max(alone) - min(alone) > _SAME:
            raise ModelError(
                f"{self._name} gives every token of a text the same probability",
                hint="the weights are damaged: every choice would be a tie, and look free of bias",
            )
        gap = _gap(alone, blank_logprobs(self._fill, rows, self._mask))
        if not gap <= most:
            raise ModelError(
                f"{self._name} gives a token other log-probabilities beside other rows than alone (they differ by "
                f"{gap:.2g} nats, expected at most {most:.2g})",
                hint="its numbers would depend on the batch: it cannot be measured",
            )
        self._fill.narrow = self._fill.can_narrow and self._narrow_holds(rows, alone, most)
        logits = max(1, _LOGITS_BUDGET // (4 * self._vocabulary))  # positions whose logits fit
        limit = "batch_rows" if self._fill.narrow else "batch_tokens"
        self.info = replace(
            self.info,
            attention=f"{self.info.attention}, in rows of equal length",
            **{limit: min(getattr(self.info, limit), logits)},
        )

    def _narrow_holds(self, rows: Sequence[tuple[list[int], int]], alone: Sequence[float], most: float) -> bool:
        from auditor.engine.fill import blank_logprobs

        self._fill.narrow = True
        try:
            return _gap(alone, blank_logprobs(self._fill, rows, self._mask)) <= most
        except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError):  # the head needs all
            return False

    def _encode(
        self, numbers: Sequence[int], requests: Sequence[LoglikelihoodRequest]
    ) -> tuple[list[Blanked], dict[int, Output]]:
        """Return requests as tokens with the places to mask, and those that cannot be asked, by number."""
        if any(not requests[number].against or requests[number].context for number in numbers):
            self._refuse("it scores what two texts share, and no text alone or after another")
        texts = [text for number in numbers for text in (requests[number].continuation, requests[number].against)]
        different = list(dict.fromkeys(texts))
        tokens = dict(zip(different, map(tuple, self._tokenizer(different).input_ids), strict=True))
        blanked: list[Blanked] = []
        refused: dict[int, Output] = {}
        for number in numbers:
            own, other = tokens[requests[number].continuation], tokens[requests[number].against]
            places = shared_places(other, own)[1] if requests[number].second else shared_places(own, other)[0]
            if len(own) > self.info.context_length:
                detail = f"{len(own)} tokens, context length {self.info.context_length}"
                refused[number] = Unscored(reason=Reason.TOO_LONG, detail=detail)
            elif not places:
                refused[number] = Unscored(reason=Reason.EMPTY_CONTINUATION, detail="the two texts share no token")
            elif own == other and requests[number].continuation != requests[number].against:
                detail = "the tokenizer makes the same of both texts: they cannot be compared"
                refused[number] = Unscored(reason=Reason.EMPTY_CONTINUATION, detail=detail)
            else:
                blanked.append(Blanked(number=number, ids=own, places=places))
        return blanked, refused

    def _mask_token(self) -> int:
        """Return the token that stands for a masked one.

        Raises:
            ModelError: there is none, or the tokenizer does not put one special token at either end of a text.
        """
        mask = self._tokenizer.mask_token_id
        if mask is None or mask >= self._vocabulary:
            raise ModelError(
                f"the tokenizer of {self._name} has no mask token that the model knows: {mask}",
                hint="name a masked language model with its own tokenizer",
            )
        bare = self._tokenizer("a", add_special_tokens=False).input_ids
        whole = self._tokenizer("a").input_ids
        if whole[1:-1] != bare:
            raise ModelError(
                f"the tokenizer of {self._name} turns 'a' into {bare}, and with special tokens into {whole}: expected "
                "one more at either end",
                hint="which tokens of a text are its own cannot be told",
            )
        return int(mask)

    def _refuse(self, why: str) -> NoReturn:
        raise ModelError(
            f"{self._name} is a masked language model: {why}", hint="choose probes whose [ask] says masked = true"
        )


def _gap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the largest difference between two rows of numbers, infinite where one is no number."""
    gaps = [abs(mine - theirs) for mine, theirs in zip(one, other, strict=True)]
    return max(gap if math.isfinite(gap) else math.inf for gap in gaps)
