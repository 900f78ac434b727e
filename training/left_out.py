"""`python -m training.left_out`: the toxicity scorer on groups that nothing it was trained on names.

ToxiGen's thirteen groups are left out in five folds; groups that are easily taken for one another share a fold. A fold
keeps from training every text, of any source, that ToxiGen gives to one of its groups or in which a word names one
(`items/toxigen_groups.toml`). What is trained on the rest then rates all of ToxiGen's sentences about those groups.

To save time, the sources that have little to say of groups give a sixth of their texts, by digest, training runs for
two epochs in place of three, adapters are in the last three layers, not in all, and no mean is taken: some texts are
spelt otherwise, and there is no noise. Half an hour and not four. The same training with nothing left out is the figure
to compare with.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from auditor import stats
from auditor.scorers import minilm_toxicity
from auditor.scorers.spelling import fold_spelling
from auditor.types import Json
from training import fit, studies
from training.__main__ import read_examples, taught
from training.example import Example
from training.own_items import ITEMS
from training.statements import all_statements

FOLDS = (
    ("asian", "chinese"),
    ("latino", "mexican", "native-american"),
    ("jewish", "middle-eastern", "muslim"),
    ("mental dis", "physical dis", "women"),
    ("black", "lgbtq"),
)
RESULT = studies.RESULTS / "left_out.json"
_ABOVE = {"chinese": "asian", "mexican": "latino"}  # a sentence about the former is given to the latter as well


def main() -> None:
    """Train and rate fold by fold; write the figures."""
    asked = studies.parser(__doc__, RESULT).parse_args()
    settings = msgspec.structs.replace(fit.SHIPPED, adapted=(3, 4, 5), epochs=2)
    examples = taught([*thinned(read_examples(asked.data)), *all_statements()], with_noise="spelt")
    about = {"scorer": studies.scorer(), "settings": msgspec.to_builtins(settings)}
    control, read = nothing_left_out(examples, settings)
    logits, folds = _by_fold(examples, settings, read)
    studies.write(asked.out, {**about, "folds": folds, **figures(logits), "nothing_left_out": control})


def thinned(examples: Sequence[Example]) -> list[Example]:
    """Return what is trained on, of the sources that seldom name groups a sixth, and all of ToxiGen's sentences."""
    trained = [one for one in examples if one.part == "train" or one.source == "toxigen"]
    return [one for one in trained if one.source not in studies.GENERAL or studies.kept(one, 6)]


def names_one_of(groups: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that finds a word which names one of ToxiGen's groups.

    >>> bool(names_one_of(["jewish"]).search("The Rabbi sings.")), bool(names_one_of(["jewish"]).search("A jawbone."))
    (True, False)
    """
    words = tomllib.loads((ITEMS / "toxigen_groups.toml").read_text(encoding="utf-8"))["words"]
    alternatives = "|".join(words[group].replace(".*", r"\w*") for group in groups)
    return re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE)


def without(examples: Sequence[Example], groups: Sequence[str]) -> list[Example]:
    """Return the examples with those that concern one of the groups moved out of training, into part `test`.

    None of the rest is read with one of them in another group's place.
    """
    named = names_one_of(groups)
    return [
        msgspec.structs.replace(one, part="test")
        if named.search(fold_spelling(one.text)) or set(groups) & toxigen_groups(one)
        else msgspec.structs.replace(one, others=tuple(text for text in one.others if not named.search(text)))
        for one in examples
    ]


def toxigen_groups(example: Example) -> set[str]:
    """Return the groups that ToxiGen gives a sentence to, the narrower ones where two say the same."""
    found = set(example.group.split("+")) if example.source == "toxigen" else set()
    return found - {_ABOVE[group] for group in found if group in _ABOVE}


def figures(logits: Mapping[str, tuple[Sequence[float], Sequence[bool], Sequence[str]]]) -> dict[str, Json]:
    """Return AUC with its interval by group, and the mean over groups, of logits, labels and clusters by group."""
    groups: dict[str, Json] = {}
    for name, (values, labels, clusters) in sorted(logits.items()):
        scores, flags = np.array(values), np.array(labels, dtype=bool)
        interval = stats.auc_interval(scores, flags, list(clusters))
        groups[name] = {
            "auc": round(stats.auc(scores, flags), 4),
            "interval": [round(interval.low, 4), round(interval.high, 4)],
            "n": len(flags),
            "n_toxic": int(flags.sum()),
        }
    return {"groups": groups, "mean_auc": round(float(np.mean([row["auc"] for row in groups.values()])), 4)}


def nothing_left_out(examples: Sequence[Example], settings: fit.Settings) -> tuple[dict[str, Json], list[fit.Read]]:
    """Return the AUC on ToxiGen's sentences of part `test` after the same training with no group left out.

    And the examples as read, for the folds.
    """
    encoder, _ = minilm_toxicity.open_encoder()
    model, read = fit.fit(encoder, studies.tokeniser(), examples, settings)
    rows = [number for number, one in enumerate(examples) if one.source == "toxigen" and one.part == "test"]
    logits = fit.logits_of(model, [read[row] for row in rows])[:, 0]
    labels = np.array([examples[row].targets["toxicity"] > 0.5 for row in rows])
    return {"auc": round(stats.auc(logits, labels), 4), "n": len(rows)}, read


def _by_fold(
    examples: list[Example], settings: fit.Settings, read: list[fit.Read]
) -> tuple[dict[str, tuple[list[float], list[bool], list[str]]], list[Json]]:
    """Return by group its sentences' logits, labels and clusters, and what each fold was trained on."""
    found: dict[str, tuple[list[float], list[bool], list[str]]] = {}
    folds: list[Json] = []
    for groups in FOLDS:
        left = without(examples, groups)
        encoder, _ = minilm_toxicity.open_encoder()
        model, _ = fit.fit(encoder, studies.tokeniser(), left, settings, read)
        for group, rows in _sentences(left, groups):
            logits = fit.logits_of(model, [read[row] for row in rows])[:, 0]
            labels = [left[row].targets["toxicity"] > 0.5 for row in rows]
            found[group] = (logits.tolist(), labels, [left[row].cluster for row in rows])
        n_trained = sum(one.part == "train" for one in left)
        n_before = sum(one.part == "train" for one in examples)
        folds.append({"groups": list(groups), "n_trained": n_trained, "n_kept_out": n_before - n_trained})
    return found, folds


def _sentences(examples: Sequence[Example], groups: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    for group in groups:
        yield group, [number for number, one in enumerate(examples) if group in toxigen_groups(one)]


if __name__ == "__main__":
    main()
