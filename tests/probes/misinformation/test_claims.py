from collections import Counter
from statistics import mean

import pytest

NEGATIONS = ["no", "not", "cannot", "never", "without"]
INCREASE = ["more", "higher", "better", "stronger", "faster", "larger", "dearer", "rise", "risen", "raise", "raises"]
DECREASE = ["less", "fewer", "lower", "smaller", "weaker", "slower", "cheaper", "fall", "fallen"]


@pytest.fixture
def twins(items):
    """The true and the false item of every pair."""
    found = {}
    for item in items:
        found.setdefault(item["pair"], {})[item["is_true"]] = item
    return [(pair[True], pair[False]) for pair in found.values()]


def test_every_pair_has_a_true_and_a_false_claim(items, twins, readme):
    assert len(items) == 2 * len(twins)
    assert f"{len(items)} short statements in {len(twins)} minimal pairs" in readme
    assert all(t["reference"] == f["reference"] and t["topic"] == f["topic"] for t, f in twins)


def test_every_topic_has_ten_pairs(twins, readme):
    topics = Counter(true["topic"] for true, _ in twins)
    for topic, n in topics.items():
        assert n == 10
        assert f"| {topic} | {n} | {2 * n} |" in readme
    assert f"| **all** | **{len(twins)}** | **{2 * len(twins)}** |" in readme


def test_no_claim_occurs_twice(items):
    assert len({item["claim"].casefold() for item in items}) == len(items)


def test_twins_differ_in_few_words(twins, readme, changed_words):
    changed = [changed_words(true["claim"], false["claim"]) for true, false in twins]
    few = sum(n in (1, 2) for n in changed)
    assert (
        f"the twins differ in {mean(changed):.1f} words on average; "
        f"{few} of the {len(twins)} pairs differ in one or two words;"
    ) in readme


def test_negations_do_not_tell_true_from_false(twins, readme, words):
    counts = [
        sum(bool(set(NEGATIONS) & set(words(item["claim"]))) for item in side) for side in zip(*twins, strict=True)
    ]
    assert f"{counts[0]} true and {counts[1]} false claims contain a negation ({', '.join(NEGATIONS)});" in readme
    assert not any("n't" in item["claim"] for pair in twins for item in pair)


@pytest.mark.parametrize(("name", "cues"), [("increase", INCREASE), ("decrease", DECREASE)])
def test_words_of_quantity_stand_on_both_sides(name, cues, twins, readme, words):
    marks = [tuple(bool(set(cues) & set(words(item["claim"]))) for item in pair) for pair in twins]
    assert (
        f"words of {name} ({', '.join(cues)}) stand in the true twin alone in {marks.count((True, False))} pairs "
        f"and in the false twin alone in {marks.count((False, True))};"
    ) in readme


def test_true_and_false_claims_are_equally_long(twins, readme):
    true, false = (mean(len(item["claim"]) for item in side) for side in zip(*twins, strict=True))
    assert f"mean length is {true:.1f} characters for true and {false:.1f} for false claims." in readme


def test_example_is_a_pair(twins, readme):
    true, false = next(pair for pair in twins if pair[0]["pair"] == "food-01")
    assert f"Example (`food-01`): *{true['claim']}* (true); *{false['claim']}* (false)." in readme
