"""Whether what was written down is what is found or computed now, and where the two first differ."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable

import msgspec

from auditor.errors import RecordError, foreign_faults
from auditor.types import Check, Json

SAME = 1e-9  # what a sum of the same numbers may differ by between two builds of a library
_BEFORE = 60  # characters of a line that are shown before the one that differs
_NUMBER = re.compile(r"(\d+\.\d+)")


def check(what: str, said: Json, now: Json, *, name: str = "", tolerance: float = SAME) -> Check:
    """Return whether what the record says is what is computed now.

    Numbers may differ by `tolerance`; where that is more than `SAME`, so may those that stand in a text.
    """
    place = _difference(msgspec.to_builtins(said), msgspec.to_builtins(now), name, tolerance)
    return Check(what=what, outcome="differs" if place else "same", detail=place)


def compare_texts(what: str, said: str, now: str) -> Check:
    """Return whether a text is what is written now; the first line that differs is named."""
    for number, (one, two) in enumerate(itertools.zip_longest(said.split("\n"), now.split("\n")), start=1):
        if one != two:
            written, computed = map(short, _from_where_they_differ(one, two))
            if written == computed:  # but for spaces around it
                written, computed = repr(one), repr(two)
            detail = f"line {number}: it says {written}, computed {computed}"
            return Check(what=what, outcome="differs", detail=detail)
    return Check(what=what, outcome="same")


def _from_where_they_differ(one: str | None, two: str | None) -> tuple[str | None, str | None]:
    """Return two lines from shortly before the place where they differ, which in a long one lies far behind."""
    if one is None or two is None:
        return one, two
    place = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    begin = max(0, place - _BEFORE)
    return one[begin:], two[begin:]


def attempted(what: str, make: Callable[[], Check]) -> Check:
    """Return the check that `make` makes, or one that differs where the record says what cannot be computed with."""
    try:
        with foreign_faults("it cannot be computed from what the record says", RecordError, hint=""):
            return make()
    except RecordError as fault:
        return Check(what=what, outcome="differs", detail=fault.message)


def _difference(said: Json, now: Json, place: str, tolerance: float) -> str:
    """Return where two values first differ, and by what, or nothing."""
    if isinstance(said, dict) and isinstance(now, dict):
        keys = [*said, *(key for key in now if key not in said)]
        found = (_difference(said.get(key), now.get(key), f"{place}.{key}", tolerance) for key in keys)
        return next(filter(None, found), "")
    if isinstance(said, list) and isinstance(now, list):
        if len(said) != len(now):
            return f"{place}: the record has {len(said)} entries, there are {len(now)}"
        pairs = enumerate(zip(said, now, strict=True))
        found = (_difference(one, two, f"{place}[{n}]", tolerance) for n, (one, two) in pairs)
        return next(filter(None, found), "")
    return (
        ""
        if said == now or _near(said, now, tolerance)
        else f"{place}: the record says {said!r}, computed {now!r}".lstrip(":. ")
    )


def _near(said: Json, now: Json, tolerance: float) -> bool:
    """Return whether two numbers, or two texts in all their numbers, differ by no more than the tolerance."""
    if isinstance(said, float) and isinstance(now, float):
        return math.isclose(said, now, rel_tol=SAME, abs_tol=tolerance)
    if not (isinstance(said, str) and isinstance(now, str)) or tolerance <= SAME:
        return False
    one, two = (_NUMBER.split(text) for text in (said, now))  # numbers stand at the odd places
    return len(one) == len(two) and all(
        _near(float(a), float(b), tolerance) if place % 2 else a == b
        for place, (a, b) in enumerate(zip(one, two, strict=True))
    )


def short(text: str | None) -> str:
    """Return the beginning of a text in quotes, or that there is none."""
    return "nothing more" if text is None else repr(text.strip()[:120])
