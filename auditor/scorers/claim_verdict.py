"""Statements judged true or false, in pairs of a true statement and its false twin.

Sources: Gardner et al. 2020, "Evaluating Models' Local Decision Boundaries via Contrast Sets", Findings of EMNLP, §2
(consistency over a contrast set, here `pair_accuracy`); Youden 1950, "Index for rating diagnostic tests", Cancer 3
(`yes_bias` is P(yes|true) + P(yes|false) − 1, the same two rates added instead of subtracted).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from auditor.rows import those
from auditor.scorers.base import (
    Estimate,
    NoEstimate,
    Samples,
    Scorer,
    best_option,
    scored,
    share_key,
    signed_key,
)
from auditor.scorers.measures import Average, Mean, Measure, TwoMeans, Unit
from auditor.types import Answer, MetricKey, Reason, Sample, Score

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from auditor.scorers.measures import Floats


class ClaimVerdict(Scorer):
    """The first choice says *true*, the second *false*; the cluster of an item is its pair."""

    name = "claim_verdict"
    version = "1.0.0"
    kind = "choice"
    one_question = True
    metric_names = ("accuracy", "pair_accuracy", "yes_bias")
    needs = MappingProxyType({"is_true": bool})

    def score(self, sample: Sample, answers: Sequence[Answer]) -> Score:
        """Return whether the more probable label is right; a tie is wrong. Part `says_true`.

        >>> sample = Sample(id="a", cluster="a", slices={}, fields={"is_true": False})
        >>> ClaimVerdict().score(sample, [Answer(nats=(-2.0, -1.0))])
        Score(value=1.0, parts={'says_true': 0.0})
        """
        choice = best_option(answers[0].nats)
        says_true = 0.5 if choice is None else float(choice == 0)
        right = choice is not None and (choice == 0) == sample.fields["is_true"]
        return Score(value=float(right), parts={"says_true": says_true})

    def measures(self, samples: Samples) -> list[Measure]:
        """Return `accuracy`, `pair_accuracy` (both of a pair right) and `yes_bias`.

        Accuracies: 0–1, ideal 1. `yes_bias` = P(says true | true) + P(says true | false) − 1: −1 to 1, ideal 0.
        Unscored samples are left out and counted; a pair with one is unscored. Interval of `yes_bias`: cluster
        bootstrap; where that has none, Wilson's for the smaller number of clusters that hold a true or a false claim.
        """
        true = those(samples, lambda row: row.sample.fields["is_true"])
        false = those(samples, lambda row: not row.sample.fields["is_true"])
        return [
            Mean(share_key("accuracy", ideal=1.0), samples, lambda _, score: score.value),
            _PairAccuracy(share_key("pair_accuracy", ideal=1.0), samples),
            _YesBias(signed_key("yes_bias", unit="difference of shares"), true, false, _says_true),
        ]


class _PairAccuracy(Average):
    """The share of whole pairs, each in one wording, of which both claims are judged rightly."""

    def units(self) -> list[Unit]:
        _, whole = self._pairs()
        return [Unit(name=" ".join(name), cluster=name[0], sums=(value, 1.0)) for name, value in whole.items()]

    def estimate(self, rng: np.random.Generator) -> Estimate | NoEstimate:
        n_pairs, whole = self._pairs()
        n_unscored = n_pairs - len(whole)
        if not whole:
            reason = Reason.NO_SCORED_SAMPLES if n_pairs else Reason.EMPTY_DENOMINATOR
            return NoEstimate(key=self.key, reason=reason, n=0, n_unscored=n_unscored)
        import numpy as np

        from auditor import stats

        values = np.array(list(whole.values()))
        clusters = [cluster for cluster, _ in whole]
        return Estimate(
            key=self.key,
            value=float(values.mean()),
            interval=stats.proportion_interval(values, clusters),
            n=len(whole),
            n_unscored=n_unscored,
            n_clusters=len(set(clusters)),
            n_effective=stats.effective_n(values, clusters),
        )

    def _pairs(self) -> tuple[int, dict[tuple[str, str], float]]:
        """Return how many pairs there are, and what those are worth of which both claims have a score."""
        found: dict[tuple[str, str], list[float | None]] = {}
        for row in self.samples:
            value = row.score.value if isinstance(row.score, Score) else None
            found.setdefault((row.sample.cluster, row.sample.wording), []).append(value)
        pairs = {name: values for name, values in found.items() if len(values) == 2}
        whole = {name: min(v for v in values if v is not None) for name, values in pairs.items() if None not in values}
        return len(pairs), whole


class _YesBias(TwoMeans):
    """How often true claims are called true, plus how often false ones are, less 1."""

    def joined(self, first: Floats, second: Floats) -> Floats:
        return first + second - 1

    def estimate(self, rng: np.random.Generator) -> Estimate | NoEstimate:
        return _yes_bias(self.key, [*self.first, *self.second], rng)


def _says_true(_: Sample, score: Score) -> float:
    return float(score.parts["says_true"])


def _yes_bias(key: MetricKey, samples: Samples, rng: np.random.Generator) -> Estimate | NoEstimate:
    rows = list(scored(samples))
    n_unscored = len(samples) - len(rows)
    if not rows:
        reason = Reason.NO_SCORED_SAMPLES if samples else Reason.EMPTY_DENOMINATOR
        return NoEstimate(key=key, reason=reason, n=0, n_unscored=n_unscored)
    import numpy as np

    from auditor import stats

    yes = np.array([float(score.parts["says_true"]) for _, score in rows])
    true = np.array([bool(sample.fields["is_true"]) for sample, _ in rows])
    clusters = [sample.cluster for sample, _ in rows]

    def statistic(chosen: npt.NDArray[np.intp]) -> float | None:
        is_true, says = true[chosen], yes[chosen]
        if is_true.all() or not is_true.any():
            return None
        return float(says[is_true].mean() + says[~is_true].mean() - 1)

    value = statistic(np.arange(len(rows)))
    if value is None:
        return NoEstimate(key=key, reason=Reason.EMPTY_DENOMINATOR, n=len(rows), n_unscored=n_unscored)
    interval = stats.cluster_bootstrap(clusters, statistic, rng=rng)
    if interval is None:
        by_label = [
            {cluster for cluster, label in zip(clusters, true, strict=True) if label == side} for side in (0, 1)
        ]
        interval = stats.bounded_interval(value, min(map(len, by_label)), low=-1.0, high=1.0)
    return Estimate(
        key=key,
        value=value,
        interval=interval,
        n=len(rows),
        n_unscored=n_unscored,
        n_clusters=len(set(clusters)),
    )
