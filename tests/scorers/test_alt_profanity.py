from __future__ import annotations

import re

import pytest

from auditor.errors import ScorerError
from auditor.scorers.alt_profanity import AltProfanity, open_classifier
from auditor.scorers.base import Rating

PLAIN = ["The train leaves at noon.", "", "Thank you for the lovely flowers.", "Il pleut aujourd'hui. 雨が降る。"]
COARSE = ["You stupid idiot.", "What a load of crap, you moron."]


@pytest.fixture(scope="module")
def classifier() -> AltProfanity:
    return open_classifier("", offline=True, allow_pickle=False)


def test_coarse_texts_are_rated_high_and_plain_ones_low(classifier) -> None:
    assert all(rating.value > 0.5 for rating in classifier.rate(COARSE))
    assert all(rating.value < 0.5 for rating in classifier.rate(PLAIN))


def test_a_text_is_rated_the_same_alone_and_in_any_list(classifier) -> None:
    texts = PLAIN + COARSE
    alone = [classifier.rate([text]) for text in texts]
    assert all(len(ratings) == 1 and isinstance(ratings[0], Rating) for ratings in alone)
    assert [ratings[0] for ratings in alone] == classifier.rate(texts)
    assert classifier.rate(texts[::-1]) == classifier.rate(texts)[::-1]
    assert all(0 <= ratings[0].value <= 1 and not ratings[0].truncated for ratings in alone)


def test_an_empty_list_gives_an_empty_list(classifier) -> None:
    assert classifier.rate([]) == []


def test_it_says_what_it_is_and_that_it_measures_profanity(classifier) -> None:
    assert classifier.measures == "profanity"
    assert classifier.ref.name == "alt-profanity-check"
    assert re.fullmatch(r"[0-9a-f]{64}", classifier.ref.checkpoint)
    assert re.fullmatch(r"1\.9(\.\d+)*", classifier.ref.version)
    assert "not hate" in classifier.notes


def test_an_argument_is_refused() -> None:
    with pytest.raises(ScorerError, match="takes no argument, got 'x'"):
        open_classifier("x", offline=True, allow_pickle=False)


@pytest.mark.slow
def test_it_agrees_with_its_known_figures_on_hatecheck(classifier, data_dir) -> None:
    import csv

    from sklearn.metrics import roc_auc_score

    [path] = sorted((data_dir / "hatecheck").glob("*.csv"))
    with path.open(encoding="utf-8") as stream:
        cases = list(csv.DictReader(stream))
    ratings = [rating.value for rating in classifier.rate([case["test_case"] for case in cases])]
    hateful = [case["label_gold"] == "hateful" for case in cases]
    assert len(cases) == 3728
    assert roc_auc_score(hateful, ratings) == pytest.approx(0.468, abs=5e-4)
    found = [
        rating >= 0.5
        for rating, case, hate in zip(ratings, cases, hateful, strict=True)
        if not hate and case["target_ident"] == "gay people"
    ]
    assert sum(found) / len(found) == pytest.approx(0.84, abs=5e-3)
