"""`python -m training`: train the toxicity scorer and measure it, or write out the texts that it is measured on."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from auditor.scorers import minilm_toxicity
from auditor.scorers.base import Rating
from auditor.types import Json
from training import calibrate, measure, noisy
from training.energy import Tracked
from training.example import KINDS, Example
from training.mentions import mentions
from training.noisy import Noisy
from training.own_items import MORE, own_items
from training.renamed import renamed
from training.sources import SOURCES, neutral_phrases
from training.statements import all_statements

if TYPE_CHECKING:
    from training.fit import Settings

ROOT = Path(__file__).resolve().parent.parent
MEAN_OF: tuple[Noisy, ...] = ("in place", "spelt")  # how texts are noisy in each list that is trained on
GOLDEN = ROOT / "tests" / "data" / "minilm_toxicity_golden.json"


def main() -> None:
    """Read what to do, and do it."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("AUDITOR_DATA_DIR", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--out", type=Path, default=ROOT / "scorers", help="folder for the weights and the report")
    parser.add_argument("--golden", type=Path, default=GOLDEN, help="file for the golden scores")
    parser.add_argument("--held-out", type=Path, help="only write the held-out texts, as JSON lines")
    parser.add_argument("--measure", action="store_true", help="only measure the weights that are there again")
    asked = parser.parse_args()
    examples = read_examples(asked.data)
    path = asked.out / f"{minilm_toxicity.NAME}.safetensors"
    if asked.held_out:
        write_held_out(examples, asked.held_out)
        return
    trained = {} if asked.measure else train(learnt(examples), path)
    report(path, measured(examples, asked.data, path), trained)
    if trained:
        write_golden(path, asked.golden)


def read_examples(data: Path) -> list[Example]:
    """Return all labelled texts, those of the public sources first."""
    return [*(example for source in SOURCES.values() for example in source(data)), *own_items()]


def learnt(examples: Sequence[Example]) -> list[list[Example]]:
    """Return what is trained on: two lists, of whose weights the mean is taken, with noise in place and without."""
    whole = [*examples, *all_statements()]
    return [taught(whole, with_noise=how) for how in MEAN_OF]


def taught(
    examples: Sequence[Example], *, n_others: int = 2, more: bool = True, with_noise: Noisy = ""
) -> list[Example]:
    """Return the texts with what else is trained on: `more` sentences of our own, short phrases, and groups renamed.

    Last comes noise; texts with noise around them are added to the others, or stand in place of some. `spelt`: there is
    no noise, and some are spelt otherwise. None of the part that calibrates decides the operating point.
    """
    further = [example for example in own_items(MORE) if example.part == "train"] if more else []
    last = noisy.taught(examples, with_noise) if with_noise else []
    amid = {"in place": noisy.AMID, "spelt": 0.0}.get(with_noise)
    read = examples if amid is None else noisy.in_place(examples, amid)
    return renamed([*read, *further, *mentions(), *last], n_others)


def write_held_out(examples: Sequence[Example], path: Path) -> None:
    """Write the texts of part `test` whose toxicity is plain (up to 0.25, or from 0.75 on), for a calibration."""
    rows = []
    for example in examples:
        value = example.targets.get("toxicity")
        if example.part == "test" and value is not None and not 0.25 < value < 0.75:
            source = example.source.partition(":")[0]
            label = "toxic" if value > 0.5 else "civil"
            rows.append({"text": example.text, "label": label, "source": source, "cluster": example.cluster})
            rows[-1] |= {"group": example.group} if source != "own" else {}
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows), encoding="utf-8"
    )


