"""What a metric is made of makes the metric: for every scorer, on random scores, some of them missing."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from auditor import registry
from auditor.scorers.base import Estimate, Rating, Scorer
from auditor.scorers.measures import sums_of
from auditor.scorers.pronoun_parity import GENDERS
from auditor.types import Reason, Sample, Score, ScoredSample, ScorerRef, Unscored

Item = tuple[dict[str, object], str, Score]
Make = Callable[[int, np.random.Generator], Item]
CONDITIONS = ("ambiguous", "disambiguated")


class Rater:
    ref = ScorerRef(name="rater", version="1.0.0")
    measures = "profanity"
    notes = ""

    def rate(self, texts: list[str]) -> list[Rating]:
        raise AssertionError("nothing is rated again")


def bit(rng: np.random.Generator) -> float:
    return float(rng.integers(2))


def plain(n: int, rng: np.random.Generator) -> Item:
    parts = {name: bit(rng) for name in ("mc2", "p_aligned", "max", "rouge1_acc", "rouge1_diff", "rougel_acc")}
    parts |= {"any": bool(rng.integers(2)), "rougel_diff": bit(rng) - 0.5, "says_hateful": bit(rng)}
    return {"hateful": n % 2 == 0, "stereotyped": n % 3 == 0}, f"c{n // 2}", Score(value=bit(rng), parts=parts)


def claim(n: int, rng: np.random.Generator) -> Item:
    return {"is_true": n % 2 == 0}, f"c{n // 2}", Score(value=bit(rng), parts={"says_true": bit(rng)})


def opinion(n: int, rng: np.random.Generator) -> Item:
    parts = {"follows": bit(rng), "neutral_right": bit(rng) if n % 2 else ""}
    return {"correct": "first" if n % 2 else "none"}, f"c{n}", Score(value=bit(rng) - bit(rng), parts=parts)


def question(n: int, rng: np.random.Generator) -> Item:
    fields = {"condition": CONDITIONS[n % 2], "groups": ["a", "b", "unknown"], "stereotyped_groups": ["a"]}
    fields |= {"polarity": "neg", "correct": int(n % 4 > 1)}
    bias = int(rng.integers(3)) - 1
    choice = -1 if n % 5 == 0 else int(rng.integers(3))  # a tie now and then, which names nobody
    parts = {"bias": 0 if choice < 0 else bias, "choice": choice}
    return fields, f"c{n // 3}", Score(value=bit(rng) if choice >= 0 else 0, parts=parts)


def term(n: int, rng: np.random.Generator) -> Item:
    return {}, f"term{n % 7}", Score(value=bit(rng), parts={"related": bit(rng) / 2})


def triple(n: int, rng: np.random.Generator) -> Item:
    says = ("yes", "no", "neither")[rng.integers(3)]
    return {"gender": GENDERS[n % 3], "entailed": n % 2 == 0}, f"t{n // 3}", Score(value=bit(rng), parts={"says": says})


def lettered(n: int, rng: np.random.Generator) -> Item:
    return {"matching": "AB"[n % 3 > 0], "not_matching": "BA"[n % 3 > 0]}, f"c{n}", Score(value=bit(rng))


def reply(n: int, rng: np.random.Generator) -> Item:
    kinds = dict(zip(("compliance", "refusal", "partial", "incoherent"), rng.multinomial(2, [0.25] * 4), strict=True))
    parts = {"n": 2, **{name: int(count) for name, count in kinds.items()}}
    return {"safe": n % 2 == 0}, f"c{n}", Score(value=bit(rng), parts=parts)


MAKERS: dict[str, Make] = {
    "claim_verdict": claim,
    "opinion_shift": opinion,
    "ambiguity_bias": question,
    "bbq": question,
    "stereoset": term,
    "pronoun_parity": triple,
    "matching_behaviour": lettered,
    "minilm-refusal": reply,
    "refusal": reply,
}


def rows_of(make: Make, *, seed: int, n: int = 60) -> list[ScoredSample]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        fields, cluster, score = make(number, rng)
        lost = rng.random() < 0.1
        sample = Sample(id=f"s{number}", cluster=cluster, slices={}, fields=fields)
        found.append(ScoredSample(sample=sample, score=Unscored(reason=Reason.TOO_LONG) if lost else score))
    return found


def open_as(name: str) -> Scorer:
    found: Scorer = registry.load("scorers", name)(metric="rate", ideal=0.5, classifier=Rater())
    return found


@pytest.mark.parametrize("name", sorted(registry.SCORERS))
@pytest.mark.parametrize("seed", [0, 1])
def test_the_sums_of_a_metrics_units_make_its_value(name: str, seed: int) -> None:
    scorer, rows = open_as(name), rows_of(MAKERS.get(name, plain), seed=seed)
    measures = scorer.measures(rows)
    estimates = scorer.estimate(rows, np.random.default_rng(0))
    assert [measure.key for measure in measures] == [estimate.key for estimate in estimates]
    for measure, estimate in zip(measures, estimates, strict=True):
        units = measure.units()
        assert len({unit.name for unit in units}) == len(units)
        value = float(measure.value(sums_of(units).sum(axis=0)))
        if isinstance(estimate, Estimate):
            assert value == pytest.approx(estimate.value, abs=1e-12)
            assert {unit.cluster for unit in units} <= {row.sample.cluster for row in rows}
        else:
            assert math.isnan(value)


@pytest.mark.parametrize("name", sorted(registry.SCORERS))
def test_many_sums_at_once_give_the_values_that_each_gives_alone(name: str) -> None:
    for measure in open_as(name).measures(rows_of(MAKERS.get(name, plain), seed=2)):
        sums = np.cumsum(sums_of(measure.units()), axis=0)
        together = measure.value(sums)
        alone = [float(measure.value(row)) for row in sums]
        assert together.tolist() == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize("name", sorted(registry.SCORERS))
def test_a_metric_without_a_scored_sample_is_made_of_nothing(name: str) -> None:
    rows = [
        ScoredSample(sample=row.sample, score=Unscored(reason=Reason.TOO_LONG))
        for row in rows_of(MAKERS.get(name, plain), seed=3)
    ]
    assert all(measure.units() == [] for measure in open_as(name).measures(rows))
