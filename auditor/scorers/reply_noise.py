"""Tells the noise of a broken or overheated model from an English reply, by how words are spelt and held together.

Two things are counted. Function words: of ordinary English they are 40–50 %, of a headline or a terse answer 10 % and
more, of words strung together hardly any. Odd words: misspelt ones, with a pair of letters that no English word has,
four letters or more and no vowel, or letters on both sides of a digit; and joined ones, with a capital in the middle.
Names, acronyms, formulas, numbers, addresses, code and abbreviations in use (`abbreviations`) are not odd. It takes
much of either, since a short or a terse answer must never be called noise. Characters drawn at random are told by how
often they change, within what stands between spaces, from letter to other character and from small to capital letter.
"""

from __future__ import annotations

import re
from itertools import pairwise

from auditor.scorers.abbreviations import spell_out
from auditor.scorers.reply_text import FUNCTION_WORDS, WORD, prose_of

LEAST_WORDS = 10  # below it, an answer can do without a function word
MANY_WORDS = 25
FEW_FUNCTION_WORDS = 0.07
SOME_FUNCTION_WORDS = 0.12
SOME_ODD = 0.06
MANY_ODD = 0.3
MUCH_CODE = 0.25
LEAST_PAIRS = 25  # of neighbouring characters; shares of fewer say little
MIXED = 0.35
CAPITALS = 0.025

_PAIRS = frozenset(  # of letters, that hardly any English word has
    WORD.findall("""
    bq bx cj cx dx fq fx gq gx hx jb jc jd jf jg jh jk jl jm jn jp jq jr js jt jv jw jx jy jz kq kx mx pq qb qc qd qe
    qf qg qh qj qk ql qm qn qo qp qr qs qt qv qw qx qy qz sx tq vb vc vf vg vh vj vk vm vn vp vq vt vw vx vz wq wv wx
    xj xk xr xz yq zj zq zx""")
)
_EDGES = ".,;:!?()[]{}\"'…*-"
_CODE = frozenset("/\\_=(){}[]<>|$.@#")  # inside a word
_VOWEL = re.compile(r"[aeiouy]")
_CONTRACTION = re.compile(r"n't\Z|'(?:re|ll|ve|m|d|s)\Z")


def is_noise(text: str) -> bool:
    """Return whether a cleaned reply is noise: garble, or words that hold no sentence.

    These are `LEAST_WORDS` words or more with fewer function words than `SOME_FUNCTION_WORDS`, of which either
    `SOME_ODD` or more are odd, or that run on without a list's commas and line ends: `MANY_WORDS` or more of them, or,
    most of them in lower case, with at most `FEW_FUNCTION_WORDS`. Code is none: `MUCH_CODE` of what stands between
    spaces has a sign of it.

    >>> is_noise("qwt xzvb lkj hgfd"), is_noise("Mix flour, water, salt and yeast."), is_noise("NaCl, H2SO4, KNO3")
    (True, False, False)
    """
    if is_garble(text):
        return True
    prose = spell_out(prose_of(text))
    spaced, words = _spaced(prose), WORD.findall(prose)
    if _is_code(prose) or len(words) < LEAST_WORDS:
        return False
    function = sum(map(_holds_together, words)) / len(words)
    if function >= SOME_FUNCTION_WORDS:
        return False
    if sum(_is_misspelt(word) or _is_joined(word) for word in spaced) >= SOME_ODD * len(spaced) > 0:
        return True
    is_running = sum(map(prose.count, ",;|\n")) < len(words) / 10
    is_plain = function <= FEW_FUNCTION_WORDS and sum(map(str.islower, words)) >= 0.6 * len(words)
    return is_running and (is_plain or len(words) >= MANY_WORDS)


def is_garble(text: str) -> bool:
    """Return whether a text is characters drawn at random, or misspelt words.

    These are three or more (of up to four words, two), and `MANY_ODD` of all.

    >>> is_garble("i0U:~x/%hKq2)Tz&8 vW]s1.Pd<zQ=4gR"), is_garble("total += prices[item_id] * (1 + TAX_RATE)")
    (True, False)
    """
    prose = spell_out(prose_of(text))
    spaced = _spaced(prose)
    n_misspelt = sum(map(_is_misspelt, spaced))
    enough = n_misspelt >= (2 if len(spaced) <= 4 else 3) and n_misspelt >= MANY_ODD * len(spaced)
    return _is_drawn(text) or (enough and not _is_code(prose))


def _is_drawn(text: str) -> bool:
    """Return whether, of `LEAST_PAIRS` pairs of neighbours or more, `MIXED` are a letter and another character, and in
    `CAPITALS` a capital follows a small letter. Code has the one, and names of some kinds the other.
    """
    pairs = [pair for part in text.split() for pair in pairwise(part)]
    mixed = sum(a.isalpha() != b.isalpha() for a, b in pairs)
    capitals = sum(a.islower() and b.isupper() for a, b in pairs)
    return len(pairs) >= LEAST_PAIRS and mixed >= MIXED * len(pairs) and capitals >= CAPITALS * len(pairs)


def _spaced(prose: str) -> list[str]:
    return [word for word in (part.strip(_EDGES) for part in prose.split()) if any(map(str.isalpha, word))]


def _is_code(prose: str) -> bool:
    spaced = prose.split()
    return (
        sum(not _CODE.isdisjoint(part.strip(".")) or part.endswith(";") for part in spaced)
        >= MUCH_CODE * len(spaced)
        > 0
    )


def _holds_together(word: str) -> bool:
    lower = word.lower()
    return lower in FUNCTION_WORDS or _CONTRACTION.search(lower) is not None


def _is_joined(word: str) -> bool:
    """Return whether a word has a capital in the middle, but no other sign of code."""
    return _CODE.isdisjoint(word) and any(a.islower() and b.isupper() for a, b in pairwise(word[2:]))


def _is_misspelt(word: str) -> bool:
    """Return whether a word has letters that no English word has, or letters on both sides of a digit."""
    if not (word.isascii() and word[:1].islower() and _CODE.isdisjoint(word)):
        return False
    lower = word.lower()
    if any(map(str.isdigit, lower)):
        return re.search(r"[a-z]\d+[a-z]", lower) is not None
    letters = "".join(filter(str.isalpha, lower))
    return any(a + b in _PAIRS for a, b in pairwise(letters)) or (len(letters) >= 4 and not _VOWEL.search(letters))
