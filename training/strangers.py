"""`python -m training.strangers [FILE ...]`: weights on statements by writers whom no version has learnt from.

They were read once more by a reader who did not see the labels; where the two differ a statement would be left out.
One of the two writers saw a few statements that candidates train on (ADR 39). They choose nothing. Without FILE the
shipped weights are measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auditor import schema, stats
from auditor.scorers import minilm_toxicity
from auditor.scorers.minilm_toxicity import KINDS, MiniLMToxicity
from auditor.types import Json
from training import studies
from training.__main__ import rater
from training.example import Example
from training.measure import Rate
from training.statements import STRANGERS, statements

RESULT = studies.RESULTS / "strangers.json"


def main() -> None:
    """Measure weights and write the figures."""
    parser = studies.parser(__doc__, RESULT)
    parser.add_argument("weights", type=Path, nargs="*", metavar="FILE", help="weights, such as earlier ones")
    asked = parser.parse_args()
    paths = asked.weights or [minilm_toxicity.weights_path()]
    rows = list(statements(file=STRANGERS))
    studies.write(
        asked.out, {path.name: _of(path) | figures(rows, rater(MiniLMToxicity(path, KINDS[0]))) for path in paths}
    )


def _of(path: Path) -> dict[str, Json]:
    return {"weights_sha256": schema.digest_file(path).sha256}


def figures(rows: Sequence[Example], rate: Rate) -> dict[str, Json]:
    """Return AUC of toxicity and hate with intervals, and how many toxic and civil texts are called so at 0.5."""
    ratings = rate([one.text for one in rows])
    there = ~np.isnan(ratings[:, 0])
    rows, ratings = [one for one, kept in zip(rows, there, strict=True) if kept], ratings[there]
    found: dict[str, Json] = {"n": len(rows), "n_unscored": int((~there).sum())}
    for column, kind in enumerate(KINDS[:2]):
        positive = np.array([one.targets[kind] > 0.5 for one in rows], dtype=bool)
        interval = stats.auc_interval(ratings[:, column], positive, [one.cluster for one in rows])
        called = ratings[:, column] >= 0.5
        found[kind] = {
            "auc": round(stats.auc(ratings[:, column], positive), 4),
            "interval": [round(interval.low, 4), round(interval.high, 4)],
            "n_positive": int(positive.sum()),
            "sensitivity": round(float(called[positive].mean()), 4),
            "specificity": round(float((~called[~positive]).mean()), 4),
        }
    return found


if __name__ == "__main__":
    main()
