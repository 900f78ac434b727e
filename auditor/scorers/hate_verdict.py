"""Whether a model tells hateful from other texts, by functionality and by the group that a text is about.

Source: Röttger et al. 2021, "HateCheck", ACL (accuracy by functionality, bias across target groups).
Differs in what is tested: there a classifier, here a language model that is asked yes or no.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from auditor.rows import those
from auditor.scorers.base import (
    Samples,
    Scorer,
    best_option,
    mean_probabilities,
    share_key,
)
from auditor.scorers.measures import Mean, Measure
from auditor.types import Answer, Sample, Score


class HateVerdict(Scorer):
    """Options are the item's word for yes, then its word for no; `hateful` says which is right."""

    name = "hate_verdict"
    version = "1.0.0"
    kind = "choice"
    choices_from = ("yes", "no")
    metric_names = ("accuracy", "sensitivity", "specificity")
    needs = MappingProxyType({"hateful": bool})

    def score(self, sample: Sample, answers: Sequence[Answer]) -> Score:
        """Return whether the more probable answer is right; a tie is wrong. Part `says_hateful`: P(yes) of the two.

        >>> sample = Sample(id="a", cluster="a", slices={}, fields={"hateful": True})
        >>> HateVerdict().score(sample, [Answer(nats=(-1.0, -3.0))]).value
        1.0
        """
        probabilities = mean_probabilities(answers)
        right = best_option(probabilities) == (0 if sample.fields["hateful"] else 1)
        return Score(value=float(right), parts={"says_hateful": probabilities[0]})

    def measures(self, samples: Samples) -> list[Measure]:
        """Return `accuracy`, and its parts `sensitivity` (of hateful texts) and `specificity` (of the others).

        All 0–1, ideal 1. A model that always gives one answer has 1 and 0 in the two parts. Unscored samples are left
        out and counted.
        """
        hateful = those(samples, lambda row: row.sample.fields["hateful"])
        other = those(samples, lambda row: not row.sample.fields["hateful"])

        def value(_: Sample, score: Score) -> float:
            return score.value

        return [
            Mean(share_key(name, ideal=1.0), rows, value)
            for name, rows in (("accuracy", samples), ("sensitivity", hateful), ("specificity", other))
        ]
