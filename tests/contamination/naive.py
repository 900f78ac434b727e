"""The rule said again, slowly and without hashes: what the fast one is held against."""

from __future__ import annotations

import re
from collections.abc import Sequence

Item = tuple[list[str], list[str]]  # what is asked, the answers; words one space apart


def words(text: str) -> list[str]:
    """Return a text's words; ASCII only."""
    return re.findall(r"[a-z0-9]+", text.lower())


def runs(text: str, length: int = 13) -> list[tuple[str, ...]]:
    """Return the runs of 13 words in a text of words one space apart."""
    found = text.split(" ")
    return [tuple(found[n : n + length]) for n in range(len(found) - length + 1)]


def found_in(items: Sequence[Item], documents: Sequence[str]) -> list[dict[str, object]]:
    """Return, by item, whether it stands whole in a document, with its answers, its runs found, its words covered."""
    texts = [f" {' '.join(words(document))} " for document in documents]
    seen = {run for text in texts for run in runs(text.strip())}
    asks = {tuple(asked): {run for text in (*asked, *answers) for run in runs(text)} for asked, answers in items}
    return [_one(item, texts, seen, list(asks.values())) for item in items]


def _one(
    item: Item, texts: Sequence[str], seen: set[tuple[str, ...]], every: list[set[tuple[str, ...]]]
) -> dict[str, object]:
    asked, answers = item
    where = [text for text in texts if asked and all(f" {one} " in text for one in asked)]
    answered = [text for text in where if all(f" {one} " in text for one in answers)]
    own = {run for one in (*asked, *answers) for run in runs(one) if sum(run in those for those in every) <= 10}
    covered = 0
    for text, whole in [*((one, bool(where)) for one in asked), *((one, bool(answered)) for one in answers)]:
        places = {p for n, run in enumerate(runs(text)) if run in seen for p in range(n, n + 13)}
        covered += len(text.split(" ")) if whole else len(places)
    return {
        "whole": bool(where),
        "with_answers": bool(answered) if answers else None,
        "n_runs": len(own),
        "n_found": len(own & seen),
        "n_covered": covered,
        "n_words": sum(len(one.split(" ")) for one in (*asked, *answers)),
    }
