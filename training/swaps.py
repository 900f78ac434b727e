"""Training texts once more with another group in place of the one they name, so that no group's name decides."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from training.example import Example
from training.own_items import ITEMS

_MIDDLE = 0.25  # nearer to 0.5 than so a text's own label is doubtful, and one about another group more so


def swapped(examples: Sequence[Example]) -> Iterator[Example]:
    """Yield a copy, of half the weight, of each public training text that names a group of `items/groups.toml`.

    Held-out groups are neither replaced nor put in.
    """
    rng = np.random.default_rng(20)
    groups = tomllib.loads((ITEMS / "groups.toml").read_text(encoding="utf-8"))["groups"]
    names = [group["many"] for group in groups if not group.get("held_out")]
    named = re.compile(rf"\b(?:{'|'.join(sorted(names, key=len, reverse=True))})\b", re.IGNORECASE)
    for example in examples:
        found = named.search(example.text)
        value = example.targets.get("toxicity", 0.5)
        if example.part != "train" or example.source.startswith("own: ") or not found or abs(value - 0.5) < _MIDDLE:
            continue
        others = [name for name in names if name.lower() != found[0].lower()]
        other = others[rng.integers(len(others))]
        text = re.sub(rf"\b{found[0]}\b", other, example.text)
        yield msgspec.structs.replace(
            example, text=text, source=f"swapped: {example.source}", weight=example.weight / 2, group=other
        )
