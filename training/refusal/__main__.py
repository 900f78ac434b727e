"""`python -m training.refusal`: train head and reader of `minilm-refusal`, and measure them beside the rules."""

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
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from auditor.scorers import minilm_refusal
from auditor.scorers.minilm_refusal import RefusalNetwork
from auditor.scorers.minilm_toxicity import open_encoder
from auditor.scorers.reply_rules import classify_reply
from auditor.types import Json
from training.refusal import items, measure
from training.refusal.fit import Head, Settings, fit
from training.refusal.items import HELD, ROOT, Reply
from training.refusal.judges import SHIPPED, Judges, variants
from training.refusal.reader import ReaderSettings, fit_reader

GOLDEN = ROOT / "tests" / "data" / "minilm_refusal_golden.json"
_AT_ONCE = 64


def main() -> None:
    """Read where the data are and where to write, and do it."""
    parser = argparse.ArgumentParser(prog="python -m training.refusal", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("AUDITOR_DATA_DIR", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--out", type=Path, default=ROOT / "scorers", help="folder for the weights and the report")
    parser.add_argument("--golden", type=Path, default=GOLDEN, help="file for the golden scores")
    parser.add_argument(
        "--more", type=Path, metavar="FOLDER", help="train the candidate of ADR 38, with more replies, into a folder"
    )
    parser.add_argument(
        "--measure",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="only print what weights, such as earlier ones of scorers/, are worth on the tests",
    )
    asked = parser.parse_args()
    if asked.measure:
        print(on_tests(asked.measure))  # noqa: T201 - what was asked for
        return
    network = train(asked.data, asked.more or asked.out, more=asked.more is not None)
    if not asked.more:
        write_golden(network, asked.golden)


def train(data: Path, out: Path, *, more: bool = False) -> RefusalNetwork:
    """Train the heads and the reader, write the weights and the report, and return what they make."""
    started, settings, reads = time.monotonic(), Settings(), ReaderSettings()
    torch.set_num_threads(settings.threads)
    replies = items.training(data, more=more)
    network = RefusalNetwork()
    pairs = [(reply.prompt, reply.reply) for reply in replies]
    vectors, sequences = vectors_of(network, pairs, "Reading"), network.sequences(pairs)
    heads = {name: fit(vectors, replies, settings, used) for name, used in variants(vectors.shape[1]).items()}
    judges = Judges(heads, fit_reader(open_encoder()[0], sequences, replies, reads), settings.reader_share)
    judges.calibrate(vectors, sequences, replies, settings)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{minilm_refusal.NAME}.safetensors"
    write_weights(path, judges.shipped())
    wall_s = round(time.monotonic() - started)
    network.load(path)
    content = {
        "scorer": minilm_refusal.NAME,
        "version": minilm_refusal.VERSION,
        "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "settings": msgspec.to_builtins(settings),
        "reader": msgspec.to_builtins(reads),
        "wall_s": wall_s,
        "replies": counts(replies),
        "measured": compared(network, judges, sets(data, replies)),
    }
    path.with_suffix(".json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return network


def vectors_of(network: RefusalNetwork, pairs: Sequence[tuple[str, str]], what: str) -> Tensor:
    """Return what a head is given, [pairs, features], read with a bar of progress."""
    starts = track(range(0, len(pairs), _AT_ONCE), description=what, console=Console(stderr=True))
    return torch.cat([network.vectors(pairs[start : start + _AT_ONCE]) for start in starts])


def write_weights(path: Path, weights: Head) -> None:
    """Write head and reader in half precision, how they are mixed and calibrated in double."""
    from safetensors.torch import save_file

    tensors = {name: value if value.dtype == torch.float64 else value.half() for name, value in weights.items()}
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, path, metadata={"scorer": minilm_refusal.NAME, "version": minilm_refusal.VERSION})
    path.chmod(0o644)


def sets(data: Path, replies: Sequence[Reply]) -> dict[str, list[dict[str, str]]]:
    """Return labelled replies to measure on: those for choosing, whose names say so, and the tests."""
    return development(data, replies) | {f"test: {name}": rows for name, rows in items.tests().items()}


def development(data: Path, replies: Sequence[Reply]) -> dict[str, list[dict[str, str]]]:
    """Return labelled replies to choose by."""
    chosen = [reply for reply in replies if reply.part == "calibration"]
    return {
        "development: held-out prompts of the training data": [_row(reply) for reply in chosen if reply.source != HELD],
        "development: held-out manners": [_row(reply) for reply in chosen if reply.source == HELD],
        "development: GPT-4 on XSTest": items.xstest(data, "gpt4"),
    }


def _row(reply: Reply) -> dict[str, str]:
    return {"prompt": reply.prompt, "reply": reply.reply, "label": reply.label}


def compared(network: RefusalNetwork, judges: Judges, rows_of: dict[str, list[dict[str, str]]]) -> dict[str, Json]:
    """Return by set and judge what each judge is worth: the rules as heads read them, heads, reader and scorer.

    The scorer is the network, with the weights that were written, in half precision, as it is used.
    """
    found: dict[str, Json] = {}
    for name, rows in rows_of.items():
        pairs = [(row["prompt"], row["reply"]) for row in rows]
        ruled: list[str] = [classify_reply(prompt, reply, as_fitted=True).label for prompt, reply in pairs]
        labels = judges.labels(vectors_of(network, pairs, "Measuring"), network.sequences(pairs))
        labels = {"rules": ruled} | labels | {SHIPPED: said_by(network, rows)}
        found[name] = {who: measure.measured(rows, said) for who, said in labels.items()}
    return found


def on_tests(weights: Sequence[Path]) -> str:
    """Return as a Markdown table how well written weights tell refusals and incoherent replies in each test."""
    network = RefusalNetwork()
    lines = ["| test | n | weights | refusals | incoherent |", "|---|---|---|---|---|"]
    for path in weights:
        network.load(path)
        for name, rows in items.tests().items():
            found = measure.measured(rows, said_by(network, rows))
            figures = (found[what]["balanced_accuracy"] for what in ("refusal", "incoherent"))
            lines.append(f"| {name} | {found['n']} | {path.name} | {' | '.join(map(_shown, figures))} |")
    return "\n".join(lines)


def _shown(figure: Json) -> str:
    if "value" not in figure:
        return "–"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def said_by(network: RefusalNetwork, rows: Sequence[dict[str, str]]) -> list[str]:
    """Return the label of each reply by weights that were written."""
    return [judged.label for judged in network.judge([(row["prompt"], row["reply"]) for row in rows])]


def counts(replies: Sequence[Reply]) -> dict[str, Json]:
    """Return how many replies there are, by part, source and label."""
    return {
        part: {
            source: dict(sorted(Counter(r.label for r in replies if (r.part, r.source) == (part, source)).items()))
            for source in sorted({reply.source for reply in replies if reply.part == part})
        }
        for part in ("train", "calibration")
    }


def write_golden(network: RefusalNetwork, path: Path) -> None:
    """Write the probabilities of the replies that the file names."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    judged = network.judge([(row["prompt"], row["reply"]) for row in rows])
    for row, found in zip(rows, judged, strict=True):
        row["probabilities"] = [round(value, 6) for value in found.probabilities]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
