"""A run's memory grows by little for each sample, so that a million of them fit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CONFIG = """version = "1.0.0"
title = "Many pairs"
construct = "Nothing; there are many of them."
languages = ["en"]
license = "CC-BY-4.0"
source = "Made by the test"
[ask]
kind = "pairs"
texts = ["first", "second"]
[score]
scorer = "pair_preference"
metric = "first_rate"
ideal = 0.5
slice_by = ["axis"]
"""
RUN = """
import sys
from pathlib import Path
from conftest import Unheard
from auditor.backends.scripted import ScriptedBackend
from auditor.run import Settings, measure
model, pack, out = sys.argv[1:]
settings = Settings(model=model, out=Path(out), packs=(Path(pack),), probes="bias/many")
found = measure(settings, Unheard(), open_backend=lambda ref, options: ScriptedBackend(pack=1000))
print(found.probes[0].n_selected, found.clocks.peak_memory_bytes)
"""
FEW, MANY = 20_000, 60_000


Peak = Callable[[Path, int], int]


@pytest.fixture
def peak(tiny_model: Path, probe_writer: Callable[..., Path]) -> Peak:
    """Return a function: a folder and a number of samples, two requests each, in; the run's peak in bytes out."""

    def measured(folder: Path, count: int) -> int:
        items = [
            {
                "id": f"p{number}",
                "axis": "ab"[number % 2],
                "first": f"The cat number {number} sat on the mat and looked out of the window.",
                "second": f"The dog number {number} ran off to the river and came back wet.",
            }
            for number in range(count)
        ]
        probe_writer(folder / "pack", "bias/many", CONFIG, items)
        command = [sys.executable, "-c", RUN, str(tiny_model), str(folder / "pack"), str(folder / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
        selected, peak_bytes = map(int, done.stdout.split())
        assert selected == count
        assert len((folder / "out" / "samples" / "bias__many.jsonl").read_bytes().splitlines()) == count
        return peak_bytes

    return measured


@pytest.mark.slow
def test_a_sample_more_takes_little_more_memory(tmp_path: Path, peak: Peak) -> None:
    few, many = (peak(tmp_path / str(count), count) for count in (FEW, MANY))
    assert (many - few) / (MANY - FEW) < 400
