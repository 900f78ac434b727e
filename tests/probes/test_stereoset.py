"""StereoSet: its items are the published ones, and the authors' own figures hang together as ours are computed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from auditor import commands, probes, requests
from auditor.errors import DataError
from auditor.run import Settings
from auditor.scorers.base import Estimate
from auditor.scorers.stereoset import StereoSet, icat
from auditor.types import Answer, Metric, Sample, ScoredSample, Undefined

PARTS = ("intrasentence", "intersentence", "overall")
DOMAINS = ("gender", "profession", "race", "religion")
SS, LMS, ICAT = StereoSet.metric_names
Figures = dict[str, float]


def load(part: str, data_dir: Path) -> probes.Probe:
    return probes.load(probes.shipped() / "bias" / "stereoset", part, data_dir=data_dir)


def published(data_dir: Path) -> dict[str, dict[tuple[str, ...], Figures]]:
    """Return each model's figures, as printed, by task and domain."""
    models: dict[str, dict[tuple[str, ...], Figures]] = {}
    above: list[str] = []
    for line in (data_dir / "stereoset" / "published_scores.txt").read_text(encoding="utf-8").splitlines():
        depth = len(line) - len(line.lstrip("\t"))
        name, colon, figure = line.strip().partition(": ")
        if line.startswith("Evaluating"):
            groups = models.setdefault(line, defaultdict(dict))
        elif colon:
            groups[tuple(above[:depth])][name] = float(figure)
        elif name:
            above[depth:] = [name]
    return models


@pytest.fixture(scope="module")
def scores() -> Callable[[probes.Probe, Callable[[Sample], tuple[float, float, float]]], dict[str, float]]:
    def estimate(probe: probes.Probe, nats: Callable[[Sample], tuple[float, float, float]]) -> dict[str, float]:
        scorer = StereoSet()
        rows = [
            ScoredSample(sample=s, score=scorer.score(s, [Answer(nats=nats(s), tokens=(1, 1, 1))]))
            for s in probe.samples
        ]
        found = scorer.estimate(rows, np.random.default_rng(0))
        n_terms = len({sample.cluster for sample in probe.samples})
        assert all(isinstance(one, Estimate) and one.n_clusters == n_terms for one in found)
        return {one.key.name: one.value for one in found}  # type: ignore[union-attr]

    return estimate


def test_the_items_are_those_of_the_three_published_lists(data_dir: Path) -> None:
    lists = json.loads((data_dir / "stereoset" / "stereoset.json").read_text(encoding="utf-8"))
    names = {"stereotype": "stereotype", "antistereotype": "anti-stereotype", "unrelated": "unrelated"}
    found = {
        tuple(sample.fields[name] for name in ("domain", "target", "context", *names))
        for sample in load("overall", data_dir).samples
    }
    triples = zip(*(lists[name] for name in names.values()), strict=True)
    expected = {
        (first["bias_type"], first["target"], first["context"], *(row["sentence"] for row in (first, *rest)))
        for first, *rest in triples
    }
    assert found == expected
    assert len(found) == 4229


def test_both_tasks_are_all_of_it_and_ask_the_same(data_dir: Path) -> None:
    def asked(part: str) -> dict[str, object]:
        probe = load(part, data_dir)
        return {
            sample.id: requests.questions(probe, sample, seed=0, render_chat=lambda _: "") for sample in probe.samples
        }

    one, other, both = map(asked, PARTS)
    assert one.keys().isdisjoint(other)
    assert one | other == both


def test_a_sentence_stands_alone_or_after_a_context_that_ends_with_a_stop(data_dir: Path) -> None:
    for part in ("intrasentence", "intersentence"):
        probe = load(part, data_dir)
        stops_added = 0
        for sample in probe.samples:
            [question] = requests.questions(probe, sample, seed=0, render_chat=lambda _: "")
            texts = [sample.fields[name] for name in ("stereotype", "antistereotype", "unrelated")]
            contexts = {request.context for request in question.requests}  # type: ignore[union-attr]
            said = [request.continuation for request in question.requests]  # type: ignore[union-attr]
            if part == "intrasentence":
                assert (contexts, said) == ({""}, texts)
                continue
            [context] = contexts
            assert context[-1] in ".!?"
            assert context.removesuffix(".") == sample.fields["context"].removesuffix(".")
            assert said == [f" {text}" for text in texts]
            stops_added += context != sample.fields["context"]
        assert stops_added == (299 if part == "intersentence" else 0)


def test_published_icat_follows_from_the_two_published_scores(data_dir: Path) -> None:
    models = published(data_dir)
    assert len(models) == 11
    for groups in models.values():
        assert len(groups) == 11  # two tasks of four domains and all of them, and both tasks
        for figures in groups.values():
            ours = 100 * icat(figures["LM Score"] / 100, figures["SS Score"] / 100)
            assert ours == pytest.approx(figures["ICAT Score"], abs=1e-10)


