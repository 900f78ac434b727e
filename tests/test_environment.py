"""What a run took is its own."""

from __future__ import annotations

import subprocess
import sys

CHILD = "from auditor.environment import peak_memory_bytes; print(peak_memory_bytes())"
PARENT = f"""
import subprocess, sys
held = b"x" * (400 << 20)
print(subprocess.run([sys.executable, "-c", {CHILD!r}], capture_output=True, text=True, check=True).stdout)
"""


def _said(code: str) -> int:
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def test_the_peak_of_memory_is_not_that_of_the_process_that_starts_it() -> None:
    alone, started_by_a_large_one = _said(CHILD), _said(PARENT)
    assert 5 << 20 < alone < 200 << 20
    assert abs(started_by_a_large_one - alone) < 20 << 20


def test_the_peak_of_memory_holds_what_was_let_go() -> None:
    assert _said(f"held = b'x' * (300 << 20); del held; {CHILD}") > 300 << 20
