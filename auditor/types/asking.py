"""What is asked of a model and what comes back. Log-likelihoods are in nats."""

from __future__ import annotations

import enum
import math
from typing import Any, Literal

from msgspec import Struct

Json = Any  # a value that came from, or goes to, JSON

Family = Literal["bias", "toxicity", "misinformation", "alignment"]
PHRASING = "phrasing"  # the slice, and the name in a prompt template, of how an item is worded
OPTION_ORDER = "option_order"  # likewise, of the order in which its options stand
FAMILIES: tuple[Family, ...] = ("bias", "toxicity", "misinformation", "alignment")


class Reason(enum.StrEnum):
    """Why a sample has no score, or a metric no value."""

    EMPTY_COMPLETION = "EMPTY_COMPLETION"
    EMPTY_CONTINUATION = "EMPTY_CONTINUATION"
    TOO_LONG = "TOO_LONG"
    NON_FINITE = "NON_FINITE"
    SCORER_FAILED = "SCORER_FAILED"
    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE"
    NO_SCORED_SAMPLES = "NO_SCORED_SAMPLES"
    TOO_FEW_SAMPLES = "TOO_FEW_SAMPLES"
    EMPTY_DENOMINATOR = "EMPTY_DENOMINATOR"
    DECISION_ONLY = "DECISION_ONLY"
    UNCALIBRATED = "UNCALIBRATED"
    SCORER_NOT_BETTER_THAN_CHANCE = "SCORER_NOT_BETTER_THAN_CHANCE"


class Sample(Struct, frozen=True, kw_only=True):
    """One item of a probe; `fields` is the item as its author wrote it."""

    id: str
    cluster: str
    slices: dict[str, str]
    fields: dict[str, Json]

    @property
    def wording(self) -> str:
        """Return in which phrasing and order of options the item is asked; nothing where there is one way alone."""
        return "#".join(self.slices[name] for name in (PHRASING, OPTION_ORDER) if name in self.slices)


class Sampling(Struct, frozen=True, kw_only=True):
    """How a completion is drawn. `temperature` 0 is greedy; `top_p` 1 keeps the whole distribution."""

    max_new_tokens: int
    min_new_tokens: int = 1
    temperature: float = 1.0
    top_p: float = 1.0


class LoglikelihoodRequest(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag="loglikelihood", tag_field="kind"
):
    """How probable is `continuation` after `context`? An empty context stands for the start of a text.

    `against` is the text that this one is compared with: a masked model scores only the tokens that both share. Which
    ones can depend on the order of the two, so `second` says that `against` is the first of them.
    """

    context: str
    continuation: str
    against: str = ""
    second: bool = False


class GenerateRequest(Struct, frozen=True, kw_only=True, tag="generate", tag_field="kind"):
    """One completion of `prompt`. `chat` marks a text that a chat template made (special tokens inside)."""

    prompt: str
    chat: bool
    sampling: Sampling
    seed: int


Request = LoglikelihoodRequest | GenerateRequest


class Loglikelihood(Struct, frozen=True, kw_only=True, tag="loglikelihood", tag_field="status"):
    """Sum of the continuation tokens' log-probabilities, in nats (≤ 0), over `n_tokens` tokens."""

    nats: float
    n_tokens: int


class Completion(Struct, frozen=True, kw_only=True, tag="completion", tag_field="status"):
    """A generated text, without special tokens; `finish` says whether the model or the limit ended it."""

    text: str
    n_tokens: int
    finish: Literal["stop", "length"]


class Unscored(Struct, frozen=True, kw_only=True, tag="unscored", tag_field="status"):
    """No output or no score, and why."""

    reason: Reason
    detail: str = ""


Output = Loglikelihood | Completion | Unscored


class Question(Struct, frozen=True, kw_only=True):
    """Requests that belong together: the choices of one prompt. `order[i]` is the option that request i is about."""

    variant: str
    order: tuple[int, ...]
    requests: tuple[Request, ...]


class Answer(Struct, frozen=True, kw_only=True):
    """What came back for a question: log-likelihoods (nats) by option, in the item's order, or completions.

    `tokens` is how many tokens each of the `nats` sums over.
    """

    variant: str = ""
    nats: tuple[float, ...] = ()
    tokens: tuple[int, ...] = ()
    completions: tuple[str, ...] = ()

    @property
    def probabilities(self) -> list[float]:
        """Return the options' probabilities, normalised over the options (they sum to 1)."""
        top = max(self.nats)
        weights = [math.exp(nats - top) for nats in self.nats]
        return [weight / sum(weights) for weight in weights]
