"""What a JSON Schema cannot work out, worked out beforehand and kept in the card: ages, counts, comparisons."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.computed import contamination, dates, flop, measures, mof, statements
from auditor.types import Fact, Json, RunRecord

COMPUTED_KEYS: dict[str, str] = {
    "computed.as_of": "the date (YYYY-MM-DD) that ages are counted to and waivers expire by",
    "computed.constants.*": "the sha256 of a file of constants that was counted with",
    **{
        f"computed.{key}": told
        for part in (dates, statements, measures, contamination, flop, mof)
        for key, told in part.KEYS.items()
    },
}


def computed_of(
    record: RunRecord, facts: Mapping[str, Fact], contradictions: Mapping[str, str], *, as_of: str
) -> dict[str, Json]:
    """Return everything that is computed of a card; what cannot be is absent, never 0.

    Args:
        record: the record that the card is of.
        facts: the card's facts.
        contradictions: the card's contradictions.
        as_of: the date (YYYY-MM-DD) that ages are counted to.
    """
    return {
        "as_of": as_of,
        "constants": {name: module.constants().digest for name, module in (("eu-gpai", flop), ("mof", mof))},
        **dates.compute(record, facts, as_of=as_of),
        **statements.compute(record, facts, contradictions),
        **measures.compute(record),
        **contamination.compute(record),
        **flop.compute(facts),
        **mof.compute(facts),
    }


def is_computed(path: str) -> bool:
    """Return whether something is computed under a path, such as `computed.ages.card`; a prefix of one counts."""
    words = path.split(".")
    for key in COMPUTED_KEYS:
        known = key.split(".")
        if len(words) <= len(known) and all(k in {"*", w} for k, w in zip(known, words, strict=False)):
            return True
    return False
