"""From the columns of a data file to the fields of items, as a probe's `[data.fields]` says.

A field is the name of a column (`sent_more`; `answer_info.ans0.1` reaches into objects and lists; `#row` and `#file`
are the row's number and its file's name, `#NAME` is one of `[data.texts]`), a list of such names, or a table: `column`,
then `default` (where the column is empty), `text` (a number becomes a text), `split`, `strip` and `values`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from auditor.datafiles import Row
from auditor.errors import nearest
from auditor.types import Json


class Field(Struct, frozen=True, kw_only=True):
    """How one field comes about. `values` says what each value of the column stands for; others are faults."""

    column: str
    default: str | None = None
    text: bool = False
    split: str = ""
    strip: bool = False
    values: dict[str, Json] | None = None


Values = str | tuple[str, ...]
Spec = str | tuple[str, ...] | Field


class HoleError(Exception):
    """A row lacks what a field needs; the reader of the items makes a fault of it."""


def keeps(row: Row, where: Mapping[str, Values], elsewhere: Mapping[str, Values] = MappingProxyType({})) -> bool:
    """Return whether a row has the values that `where` asks of its columns.

    Raises:
        HoleError: it lacks such a column, or has a value that is in neither, of a column whose other values are known.
    """
    kept = True
    for column, wanted in where.items():
        value, known = str(_reach(row, column)), [*_listed(wanted), *_listed(elsewhere.get(column, ()))]
        if column in elsewhere and value not in known:
            raise HoleError(f"{column}: expected one of {', '.join(known)}, got {value!r}")
        kept = kept and value in _listed(wanted)
    return kept


def _listed(values: Values) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else values


def item_of(row: Row, fields: Mapping[str, Spec], *, name: str) -> tuple[dict[str, Json], list[str]]:
    """Return the item that a row is, and what is wrong with it. `name` is its id where no field is called so."""
    item: dict[str, Json] = {} if "id" in fields else {"id": name}
    faults = []
    for key, spec in fields.items():
        try:
            item[key] = _value(row, spec)
        except HoleError as fault:
            faults.append(f"{row.where}: {fault}")
    return item, faults


def columns_of(fields: Mapping[str, Spec], where: Mapping[str, Values]) -> list[str]:
    """Return every column that is read, each once."""
    found: list[str] = list(where)
    for spec in fields.values():
        match spec:
            case str():
                found.append(spec)
            case tuple():
                found += spec
            case Field(column=column):
                found.append(column)
    return list(dict.fromkeys(found))


def missing_columns(row: Row, columns: list[str]) -> list[str]:
    """Return a fault for each column of which a file's first row knows nothing."""
    faults = []
    for column in columns:
        head = column if column in row.values else column.partition(".")[0]
        if head not in row.values and not head.startswith("#"):
            faults.append(f"{row.where}: no column {column!r} ({nearest(head, row.values)})")
    return faults


def _value(row: Row, spec: Spec) -> Json:
    if isinstance(spec, str):
        return _reach(row, spec)
    if not isinstance(spec, Field):
        return [_reach(row, column) for column in spec]
    value = _reach(row, spec.column)
    if spec.default is not None and (value is None or value == ""):
        value = spec.default
    if spec.text and isinstance(value, int | float):
        value = str(value)
    if spec.split:
        if not isinstance(value, str):
            raise HoleError(f"{spec.column}: expected a text to split, got {value!r}")
        value = [part.strip() for part in value.split(spec.split) if part.strip()]
    if spec.strip:
        value = value.strip() if isinstance(value, str) else value
    if spec.values is not None:
        key = str(value)
        if key not in spec.values:
            raise HoleError(f"{spec.column}: expected one of {', '.join(spec.values)}, got {value!r}")
        value = spec.values[key]
    return value


def _reach(row: Row, column: str) -> Json:
    if column == "#row":
        return row.number
    if column == "#file":
        return row.file
    if column in row.values:
        return row.values[column]
    value: Json = row.values
    for key in column.split("."):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise HoleError(f"no {column!r} in it")
    return value
