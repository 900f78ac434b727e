"""How far a run is, on standard error: a bar a probe on a terminal, plain lines in a pipe or CI."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from auditor.errors import counted

_EVERY_S = 30.0


def open_progress() -> TerminalProgress | PlainProgress:
    """Return the progress that suits standard error."""
    return TerminalProgress() if sys.stderr.isatty() else PlainProgress()


class PlainProgress:
    """A line when a probe's last request is answered, and a line on the whole every 30 seconds."""

    def __init__(self) -> None:
        self._totals: Mapping[str, int] = {}
        self._done: dict[str, int] = {}
        self._started = self._last = time.monotonic()
        self._before = 0

    def say(self, message: str) -> None:
        """Print a step."""
        print(f"{message} …", file=sys.stderr, flush=True)

    def begin(self, totals: Mapping[str, int], answered: Mapping[str, int]) -> None:
        """Print how much there is to do."""
        self._totals = totals
        self._done = dict(answered)
        self._before = sum(answered.values())
        self._started = self._last = time.monotonic()
        known = f", {self._before} of them answered before" if self._before else ""
        probes = counted(len(totals), "probe")
        print(f"{sum(totals.values())} requests of {probes}{known}", file=sys.stderr, flush=True)

    def advance(self, probe_id: str, count: int) -> None:
        """Count, and print a line when there is something to say."""
        self._done[probe_id] += count
        now = time.monotonic()
        if self._done[probe_id] == self._totals[probe_id]:
            print(f"{probe_id}  {self._totals[probe_id]} requests answered", file=sys.stderr, flush=True)
        if now - self._last >= _EVERY_S:
            self._last = now
            print(self._overall(now), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Nothing is left open."""

    def _overall(self, now: float) -> str:
        done, total = sum(self._done.values()), sum(self._totals.values())
        rate = (done - self._before) / max(now - self._started, 1e-9)
        return f"{done} of {total} requests, {rate:.0f}/s, about {(total - done) / max(rate, 1e-9):.0f} s left"


class TerminalProgress:
    """A bar a probe with counts, rate and time left."""

    def __init__(self) -> None:
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}

    def say(self, message: str) -> None:
        """Print a step."""
        print(f"{message} …", file=sys.stderr, flush=True)

    def begin(self, totals: Mapping[str, int], answered: Mapping[str, int]) -> None:
        """Draw the bars."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.speed!s:.5}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks = {
            name: self._bars.add_task(name, total=total, completed=answered[name]) for name, total in totals.items()
        }
        self._bars.start()

    def advance(self, probe_id: str, count: int) -> None:
        """Move a probe's bar."""
        self._bars.advance(self._tasks[probe_id], count)

    def end(self) -> None:
        """Leave the bars as they are."""
        self._bars.stop()
