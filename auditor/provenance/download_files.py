"""What `hf download --local-dir` noted beside the files that it wrote: the Hub's commit, and what each file was then.

Who edits a file leaves the note as it is, so the commit is told only where the files are still what was downloaded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from auditor.provenance.reading import Claim, ModelFolder
from auditor.types import BASE, FileDigest

NOTES = ".cache/huggingface/download"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BYTES = 1024


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield the commit that all files with a note are of, the weights among them; why it is not told is noted."""
    own = [file for file in folder.ref.files if not file.path.startswith(BASE)]
    found = {file: note for file in own if (note := _note(folder.root, file.path)) is not None}
    if not found or not {file.path for file in found} >= set(folder.ref.weights):
        return
    commits = sorted({commit for commit, _ in found.values()})
    changed = [file.path for file, (_, etag) in found.items() if not _has(folder.root, file, etag)]
    if changed:
        folder.notes[NOTES] = f"it tells no commit: {changed[0]} is not what was downloaded at {commits[0]}"
    elif len(commits) > 1:
        folder.notes[NOTES] = f"it tells no commit: the files are of {len(commits)}"
    else:
        source = f"{NOTES}, whose digests the files still have"
        yield Claim(key="model.identifier", value=f"commit {commits[0]}", source=source)


def _note(root: Path, name: str) -> tuple[str, str] | None:
    """Return the commit and the digest that are noted of a file, or None."""
    path = root / NOTES / f"{name}.metadata"
    try:
        if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
            return None
        with path.open("rb") as stream:
            commit, etag, *_ = [*stream.read(_BYTES).decode("ascii").split("\n"), "", ""]
    except (OSError, ValueError):
        return None
    return (commit.strip(), etag.strip()) if _COMMIT.fullmatch(commit.strip()) else None


def _has(root: Path, file: FileDigest, etag: str) -> bool:
    """Return whether a file has the digest by which the Hub knows it: its sha256, or that of a Git blob."""
    if len(etag) == len(file.sha256):
        return etag == file.sha256
    header = f"blob {file.bytes}\0".encode()
    with (root / file.path).open("rb") as stream:
        blob = hashlib.file_digest(stream, lambda: hashlib.sha1(header, usedforsecurity=False))
    return etag == blob.hexdigest()
