"""Noise as a broken model writes it, in many kinds and of any length: none of it is toxic, whatever it looks like.

It is drawn anew each time, the same for the same labelled texts. Four kinds are never trained on, so that it can be
told whether noise is known by what it is. Words that stand mostly in toxic texts are in none of it.
"""

from __future__ import annotations

import base64
import math
import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import numpy as np
from msgspec import Struct

from auditor.scorers.minilm_toxicity import open_encoder
from auditor.scorers.spelling import fold_spelling
from training.example import KINDS, Example, Part

EACH: dict[Part, int] = {"train": 110, "calibration": 100, "test": 100}
_MOST_WORDS = 80
_CALM = ("paradetox", "real_toxicity_prompts")  # sources that seldom name a group, and whose civil sentences are civil
_SEED = 34
_WORD = re.compile(r"[a-z]+")
_ROWS = ("qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")
_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwxz", "aeiou"
_CODE = re.findall(
    r"\S+",
    """if ( ) { } [ ] ; : , . = == != += -> => < > && || ! for while return def class import from None null true false
    0 1 i x self this var const void int print lambda try except # // /* */ \\n \\t %s ' " ``` $ @ ^ ~""",
)
_MARKUP = (
    "<{0}>",
    "</{0}>",
    '<{0} {1}="{2}">',
    "&{0};",
    "https://{0}.{1}/{2}?{0}=",
    "www.{0}",
    "/{0}/{1}.{2}",
    "[[{0}|{1}]]",
)
_MORE_MARKUP = ("{{{{{0}", "\\{0}{{{1}}}", "| {0} | {1} |", "![{0}]({1}", "<!-- {0}", "{0}@{1}.", "C:\\{0}\\{1}")
_GLUE = re.findall(  # words that only hold others together
    r"\S+",
    """the of and to a in that it is was for on as with at by this from or an be are which but not have had what so if
    than then when there into its about who more some these may any such only over also after been would could""",
)


class Material(Struct, frozen=True, kw_only=True):
    """What noise is drawn from: civil sentences, the encoder's words and pieces of words, and what is left out."""

    rng: np.random.Generator
    sentences: Sequence[Sequence[str]]
    words: Sequence[str]
    pieces: Sequence[str]
    coarse: frozenset[str]

    def some(self, choices: Sequence[str], n: int) -> list[str]:
        """Return so many of the choices, each drawn by itself."""
        return [choices[place] for place in self.rng.integers(len(choices), size=n).tolist()]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        return int(self.rng.integers(low, high + 1))

    def length(self, low: int = 1) -> int:
        """Return how many words a text has: short ones are as frequent as long ones."""
        return int(math.exp(self.rng.uniform(math.log(low), math.log(_MOST_WORDS + 1))))

    def sentence(self) -> list[str]:
        """Return the words of a civil sentence."""
        return list(self.sentences[int(self.rng.integers(len(self.sentences)))])


def noise(examples: Sequence[Example], part: Part, each: int = 0) -> list[Example]:
    """Return noise for a part, `each` of a kind (default: `EACH`): only kinds that are trained on for `train`."""
    kinds = TRAINED if part == "train" else TRAINED | LEFT_OUT
    words, pieces = _vocabulary()
    coarse = coarse_words(examples)
    common = Material(
        rng=np.random.default_rng(_SEED),
        sentences=_civil(examples, part, coarse),
        words=[word for word in words if word not in coarse],
        pieces=pieces,
        coarse=coarse,
    )
    return [
        Example(
            text=text,
            targets=dict.fromkeys(KINDS, 0.0),
            source=f"noise: {kind}",
            part=part,
            cluster=f"noise {part} {kind} {number}",
            weight=0.5,
        )
        for place, (kind, write) in enumerate(kinds.items())
        for number, text in enumerate(_texts(write, _seeded(common, part, place), each or EACH[part]))
    ]


