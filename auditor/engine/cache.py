"""Key-value caches with room: a step writes into it instead of copying all that came before, and batches can join."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

_ROOM = 64  # tokens by which a layer's room grows


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """A layer whose `keys` and `values` [rows, heads, tokens, size] are views of larger tensors.

    One with a window keeps no more of the last tokens than the next one sees, and counts those before them.
    """

    def __init__(self, layer: DynamicLayer) -> None:
        super().__init__()
        self.keys, self.values = layer.keys, layer.values
        self.device = layer.keys.device
        self.is_initialized = True
        self._window: int | None = getattr(layer, "sliding_window", None)
        self.is_sliding = self._window is not None
        self._length: int = layer.get_seq_length()  # of tokens so far, kept or not
        self._rooms: tuple[torch.Tensor, torch.Tensor] | None = None
        self._place = slice(0, 0)  # of what is kept in the rooms

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take in the states of new tokens; return those of all that were kept and the new ones."""
        new = key_states.shape[-2]
        if self._rooms is None or self._place.stop + new > self._rooms[0].shape[-2]:
            self._rooms = (_widened(self.keys, 0, new + _ROOM), _widened(self.values, 0, new + _ROOM))
            self._place = slice(0, self.keys.shape[-2])
        keys, values = self._rooms
        start, before, after = self._place.start, self._place.stop, self._place.stop + new
        keys[..., before:after, :] = key_states
        values[..., before:after, :] = value_states
        self._length += new
        self._place = slice(start if self._window is None else max(start, after - self._window + 1), after)
        self.keys, self.values = keys[..., self._place, :], values[..., self._place, :]
        return keys[..., start:after, :], values[..., start:after, :]

    def get_seq_length(self) -> int:
        """Return how many tokens there were so far."""
        return self._length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return how many tokens so many new ones are shown, and how many before those are no longer kept."""
        kept: int = self.keys.shape[-2]
        return kept + query_length, self._length - kept

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Keep these rows, in this order."""
        self._rooms = None
        super().reorder_cache(beam_idx)

    def join(self, other: RoomyLayer) -> None:
        """Add another layer's rows below; the shorter one of the two gains empty tokens in front."""
        kept = max(self.keys.shape[-2], other.keys.shape[-2])
        self.keys = torch.cat([_widened(part.keys, kept - part.keys.shape[-2], 0) for part in (self, other)])
        self.values = torch.cat([_widened(part.values, kept - part.values.shape[-2], 0) for part in (self, other)])
        self._length = max(self._length, other._length)
        self._rooms = None

    def trim(self, count: int) -> None:
        """Drop the first tokens of every row."""
        self._length -= count
        excess = max(0, self.keys.shape[-2] - self._length)
        self.keys, self.values = self.keys[..., excess:, :], self.values[..., excess:, :]
        self._rooms = None


def make_room(cache: Any) -> Any:
    """Return the cache with room in its plain layers, with a window or without; others stay as they are."""
    if type(cache) is DynamicCache:
        cache.layers = [RoomyLayer(layer) if _is_plain(layer) else layer for layer in cache.layers]
    return cache


def is_roomy(cache: Any) -> bool:
    """Return whether caches of this kind can be joined."""
    return all(isinstance(layer, RoomyLayer) for layer in getattr(cache, "layers", [None]))


def join(cache: Any, mask: torch.Tensor, other: Any, other_mask: torch.Tensor) -> torch.Tensor:
    """Add another cache's rows to a roomy cache; return the mask [rows, tokens] of both, aligned on the right."""
    for layer, more in zip(cache.layers, other.layers, strict=True):
        layer.join(more)
    width = max(mask.shape[1], other_mask.shape[1])
    return torch.cat([_padded(mask, width), _padded(other_mask, width)])


def _padded(mask: torch.Tensor, width: int) -> torch.Tensor:
    return torch.nn.functional.pad(mask, (width - mask.shape[1], 0))


def _is_plain(layer: Any) -> bool:
    return type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) and layer.is_initialized


def _widened(states: torch.Tensor, front: int, back: int) -> torch.Tensor:
    return torch.nn.functional.pad(states, (0, 0, front, back))
