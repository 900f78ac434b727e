"""The files that a Croissant document declares digests of, held against those that lie beside it.

A file that the document gets from elsewhere is looked for under the name that ends its address: whoever has downloaded
a dataset keeps it so. What lies within an archive is not looked at, nor is what a link out of the folder leads to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from auditor.types import Json

_DIGESTS = (("sha256", re.compile(r"[0-9a-f]{64}")), ("md5", re.compile(r"[0-9a-f]{32}")))
_SHOWN = 20


def compared(distribution: Iterable[Json], folder: Path) -> dict[str, Json]:
    """Return how many of the files with a digest lie in the folder and are as declared, and which are not.

    Args:
        distribution: mlcroissant's nodes.
        folder: the folder of the Croissant document.

    Raises:
        OSError: a file that is there cannot be read.
    """
    same, elsewhere = 0, 0
    differing: list[str] = []
    for node in distribution:
        declared = [(kind, value) for kind, form in _DIGESTS if form.fullmatch(value := _text(node, kind).lower())]
        if not declared or getattr(node, "contained_in", None):
            continue
        path = _beside(_text(node, "content_url"), folder)
        if path is None:
            elsewhere += 1
            continue
        faults = [
            f"{path.name}: declared {kind} {said}, but the file has {now}"
            for kind, said in declared
            if (now := _digest(path, kind)) != said
        ]
        same += not faults
        differing += faults
    return {"files_as_declared": same, "files_elsewhere": elsewhere, "files_differing": _short(differing)}


def _text(node: Json, name: str) -> str:
    return str(getattr(node, name, None) or "").strip()


def _beside(address: str, folder: Path) -> Path | None:
    """Return where a file lies in the folder, or None where it does not."""
    parts = urlsplit(address)
    name = unquote(parts.path)
    if parts.scheme not in {"", "http", "https"}:
        return None
    if parts.scheme:
        name = name.rpartition("/")[2]
    try:
        path = (folder / name).resolve()
        inside = path.is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, ValueError):  # no name that a file could have
        return None
    return path if name and inside else None


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def _short(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"{len(lines) - _SHOWN} more"]