def coarse_words(examples: Sequence[Example]) -> frozenset[str]:
    """Return the words that stand in toxic texts more than three times as often as in civil ones."""
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for example in examples:
        value = example.targets.get("toxicity", 0.5)
        if not 0.25 <= value <= 0.75:
            counts[value > 0.5].update(set(_WORD.findall(fold_spelling(example.text).lower())))
    return frozenset(word for word, n in counts[True].items() if n >= 2 and n > 3 * counts[False][word])


def _texts(write: Callable[[Material], str], material: Material, n: int) -> list[str]:
    """Return so many texts that hold no coarse word and something that is not a space."""
    found: list[str] = []
    while len(found) < n:
        text = write(material).strip()
        if text and material.coarse.isdisjoint(_WORD.findall(fold_spelling(text).lower())):
            found.append(text)
    return found


def _seeded(material: Material, part: Part, place: int) -> Material:
    seed = [_SEED, list(EACH).index(part), place]
    return msgspec.structs.replace(material, rng=np.random.default_rng(seed))


def _vocabulary() -> tuple[list[str], list[str]]:
    """Return the encoder's words of three letters or more, and its pieces of words."""
    vocabulary = sorted(token for token in open_encoder()[1].get_vocab() if token.isascii())
    pieces = [token[2:] for token in vocabulary if token.startswith("##") and token[2:].isalpha()]
    return [token for token in vocabulary if token.isalpha() and len(token) > 2], pieces


def _civil(examples: Sequence[Example], part: Part, coarse: frozenset[str]) -> list[list[str]]:
    """Return the words of a part's civil sentences, of calm sources."""
    return [
        example.text.split()
        for example in examples
        if example.part == part
        and example.source in _CALM
        and example.targets.get("toxicity", 1.0) < 0.1
        and coarse.isdisjoint(_WORD.findall(fold_spelling(example.text).lower()))
    ]


def _letters(draw: Material) -> str:
    alphabet = string.ascii_letters if draw.rng.random() < 0.2 else string.ascii_lowercase
    longest = draw.between(3, 12)
    return " ".join("".join(draw.some(alphabet, draw.between(1, longest))) for _ in range(draw.length()))


def _consonants(draw: Material) -> str:
    return " ".join("".join(draw.some(_CONSONANTS, draw.between(2, 7))) for _ in range(draw.length()))


def _syllables(draw: Material) -> str:
    def syllable() -> str:
        return (
            "".join(draw.some(_CONSONANTS, 1) + draw.some(_VOWELS, 1)) + draw.some(["", "", "n", "r", "s", "l"], 1)[0]
        )

    words = ["".join(syllable() for _ in range(draw.between(1, 4))) for _ in range(draw.length())]
    return " ".join(word.capitalize() if draw.rng.random() < 0.1 else word for word in words)


def _keyboard(draw: Material) -> str:
    """Return runs along the rows of a keyboard, as of a hand that falls on it."""

    def run() -> str:
        row = _ROWS[draw.between(0, 2)]
        steps = draw.rng.integers(-2, 3, size=draw.between(3, 14)).cumsum() + draw.between(0, len(row))
        return "".join(row[place % len(row)] for place in steps.tolist())

    return " ".join(run() for _ in range(draw.length()))


def _characters(draw: Material) -> str:
    printable = string.ascii_letters + string.digits + string.punctuation
    letters = printable if draw.rng.random() < 0.5 else "".join(draw.some(printable, draw.between(4, 40)))
    return " ".join("".join(draw.some(letters, draw.between(1, 20))) for _ in range(draw.length()))


def _figures(draw: Material) -> str:
    marks = string.punctuation if draw.rng.random() < 0.5 else ".,-:/%!?"
    choices = (string.digits, marks, string.digits + marks)
    return " ".join("".join(draw.some(draw.some(choices, 1)[0], draw.between(1, 8))) for _ in range(draw.length()))


def _words(draw: Material) -> str:
    return " ".join(draw.some(draw.words, draw.length(3)))


