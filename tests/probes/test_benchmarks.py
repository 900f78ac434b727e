"""The field's benchmarks: their real files are read, and published figures come out of their scorers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from auditor import commands, probes, registry, requests
from auditor.run import Settings
from auditor.scorers.base import Estimate, Scorer
from auditor.types import Answer, Sample, Score, ScoredSample

PLACES = {name: place for name, place in probes.find_in(probes.shipped()).items() if place.external and place.pinned}
FOLDERS = sorted({place.folder for place in probes.find_in(probes.shipped()).values() if place.external})
HEADINGS = [
    "What it measures",
    "What the paper computes",
    "What auditor computes, and where it differs",
    "Published criticism and limits",
    "Data",
    "Reference",
]


def unread(name: str) -> probes.Probe:
    return probes.load(PLACES[name].folder, PLACES[name].part, with_items=False)


def missing(name: str, data_dir: Path) -> list[str]:
    data = unread(name).data
    assert data
    return [file.path for file in data.files if not (data_dir / file.path).is_file()]


def load(name: str, data_dir: Path) -> probes.Probe:
    for path in missing(name, data_dir):
        pytest.skip(f"{path} is not in the data folder")
    return probes.load(PLACES[name].folder, PLACES[name].part, data_dir=data_dir)


def lines(path: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def estimates(probe: probes.Probe, nats: list[tuple[float, ...]]) -> dict[str, Estimate]:
    """Score the first samples of a probe, given the log-likelihoods of each one's options."""
    scorer: Scorer = registry.load("scorers", probe.scoring.scorer)(
        metric=probe.scoring.metric, ideal=probe.scoring.ideal or 0.0
    )
    rows = [
        ScoredSample(sample=sample, score=scorer.score(sample, [Answer(nats=values)]))
        for sample, values in zip(probe.samples, nats, strict=False)
    ]
    found = {estimate.key.name: estimate for estimate in scorer.estimate(rows, np.random.default_rng(0))}
    assert all(isinstance(estimate, Estimate) for estimate in found.values())
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("name", sorted(PLACES))
def test_every_benchmark_reads_its_real_file_and_asks(name: str, data_dir: Path) -> None:
    probe = load(name, data_dir)
    assert probe.data
    assert len(probe.samples) == probe.data.n_items > 100
    assert [file.sha256 for file in probe.files] == [file.sha256 for file in probe.data.files]
    for sample in (probe.samples[0], probe.samples[-1]):
        assert requests.questions(probe, sample, seed=0, render_chat=lambda messages: messages[0]["content"])
    assert len({sample.id for sample in probe.samples}) == len(probe.samples)


def test_the_data_folder_holds_a_part_of_every_benchmark(data_dir: Path) -> None:
    held = {PLACES[name].folder for name in PLACES if not missing(name, data_dir)}
    assert held == {place.folder for place in PLACES.values()}


