"""The two sides of a benchmark: each a process with its own Python, driven pass by pass, one at a time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
_PEERS = HERE.parent / ".venv-peers"


class Side:
    """A worker process; `measure` runs one pass."""

    def __init__(self, process: subprocess.Popen[str], name: str) -> None:
        self._process = process
        self.name = name
        self.opening = 0.0  # seconds

    def measure(self) -> dict[str, Any]:
        """Return what one pass gave: `seconds`, and its outputs or tokens.

        Raises:
            SystemExit: the worker ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.listen()

    def listen(self) -> dict[str, Any]:
        """Return the worker's next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"error: {self.name} ended with exit code {self._process.wait()}; see its output above")
        found: dict[str, Any] = json.loads(line)
        return found


@contextlib.contextmanager
def opened(worker: str, job: dict[str, Any], *, peer: bool) -> Iterator[Side]:
    """Start a worker of `workers/`, with the peers' Python or ours, and wait until its tool is open."""
    python = peers_python() if peer else Path(sys.executable)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as stream:
        json.dump(job, stream)
        stream.flush()
        command = [python, HERE / "workers" / f"{worker}.py", stream.name]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            side = Side(process, worker)
            try:
                side.opening = side.listen()["opened"]
                yield side
            finally:
                process.kill()


def peers_python() -> Path:
    """Return the Python of the peers' environment, made from `peers.lock` when there is none or it changed."""
    python, stamp, lock = _PEERS / "bin" / "python", _PEERS / "installed.txt", HERE / "peers.lock"
    wanted = lock.read_text(encoding="utf-8")
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print("setting up the peers' environment (about 2 GB)", file=sys.stderr)
        venv.create(_PEERS, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *(line for line in wanted.splitlines() if line.startswith("torch==")), "uv"], check=True)
        uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
        subprocess.run([*uv, "-r", HERE / "peers.txt", "--constraint", lock], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python
