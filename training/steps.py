"""`python -m training.steps`: what each part of the toxicity scorer brings, one added to the other.

A tenth of each source's training texts, by digest, and twenty passes where only the head is trained: the figures serve
to compare the steps, and lie below those of the shipped scorer. They are taken on the part `calibration`, since steps
are chosen by them: the part `test`, HateCheck and the sets of other sources are not looked at. `--table` prints what
was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from auditor.scorers import minilm_toxicity
from auditor.types import Json
from training import calibrate, fit, measure, studies
from training.__main__ import read_examples
from training.example import Example
from training.own_items import MORE, own_items
from training.sources import SOURCES, neutral_phrases
from training.swaps import swapped

RESULT = studies.RESULTS / "steps.json"
_CHEAP = fit.Settings(threads=1)
Readings = dict[tuple[bool, tuple[int, ...]], list[fit.Read]]  # by folding and the layers with adapters
_FROZEN = msgspec.structs.replace(_CHEAP, adapted=(), epochs=20)


class Step(Struct, frozen=True, kw_only=True):
    """A way to train the scorer: on which texts, with which adapters, with folded spellings or without."""

    name: str
    settings: fit.Settings
    learns_from: Callable[[Example], bool]
    folded: bool = True


def _first(example: Example) -> bool:
    """Return whether the first version of the scorer learnt from a text."""
    return not example.source.startswith("swapped: ") and not example.cluster.startswith("own more ")


STEPS = (
    Step(
        name="frozen encoder and head, on ToxiGen",
        settings=_FROZEN,
        learns_from=lambda example: example.source == "toxigen",
        folded=False,
    ),
    Step(
        name="and the other public sources",
        settings=_FROZEN,
        learns_from=lambda example: example.source in SOURCES,
        folded=False,
    ),
    Step(
        name="and adapters in three layers",
        settings=_CHEAP,
        learns_from=lambda example: example.source in SOURCES,
        folded=False,
    ),
    Step(name="and own sentences", settings=_CHEAP, learns_from=_first, folded=False),
    Step(name="and folded spellings (version 1.0.0)", settings=_CHEAP, learns_from=_first),
    Step(
        name="1.0.0 and more own sentences",
        settings=_CHEAP,
        learns_from=lambda example: not example.source.startswith("swapped: "),
    ),
    Step(
        name="1.0.0 and swapped groups",
        settings=_CHEAP,
        learns_from=lambda example: not example.cluster.startswith("own more "),
    ),
)


def main() -> None:
    """Take every step and write its figures, or print those that were written."""
    parser = studies.parser(__doc__, RESULT)
    parser.add_argument("--table", action="store_true", help="print the written figures as a Markdown table")
    asked = parser.parse_args()
    if asked.table:
        print(table(json.loads(asked.out.read_text(encoding="utf-8"))))  # noqa: T201 - the document that was asked for
        return
    everything = [*read_examples(asked.data), *own_items(MORE)]
    examples = [one for one in [*everything, *swapped(everything)] if one.part != "train" or studies.kept(one, 10)]
    phrases = list(neutral_phrases(asked.data, "calibration"))
    rows: dict[str, Json] = {}
    readings: Readings = {}
    for step in STEPS:
        rows[step.name] = row_of(measured(step, examples, phrases, readings))
        studies.write(asked.out, {"scorer": studies.scorer(), "steps": rows})


def measured(
    step: Step, examples: Sequence[Example], phrases: Sequence[Example], readings: Readings
) -> dict[str, Json]:
    """Return the figures of what a step trains, calibrated as the shipped scorer is, on the part `calibration`.

    `readings` holds what earlier steps read, and is added to.
    """
    encoder, _ = minilm_toxicity.open_encoder()
    tokenise = studies.tokeniser(folded=step.folded)
    used = [
        msgspec.structs.replace(one, part="test") if one.part == "train" and not step.learns_from(one) else one
        for one in examples
        if one.part != "test"
    ]
    manner = (step.folded, step.settings.adapted)
    model, readings[manner] = fit.fit(encoder, tokenise, used, step.settings, readings.get(manner))
    held = [number for number, one in enumerate(used) if one.part == "calibration"]
    logits = fit.logits_of(model, [readings[manner][number] for number in held])
    scale, shift = calibrate.platt(logits, [used[number] for number in held])
    known = dict(zip([used[number].text for number in held], logits, strict=True))

    def rate(texts: Sequence[str]) -> np.ndarray:
        new = sorted(set(texts) - set(known))
        known.update(
            zip(new, fit.logits_of(model, fit.read_texts(model, [tokenise(text) for text in new])), strict=True)
        )
        return 1 / (1 + np.exp(-(np.array([known[text] for text in texts]) * scale + shift)))

    return measure.measured([used[number] for number in held], rate, phrases)


def row_of(found: dict[str, Json]) -> dict[str, float]:
    """Return the figures that the table shows."""
    auc = {name: row["value"] for name, row in found["auc"].items()}
    public = [value for name, value in auc.items() if name.endswith(" toxicity") and not name.startswith("own")]
    return {
        "ToxiGen": auc["toxigen toxicity"],
        "HatemojiBuild": auc["hatemoji toxicity"],
        "mean of public sources": round(float(np.mean(public)), 4),
        "own sentences, hate": auc["own hate"],
        "neutral phrases called toxic": found["neutral_mentions"]["identity_templates"]["value"],
        "hidden spellings still found": round(float(np.mean([row["kept"] for row in found["spellings"].values()])), 4),
    }


def table(content: dict[str, Json]) -> str:
    """Return the figures as a Markdown table, a line a step."""
    steps: dict[str, dict[str, float]] = content["steps"]
    columns = list(next(iter(steps.values())))
    lines = [f"| step | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(_shown(row))} |" for name, row in steps.items())])


def _shown(row: dict[str, float]) -> list[str]:
    return [f"{value:.1%}" if "called" in name or "found" in name else f"{value:.3f}" for name, value in row.items()]


if __name__ == "__main__":
    main()
