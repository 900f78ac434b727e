"""What is looked for: every run of 13 words of the items' texts, and every item's longest text as its anchor.

The items are small and lie in memory, the training data is large and streams past. A run of words is found by its
64-bit hash, through a table of bits that nearly all other words do not pass, and then compared word for word: nothing
counts as found because of a hash.

Source: 13 words, the most that Brown et al. 2020 (Appendix C) use; fixed here, where theirs depends on the benchmark.
A run that more than 10 items of a probe share belongs to their template (BBQ fills one context with many names), and
tells no item from another: there Brown et al. leave out runs that stand in more than 10 training documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from auditor.contamination.texts import ItemTexts
from auditor.contamination.words import END, Hashes, Places, Words, joined, spread

RUN = 13
SHARED = 10
_SPARSE = 16  # entries of the table of bits for each hash in it
_LEAST_BITS, _MOST_BITS = 12, 26


class Sieve:
    """A set of hashes, asked about many at once."""

    def __init__(self, hashes: Hashes) -> None:
        self.hashes: Hashes = np.unique(hashes)
        wanted = int(len(self.hashes) * _SPARSE)
        self._bits = min(max(_LEAST_BITS, wanted.bit_length()), _MOST_BITS)
        self._table = np.zeros(1 << self._bits, dtype=bool)
        self._table[spread(self.hashes, self._bits)] = True

    def hits(self, asked: Hashes) -> tuple[Places, Places]:
        """Return where hashes of this set stand among those asked about, and which they are."""
        if not len(self.hashes):
            none = np.zeros(0, dtype=np.intp)
            return none, none
        likely = np.flatnonzero(self._table[spread(asked, self._bits)])
        which = np.searchsorted(self.hashes, asked[likely])
        which[which == len(self.hashes)] = 0
        same = self.hashes[which] == asked[likely]
        return likely[same], which[same]


class Text(Struct, frozen=True, kw_only=True):
    """A text that is looked for: its words, how many they are, and where it begins in the index's `words`."""

    words: str
    count: int
    first: int


