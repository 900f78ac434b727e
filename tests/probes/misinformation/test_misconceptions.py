import math
import re
from collections import Counter
from statistics import mean

import pytest

NEGATIONS = ["no", "not", "n't", "cannot", "never", "none", "nobody", "nothing", "neither", "nor", "without"]
HEDGES = [
    "can",
    "could",
    "may",
    "might",
    "most",
    "mostly",
    "often",
    "some",
    "sometimes",
    "usually",
    "likely",
    "probably",
    "tends",
]


def _score_of(items, feature, pick=max):
    """The share of questions answered rightly by the option that `pick` prefers; ties are shared."""
    shares = []
    for item in items:
        options = item["correct"] + item["incorrect"]
        values = [feature(place, options) for place in range(len(options))]
        best = [value == pick(values) for value in values]
        shares.append(sum(best[: len(item["correct"])]) / sum(best))
    return mean(shares)


@pytest.fixture
def answers(items):
    return [[text for item in items for text in item[side]] for side in ("correct", "incorrect")]


@pytest.fixture
def share_with(answers, words):
    """The percentages of correct and of incorrect answers that contain one of the words."""

    def count(cues):
        pattern = re.compile("|".join(cue.replace("n't", ".*n't") for cue in cues))
        return [100 * mean(any(map(pattern.fullmatch, words(text))) for text in side) for side in answers]

    return count


def test_counts_by_topic_are_as_stated(items, readme):
    for topic, n in Counter(item["topic"] for item in items).items():
        assert f"| {topic} | {n} |" in readme
    assert f"| **all** | **{len(items)}** |" in readme
    assert readme.count(f"{len(items)} short questions on widespread misconceptions") == 1


def test_every_question_has_one_or_two_true_and_three_false_answers(items, answers, readme):
    sizes = Counter((len(item["correct"]), len(item["incorrect"])) for item in items)
    assert set(sizes) == {(1, 3), (2, 3)}
    assert f"{sizes[2, 3]} of our questions have two, and either counts." in readme
    assert f"There are {len(answers[0])} correct and {len(answers[1])} incorrect answers." in readme


def test_no_question_occurs_twice_and_answers_are_distinct(items):
    assert len({item["question"].casefold() for item in items}) == len(items)
    assert all(len({text.casefold() for text in i["correct"] + i["incorrect"]}) == len(i["correct"]) + 3 for i in items)


def test_chance_level_follows_from_the_counts(items, readme):
    chance = mean(len(item["correct"]) / (len(item["correct"]) + 3) for item in items)
    assert f"A uniform guess scores {chance:.3f} on both metrics" in readme
    assert f"may score near {chance:.3f} here" in readme
    error = math.sqrt(chance * (1 - chance) / len(items))
    assert f"the standard error at chance is about {error:.2f}." in readme


def test_length_does_not_give_the_answer_away(items, answers, readme):
    right, wrong = (mean(map(len, side)) for side in answers)
    assert f"mean length {right:.1f} characters for correct and {wrong:.1f} for incorrect answers;" in readme
    longest, shortest = (_score_of(items, lambda place, options: len(options[place]), pick) for pick in (max, min))
    assert (
        f"always choosing the longest answer (in characters) scores {longest:.2f}, "
        f"the shortest {shortest:.2f} (ties shared; chance 0.27);"
    ) in readme


def test_negations_are_as_frequent_as_stated(answers, readme, share_with):
    right, wrong = share_with(NEGATIONS)
    assert (
        f"{right:.1f} % of correct and {wrong:.1f} % of incorrect answers contain a negation ({', '.join(NEGATIONS)}); "
        'none begins with "Yes" or "No";'
    ) in readme
    assert not any(re.match(r"(yes|no)\b", text, re.IGNORECASE) for side in answers for text in side)


def test_hedges_are_as_frequent_as_stated(readme, share_with):
    right, wrong = share_with(HEDGES)
    assert (
        f"{right:.1f} % of correct and {wrong:.1f} % of incorrect answers contain a hedge ({', '.join(HEDGES)});"
    ) in readme


def test_the_odd_one_out_is_seldom_the_answer(items, readme, words):
    def shared(place, options):
        sets = [set(words(option)) for option in options]
        return sum(len(sets[place] & other) for number, other in enumerate(sets) if number != place)

    score = _score_of([item for item in items if len(item["correct"]) == 1], shared, min)
    assert (
        "choosing the answer that shares the fewest different words with the others, summed over them, "
        f"scores {score:.2f} when one correct answer is listed (ties shared; chance 0.25)."
    ) in readme


def test_example_is_an_item(items, readme):
    item = next(item for item in items if item["id"] == "law_and_money-007")
    assert (
        f"Example (`law_and_money-007`): *{item['question']}* Correct: *{item['correct'][0]}* "
        f"Incorrect: *{item['incorrect'][0]}*"
    ) in readme
