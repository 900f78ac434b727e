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

import msgspec
import numpy as np

from auditor.scorers import minilm_toxicity
from auditor.scorers.base import Rating
from auditor.scorers.spelling import fold_spelling
from auditor.types import Json
from training import calibrate, measure
from training.example import KINDS, Example
from training.own_items import own_items
from training.sources import SOURCES

ROOT = Path(__file__).resolve().parent.parent
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
    asked = parser.parse_args()
    examples = read_examples(asked.data)
    if asked.held_out:
        write_held_out(examples, asked.held_out)
        return
    train(examples, asked.out, asked.golden)


def read_examples(data: Path) -> list[Example]:
    """Return all labelled texts, those of the public sources first."""
    return [*(example for source in SOURCES.values() for example in source(data)), *own_items()]


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


def train(examples: Sequence[Example], out: Path, golden: Path) -> None:
    """Train, calibrate and measure; write weights, report and golden scores."""
    from training.fit import Settings, fit, logits_of

    started, cpu = time.monotonic(), time.process_time()
    settings = Settings()
    encoder, tokenizer = minilm_toxicity.open_encoder()
    model, read = fit(encoder, lambda text: list(tokenizer.encode(fold_spelling(text)).ids), examples, settings)
    held = [number for number, example in enumerate(examples) if example.part == "calibration"]
    scale, shift = calibrate.platt(logits_of(model, [read[n] for n in held]), [examples[n] for n in held])
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{minilm_toxicity.NAME}.safetensors"
    write_weights(path, model.adapters, model.heads.state_dict(), scale, shift)
    cost = {"wall_s": round(time.monotonic() - started), "cpu_s": round(time.process_time() - cpu)}
    report(examples, path, golden, settings=msgspec.to_builtins(settings), cost=cost)


def write_weights(path: Path, adapters: Json, heads: Json, scale: np.ndarray, shift: np.ndarray) -> None:
    """Write adapters and heads in half precision, and the calibration in double."""
    import torch
    from safetensors.torch import save_file

    tensors = {f"adapters.{name}": value.detach().half().contiguous() for name, value in adapters.items()}
    tensors |= {f"heads.{name}": value.detach().half().contiguous() for name, value in heads.items()}
    tensors |= {"calibration.scale": torch.from_numpy(scale), "calibration.shift": torch.from_numpy(shift)}
    save_file(tensors, path, metadata={"scorer": minilm_toxicity.NAME, "version": minilm_toxicity.VERSION})
    path.chmod(0o644)


def report(examples: Sequence[Example], weights: Path, golden: Path, *, settings: Json, cost: dict[str, int]) -> None:
    """Measure the written weights as they are used; write the report beside them, and the golden scores."""
    scorer = minilm_toxicity.MiniLMToxicity(weights, KINDS[0])
    found = measure.measured([example for example in examples if example.part == "test"], _rate(scorer))
    content = {
        "scorer": minilm_toxicity.NAME,
        "version": minilm_toxicity.VERSION,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "settings": settings,
        "texts": {part: _counts(examples, part) for part in ("train", "calibration", "test")},
        "cost": cost,
        "held_out": found,
    }
    weights.with_suffix(".json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    texts = json.loads(golden.read_text(encoding="utf-8"))
    scores = _rate(scorer)(sorted(texts))
    rows = {text: [round(value, 6) for value in row] for text, row in zip(sorted(texts), scores.tolist(), strict=True)}
    golden.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rate(scorer: minilm_toxicity.MiniLMToxicity) -> measure.Rate:
    def rate(texts: Sequence[str]) -> np.ndarray:
        unscored = [float("nan")] * len(KINDS)
        return np.array(
            [list(row.kinds.values()) if isinstance(row, Rating) else unscored for row in scorer.rate(texts)]
        ).reshape(-1, len(KINDS))

    return rate


def _counts(examples: Sequence[Example], part: str) -> dict[str, int]:
    return dict(sorted(Counter(example.source for example in examples if example.part == part).items()))


if __name__ == "__main__":
    main()
