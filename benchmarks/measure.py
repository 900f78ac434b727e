"""Both sides in turn, in one run: times, their ratio, and how far the ratio moves."""

from __future__ import annotations

import json
import math
import platform
import statistics
import time
from typing import Any

from benchmarks.sides import HERE, Side

_RESULTS = HERE / "results"


def alternate(ours: Side, theirs: Side, *, rounds: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what each side gave in every round; the side that goes first changes from round to round."""
    found: dict[str, list[dict[str, Any]]] = {ours.name: [], theirs.name: []}
    for number in range(rounds):
        for side in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            found[side.name].append(side.measure())
            print(f"round {number + 1}: {side.name} {found[side.name][-1]['seconds']:.1f} s", flush=True)
    return found[ours.name], found[theirs.name]


def matmul_peak(repeats: int = 9) -> float:
    """Return the machine's float32 matrix product rate (FLOP/s): the median of several products of 2048 × 2048."""
    import torch

    size = 2048
    left, right = torch.rand(size, size), torch.rand(size, size)
    torch.mm(left, right)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(left, right)
        rates.append(2 * size**3 / (time.perf_counter() - start))
    return statistics.median(rates)


def largest_gap(ours: list[float], theirs: list[float]) -> float:
    """Return the largest absolute difference.

    Raises:
        ValueError: one side has a number more, none at all, or one that is not finite.
    """
    return max(_gaps(ours, theirs))


def farthest(ours: list[float], theirs: list[float], *, count: int) -> list[int]:
    """Return where the two differ most, at most `count` places, the largest difference first."""
    gaps = _gaps(ours, theirs)
    return sorted(range(len(gaps)), key=lambda place: -gaps[place])[:count]


def _gaps(ours: list[float], theirs: list[float]) -> list[float]:
    gaps = [abs(our - their) for our, their in zip(ours, theirs, strict=True)]
    if not all(math.isfinite(gap) for gap in gaps):
        raise ValueError("a side gave a number that is not finite")
    return gaps


def save(name: str, result: dict[str, Any]) -> None:
    """Write a benchmark's result, with what it ran on."""
    import torch

    _RESULTS.mkdir(exist_ok=True)
    ran_on = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    text = json.dumps({**ran_on, **result}, indent=1, allow_nan=False)
    (_RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
