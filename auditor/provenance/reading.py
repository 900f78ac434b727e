"""The model's folder as its readers see it: bounded, never out of the folder, and tolerant of damage.

A file that a reader may do without is read whole or not at all; why it could not be read is noted, and the note is a
fact of its own, so that damage is seen.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from msgspec import Struct

from auditor import schema
from auditor.errors import AuditorError, ModelError, first_line, foreign_faults
from auditor.types import Evidence, FileDigest, Json, ModelRef

_JSON_BYTES = 64 << 20
_TEXT_BYTES = 1 << 20
_HASHED_BYTES = 64 << 20
_HEAD_CHARACTERS = 64 * 1024
_DEPTH = 20
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)


class Claim(Struct, frozen=True, kw_only=True):
    """What one file says of one fact; `source` is told to people, `file` is empty where this run says it itself."""

    key: str
    value: Json
    source: str
    file: str = ""


class ModelFolder:
    """The files of a model's folder. A link is followed within the folder, or into the Hub's cache that it is part of.

    `notes` collects why files could not be read, one a file.
    """

    def __init__(self, ref: ModelRef) -> None:
        self.ref = ref
        self.root = Path(ref.folder)
        self.notes: dict[str, str] = {}
        self._digests = {file.path: file for file in ref.files}
        real = self.root.resolve()
        cache = [real.parents[1] / "blobs"] if real.parent.name == "snapshots" else []
        self._within = [real, *cache]

    @functools.cached_property
    def names(self) -> list[str]:
        """The names of the files in the folder itself, sorted; a single file stands alone."""
        if self.ref.alone:
            return list(self.ref.weights)
        return sorted(path.name for path in self.root.iterdir() if path.is_file())

    def path(self, name: str) -> Path | None:
        """Return a file's path, or None where there is none or it leads out of the folder, which is noted."""
        path = self.root / name
        if name not in self.names:
            return None
        real = path.resolve()
        if not any(real.is_relative_to(root) for root in self._within):
            self.notes[name] = "a link that leads out of the folder"
            return None
        return path

    def text(self, name: str, *, limit: int = _TEXT_BYTES, head: bool = False) -> str | None:
        """Return a file's text, or None where there is none, or it is longer than `limit` bytes or not UTF-8.

        With `head` its first `limit` characters, however long it is.
        """
        path = self.path(name)
        if path is None:
            return None
        try:
            size = path.stat().st_size
            if head or size <= limit:
                with path.open(encoding="utf-8-sig") as stream:
                    return stream.read(limit)
            self.notes[name] = f"{size} bytes, more than the {limit} that are read"
        except (OSError, UnicodeDecodeError) as fault:
            self.notes[name] = first_line(fault)
        return None

    @functools.cache  # noqa: B019 - a folder lives as long as one derivation
    def json(self, name: str) -> dict[str, Json]:
        """Return the object in a JSON file, empty where there is none or it is damaged."""
        text = self.text(name, limit=_JSON_BYTES)
        if text is None:
            return {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as fault:
            self.notes[name] = f"not JSON: {first_line(fault)}"
            return {}
        if not isinstance(value, dict):
            self.notes[name] = f"expected an object, got {type(value).__name__}"
            return {}
        return value

    def front_matter(self, name: str) -> dict[str, Json]:
        """Return the YAML between the first two lines `---` of a Markdown file, empty where there is none or worse."""
        text = self.text(name, limit=_HEAD_CHARACTERS, head=True)
        front = _FRONT.match(text) if text else None
        return self._yaml(name, front[1]) if front else {}

    def yaml(self, name: str) -> dict[str, Json]:
        """Return the mapping in a YAML file, empty where there is none or it is damaged."""
        text = self.text(name)
        return self._yaml(name, text) if text else {}

    def evidence(self, claim: Claim) -> Evidence:
        """Return where a claim can be looked up."""
        if not claim.file:
            return Evidence(kind="run", text=claim.source)
        return Evidence(kind="file", path=claim.file, sha256=self.digest(claim.file).sha256, text=claim.source)

    def digest(self, name: str) -> FileDigest:
        """Return a file's digest; that of a huge file beside the weights is not computed and its sha256 is empty."""
        if name not in self._digests:
            path = self.path(name)
            size = path.stat().st_size if path else 0
            large = path is None or size > _HASHED_BYTES
            unhashed = FileDigest(path=name, sha256="", bytes=size)
            self._digests[name] = unhashed if large else schema.digest_file(self.root / name)
        return self._digests[name]

    def _yaml(self, name: str, text: str) -> dict[str, Json]:
        try:
            return _mapping(text)
        except AuditorError as fault:
            self.notes[name] = fault.message
            return {}


def front_matter_of(text: str) -> dict[str, Json]:
    """Return the YAML between the first two lines `---` of a Markdown text, empty where there is none.

    Raises:
        ModelError: it is no mapping, or not YAML.
    """
    front = _FRONT.match(text[:_HEAD_CHARACTERS])
    return _mapping(front[1]) if front else {}


def _mapping(text: str) -> dict[str, Json]:
    import yaml

    with foreign_faults("not YAML that can be read", ModelError, hint="correct the file"):
        harmless = _is_harmless(text)
        value = yaml.safe_load(text) if harmless else None
    if not harmless:
        raise ModelError("YAML with aliases, or too deep to be read", hint="write it plainly")
    if value is not None and not isinstance(value, dict):
        raise ModelError(f"expected a mapping, got {type(value).__name__}", hint="correct the file")
    return value or {}


def _is_harmless(text: str) -> bool:
    """Return whether YAML is neither deep, which takes hours to read, nor holds aliases, which can grow without end."""
    import yaml

    depth = 0
    for event in yaml.parse(text):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEPTH:
            return False
    return True
