"""What a masked language model expects where one token of a text is masked."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from auditor.engine.blanks import Text
from auditor.engine.score import output_of
from auditor.types import Output


class Fill:
    """A masked language model as a function from rows of equal length and a place in each to the logits there.

    Where `narrow` is set, only the states at those places go through the model's head, which for a large vocabulary is
    most of the work. The model's own code runs all the same: what its body returns is cut down before its head.
    `tokens` and `predictions` count what was run: tokens read and positions with logits.
    """

    def __init__(self, model: Any) -> None:
        self.tokens = self.predictions = 0
        self._model = model
        self._body = model.base_model
        self._takes_mask = "attention_mask" in inspect.signature(model.forward).parameters
        self.narrow = False

    @property
    def device(self) -> torch.device:
        """Where the model's inputs belong."""
        device: torch.device = self._model.device
        return device

    @property
    def can_narrow(self) -> bool:
        """Whether the model has a body apart from its head."""
        return self._body is not self._model

    def __call__(self, ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Return logits [rows, vocabulary] for ids [rows, length] and places [rows]."""
        more = {"attention_mask": torch.ones_like(ids)} if self._takes_mask else {}
        rows = torch.arange(len(ids), device=ids.device)
        if not self.narrow:
            logits: torch.Tensor = self._model(input_ids=ids, **more).logits
            self._counted(ids, logits)
            return logits[rows, places]
        handle = self._body.register_forward_hook(lambda _module, _args, states: _cut(states, rows, places))
        try:
            logits = self._model(input_ids=ids, **more).logits
        finally:
            handle.remove()
        self._counted(ids, logits)
        return logits[:, 0]

    def _counted(self, ids: torch.Tensor, logits: torch.Tensor) -> None:
        self.tokens += ids.numel()
        self.predictions += logits.shape[:-1].numel()


def _cut(states: Any, rows: torch.Tensor, places: torch.Tensor) -> Any:
    """Return the body's output with its first part [rows, length, width] cut down to one place a row."""
    chosen = states[0][rows, places][:, None]
    if isinstance(states, tuple):
        return (chosen, *states[1:])
    states[next(iter(states))] = chosen
    return states


@torch.inference_mode()
def score_texts(fill: Fill, texts: Sequence[Text], *, mask: int, max_rows: int) -> dict[int, Output]:
    """Return the pseudo-log-likelihood (nats) of every request of a pack, by number.

    Texts are of equal length. Each row is one text with the token `mask` at one place; log-probabilities are taken in
    float32 and summed in float64. `max_rows` bounds a pass where one text alone has more.
    """
    rows = [(text, place) for text in texts for place in text.places]
    logprobs: list[float] = []
    for start in range(0, len(rows), max_rows):
        logprobs += blank_logprobs(fill, [(text.ids, place) for text, place in rows[start : start + max_rows]], mask)
    found = {(text.ids, place): logprob for (text, place), logprob in zip(rows, logprobs, strict=True)}
    return {
        number: output_of(sum(found[text.ids, place] for place in places), len(places))
        for text in texts
        for number, places in text.wanted
    }


@torch.inference_mode()
def blank_logprobs(fill: Fill, rows: Sequence[tuple[Sequence[int], int]], mask: int) -> list[float]:
    """Return for each row, a text of token ids and a place, the log-probability (nats) of the token there, masked."""
    ids = torch.tensor([ids for ids, _ in rows])
    places = torch.tensor([place for _, place in rows])
    numbers = torch.arange(len(rows))
    tokens = ids[numbers, places].tolist()
    ids[numbers, places] = mask
    logits = fill(ids.to(fill.device), places.to(fill.device))
    logprobs: list[float] = logits.float().log_softmax(dim=-1)[range(len(rows)), tokens].tolist()
    return logprobs
