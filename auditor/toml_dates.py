"""Dates that a TOML file holds without quotes and that are none: a parser of TOML says only that a line is wrong."""

from __future__ import annotations

import datetime
import re

_AT = re.compile(r"\(at line (\d+), column (\d+)\)")
_DATE = re.compile(r"(?<![\w.+-])\d{4}-\d{1,2}(?:-\d{1,2})?(?:[T ]\d{2}:\d{2}[\d:.]*)?(?![\w-])")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_SECTION = re.compile(r"^\s*\[+\s*([^\[\]]+?)\s*\]+", re.MULTILINE)
_STATEMENT = re.compile(r"^\s*([\w.\"'-]+)\s*=", re.MULTILINE)
_KEY = re.compile(r"[{,]\s*([\w.\"'-]+)\s*=\s*$")


def date_fault(text: str, said: str) -> tuple[str, str]:
    """Return the date that a parser's error is about, with its line and key, and a hint; empty where it is about none.

    Args:
        text: of the file.
        said: what `tomllib` says of it.
    """
    at = _AT.search(said)
    if at is None:
        return "", ""
    lines = text.splitlines(keepends=True)
    number, column = int(at[1]), int(at[2]) - 1
    line = lines[number - 1] if number <= len(lines) else ""
    found = next((one for one in _DATE.finditer(line) if one.start() <= column < one.end()), None)
    if found is None:
        return "", ""
    key = _key_before("".join(lines[: number - 1]) + line[: found.start()])
    if _MONTH.fullmatch(found[0]):
        return f"line {number}: {key}: {found[0]} is a month, and TOML has no type for months", "write it in quotes"
    kind, form = ("month", '"YYYY-MM", in quotes') if found[0].count("-") == 1 else ("day", "YYYY-MM-DD")
    wrong = f"written as {form}" if _exists(found[0]) else "that exists"
    return f"line {number}: {key}: {found[0]} is no {kind} {wrong}", f"write a {kind} that exists as {form}"


def _key_before(text: str) -> str:
    """Return the section and key that a value after a text belongs to, and the key within an inline table."""
    sections, statements = list(_SECTION.finditer(text)), list(_STATEMENT.finditer(text))
    names = [sections[-1][1]] if sections else []
    names += [statements[-1][1]] if statements else []
    inner = _KEY.search(text)
    names += [inner[1]] if inner and inner[1] != "value" else []
    return ".".join(names) or "a date"


def _exists(written: str) -> bool:
    """Return whether a date is only written otherwise than TOML has it, such as 2026-2-3."""
    year, month, *day = map(int, re.findall(r"\d+", written)[:3])
    try:
        datetime.date(year, month, *(day or [1]))
    except ValueError:
        return False
    return True
