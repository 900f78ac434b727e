"""How fast the items are looked for in training files, and in how much memory: `python -m benchmarks.contamination`.

A corpus is made of the words of the items themselves, so that the first filters let more through than other text would.
Each format is read in a process of its own, whose peak of memory is its own. The items are those of every shipped probe
that brings them and, where AUDITOR_DATA_DIR is set, of some benchmarks.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from auditor import probes
from auditor.contamination import training
from auditor.contamination.index import Index
from auditor.contamination.scan import Scanner
from auditor.contamination.texts import ItemTexts, compared, items_of
from auditor.environment import peak_memory_bytes

BENCHMARKS = ("bias/crows_pairs/english", "bias/bbq/age", "bias/bbq/religion", "misinformation/truthfulqa")
WORDS_A_ROW = 400
_MIB = 1 << 20


def items() -> list[ItemTexts]:
    """Return the items of the shipped probes, and of benchmarks whose files are there."""
    folder = os.environ.get("AUDITOR_DATA_DIR")
    own = [name for name, place in probes.find().items() if not place.external]
    loaded = probes.load_all([*own, *(BENCHMARKS if folder else ())], data_dir=Path(folder) if folder else None)
    return [item for probe in loaded for item in items_of(probe.id, probe.samples, compared(probe))]


def rows(found: Sequence[ItemTexts], size: int) -> Iterator[str]:
    """Yield texts of the items' words in any order, of so many bytes together."""
    words = np.array([word for item in found for text in item.asked for word in text.split()])
    rng = np.random.Generator(np.random.PCG64(0))
    left = size
    while left > 0:
        text = " ".join(rng.choice(words, WORDS_A_ROW))
        left -= len(text) + 1
        yield f"{text}."


def write(path: Path, found: Sequence[ItemTexts], size: int) -> Path:
    """Write a corpus of about so many bytes of text in the format of the file's name."""
    texts = rows(found, size)
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        with pyarrow.parquet.ParquetWriter(path, pyarrow.schema([("text", pyarrow.string())])) as sink:
            while batch := [text for text, _ in zip(texts, range(1000), strict=False)]:
                sink.write_table(pyarrow.table({"text": batch}))
        return path
    with gzip.open(path, "wt", 1) if path.suffix == ".gz" else path.open("w") as stream:
        for text in texts:
            stream.write((json.dumps({"text": text}) if ".jsonl" in path.name else text) + "\n")
    return path


def measure(path: Path) -> tuple[float, int, int, int]:
    """Return seconds of the processor, words, and the peak of memory (bytes) before and after a file was looked at."""
    (file,), _ = training.find([path])
    scanner = Scanner(Index(items()))
    before = peak_memory_bytes()
    started = time.process_time()
    for text, ends in training.documents(file, ()):
        scanner.read(text, ends=ends, file=0)
    scanner.end()
    return time.process_time() - started, scanner.n_words, before, peak_memory_bytes()


def main() -> None:
    """Measure every format, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=200, help="text in each file")
    size = parser.parse_args().mebibytes * _MIB
    found = items()
    index = Index(found)
    print(f"{len(found)} items, {len(index.runs.hashes)} runs of 13 words, {size // _MIB} MiB of text a file")
    print("Of one core, by the processor's clock:\n")
    print("| format | MB of text a second | million words a second | peak memory, MiB | before the file |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("corpus.txt", "corpus.jsonl", "corpus.jsonl.gz", "corpus.parquet"):
            path = write(Path(folder) / name, found, size)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, words, before, after = pool.apply(measure, (path,))
            path.unlink()
            told = (
                f"{size / 1e6 / seconds:.0f}",
                f"{words / 1e6 / seconds:.1f}",
                after // _MIB,
                before // _MIB,
            )
            print(f"| {name.partition('.')[2]} | {' | '.join(map(str, told))} |", flush=True)


if __name__ == "__main__":
    main()
