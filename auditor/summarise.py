"""From scored samples to metrics: over all of them and over every slice, each with everything that law L1 asks for."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

from auditor.gaps import LEAST_GROUP, gaps
from auditor.requests import sample_seed
from auditor.rows import picked
from auditor.scorers.base import Estimate, NoEstimate, Scorer
from auditor.types import Metric, Reason, ScoredSample, Scoring, Undefined, Unscored


def summarise(
    scorer: Scorer,
    samples: Sequence[ScoredSample],
    *,
    probe_id: str,
    data_digest: str,
    seed: int,
    scoring: Scoring,
) -> tuple[Metric | Undefined, ...]:
    """Return the scorer's metrics over all samples, their gaps between groups, and the metrics of every slice by name.

    A slice metric over fewer than `LEAST_GROUP` scored samples in each wording is undefined: an item that is asked in
    several wordings is one item. Each slice has its own random generator, seeded by the run's seed, the probe and the
    slice, so a metric does not depend on which others are computed.
    """
    whole: list[Metric | Undefined] = []
    sliced: list[Metric | Undefined] = []
    for where, rows in [({}, samples), *_slices(samples)]:
        name = "".join(f"{key}={value}" for key, value in where.items())
        rng = np.random.Generator(np.random.PCG64(sample_seed(seed, probe_id, f"summary:{name}", 0)))
        least = _least(rows) if where else 0
        for estimate in scorer.estimate(rows, rng):
            (sliced if where else whole).append(_metric(scorer, estimate, where, data_digest, least=least))
    return (*whole, *gaps([*whole, *sliced], scoring), *sliced)


def overall(
    scorer: Scorer, samples: Sequence[ScoredSample], *, probe_id: str, data_digest: str, seed: int
) -> tuple[Metric | Undefined, ...]:
    """Return the scorer's metrics over a part of a probe's samples; undefined where a slice's are."""
    rng = np.random.Generator(np.random.PCG64(sample_seed(seed, probe_id, "summary:", 0)))
    least = _least(samples)
    return tuple(
        _metric(scorer, estimate, {}, data_digest, least=least) for estimate in scorer.estimate(list(samples), rng)
    )


def count_unscored(samples: Sequence[ScoredSample]) -> dict[str, int]:
    """Return how many samples have no score, by reason."""
    return dict(Counter(row.score.reason.value for row in samples if isinstance(row.score, Unscored)))


def _slices(samples: Sequence[ScoredSample]) -> list[tuple[dict[str, str], Sequence[ScoredSample]]]:
    places: dict[tuple[str, str], array[int]] = {}
    for place, row in enumerate(samples):
        for slice_ in row.sample.slices.items():
            places.setdefault(slice_, array("q")).append(place)
    return [({key: value}, picked(samples, places[key, value])) for key, value in sorted(places)]


def _least(rows: Sequence[ScoredSample]) -> int:
    """Return how many samples a part needs: `LEAST_GROUP` in each wording in which its items are asked."""
    return LEAST_GROUP * max(1, len({row.sample.wording for row in rows}))


def _metric(
    scorer: Scorer, estimate: Estimate | NoEstimate, where: dict[str, str], data_digest: str, *, least: int
) -> Metric | Undefined:
    if isinstance(estimate, Estimate) and estimate.n >= least:
        return Metric(
            key=estimate.key,
            slice=where,
            value=estimate.value,
            interval=estimate.interval,
            n=estimate.n,
            n_unscored=estimate.n_unscored,
            n_clusters=estimate.n_clusters,
            scorer=scorer.ref,
            data_digest=data_digest,
            n_effective=estimate.n_effective,
        )
    return Undefined(
        key=estimate.key,
        slice=where,
        reason=estimate.reason if isinstance(estimate, NoEstimate) else Reason.TOO_FEW_SAMPLES,
        n=estimate.n,
        n_unscored=estimate.n_unscored,
        scorer=scorer.ref,
        data_digest=data_digest,
    )