def _pieces(draw: Material) -> str:
    """Return pieces of words joined at random."""
    return " ".join("".join(draw.some(draw.pieces, draw.between(1, 4))) for _ in range(draw.length()))


def _shuffled(draw: Material) -> str:
    words = [word for _ in range(draw.between(1, 6)) for word in draw.sentence()]
    return " ".join(words[place] for place in draw.rng.permutation(len(words)).tolist())


def _loops(draw: Material) -> str:
    """Return something short that goes on and on: a word, a few words of a sentence, letters, marks."""
    words = draw.sentence()
    start = draw.between(0, len(words) - 1)
    units = (
        draw.some(draw.words, 1)[0],
        " ".join(words[start : start + draw.between(1, 5)]),
        "".join(draw.some(string.ascii_lowercase, draw.between(1, 4))),
        "".join(draw.some(string.punctuation, draw.between(1, 3))),
    )
    space = "" if draw.rng.random() < 0.15 else " "
    return space.join([draw.some(units, 1)[0]] * max(4, draw.length()))


def _code(draw: Material) -> str:
    names = draw.some(draw.words, 4) + ["".join(draw.some(string.ascii_lowercase, 3)) for _ in range(3)]
    return " ".join(draw.some([*_CODE, *names], draw.length(3)))


def _markup(draw: Material) -> str:
    def part() -> str:
        names = ["".join(draw.some(draw.pieces, draw.between(1, 2))) for _ in range(3)]
        return draw.some(_MARKUP + _MORE_MARKUP, 1)[0].format(*names)

    return ("" if draw.rng.random() < 0.3 else " ").join(part() for _ in range(max(1, draw.length() // 3)))


def _mixed(draw: Material) -> str:
    """Return the beginnings of some other kinds, one after the other."""
    kinds = [kind for kind in TRAINED.values() if kind is not _mixed]
    chosen = [kinds[place] for place in draw.rng.integers(len(kinds), size=draw.between(2, 5)).tolist()]
    return " ".join(write(draw)[: draw.between(5, 60)] for write in chosen)


def _encoded(draw: Material) -> str:
    """Return bytes in base 64 or 16."""
    content = [draw.rng.bytes(draw.between(4, 60)) for _ in range(draw.between(1, 8))]
    return " ".join(base64.b64encode(one).decode() if draw.rng.random() < 0.5 else one.hex() for one in content)


def _scrambled(draw: Material) -> str:
    """Return sentences with the letters of each word in another order."""
    words = [word for _ in range(draw.between(1, 4)) for word in draw.sentence()]
    return " ".join("".join(word[place] for place in draw.rng.permutation(len(word)).tolist()) for word in words)


def _chain(draw: Material) -> str:
    """Return letters, each drawn by the one before it as in English."""
    follows: dict[str, list[str]] = defaultdict(list)
    for one, other in pairwise(" ".join(" ".join(draw.sentence()).lower() for _ in range(60)) + " "):
        follows[one].append(other)
    letters = [" "]
    for _ in range(6 * draw.length()):
        letters += draw.some(follows[letters[-1]], 1)
    return "".join(letters)


def _glue(draw: Material) -> str:
    return " ".join(draw.some(_GLUE, draw.length(5)))


TRAINED: dict[str, Callable[[Material], str]] = {
    "letters": _letters,
    "consonants": _consonants,
    "syllables": _syllables,
    "keyboard": _keyboard,
    "characters": _characters,
    "digits and marks": _figures,
    "words": _words,
    "pieces of words": _pieces,
    "shuffled sentences": _shuffled,
    "loops": _loops,
    "code": _code,
    "markup": _markup,
    "mixed": _mixed,
}
LEFT_OUT: dict[str, Callable[[Material], str]] = {
    "encoded bytes": _encoded,
    "scrambled words": _scrambled,
    "chains of letters": _chain,
    "function words": _glue,
}
