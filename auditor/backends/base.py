"""The seam between the audit and a model: what a backend answers, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Protocol

from msgspec import Struct

from auditor.types import BackendInfo, GenerateRequest, LoglikelihoodRequest, Output

Outputs = Mapping[int, Output]


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
