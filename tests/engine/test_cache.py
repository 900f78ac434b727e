"""Roomy caches hold what transformers' own would hold."""

from __future__ import annotations

import pytest
import torch
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from auditor.engine.cache import RoomyLayer, is_roomy, make_room


def states(rows: int, tokens: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, 2, tokens, 4, generator=torch.Generator().manual_seed(seed))


def layer_of(keys: torch.Tensor) -> RoomyLayer:
    plain = DynamicLayer()
    plain.update(keys, -keys)
    return RoomyLayer(plain)


def test_updates_far_beyond_the_room_equal_concatenation() -> None:
    layer, parts = layer_of(states(3, 5)), [states(3, 5)]
    for step in range(200):
        parts.append(states(3, 1 + step % 3, step))
        keys, values = layer.update(parts[-1], -parts[-1])
        assert torch.equal(keys, torch.cat(parts, dim=2))
        assert torch.equal(values, -keys)
        assert layer.get_seq_length() == keys.shape[2]


def test_rows_leave_and_columns_go_without_touching_the_rest() -> None:
    layer = layer_of(states(4, 6))
    whole, _ = layer.update(states(4, 1, 1), states(4, 1, 1))
    layer.reorder_cache(torch.tensor([3, 1]))
    layer.trim(2)
    keys, _ = layer.update(states(2, 1, 2), states(2, 1, 2))
    assert torch.equal(keys, torch.cat([whole[[3, 1], :, 2:], states(2, 1, 2)], dim=2))


def test_the_shorter_of_two_joined_layers_gains_empty_tokens_in_front() -> None:
    for own, other in ((5, 3), (3, 5), (4, 4)):
        layer = layer_of(states(2, own))
        layer.join(layer_of(states(1, other, 1)))
        assert layer.keys.shape == layer.values.shape == (3, 2, max(own, other), 4)
        assert torch.equal(layer.keys[:2, :, -own:], states(2, own))
        assert torch.equal(layer.keys[2:, :, -other:], states(1, other, 1))
        assert not layer.keys[:2, :, :-own].any()
        assert not layer.keys[2:, :, :-other].any()


@pytest.mark.parametrize("tokens", [3, 7, 12])
def test_a_layer_with_a_window_gives_what_transformers_own_gives(tokens: int) -> None:
    own = DynamicSlidingWindowLayer(sliding_window=8)
    own.update(states(3, tokens), -states(3, tokens))
    layer = RoomyLayer(own)
    for step in range(150):
        new = states(3, 1, step)
        assert layer.get_mask_sizes(1) == own.get_mask_sizes(1)
        for found, wanted in zip(layer.update(new, -new), own.update(new, -new), strict=True):
            assert torch.equal(found, wanted)
        assert layer.get_seq_length() == own.get_seq_length()
        if step == 70:
            layer.reorder_cache(torch.tensor([2, 0, 1]))
            own.reorder_cache(torch.tensor([2, 0, 1]))


def windowed(keys: torch.Tensor) -> RoomyLayer:
    plain = DynamicSlidingWindowLayer(sliding_window=8)
    plain.update(keys, -keys)
    return RoomyLayer(plain)


@pytest.mark.parametrize(("own", "other"), [(5, 20), (20, 5), (20, 30), (4, 4)])
def test_layers_with_a_window_are_joined_by_what_they_keep(own: int, other: int) -> None:
    layer = windowed(states(2, own))
    layer.join(windowed(states(1, other, 1)))
    assert layer.get_seq_length() == max(own, other)
    assert layer.get_mask_sizes(1) == (min(7, max(own, other)) + 1, max(0, max(own, other) - 7))
    for rows, length, seed in ((slice(0, 2), own, 0), (slice(2, 3), other, 1)):
        kept = min(7, length)
        assert torch.equal(layer.keys[rows, :, -kept:], states(rows.stop - rows.start, length, seed)[:, :, -kept:])
        assert not layer.keys[rows, :, :-kept].any()


@pytest.mark.parametrize("count", [2, 13, 16])
def test_a_layer_with_a_window_is_trimmed_of_what_it_still_keeps(count: int) -> None:
    layer = windowed(states(2, 20))
    layer.trim(count)
    kept = min(7, 20 - count)
    assert torch.equal(layer.keys, states(2, 20)[:, :, -kept:])
    assert layer.get_mask_sizes(1) == (kept + 1, 20 - count - kept)


def test_only_plain_caches_gain_room() -> None:
    cache = DynamicCache()
    cache.update(states(1, 2), states(1, 2), 0)
    assert is_roomy(make_room(cache))
    assert not is_roomy(object())
    cache.layers.append(type("Other", (DynamicLayer,), {})())
    assert not is_roomy(make_room(cache))
