"""Texts that people have labelled, read from a file of the user's, and what is wrong with that file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from auditor import datafiles
from auditor.datafiles import DataFile, Layout, Row
from auditor.errors import DataError, UsageError, nearest
from auditor.types import FileDigest, Json, LabelledTexts

COLUMN = "#column"
FORMATS = (*datafiles.SEPARATORS, "jsonl", "json")


class LabelledText(Struct, frozen=True, kw_only=True):
    """A text and what people say of it. Texts of one `cluster` are not independent of one another.

    By default these are the texts of a row, and equal ones.
    """

    text: str
    prompt: str
    positive: bool
    groups: dict[str, str]
    cluster: str


class Labelled(Struct, frozen=True, kw_only=True):
    """A file's labelled texts, and how many it has whose label is neither positive nor negative."""

    rows: tuple[LabelledText, ...]
    file: FileDigest
    n_left_out: int


def read(path: Path, columns: LabelledTexts, *, form: str = "") -> Labelled:
    """Return the labelled texts of a file; `form` is its format, by default what its name ends with.

    With the label `#column` a text's label is the name of its column, and empty cells are no texts.

    Raises:
        UsageError: the columns that are named cannot go together.
        DataError: the file cannot be read, lacks a column, has faulty rows, or texts of one class only.
    """
    _check_columns(columns)
    rows, digest = _rows(path, form, owner="the calibration")
    _check_known(rows, columns, path)
    cells = [cell for row in rows for cell in _cells(row, columns)]
    faults = [cell for cell in cells if isinstance(cell, str)]
    if faults:
        raise datafiles.data_error(path, faults)
    told = _joined([cell for cell in cells if isinstance(cell, tuple)], columns)
    labels = Counter(label for label, _ in told)
    wanted = [text for label, text in told if text.positive or _is_negative(label, columns)]
    _check_classes(wanted, labels, columns, path)
    return Labelled(rows=tuple(wanted), file=digest, n_left_out=len(told) - len(wanted))


def texts_of(path: Path, column: str, *, form: str = "") -> list[str]:
    """Return the texts of one column of a file, labelled or not, in order.

    Raises:
        UsageError: its format cannot be told.
        DataError: the file cannot be read, lacks the column, or a cell of it is no text.
    """
    rows, _ = _rows(path, form, owner="the agreement")
    _check_known(rows, LabelledTexts(text=(column,), label=COLUMN, positive=()), path)
    values = [row.values.get(column) for row in rows]
    pairs = zip(rows, values, strict=True)
    faults = [f"{row.where}: {column} is no text, got {value!r}" for row, value in pairs if not isinstance(value, str)]
    if faults:
        raise datafiles.data_error(path, faults)
    return [str(value) for value in values]


def _rows(path: Path, form: str, *, owner: str) -> tuple[list[Row], FileDigest]:
    if not path.is_file():
        why = "it is a folder" if path.is_dir() else "there is no such file"
        raise DataError(f"cannot read --data {path}: {why}", hint="give a file of texts")
    form = form or path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise UsageError(f"cannot tell the format of {path.name}", hint=f"give --format: {', '.join(FORMATS)}")
    found, digest = datafiles.find(path.parent, DataFile(path=path.name), owner=owner, origin="--data")
    return datafiles.read(found, Layout(format=form)), digest


def _check_columns(columns: LabelledTexts) -> None:
    both = sorted(set(columns.positive) & set(columns.negative))
    if both:
        raise UsageError(f"the label {both[0]!r} is both positive and negative", hint="see --positive and --negative")
    if not columns.text or not all((*columns.text, columns.label)):
        raise UsageError("a calibration needs --text and --label", hint="they name columns of the file")
    if not all(columns.groups):
        raise UsageError("--group names no column", hint="leave it out where there are no subgroups")
    twice = next((name for name in columns.text if [*columns.text, columns.label, columns.prompt].count(name) > 1), "")
    if twice:
        raise UsageError(
            f"the column {twice!r} is named twice", hint="--text, --label and --prompt are columns of their own"
        )
    if columns.label == COLUMN:
        unknown = sorted({*columns.positive, *columns.negative} - set(columns.text))
        if unknown:
            raise UsageError(
                f"with --label '{COLUMN}' labels are columns of --text, and {unknown[0]!r} is none",
                hint=nearest(unknown[0], columns.text),
            )
    elif len(columns.text) > 1:
        raise UsageError("several --text columns need --label '#column'", hint="a text's label is then its column")


def _check_known(rows: Sequence[Row], columns: LabelledTexts, path: Path) -> None:
    known = {name for row in rows for name in row.values}
    asked = [*columns.text, *columns.groups, columns.cluster, columns.prompt]
    asked += [] if columns.label == COLUMN else [columns.label]
    for name in filter(None, asked):
        if name not in known:
            hint = datafiles.other_separator(known) or nearest(name, known)
            raise DataError(f"{path} has no column {name!r}", hint=hint)


def _cells(row: Row, columns: LabelledTexts) -> Iterator[tuple[str, LabelledText] | str]:
    """Yield each text of a row with its label, or what is wrong with it."""
    melted = columns.label == COLUMN
    words = [*columns.groups, *filter(None, [columns.cluster]), *([] if melted else [columns.label])]
    odd = next((name for name in words if isinstance(row.values.get(name), list | dict)), "")
    if odd:
        yield f"{row.where}: {odd} is no word, got {row.values[odd]!r}"
        return
    for name in columns.text:
        missing = [word for word in (name, columns.prompt) if word and not isinstance(row.values.get(word), str)]
        if missing:
            yield f"{row.where}: {missing[0]} is no text, got {row.values.get(missing[0])!r}"
            continue
        text = row.values[name]
        if melted and not text.strip():
            continue
        label = name if melted else _word(row.values.get(columns.label))
        groups = {group: _word(row.values.get(group)) for group in columns.groups}
        yield (
            label,
            LabelledText(
                text=text,
                prompt=row.values[columns.prompt] if columns.prompt else "",
                positive=label in columns.positive,
                groups={group: value for group, value in groups.items() if value},
                cluster=_word(row.values.get(columns.cluster)) or f"row {row.number}",
            ),
        )


def _joined(told: list[tuple[str, LabelledText]], columns: LabelledTexts) -> list[tuple[str, LabelledText]]:
    """Return texts with their labels, equal ones in one cluster unless a column says which are: each adds nothing."""
    if columns.cluster:
        return told
    first: dict[tuple[str, str], str] = {}
    return [
        (label, replace(text, cluster=first.setdefault((text.prompt, text.text), text.cluster))) for label, text in told
    ]


def _word(value: Json) -> str:
    """Return a cell as a word: JSON's true and 1.0 are `true` and `1`, nothing is the empty word."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _is_negative(label: str, columns: LabelledTexts) -> bool:
    return label in columns.negative if columns.negative else bool(label)


def _check_classes(wanted: Sequence[LabelledText], labels: Counter[str], columns: LabelledTexts, path: Path) -> None:
    there = "labels found: " + ", ".join(f"{label or '(empty)'} ({count})" for label, count in labels.most_common(12))
    n_positive = sum(text.positive for text in wanted)
    if not n_positive:
        raise DataError(f"{path} has no text labelled {' or '.join(columns.positive)} (positive)", hint=there)
    if n_positive == len(wanted):
        negative = " or ".join(columns.negative) or "otherwise"
        raise DataError(f"{path} has texts of one class only: none is labelled {negative} (negative)", hint=there)
