"""Sentences of our own: templates filled with groups, for what public data leave out (negation, quotation …)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.example import Example

ITEMS = Path(__file__).parent / "items"
FIRST, MORE = "templates.toml", "more_templates.toml"
_STEMS = {FIRST: "own", MORE: "own more"}
_SEEDS = {FIRST: 12, MORE: 13}
_PER_TEXT = 14
_PLACES = ("many", "one", "swear", "thing", "fair_group", "name")


def own_items(file: str = FIRST) -> Iterator[Example]:
    """Yield each template with some of the groups; every fifth template and the held-out groups are not trained on."""
    rng = np.random.default_rng(_SEEDS[file])
    content = tomllib.loads((ITEMS / file).read_text(encoding="utf-8"))
    groups = tomllib.loads((ITEMS / "groups.toml").read_text(encoding="utf-8"))["groups"]
    known = [group for group in groups if not group.get("held_out")]
    for kind in content["kind"]:
        for number, template in enumerate(kind["texts"]):
            held_out = number % 5 == 4
            among = [*groups] if held_out else known
            for group in _some(among, rng) if _names_a_group(template) else [{}] * _fillings(template):
                part = (
                    ("test" if group.get("held_out") or rng.random() < 0.5 else "calibration") if held_out else "train"
                )
                yield Example(
                    text=_filled(template, group, content["words"], rng),
                    targets={name: float(value) for name, value in kind["targets"].items()},
                    source=f"own: {kind['name']}",
                    part=part,
                    cluster=f"{_STEMS[file]} {kind['name']} {number}",
                    group=group.get("many", ""),
                )


def _some(groups: list[dict[str, str]], rng: np.random.Generator) -> list[dict[str, str]]:
    return [groups[place] for place in sorted(rng.permutation(len(groups))[:_PER_TEXT].tolist())]


def _names_a_group(template: str) -> bool:
    return "{many}" in template or "{one}" in template


def _fillings(template: str) -> int:
    return 8 if any(f"{{{place}}}" in template for place in _PLACES) else 2


def _filled(template: str, group: dict[str, str], words: dict[str, list[str]], rng: np.random.Generator) -> str:
    chosen = {name: str(rng.choice(choices)) for name, choices in words.items()}
    text = template.format(many=group.get("many", ""), one=group.get("one", ""), **chosen)
    draw = rng.random()  # people write with capitals and full stops, and without
    if draw < 0.15:
        return text.lower().rstrip(".")
    return text if draw < 0.2 else text[0].upper() + text[1:]
