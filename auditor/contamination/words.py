"""Texts as words that can be compared: lower-cased, without punctuation, hashed by the run.

A word is a run of letters, digits and marks; every other character parts words. Text is lower-cased and put into
Unicode's compatibility form (NFKC). Scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer,
Burmese) have one word a character.

Source: Brown et al. 2020, "Language Models are Few-Shot Learners", Appendix C: a gram is a lower-cased word between
spaces, without punctuation. Differs from the source, and from lm-evaluation-harness (`janitor.py`), in that punctuation
parts words where they delete it, so that quotes, dashes, brackets and markup around a word do not hide it, and in the
scripts without spaces, whose sentences would be one word each.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Codes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

SPACE = 32
END = 1  # the code of the word that parts documents; no text has it
PARTED = "\0"  # what stands between documents before they are turned into codes

_KNOWN = 0x20000  # beyond lie rare ideographs
_UNSPACED = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x3040, 0x3100), (0x31F0, 0x3200))
_IDEOGRAPHS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00))
_BASE = 0x9E3779B97F4A7C15  # odd, so that it can be inverted modulo 2^64
_INVERSE = pow(_BASE, -1, 1 << 64)


class Words(Struct, frozen=True, kw_only=True):
    """A text as codes: each word between two spaces, first and last included.

    `starts` and `ends` are the words' places (an end is the place of the space after it), `sums` the running sums that
    `hashes` are made of.
    """

    codes: Codes
    starts: Places
    ends: Places
    sums: Hashes

    def hashes(self, length: int) -> Hashes:
        """Return the hash (64 bits) of every run of so many words, by its first word."""
        count = max(0, len(self.starts) - length + 1)
        return self._between(self.starts[:count], self.ends[length - 1 :])

    def hashes_at(self, first: Places, length: int) -> Hashes:
        """Return the hashes of the runs of so many words that begin at these words; all must end within the text."""
        return self._between(self.starts[first], self.ends[first + length - 1])

    def _between(self, starts: Places, ends: Places) -> Hashes:
        found: Hashes = (self.sums[ends] - self.sums[starts]) * _powers(len(self.sums))[1][starts]
        return found

    def text(self, start: int, end: int) -> str:
        """Return the codes from one place to another as text."""
        return self.codes[start:end].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def codes_of(text: str) -> Codes:
    """Return a text's characters as the codes of letters and spaces; spaces are not yet made one."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    raw = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    letters, unspaced = _tables()
    rare = raw >= _KNOWN
    if rare.any():
        codes = np.where(rare, raw, letters[np.where(rare, 0, raw)])
        alone = rare | unspaced[np.where(rare, 0, raw)]
    else:
        codes = letters[raw]
        alone = unspaced[raw] if not text.isascii() else rare
    return _set_apart(codes, alone) if alone.any() else codes


def words_of(codes: Codes) -> Words:
    """Return codes as words."""
    edge = np.array([SPACE], dtype=np.uint32)
    padded = np.concatenate([edge, codes, edge])
    space = padded == SPACE
    kept = np.ones(len(padded), dtype=bool)
    kept[1:] = ~(space[1:] & space[:-1])
    found = padded[kept]
    spaces = np.flatnonzero(found == SPACE)
    sums = np.zeros(len(found) + 1, dtype=np.uint64)
    np.cumsum(found * _powers(len(found) + 1)[0][: len(found)], dtype=np.uint64, out=sums[1:])
    return Words(codes=found, starts=spaces[:-1] + 1, ends=spaces[1:], sums=sums)


def joined(texts: Iterable[str]) -> Words:
    """Return texts of words one space apart as words, with the word `END` between two of them."""
    codes = np.frombuffer(f" {chr(END)} ".join(texts).encode("utf-32-le"), dtype="<u4")
    return words_of(codes.astype(np.uint32))


def normalised(text: str) -> str:
    """Return a text's words, one space apart.

    >>> normalised("  “Don't” — she SAID—stop!")
    'don t she said stop'
    """
    found = words_of(codes_of(text.replace(PARTED, " ")))
    return found.text(0, len(found.codes)).strip(" ")


def spread(hashes: Hashes, bits: int) -> Places:
    """Return a hash's place in a table of 2^bits entries."""
    mixed = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(64 - bits)).astype(np.intp)


@functools.cache
def _tables() -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Return, by character, its code and whether it is a word by itself."""
    letters = np.full(_KNOWN, SPACE, dtype=np.uint32)
    for code in range(_KNOWN):
        char = chr(code)
        if unicodedata.category(char)[0] in "LNM":
            lower = char.lower()
            letters[code] = ord(lower) if len(lower) == 1 else code
    letters[ord(PARTED)] = END
    unspaced = np.zeros(_KNOWN, dtype=bool)
    for low, high in (*_UNSPACED, *_IDEOGRAPHS):
        unspaced[low:high] = letters[low:high] != SPACE
    return letters, unspaced


def _set_apart(codes: Codes, alone: npt.NDArray[np.bool_]) -> Codes:
    """Return the codes with a space before and after each one that is a word by itself."""
    repeats = np.where(alone, 3, 1)
    found = np.repeat(codes, repeats)
    first = (np.cumsum(repeats) - repeats)[alone]
    found[first] = found[first + 2] = SPACE
    return found


_grown: list[tuple[Hashes, Hashes]] = []


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Return at least so many powers of the base, and of its inverse, modulo 2^64; they are kept, and grow."""
    if not _grown or len(_grown[0][0]) < count:
        size = 1 << max(16, (count - 1).bit_length())
        made = []
        for base in (_BASE, _INVERSE):
            powers = np.full(size, base, dtype=np.uint64)
            powers[0] = 1
            made.append(np.cumprod(powers, dtype=np.uint64))
        _grown[:] = [(made[0], made[1])]
    return _grown[0]
