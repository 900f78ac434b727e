"""What breaks a run off (Ctrl-C, `kill`, a full disk, a failing model) ends with the command that goes on with it."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from auditor import record
from auditor.errors import AnswerError, FullError, InterruptedRun


@contextlib.contextmanager
def told_how_to_go_on(out: Path, *, named: bool, resumed: bool) -> Iterator[None]:
    """Put the whole command that goes on into the hint of what breaks a run off; SIGTERM does so as Ctrl-C does.

    Args:
        out: the run's folder.
        named: whether the command line names it.
        resumed: whether the command line has `--resume`.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    more = ([] if named else ["--out", str(out)]) + ([] if resumed else ["--resume"])
    try:
        yield
    except (InterruptedRun, AnswerError, FullError, KeyboardInterrupt) as fault:
        told = InterruptedRun("interrupted") if isinstance(fault, KeyboardInterrupt) else fault
        first = "free some space, then " if isinstance(fault, FullError) else ""
        if (out / record.JOURNAL).is_file():
            told.hint = f"{first or 'what was answered is kept: '}go on with\n  {command(*sys.argv[1:], *more)}"
        else:
            told.hint = f"{first or 'nothing was asked yet: '}run it again"
        raise told from fault.__cause__
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def command(*words: str) -> str:
    """Return a command line of auditor that can be typed here, with the program as it was called."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return shlex.join([_from_here(sys.executable), "-m", "auditor", *words])
    found = shutil.which(program.name)
    known = found is not None and program.exists() and Path(found).samefile(program)
    return shlex.join([program.name if known else _from_here(str(program)), *words])


def _from_here(path: str) -> str:
    """Return a path relative to the working directory where it lies below."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
