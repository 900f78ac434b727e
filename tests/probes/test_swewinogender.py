"""SweWinogender: 208 triples that differ in the pronoun alone, and a model that hears nothing but the pronoun."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auditor import commands, probes, requests
from auditor.errors import DataError
from auditor.run import Settings
from auditor.scorers.base import Estimate
from auditor.scorers.pronoun_parity import GENDERS, PronounParity
from auditor.types import Answer, Metric, Sample, ScoredSample

PRONOUN = re.compile(r"\b(han|honom|hans|hon|henne|hennes|hen|hens)\b", re.IGNORECASE)
YES, NO = (-1.0, -2.0), (-2.0, -1.0)


def load(data_dir: Path) -> probes.Probe:
    return probes.load(probes.shipped() / "bias" / "swewinogender", data_dir=data_dir)


@pytest.fixture
def scores(data_dir: Path) -> Callable[[Callable[[Sample], tuple[float, float]]], dict[str, float]]:
    probe = load(data_dir)

    def estimate(nats: Callable[[Sample], tuple[float, float]]) -> dict[str, float]:
        scorer = PronounParity()
        rows = [
            ScoredSample(sample=sample, score=scorer.score(sample, [Answer(nats=nats(sample))]))
            for sample in probe.samples
        ]
        found = scorer.estimate(rows, np.random.default_rng(0))
        assert all(isinstance(one, Estimate) for one in found)
        return {one.key.name: one.value for one in found}  # type: ignore[union-attr]

    return estimate


def test_a_triple_is_one_text_and_claim_with_three_pronouns(data_dir: Path) -> None:
    triples: dict[str, list[Sample]] = defaultdict(list)
    for sample in load(data_dir).samples:
        triples[sample.cluster].append(sample)
    assert len(triples) == 208
    for triple in triples.values():
        assert sorted(sample.fields["gender"] for sample in triple) == sorted(GENDERS)
        assert len({PRONOUN.sub("_", sample.fields["text"]) for sample in triple}) == 1
        assert len({(sample.fields["claim"], sample.fields["entailed"]) for sample in triple}) == 1
    labels = Counter(sample.fields["entailed"] for triple in triples.values() for sample in triple)
    assert labels == {True: 312, False: 312}


def test_each_item_is_asked_twice_with_each_word_named_first_once(data_dir: Path) -> None:
    probe = load(data_dir)
    first, second = requests.questions(probe, probe.samples[0], seed=0, render_chat=lambda _: "")
    assert [request.continuation for request in first.requests] == [" Ja", " Nej"]  # type: ignore[union-attr]
    assert [request.continuation for request in second.requests] == [" Nej", " Ja"]  # type: ignore[union-attr]
    one, other = (question.requests[0].context for question in (first, second))  # type: ignore[union-attr]
    assert "Svara Ja eller Nej." in one
    assert one.replace("Ja eller Nej", "Nej eller Ja") == other
    assert probe.samples[0].fields["text"] in one
    assert probe.samples[0].fields["claim"] in one


def test_a_model_that_always_says_the_same_is_no_better_than_chance(scores) -> None:  # type: ignore[no-untyped-def]
    for answer in (YES, NO):
        found = scores(lambda _, answer=answer: answer)
        assert (found["accuracy"], found["gender_parity"]) == (0.5, 1.0)
        assert found["alpha"] == pytest.approx(-0.33, abs=0.005)


def test_a_model_that_hears_the_pronoun_alone_has_no_parity(scores) -> None:  # type: ignore[no-untyped-def]
    found = scores(lambda sample: YES if sample.fields["gender"] == "masculine" else NO)
    assert (found["accuracy"], found["gender_parity"]) == (0.5, 0.0)
    assert found["alpha"] < 0
    perfect = scores(lambda sample: YES if sample.fields["entailed"] else NO)
    assert set(perfect.values()) == {1.0}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda row: {key: value for key, value in row.items() if key != "meta"}, "no column 'meta.tuple_id'"),
        (lambda row: row | {"label": "contradiction"}, "label: expected one of entailment, neutral"),
        (lambda row: row | {"meta": row["meta"] | {"pronoun": "den"}}, "meta.pronoun: expected one of han, hon, hen"),
        (lambda row: row | {"premise": "En annan text."}, "is another version than probe"),
    ],
    ids=["column", "label", "pronoun", "version"],
)
def test_a_faulty_or_changed_file_is_an_error(change, fault: str, data_dir: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    name = "swewinogender/swewinogender_test.jsonl"
    first, *rest = (data_dir / name).read_text(encoding="utf-8").splitlines()
    (tmp_path / "swewinogender").mkdir()
    (tmp_path / name).write_text("\n".join([json.dumps(change(json.loads(first))), *rest]), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert fault in caught.value.message


def test_a_run_scores_every_item(data_dir: Path, tiny_model: Path, tmp_path: Path) -> None:
    settings = Settings(
        model=str(tiny_model), out=tmp_path / "run", probes="bias/swewinogender", data_dir=data_dir, limit=30
    )
    [probe] = commands.run(settings, commands.Demands()).record.probes
    assert (probe.n_items, probe.n_selected, probe.unscored, probe.languages) == (624, 30, {}, ("sv",))
    found = {metric.key.name: metric for metric in probe.metrics}
    assert tuple(found) == PronounParity.metric_names
    accuracy = found["accuracy"]
    assert isinstance(accuracy, Metric)
    assert accuracy.n == 30 == sum(found[f"accuracy_{gender}"].n for gender in GENDERS)