@pytest.mark.parametrize(
    ("benchmark", "n_items"),
    [
        ("bias/bbq", 58_492),  # Table 3 of the paper
        ("bias/esbbq", 27_320),
        ("toxicity/multilingual_hatecheck", 36_582),
        ("toxicity/bold", 23_679),
    ],
)
def test_the_parts_together_are_as_many_items_as_the_authors_count(benchmark: str, n_items: int) -> None:
    parts = [unread(name).data for name in PLACES if name.startswith(f"{benchmark}/")]
    assert sum(data.n_items + len(data.leave_out) for data in parts if data) == n_items


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_benchmark_has_a_page(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert len(text.splitlines()) < 60


def test_crows_pairs_rate_is_that_of_the_reference(data_dir: Path) -> None:
    known = lines(data_dir / "reference" / "smollm2_crows_pairs_loglikelihood.jsonl")
    pairs = [(row["sent_more"], row["sent_less"]) for row in known]
    rate = estimates(load("bias/crows_pairs/english", data_dir), pairs)["stereotype_rate_causal"]
    assert (round(rate.value, 4), rate.n) == (0.5557, 1508)


def test_masked_models_are_asked_for_what_both_sentences_share(data_dir: Path) -> None:
    probe = load("bias/crows_pairs/french_masked", data_dir)
    [question] = requests.questions(probe, probe.samples[0], seed=0, render_chat=lambda messages: "")
    assert [(r.continuation, r.against) for r in question.requests] == [  # type: ignore[union-attr]
        (probe.samples[0].fields["more"], probe.samples[0].fields["less"]),
        (probe.samples[0].fields["less"], probe.samples[0].fields["more"]),
    ]
    assert (probe.scoring.metric, probe.languages) == ("stereotype_rate_pll", ("fr",))
    assert probe.title == "CrowS-Pairs: French, for masked models"


def test_truthfulqa_mc2_is_that_of_the_reference(data_dir: Path) -> None:
    probe = load("misinformation/truthfulqa", data_dir)
    known = lines(data_dir / "reference" / "smollm2_truthfulqa_mc2_first40_loglikelihood.jsonl")
    nats = []
    for sample, row in zip(probe.samples, known, strict=False):
        assert [*sample.fields["correct"], *sample.fields["incorrect"]] == row["choices"]
        by_text = dict(zip(row["choices"], row["loglikelihood"], strict=True))
        nats.append((by_text.get(sample.fields["best"], -1e9), *row["loglikelihood"]))
    mc2 = estimates(probe, nats)["mc2"]
    assert (round(mc2.value, 4), mc2.n) == (0.3308, 40)


@pytest.mark.parametrize(("kind", "n_rouge1", "n_rougel"), [("correct", 814, 817), ("incorrect", 0, 0)])
def test_truthfulqas_own_answers_are_told_apart(kind: str, n_rouge1: int, n_rougel: int, data_dir: Path) -> None:
    samples = load("misinformation/truthfulqa_generation", data_dir).samples
    scorer = registry.load("scorers", "truthfulqa_generation")()
    scores = [scorer.score(s, [Answer(completions=(f" {s.fields[kind][0]}.\n\nQ:",))]) for s in samples]
    # "air is denser than water vapor" and its contrary have the same words
    assert sum(score.value for score in scores) == n_rouge1
    assert sum(score.parts["rougel_acc"] for score in scores) == n_rougel


def test_the_page_says_how_often_rouge_judges_truthfulqas_own_answers_rightly(data_dir: Path) -> None:
    probe = load("misinformation/truthfulqa_generation", data_dir)
    scorer = registry.load("scorers", "truthfulqa_generation")()
    judged: dict[str, list[float]] = {"correct": [], "incorrect": []}
    for sample in probe.samples:
        for kind, found in judged.items():
            texts = sample.fields[kind]
            for place, text in enumerate(texts):
                others = [*texts[:place], *texts[place + 1 :]]
                if others and text.rstrip(".").lower() != "i have no comment":
                    held = replace(sample, fields=sample.fields | {kind: others})
                    found.append(scorer.score(held, [Answer(completions=(text,))]).value)
    true, false = judged["correct"], judged["incorrect"]
    n = len(true) + len(false)
    right, found_true = 100 * (sum(true) + len(false) - sum(false)) / n, 100 * sum(true) / len(true)
    text = (PLACES["misinformation/truthfulqa_generation"].folder / "README.md").read_text(encoding="utf-8")
    assert (
        f"judges {right:.0f} percent rightly (all false: {100 * len(false) / n:.0f}), finds {found_true:.0f} of 100 "
        f"true ones and takes {100 * sum(false) / len(false):.0f} of 100 false ones"
    ) in " ".join(text.split())


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("Religion", (0.6500, 14.33, 0.8800, 0.18, 0.67)),
        ("Age", (0.5467, 29.78, 0.9348, 1.16, 2.17)),
        ("Disability_status", (0.5334, 21.21, 0.9280, -1.37, -3.41)),
        ("Nationality", (0.6597, 5.97, 0.9370, 1.17, 2.47)),
        ("Physical_appearance", (0.4949, 41.62, 0.8211, -0.29, -6.02)),
        ("Sexual_orientation", (0.6875, 5.79, 0.9398, -0.74, -0.93)),
    ],
)
def test_bbq_gives_the_figures_of_unifiedqas_published_predictions(
    category: str, expected: tuple[float, ...], data_dir: Path
) -> None:
    probe = load(f"bias/bbq/{category.lower()}", data_dir)
    path = data_dir / "bbq" / f"unifiedqa_preds_{category}.jsonl"  # preds_*.jsonl in the authors' results/UnifiedQA
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the data folder")
    predictions = lines(path)
    nats = []
    for sample, row in zip(probe.samples, predictions, strict=True):
        said = row["unifiedqa-t5-11b_pred_race"].strip().rstrip(".").lower()
        said = re.sub("pantsu$", "pantsuit", said)  # as the authors' script does: the model cuts the word short
        options = [option.strip().rstrip(".").lower() for option in sample.fields["options"]]
        nats.append(tuple(0.0 if option == said else -50.0 for option in options))
    found = estimates(probe, nats)
    values = (
        round(found["accuracy_ambiguous"].value, 4),
        round(100 * found["bias_ambiguous"].value, 2),
        round(found["accuracy_disambiguated"].value, 4),
        round(100 * found["bias_disambiguated"].value, 2),
        round(100 * found["diff_bias_disambiguated"].value, 2),
    )
    assert values == expected


@pytest.mark.parametrize("name", [name for name in PLACES if name.startswith(("bias/bbq/", "bias/esbbq/"))])
@pytest.mark.parametrize("sign", [1, -1])
def test_always_with_or_against_the_stereotype_is_plus_or_minus_one(name: str, sign: int, data_dir: Path) -> None:
    probe = load(name, data_dir)
    scorer = registry.load("scorers", "bbq")
    nats = []
    for sample in probe.samples:
        unknown, stereotyped = scorer.positions(sample.fields)
        chosen = stereotyped if sign == 1 else 3 - unknown - stereotyped
        nats.append(tuple(0.0 if place == chosen else -50.0 for place in range(3)))
    found = estimates(probe, nats)
    biases = [estimate.value for key, estimate in found.items() if "bias" in key]
    assert biases == [sign, sign, sign]
    assert found["accuracy_ambiguous"].value == 0
    assert 0 < found["accuracy_disambiguated"].value < 1


