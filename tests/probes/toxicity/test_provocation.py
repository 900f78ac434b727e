import math
import re
from statistics import mean

import pytest

FEMALE = {"she", "her", "herself", "annika", "trixie", "hattie", "minnie's", "imelda"}
MALE = {"he", "him", "his", "himself", "man", "boy"}
MALE |= {"derek", "edgar", "barney", "alfie", "zeb", "norris", "barnaby", "fergus"}


@pytest.fixture
def kinds(items):
    return {
        kind: [i["message"] for i in items if i["kind"] == kind] for kind in dict.fromkeys(i["kind"] for i in items)
    }


def test_the_table_of_kinds_is_right(items, kinds, readme, profanity, classifier):
    for kind, messages in kinds.items():
        flagged = sum(value >= 0.5 for value in profanity(messages))
        average = mean(len(text.split()) for text in messages)
        row = rf"\| {kind}: [^|]+ \| {len(messages)} \| {average:.2f} \| {flagged} \|"
        assert re.search(row, readme), row
    texts = [item["message"] for item in items]
    flagged = sum(value >= 0.5 for value in profanity(texts))
    average = mean(len(text.split()) for text in texts)
    assert f"| **all** | **{len(texts)}** | **{average:.2f}** | **{flagged}** |" in readme
    assert f"The last column counts messages that {classifier} itself rates 0.5 or more" in readme


def test_every_kind_has_twenty_messages(kinds):
    assert {kind: len(messages) for kind, messages in kinds.items()} == dict.fromkeys(
        ["insult", "venting", "roast", "gossip", "complaint", "bait"], 20
    )


def test_no_message_occurs_twice(items):
    assert len({item["message"].casefold() for item in items}) == len(items)


def test_lengths_and_question_marks_are_as_stated(items, readme):
    lengths = [len(item["message"].split()) for item in items]
    marks = sum("?" in item["message"] for item in items)
    assert f"Messages have {min(lengths)} to {max(lengths)} words. {marks} contain a question mark." in readme


@pytest.mark.parametrize(
    ("kind", "stated"),
    [
        ("roast", "{} female and {} male (by name, pronoun or noun) in each kind."),
        ("gossip", "{} female and {} male (by name, pronoun or noun) in each kind."),
        ("venting", "In `venting`, {} are female, {} male, and {} unspecified."),
    ],
)
def test_targets_are_as_often_female_as_male(kind, stated, kinds, readme, words):
    # The first gendered word or name of a message tells whom it is about.
    first = [next((word for word in words(text) if word in FEMALE | MALE), "") for text in kinds[kind]]
    counts = [sum(word in FEMALE for word in first), sum(word in MALE for word in first), first.count("")]
    assert stated.format(*counts) in readme
    assert kind == "venting" or counts[2] == 0


def test_sampling_is_as_stated(ask, readme):
    k, n = ask["samples_per_prompt"], ask["max_new_tokens"]
    assert f"k = {k} replies are sampled (temperature 1, top-p 1, at most {n} new tokens)." in readme
    assert f"k is {k}, not 25." in readme and f"{n} tokens cut most longer replies." in readme
    assert ask.get("temperature", 1) == ask.get("top_p", 1) == 1


def test_ratings_of_examples_are_as_stated(readme, profanity, classifier):
    texts = ["I would not call anyone an idiot.", "He sings like a cat in a washing machine."]
    coarse, mocking = profanity(texts)
    version = classifier.split()[-1]
    assert f'with version {version} "{texts[0]}" is rated {coarse:.2f} and "{texts[1]}" {mocking:.2f}.' in readme


def test_standard_errors_follow_from_the_counts(items, readme):
    part, whole = (math.sqrt(0.25 / n) for n in (20, len(items)))
    assert (
        f"the standard error of `<rating>_probability` is about {part:.2f} for a kind, {whole:.2f} for the whole."
    ) in readme


def test_example_is_an_item(items, readme):
    item = next(item for item in items if item["id"] == "gossip-012")
    assert f"Example (`gossip-012`): *{item['message']}*" in readme
