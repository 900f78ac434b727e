from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from auditor import registry
from auditor.gaps import LEAST_GROUP
from auditor.scorers.base import Scorer, mean_estimate, signed_key
from auditor.scorers.pairs import PairPreference
from auditor.summarise import count_unscored, summarise
from auditor.types import PHRASING, Metric, Reason, Sample, Score, ScoredSample, Scoring, Undefined, Unscored

DIGEST = "d" * 64


class SignedMean(Scorer):
    """A scorer whose interval is a bootstrap: it draws from the generator."""

    name = "signed_mean"
    version = "1.0.0"
    kind = "choice"

    def estimate(self, samples, rng):
        return [mean_estimate(signed_key("signed", unit="unit"), samples, lambda _, score: score.value, rng)]


def rows(n: int, *, seed: int = 0, unscored: float = 0.2, axes: str = "abc", prefix: str = "s") -> list[ScoredSample]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        slices = {"axis": axes[number % len(axes)], "size": "big" if number % 2 else "small"}
        sample = Sample(id=f"{prefix}{number}", cluster=f"{prefix}{number // 2}", slices=slices, fields={})
        value = float(rng.integers(0, 2))
        missing = rng.random() < unscored
        score = Unscored(reason=[Reason.TOO_LONG, Reason.NON_FINITE][number % 2]) if missing else Score(value=value)
        found.append(ScoredSample(sample=sample, score=score))
    return found


PLAIN = Scoring(scorer="pair_preference")


def summed(samples, scorer: Scorer | None = None, *, seed: int = 5, probe_id: str = "bias/x", scoring=PLAIN):
    scorer = scorer or PairPreference(metric="m", ideal=0.5)
    return summarise(scorer, samples, probe_id=probe_id, data_digest=DIGEST, seed=seed, scoring=scoring)


def by_slice(metrics) -> dict[tuple[tuple[str, str], ...], Metric | Undefined]:
    return {tuple(metric.slice.items()): metric for metric in metrics}


def test_all_samples_come_first_and_slices_follow_by_name() -> None:
    found = [metric.slice for metric in summed(rows(90))]
    slices = [{"axis": "a"}, {"axis": "b"}, {"axis": "c"}, {"size": "big"}, {"size": "small"}]
    assert found == [{}, *slices]


def test_every_slice_is_the_mean_of_its_own_scored_samples() -> None:
    samples = rows(90)
    for where, metric in by_slice(summed(samples)).items():
        own = [row for row in samples if all(row.sample.slices[key] == value for key, value in where)]
        scores = [row.score.value for row in own if isinstance(row.score, Score)]
        assert isinstance(metric, Metric)
        assert metric.value == pytest.approx(sum(scores) / len(scores))
        assert (metric.n, metric.n_unscored) == (len(scores), len(own) - len(scores))


def test_every_metric_has_all_that_law_l1_asks_for() -> None:
    for scorer in (PairPreference(metric="m", ideal=0.5), SignedMean()):
        for metric in summed(rows(90), scorer):
            assert isinstance(metric, Metric)
            assert metric.n > 0
            assert metric.n_unscored >= 0
            assert 0 < metric.n_clusters <= metric.n
            assert metric.interval.low <= metric.value <= metric.interval.high
            assert metric.interval.low < metric.interval.high
            assert metric.interval.method
            assert metric.interval.level == 0.95
            assert metric.scorer == scorer.ref
            assert metric.scorer.name
            assert metric.scorer.version
            assert metric.data_digest == DIGEST


@pytest.mark.parametrize(("n_scored", "kind"), [(LEAST_GROUP - 1, Undefined), (LEAST_GROUP, Metric)])
def test_a_slice_needs_ten_scored_samples(n_scored, kind) -> None:
    thin = rows(n_scored, unscored=0, axes="z") + rows(7, unscored=1, axes="z", prefix="u")
    found = by_slice(summed(thin + rows(60, unscored=0, axes="y", prefix="y")))
    metric = found[(("axis", "z"),)]
    assert isinstance(metric, kind)
    assert (metric.n, metric.n_unscored, metric.data_digest) == (n_scored, 7, DIGEST)
    if isinstance(metric, Undefined):
        assert metric.reason is Reason.TOO_FEW_SAMPLES
        assert metric.scorer == PairPreference(metric="m").ref


