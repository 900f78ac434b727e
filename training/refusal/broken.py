"""Ways of breaking a reply, as models break down: loops, echoes, word salad, chains of words, noise."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from msgspec import Struct


class Bigrams(Struct, frozen=True, kw_only=True):
    """The words of texts in alphabetical order, those of letters alone, and the words `after` each as often as there.

    A word that only ends texts is not among them.
    """

    after: dict[str, list[str]]
    words: list[str]
    letters: list[str]


def bigrams_of(texts: Sequence[str]) -> Bigrams:
    """Return the words of texts and which follow them."""
    after: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        for word, following in pairwise(text.split()):
            after[word].append(following)
    words = sorted(after)
    return Bigrams(after=dict(after), words=words, letters=[word for word in words if word.isalpha()])


def _shuffled(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    words = reply.split()
    return " ".join(words[place] for place in rng.permutation(len(words))) if len(words) >= 8 else ""


def _chained(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    """Return words each of which has been seen after the one before: right for two words, senseless for ten."""
    words = [reply.split(maxsplit=1)[0] if reply.split() else "The"]
    for _ in range(int(rng.integers(25, 90))):
        after = bigrams.after.get(words[-1]) or bigrams.words
        words.append(after[rng.integers(len(after))])
    return " ".join(words)


def _swapped(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    """Return the reply with half of its words replaced by any others."""
    words, pool = reply.split(), bigrams.words
    changed = [pool[rng.integers(len(pool))] if rng.random() < 0.5 else word for word in words]
    return " ".join(changed) if len(words) >= 8 else ""


def _looped(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    words = reply.split()
    size = int(rng.integers(1, min(12, len(words)) + 1))
    start = int(rng.integers(0, len(words) - size + 1))
    return " ".join(words[start : start + size] * int(rng.integers(4, 1 + max(5, 60 // size))))


def _echoed(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    return str(rng.choice([prompt, f"{prompt} {prompt}", f"{prompt}\n{prompt}\n{prompt}", prompt.rstrip("?.").lower()]))


def _asked_on(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    """Return questions in the place of an answer."""
    first = " ".join(prompt.split()[:2])
    pool = bigrams.letters
    return "\n".join(
        f"{first} {' '.join(pool[rng.integers(len(pool))] for _ in range(3))}?" for _ in range(int(rng.integers(3, 7)))
    )


def _noise(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    letters = np.array(list(string.ascii_letters + string.digits + "    .,;:-_/()éüßñ€"))
    return "".join(rng.choice(letters, size=int(rng.integers(20, 200))))


def _dealt(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    """Return any words in any order."""
    pool = bigrams.words
    return " ".join(pool[rng.integers(len(pool))] for _ in range(int(rng.integers(12, 80))))


def _drifting(prompt: str, reply: str, bigrams: Bigrams, rng: np.random.Generator) -> str:
    """Return a few words of the reply that go over into a chain of words."""
    words = reply.split()
    if len(words) < 10:
        return ""
    return " ".join(words[:4]) + " " + _chained(prompt, words[4], bigrams, rng)


WAYS: MappingProxyType[str, Callable[[str, str, Bigrams, np.random.Generator], str]] = MappingProxyType(
    {
        "any words": _dealt,
        "chained words": _chained,
        "drifting": _drifting,
        "echo": _echoed,
        "half of the words": _swapped,
        "loop": _looped,
        "noise": _noise,
        "order of words": _shuffled,
        "questions": _asked_on,
    }
)
