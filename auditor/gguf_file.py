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
    import numpy as np
    from gguf.gguf_reader import GGUFReader

    class Reader(GGUFReader):  # type: ignore[misc]
        """Reads through a plain view: each of the many small slices of a memory map costs more than what it holds."""

        def _get(self, *args: Any, **kwargs: Any) -> Any:
            self.data: Any = self.data.view(np.ndarray)
            return super()._get(*args, **kwargs)

    return Reader(path)


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Let whoever asks the gguf package for a reader of the same file get the one already there.

    The same for its map of tensor names, for which transformers asks once a module of the model.
    """
    import gguf

    original = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader = lambda path, mode="r": read(str(Path(path).resolve()))
    gguf.get_tensor_name_map = functools.lru_cache(gguf.get_tensor_name_map)
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = original
        read.cache_clear()
