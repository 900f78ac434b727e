from __future__ import annotations

import re
from collections import Counter

from training.mentions import mentions
from training.sources import _HELD_OUT_TERMS


def test_every_word_stands_in_as_many_civil_as_toxic_phrases() -> None:
    counts = Counter((one.group, one.targets["toxicity"]) for one in mentions())
    words = {group for group, _ in counts}
    assert len(words) > 100
    assert all(counts[word, 0.0] == counts[word, 1.0] == 4 for word in words)


def test_no_phrase_names_a_term_that_is_held_out_or_another_word_for_it() -> None:
    kept = re.compile(
        rf"\b(?:{'|'.join(_HELD_OUT_TERMS)})\b|paraly|plegi|deaf|sikh|hindu|\broma\b|turk|polish", re.IGNORECASE
    )
    assert not [one.text for one in mentions() if kept.search(one.text)]


def test_all_are_trained_on_and_the_same_each_time() -> None:
    assert {one.part for one in mentions()} == {"train"}
    assert list(mentions()) == list(mentions())
