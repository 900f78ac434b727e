from __future__ import annotations

import torch

from auditor.engine.pair_reader import CLOSES, OPENS, PairHead, by_length, pair_of, stacked


def test_a_pair_is_one_sequence_and_knows_where_the_reply_starts() -> None:
    pair = pair_of([7, 8], [9, 10, 11])
    assert pair.ids == [OPENS, 7, 8, CLOSES, 9, 10, 11, CLOSES]
    assert pair.ids[pair.start] == 9
    assert pair_of([], []).ids == [OPENS, CLOSES, CLOSES]


def test_of_long_texts_both_ends_are_read() -> None:
    prompt, reply = list(range(1000, 2000)), list(range(3000, 4000))
    pair = pair_of(prompt, reply)
    asked, said = pair.ids[1 : pair.start - 1], pair.ids[pair.start : -1]
    assert (asked[0], asked[-1]) == (1000, 1999) and (said[0], said[-1]) == (3000, 3999)
    assert len(pair.ids) <= 256
    assert pair_of(prompt[:40], reply[:160]).ids[1:41] == prompt[:40]


def test_the_head_reads_the_reply_alone() -> None:
    torch.manual_seed(0)
    head = PairHead(4).eval()
    pairs = [pair_of([7, 8], [9, 10, 11]), pair_of([7], list(range(20, 60)))]
    ids, starts = stacked(pairs)
    hidden = torch.randn(*ids.shape, 384)
    found = head(hidden, ids, starts)
    changed = hidden.clone()
    changed[0, : pairs[0].start] = 5.0
    changed[0, len(pairs[0].ids) :] = 5.0
    assert torch.allclose(head(changed, ids, starts), found, atol=1e-5)
    changed[0, pairs[0].start] = 5.0
    assert not torch.allclose(head(changed, ids, starts)[0], found[0], atol=1e-3)


def test_batches_hold_each_pair_once_in_like_lengths() -> None:
    pairs = [pair_of([7], [9] * length) for length in (5, 1, 4, 2, 3)]
    assert list(by_length([0, 1, 2, 3, 4], pairs, 2)) == [[1, 3], [4, 2], [0]]
