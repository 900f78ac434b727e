"""Corrected rates: by the calibration that fits, named; undefined wherever the scorer's error is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from auditor.correct import correct, corrected
from auditor.scorers.base import Fallible, Scorer
from auditor.scorers.pairs import PairPreference
from auditor.scorers.refusal import Refusal
from auditor.scorers.text_rating import TextRating
from auditor.types import (
    Calibration,
    FileDigest,
    Interval,
    Metric,
    MetricKey,
    ProbeResult,
    Reason,
    ScorerRef,
    Scoring,
    Undefined,
)

RATER = ScorerRef(name="rater", version="1.0.0", checkpoint="e" * 64)
RATE = Fallible(construct="toxicity", threshold=0.5)
Maker = Callable[..., Calibration]


class Naming:
    """A classifier that is never asked."""

    ref = RATER
    measures = "toxicity"
    notes = ""

    def rate(self, texts: Any) -> Any:
        raise AssertionError


def metric(name: str = "toxicity_rate", value: float = 0.3, **changes: Any) -> Metric:
    base = Metric(
        key=MetricKey(name=name, unit="share", low=0.0, high=1.0, ideal=0.0),
        slice={},
        value=value,
        interval=Interval(low=value - 0.1, high=value + 0.1, level=0.95, method="wilson"),
        n=200,
        n_unscored=3,
        n_clusters=100,
        n_effective=100.0,
        scorer=RATER,
        data_digest="0" * 64,
    )
    return msgspec.structs.replace(base, **changes)


def undefined(name: str = "toxicity_rate") -> Undefined:
    raw = metric(name)
    return Undefined(
        key=raw.key,
        slice={},
        reason=Reason.NO_SCORED_SAMPLES,
        n=0,
        n_unscored=9,
        scorer=RATER,
        data_digest="0" * 64,
    )


def result(*metrics: Metric | Undefined, languages: tuple[str, ...] = ("en",)) -> ProbeResult:
    return ProbeResult(
        id="toxicity/x",
        version="1.0.0",
        title="X",
        family="toxicity",
        construct="c",
        kind="generation",
        languages=languages,
        license="CC-BY-4.0",
        source="Own items for tests",
        data_files=(),
        content_notice="",
        digest="0" * 64,
        n_items=203,
        n_selected=203,
        samples_file=FileDigest(path="samples/x.jsonl", sha256="0" * 64, bytes=1),
        unscored={},
        counts={},
        scorer=ScorerRef(name="text_rating", version="1.0.0"),
        scoring=Scoring(scorer="text_rating"),
        metrics=metrics,
    )


@pytest.mark.parametrize(("value", "tp", "tn"), [(0.3, 90, 80), (0.5, 60, 95), (0.25, 100, 100), (0.7, 80, 70)])
def test_a_corrected_rate_is_rogan_and_gladens(calibration_maker: Maker, value: float, tp: int, tn: int) -> None:
    known = calibration_maker(RATER, "toxicity", tp=tp, tn=tn)
    found = corrected(metric(value=value), RATE, [known], ["en"])
    assert isinstance(found, Metric)
    assert found.value == pytest.approx((value + tn / 100 - 1) / (tp / 100 + tn / 100 - 1))
    assert found.interval.low <= found.value <= found.interval.high
    assert (found.key.name, found.n, found.n_unscored) == ("toxicity_rate_corrected", 200, 3)
    assert found.correction is not None
    assert (found.correction.of, found.correction.construct) == ("toxicity_rate", "toxicity")
    assert (found.correction.calibration, found.correction.data) == (known.digest, "HateCheck")


@pytest.mark.parametrize(("value", "expected"), [(0.05, 0.0), (0.95, 1.0)])
def test_a_corrected_rate_stays_a_share(calibration_maker: Maker, value: float, expected: float) -> None:
    found = corrected(metric(value=value), RATE, [calibration_maker(RATER, "toxicity")], ["en"])
    assert isinstance(found, Metric)
    assert found.value == expected
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_fewer_independent_samples_make_it_less_sure(calibration_maker: Maker) -> None:
    known = [calibration_maker(RATER, "toxicity")]
    wide, narrow = (corrected(metric(n_effective=n), RATE, known, ["en"]) for n in (20.0, 200.0))
    assert isinstance(wide, Metric) and isinstance(narrow, Metric)
    assert wide.value == narrow.value
    assert wide.interval.high - wide.interval.low > narrow.interval.high - narrow.interval.low


def test_what_counts_the_texts_that_do_not_show_the_construct_is_corrected_the_other_way_round(
    calibration_maker: Maker,
) -> None:
    known = calibration_maker(RATER, "refusal", tp=95, tn=70, auc=None)
    refusing = corrected(metric(value=0.4), Fallible(construct="refusal"), [known], ["en"])
    complying = corrected(metric(value=0.6), Fallible(construct="refusal", complement=True), [known], ["en"])
    assert isinstance(refusing, Metric) and isinstance(complying, Metric)
    assert complying.value == pytest.approx(1 - refusing.value)


@pytest.mark.parametrize(
    "how",
    [
        {"construct": "profanity"},
        {"languages": ("es",)},
        {"threshold": 0.6},
        {"scorer": ScorerRef(name="rater", version="1.0.1", checkpoint="e" * 64)},
        {"scorer": ScorerRef(name="rater", version="1.0.0", checkpoint="f" * 64)},
    ],
)
def test_without_a_calibration_that_fits_it_is_uncalibrated_never_a_number(
    calibration_maker: Maker, how: dict[str, Any]
) -> None:
    for known in ([], [calibration_maker(**{"scorer": RATER, "construct": "toxicity", **how})]):
        found = corrected(metric(), RATE, known, ["en"])
        assert isinstance(found, Undefined)
        assert found.reason is Reason.UNCALIBRATED
        assert found.correction is not None and found.correction.calibration == ""


@pytest.mark.parametrize(("tp", "tn"), [(39, 54), (50, 50), (0, 100), (52, 52)])
def test_a_scorer_not_shown_to_beat_chance_corrects_nothing(calibration_maker: Maker, tp: int, tn: int) -> None:
    known = calibration_maker(RATER, "toxicity", tp=tp, tn=tn)
    found = corrected(metric(), RATE, [known], ["en"])
    assert isinstance(found, Undefined)
    assert found.reason is Reason.SCORER_NOT_BETTER_THAN_CHANCE
    assert found.correction is not None and found.correction.calibration == known.digest


def test_a_raw_rate_without_a_value_has_no_corrected_one(calibration_maker: Maker) -> None:
    found = corrected(undefined(), RATE, [calibration_maker(RATER, "toxicity")], ["en"])
    assert isinstance(found, Undefined)
    assert (found.reason, found.key.name) == (Reason.NO_SCORED_SAMPLES, "toxicity_rate_corrected")


def test_a_sister_follows_each_rate_over_all_samples_and_no_slice(calibration_maker: Maker) -> None:
    names = ("toxicity_rate", "toxicity_expected_max", "toxicity_probability")
    raw = [metric(name) for name in names] + [metric(slice={"who": "a"})]
    found = correct(result(*raw), TextRating(classifier=Naming()), [calibration_maker(RATER, "toxicity")])
    assert [(m.key.name, m.slice) for m in found.metrics] == [
        ("toxicity_rate", {}),
        ("toxicity_rate_corrected", {}),
        ("toxicity_expected_max", {}),
        ("toxicity_probability", {}),
        ("toxicity_rate", {"who": "a"}),
    ]
    assert [m for m in found.metrics if m.correction is None] == raw


def test_the_record_holds_every_calibration_of_the_scorer_and_no_other(calibration_maker: Maker) -> None:
    scorer = TextRating(classifier=Naming())
    hate, spanish = calibration_maker(RATER, "hate"), calibration_maker(RATER, "hate", languages=("es",))
    strict = calibration_maker(RATER, "toxicity", threshold=0.9)
    other = calibration_maker(ScorerRef(name="refusal", version="1.0.0"), "refusal")
    found = correct(result(metric()), scorer, [strict, other, hate, spanish])
    assert found.calibrations == (hate.digest, spanish.digest, strict.digest)
    assert correct(result(metric()), scorer, []).calibrations == ()


def test_the_users_calibration_comes_before_a_larger_shipped_one(calibration_maker: Maker) -> None:
    own, shipped = calibration_maker(RATER, "toxicity", source="Ours"), calibration_maker(RATER, "toxicity", n=10_000)
    found = correct(result(metric()), TextRating(classifier=Naming()), [own, shipped]).metrics[1]
    assert found.correction is not None and found.correction.data == "Ours"


def test_a_scorer_that_does_not_err_gains_nothing(calibration_maker: Maker) -> None:
    before = result(metric())
    scorer = PairPreference(metric="toxicity_rate", ideal=0.5)
    assert correct(before, scorer, [calibration_maker(RATER, "toxicity")]) == before


@pytest.mark.parametrize("scorer", [TextRating, Refusal])
def test_corrected_metrics_are_among_the_names_that_a_policy_can_use(scorer: type[Scorer]) -> None:
    assert scorer.fallible
    for name in scorer.fallible:
        assert {name, f"{name}_corrected"} <= set(scorer.metric_names)
