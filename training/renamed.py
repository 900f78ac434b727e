"""Training texts read once more with another group in place of the one they name, so that no group's name decides."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec import Struct

from training.example import Example
from training.own_items import ITEMS

_FORMS = ("many", "one", "like")


class _Group(Struct, frozen=True, kw_only=True):
    many: list[str]
    one: list[str]
    like: list[str]
    out_only: bool = False


def renamed(examples: Sequence[Example], n_others: int, seed: int = 24) -> list[Example]:
    """Return the examples, those of part `train` that name a group with so many `others`: other groups in its place.

    A text of our own is left alone: it is made for many groups as it is.
    """
    rng = np.random.default_rng(seed)
    content = tomllib.loads((ITEMS / "named_groups.toml").read_text(encoding="utf-8"))["groups"]
    groups = msgspec.convert(content, list[_Group])
    names = _names(groups)
    alternatives = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    named = re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE)
    return [
        msgspec.structs.replace(one, others=tuple(_others(one.text, groups, names, named, (rng, n_others))))
        if one.part == "train" and not one.source.startswith("own")
        else one
        for one in examples
    ]


def _names(groups: Sequence[_Group]) -> dict[str, tuple[int, str]]:
    """Return by lower-case name which group it names, and in which form."""
    found: dict[str, tuple[int, str]] = {}
    for form in ("like", "many", "one"):
        for number, group in enumerate(groups):
            for name in getattr(group, form):
                found.setdefault(name.lower(), (number, form))
    return found


def _others(
    text: str,
    groups: Sequence[_Group],
    names: dict[str, tuple[int, str]],
    named: re.Pattern[str],
    draw: tuple[np.random.Generator, int],
) -> list[str]:
    rng, n_others = draw
    mentioned = Counter(names[found[0].lower()][0] for found in named.finditer(text))
    if not mentioned:
        return []
    old = mentioned.most_common(1)[0][0]
    free = [place for place, group in enumerate(groups) if not group.out_only and place not in mentioned]
    chosen = [groups[free[place]] for place in rng.permutation(len(free))[:n_others].tolist()]

    def put(group: _Group, found: re.Match[str]) -> str:
        number, form = names[found[0].lower()]
        if number != old:
            return found[0]
        new: str = getattr(group, form)[0]
        return new.lower() if found[0].islower() else new

    return [named.sub(lambda found, group=group: put(group, found), text) for group in chosen]
