"""What a schema cannot see in declared facts: licences that nobody knows, units, and dates that cannot be."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping

from auditor.provenance.facts import catalogue
from auditor.provenance.licences import fault_of
from auditor.types import Json

Leaves = Mapping[str, dict[str, Json]]

_QUANTITY = re.compile(r"\s*([0-9][0-9., ]*(?:e[+-]?[0-9]+)?)\s*([^\d\s].*)", re.IGNORECASE)
_FACTORS = {  # units that are the right one but for a factor
    "MWh": {"kWh": 1e-3, "Wh": 1e-6, "GWh": 1e3, "MJ": 1 / 3600, "GJ": 1 / 3.6},
    "Wh": {"kWh": 1e3, "MWh": 1e6, "J": 1 / 3600, "kJ": 1 / 3.6},
    "FLOP": {"GFLOP": 1e9, "TFLOP": 1e12, "PFLOP": 1e15, "EFLOP": 1e18, "ZFLOP": 1e21},
    "t CO2eq": {"kg CO2eq": 1e-3, "g CO2eq": 1e-6, "kg": 1e-3, "g": 1e-6, "t": 1.0},
    "m3": {"l": 1e-3, "litres": 1e-3},
    "days": {"hours": 1 / 24, "weeks": 7, "months": 30.4},
    "bytes": {
        "kB": 1e3,
        "KB": 1e3,
        "MB": 1e6,
        "GB": 1e9,
        "TB": 1e12,
        "KiB": 2**10,
        "MiB": 2**20,
        "GiB": 2**30,
        "TiB": 2**40,
    },
    "hours": {"minutes": 1 / 60, "min": 1 / 60, "h": 1.0, "days": 24},
    "tokens": {"thousand tokens": 1e3, "million tokens": 1e6, "billion tokens": 1e9, "trillion tokens": 1e12},
}
_AMOUNTS = ("data.size", "design.max_input", "design.max_output", "training.datasets")
_LICENSED = ("training.datasets", "model.dependencies", "distribution.assets", "distribution.channels")
_ORDERED = (  # the first is never after the second
    ("training.knowledge_cutoff", "model.release_date"),
    ("training.started", "training.ended"),
    ("training.started", "model.release_date"),
    ("training.ended", "model.release_date"),
    ("training.knowledge_cutoff", "training.ended"),
    ("model.release_date", "model.union_market_release_date"),
    ("data.collected_from", "data.collected_to"),
    ("data.crawled_from", "data.crawled_to"),
    ("data.collected_to", "model.release_date"),
    ("data.crawled_to", "model.release_date"),
)
_PAST = (
    "training.knowledge_cutoff",
    "training.ended",
    "data.collected_to",
    "data.crawled_to",
    "maintenance.last_updated",
)
_WITHIN = (("collected_from", "collected_to"), ("started", "ended"))
_PAST_WITHIN = (
    ("training.datasets", "collected_to"),
    ("training.stages", "ended"),
    ("maintenance.changelog", "date"),
)


def unit_faults(leaves: Leaves) -> Iterator[str]:
    """Yield numbers that are given with another unit, with what they are in the right one."""
    for key, leaf in leaves.items():
        kind = catalogue().get(key)
        if kind is None or not ({"unit"} & set(leaf) or isinstance(leaf.get("value"), str)):
            continue
        if "unit" in leaf and leaf["unit"] != kind.unit:
            told = _in_units(leaf.get("value"), leaf["unit"], kind.unit)
            yield f"$.{key}: the unit is {kind.unit or 'none'}, got {told}"
        match = _QUANTITY.fullmatch(leaf["value"]) if isinstance(leaf.get("value"), str) and kind.unit else None
        if match and "number" in str(kind.schema.get("type")):
            number = float(match[1].replace(",", "").replace(" ", ""))
            told = _in_units(number, match[2].strip(), kind.unit)
            yield f"$.{key}: write a number of {kind.unit} without the unit, got {told}"


def amount_faults(leaves: Leaves) -> Iterator[str]:
    """Yield amounts in a unit that is one of the known units but for a factor, with what they are in that one."""
    for key in _AMOUNTS:
        for number, entry in enumerate(_entries(leaves.get(key, {}))):
            unit = entry.get("unit")
            wanted = next((name for name in ("bytes", "hours", "tokens") if unit in _FACTORS[name]), "")
            if wanted:
                told = _in_units(entry.get("amount"), unit, wanted)
                yield f"$.{key}[{number}].unit: write {wanted}, got {told}"


def licence_faults(leaves: Leaves) -> Iterator[str]:
    """Yield licences that are neither SPDX's nor the Hub's."""
    own = "; one of your own is LicenseRef-NAME"
    named = leaves.get("model.license", {}).get("value")
    if isinstance(named, str) and (fault := fault_of(named)):
        yield f"$.model.license: {fault}{own}"
    for key in _LICENSED:
        for number, entry in enumerate(_entries(leaves.get(key, {}))):
            licence = entry.get("license")
            if isinstance(licence, str) and (fault := fault_of(licence)):
                yield f"$.{key}[{number}].license: {fault}{own}"


def today_anywhere() -> datetime.date:
    """Return the latest day that it is anywhere: whoever declares something east of Greenwich is ahead of UTC."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=14)).date()


