"""The embedded model's log-likelihoods agree with lm-evaluation-harness on real benchmark items."""

from __future__ import annotations

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from auditor.backends.base import BackendOptions
from auditor.backends.hf import HFBackend, open_backend
from auditor.provenance.resolve import resolve
from auditor.types import LoglikelihoodRequest
from benchmarks.work import PRIMER

pytestmark = [pytest.mark.smollm2, pytest.mark.slow]
N_PAIRS, N_QUESTIONS = 60, 4


@pytest.fixture(scope="module")
def smollm2() -> HFBackend:
    return open_backend(resolve("smollm2", offline=True), BackendOptions(device="cpu"))


def reference(data_dir: Path, name: str, count: int) -> list[dict[str, Any]]:
    lines = (data_dir / "reference" / name).read_text(encoding="utf-8").splitlines()[:count]
    return [json.loads(line) for line in lines]


def rows(path: Path, count: int) -> list[dict[str, str]]:
    text = path.read_text(encoding="utf-8").lstrip("\n\ufeff")  # TruthfulQA's file begins with both
    return list(itertools.islice(csv.DictReader(io.StringIO(text)), count))


def test_padding_is_trusted(smollm2: HFBackend) -> None:
    assert "never padded" not in smollm2.info.attention


def test_crows_pairs_agree(smollm2: HFBackend, data_dir: Path, answer) -> None:  # type: ignore[no-untyped-def]
    pairs = rows(next((data_dir / "crows_pairs").glob("*.csv")), N_PAIRS)
    texts = [pair[side] for pair in pairs for side in ("sent_more", "sent_less")]
    found = answer(smollm2.loglikelihood, [LoglikelihoodRequest(context="", continuation=text) for text in texts])
    known = reference(data_dir, "smollm2_crows_pairs_loglikelihood.jsonl", N_PAIRS)
    expected = [row[side] for row in known for side in ("sent_more", "sent_less")]
    assert len(expected) == 2 * N_PAIRS
    assert [found[n].nats for n in range(len(texts))] == pytest.approx(expected, abs=1e-3, rel=0)


def test_truthfulqa_choices_agree(smollm2: HFBackend, data_dir: Path, answer) -> None:  # type: ignore[no-untyped-def]
    questions = [row["Question"] for row in rows(data_dir / "truthfulqa" / "TruthfulQA.csv", N_QUESTIONS)]
    known = reference(data_dir, "smollm2_truthfulqa_mc2_first40_loglikelihood.jsonl", N_QUESTIONS)
    asked, expected = [], []
    for question, row in zip(questions, known, strict=True):
        prompt = f"{PRIMER}\nQ: {question}\nA:"
        asked += [LoglikelihoodRequest(context=prompt, continuation=f" {choice}") for choice in row["choices"]]
        expected += row["loglikelihood"]
    found = answer(smollm2.loglikelihood, asked)
    assert [found[n].nats for n in range(len(asked))] == pytest.approx(expected, abs=1e-3, rel=0)
