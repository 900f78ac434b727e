"""Short phrases of our own with many words for what people are, civil and toxic: such a word shall decide nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import numpy as np

from training.example import KINDS, Example
from training.own_items import ITEMS

_EACH = 4  # phrases for each word, civil and toxic


def mentions() -> Iterator[Example]:
    """Yield for each word some civil and some toxic phrases; all of them are trained on."""
    rng = np.random.default_rng(25)
    content = tomllib.loads((ITEMS / "mention_templates.toml").read_text(encoding="utf-8"))
    for like in content["like"]:
        for kind, targets in (("civil", dict.fromkeys(KINDS, 0.0)), ("toxic", {"toxicity": 1.0, "hate": 1.0})):
            for place in rng.permutation(len(content[kind]))[:_EACH].tolist():
                words = {name: str(rng.choice(content[name])) for name in ("good", "bad", "name")}
                yield Example(
                    text=content[kind][place].format(like=like, **words),
                    targets=targets,
                    source=f"own: {kind} phrases",
                    part="train",
                    cluster=f"own phrase {kind} {place}",
                    group=like,
                    weight=0.5,
                )
