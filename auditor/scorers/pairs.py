"""Comparison of minimal pairs by log-likelihood, plain and against a control.

Sources: Nangia et al. 2020, "CrowS-Pairs", EMNLP, §4 (pairs, rate of preferring one side); Kurita et al. 2019,
"Measuring Bias in Contextualized Word Representations", §2 (taking away a prior). Both differ here: whole sentences
under a causal model.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.scorers.base import Samples, Scorer, share_key, sign_score
from auditor.scorers.measures import Mean, Measure
from auditor.types import Answer, Sample, Score


class PairPreference(Scorer):
    """Share of pairs whose first text is the more probable one; the probe names the metric and its ideal."""

    name = "pair_preference"
    version = "1.0.0"
    kind = "pairs"
    n_texts = 2
    generic = True

    def score(self, sample: Sample, answers: Sequence[Answer]) -> Score:
        """Return 1, 0.5 or 0 as log p(first) is above, equal to or below log p(second).

        >>> sample = Sample(id="a", cluster="a", slices={}, fields={})
        >>> PairPreference(metric="m").score(sample, [Answer(nats=(-10.0, -12.0))]).value
        1.0
        """
        first, second = answers[0].nats
        return Score(value=sign_score(first - second), parts={"difference_nats": first - second})

    def measures(self, samples: Samples) -> list[Measure]:
        """Return the mean score. Range 0–1; ideal as the probe says; unscored samples are left out and counted."""
        key = share_key(self.metric, ideal=self.ideal)
        return [Mean(key, samples, lambda _, score: score.value)]


class PairContrast(Scorer):
    """Share of items whose pair differs more than its control pair: (a − b) − (control_a − control_b) > 0."""

    name = "pair_contrast"
    version = "1.0.0"
    kind = "pairs"
    n_texts = 4
    generic = True

    def score(self, sample: Sample, answers: Sequence[Answer]) -> Score:
        """Return 1, 0.5 or 0 as the contrast (nats) is above, equal to or below 0.

        >>> sample = Sample(id="a", cluster="a", slices={}, fields={})
        >>> PairContrast(metric="m").score(sample, [Answer(nats=(-10.0, -12.0, -9.0, -14.0))]).parts
        {'contrast_nats': -3.0}
        """
        more, less, control_more, control_less = answers[0].nats
        contrast = (more - less) - (control_more - control_less)
        return Score(value=sign_score(contrast), parts={"contrast_nats": contrast})

    def measures(self, samples: Samples) -> list[Measure]:
        """Return the mean score. Range 0–1; ideal as the probe says; unscored samples are left out and counted."""
        key = share_key(self.metric, ideal=self.ideal)
        return [Mean(key, samples, lambda _, score: score.value)]
