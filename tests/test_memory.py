"""A run's memory grows by little for each sample, so that a million of them fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.samples import apart

FEW, MANY = 50_000, 100_000  # requests are planned 32,768 at a time; by then two such lots were there at once


@pytest.mark.slow
def test_a_sample_more_takes_little_more_memory(tmp_path: Path) -> None:
    (_, few), (_, many) = (apart(tmp_path / str(count), count) for count in (FEW, MANY))
    assert (many - few) / (MANY - FEW) < 400
