"""How a worker is driven: it opens its tool once, then times one pass for every line it reads.

A worker runs with the Python of its own environment. Its first argument is a JSON file with the job. What tools print
goes to stderr, so that stdout holds one JSON line a pass.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Pass = Callable[[slice], dict[str, Any]]  # over a part of what the job asks
_WARM = slice(0, 2)


def serve(open_tool: Callable[[dict[str, Any]], Pass]) -> None:
    """Open the tool with the job, say so, and answer each line of stdin with one timed pass."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    start = time.perf_counter()
    one_pass = open_tool(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    opened = time.perf_counter() - start
    one_pass(_WARM)  # what is slow only the first time
    print(json.dumps({"opened": opened}), file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        found = one_pass(slice(None))
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, **found}), file=answers, flush=True)
