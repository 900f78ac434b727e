"""One forward pass of a transformers causal model, whatever its architecture accepts."""

from __future__ import annotations

import inspect
from typing import Any

import torch


class Forward:
    """A causal language model as a function from tokens and mask to logits.

    Positions count real tokens only, so padding may stand on either side.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        accepted = inspect.signature(model.forward).parameters
        self._positions = "position_ids" in accepted
        self._keeps = "logits_to_keep" in accepted
        self._cache = "cache" if "cache" in accepted else "past_key_values"

    @property
    def device(self) -> torch.device:
        """Where the model's inputs belong."""
        device: torch.device = self._model.device
        return device

    def __call__(
        self, ids: torch.Tensor, mask: torch.Tensor, *, keep: torch.Tensor | int, cache: Any = None, remember: bool
    ) -> tuple[torch.Tensor, Any]:
        """Return logits [rows, kept, vocabulary] and the cache.

        Args:
            ids: [rows, new] tokens to run after what the cache holds.
            mask: [rows, cached + new], 1 for real tokens, 0 for padding.
            keep: positions among the new ones whose logits are wanted, or how many of the last.
            cache: what an earlier pass returned, or None.
            remember: whether the cache is wanted.
        """
        more: dict[str, Any] = {} if cache is None else {self._cache: cache}
        if self._positions:
            more["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if self._keeps:
            more["logits_to_keep"] = keep
        out = self._model(input_ids=ids, attention_mask=mask, use_cache=remember, **more)
        logits: torch.Tensor = out.logits
        if not self._keeps:
            logits = logits[:, keep] if isinstance(keep, torch.Tensor) else logits[:, -keep:]
        return logits, out.past_key_values if remember else None
