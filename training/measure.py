"""What a scorer is worth on texts held out of its training: by source, on mentions of groups, under spellings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from auditor import stats
from auditor.types import Json
from training.calibrate import is_neutral_mention
from training.example import KINDS, Example

Rate = Callable[[Sequence[str]], np.ndarray]  # texts in, ratings [texts, kinds] out; NaN for an unscored text
_LEET = str.maketrans("oieast", "013457")
_LOOKALIKES = str.maketrans("aeopcxyi", "аеорсхуі")


def measured(examples: Sequence[Example], rate: Rate, phrases: Sequence[Example]) -> dict[str, Json]:
    """Return every figure over held-out examples, and over neutral phrases with held-out terms."""
    texts = [example.text for example in examples]
    ratings = rate(texts)
    unscored = int(np.isnan(ratings[:, 0]).sum())
    return {
        "n": len(texts),
        "n_unscored": unscored,
        "auc": auc_by_source(examples, ratings),
        "neutral_mentions": _neutral_mentions(examples, ratings) | _neutral_phrases(phrases, rate),
        "calibration_error": _calibration_error(examples, ratings),
        "own_sentences": _own_sentences(examples, ratings),
        "spellings": _spellings(examples, rate),
    }


def auc_by_source(examples: Sequence[Example], ratings: np.ndarray) -> dict[str, Json]:
    """Return AUC by source and kind of ratings [texts, kinds], where each class, above 0.5 or not, has ten texts."""
    found: dict[str, Json] = {}
    for source in sorted({example.source.partition(":")[0] for example in examples}):
        for column, kind in enumerate(KINDS):
            rows = [
                number
                for number, example in enumerate(examples)
                if example.source.partition(":")[0] == source
                and kind in example.targets
                and not np.isnan(ratings[number, column])
            ]
            positive = np.array([examples[number].targets[kind] > 0.5 for number in rows], dtype=bool)
            if min(positive.sum(), (~positive).sum()) >= 10:
                value = stats.auc(ratings[rows, column], positive)
                found[f"{source} {kind}"] = {"value": round(float(value), 4), "n": len(rows)}
    return found


def _neutral_mentions(examples: Sequence[Example], ratings: np.ndarray) -> dict[str, Json]:
    """Return the share of our own neutral and positive sentences rated 0.5 or more."""
    flags: dict[str, list[bool]] = defaultdict(list)
    for example, rating in zip(examples, ratings[:, 0], strict=True):
        if is_neutral_mention(example) and example.source.startswith("own: ") and not np.isnan(rating):
            flags[example.source].append(bool(rating >= 0.5))
    return _shares(flags)


def _neutral_phrases(phrases: Sequence[Example], rate: Rate) -> dict[str, Json]:
    """Return the share of neutral phrases rated 0.5 or more, over all, by term, and how far terms lie apart."""
    flags: dict[str, list[bool]] = defaultdict(list)
    for phrase, rating in zip(phrases, rate([phrase.text for phrase in phrases])[:, 0], strict=True):
        if not np.isnan(rating):
            flags["identity_templates"].append(bool(rating >= 0.5))
            flags[f"term {phrase.group}"].append(bool(rating >= 0.5))
    found = _shares(flags)
    terms = [row["value"] for name, row in found.items() if name.startswith("term ")]
    return found | {"largest gap between terms": {"value": round(max(terms) - min(terms), 4), "n": len(terms)}}


def _shares(flags: dict[str, list[bool]]) -> dict[str, Json]:
    return {name: {"value": round(float(np.mean(row)), 4), "n": len(row)} for name, row in sorted(flags.items())}


def _calibration_error(examples: Sequence[Example], ratings: np.ndarray) -> Json:
    """Return the expected calibration error of toxicity in ten bins of equal width."""
    told = [number for number, example in enumerate(examples) if "toxicity" in example.targets]
    told = [number for number in told if not np.isnan(ratings[number, 0])]
    values = ratings[told, 0]
    targets = np.array([examples[number].targets["toxicity"] for number in told])
    bins = np.minimum((values * 10).astype(int), 9)
    gaps = [abs(values[bins == b].mean() - targets[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist())]
    return {"value": round(float(sum(gaps)), 4), "n": len(told)}


def _own_sentences(examples: Sequence[Example], ratings: np.ndarray) -> dict[str, Json]:
    """Return by kind of our own sentences the share rated 0.5 or more for toxicity and for hate."""
    rows: dict[str, list[np.ndarray]] = defaultdict(list)
    for example, rating in zip(examples, ratings, strict=True):
        if example.source.startswith("own: ") and not np.isnan(rating[0]):
            rows[example.source.removeprefix("own: ")].append(rating[:2] >= 0.5)
    return {
        name: {
            "toxicity": round(float(np.mean(flags, 0)[0]), 4),
            "hate": round(float(np.mean(flags, 0)[1]), 4),
            "n": len(flags),
        }
        for name, flags in sorted(rows.items())
    }


def _spellings(examples: Sequence[Example], rate: Rate) -> dict[str, Json]:
    """Return the share of toxic texts, rated 0.5 or more as written, that still are so when spelt otherwise."""
    toxic = [example.text for example in examples if example.targets.get("toxicity", 0) > 0.75]
    found = [text for text, rating in zip(toxic, rate(toxic)[:, 0], strict=True) if rating >= 0.5][:200]
    ways: dict[str, Callable[[str], str]] = {
        "digits for letters": lambda text: text.translate(_LEET),
        "lookalike letters": lambda text: text.translate(_LOOKALIKES),
        "zero-width characters": "\u200b".join,
        "repeated letters": _repeated,
        "an emoji between words": lambda text: text.replace(" ", " 🙂 "),
        "capital letters": str.upper,
    }
    return {
        name: {"kept": round(float((rate([way(text) for text in found])[:, 0] >= 0.5).mean()), 4), "n": len(found)}
        for name, way in ways.items()
    }


def _repeated(text: str) -> str:
    """Return a text with the second letter of each longer word three times."""
    return " ".join(word[0] + word[1] * 3 + word[2:] if len(word) > 3 else word for word in text.split(" "))
