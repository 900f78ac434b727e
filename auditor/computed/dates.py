"""Ages in days against a date that is given: nothing here knows a clock."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from auditor.types import Fact, Json, RunRecord

KEYS = {
    "ages.record": "days since the measurement was finished",
    "ages.card": "days since maintenance.last_updated",
    "ages.release": "days since model.release_date",
    "ages.union_market": "days since model.union_market_release_date",
    "ages.knowledge_cutoff": "days since training.knowledge_cutoff, from the end of its month",
    "future_dates": "facts with a date later than the day that ages are counted to",
}
_DATED = {
    "card": "maintenance.last_updated",
    "release": "model.release_date",
    "union_market": "model.union_market_release_date",
    "knowledge_cutoff": "training.knowledge_cutoff",
}


def compute(record: RunRecord, facts: Mapping[str, Fact], *, as_of: str) -> dict[str, Json]:
    """Return ages in days; a fact without a date has none."""
    today = datetime.date.fromisoformat(as_of)
    days = {name: day_of(facts[key].value) for name, key in _DATED.items() if key in facts}
    ages = {name: (today - day).days for name, day in days.items() if day is not None}
    measured = day_of(record.clocks.finished_at[:10])
    if measured is not None:
        ages["record"] = (today - measured).days
    ahead = sorted(_DATED[name] for name, age in ages.items() if age < 0 and name in _DATED)
    return {"ages": ages, "future_dates": ahead}


def day_of(value: Json) -> datetime.date | None:
    """Return the day that a text names, a month's last one, or None where it names none.

    >>> day_of("2024-02")
    datetime.date(2024, 2, 29)
    """
    if not isinstance(value, str):
        return None
    try:
        if len(value) == len("YYYY-MM"):
            first = datetime.date.fromisoformat(f"{value}-01")
            return (first + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)
        return datetime.date.fromisoformat(value)
    except ValueError:
        return None
