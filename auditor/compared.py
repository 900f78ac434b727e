"""The rows of a comparison: the pairs that a metric has in two records, what came of its test, and which way it moved.

A metric over all samples and one over a slice are compared alike, each in a family of its own: Holm's correction for
what is asked of every record is not made stricter by how many slices somebody looks through.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from auditor import stats
from auditor.pairing import Joined, compare_means, compare_sums
from auditor.requests import sample_seed
from auditor.scorers.measures import Measure, sums_of
from auditor.types import Compared, Direction, Metric, slice_words

LEAST_PAIRS = 10  # as few as a group of a gap, or a slice, must have


class Pairs(Struct, frozen=True, kw_only=True):
    """The units of a metric that both records hold; `found` is the metric in the two of them."""

    probe: str
    seed: int
    n_unpaired: int
    found: tuple[Metric, Metric]
    units: Joined
    slice: dict[str, str] = {}


def joined(one: Measure | None, two: Measure | None) -> Joined | None:
    """Return the units that both sides have and that count on either, in the baseline's order."""
    if one is None or two is None:
        return None
    others = {unit.name: unit for unit in two.units()}
    found = [
        (unit, others[unit.name])
        for unit in one.units()
        if unit.name in others and any((*unit.sums[-one.n_counts :], *others[unit.name].sums[-one.n_counts :]))
    ]
    if not found:
        return None
    return Joined(
        measure=one,
        clusters=[unit.cluster for unit, _ in found],
        baseline=sums_of([unit for unit, _ in found]),
        candidate=sums_of([unit for _, unit in found]),
    )


def pairs_fault(found: Joined | None) -> str:
    """Return why units cannot be compared, or nothing."""
    n = len(found.clusters) if found else 0
    if found is None or n < LEAST_PAIRS:
        return f"too few pairs: {n}, at least {LEAST_PAIRS} are needed"
    return "" if all(map(math.isfinite, found.values)) and found.worth else "undefined over the pairs of a side"


def judged(family: Sequence[Pairs], level: float) -> tuple[Compared, ...]:
    """Return what came of comparing a family of metrics, p adjusted by Holm for all of them."""
    return tuple(_judged([_compared(row, level=level, family=len(family)) for row in family], level))


def _compared(pairs: Pairs, *, level: float, family: int) -> Compared:
    """Return a metric's comparison, p not yet adjusted; `family` is how many comparisons there are."""
    units, key, where = pairs.units, pairs.units.measure.key, slice_words(pairs.slice)
    named = f"{key.name}, {where}" if where else key.name
    rng = np.random.Generator(np.random.PCG64(sample_seed(pairs.seed, pairs.probe, f"compare:{named}", 0)))
    found = (compare_means if units.is_mean else compare_sums)(units, rng, level, (1 - level) / family)
    values = units.values
    return Compared(
        probe=pairs.probe,
        key=key,
        scorer=pairs.found[0].scorer,
        data_digest=pairs.found[0].data_digest,
        baseline=values[0],
        candidate=values[1],
        difference=values[1] - values[0],
        interval=found.interval,
        n=len(units.clusters),
        n_clusters=len(set(units.clusters)),
        n_unscored=(pairs.found[0].n_unscored, pairs.found[1].n_unscored),
        n_unpaired=pairs.n_unpaired,
        test=found.test,
        p=found.p,
        p_side=found.p_side,
        p_holm=1.0,
        detectable=found.detectable,
        direction="not told apart",
        slice=pairs.slice,
    )


def _judged(rows: Sequence[Compared], level: float) -> Iterator[Compared]:
    """Yield the rows with p adjusted for their number, and the direction that follows."""
    adjusted = stats.holm([max(row.p, row.p_side or 0.0) for row in rows])
    for row, p_holm in zip(rows, adjusted, strict=True):
        direction: Direction = "not told apart"
        if p_holm < 1 - level:
            away = [abs(value - row.key.ideal) for value in (row.baseline, row.candidate)]
            direction = "farther" if away[1] > away[0] else "nearer"
        yield replace(row, p_holm=p_holm, direction=direction)
