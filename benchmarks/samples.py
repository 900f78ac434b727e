"""How much memory and time a run of very many samples takes: `python -m benchmarks.samples`.

A probe of so many pairs of short texts is asked of a Llama of one layer with random weights that reads bytes, so that
nearly all of the time and memory is the run's own: requests planned and packed, answers kept, scored and written. Each
count is a process of its own, whose peak of memory is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from auditor.progress import PlainProgress
from auditor.run import Settings, measure
from benchmarks.prepare import byte_tokenizer

COUNTS = (10_000, 100_000, 1_000_000)
PROBE = "bias/many"
_MIB = 1 << 20
_CONFIG = """version = "1.0.0"
title = "Many pairs"
construct = "Nothing; there are many of them."
languages = ["en"]
license = "Apache-2.0"
source = "Made by a benchmark"
[ask]
kind = "pairs"
texts = ["first", "second"]
[score]
scorer = "pair_preference"
metric = "first_rate"
ideal = 0.5
slice_by = ["axis"]
"""


def write_model(folder: Path) -> Path:
    """Write a Llama of one layer with random weights, and a tokenizer whose tokens are bytes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def write_pack(folder: Path, count: int) -> Path:
    """Write a pack with one probe of so many samples, two texts each."""
    place = folder / PROBE
    place.mkdir(parents=True)
    (place / "probe.toml").write_text(_CONFIG, encoding="utf-8")
    (place / "README.md").write_text("# Many pairs\n", encoding="utf-8")
    with (place / "items.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(count):
            item = {"id": f"p{number}", "axis": "ab"[number % 2]}
            item |= {"first": f"Cat {number} sat on the mat.", "second": f"Dog {number} ran off."}
            stream.write(json.dumps(item) + "\n")
    return folder


def run(folder: Path, count: int) -> tuple[float, int]:
    """Return seconds and the peak of memory (bytes) of a run over so many samples.

    Raises:
        RuntimeError: some sample was not asked, or is unscored.
    """
    model, pack = write_model(folder / "model"), write_pack(folder / "pack", count)
    settings = Settings(model=str(model), out=folder / "out", packs=(pack,), probes=PROBE)
    started = time.monotonic()
    (probe,) = (found := measure(settings, PlainProgress())).probes
    seconds = time.monotonic() - started
    if probe.n_selected != count or probe.unscored:
        raise RuntimeError(f"{probe.n_selected} of {count} samples were asked; unscored: {probe.unscored}")
    return seconds, found.clocks.peak_memory_bytes


def apart(folder: Path, count: int) -> tuple[float, int]:
    """Return what `run` does, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (folder, count))


def main() -> None:
    """Measure every count, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="*", default=COUNTS, help="how many samples, smallest first")
    counts = parser.parse_args().counts
    if any(one >= other for one, other in pairwise([0, *counts])):
        parser.error("counts are at least 1 and rise")
    print("| samples | seconds | peak memory, MiB | bytes a sample more |")
    print("|---|---|---|---|")
    before: tuple[int, int] | None = None
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            seconds, peak = apart(Path(folder), count)
        more = f"{(peak - before[1]) / (count - before[0]):.0f}" if before else "–"
        print(f"| {count:,} | {seconds:.0f} | {peak // _MIB} | {more} |", flush=True)
        before = count, peak


if __name__ == "__main__":
    main()
