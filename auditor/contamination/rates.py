"""From items to rates: how many of a probe's items were found in the training files.

Five metrics, each over items (not samples), with Wilson's interval, by clusters of items where the probe has such:

- `overlap_rate`: items found whole, or a run of 13 words of which was found.
- `whole_overlap_rate`: items of which all that is asked stands together in one document. Source: Dodge et al. 2021,
  "Documenting Large Webtext Corpora", EMNLP (an exact match but for case and punctuation). Differs in that an item of
  several texts needs all of them near one another.
- `answered_overlap_rate`: items beside which, there, all their answers stand, too (Dodge et al.: input and label). Over
  items with answers.
- `run_overlap_rate`: items of which a run of 13 words was found that not more than 10 items share. Source: Brown et al.
  2020, Appendix C, a *dirty* example. Over items with such a run; others are unscored.
- `word_coverage`: the share of an item's words that lie in a run found or in a text of it found whole, mean over items.
  Source: Touvron et al. 2023, "Llama 2", Appendix A.6 (share of tokens, in runs of more than 10 tokens). Differs in
  words for tokens, 13 of them, and no skipped ones.

Range 0–1, ideal 0. An item without a word is unscored in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from auditor import stats
from auditor.types import OVERLAPS, ItemOverlap, Metric, MetricKey, Reason, ScorerRef, Undefined

Part = Callable[[ItemOverlap], float | bool | None]


def rates(items: Sequence[ItemOverlap], rule: ScorerRef, data_digest: str) -> tuple[Metric | Undefined, ...]:
    """Return the metrics of one probe's items.

    Args:
        items: what was found of each.
        rule: the comparison, with the digest of what was looked at.
        data_digest: the probe's digest.
    """
    parts: dict[str, Part] = {
        "overlap_rate": lambda item: item.overlaps,
        "whole_overlap_rate": lambda item: item.whole,
        "answered_overlap_rate": lambda item: item.with_answers,
        "run_overlap_rate": lambda item: item.n_found > 0 if item.n_runs else None,
        "word_coverage": lambda item: item.n_covered / item.n_words,
    }
    return tuple(_rate(items, name, parts[name], rule, data_digest) for name in OVERLAPS)


def _rate(items: Sequence[ItemOverlap], name: str, part: Part, rule: ScorerRef, data_digest: str) -> Metric | Undefined:
    found = [(item.cluster, part(item)) for item in items if item.n_words]
    values = np.array([value for _, value in found if value is not None], dtype=np.float64)
    clusters = [cluster for cluster, value in found if value is not None]
    key = MetricKey(name=name, unit="share", low=0.0, high=1.0, ideal=0.0)
    n_unscored = len(items) - len(clusters)
    if not clusters:
        return Undefined(
            key=key,
            slice={},
            reason=Reason.EMPTY_DENOMINATOR if found or not items else Reason.NO_SCORED_SAMPLES,
            n=0,
            n_unscored=n_unscored,
            scorer=rule,
            data_digest=data_digest,
        )
    return Metric(
        key=key,
        slice={},
        value=float(values.mean()),
        interval=stats.proportion_interval(values, clusters),
        n=len(clusters),
        n_unscored=n_unscored,
        n_clusters=len(set(clusters)),
        scorer=rule,
        data_digest=data_digest,
    )
