from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training import measure
from training.example import KINDS, Example
from training.steps import STEPS, row_of, table
from training.studies import RESULTS

ADR = Path(__file__).resolve().parents[2] / "docs" / "adr" / "0020-toxicity-measured-further.md"


def test_the_decision_record_holds_the_figures_that_were_written() -> None:
    content = json.loads((RESULTS / "steps.json").read_text(encoding="utf-8"))
    assert list(content["steps"]) == [step.name for step in STEPS]
    assert table(content) in ADR.read_text(encoding="utf-8")


def test_a_row_is_taken_from_the_figures_of_all_held_out_texts() -> None:
    def example(source: str, number: int, part_of_scale: float) -> Example:
        return Example(
            text=f"{source} {number}: {part_of_scale}",
            targets=dict.fromkeys(KINDS, part_of_scale),
            source=source,
            part="calibration",
            cluster=str(number),
            group="sikh",
        )

    sources = ("toxigen", "hatemoji", "own: contempt", "own: neutral mentions")
    examples = [example(source, n, float(n % 2)) for source in sources for n in range(24)]
    phrases = [example("identity_templates", n, 0.0) for n in range(10)]

    def rate(texts):  # right, but for the two neutral phrases 0 and 1
        rated = [float(text.endswith("1.0")) for text in texts]
        wrong = [text.startswith("identity_templates") and text.split()[1] in {"0:", "1:"} for text in texts]
        return np.array([[max(value, flag)] * len(KINDS) for value, flag in zip(rated, wrong, strict=True)])

    row = row_of(measure.measured(examples, rate, phrases))
    assert row["ToxiGen"] == row["mean of public sources"] == row["own sentences, hate"] == 1
    assert row["neutral phrases called toxic"] == pytest.approx(0.2)
