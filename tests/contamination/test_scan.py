"""What is found of items in documents equals what a slow rule without hashes finds, wherever documents are parted."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.contamination import scan
from auditor.contamination.index import Index
from auditor.contamination.scan import Scanner
from auditor.contamination.texts import ItemTexts
from auditor.contamination.words import normalised

_SPEC = importlib.util.spec_from_file_location("naive", Path(__file__).with_name("naive.py"))
assert _SPEC and _SPEC.loader
naive = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(naive)

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


def items_of(*given_items: tuple[list[str], list[str]]) -> list[ItemTexts]:
    made = []
    for number, (asked, answers) in enumerate(given_items):
        texts = tuple(dict.fromkeys(filter(None, map(normalised, asked))))
        rest = tuple(t for t in dict.fromkeys(filter(None, map(normalised, answers))) if t not in texts)
        made.append(ItemTexts(probe="p", item=f"i{number}", cluster=f"i{number}", asked=texts, answers=rest))
    return made


def scanned(items: list[ItemTexts], documents: list[str], *, parts: int = 1) -> list[dict[str, object]]:
    scanner = Scanner(Index(items))
    for document in documents:
        cut = document.split(" ")
        size = max(1, -(-len(cut) // parts))
        pieces = [" ".join(cut[n : n + size]) + " " for n in range(0, len(cut), size)]
        for piece in pieces[:-1]:
            scanner.read(piece, ends=False, file=0)
        scanner.read(pieces[-1], ends=True, file=0)
    scanner.end()
    names = ("whole", "with_answers", "n_runs", "n_found", "n_covered", "n_words")
    found = scanner.overlaps(list(range(len(items))), ["f"])
    return [{name: getattr(one, name) for name in names} for one in found]


def test_case_punctuation_and_markup_do_not_hide_an_item() -> None:
    items = items_of((["Don't you like “cats”?"], []))
    assert scanned(items, ["<p>DON’T you—like cats</p>"])[0]["whole"]
    assert not scanned(items, ["do not you like cats"])[0]["whole"]


def test_an_item_of_several_texts_needs_all_of_them_in_one_document() -> None:
    context, question = "A man and his son sat in the park.", "Who fell asleep first?"
    items = items_of(([context, question], ["The man", "The son"]))
    assert not scanned(items, [context, question])[0]["whole"], "a context alone is a template"
    found = scanned(items, [f"Context: {context} Question: {question} Answer: the man"])[0]
    assert found["whole"] and found["with_answers"] is False
    assert scanned(items, [f"{context} A. The man B. The son {question}"])[0]["with_answers"]


def test_thirteen_words_are_a_run_and_twelve_are_none() -> None:
    items = items_of(([LONG], []))
    words = LONG.split()
    assert scanned(items, ["x " + " ".join(words[2:14]) + " x"])[0]["n_found"] == 0
    found = scanned(items, ["x " + " ".join(words[2:15]) + " x"])[0]
    assert (found["n_found"], found["n_runs"], found["n_covered"], found["whole"]) == (1, 4, 13, False)


def test_a_run_does_not_go_from_one_document_to_the_next() -> None:
    words = LONG.split()
    assert scanned(items_of(([LONG], [])), [" ".join(words[:8]), " ".join(words[8:])])[0]["n_found"] == 0


def test_a_run_that_more_than_ten_items_share_is_of_their_template() -> None:
    shared = " ".join(f"word{n}" for n in range(13))
    for count, told in ((10, 1), (11, 0)):
        items = items_of(*(([f"{shared} name{n}"], []) for n in range(count)))
        assert [one["n_found"] for one in scanned(items, [shared])] == [told] * count


def test_items_that_ask_the_same_are_one_item_to_a_template() -> None:
    items = items_of(*(([LONG], [f"answer {n}"]) for n in range(20)))
    assert all(one["n_found"] == 4 for one in scanned(items, [LONG]))


def test_a_script_without_spaces_has_a_word_a_character() -> None:
    items = items_of((["这段文字是否仇视某一群体"], []))
    assert scanned(items, ["他问：“这段文字是否仇视某一群体？”然后走了。"])[0]["whole"]
    assert scanned(items, ["这段文字是否仇视"])[0]["whole"] is False


@given(text=st.text(min_size=1))
@example("İSTANBUL ǅ ﬁ Ⅷ ½ ŉ ẞ ͅ ꙁ")
def test_any_text_stands_in_a_document_that_is_that_text(text: str) -> None:
    items = items_of(([text], []))
    if items[0].asked:
        assert scanned(items, [f"before {text} after"])[0]["whole"]


def test_a_control_character_does_not_part_a_document() -> None:
    assert scanned(items_of((["who was it"], ["nobody at all"])), ["Who\0was it? Nobody\x01at all"])[0]["with_answers"]


def test_texts_far_apart_in_a_long_document_do_not_belong_together() -> None:
    items = items_of((["the first of the two texts", "the other text of them"], []))
    gap = "filler " * (2 * scan.REACH // 7)
    assert not scanned(items, [f"the first of the two texts {gap} the other text of them"])[0]["whole"]
    assert scanned(items, [f"the first of the two texts {gap[:2000]} the other text of them"])[0]["whole"]


@pytest.mark.parametrize("parts", [1, 3, 50])
def test_an_item_across_the_edge_of_a_page_is_found(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    monkeypatch.setattr(scan, "PAGE", 3000)
    monkeypatch.setattr(scan, "REACH", 400)
    items = items_of(([LONG], ["and its answer"]))
    for at in range(2300, 3700, 7):
        document = "pad " * (at // 4) + f"{LONG} and its answer " + "pad " * 2000
        assert scanned(items, [document], parts=parts)[0] == {
            "whole": True,
            "with_answers": True,
            "n_runs": 4,
            "n_found": 4,
            "n_covered": 19,
            "n_words": 19,
        }, at


def trimmed(given: tuple[str, int, int]) -> str:
    """Return a text without so many words at its beginning and its end."""
    text, left, right = given
    words = text.split(" ")
    return " ".join(words[left : max(left, len(words) - right)])


WORDS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=22).map(" ".join)
ITEMS = st.lists(
    st.tuples(st.lists(WORDS, min_size=1, max_size=2), st.lists(WORDS, max_size=2)), min_size=1, max_size=14
)
MARKS = st.sampled_from([" ", " ", "  ", ", ", "\n", ". ", " – ", "\t"])


@settings(max_examples=60)
@given(given_items=ITEMS, data=st.data())
def test_the_fast_rule_finds_what_the_slow_one_finds(
    given_items: list[tuple[list[str], list[str]]], data: st.DataObject
) -> None:
    items = items_of(*given_items)
    pool = [text for one in items for text in (*one.asked, *one.answers)]
    cut = st.tuples(st.sampled_from(pool), st.integers(0, 4), st.integers(0, 4)).map(trimmed)
    bits = st.one_of(st.sampled_from(pool), cut, WORDS, WORDS.map(str.upper))
    documents = [
        "".join(f"{data.draw(bits)}{data.draw(MARKS)}" for _ in range(data.draw(st.integers(1, 4))))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    expected = naive.found_in([(list(one.asked), list(one.answers)) for one in items], documents)
    assert scanned(items, documents) == expected
    assert scanned(items, documents, parts=3) == expected


def test_a_large_random_text_gives_what_the_slow_rule_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "PAGE", 5000)
    rng = random.Random(0)
    items = items_of(*(([" ".join(rng.choices("ab", k=rng.randint(3, 18)))], []) for _ in range(40)))
    documents = [" ".join(rng.choices("ab", k=rng.randint(5, 900))) for _ in range(60)]
    expected = naive.found_in([(list(one.asked), list(one.answers)) for one in items], documents)
    assert scanned(items, documents) == expected
    assert any(one["n_found"] and not one["whole"] for one in expected)
