"""The seam between the audit and a model: what a backend answers, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Protocol, runtime_checkable

from msgspec import Struct

from auditor.types import BackendInfo, FlopCount, GenerateRequest, LoglikelihoodRequest, Output, Work

Outputs = Mapping[int, Output]
COUNTED_TOKENS = 32  # of the text whose operations are counted, fewer where the context is shorter


class BackendOptions(Struct, frozen=True, kw_only=True):
    """What the user chose; `auto` leaves the choice to the backend, which puts it into its info."""

    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 2048
    batch_rows: int = 128
    trust_remote_code: bool = False
    allow_pickle: bool = False


class Backend(Protocol):
    """Something that answers `loglikelihood` and `generate`.

    Both yield outputs by the number of their request, a pack at once or as parts of it are finished. How requests fall
    into packs depends on the whole list alone, and a pack is computed again unless all of it is in `done`; so a resumed
    run makes the same forward passes as an unbroken one, and its numbers are equal to the last bit.
    """

    @property
    def info(self) -> BackendInfo:
        """How the model was run."""
        ...

    def render_chat(self, messages: list[dict[str, str]]) -> str:
        """Return a conversation as the model's chat template writes it, up to where the assistant begins.

        Raises:
            ModelError: the tokenizer has no chat template, or the template fails.
        """
        ...

    def loglikelihood(self, requests: Sequence[LoglikelihoodRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Yield `Loglikelihood | Unscored` for each request that is not done."""
        ...

    def generate(self, requests: Sequence[GenerateRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Yield `Completion | Unscored` for each request that is not done."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A backend that knows what its passes cost."""

    @property
    def flop(self) -> FlopCount:
        """What one token costs."""
        ...

    @property
    def work(self) -> Work:
        """What was run since the backend was opened."""
        ...


@runtime_checkable
class Dated(Protocol):
    """A backend that knows whether its chat template tells the date."""

    @property
    def tells_date(self) -> bool:
        """Whether the same conversation can be written another way on another day."""
        ...


def by_formula(parameters: int) -> FlopCount:
    """Return 2·N operations a token for N parameters: each is multiplied with one number, and the product added.

    Attention is left out, and a table of embeddings, which is only looked up, counts as if it were multiplied with.
    Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", §2.1.
    """
    return FlopCount(method="formula", by="2·N", tokens=0, body=2 * parameters, head=0, formula=2 * parameters)


def flop_of(backend: Backend) -> FlopCount:
    """Return what one token costs: as the backend counted it, else by the formula."""
    return backend.flop if isinstance(backend, Counting) else by_formula(backend.info.parameters)


def work_of(backend: Backend) -> Work | None:
    """Return what a backend has run, or None where it does not count that."""
    return backend.work if isinstance(backend, Counting) else None
