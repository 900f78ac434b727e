"""Progress goes to standard error: plain lines in a pipe, bars on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from auditor.progress import PlainProgress

SCRIPT = """
from auditor.progress import open_progress
progress = open_progress()
progress.say("opening m")
progress.begin({"bias/a": 4, "toxicity/b": 2}, {"bias/a": 0, "toxicity/b": 0})
progress.advance("bias/a", 4)
progress.advance("toxicity/b", 1)
progress.end()
"""


def test_a_pipe_gets_plain_lines_on_standard_error_only() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["opening m …", "6 requests of 2 probes", "bias/a  4 requests answered"]


def test_a_terminal_gets_a_line_a_probe_with_counts() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    subprocess.run([sys.executable, "-c", SCRIPT], stdin=theirs, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass
    os.close(ours)
    text = shown.decode()
    assert "bias/a" in text and "4/4" in text
    assert "toxicity/b" in text and "1/2" in text


def test_every_thirty_seconds_a_pipe_hears_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = PlainProgress()
    progress.begin({"bias/a": 120}, {"bias/a": 20})
    for _ in range(4):
        now[0] += 10.0
        progress.advance("bias/a", 10)
    assert capsys.readouterr().err.splitlines()[1:] == ["50 of 120 requests, 1/s, about 70 s left"]
