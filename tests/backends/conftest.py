"""Opening a folder the way the command line does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.backends.base import BackendOptions
from auditor.backends.hf import HFBackend, open_backend
from auditor.provenance.resolve import resolve

Open = Callable[..., HFBackend]


@pytest.fixture(scope="session")
def open_folder() -> Open:
    """Return a function: a folder and options in, its backend on the CPU out."""

    def opened(folder: Path, **options: Any) -> HFBackend:
        pickles = options.get("allow_pickle", False)
        ref = resolve(str(folder), offline=True, allow_pickle=pickles)
        return open_backend(ref, BackendOptions(**{"device": "cpu", **options}))

    return opened


@pytest.fixture(scope="session")
def tiny_backend(tiny_model: Path, open_folder: Open) -> HFBackend:
    """The backend of `tiny_model`."""
    return open_folder(tiny_model)


@pytest.fixture(scope="session")
def answer() -> Callable[..., dict[int, Any]]:
    """Return a function: a backend's method and requests in, all outputs by number out."""

    def answered(method: Any, requests: Any) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for pack in method(requests, done=set()):
            assert not found.keys() & pack.keys(), "a request was answered twice"
            found |= pack
        assert sorted(found) == list(range(len(requests)))
        return found

    return answered
