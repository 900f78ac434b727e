"""How far each metric moved since an earlier record, as plain bounds, so that a rule or a schema can ask for them."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.types import Compared, Comparison, Json

KEYS = {
    "previous.record_digest": "the digest of the earlier record that the changes are counted from (`--previous`)",
    "previous.weights_digest": "the digest of the weights that it is of",
    "previous.model": "what its model was called",
    "previous.level": "the level of the changes' intervals",
    "changes.*.baseline": "a metric in the earlier record, by its address, over the samples that both records scored; "
    "absent where the two cannot be compared",
    "changes.*.candidate": "the same in this record, over the same samples",
    "changes.*.difference": "the second less the first",
    "changes.*.low": "the lower end of the difference's interval",
    "changes.*.high": "the upper end of it",
    "changes.*.n": "how many pairs of samples it rests on",
    "changes.*.p_holm": "the probability of so large a difference by chance, adjusted by Holm for all comparisons",
    "changes.*.detectable": "the smallest difference that so many pairs would show with a chance of 0.8",
    "changes.*.direction": "nearer to its ideal, farther, or not told apart",
    "changes.*.lost": "whether this record left more than 5 % more of the samples unscored",
    "slice_changes.*.*": "all of this for a metric over a slice; their p are adjusted by Holm as a family of their own",
    "not_compared.*": "why a metric could not be compared with the earlier record",
    "farther": "metrics that are farther from their ideal than in the earlier record, over all samples",
    "farther_slices": "those over slices that are",
}


def compute(comparison: Comparison | None) -> dict[str, Json]:
    """Return the changes since an earlier record; nothing where there is none to compare with."""
    if comparison is None:
        return {}
    earlier = comparison.baseline
    return {
        "previous": {
            "record_digest": earlier.digest,
            "weights_digest": earlier.weights_digest,
            "model": earlier.model,
            "level": comparison.level,
        },
        "changes": _by_address(comparison.compared),
        "slice_changes": _by_address(comparison.slices),
        "not_compared": {row.address: row.reason for row in comparison.not_compared},
        "farther": _farther(comparison.compared),
        "farther_slices": _farther(comparison.slices),
    }


def _farther(rows: Iterable[Compared]) -> list[Json]:
    return sorted(row.address for row in rows if row.direction == "farther")


def _by_address(rows: Iterable[Compared]) -> dict[str, Json]:
    """Return each change as a table of plain values, by the metric's address."""
    return {
        row.address: {
            "baseline": row.baseline,
            "candidate": row.candidate,
            "difference": row.difference,
            "low": row.interval.low,
            "high": row.interval.high,
            "n": row.n,
            "p_holm": row.p_holm,
            "direction": row.direction,
            "lost": row.lost,
            **({} if row.detectable is None else {"detectable": row.detectable}),
        }
        for row in rows
    }