def date_faults(leaves: Leaves, declared_on: str, today: datetime.date) -> Iterator[str]:
    """Yield dates that cannot be: declarations of tomorrow, ends before starts, releases before the latest data.

    A release can be announced, so one that is still to come is no fault here. Dates of different precision are compared
    as far as both go.
    """
    days = {f"$.{key}.date": str(leaf["date"]) for key, leaf in leaves.items() if "date" in leaf}
    for place, day in {"$.date": declared_on, **days}.items():
        if day > today.isoformat():
            yield f"{place}: {day} is in the future: nobody can have declared anything then"
    values = {key: leaf["value"] for key, leaf in leaves.items() if isinstance(leaf.get("value"), str)}
    for first, second in _ORDERED:
        if first in values and second in values and _after(values[first], values[second]):
            yield f"$.{second}: {values[second]} is before {first}, {values[first]}"
    dated = [(key, f"$.{key}", values[key]) for key in _PAST if key in values]
    for key, name in _PAST_WITHIN:
        entries = enumerate(_entries(leaves.get(key, {})))
        dated += [(key, f"$.{key}[{number}].{name}", str(entry[name])) for number, entry in entries if name in entry]
    for key, place, value in dated:
        said_on = str(leaves[key].get("date", declared_on))
        if _after(value, said_on):
            yield f"{place}: {value} is after the day on which it was declared, {said_on}"
    for key in ("training.datasets", "training.stages"):
        for number, entry in enumerate(_entries(leaves.get(key, {}))):
            for first, second in _WITHIN:
                if first in entry and second in entry and _after(str(entry[first]), str(entry[second])):
                    yield f"$.{key}[{number}].{second}: {entry[second]} is before {first}, {entry[first]}"


def _in_units(number: Json, unit: Json, wanted: str) -> str:
    factor = _FACTORS.get(wanted, {}).get(str(unit))
    told = f"{number!r} {unit}" if isinstance(number, int | float) else repr(unit)
    return f"{told}, which is {number * factor:g} {wanted}" if factor and isinstance(number, int | float) else told


def _after(one: str, other: str) -> bool:
    length = min(len(one), len(other))
    return one[:length] > other[:length]


def _entries(leaf: dict[str, Json]) -> list[dict[str, Json]]:
    """Return the tables of a list, an empty one in the place of a plain name."""
    value = leaf.get("value")
    return [entry if isinstance(entry, dict) else {} for entry in value] if isinstance(value, list) else []
