"""What a JSON Schema cannot work out, worked out beforehand and kept in the card: ages, counts, comparisons."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.computed import changes, contamination, dates, flop, measures, mof, statements
from auditor.types import Comparison, Fact, Json, RunRecord

_PARTS = (dates, statements, measures, contamination, changes, flop, mof)
COMPUTED_KEYS: dict[str, str] = {
    "computed.as_of": "the date (YYYY-MM-DD) that ages are counted to and waivers expire by",
    "computed.constants.*": "the sha256 of a file of constants that was counted with",
    **{f"computed.{key}": told for part in _PARTS for key, told in part.KEYS.items()},
}


_CONSTANTS = {"eu-gpai": (flop, ("compute", "deadlines")), "mof": (mof, ("mof",))}  # with what rests on them


def computed_of(
    record: RunRecord,
    facts: Mapping[str, Fact],
    contradictions: Mapping[str, str],
    *,
    as_of: str,
    comparison: Comparison | None = None,
) -> dict[str, Json]:
    """Return everything that is computed of a card; what cannot be is absent, never 0.

    Args:
        record: the record that the card is of.
        facts: the card's facts.
        contradictions: the card's contradictions.
        as_of: the date (YYYY-MM-DD) that ages are counted to.
        comparison: the record beside an earlier one.
    """
    return {
        "as_of": as_of,
        "constants": {name: module.constants().digest for name, (module, _) in _CONSTANTS.items()},
        **dates.compute(record, facts, as_of=as_of),
        **statements.compute(record, facts, contradictions),
        **measures.compute(record),
        **contamination.compute(record, facts),
        **changes.compute(comparison),
        **flop.compute(facts),
        **mof.compute(facts),
    }


def with_older_constants(computed: Mapping[str, Json], kept: Mapping[str, Json]) -> tuple[dict[str, Json], list[str]]:
    """Return what is computed now with what an older card says of all that rests on constants changed since; and those.

    A change of law makes an older card neither wrong nor checkable in that part.
    """
    was = kept.get("constants")
    older = {name: digest for name, digest in was.items() if name in _CONSTANTS} if isinstance(was, dict) else {}
    changed = [name for name, digest in older.items() if digest != computed["constants"][name]]
    found = {**computed, "constants": {**computed["constants"], **{name: older[name] for name in changed}}}
    for name in changed:
        for key in _CONSTANTS[name][1]:
            found.pop(key, None)
            found |= {key: kept[key]} if key in kept else {}
    return found, changed


def is_computed(path: str) -> bool:
    """Return whether something is computed under a path, such as `computed.ages.card`; a prefix of one counts."""
    words = path.split(".")
    for key in COMPUTED_KEYS:
        known = key.split(".")
        if len(words) <= len(known) and all(k in {"*", w} for k, w in zip(known, words, strict=False)):
            return True
    return False