@pytest.mark.parametrize(("n_items", "kind"), [(LEAST_GROUP - 1, Undefined), (LEAST_GROUP, Metric)])
def test_an_item_asked_in_several_wordings_counts_once_towards_the_ten(n_items, kind) -> None:
    asked = [
        ScoredSample(
            sample=Sample(id=f"i{item}#{way}", cluster=f"i{item}", slices={"axis": "z", PHRASING: way}, fields={}),
            score=Score(value=1.0),
        )
        for item in range(n_items)
        for way in ("plain", "quiz", "exam")
    ]
    found = by_slice(summed(asked))
    assert isinstance(found[(("axis", "z"),)], kind)
    assert found[(("axis", "z"),)].n == 3 * n_items
    assert isinstance(found[((PHRASING, "quiz"),)], kind)


def test_the_metric_over_all_samples_needs_no_ten() -> None:
    [overall, *slices] = summed(rows(3, unscored=0))
    assert isinstance(overall, Metric)
    assert overall.n == 3
    assert all(isinstance(metric, Undefined) and metric.reason is Reason.TOO_FEW_SAMPLES for metric in slices)


def test_a_slice_without_any_score_says_so_rather_than_too_few() -> None:
    found = by_slice(summed(rows(20, axes="a") + rows(20, unscored=1, axes="z", prefix="u")))
    metric = found[(("axis", "z"),)]
    assert isinstance(metric, Undefined)
    assert (metric.reason, metric.n, metric.n_unscored) == (Reason.NO_SCORED_SAMPLES, 0, 20)


def test_no_samples_at_all_are_undefined() -> None:
    [metric] = summed([])
    assert isinstance(metric, Undefined)
    assert (metric.reason, metric.n, metric.n_unscored) == (Reason.EMPTY_DENOMINATOR, 0, 0)


def test_a_slice_does_not_depend_on_other_slices() -> None:
    ours = rows(30, axes="b")
    alone = by_slice(summed(ours, SignedMean()))
    others = rows(40, seed=9, axes="a", prefix="o")
    mixed = by_slice(summed([*others[:20], *ours, *others[20:]], SignedMean()))
    assert mixed[(("axis", "b"),)] == alone[(("axis", "b"),)]
    assert mixed[()] != alone[()]


def test_the_same_inputs_give_the_same_metrics_and_the_seed_and_probe_move_only_intervals() -> None:
    samples = rows(60, axes="a")
    base = summed(samples, SignedMean())
    assert summed(samples, SignedMean()) == base
    for other in (summed(samples, SignedMean(), seed=6), summed(samples, SignedMean(), probe_id="bias/y")):
        assert [metric.value for metric in other] == [metric.value for metric in base]
        assert [metric.interval for metric in other] != [metric.interval for metric in base]


def test_slices_of_one_probe_draw_from_generators_of_their_own() -> None:
    twins = [
        ScoredSample(sample=Sample(id=f"{axis}{n}", cluster=f"{n}", slices={"axis": axis}, fields={}), score=score)
        for axis in "ab"
        for n, score in enumerate(Score(value=float(v)) for v in np.random.default_rng(0).normal(size=30).clip(-1, 1))
    ]
    found = by_slice(summed(twins, SignedMean()))
    first, second = found[(("axis", "a"),)], found[(("axis", "b"),)]
    assert first.value == second.value
    assert first.interval != second.interval


def test_unscored_samples_are_counted_by_reason() -> None:
    samples = rows(200)
    expected = Counter(str(row.score.reason) for row in samples if isinstance(row.score, Unscored))
    assert count_unscored(samples) == expected
    assert set(expected) == {"TOO_LONG", "NON_FINITE"}
    assert count_unscored(rows(5, unscored=0)) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5, -0.5])
def test_a_score_that_is_no_share_never_becomes_a_metric(value) -> None:
    samples = [*rows(20, unscored=0), ScoredSample(sample=rows(1)[0].sample, score=Score(value=value))]
    with pytest.raises(ValueError, match=r"within 0\.0–1\.0"):
        summed(samples)


@pytest.mark.parametrize("name", sorted(registry.SCORERS))
def test_every_scorer_declares_the_metrics_it_gives(name) -> None:
    scorer = registry.load("scorers", name)
    assert issubclass(scorer, Scorer)
    assert scorer.name == name
    assert scorer.version
    assert scorer.generic != bool(scorer.metric_names)
    if not scorer.uses_classifier:
        given = {found.key.name for found in scorer(metric="m").estimate([], np.random.default_rng(0))}
        declared = set(scorer.metric_names) or {"m"}
        computed = {name for name in declared if not name.endswith("_corrected")}
        assert given <= computed
        assert given == computed or name in {
            "refusal",
            "minilm-refusal",
        }  # which has the rates of safe prompts only where there are some
