"""What the commands print: JSON, and text and tables for people.

Much of it quotes a model, its files or a stranger's policy: what would move a terminal's cursor, change its colours or
turn the direction of writing is printed as an escape. Documents have a markup of their own and are written as they are.
"""

from __future__ import annotations

import json
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.types import Verification

WIDTH = 100  # characters of a terminal that lists keep to


def print_json(value: Any) -> None:
    """Print a value as indented JSON; what does not print, which can stand in texts alone, as JSON's escapes."""
    import msgspec

    print(_printable(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False, allow_nan=False)))


def print_document(text: str) -> None:
    """Print a JSON document to the byte as it is kept in a file; a terminal is shown what does not print in escapes."""
    sys.stdout.write(_printable(text) if sys.stdout.isatty() else text)


def print_text(text: str, *, err: bool = False) -> None:
    """Print text on lines of its own, to standard error with `err`."""
    print("\n".join(map(shown, text.split("\n"))), file=sys.stderr if err else sys.stdout)


def print_verification(found: Verification, *, as_json: bool) -> None:
    """Print what came of checking a record or a card: a row a check, and in a last line what it amounts to."""
    if as_json:
        print_json(found)
        return
    print_table([[check.outcome.replace("_", " "), check.what, check.detail] for check in found.checks])
    print_text(found.summary)


def shown(line: str) -> str:
    """Return a line as a terminal shows it: spaces are spaces, and what else does not print is an escape.

    >>> shown("a\\x1b[31m\\xa0b")
    'a\\\\x1b[31m b'
    """
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else _escaped(char) for char in line)


def _printable(text: str) -> str:
    """Return JSON that says the same, with what does not print as JSON's escapes."""
    lines = (line if line.isprintable() else "".join(map(_in_json, line)) for line in text.split("\n"))
    return "\n".join(lines)


def _in_json(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]


def _escaped(char: str) -> str:
    blank = char == "\t" or unicodedata.category(char) == "Zs"
    return " " if blank else char.encode("unicode_escape").decode("ascii")


def print_table(rows: list[list[str]], *, width: int | None = None) -> None:
    """Print rows of cells in aligned columns; with a `width` (characters), the last column is cut to fit it."""
    rows = [list(map(shown, row)) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    if width is not None:
        widths[-1] = min(widths[-1], max(1, width - sum(widths[:-1]) - 2 * (len(widths) - 1)))
        rows = [[*row[:-1], _cut(row[-1], widths[-1])] for row in rows]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_wrapped(rows: list[list[str]], *, width: int) -> None:
    """Print rows of cells in aligned columns; the last column goes on below itself where it is wider than the rest."""
    rows = [list(map(shown, row)) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for *cells, last in rows:
        first = "".join(f"{cell:<{width}}  " for cell, width in zip(cells, widths, strict=True))
        indent = " " * len(first)
        lines = textwrap.wrap(last, width - len(first), break_on_hyphens=False, break_long_words=False)
        print(f"\n{indent}".join([first + (lines[0] if lines else ""), *lines[1:]]))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip(" ,:;") + "…"
