"""A backend whose words are chosen: for tests of everything that comes after a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set

from auditor.backends.base import Outputs
from auditor.types import BackendInfo, Completion, GenerateRequest, Loglikelihood, LoglikelihoodRequest, Output

Loglikelihoods = Callable[[LoglikelihoodRequest], float]
Words = Callable[[GenerateRequest], str]


class ScriptedBackend:
    """Answers each request by a function of it, `pack` requests at a time."""

    def __init__(
        self,
        *,
        nats: Loglikelihoods = lambda _: -1.0,
        words: Words = lambda _: "Yes.",
        pack: int = 100,
        masked: bool = False,
    ) -> None:
        self._nats = nats
        self._words = words
        self._pack = pack
        self.info = BackendInfo(
            name="scripted",
            version="1.0.0",
            tokenizer_digest="0" * 64,
            chat_template_digest="0" * 64,
            context_length=4096,
            parameters=1,
            trust_remote_code=False,
            allow_pickle=False,
            device="cpu",
            dtype="float32",
            batch_tokens=0,
            batch_rows=pack,
            attention="none",
            packed=False,
            threads=1,
            masked=masked,
        )

    def render_chat(self, messages: list[dict[str, str]]) -> str:
        """Return each message's role and content on a line, then the assistant's turn."""
        return "".join(f"{message['role']}: {message['content']}\n" for message in messages) + "assistant: "

    def loglikelihood(self, requests: Sequence[LoglikelihoodRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Yield what the function of log-likelihoods (nats) gives."""
        return self._packs([Loglikelihood(nats=self._nats(request), n_tokens=1) for request in requests], done)

    def generate(self, requests: Sequence[GenerateRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Yield what the function of words gives."""
        texts = [self._words(request) for request in requests]
        return self._packs([Completion(text=text, n_tokens=len(text.split()), finish="stop") for text in texts], done)

    def _packs(self, outputs: Sequence[Output], done: Set[int]) -> Iterator[Outputs]:
        for start in range(0, len(outputs), self._pack):
            pack = dict(enumerate(outputs[start : start + self._pack], start=start))
            if any(number not in done for number in pack):
                yield pack
