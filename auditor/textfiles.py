"""Which files hold texts that can be looked at as training data, told by their names alone."""

from __future__ import annotations

from pathlib import PurePath

TEXTS, TABLES = (".txt", ".jsonl", ".ndjson", ".json", ".csv", ".tsv"), (".parquet", ".arrow")
KNOWN = (*TEXTS, *TABLES)
PACKED = (".gz", ".bz2", ".xz", ".zst")
_BESIDE = ("readme", "license", "licence", "notice", "citation", "changelog")  # written about data, not data


def format_of(name: str) -> tuple[str, str] | None:
    """Return the format and packing of a file, None where it has no known one.

    >>> format_of("a/b.jsonl.gz"), format_of("b.parquet"), format_of("b.parquet.gz"), format_of("b.pdf")
    (('.jsonl', '.gz'), ('.parquet', ''), None, None)
    """
    path = PurePath(name)
    packing = path.suffix.lower() if path.suffix.lower() in PACKED else ""
    ending = PurePath(path.stem).suffix.lower() if packing else path.suffix.lower()
    if ending in TEXTS or (ending in TABLES and not packing):
        return ending, packing
    return None


def is_data(name: str) -> bool:
    """Return whether a file of a folder is looked at: it is of a known format, and not hidden.

    >>> is_data("a/b.jsonl"), is_data(".cache/b.jsonl"), is_data("page.pdf")
    (True, False, False)
    """
    return format_of(name) is not None and not _is_hidden(name)


def is_beside(name: str) -> bool:
    """Return whether a file that is not looked at is hidden, or written about the data beside it.

    >>> is_beside("README.md"), is_beside(".git/config"), is_beside("scans/page.pdf")
    (True, True, False)
    """
    return _is_hidden(name) or (not format_of(name) and PurePath(name).name.lower().startswith(_BESIDE))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePath(name).parts)
