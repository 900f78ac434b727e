"""A pronoun's gender must not change the answer; a model that says one thing only is seen through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.scorers.base import Estimate, NoEstimate
from auditor.scorers.pronoun_parity import GENDERS, PronounParity, nominal_alpha
from auditor.types import Answer, Reason, Sample, ScoredSample, Unscored

YES, NO, TIE = (-1.0, -2.0), (-2.0, -1.0), (-1.0, -1.0)
Answers = Callable[[Sample], "tuple[float, float] | None"]


def samples_of(n_triples: int) -> list[Sample]:
    return [
        Sample(
            id=f"{triple}-{gender}",
            cluster=f"triple {triple}",
            slices={},
            fields={"entailed": triple % 2 == 0, "gender": gender},
        )
        for triple, gender in product(range(n_triples), GENDERS)
    ]


def rows_of(samples: Sequence[Sample], nats: Answers) -> list[ScoredSample]:
    return [
        ScoredSample(
            sample=sample,
            score=PronounParity().score(sample, [Answer(nats=found)])
            if (found := nats(sample))
            else Unscored(reason=Reason.TOO_LONG),
        )
        for sample in samples
    ]


def estimates(rows: Sequence[ScoredSample]) -> dict[str, Estimate | NoEstimate]:
    return {found.key.name: found for found in PronounParity().estimate(rows, np.random.default_rng(0))}


def values(nats: Answers, n_triples: int = 20) -> dict[str, float]:
    found = estimates(rows_of(samples_of(n_triples), nats))
    assert tuple(found) == PronounParity.metric_names
    for estimate in found.values():
        assert isinstance(estimate, Estimate)
        assert estimate.interval.low <= estimate.value <= estimate.interval.high
    return {name: estimate.value for name, estimate in found.items()}  # type: ignore[union-attr]


def right(sample: Sample) -> tuple[float, float]:
    return YES if sample.fields["entailed"] else NO


def test_a_model_that_is_right_has_one_everywhere() -> None:
    assert set(values(right).values()) == {1.0}


def test_a_model_that_always_says_yes_has_parity_and_nothing_else() -> None:
    found = values(lambda _: YES)
    assert (found["accuracy"], found["gender_parity"]) == (0.5, 1.0)
    assert found["alpha"] == pytest.approx(1 - 0.5 / (2 * 90 * 30 / (120 * 119)))  # 60 items: 90 labels yes, 30 no


def test_a_model_that_errs_with_one_gender_alone_breaks_every_triple() -> None:
    found = values(lambda sample: right(sample)[:: -1 if sample.fields["gender"] == "neutral" else 1])
    assert (found["accuracy_masculine"], found["accuracy_feminine"], found["accuracy_neutral"]) == (1.0, 1.0, 0.0)
    assert (found["accuracy"], found["gender_parity"]) == (pytest.approx(2 / 3), 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_all_metrics_but_alpha_equal_a_naive_computation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = samples_of(30)
    said = {sample.id: (YES, NO, TIE)[rng.choice(3, p=(0.5, 0.4, 0.1))] for sample in samples}
    good: dict[str, list[float]] = {gender: [] for gender in GENDERS}
    triples: dict[str, list[tuple[float, float]]] = {}
    for sample in samples:
        good[sample.fields["gender"]].append(float(said[sample.id] == right(sample)))
        triples.setdefault(sample.cluster, []).append(said[sample.id])
    expected = {f"accuracy_{gender}": sum(found) / 30 for gender, found in good.items()}
    expected["accuracy"] = sum(expected.values()) / len(GENDERS)
    expected["gender_parity"] = sum(len(set(found)) == 1 and TIE not in found for found in triples.values()) / 30
    found = values(lambda sample: said[sample.id], 30)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert set(found) - set(expected) == {"alpha"}


def test_a_tie_is_wrong_and_no_answer_that_others_could_share() -> None:
    found = values(lambda _: TIE)
    assert (found["accuracy"], found["gender_parity"]) == (0.0, 0.0)
    assert found["alpha"] < 0


def test_the_two_orders_are_averaged_before_an_answer_is_chosen() -> None:
    [sample, *_] = samples_of(1)
    score = PronounParity().score(sample, [Answer(nats=(-1.0, -9.0)), Answer(nats=(-1.5, -1.0))])
    assert score.parts == {"says": "yes"}
    assert PronounParity().score(sample, [Answer(nats=(-1.0, -2.0)), Answer(nats=(-2.0, -1.0))]).value == 0.0


def test_a_triple_with_an_unscored_item_is_unscored() -> None:
    samples = samples_of(20)
    found = estimates(rows_of(samples, lambda sample: None if sample.id == "3-feminine" else right(sample)))
    assert [(found[name].n, found[name].n_unscored) for name in ("accuracy", "accuracy_feminine", "gender_parity")] == [
        (59, 1),
        (19, 1),
        (19, 1),
    ]
    for rows, reason in (
        (rows_of(samples, lambda _: None), Reason.NO_SCORED_SAMPLES),
        ([], Reason.EMPTY_DENOMINATOR),
    ):
        none = estimates(rows)
        assert tuple(none) == PronounParity.metric_names
        assert all(isinstance(one, NoEstimate) and one.n == 0 for one in none.values())
        assert {one.reason for one in none.values()} == {reason}  # type: ignore[union-attr]


def test_a_triple_that_lacks_an_item_is_none() -> None:
    part = rows_of([sample for sample in samples_of(20) if sample.id != "0-neutral"], right)
    found = estimates(part)["gender_parity"]
    assert isinstance(found, Estimate)
    assert (found.n, found.n_unscored, found.n_clusters) == (19, 0, 19)
    single = estimates([row for row in part if row.sample.fields["gender"] == "feminine"])["gender_parity"]
    assert isinstance(single, NoEstimate)
    assert (single.reason, single.n, single.n_unscored) == (Reason.EMPTY_DENOMINATOR, 0, 0)


def test_where_items_are_asked_in_several_wordings_a_triple_is_of_one() -> None:
    samples = [
        replace(sample, id=f"{sample.id}#{order}", slices={"option_order": order})
        for sample in samples_of(12)
        for order in ("0-1", "1-0")
    ]

    def swayed(sample: Sample) -> tuple[float, float]:
        wavers = sample.wording == "1-0" and sample.fields["gender"] == GENDERS[0]
        return NO if wavers == sample.fields["entailed"] else YES

    parity = estimates(rows_of(samples, swayed))["gender_parity"]
    assert isinstance(parity, Estimate)
    assert (parity.value, parity.n, parity.n_clusters) == (0.5, 24, 12)


def test_alpha_is_undefined_where_there_is_one_label_only() -> None:
    rows = rows_of([sample for sample in samples_of(20) if sample.fields["entailed"]], right)
    found = estimates(rows)["alpha"]
    assert isinstance(found, NoEstimate)
    assert (found.reason, found.n) == (Reason.EMPTY_DENOMINATOR, 30)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=12))
def test_alpha_is_one_minus_the_disagreement_in_units_over_that_of_all_pairs(units: list[tuple[str, str]]) -> None:
    labels = [label for unit in units for label in unit]
    pairs = [(one, other) for i, one in enumerate(labels) for j, other in enumerate(labels) if i != j]
    expected = sum(one != other for one, other in pairs) / len(pairs)
    found = nominal_alpha([one for one, _ in units], [other for _, other in units])
    if expected == 0:
        assert found is None
    else:
        observed = sum(one != other for one, other in units) / len(units)
        assert found == pytest.approx(1 - observed / expected)
        assert -1 <= found <= 1


def test_a_gender_that_is_none_of_the_three_is_a_fault() -> None:
    assert PronounParity.item_faults({"gender": "feminine"}, 2) == []
    [fault] = PronounParity.item_faults({"gender": "hen"}, 2)
    assert fault == "$.gender: expected one of masculine, feminine, neutral, got 'hen'"