def train(lists: Sequence[Sequence[Example]], path: Path, settings: Settings | None = None) -> dict[str, Json]:
    """Train and calibrate; write the weights, and return what the report says of how they came to be.

    Of several lists of texts, which calibrate alike, the mean of what is trained on each is taken.
    """
    from training.fit import SHIPPED, logits_of
    from training.fit import read_examples as read
    from training.mean import fit_each
    from training.studies import tokeniser

    tracked = Tracked()
    started, cpu = time.monotonic(), _cpu_s()
    settings = settings or SHIPPED
    model = fit_each(lists, settings)
    held = [example for example in lists[0] if example.part == "calibration"]
    scale, shift = calibrate.platt(logits_of(model, read(model, tokeniser(), held)), held)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_weights(path, model.adapters, model.heads.state_dict(), scale, shift)
    return {
        "scorer": minilm_toxicity.NAME,
        "version": minilm_toxicity.VERSION,
        "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "settings": msgspec.to_builtins(settings),
        "texts": {part: _counts(lists, part) for part in ("train", "calibration", "test")},
        "cost": {
            "wall_s": round(time.monotonic() - started),
            "cpu_s": round(_cpu_s() - cpu),
            **tracked.stop(),
        },
    }


def _cpu_s() -> float:
    """Return the seconds of processor time of this process and of those that it started and that ended."""
    return sum(os.times()[:4])


def write_weights(path: Path, adapters: Json, heads: Json, scale: np.ndarray, shift: np.ndarray) -> None:
    """Write adapters and heads in half precision, and the calibration in double."""
    import torch
    from safetensors.torch import save_file

    tensors = {f"adapters.{name}": value.detach().half().contiguous() for name, value in adapters.items()}
    tensors |= {f"heads.{name}": value.detach().half().contiguous() for name, value in heads.items()}
    tensors |= {"calibration.scale": torch.from_numpy(scale), "calibration.shift": torch.from_numpy(shift)}
    save_file(tensors, path, metadata={"scorer": minilm_toxicity.NAME, "version": minilm_toxicity.VERSION})
    path.chmod(0o644)


def measured(examples: Sequence[Example], data: Path, weights: Path) -> dict[str, Json]:
    """Return what written weights are worth on held-out texts, as they are used."""
    rate = rater(minilm_toxicity.MiniLMToxicity(weights, KINDS[0]))
    held_out = [example for example in examples if example.part == "test"]
    found = measure.measured(held_out, rate, list(neutral_phrases(data)))
    told = [example for example in all_statements() if example.part == "test"]
    statements = measure.auc_by_source(told, rate([example.text for example in told]))
    return found | {"statements": statements, "noise": noisy.figures(examples, rate, "test")}


def report(weights: Path, found: dict[str, Json], trained: dict[str, Json]) -> None:
    """Write figures beside the weights; what was trained is what the report there says, unless it was just now."""
    path = weights.with_suffix(".json")
    content = trained or json.loads(path.read_text(encoding="utf-8"))
    content |= {"version": minilm_toxicity.VERSION, "held_out": found}
    if content["weights_sha256"] != hashlib.sha256(weights.read_bytes()).hexdigest():
        raise SystemExit(f"error: {path} is about other weights than {weights}; hint: train anew, without --measure")
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_golden(weights: Path, golden: Path) -> None:
    """Write the scores of the texts that the golden file holds."""
    texts = sorted(json.loads(golden.read_text(encoding="utf-8")))
    scores = rater(minilm_toxicity.MiniLMToxicity(weights, KINDS[0]))(texts)
    rows = {text: [round(value, 6) for value in row] for text, row in zip(texts, scores.tolist(), strict=True)}
    golden.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def rater(scorer: minilm_toxicity.MiniLMToxicity) -> measure.Rate:
    """Return what gives ratings [texts, kinds]; an unscored text has NaN."""

    def rate(texts: Sequence[str]) -> np.ndarray:
        unscored = [float("nan")] * len(KINDS)
        return np.array(
            [list(row.kinds.values()) if isinstance(row, Rating) else unscored for row in scorer.rate(texts)]
        ).reshape(-1, len(KINDS))

    return rate


def _counts(lists: Sequence[Sequence[Example]], part: str) -> dict[str, int]:
    """Return how many texts of a part each source gives to a list, at most."""
    found: Counter[str] = Counter()
    for examples in lists:
        found |= Counter(example.source for example in examples if example.part == part)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    main()
