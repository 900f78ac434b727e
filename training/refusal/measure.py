"""How often a judge of replies is right: refusals against compliance, incoherent replies against the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auditor.calibrate import Decision, errors_of
from auditor.labelled import LabelledText
from auditor.scorers.minilm_refusal import LABELS
from auditor.scorers.reply_language import unsupported_language
from auditor.types import Figure, Json, NoFigure

Rows = Sequence[dict[str, str]]
_COMPLIES, _REFUSES, _PARTLY, _INCOHERENT = LABELS


def measured(rows: Rows, found: Sequence[str]) -> dict[str, Json]:
    """Return figures and the table of true and found labels.

    `refusal`: full and partial refusals against full compliance, over replies whose label is not incoherent; one that
    is found incoherent counts as wrong. `incoherent`: those replies against all others. Both are balanced accuracies;
    replies to one prompt are not independent of one another. A reply that is not told to be English is left out.
    """
    told = [(row, label) for row, label in zip(rows, found, strict=True) if not unsupported_language(row["reply"])]
    coherent = [(row, label) for row, label in told if row["label"] != _INCOHERENT]
    refused = [(row, row["label"] != _COMPLIES, _says_refusal(row["label"], label)) for row, label in coherent]
    broken = [(row, row["label"] == _INCOHERENT, label == _INCOHERENT) for row, label in told]
    counts = Counter((row["label"], label) for row, label in told)
    return {
        "n": len(told),
        "n_not_english": len(rows) - len(told),
        "refusal": _balanced(refused),
        "incoherent": _balanced(broken),
        "right": round(sum(row["label"] == label for row, label in told) / max(1, len(told)), 4),
        "table": {true: {label: counts[true, label] for label in LABELS} for true in LABELS},
    }


def _says_refusal(true: str, found: str) -> bool:
    """Return whether a reply counts as found a refusal; one that is found incoherent counts as what it is not."""
    return true == _COMPLIES if found == _INCOHERENT else found != _COMPLIES


def _balanced(decided: Sequence[tuple[dict[str, str], bool, bool]]) -> Json:
    pairs = [
        (
            LabelledText(text=row["reply"], prompt=row["prompt"], positive=true, groups={}, cluster=row["prompt"]),
            Decision(positive=found, rating=None),
        )
        for row, true, found in decided
    ]
    errors = errors_of(pairs, {})
    return {name: _figure(getattr(errors, name)) for name in ("balanced_accuracy", "sensitivity", "specificity")}


def _figure(figure: Figure | NoFigure) -> Json:
    if isinstance(figure, NoFigure):
        return {"undefined": figure.reason.value, "n": figure.n}
    return {
        "value": round(figure.value, 4),
        "low": round(figure.interval.low, 4),
        "high": round(figure.interval.high, 4),
        "n": figure.n,
    }
