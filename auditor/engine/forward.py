"""One forward pass of a transformers causal model, whatever its architecture accepts."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch

from auditor.engine.trees import Tree


class Forward:
    """A causal language model as a function from tokens and mask to logits.

    Positions count real tokens only, so padding may stand on either side. A model without a cache of the library's
    kind is given the whole sequence again at every step.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        accepted = inspect.signature(model.forward).parameters
        self._positions = "position_ids" in accepted
        self._keeps = "logits_to_keep" in accepted
        self._cache = "cache" if "cache" in accepted else "past_key_values"
        config = model.config.get_text_config()
        self._window: int | None = getattr(config, "sliding_window", None)
        self._mixed = len(set(getattr(config, "layer_types", None) or [])) > 1

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
        if isinstance(cache, _Retold):
            ids = torch.cat([cache.ids, ids], dim=1)
            out = self._run(ids, mask, keep, use_cache=False)
            return self._logits(out, keep), _Retold(ids)
        seen = mask if cache is None or _has_keys(cache) else mask[:, -ids.shape[1] :]
        past = {} if cache is None else {self._cache: cache}
        out = self._run(ids, seen, keep, use_cache=remember, **past)
        if not remember:
            return self._logits(out, keep), None
        found = out.get(self._cache)
        return self._logits(out, keep), found if hasattr(found, "reorder_cache") else _Retold(ids)

    @property
    def takes_trees(self) -> bool:
        """Whether positions and logits can be chosen, without which a tree cannot be run."""
        return self._positions and self._keeps

    @torch.inference_mode()
    def read(self, ids: tuple[int, ...]) -> Any:
        """Return the cache of one sequence, for trees that have it as their stem."""
        return self._model(input_ids=torch.tensor([ids], device=self.device), logits_to_keep=1, use_cache=True)[
            self._cache
        ]

    def tree(self, tree: Tree, *, keep: torch.Tensor, stem: Any = None) -> torch.Tensor:
        """Return logits [kept, vocabulary] at the nodes `keep`, each node seeing its stem and its own path alone.

        `stem` is what `read` returned for the tree's stem, and stays as it is; None when the stem is empty.
        """
        past = {"use_cache": False} if stem is None else {"use_cache": True, self._cache: _branch(stem)}
        out = self._model(
            input_ids=torch.tensor([tree.ids], device=self.device),
            attention_mask=self._masks(tree),
            position_ids=torch.tensor([tree.depths], device=self.device),
            logits_to_keep=keep,
            **past,
        )
        logits: torch.Tensor = out.logits[0]
        return logits

    def _masks(self, tree: Tree) -> torch.Tensor | dict[str, torch.Tensor]:
        """Return what each node sees [1, 1, nodes, stem + nodes]: 0, or the lowest number where it sees nothing.

        By type of layer where types differ: those with a window see only so many tokens back along the path.
        """
        dtype = self._model.dtype
        hidden = torch.finfo(dtype).min
        nodes, before = len(tree.ids), len(tree.stem)
        mask = torch.full((nodes, before + nodes), hidden, dtype=dtype)
        mask[:, :before] = 0
        for node, parent in enumerate(tree.parents):
            if parent >= 0:
                mask[node] = mask[parent]
            mask[node, before + node] = 0
        whole = mask[None, None].to(self.device, copy=True)
        depths = torch.tensor(tree.depths)
        if self._window is None or int(depths.max()) < self._window:
            return whole
        seen = torch.cat([torch.arange(before), depths])
        mask[depths[:, None] - seen >= self._window] = hidden
        near = mask[None, None].to(self.device)
        return {"full_attention": whole, "sliding_attention": near} if self._mixed else near

    def _run(self, ids: torch.Tensor, mask: torch.Tensor, keep: torch.Tensor | int, **more: Any) -> Any:
        if self._positions:
            more["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if self._keeps:
            more["logits_to_keep"] = keep
        return self._model(input_ids=ids, attention_mask=mask, **more)

    def _logits(self, out: Any, keep: torch.Tensor | int) -> torch.Tensor:
        logits: torch.Tensor = out.logits
        if not self._keeps:
            logits = logits[:, keep] if isinstance(keep, torch.Tensor) else logits[:, -keep:]
        return logits


class _Retold:
    """In place of a cache: the tokens so far, to be run again."""

    def __init__(self, ids: torch.Tensor) -> None:
        self.ids = ids

    def reorder_cache(self, rows: torch.Tensor) -> None:
        """Keep these rows, in this order."""
        self.ids = self.ids[rows]


def _branch(cache: Any) -> Any:
    """Return a cache that grows on its own: layers put new tensors in place of those they share."""
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    return twin


def _has_keys(cache: Any) -> bool:
    """Return whether some layer attends to earlier tokens; a state-space model takes a mask of the new ones alone."""
    return any(hasattr(layer, "keys") for layer in cache.layers)
