"""How far two classifiers of text agree on the same texts: in their decisions, and in the order of their ratings.

Agreement is not accuracy: two that err alike agree. What each is worth beside people's labels, a calibration says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from auditor import stats
from auditor.errors import DataError, ScorerError
from auditor.scorers.base import Classifier, Rating
from auditor.types import Interval, ScorerRef

THRESHOLD = 0.5


class Agreement(Struct, frozen=True, kw_only=True):
    """Two classifiers on `n` texts that both rated; `n_unscored` are those that one of them did not.

    `first_only` and `second_only` count the texts that one alone rates `THRESHOLD` or more. `same` is the share of
    equal decisions, 0–1, with Wilson's interval. `kappa` is Cohen's, 1 at best and 0 by chance, None where both always
    decide for the same class. `rank_correlation` is Spearman's, −1 to 1, None where one rates all texts alike.
    """

    scorers: tuple[ScorerRef, ScorerRef]
    n: int
    n_unscored: int
    both: int
    first_only: int
    second_only: int
    neither: int
    same: float
    interval: Interval
    kappa: float | None
    rank_correlation: float | None


def agreement(first: Classifier, second: Classifier, texts: Sequence[str]) -> Agreement:
    """Return how far two classifiers agree on texts; equal texts count once.

    Raises:
        DataError: there is no text.
        ScorerError: no text has a rating by both.
    """
    different = sorted(set(texts))
    if not different:
        raise DataError("there is no text to agree on", hint="is it the right column?")
    rows = list(zip(first.rate(different), second.rate(different), strict=True))
    rated = [(one.value, other.value) for one, other in rows if isinstance(one, Rating) and isinstance(other, Rating)]
    if not rated:
        raise ScorerError(
            f"{first.ref.name} and {second.ref.name} have no rated text in common, of {len(different)}",
            hint="are the texts in a language that both read?",
        )
    values = np.array(rated)
    ones, others = (values >= THRESHOLD).T
    same = ones == others
    return Agreement(
        scorers=(first.ref, second.ref),
        n=len(rated),
        n_unscored=len(different) - len(rated),
        both=int((ones & others).sum()),
        first_only=int((ones & ~others).sum()),
        second_only=int((~ones & others).sum()),
        neither=int((~ones & ~others).sum()),
        same=float(same.mean()),
        interval=stats.proportion_interval(same.astype(np.float64), [str(number) for number in range(len(rated))]),
        kappa=kappa(float(ones.mean()), float(others.mean()), float(same.mean())),
        rank_correlation=rank_correlation(values[:, 0], values[:, 1]),
    )


def kappa(first: float, second: float, same: float) -> float | None:
    """Return Cohen's kappa from two shares of positive decisions and the share of equal ones.

    Formula: (p − e) / (1 − e), p the share of equal decisions, e the one that chance gives. Range −1 to 1, ideal 1.
    Source: Cohen 1960, "A coefficient of agreement for nominal scales".

    >>> kappa(0.5, 0.5, 0.75), kappa(1.0, 1.0, 1.0)
    (0.5, None)
    """
    chance = first * second + (1 - first) * (1 - second)
    return None if chance == 1 else (same - chance) / (1 - chance)


def rank_correlation(first: stats.Floats, second: stats.Floats) -> float | None:
    """Return Spearman's correlation: Pearson's of the ranks, ties sharing their mean rank. Range −1 to 1.

    Source: Spearman 1904, "The proof and measurement of association between two things".

    >>> rank_correlation(np.array([0.1, 0.2, 0.9]), np.array([1.0, 5.0, 7.0]))
    1.0
    """
    ranks = np.stack([_ranks(first), _ranks(second)])
    if (ranks.std(axis=1) == 0).any():
        return None
    return round(float(np.asarray(np.corrcoef(ranks))[0, 1]), 12)


def _ranks(values: stats.Floats) -> stats.Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: stats.Floats = np.asarray(counts.cumsum() - (counts - 1) / 2)
    return ranks[places]
