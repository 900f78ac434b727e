"""`python -m training.candidates`: ways to train the toxicity scorer, measured first (ADRs 24, 28, 30, 31, 34, 39).

Each is trained whole and measured on the part that calibrates, as are the shipped weights. The part `test`, HateCheck
and the sets of other sources are not looked at. `--table` prints what was written. Names train these candidates only.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from auditor import schema, stats
from auditor.scorers import minilm_toxicity
from auditor.scorers.minilm_toxicity import KINDS, MiniLMToxicity
from auditor.types import Json
from training import measure, noisy, studies
from training.__main__ import rater, read_examples, taught, train
from training.example import Example
from training.fit import Settings
from training.noisy import Noisy
from training.sources import SOURCES, neutral_phrases
from training.statements import FIRST, MORE, all_statements, statements
from training.steps import row_of

RESULT = studies.RESULTS / "candidates.json"


class Candidate(Struct, frozen=True, kw_only=True):
    """How to train: one of so many texts of the general sources, and how many other groups for the one in a text.

    With `more` it learns from the second file of own sentences, too, from the first file of statements and from both
    where these have a weight, with `kinds` told what threatens and insults. With `noise` it learns from noise, and from
    texts amid noise that are added to the others or stand in place of some; of several ways the mean of the weights is
    taken.
    """

    settings: Settings
    general: int
    n_others: int
    more: bool = False
    statements: float = 0.0
    all_statements: float = 0.0
    kinds: bool = False
    noise: tuple[Noisy, ...] = ("",)


_THREE = Settings(renamed=0.3, unread=0.1, unread_in=("toxigen",), averaged=0.3, threads=1)
_PLAIN = msgspec.structs.replace(_THREE, unread=0.0, unread_in=())
_ALL_LAYERS = msgspec.structs.replace(_PLAIN, adapted=(0, 1, 2, 3, 4, 5))
_TWICE_THE_RANK = msgspec.structs.replace(_ALL_LAYERS, rank=32)
CANDIDATES = {
    "a third of the general sources, two passes": Candidate(
        settings=Settings(
            epochs=2,
            renamed=0.3,
            unread=0.1,
            unread_in=("toxigen", *studies.GENERAL, "identity_templates"),
            averaged=0.5,
        ),
        general=3,
        n_others=3,
    ),
    "all sources, three passes": Candidate(settings=_THREE, general=1, n_others=2),
    "and more own sentences": Candidate(settings=_THREE, general=1, n_others=2, more=True),
    "and no token left out": Candidate(settings=_PLAIN, general=1, n_others=2, more=True),
    "1.1.0 with adapters in all layers": Candidate(settings=_ALL_LAYERS, general=1, n_others=2, more=True),
    "1.1.0 with adapters in all layers, and statements": Candidate(
        settings=_ALL_LAYERS, general=1, n_others=2, more=True, statements=1.5
    ),
    "1.1.0 with adapters in all layers, and statements at half weight": Candidate(
        settings=_ALL_LAYERS, general=1, n_others=2, more=True, statements=0.75
    ),
    "1.2.0 with noise, alone and around texts": Candidate(
        settings=_ALL_LAYERS, general=1, n_others=2, more=True, noise=("added",)
    ),
    "1.2.0 with noise, texts amid noise and spelt otherwise in place": Candidate(
        settings=_ALL_LAYERS, general=1, n_others=2, more=True, noise=("in place",)
    ),
    "1.3.0 with all statements at half weight": Candidate(
        settings=_ALL_LAYERS, general=1, n_others=2, more=True, all_statements=0.5
    ),
    "1.3.0 with all statements at half weight and twice the rank": Candidate(
        settings=_TWICE_THE_RANK, general=1, n_others=2, more=True, all_statements=0.5
    ),
    "1.3.0 with all statements, twice the rank, and noise in place": Candidate(
        settings=_TWICE_THE_RANK, general=1, n_others=2, more=True, all_statements=0.5, noise=("in place",)
    ),
    "1.3.0 with all statements, twice the rank, and some texts spelt otherwise": Candidate(
        settings=_TWICE_THE_RANK, general=1, n_others=2, more=True, all_statements=0.5, noise=("spelt",)
    ),
    "the mean of noise in place and some texts spelt otherwise": Candidate(
        settings=_TWICE_THE_RANK, general=1, n_others=2, more=True, all_statements=0.5, noise=("in place", "spelt")
    ),
    "the mean of neither and some texts spelt otherwise": Candidate(
        settings=_TWICE_THE_RANK, general=1, n_others=2, more=True, all_statements=0.5, noise=("", "spelt")
    ),
    "the mean of noise in place and some texts spelt otherwise, kinds of statements told": Candidate(
        settings=_TWICE_THE_RANK,
        general=1,
        n_others=2,
        more=True,
        all_statements=0.5,
        kinds=True,
        noise=("in place", "spelt"),
    ),
}


def main() -> None:
    """Train and measure candidates, and write the figures, or print those that were written."""
    parser = studies.parser(__doc__, RESULT)
    parser.add_argument("names", nargs="*", choices=[[], *CANDIDATES], help="candidates to train (default: all)")
    parser.add_argument("--keep", type=Path, help="folder for the candidates' weights and how they were made")
    parser.add_argument("--table", action="store_true", help="print the written figures as a Markdown table")
    asked = parser.parse_args()
    found = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.is_file() else {}
    if asked.table:
        print(table(found))  # noqa: T201 - the document that was asked for
        return
    found[minilm_toxicity.VERSION] = figures(minilm_toxicity.weights_path(), asked.data)
    studies.write(asked.out, found)
    for name in asked.names or CANDIDATES:
        with tempfile.TemporaryDirectory() as folder:
            weights = (asked.keep or Path(folder)) / f"{name}.safetensors"
            made = train(learnt(CANDIDATES[name], read_examples(asked.data)), weights, CANDIDATES[name].settings)
            studies.write(weights.with_suffix(".json"), made)
            found[name] = figures(weights, asked.data)
        studies.write(asked.out, found)


def learnt(candidate: Candidate, examples: Sequence[Example]) -> list[list[Example]]:
    """Return what a candidate is trained and calibrated on: our own phrases too, and texts with groups renamed."""
    used = [
        one
        for one in examples
        if one.part != "train" or one.source not in studies.GENERAL or studies.kept(one, candidate.general)
    ]
    used += statements(candidate.statements, kinds=False) if candidate.statements else []
    used += all_statements(candidate.all_statements, kinds=candidate.kinds) if candidate.all_statements else []
    return [taught(used, n_others=candidate.n_others, more=candidate.more, with_noise=how) for how in candidate.noise]


def figures(weights: Path, data: Path) -> dict[str, Json]:
    """Return what the rule asks for, of weights on the part that calibrates."""
    rate = rater(MiniLMToxicity(weights, KINDS[0]))
    examples = read_examples(data)
    held = [one for one in examples if one.part == "calibration"]
    noise = noisy.figures(examples, rate, "calibration")
    found = measure.measured(held, rate, list(neutral_phrases(data, "calibration")))
    public = [one for one in held if one.source in SOURCES]
    ratings = rate([one.text for one in public])[:, 0]
    there = ~np.isnan(ratings)
    toxicity = np.array([one.targets.get("toxicity", 0.5) for one in public])[there]
    called = ratings[there] >= 0.5
    return {
        "weights_sha256": schema.digest_file(weights).sha256,
        **row_of(found),
        "largest gap between terms": found["neutral_mentions"]["largest gap between terms"]["value"],
        "sensitivity": round(float(called[toxicity > 0.75].mean()), 4),
        "specificity": round(float((~called[toxicity < 0.25]).mean()), 4),
        **noisy.row_of(noise),
        "auc": {name: row["value"] for name, row in found["auc"].items()} | _on_statements(rate),
        "noise": noise,
    }


def _on_statements(rate: measure.Rate) -> dict[str, float]:
    """Return AUC on the statements of each file about groups that no statement of part `train` is about."""
    found = {}
    for file in (FIRST, MORE):
        held = [one for one in statements(file=file) if one.part == "calibration"]
        ratings = rate([one.text for one in held])
        for column, kind in enumerate(KINDS[:2]):
            name = f"{file.removesuffix('.jsonl').replace('_', ' ')} {kind}"
            found[name] = round(float(stats.auc(ratings[:, column], _positive(held, kind))), 4)
    return found


def _positive(examples: Sequence[Example], kind: str) -> np.ndarray:
    return np.array([one.targets[kind] > 0.5 for one in examples], dtype=bool)


def table(found: dict[str, dict[str, Json]]) -> str:
    """Return the figures as a Markdown table, a line a candidate; those that one was not measured for are left open."""
    columns = list(dict.fromkeys(name for row in found.values() for name in row if isinstance(row[name], float)))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in found.items():
        figures = (f"{row[column]:.3f}" if column in row else "–" for column in columns)
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
