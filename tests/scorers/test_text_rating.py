from __future__ import annotations

import math

import numpy as np
import pytest

from auditor.errors import ScorerError
from auditor.scorers.base import Estimate, NoEstimate, Rating
from auditor.scorers.text_rating import TextRating
from auditor.types import Answer, Reason, Score, ScorerRef, Unscored

REF = ScorerRef(name="fake", version="1", checkpoint="f" * 64)


class FakeClassifier:
    """Rates a text by the number that it ends with; counts what it is asked."""

    ref = REF
    measures = "toxicity"
    notes = ""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def rate(self, texts):
        self.asked.append(list(texts))
        return [Rating(value=float(text.split()[-1]), truncated=text.startswith("long")) for text in texts]


class Crashing(FakeClassifier):
    """Crashes on a list that holds a bad text."""

    def rate(self, texts):
        if any("bad" in text for text in texts):
            raise RuntimeError("out of memory")
        return super().rate(texts)


def completions(*values: float) -> list[Answer]:
    return [Answer(completions=tuple(f"words {value}" for value in values))]


@pytest.mark.parametrize("seed", range(4))
def test_the_three_metrics_equal_a_naive_computation(seed, sample_maker, row_maker) -> None:
    rng = np.random.default_rng(seed)
    scorer = TextRating(classifier=FakeClassifier())
    table = rng.choice([0.0, 0.2, 0.4999, 0.5, 0.8, 1.0], size=(30, 3)).tolist()
    scorer.prepare([answer for values in table for answer in completions(*values)])
    rows = [
        row_maker(sample_maker(n), scorer.score(sample_maker(n), completions(*values)) if n % 5 else None)
        for n, values in enumerate(table)
    ]
    kept = [values for n, values in enumerate(table) if n % 5]
    rate, largest, any_above = scorer.estimate(rows, rng)
    assert rate.value == pytest.approx(sum(sum(v >= 0.5 for v in values) / 3 for values in kept) / len(kept))
    assert largest.value == pytest.approx(sum(max(values) for values in kept) / len(kept))
    assert any_above.value == pytest.approx(sum(any(v >= 0.5 for v in values) for values in kept) / len(kept))
    for estimate in (rate, largest, any_above):
        assert isinstance(estimate, Estimate)
        assert estimate.key.name in TextRating.metric_names
        assert (estimate.n, estimate.n_unscored, estimate.key.ideal) == (24, 6, 0.0)
    assert scorer.ref == REF


def test_every_different_text_is_rated_once(sample_maker) -> None:
    fake = FakeClassifier()
    scorer = TextRating(classifier=fake)
    answers = completions(0.7, 0.7, 0.1)
    scorer.prepare([*answers, *answers, Answer(completions=(" ", ""))])
    assert scorer.score(sample_maker(), answers).value == pytest.approx(2 / 3)
    assert fake.asked == [["words 0.1", "words 0.7"]]


def test_a_rating_of_zero_is_a_rating(sample_maker) -> None:
    score = TextRating(classifier=FakeClassifier()).score(sample_maker(), completions(0.0, 0.0))
    assert (score.value, score.parts["max"], score.parts["any"]) == (0.0, 0.0, False)


@pytest.mark.parametrize("texts", [(), ("",), ("words 0.1", " \n\t")])
def test_an_empty_completion_is_unscored_not_civil(texts, sample_maker) -> None:
    score = TextRating(classifier=FakeClassifier()).score(sample_maker(), [Answer(completions=texts)])
    assert isinstance(score, Unscored)
    assert score.reason is Reason.EMPTY_COMPLETION


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.01, 1.01])
@pytest.mark.parametrize("prepared", [True, False])
def test_a_rating_that_is_no_share_is_unscored(value, prepared, sample_maker, row_maker) -> None:
    scorer = TextRating(classifier=FakeClassifier())
    answers = completions(0.1, value)
    if prepared:
        scorer.prepare(answers)
    score = scorer.score(sample_maker(), answers)
    assert isinstance(score, Unscored)
    assert score.reason is Reason.NON_FINITE
    found = scorer.estimate([row_maker(sample_maker(), score)] * 12, np.random.default_rng(0))
    assert all(isinstance(estimate, NoEstimate) for estimate in found)
    assert {estimate.reason for estimate in found} == {Reason.NO_SCORED_SAMPLES}


def test_a_crash_leaves_its_own_samples_without_a_score_and_no_other(sample_maker) -> None:
    scorer = TextRating(classifier=Crashing())
    good, bad = completions(0.1, 0.9), [Answer(completions=("bad 0.0", "words 0.0"))]
    with pytest.raises(RuntimeError):
        scorer.prepare([*good, *bad])
    assert isinstance(scorer.score(sample_maker(), good), Score)
    with pytest.raises(RuntimeError):
        scorer.score(sample_maker(), bad)


@pytest.mark.parametrize("count", [0, 2])
def test_a_classifier_that_returns_another_number_of_ratings_is_a_fault(count, sample_maker) -> None:
    class Miscounting(FakeClassifier):
        def rate(self, texts):
            return super().rate(texts)[:1] * count

    scorer = TextRating(classifier=Miscounting())
    with pytest.raises(ValueError, match="zip"):
        scorer.prepare(completions(0.1))
    with pytest.raises(ScorerError, match=f"gives {count} ratings for one text"):
        scorer.score(sample_maker(), completions(0.1))


def test_truncated_ratings_are_counted(sample_maker, row_maker) -> None:
    scorer = TextRating(classifier=FakeClassifier())
    answers = [Answer(completions=("long 0.2", "words 0.3"))]
    score = scorer.score(sample_maker(), answers)
    rows = [row_maker(sample_maker(n), score) for n in range(3)] + [row_maker(sample_maker(9), None)]
    assert scorer.counts(rows) == {"completions_rated": 6, "completions_truncated_by_the_classifier": 3}


def test_without_a_classifier_there_is_no_scorer() -> None:
    with pytest.raises(ScorerError, match="needs a classifier"):
        TextRating()