@pytest.mark.parametrize("part", ["religion", "spanish_region"])
def test_esbbqs_scores_are_its_formulas_over_the_files_own_rows(part: str, data_dir: Path) -> None:
    probe = load(f"bias/esbbq/{part}", data_dir)
    rows = [row for file in probe.files for row in lines(data_dir / file.path)]
    assert len(rows) == len(probe.samples)
    rng = np.random.default_rng(0)
    nats = [tuple(-rng.random(11)) for _ in rows]
    said = [min(int(np.argmax(values)), 2) for values in nats]  # the two people, then nine wordings of "unknown"
    right: dict[str, list[bool]] = {"n/a": [], "pro-stereo": [], "anti-stereo": []}
    lean = []
    for row, place in zip(rows, said, strict=True):
        right[row["question_type"]].append(place == row["label"])
        if row["context_condition"] == "ambig":
            named = row["answer_info"][f"ans{place}"][-1].split(",")[-1].strip() in row["stereotyped_groups"]
            lean.append(0 if place == 2 else 1 if named == (row["question_polarity"] == "neg") else -1)
    found = {name: estimate.value for name, estimate in estimates(probe, nats).items()}
    assert found["accuracy_ambiguous"] == pytest.approx(np.mean(right["n/a"]))
    assert found["accuracy_disambiguated"] == pytest.approx(np.mean(right["pro-stereo"] + right["anti-stereo"]))
    assert found["bias_ambiguous"] == pytest.approx(np.mean(lean))
    gap = np.mean(right["pro-stereo"]) - np.mean(right["anti-stereo"])
    assert found["diff_bias_disambiguated"] == pytest.approx(gap)


def test_winobias_pairs_every_sentence_with_its_other_version(data_dir: Path) -> None:
    for kind in ("type1", "type2"):
        clusters: dict[str, list[Sample]] = {}
        for sample in load(f"bias/winobias/{kind}", data_dir).samples:
            clusters.setdefault(sample.cluster, []).append(sample)
        assert {len(group) for group in clusters.values()} == {4}
        for group in clusters.values():
            assert sorted(sample.fields["stereotyped"] for sample in group) == [False, False, True, True]
            assert all(sample.fields["meant"] != sample.fields["other"] for sample in group)


def test_a_model_that_likes_one_letter_is_balanced_in_model_written_evals(data_dir: Path) -> None:
    probe = load("alignment/model_written_evals/survival_instinct", data_dir)
    nats = [(0.0, -1.0) if s.fields["matching"] < s.fields["not_matching"] else (-1.0, 0.0) for s in probe.samples]
    found = estimates(probe, nats)
    assert found["matching_rate"].value == pytest.approx(590 / 953)
    assert found["matching_rate_balanced"].value == 0.5


def test_hatecheck_shows_a_model_that_always_says_yes(data_dir: Path) -> None:
    found = estimates(load("toxicity/hatecheck", data_dir), [(0.0, -1.0)] * 3728)
    assert (found["sensitivity"].value, found["specificity"].value) == (1, 0)
    assert found["accuracy"].value == pytest.approx(2563 / 3728)


def test_a_run_records_the_data_and_credits_its_source(data_dir: Path, tiny_model: Path, tmp_path: Path) -> None:
    chosen = "bias/crows_pairs,bias/bbq/religion,toxicity/hatecheck,bias/winobias/type1,misinformation/truthfulqa"
    settings = Settings(model=str(tiny_model), out=tmp_path / "run", probes=chosen, data_dir=data_dir, limit=6)
    audit = commands.run(settings, commands.Demands())
    found = {probe.id: probe for probe in audit.record.probes}
    assert set(found) == {*probes.select(chosen)}
    assert found["bias/crows_pairs/english"].data_files[0].path == "crows_pairs/crows_pairs_anonymized.csv"
    assert (found["bias/bbq/religion"].n_items, found["bias/bbq/religion"].n_selected) == (1200, 6)
    card = (tmp_path / "run" / "card.md").read_text(encoding="utf-8")
    assert "was not checked" not in card
    assert "Nangia, Vania, Bhalerao and Bowman 2020" in card
    assert "CC-BY-SA-4.0" in card
    assert "--data-dir DIR" in card


def test_a_tie_between_the_two_people_is_wrong(data_dir: Path) -> None:
    sample = load("bias/winobias/type1", data_dir).samples[0]
    assert registry.load("scorers", "pronoun_reference")().score(sample, [Answer(nats=(-1.0, -1.0))]) == Score(
        value=0.0
    )
