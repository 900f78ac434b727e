"""One forward pass of a transformers causal model, whatever its architecture accepts."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from auditor.engine.packed import PackedOutput
from auditor.engine.trees import Tree

_LOGITS = 4 * 2**20  # that the output layer gives at a time: a part of the vocabulary for all rows


class Forward:
    """A causal language model as a function from tokens and mask to logits.

    Positions count real tokens only, so padding may stand on either side. A model without a cache of the library's
    kind, or any without `caches`, is given the whole sequence again at every step. `tokens` and `predictions` count
    what was run: tokens read, padding included, and positions with logits.

    Where `head_apart` is set, as it is on a CPU, trees get their logits from the output layer's weights, a part of the
    vocabulary at a time. It must be unset for a model that does more to its logits than this layer.
    """

    def __init__(self, model: Any, *, caches: bool = True) -> None:
        self.tokens = self.predictions = 0
        self._model = model
        self._caches = caches
        accepted = inspect.signature(model.forward).parameters
        self._positions = "position_ids" in accepted
        self._keeps = "logits_to_keep" in accepted
        self._cache = "cache" if "cache" in accepted else "past_key_values"
        config = model.config.get_text_config()
        self._window: int | None = getattr(config, "sliding_window", None)
        self._mixed = len(set(getattr(config, "layer_types", None) or [])) > 1
        self.head_apart: bool = model.device.type == "cpu"

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
        out = self._run(ids, seen, keep, use_cache=remember and self._caches, **past)
        if not remember:
            return self._logits(out, keep), None
        found = out.get(self._cache)
        return self._logits(out, keep), found if hasattr(found, "reorder_cache") else _Retold(ids)

    @property
    def takes_trees(self) -> bool:
        """Whether positions and logits can be chosen, without which a tree cannot be run."""
        return self._positions and self._keeps and self._model.get_output_embeddings() is not None

    @torch.inference_mode()
    def read(self, ids: tuple[int, ...]) -> Any:
        """Return the cache of one sequence, for trees that have it as their stem."""
        out = self._model(input_ids=torch.tensor([ids], device=self.device), logits_to_keep=1, use_cache=True)
        self._counted(len(ids), out.logits.shape[:-1].numel())
        return out[self._cache]

    def trees(self, trees: Sequence[Tree], *, keep: torch.Tensor, pad: int, stem: Any = None) -> Iterator[torch.Tensor]:
        """Yield logits [kept, some] of trees side by side, each node seeing its stem and its own path alone.

        All parts together, in the vocabulary's order, are [kept, vocabulary].

        Args:
            trees: of one stem; the shorter ones are filled up with `pad`.
            keep: [kept, 2], tree and node of each prediction that is wanted.
            pad: a token.
            stem: what `read` returned for the trees' stem, which stays as it is; None when the stem is empty.
        """
        length = max(len(tree.ids) for tree in trees)
        ids = torch.full((len(trees), length), pad)
        depths = torch.zeros_like(ids)
        for row, tree in enumerate(trees):
            ids[row, : len(tree.ids)] = torch.tensor(tree.ids)
            depths[row, : len(tree.ids)] = torch.tensor(tree.depths)
        past = {"use_cache": False} if stem is None else {"use_cache": True, self._cache: _branch(stem, len(trees))}
        rows, places = keep.to(self.device).unbind(dim=1)
        head = self._model.get_output_embeddings()
        states: list[torch.Tensor] = []

        def choose(_: Any, inputs: Any) -> Any:
            states.append(inputs[0][rows, places])
            return (states[0][:1] if self.head_apart else states[0], *inputs[1:])

        hook = head.register_forward_pre_hook(choose)
        try:
            out = self._model(
                input_ids=ids.to(self.device),
                attention_mask=self._masks(_seen(trees, length), depths, before=len(trees[0].stem)),
                position_ids=depths.to(self.device),
                logits_to_keep=0,
                **past,
            )
        finally:
            hook.remove()
        self._counted(ids.numel(), len(keep))
        yield from _in_parts(head, states[0]) if self.head_apart else [out.logits]

    def _masks(
        self, seen: torch.Tensor, depths: torch.Tensor, *, before: int
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Return what each node sees [trees, 1, nodes, stem + nodes]: 0, or the lowest number where it sees nothing.

        By type of layer where types differ: those with a window see only so many tokens back along the path.

        Args:
            seen: [trees, nodes, nodes], whether a node lies on another's path.
            depths: [trees, nodes], each node's position in its sequence.
            before: tokens of the stem.
        """
        dtype = self._model.dtype
        hidden = torch.finfo(dtype).min
        whole = torch.zeros((*seen.shape[:2], before + seen.shape[2]), dtype=dtype)
        whole[:, :, before:].masked_fill_(~seen, hidden)
        if self._window is None or int(depths.max()) < self._window:
            return whole[:, None].to(self.device)
        stem = torch.arange(before).expand(len(seen), before)
        far = depths[:, :, None] - torch.cat([stem, depths], dim=1)[:, None] >= self._window
        near = whole.masked_fill(far, hidden)[:, None].to(self.device)
        return {"full_attention": whole[:, None].to(self.device), "sliding_attention": near} if self._mixed else near

    def _run(self, ids: torch.Tensor, mask: torch.Tensor, keep: torch.Tensor | int, **more: Any) -> Any:
        if self._positions:
            more["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if self._keeps:
            more["logits_to_keep"] = keep
        out = self._model(input_ids=ids, attention_mask=mask, **more)
        self._counted(ids.numel(), out.logits.shape[:-1].numel())
        return out

    def _counted(self, tokens: int, predictions: int) -> None:
        self.tokens += tokens
        self.predictions += predictions

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


def _in_parts(head: Any, states: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield an output layer's logits of states [rows, width] for one part of the vocabulary after another."""
    if isinstance(head, PackedOutput) and head.is_in_parts:
        yield from head.in_parts(states)
        return
    size = max(1, _LOGITS // len(states))
    weights = torch.split(head.weight, size)
    biases = [None] * len(weights) if head.bias is None else torch.split(head.bias, size)
    for weight, bias in zip(weights, biases, strict=True):
        yield torch.nn.functional.linear(states, weight, bias)


def _seen(trees: Sequence[Tree], length: int) -> torch.Tensor:
    """Return which nodes lie on each node's path [trees, node, other]; padding sees itself, so that it is a number."""
    seen = np.zeros((len(trees), length, length), dtype=bool)
    for paths, tree in zip(seen, trees, strict=True):
        for node, parent in enumerate(tree.parents):
            if parent >= 0:
                paths[node] = paths[parent]
            paths[node, node] = True
    seen[:, range(length), range(length)] = True
    return torch.from_numpy(seen)


def _branch(cache: Any, rows: int) -> Any:
    """Return a cache of equal rows that grows on its own: layers put new tensors in place of those they share."""
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in twin.layers:
        layer.keys, layer.values = (part.expand(rows, -1, -1, -1) for part in (layer.keys, layer.values))
    return twin


def _has_keys(cache: Any) -> bool:
    """Return whether some layer attends to earlier tokens; a state-space model takes a mask of the new ones alone."""
    return any(hasattr(layer, "keys") for layer in cache.layers)
