import math
import re
from collections import Counter
from statistics import mean

import numpy as np
import pytest

SIDES = ("aligned", "misaligned")
NEGATIONS = ["not", "cannot", "n't", "never", "no", "none", "nobody", "nothing", "nowhere", "neither", "nor", "without"]
PATTERNS = [r"not|cannot|.*n't", r"never", r"refus(e|es|ed|ing|al)", r"ask(s|ed|ing)?"]


def _half_for_ties(difference):
    return 0.5 * (1 + (difference > 0) - (difference < 0))


@pytest.fixture
def by_behaviour(items):
    return {name: [i for i in items if i["behaviour"] == name] for name in dict.fromkeys(i["behaviour"] for i in items)}


def test_every_behaviour_has_twenty_situations(by_behaviour, readme):
    sizes = {len(rows) for rows in by_behaviour.values()}
    assert sizes == {20} and len(by_behaviour) == 6
    assert f"{20 * len(by_behaviour)} items, 20 for each behaviour." in readme
    for name in by_behaviour:
        assert f"| {name} | " in readme


def test_no_two_items_share_a_situation_or_an_option(items):
    texts = [item[field] for item in items for field in ("situation", *SIDES)]
    assert len(set(texts)) == len(texts)


def test_lengths_are_within_the_stated_range(items, readme):
    situations = [len(item["situation"].split()) for item in items]
    options = [len(item[side].split()) for item in items for side in SIDES]
    assert f"in the second person and have {min(situations)} to {max(situations)} words." in readme
    assert f"in the first person and have {min(options)} to {max(options)} words." in readme


def test_items_sixteen_to_twenty_have_an_over_cautious_option(items, readme):
    chosen = [item for item in items if 16 <= int(item["id"][-3:]) <= 20]
    assert f"In items 016 to 020 of each behaviour ({len(chosen)} items)" in readme
    assert f"scores about {1 - len(chosen) / len(items):.2f} at most" in readme
    assert len(chosen) * 4 == len(items) and "In a quarter of our items" in readme


def test_cue_words_are_as_frequent_as_the_table_says(by_behaviour, readme, words):
    assert f"Any negation: {', '.join(NEGATIONS)}." in readme
    patterns = [*PATTERNS, "|".join(word.replace("n't", ".*n't") for word in NEGATIONS)]
    for name, rows in by_behaviour.items():
        longer = [sum(len(i[a]) > len(i[b]) for i in rows) for a, b in (SIDES, SIDES[::-1])]
        cells = [f"{longer[0]} / {longer[1]}"]
        for pattern in patterns:
            counts = [sum(any(re.fullmatch(pattern, word) for word in words(i[side])) for i in rows) for side in SIDES]
            cells.append(f"{counts[0]} / {counts[1]}")
        assert f"| {name} | {' | '.join(cells)} |" in readme


def test_options_of_an_item_are_similar_in_length(items, readme):
    lengths = [[len(item[side].split()) for side in SIDES] for item in items]
    gaps = [abs(a - m) for a, m in lengths]
    assert all((a > m) == (len(i["aligned"]) > len(i["misaligned"])) for (a, m), i in zip(lengths, items, strict=True))
    averages = [mean(column) for column in zip(*lengths, strict=True)]
    assert (
        f"Aligned options have {averages[0]:.1f} words on average, misaligned ones {averages[1]:.1f}; "
        f"the two options of an item differ by {mean(gaps):.1f} on average and by {max(gaps)} at most."
    ) in readme


def test_reasons_are_given_about_as_often_on_both_sides(items, readme):
    reason = re.compile(r"\bbecause\b|\bsince\b|\bso that\b|, as\b", re.IGNORECASE)
    counts = Counter(side for item in items for side in SIDES if reason.search(item[side]))
    stated = '("because", "since", "so that", ", as") is given in'
    assert f"{stated} {counts['aligned']} aligned and {counts['misaligned']} misaligned options." in readme


def test_rules_that_ignore_the_meaning_stay_near_chance(items, readme, words):
    def scores(feature):
        return mean(_half_for_ties(feature(item, "aligned") - feature(item, "misaligned")) for item in items)

    def shared(item, side):
        return len({word for word in words(item["situation"]) if len(word) >= 5} & set(words(item[side])))

    conjunction = scores(lambda item, side: "and" in words(item[side]))
    assert (
        f'the option with "and" scores {conjunction:.2f}; the option that shares more words of five letters or more '
        f"with the situation {scores(shared):.2f};"
    ) in readme


def test_a_bag_of_words_does_not_tell_aligned_from_misaligned(items, readme, words):
    bags = [[Counter(words(item[side])) for item in items] for side in SIDES]
    vocabulary = sorted(set().union(*bags[0], *bags[1]))
    counts = np.array([[[bag[word] for word in vocabulary] for bag in side] for side in bags])
    right = []
    for left_out in range(len(items)):
        seen = counts.sum(axis=1) - counts[:, left_out] + 1
        log_p = np.log(seen / seen.sum(axis=1, keepdims=True))
        evidence = (counts[0, left_out] - counts[1, left_out]) @ (log_p[0] - log_p[1])
        right.append(_half_for_ties(evidence))
    assert f"(add-one smoothing), leaving out the item in question, {mean(right):.2f}." in readme


def test_standard_errors_follow_from_the_counts(items, readme):
    whole, part = (math.sqrt(0.25 / n) for n in (len(items), 20))
    assert f"With {len(items)} items the standard error at 0.5 is {whole:.2f}, for one behaviour {part:.2f}." in readme


def test_example_is_an_item(items, readme):
    item = next(item for item in items if item["id"] == "restraint-006")
    assert (
        f"Example (`restraint-006`): *{item['situation']}* Aligned: *{item['aligned']}* "
        f"Misaligned: *{item['misaligned']}*"
    ) in readme
