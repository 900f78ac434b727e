"""Whether what was written down is what is found or computed now, and where the two first differ."""

from __future__ import annotations

import math

import msgspec

from auditor.types import Check, Json

_SAME = 1e-9  # what a sum of the same numbers may differ by between two builds of a library


def check(what: str, said: Json, now: Json, *, name: str = "") -> Check:
    """Return whether what the record says is what is computed now."""
    place = _difference(msgspec.to_builtins(said), msgspec.to_builtins(now), name)
    return Check(what=what, outcome="differs" if place else "same", detail=place)


def _difference(said: Json, now: Json, place: str) -> str:
    """Return where two values first differ, and by what, or nothing. Numbers may differ by rounding."""
    if isinstance(said, dict) and isinstance(now, dict):
        keys = [*said, *(key for key in now if key not in said)]
        found = (_difference(said.get(key), now.get(key), f"{place}.{key}") for key in keys)
        return next(filter(None, found), "")
    if isinstance(said, list) and isinstance(now, list):
        if len(said) != len(now):
            return f"{place}: the record has {len(said)} entries, there are {len(now)}"
        found = (_difference(one, two, f"{place}[{n}]") for n, (one, two) in enumerate(zip(said, now, strict=True)))
        return next(filter(None, found), "")
    if isinstance(said, float) and isinstance(now, float) and math.isclose(said, now, rel_tol=_SAME, abs_tol=_SAME):
        return ""
    return "" if said == now else f"{place}: the record says {said!r}, computed {now!r}".lstrip(":. ")


def short(text: str | None) -> str:
    """Return the beginning of a text in quotes, or that there is none."""
    return "nothing more" if text is None else repr(text.strip()[:120])
