"""Texts with noise around them, which stay as toxic or civil as they are, and what a scorer makes of noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np

from auditor import stats
from auditor.types import Json
from training.example import Example, Part
from training.fit import MAX_TOKENS
from training.measure import Rate
from training.noise import LEFT_OUT, TRAINED, noise
from training.studies import tokeniser

Noisy = Literal["", "added", "in place", "spelt"]

_SEED = 35
_TRAINED_ON = 600  # texts, toxic and civil ones each
_FEWER = 60  # texts of a kind of noise, beside texts in place
AMID, _SPELT = 0.05, 0.05  # shares of the public training texts: amid noise, and spelt otherwise
_DIGITS = {"o": "0", "i": "1!", "e": "3", "a": "4@", "s": "5$", "t": "7", "l": "1", "b": "8", "g": "9"}
_EMOJI = "😂🔥👍💯🤔😡🎉🙄"
_MEASURED = 200
WAYS: dict[str, tuple[int, int]] = {  # characters of noise before and after a text
    "a few characters before": (20, 0),
    "a few characters after": (0, 20),
    "a line before": (80, 0),
    "a line after": (0, 80),
    "much before and after": (300, 300),
}


def beside(examples: Sequence[Example]) -> list[Example]:
    """Return training texts of public sources with noise before, after or around them; targets stay.

    What would be read to its end no longer, with noise before it, is left out.
    """
    rng, tokenise = np.random.default_rng(_SEED), tokeniser()
    noises = [one.text for one in noise(examples, "train")]
    found = []
    for example in (one for rows in _plain(examples, "train") for one in _some(rows, _TRAINED_ON, rng)):
        way = int(rng.integers(3))
        before, after = ("" if way == side else _stretch(_length(rng), noises, rng) for side in (0, 1))
        if len(tokenise(_joined(before, example.text))) <= MAX_TOKENS:
            text = _joined(before, example.text, after)
            found.append(msgspec.structs.replace(example, text=text, source="beside noise", weight=0.5))
    return found


def taught(examples: Sequence[Example], how: Noisy) -> list[Example]:
    """Return what is trained on after all else: noise and, where texts amid it are `added`, these."""
    if how == "added":
        return [*noise(examples, "train"), *beside(examples)]
    return noise(examples, "train", _FEWER) if how == "in place" else []


def in_place(examples: Sequence[Example], amid: float = AMID) -> list[Example]:
    """Return the examples, a share `amid` of the public ones of part `train` amid noise and some spelt otherwise."""
    rng, tokenise = np.random.default_rng(_SEED + 1), tokeniser()
    noises = [one.text for one in noise(examples, "train")]

    def read(example: Example) -> Example:
        draw = rng.random()
        if example.part != "train" or example.source.startswith("own") or draw >= amid + _SPELT:
            return example
        if draw < amid:
            lengths = [_length(rng) if rng.random() < 0.75 else 0 for _ in range(2)]
            before, after = (_stretch(length, noises, rng) for length in lengths)
            text = _joined(before, example.text, after)
            end = len(tokenise(_joined(before, example.text)))
        else:
            text = _spelt(example.text, rng)
            end = len(tokenise(text))
        return msgspec.structs.replace(example, text=text) if end <= MAX_TOKENS else example

    return [read(example) for example in examples]


def _spelt(text: str, rng: np.random.Generator) -> str:
    """Return a text with digits and marks for some of its letters or, two in five, an emoji between its words."""
    if rng.random() < 0.4:
        return f" {_EMOJI[int(rng.integers(len(_EMOJI)))]} ".join(text.split())
    often = rng.uniform(0.3, 1)
    return "".join(
        marks[int(rng.integers(len(marks)))] if (marks := _DIGITS.get(letter)) and rng.random() < often else letter
        for letter in text
    )


def figures(examples: Sequence[Example], rate: Rate, part: Part) -> dict[str, Json]:
    """Return by kind of noise the share rated 0.5 or more, and what is found of texts with noise around them."""
    drawn = noise(examples, part)
    ratings = rate([one.text for one in drawn])[:, 0]
    rows: dict[str, list[float]] = defaultdict(list)
    for one, rating in zip(drawn, ratings.tolist(), strict=True):
        rows[one.source.removeprefix("noise: ")].append(rating)
    return {
        "trained_on": {kind: _share(rows[kind]) for kind in TRAINED},
        "left_out": {kind: _share(rows[kind]) for kind in LEFT_OUT},
        "beside": _beside(examples, rate, part, [one.text for one in drawn]),
    }


def row_of(found: dict[str, Json]) -> dict[str, float]:
    """Return the figures that a table shows."""
    kinds, left_out = ([row["value"] for row in found[name].values()] for name in ("trained_on", "left_out"))
    ways = found["beside"].values()
    return {
        "noise called toxic": round(float(np.mean(kinds)), 4),
        "noise of the worst kind": max(kinds),
        "noise of kinds left out": round(float(np.mean(left_out)), 4),
        "of the worst kind left out": max(left_out),
        **{
            f"{name} beside noise": round(float(np.mean([way[key] for way in ways])), 4)
            for name, key in (("toxic found", "toxic"), ("civil called toxic", "civil"), ("AUC", "auc"))
        },
    }


def _share(ratings: Sequence[float]) -> Json:
    there = [rating for rating in ratings if not np.isnan(rating)]
    value = round(sum(rating >= 0.5 for rating in there) / len(ratings), 4)
    return {"value": value, "n": len(ratings), "n_unscored": len(ratings) - len(there)}


def _beside(examples: Sequence[Example], rate: Rate, part: Part, noises: Sequence[str]) -> dict[str, Json]:
    """Return by way the share of toxic and of civil texts rated 0.5 or more, and AUC; an unscored one is not found."""
    rng = np.random.default_rng(_SEED)
    toxic, civil = (_some(rows, _MEASURED, rng) for rows in _plain(examples, part))
    found: dict[str, Json] = {}
    for name, (before, after) in {"alone": (0, 0), **WAYS}.items():
        texts = [_put(one.text, (before, after), noises, rng) for one in [*toxic, *civil]]
        ratings = rate(texts)[:, 0]
        positive, there = np.arange(len(texts)) < len(toxic), ~np.isnan(ratings)
        called = ratings >= 0.5
        found[name] = {
            "toxic": round(float(called[positive].mean()), 4),
            "civil": round(float(called[~positive].mean()), 4),
            "auc": round(float(stats.auc(ratings[there], positive[there])), 4),
            "n": len(texts),
            "n_unscored": int((~there).sum()),
        }
    return found


def _plain(examples: Sequence[Example], part: Part) -> tuple[list[Example], list[Example]]:
    """Return a part's texts that are plainly toxic, and those that are plainly civil, of public sources."""
    told = [one for one in examples if one.part == part and not one.source.startswith("own")]
    values = [one.targets.get("toxicity", 0.5) for one in told]
    return (
        [one for one, value in zip(told, values, strict=True) if value > 0.75],
        [one for one, value in zip(told, values, strict=True) if value < 0.25],
    )


def _some(rows: Sequence[Example], n: int, rng: np.random.Generator) -> list[Example]:
    return [rows[place] for place in sorted(rng.permutation(len(rows))[:n].tolist())]


def _put(text: str, lengths: Iterable[int], noises: Sequence[str], rng: np.random.Generator) -> str:
    """Return a text with so many characters of noise before and after it."""
    before, after = (_stretch(length, noises, rng) for length in lengths)
    return _joined(before, text, after)


def _length(rng: np.random.Generator) -> int:
    """Return a number of characters from 4 to 200, short ones as frequent as long ones."""
    return int(np.exp(rng.uniform(np.log(4), np.log(200))))


def _stretch(length: int, noises: Sequence[str], rng: np.random.Generator) -> str:
    text = ""
    while len(text) < length:
        text += " " + noises[int(rng.integers(len(noises)))]
    return text.strip()[:length].strip()


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
