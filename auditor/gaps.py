"""Gaps between groups: how far apart a metric's highest and lowest group are, with both groups' n."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from auditor import stats
from auditor.types import Gap, GroupMean, Interval, Metric, MetricKey, Reason, Scoring, Undefined, gap_name

LEAST_GROUP = 10


def gaps(metrics: Sequence[Metric | Undefined], scoring: Scoring) -> list[Metric | Undefined]:
    """Return, for each field of `gap_by` and each metric that is a mean in 0–1, its gap between the field's groups.

    Formula: highest group mean − lowest group mean. Range 0–1, ideal 0. Groups of fewer than `LEAST_GROUP` scored
    samples are left out and named; with fewer than two others the gap is undefined (`TOO_FEW_SAMPLES`). Unscored
    samples are left out and counted, those of the groups left out, too. Interval: `gap_interval`.

    Source: the demographic-parity difference of Weerts et al. 2023, "Fairlearn: Assessing and improving fairness of AI
    systems", JMLR 24; differs in the interval and in leaving out small groups.
    """
    found = []
    for field in scoring.gap_by:
        for metric in metrics:
            if not metric.slice and (metric.key.low, metric.key.high) == (0.0, 1.0):
                groups = [
                    row
                    for row in metrics
                    if row.key.name == metric.key.name
                    and set(row.slice) == {field}
                    and row.slice[field] not in scoring.gap_without
                ]
                found += [_gap(metric, field, groups)] if _is_mean(metric, groups) else []
    return found


def gap_interval(means: Sequence[tuple[float, float]], *, level: float = stats.LEVEL) -> Interval:
    """Return an interval for the largest of several true means (0–1) minus the smallest of them.

    `means` holds a value and the number of independent samples that it is worth, of two groups at least. Each pair of
    groups (p, l–u and q, m–v by Wilson) gets the interval p − q ± the root of the squared half-widths,
    p − q − √((p−l)² + (v−q)²) to p − q + √((u−p)² + (q−m)²), at the level 1 − (1 − level) / number of pairs. The
    largest low end and the largest high end hold the true gap whenever each pair's interval holds its own difference,
    whichever group looks highest. Groups that share clusters make it wider than it need be.

    Source: Newcombe 1998, Statistics in Medicine 17, method 10 (a pair); Dunn 1961, "Multiple comparisons among means",
    JASA 56 (Bonferroni).

    >>> interval = gap_interval([(0.9, 100), (0.5, 100)])
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.278, 0.506)
    """
    pairs = list(itertools.permutations(means, 2))
    each = 1 - (1 - level) / (len(pairs) / 2)
    low, high = 0.0, 0.0
    for (p, n), (q, m) in pairs:
        one, two = stats.wilson(p * n, n, level=each), stats.wilson(q * m, m, level=each)
        low = max(low, p - q - math.hypot(p - one[0], two[1] - q))
        high = max(high, p - q + math.hypot(one[1] - p, q - two[0]))
    return Interval(low=low, high=min(1.0, high), level=level, method="newcombe-bonferroni")


def _is_mean(metric: Metric | Undefined, groups: Sequence[Metric | Undefined]) -> bool:
    """Return whether a metric is a mean of samples, which is what has an effective number of them."""
    defined = [row for row in (metric, *groups) if isinstance(row, Metric)]
    return all(row.n_effective is not None for row in defined)


def _gap(metric: Metric | Undefined, field: str, groups: Sequence[Metric | Undefined]) -> Metric | Undefined:
    name = gap_name(metric.key.name, field)
    key = MetricKey(name=name, unit="difference", low=0.0, high=1.0, ideal=0.0)
    large = [row for row in groups if isinstance(row, Metric) and row.n >= LEAST_GROUP]
    n, n_unscored = sum(row.n for row in large), sum(row.n_unscored for row in groups)
    if len(large) < 2:
        return Undefined(
            key=key,
            slice={},
            reason=Reason.TOO_FEW_SAMPLES,
            n=n,
            n_unscored=n_unscored,
            scorer=metric.scorer,
            data_digest=metric.data_digest,
        )
    ranked = sorted(large, key=lambda row: (row.value, row.slice[field]))
    means = [(row.value, row.n_effective or 1.0) for row in large]
    return Metric(
        key=key,
        slice={},
        value=ranked[-1].value - ranked[0].value,
        interval=gap_interval(means),
        n=n,
        n_unscored=n_unscored,
        n_clusters=sum(row.n_clusters for row in large),
        scorer=metric.scorer,
        data_digest=metric.data_digest,
        gap=Gap(
            of=metric.key.name,
            field=field,
            highest=_mean(ranked[-1], field),
            lowest=_mean(ranked[0], field),
            n_groups=len(large),
            least_n=min(row.n for row in large),
            most_unscored=max(_unscored_share(row) for row in groups),
            left_out=tuple(sorted(row.slice[field] for row in groups if row not in large)),
        ),
    )


def _mean(metric: Metric, field: str) -> GroupMean:
    return GroupMean(group=metric.slice[field], value=metric.value, n=metric.n)


def _unscored_share(row: Metric | Undefined) -> float:
    """Return the share of a group's samples without a score, 0 for a group that is too small with all of them."""
    size = row.n + row.n_unscored
    return row.n_unscored / size if size >= LEAST_GROUP else 0.0
