"""Memory does not grow with the training files."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from auditor.contamination import training
from auditor.contamination.index import Index
from auditor.contamination.scan import PAGE, Scanner
from auditor.contamination.texts import ItemTexts

ROOT = Path(__file__).parents[2]
ITEM = ItemTexts(probe="p", item="a", cluster="a", asked=(" ".join(f"word{n}" for n in range(20)),), answers=())


def peak(path: Path) -> int:
    """Return the most bytes that are held at once while a file is looked at."""
    scanner = Scanner(Index([ITEM]))
    (file,), _ = training.find([path])
    tracemalloc.start()
    for text, ends in training.documents(file, ()):
        scanner.read(text, ends=ends, file=0)
    scanner.end()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scanner.n_words > path.stat().st_size / 1000
    assert scanner.overlaps([0], [file.name])[0].whole
    return found


@pytest.mark.parametrize("name", ["one_line.txt", "rows.jsonl", "rows.json", "packed.jsonl.gz", "one_row.jsonl"])
def test_a_file_four_times_as_long_takes_no_more_memory(tmp_path: Path, name: str) -> None:
    text = f"some word and another {ITEM.asked[0]} " * 12
    peaks = []
    for size in (1, 1, 4):  # the first one fills tables that are kept
        count = size * 3 * PAGE // len(text)
        row = json.dumps({"text": text}) + "\n"
        content = {
            "one_line.txt": text * count,
            "rows.jsonl": row * count,
            "rows.json": json.dumps([{"text": text}] * count),
            "packed.jsonl.gz": row * count,
            "one_row.jsonl": json.dumps(text * count),
        }[name].encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
        peaks.append(peak(path))
    row_itself = 4 * 3 * PAGE * 6 if name == "one_row.jsonl" else 0  # a row must be parsed whole
    assert peaks[2] < peaks[1] * 1.1 + row_itself, peaks
    assert peaks[1] < 30 << 20


@pytest.mark.slow
def test_processes_that_read_large_files_stay_small() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contamination", "--mebibytes", "150"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = re.findall(r"^\| (\S+) \| (\d+) \| \S+ \| (\d+) \| (\d+) \|$", done.stdout, re.M)
    assert [row[0] for row in rows] == ["txt", "jsonl", "jsonl.gz", "parquet"], done.stdout
    for _, _, most, before in rows:
        assert int(most) - int(before) < 100, done.stdout
