"""What the commands print to standard output: JSON, and tables for people."""

from __future__ import annotations

import json
import textwrap
from typing import Any

WIDTH = 100  # characters of a terminal that lists keep to


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    import msgspec

    print(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(rows: list[list[str]], *, width: int | None = None) -> None:
    """Print rows of cells in aligned columns; with a `width` (characters), the last column is cut to fit it."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    if width is not None:
        widths[-1] = min(widths[-1], max(1, width - sum(widths[:-1]) - 2 * (len(widths) - 1)))
        rows = [[*row[:-1], _cut(row[-1], widths[-1])] for row in rows]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_wrapped(rows: list[list[str]], *, width: int) -> None:
    """Print rows of cells in aligned columns; the last column goes on below itself where it is wider than the rest."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for *cells, last in rows:
        first = "".join(f"{cell:<{width}}  " for cell, width in zip(cells, widths, strict=True))
        indent = " " * len(first)
        lines = textwrap.wrap(last, width - len(first), break_on_hyphens=False, break_long_words=False)
        print(f"\n{indent}".join([first + (lines[0] if lines else ""), *lines[1:]]))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip(" ,:;") + "…"
