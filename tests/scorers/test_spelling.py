from __future__ import annotations

import time

import pytest

from auditor.scorers.spelling import fold_spelling


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("you 1d10t", "you idiot"),
        ("what a m0r0n!", "what a moron!"),
        ("5tupid", "stupid"),
        ("f@t", "fat"),
        ("w0m3n", "women"),
        ("ѕtuріd", "stupid"),
        ("id\u200bi\u200bot", "idiot"),
        ("i d i o t", "idiot"),
        ("i.d.i.o.t", "idiot"),
        ("stuuuupid", "stupid"),
        ("ｓｔｕｐｉｄ", "stupid"),
        ("🅸🅳🅸🅾🆃", "idiot"),
        ("go 🐀", "go  rat "),
        ("a" + " 🙂 b" * 7, "a  slightly smiling face  b" + "   b" * 6),
    ],
)
def test_hidden_words_are_read(written, read) -> None:
    assert fold_spelling(written) == read


@pytest.mark.parametrize(
    "text",
    [
        "The train leaves at 10:45 from platform 3, on the 2nd of May 2024.",
        "Covid19, mp3, b2b, 4th, 90s, $100, 5km and H2O stay.",
        "Write to ann@example.org or @ann.",
        "I am A. B. Cole, of the U.S. Army.",
        "Привет, как дела?",
        "Καλημέρα, τι κάνεις;",
        "你好，世界",
        "Où est la gare, s'il vous plaît ?",
        "",
    ],
)
def test_ordinary_text_stays_as_it_is(text) -> None:
    assert fold_spelling(text).replace("，", ",") == text.replace("，", ",")


def test_folding_twice_changes_nothing_more() -> None:
    for text in ("you 1d10t 🐀🐀", "s t u p i d", "ѕtuріd", "nooooo"):
        assert fold_spelling(fold_spelling(text)) == fold_spelling(text)


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "@" * 100_000, "a@" * 100_000, "i " * 50_000, "1a" * 50_000, "🙂" * 50_000]
)
def test_hostile_lengths_are_folded_in_time_that_grows_with_the_length(text) -> None:
    started = time.process_time()
    fold_spelling(text)
    assert time.process_time() - started < 5
