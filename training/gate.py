"""`python -m training.gate`: weights on the part that calibrates, by which it is decided whether they ship (ADR 0024).

The part `test`, HateCheck and the sets of other sources are not looked at. `--weights` names those of another version.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from auditor import schema
from auditor.scorers import minilm_toxicity
from auditor.scorers.minilm_toxicity import KINDS, MiniLMToxicity
from auditor.types import Json
from training import measure, studies
from training.__main__ import rater, read_examples
from training.sources import SOURCES, neutral_phrases
from training.steps import row_of

RESULT = studies.RESULTS / "gate.json"


def main() -> None:
    """Measure and add the figures under the version of the weights."""
    parser = studies.parser(__doc__, RESULT)
    parser.add_argument("--weights", type=Path, default=minilm_toxicity.weights_path())
    parser.add_argument("--version", default=minilm_toxicity.VERSION)
    asked = parser.parse_args()
    found = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.is_file() else {}
    found[asked.version] = {
        "weights_sha256": schema.digest_file(asked.weights).sha256,
        **figures(asked.weights, asked.data),
    }
    studies.write(asked.out, dict(sorted(found.items())))


def figures(weights: Path, data: Path) -> dict[str, Json]:
    """Return what the rule asks for."""
    rate = rater(MiniLMToxicity(weights, KINDS[0]))
    held = [one for one in read_examples(data) if one.part == "calibration"]
    found = measure.measured(held, rate, list(neutral_phrases(data, "calibration")))
    public = [one for one in held if one.source in SOURCES]
    toxicity = np.array([one.targets.get("toxicity", 0.5) for one in public])
    ratings = rate([one.text for one in public])[:, 0]
    toxicity, called = toxicity[~np.isnan(ratings)], ratings[~np.isnan(ratings)] >= 0.5
    return {
        **row_of(found),
        "largest gap between terms": found["neutral_mentions"]["largest gap between terms"]["value"],
        "sensitivity": round(float(called[toxicity > 0.75].mean()), 4),
        "specificity": round(float((~called[toxicity < 0.25]).mean()), 4),
        "auc": {name: row["value"] for name, row in found["auc"].items()},
    }


if __name__ == "__main__":
    main()
