"""Spellings that hide a word from a classifier, folded back: lookalike letters, digits for letters, emoji and the like.

A classifier that reads word pieces sees `1d10t`, `іdiot` with a Cyrillic letter, `i d i o t` or an emoji as unknown or
as other words. Folding comes before its tokenizer, in training and in use, so both see the same text. It never makes a
text longer than its emoji's names do, and leaves ordinary prose, numbers and other languages' words as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

VERSION = "1"

_LOOKALIKES = str.maketrans(  # Cyrillic and Greek letters that are drawn like Latin ones
    "аеорсухіјѕԁһвкмтнзАВЕКМНОРСТУХІЈЅαειορυνκτΑΒΕΗΙΚΜΝΟΡΤΥΧΖɑɡıⅼ",
    "aeopcyxijsdhbkmth3ABEKMHOPCTYXIJSaeiopuvktABEHIKMNOPTYXZagil",
)
_LEET = str.maketrans("013457@$!€", "oieastasie")
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_SPACED = re.compile(r"(?<![^\s\"(])(?:[^\W\d_][ .\-_*]){3,}[^\W\d_](?![^\s\"').,!?])")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_WORD = re.compile(r"(?P<address>[\w.+-]{1,64}@[\w-]{1,63}\.\w+)|[\w@$!€]+")
_CODE = re.compile(r"[^\W\d_]+\d+|\d{2,}[^\W\d_]+|\d[^\W\d_]{1,2}|[$€]?\d+|@\w+")
_DECORATION = 6  # an emoji that stands more often in a text than so decorates it
_TONES = {1: "light skin", 3: "medium light skin", 4: "medium skin", 5: "medium dark skin", 6: "dark skin"}


def fold_spelling(text: str) -> str:
    """Return a text with hidden characters, lookalikes, leet, spaced letters, long repeats and emoji written out.

    >>> fold_spelling("You are an 1d1\u200b0t"), fold_spelling("s t u p i d"), fold_spelling("Born in 1984, 3rd of 4")
    ('You are an idiot', 'stupid', 'Born in 1984, 3rd of 4')
    """
    text = _HIDDEN.sub("", text.replace("\u200d", " "))
    text = _emoji_named(text)
    text = unicodedata.normalize("NFKC", text)
    text = _WORD.sub(_fold_word, text)
    text = _SPACED.sub(lambda found: re.sub(r"[ .\-_*]", "", found[0]), text)
    return _REPEATED.sub(r"\1", text)


def _emoji_named(text: str) -> str:
    """Return a text with its emoji named; one that only decorates it is named at its first place."""
    plain = [_plain(letter) for letter in text]
    often = {name for name, count in Counter(plain).items() if len(name) > 1 and count > _DECORATION}
    first = {name: plain.index(name) for name in often}
    return "".join(" " if first.get(name, place) != place else name for place, name in enumerate(plain))


def _plain(letter: str) -> str:
    """Return an emoji's name between spaces, an enclosed letter as a plain one, any other character itself."""
    code = ord(letter)
    if code < 0x2190:
        return letter
    if 0x1F1E6 <= code <= 0x1F1FF:  # the letters of flags
        return chr(code - 0x1F1E6 + ord("a"))
    if 0x1F130 <= code <= 0x1F189:  # squared and circled capital letters
        return chr((code - 0x1F130) % 32 + ord("a")) if (code - 0x1F130) % 32 < 26 else letter
    if 0x1F3FB <= code <= 0x1F3FF:
        return f" {_TONES[max(1, code - 0x1F3F9 if code > 0x1F3FB else 1)]} "
    if unicodedata.category(letter) != "So":
        return letter
    name = unicodedata.name(letter, "").lower()
    return f" {name.removesuffix(' symbol').removesuffix(' sign')} " if name else " "


def _fold_word(found: re.Match[str]) -> str:
    word = found[0]
    if found["address"] or (word.isascii() and word.isalpha()):
        return word
    latin = sum(letter.isascii() and letter.isalpha() for letter in word)
    if latin:
        word = word.translate(_LOOKALIKES)
    core = word.rstrip("!@$€")
    if core.isalpha() or _CODE.fullmatch(core) or sum(letter.isalpha() for letter in core) < 2:
        return word
    folded = core.translate(_LEET)
    return (folded if folded.isalpha() else core) + word[len(core) :]
