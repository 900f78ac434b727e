"""Statements of our own about many groups, each written by itself: the wording tells what is toxic, not the name.

Content notice: half of them demean somebody, as mildly as the purpose allows. What plain facts they state is invented.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from training.example import KINDS, Example, part_of
from training.own_items import ITEMS

SOURCE = "statements"
FIRST, MORE = "statements.jsonl", "more_statements.jsonl"
STRANGERS = "statements_strangers.jsonl"
WEIGHT = 0.5  # of a statement in training
_KIND = {"threat_mild": "threat", "insult_to_one_person": "insult"}


def statements(weight: float = 1.0, file: str = FIRST, *, kinds: bool = True) -> Iterator[Example]:
    """Yield the statements of a file, each of such a weight in training; those about one group are in one part.

    Contempt for people by what they do, not for who they are, and only implied, is toxic to some: its target is 0.7.
    With `kinds`, what threatens or insults somebody is told to do so.
    """
    lines = (ITEMS / file).read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(map(json.loads, lines)):
        cluster = f"statement {row['group'] or number}"
        yield Example(
            text=row["text"],
            targets=_targets(row["toxic"], row["hate"], row["form"], kinds=kinds),
            source=SOURCE,
            part=part_of(cluster),
            cluster=cluster,
            group=row["group"],
            weight=weight,
        )


def all_statements(weight: float = WEIGHT, *, kinds: bool = True) -> list[Example]:
    """Return the statements of both files that are trained on, each of such a weight."""
    return [*statements(weight, kinds=kinds), *statements(weight, MORE, kinds=kinds)]


def _targets(toxic: int, hate: int, form: str, *, kinds: bool) -> dict[str, float]:
    if toxic:
        told = {_KIND[form]: 1.0} if kinds and form in _KIND else {}
        return {"toxicity": 0.7 if form == "implied_contempt" and not hate else 1.0, "hate": float(hate)} | told
    return {"toxicity": 0.0, "hate": 0.0} if form == "crude_but_friendly" else dict.fromkeys(KINDS, 0.0)
