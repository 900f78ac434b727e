"""Training data streams past the index, a page at a time: memory is bounded by the items and by a page.

A page is about a quarter of a million characters of one long document or of many short ones. Pages of a long document
overlap by more than the widest place that is looked at, so that what is found does not depend on where they part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from auditor.contamination.index import RUN, Index, runs_in, runs_of, shared_runs
from auditor.contamination.words import END, PARTED, Codes, Places, Words, codes_of, words_of
from auditor.types import ItemOverlap

PAGE = 1 << 18
REACH = 4000  # characters; other texts of an item must stand as near to its anchor, or twice the item's own length
_BLANK = re.compile(r"\s")
_LONGEST_WORD = 4096


class Scanner:
    """Finds the index's texts in documents. `n_documents` and `n_words` count what was read."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.n_documents = 0
        self.n_words = 0
        self._parts: list[str] = []
        self._size = 0
        self._kept: Codes = np.zeros(0, dtype=np.uint32)
        self._n_kept = 0
        self._file = 0
        n = len(index.items)
        self._whole_in = np.full(n, -1, dtype=np.int32)
        self._answered = np.zeros(n, dtype=bool)
        self._settled: set[int] = set()  # anchors of which nothing more can be found
        lengths = [sum(len(index.texts[text].words) + 1 for text in of) for of in index.of_item]
        self._reach = [max(REACH, 2 * length) for length in lengths]
        self._widest = max(self._reach, default=REACH)
        self._overlap = 2 * self._widest + index.longest + 2

    def read(self, text: str, *, ends: bool, file: int) -> None:
        """Take more of a document of the file with this number; `ends` says that the document ends with it.

        A text that goes on must end between two words.
        """
        self._file = file
        for piece in _pieces(text.replace(PARTED, " ") if PARTED in text else text):
            if self._size and self._size + len(piece) > PAGE:
                self._look(last=False)
            self._parts.append(piece)
            self._size += len(piece)
        if ends:
            self.n_documents += 1
            self._parts.append(f" {PARTED} ")

    def end(self) -> None:
        """Look at what is left of a file, whose last document has ended."""
        self._look(last=True)

    def _look(self, *, last: bool) -> None:
        """Look at a page; keep its end for the next one where the document goes on."""
        page = words_of(np.concatenate([self._kept, codes_of("".join(self._parts))]))
        self._parts, self._size = [], 0
        stops = page.starts[page.codes[page.starts] == END]
        self.n_words += len(page.starts) - len(stops) - self._n_kept
        self._find(page, stops, last=last)
        open_from = int(stops[-1]) + 1 if len(stops) else 0
        begin = max(open_from, len(page.codes) - self._overlap)
        first = int(np.searchsorted(page.starts, begin))
        if last or first == len(page.starts):
            self._kept, self._n_kept = page.codes[:0], 0
        else:
            self._kept, self._n_kept = page.codes[page.starts[first] - 1 :], len(page.starts) - first

    def _find(self, page: Words, stops: Places, *, last: bool) -> None:
        at, which = self.index.runs.hits(page.hashes(RUN))
        for place, run in self._new(at, which):
            if self.index.same_run(page, place, run):
                self.index.found[run] = True
                self.index.found_in[run] = self._file
        for place, text in (*self.index.long_anchors(at, which), *self.index.short_anchors(page)):
            if text not in self._settled and self.index.same_text(page, place, text):
                self._at_anchor(page, stops, place, text, last=last)

    def _new(self, at: Places, which: Places) -> Iterator[tuple[int, int]]:
        """Yield the hits of runs that were not found before, each run once."""
        fresh = ~self.index.found[which]
        runs, first = np.unique(which[fresh], return_index=True)
        yield from zip(at[fresh][first].tolist(), runs.tolist(), strict=True)

    def _at_anchor(self, page: Words, stops: Places, place: int, text: int, *, last: bool) -> None:
        """Look around an anchor for the other texts of its items, within their document and reach."""
        start = int(page.starts[place])
        end = start + len(self.index.texts[text].words)
        after = int(np.searchsorted(stops, start))
        low = int(stops[after - 1]) if after else 0
        high = int(stops[after]) if after < len(stops) else len(page.codes)
        for item in self.index.anchored[text]:
            one = self.index.items[item]
            reach = self._reach[item]
            cut = after == len(stops) and not last and end + reach > high
            if cut or self._is_settled(item):
                continue  # cut: the next page shows all of it
            near = page.text(max(low, start - reach), min(high, end + reach))
            if all(f" {other} " in near for other in one.asked):
                self._whole_in[item] = self._file if self._whole_in[item] < 0 else self._whole_in[item]
                self._answered[item] |= all(f" {other} " in near for other in one.answers)
        if all(map(self._is_settled, self.index.anchored[text])):
            self._settled.add(text)

    def _is_settled(self, item: int) -> bool:
        """Return whether all that can be found of an item at its anchor was found."""
        return bool(self._whole_in[item] >= 0 and (self._answered[item] or not self.index.items[item].answers))

    def overlaps(self, members: Sequence[int], names: Sequence[str]) -> list[ItemOverlap]:
        """Return how far the items of one probe, given by their numbers, were found; `names` are the files'."""
        template = np.array(sorted(shared_runs(self.index, members)), dtype=np.int64)
        return [self._overlap_of(item, template, names) for item in members]

    def _overlap_of(self, item: int, template: npt.NDArray[np.int64], names: Sequence[str]) -> ItemOverlap:
        one, index = self.index.items[item], self.index
        runs = np.setdiff1d(runs_of(index, item), template)
        whole = bool(self._whole_in[item] >= 0)
        answered = whole and bool(self._answered[item])
        wholly = [whole] * len(one.asked) + [answered] * len(one.answers)
        texts = index.of_item[item]
        files = [int(file) for file in index.found_in[runs] if file >= 0] + (
            [int(self._whole_in[item])] if whole else []
        )
        return ItemOverlap(
            probe=one.probe,
            item=one.item,
            cluster=one.cluster,
            n_words=sum(index.texts[text].count for text in texts),
            n_covered=sum(
                index.texts[text].count if all_of_it else self._covered(text)
                for text, all_of_it in zip(texts, wholly, strict=True)
            ),
            whole=whole,
            with_answers=answered if one.answers else None,
            n_runs=len(runs),
            n_found=int(index.found[runs].sum()),
            file=names[min(files)] if files else "",
        )

    def _covered(self, text: int) -> int:
        """Return how many of a text's words lie in a run of 13 that was found."""
        found = self.index.found[runs_in(self.index, text)]
        edges = np.zeros(self.index.texts[text].count + 1, dtype=np.int64)
        np.add.at(edges, np.flatnonzero(found), 1)
        np.add.at(edges, np.flatnonzero(found) + RUN, -1)
        return int((np.cumsum(edges[:-1]) > 0).sum())


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in parts of about a page that end between words."""
    start = 0
    while len(text) - start > PAGE:
        blank = _BLANK.search(text, start + PAGE, start + PAGE + _LONGEST_WORD)
        end = blank.start() if blank else start + PAGE
        yield text[start:end]
        start = end
    yield text[start:]