@pytest.mark.parametrize("part", ["intrasentence", "intersentence"])
def test_published_scores_of_domains_give_the_overall_ones_by_the_number_of_terms(part: str, data_dir: Path) -> None:
    terms: dict[str, set[str]] = defaultdict(set)
    items: dict[str, int] = defaultdict(int)
    for sample in load(part, data_dir).samples:
        terms[sample.slices["domain"]].add(sample.cluster)
        items[sample.slices["domain"]] += 1
    assert {domain: len(terms[domain]) for domain in DOMAINS} == dict(zip(DOMAINS, (10, 30, 36, 3), strict=True))
    for groups in published(data_dir).values():
        for domain in DOMAINS:
            assert groups[part, domain]["Count"] == 3 * items[domain]  # the authors count every sentence there
        for name in ("LM Score", "SS Score"):
            total = sum(len(terms[domain]) * groups[part, domain][name] for domain in DOMAINS)
            assert total / 79 == pytest.approx(groups[part, "overall"][name], abs=1e-9)


def test_the_authors_predictions_give_their_published_scores(data_dir: Path, scores) -> None:  # type: ignore[no-untyped-def]
    """Needs data/dev.json and code/predictions/*.json of the authors' repository in the data folder's stereoset."""
    folder = data_dir / "stereoset"
    predictions = sorted(folder.glob("predictions_*.json"))
    if not predictions or not (folder / "dev.json").is_file():
        pytest.skip("the authors' dev.json and predictions are not in the data folder")
    sentences = {
        row["id"]: {sentence["gold_label"]: sentence["id"] for sentence in row["sentences"]}
        for rows in json.loads((folder / "dev.json").read_text(encoding="utf-8"))["data"].values()
        for row in rows
    }
    lists = json.loads((folder / "stereoset.json").read_text(encoding="utf-8"))
    clusters = {
        (row["context"], *(lists[name][place]["sentence"] for name in lists)): sentences.get(row["id"])
        for place, row in enumerate(lists["stereotype"])
    }
    n_compared = 0
    for path in predictions:
        by_sentence = {row["id"]: row["score"] for rows in json.loads(path.read_text()).values() for row in rows}
        known = published(data_dir)[f"Evaluating predictions/{path.name}..."]
        for part, domain in product(PARTS[:2], DOMAINS):
            probe = load(part, data_dir)
            chosen = [sample for sample in probe.samples if sample.slices["domain"] == domain]
            nats = {}
            for sample in chosen:
                texts = {"stereotype": "stereotype", "anti-stereotype": "antistereotype", "unrelated": "unrelated"}
                cluster = clusters[(sample.fields["context"], *(sample.fields[texts[name]] for name in lists))]
                if cluster:
                    nats[sample.id] = tuple(by_sentence[cluster[name]] for name in texts)
            if len(nats) < len(chosen):
                continue
            found = scores(replace(probe, samples=chosen), lambda sample, nats=nats: nats[sample.id])
            figures = known[part, domain]
            assert [round(100 * found[name], 4) for name in (SS, LMS, ICAT)] == [
                round(figures[name], 4) for name in ("SS Score", "LM Score", "ICAT Score")
            ]
            n_compared += 1
    assert n_compared


@pytest.mark.parametrize("part", PARTS)
def test_models_with_and_without_bias_are_told_apart(part: str, data_dir: Path, scores) -> None:  # type: ignore[no-untyped-def]
    probe = load(part, data_dir)
    assert len({sample.cluster for sample in probe.samples}) == 79
    assert scores(probe, lambda _: (-1.0, -2.0, -3.0)) == {SS: 1.0, LMS: 1.0, ICAT: 0.0}
    assert scores(probe, lambda _: (-2.0, -1.0, -3.0)) == {SS: 0.0, LMS: 1.0, ICAT: 0.0}
    assert scores(probe, lambda _: (-1.0, -1.0, -1.0)) == {SS: 0.5, LMS: 0.5, ICAT: 0.5}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda lines: [line.replace('"anti-stereotype"', '"anti"') for line in lines], "no column 'anti-stereotype'"),
        (lambda lines: [*lines[:4], lines[4][:40], *lines[5:]], "test.jsonl line 5: not JSON"),
        (lambda lines: [lines[0].replace('"Cats have sharp claws."', '""'), *lines[1:]], "$.unrelated"),
        (lambda lines: [lines[0].replace("Cats", "Dogs"), *lines[1:]], "is another version than probe"),
    ],
    ids=["column", "json", "empty", "version"],
)
def test_a_faulty_or_changed_file_is_an_error(
    change: Callable[[list[str]], list[str]], fault: str, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "stereoset").mkdir()
    lines = (data_dir / "stereoset" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "stereoset" / "test.jsonl").write_text("\n".join(change(lines)), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load("intersentence", tmp_path)
    assert fault in caught.value.message


def test_a_run_gives_every_figure_by_part_and_domain(data_dir: Path, tiny_model: Path, tmp_path: Path) -> None:
    names = ["bias/stereoset/intersentence", "bias/stereoset/overall"]
    settings = Settings(
        model=str(tiny_model), out=tmp_path / "run", probes=",".join(names), data_dir=data_dir, limit=30
    )
    record = commands.run(settings, commands.Demands()).record
    assert [probe.id for probe in record.probes] == names
    for probe in record.probes:
        assert probe.unscored == {}
        whole = {metric.key.name: metric for metric in probe.metrics if not metric.slice}
        assert all(isinstance(metric, Metric) and metric.n == 30 for metric in whole.values())
        assert whole[ICAT].value == pytest.approx(icat(whole[LMS].value, whole[SS].value))  # type: ignore[union-attr]
        sliced = {metric.slice["domain"]: metric for metric in probe.metrics if metric.slice}
        assert isinstance(sliced["race"], Metric)
        assert all(isinstance(metric, Undefined) for metric in sliced.values() if metric.n < 10)
