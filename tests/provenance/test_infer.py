"""Facts that follow from others are derived, with the evidence of what they follow from; nothing else is."""

from __future__ import annotations

import pytest

from auditor.provenance.facts import catalogue, missing
from auditor.provenance.infer import infer, parameter_range
from auditor.types import Evidence, Fact, Json

EVIDENCE = Evidence(kind="declaration", by="us", date="2026-11-01")


def inferred(**known: Json) -> dict[str, Fact]:
    facts = {key: missing() for key in catalogue()}
    for key, value in known.items():
        facts[key.replace("__", ".")] = Fact(status="declared", value=value, source="said", evidence=(EVIDENCE,))
    return infer(facts)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        (1, "1-500M"),
        (500_000_000, "1-500M"),
        (500_000_001, "500M-5B"),
        (7e9, "5B-15B"),
        (1e12, "500B-1T"),
        (2e12, ">1T"),
    ],
)
def test_every_number_of_parameters_has_a_range(parameters: float, named: str) -> None:
    assert parameter_range(parameters) == named
    assert named in catalogue()["model.parameter_range"].schema["enum"]


def test_what_follows_carries_the_evidence_of_what_it_follows_from() -> None:
    found = inferred(training__compute_flop=2.5e21, training__started="2025-01-01", training__ended="2025-02-20")
    assert {key: fact.value for key, fact in found.items()} == {
        "compute.order_of_magnitude": 21,
        "compute.training_days": 50,
        "compute.training_time_range": "1-3 months",
    }
    assert found["compute.training_time_range"].source == "follows from compute.training_days"
    assert found["compute.order_of_magnitude"].evidence == (EVIDENCE,)


def test_sizes_give_ranges_where_the_unit_is_the_forms() -> None:
    text = {"modality": "text", "amount": 6e8, "unit": "tokens"}
    sizes = [
        {**text, "split": "training"},
        {**text, "split": "testing"},
        {"modality": "image", "amount": 9, "unit": "bytes"},
    ]
    assert inferred(data__size=sizes)["data.size_range"].value == [{"modality": "text", "bin": "1B-10T tokens"}]


@pytest.mark.parametrize(
    ("modality", "unit", "amount", "named"),
    [
        ("text", "tokens", 999_999_999, "<1B tokens"),
        ("text", "tokens", 1e9, "1B-10T tokens"),
        ("text", "tokens", 1e13, "1B-10T tokens"),
        ("text", "tokens", 1e13 + 1, ">10T tokens"),
        ("image", "images", 1e6, "1M-1B images"),
        ("image", "images", 1e9, "1M-1B images"),
        ("audio", "hours", 1e4, "10k-1M hours"),
        ("video", "hours", 1e6 + 1, ">1M hours"),
    ],
)
def test_a_size_at_the_end_of_a_range_is_in_the_one_that_names_it(
    modality: str, unit: str, amount: float, named: str
) -> None:
    size = {"modality": modality, "amount": amount, "unit": unit, "split": "training"}
    assert inferred(data__size=[size])["data.size_range"].value == [{"modality": modality, "bin": named}]


def test_a_model_made_from_another_depends_on_it() -> None:
    assert inferred(model__base_model="org/base")["model.dependencies"].value == [{"name": "org/base"}]


def test_classes_follow_only_where_every_dataset_has_one() -> None:
    told = {"name": "a", "provenance": "web_crawling"}
    assert inferred(training__datasets=[told])["data.provenance_classes"].value == ["web_crawling"]
    assert "data.provenance_classes" not in inferred(training__datasets=[told, "b"])


def test_what_is_declared_is_never_replaced() -> None:
    assert "model.parameter_range" not in inferred(model__parameters=7, model__parameter_range=">1T")


@pytest.mark.parametrize(
    ("started", "ended", "readers"),
    [((), (), ()), (("ai-office",), (), ("ai-office",)), (("ai-office",), ("downstream",), None)],
)
def test_what_follows_has_the_readers_of_what_it_follows_from(
    started: tuple[str, ...], ended: tuple[str, ...], readers: tuple[str, ...] | None
) -> None:
    facts = {key: missing() for key in catalogue()}
    days = {"training.started": ("2025-01-01", started), "training.ended": ("2025-02-20", ended)}
    for key, (value, audiences) in days.items():
        facts[key] = Fact(status="declared", value=value, source="said", evidence=(EVIDENCE,), audiences=audiences)
    found = infer(facts).get("compute.training_days")
    assert (found.audiences if found else None) == readers
