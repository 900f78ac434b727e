"""Facts that follow from other facts, so that nobody has to say them twice: ranges, orders of magnitude, classes."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping

from auditor import schema
from auditor.provenance.facts import catalogue
from auditor.types import Fact, Json

FOLLOWS = "follows from "  # begins the source of what is inferred
_SIZES = (
    (5e8, "1-500M"),
    (5e9, "500M-5B"),
    (15e9, "5B-15B"),
    (50e9, "15B-50B"),
    (100e9, "50B-100B"),
    (500e9, "100B-500B"),
    (1e12, "500B-1T"),
)
_MONTHS = ((1, "<1 month"), (3, "1-3 months"), (6, "3-6 months"))
_BINS = {  # the unit, the middle range, which holds both its ends, and the three ranges
    "text": ("tokens", (1e9, 1e13), ("<1B tokens", "1B-10T tokens", ">10T tokens")),
    "image": ("images", (1e6, 1e9), ("<1M images", "1M-1B images", ">1B images")),
    "audio": ("hours", (1e4, 1e6), ("<10k hours", "10k-1M hours", ">1M hours")),
    "video": ("hours", (1e4, 1e6), ("<10k hours", "10k-1M hours", ">1M hours")),
}
_DAYS_A_MONTH = 30.4


def infer(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Return the facts that are missing and follow from others; each names what it follows from, with its evidence."""
    known = {key: fact for key, fact in facts.items() if fact.value is not None}
    found: dict[str, Fact] = {}
    for key, (sources, rule) in _RULES.items():
        given = [known.get(source) or found.get(source) for source in sources]
        if facts[key].status != "missing" or not all(given):
            continue
        value = rule(*(fact.value for fact in given if fact))
        if value is None or schema.faults_against(value, catalogue()[key].schema):
            continue
        evidence = tuple(dict.fromkeys(one for fact in given if fact for one in fact.evidence))
        source = f"{FOLLOWS}{' and '.join(sources)}"
        reserved = [set(fact.audiences) for fact in given if fact and fact.audiences]
        readers = sorted(set.intersection(*reserved)) if reserved else []
        if reserved and not readers:  # nobody may see all that it follows from
            continue
        found[key] = Fact(status="derived", value=value, source=source, evidence=evidence, audiences=tuple(readers))
    return found


def parameter_range(parameters: Json) -> str:
    """Return the Union form's range of a number of parameters.

    >>> parameter_range(134_515_008), parameter_range(5e9), parameter_range(2e12)
    ('1-500M', '500M-5B', '>1T')
    """
    return next((name for top, name in _SIZES if parameters <= top), ">1T")


def _order(flop: Json) -> int:
    return math.floor(math.log10(flop))


def _days(started: str, ended: str) -> int | None:
    days = (datetime.date.fromisoformat(ended) - datetime.date.fromisoformat(started)).days
    return days if days > 0 else None


def _months(days: Json) -> str:
    return next((name for top, name in _MONTHS if days / _DAYS_A_MONTH < top), ">6 months")


def _bins(sizes: Json) -> list[Json] | None:
    """Return the range of each kind's size, summed over the splits; other units have none."""
    sums: dict[str, float] = {}
    for size in sizes:
        if size["modality"] in _BINS and size["unit"] == _BINS[size["modality"]][0]:
            sums[size["modality"]] = sums.get(size["modality"], 0) + size["amount"]
    found = []
    for kind, amount in sums.items():
        _, (least, most), (below, within, above) = _BINS[kind]
        found.append({"modality": kind, "bin": below if amount < least else within if amount <= most else above})
    return found or None


def _classes(datasets: Json) -> list[str] | None:
    """Return the classes of provenance of all datasets, where each says its own."""
    classes = [str(entry.get("provenance") or "") if isinstance(entry, dict) else "" for entry in datasets]
    return sorted(set(classes)) if all(classes) else None


def _dependency(base: Json) -> list[Json]:
    return [{"name": base}]


_RULES: dict[str, tuple[tuple[str, ...], Callable[..., Json]]] = {
    "model.parameter_range": (("model.parameters",), parameter_range),
    "model.dependencies": (("model.base_model",), _dependency),
    "compute.order_of_magnitude": (("training.compute_flop",), _order),
    "compute.training_days": (("training.started", "training.ended"), _days),
    "compute.training_time_range": (("compute.training_days",), _months),
    "data.size_range": (("data.size",), _bins),
    "data.provenance_classes": (("training.datasets",), _classes),
}
