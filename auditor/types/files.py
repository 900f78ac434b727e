"""Files by what is in them."""

from __future__ import annotations

from msgspec import Struct

BASE = "base/"  # begins the name of a base model's file among the files of its adapter
HUB = "hub:"  # begins the name of rows from the Hub, where else a file's path stands


class FileDigest(Struct, frozen=True, kw_only=True):
    """A file by name, size and content."""

    path: str
    sha256: str
    bytes: int