class Index:
    """The items' texts, and the tables that find them.

    `texts` are all different ones, `of_item` gives the numbers of an item's texts (asked, then answers), `run_of` the
    number of the run of 13 words that begins with each word of `words` (−1 where none does), `first_word` a word with
    which a run begins. `found` says of each run whether it was found, `found_in` in which file first; `begins` whether
    an anchor begins with it. `anchored` lists the items whose longest asked text is a given one.
    """

    def __init__(self, items: Sequence[ItemTexts]) -> None:
        self.items = items
        number = {
            text: n for n, text in enumerate(dict.fromkeys(t for one in items for t in (*one.asked, *one.answers)))
        }
        self.words = joined(number)
        self.texts = _placed(number)
        self.of_item = [[number[text] for text in (*one.asked, *one.answers)] for one in items]
        self.run_of, self.runs = _runs(self.words)
        self.first_word = _first_words(self.run_of, len(self.runs.hashes))
        self.found = np.zeros(len(self.runs.hashes), dtype=bool)
        self.found_in = np.full(len(self.runs.hashes), -1, dtype=np.int32)
        self.anchored: dict[int, list[int]] = {}
        for item, one in enumerate(items):
            if one.asked:
                asked = self.of_item[item][: len(one.asked)]
                self.anchored.setdefault(max(asked, key=lambda text: self.texts[text].count), []).append(item)
        self.begins = np.zeros(len(self.runs.hashes), dtype=bool)
        self._by_run: dict[int, list[int]] = {}
        short: dict[int, dict[int, list[int]]] = {}
        for text in self.anchored:
            first, count = self.texts[text].first, self.texts[text].count
            if count >= RUN:
                self._by_run.setdefault(int(self.run_of[first]), []).append(text)
                self.begins[self.run_of[first]] = True
            else:
                start = int(self.words.hashes_at(np.array([first]), count)[0])
                short.setdefault(count, {}).setdefault(start, []).append(text)
        self._short = {count: (Sieve(np.array(sorted(of), dtype=np.uint64)), of) for count, of in short.items()}
        pairs = [self.texts[text].first for text in self.anchored if 2 <= self.texts[text].count < RUN]
        self._begin = Sieve(self.words.hashes_at(np.array(pairs, dtype=np.intp), 2))
        self.longest = max((len(text.words) for text in self.texts), default=0)

    def same_run(self, page: Words, place: int, run: int) -> bool:
        """Return whether a run of 13 words is, word for word, the one that begins with a word of a page."""
        own, first = self.words, self.first_word[run]
        one = page.codes[page.starts[place] : page.ends[place + RUN - 1]]
        return np.array_equal(one, own.codes[own.starts[first] : own.ends[first + RUN - 1]])

    def same_text(self, page: Words, place: int, text: int) -> bool:
        """Return whether a text stands, word for word, in a page from one of its words on."""
        found = self.texts[text]
        start = int(page.starts[place])
        first = int(self.words.starts[found.first])
        own = self.words.codes[first : first + len(found.words) + 1]  # with the space after it
        return np.array_equal(page.codes[start : start + len(own)], own)

    def long_anchors(self, at: Places, which: Places) -> Iterable[tuple[int, int]]:
        """Yield the first word and the number of each anchor that begins with one of these runs."""
        some = self.begins[which]
        for place, run in zip(at[some].tolist(), which[some].tolist(), strict=True):
            yield from ((place, text) for text in self._by_run[run])

    def short_anchors(self, page: Words) -> Iterable[tuple[int, int]]:
        """Yield the first word and the number of each anchor of fewer than 13 words that may stand in a page."""
        if not self._short:
            return
        likely, _ = self._begin.hits(page.hashes(2))
        for count, (sieve, of) in self._short.items():
            if count == 1:
                at, which = sieve.hits(page.hashes(1))
            else:
                fit = likely[likely + count <= len(page.starts)]
                near, which = sieve.hits(page.hashes_at(fit, count))
                at = fit[near]
            for place, hit in zip(at.tolist(), which.tolist(), strict=True):
                yield from ((place, text) for text in of[int(sieve.hashes[hit])])


def shared_runs(index: Index, members: Sequence[int]) -> set[int]:
    """Return the runs of 13 words that more than `SHARED` of a probe's items share; those that ask the same are one."""
    first = {index.items[item].asked: item for item in members}
    each = [np.unique(runs_of(index, item)) for item in first.values()]
    if not each:
        return set()
    runs, counts = np.unique(np.concatenate(each), return_counts=True)
    return set(runs[counts > SHARED].tolist())


def runs_of(index: Index, item: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the runs of 13 words in an item's texts."""
    parts = [runs_in(index, text) for text in index.of_item[item]]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def runs_in(index: Index, text: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the runs of 13 words in a text, in order."""
    found = index.texts[text]
    return index.run_of[found.first : found.first + max(0, found.count - RUN + 1)]


def _first_words(run_of: npt.NDArray[np.int64], count: int) -> Places:
    places = np.flatnonzero(run_of >= 0)
    found = np.zeros(count, dtype=np.intp)
    found[run_of[places]] = places
    return found


def _placed(texts: Iterable[str]) -> list[Text]:
    placed, first = [], 0
    for words in texts:
        count = words.count(" ") + 1
        placed.append(Text(words=words, count=count, first=first))
        first += count + 1  # one for the word that parts them
    return placed


def _runs(words: Words) -> tuple[npt.NDArray[np.int64], Sieve]:
    """Return the run that begins with each word, and the set of all runs' hashes; none goes over the end of a text."""
    parts = np.cumsum(words.codes[words.starts] == END)
    run_of = np.full(len(words.starts), -1, dtype=np.int64)
    hashes = words.hashes(RUN)
    within = np.zeros(len(hashes), dtype=bool)
    if len(hashes):
        before = np.concatenate([[0], parts])[: len(hashes)]
        within = parts[RUN - 1 :] == before
    sieve = Sieve(hashes[within])
    run_of[: len(hashes)][within] = np.searchsorted(sieve.hashes, hashes[within])
    return run_of, sieve
