"""GGUF files, read once: walking the metadata of a 49,000-word vocabulary takes seconds, and four places need it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@functools.lru_cache(maxsize=1)
def read(path: str) -> Any:
    """Return a `gguf.GGUFReader` of a file; the last one read is kept.

    Raises:
        Exception: whatever the library raises for a damaged file; wrap the call in `errors.foreign_faults`.
    """
    from gguf.gguf_reader import GGUFReader

    return GGUFReader(path)


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Let whoever asks the gguf package for a reader of the same file get the one already there."""
    import gguf

    original = gguf.GGUFReader
    gguf.GGUFReader = lambda path, mode="r": read(str(Path(path).resolve()))
    try:
        yield
    finally:
        gguf.GGUFReader = original
        read.cache_clear()
