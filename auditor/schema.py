"""Canonical JSON, digests, and checks of outside data against JSON Schemas and types."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import json
import sys
import tomllib
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from auditor import resources
from auditor.errors import AuditorError, closest, list_faults, nearest
from auditor.toml_dates import date_fault
from auditor.types import FileDigest, Json

_SHOWN = 100  # characters of a value that a fault shows
_TOLD = 300  # characters of a whole fault

T = TypeVar("T")


def canonical_json(value: Json, *, indent: int | None = None) -> str:
    """Return JSON with sorted keys and no NaN: equal values give equal text.

    Raises:
        ValueError: the value holds NaN, an infinity or, where it is to be indented, half of a surrogate pair.
    """
    plain = msgspec.to_builtins(value, order="deterministic")
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text if indent is None else msgspec.json.format(text, indent=indent)  # json.dumps indents in Python alone


def strict_json(text: str) -> Json:
    """Return what a JSON text holds, so that it can be written again.

    Raises:
        ValueError: it is not JSON, or holds NaN, an infinity, half of a surrogate pair or an object with a key twice.
        RecursionError: it is nested too deeply.
    """
    found = json.loads(text, parse_constant=_refuse, object_pairs_hook=_each_once)
    canonical_json(found).encode()
    return found


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _each_once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice in an object")
        found[key] = value
    return found


def digest_of(value: Json) -> str:
    """Return the sha256 (64 hex digits) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def read_lines(path: Path, kind: type[T], *, error: type[AuditorError], hint: str) -> Iterator[T]:
    """Yield each line of a file of JSON lines as a type of ours.

    Raises:
        AuditorError: of the class given, naming the line that is none.
    """
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield decoder.decode(line)
            except (ValueError, RecursionError) as fault:
                raise error(f"{path}:{number}: {fault}", hint=hint) from fault


def list_texts(items: Iterable[Json]) -> Iterator[str]:
    """Yield the canonical JSON of a list piece by piece, so that it need not be in memory whole."""
    yield "["
    for place, item in enumerate(items):
        yield f"{',' if place else ''}{canonical_json(item)}"
    yield "]"


def digest_texts(texts: Iterable[str]) -> str:
    """Return the sha256 of texts joined."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
    return digest.hexdigest()


def digest_file(path: Path, *, name: str | None = None) -> FileDigest:
    """Return a file's sha256 and size in bytes; `name` is what the digest calls it (default: its name)."""
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileDigest(path=name or path.name, sha256=sha256, bytes=path.stat().st_size)


def digest_code() -> str:
    """Return one sha256 over the package's own Python files: the code's version, also between releases."""
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load_schema(name: str) -> dict[str, Json]:
    """Return a shipped JSON Schema from `policies/schema/`."""
    path = resources.root() / "policies" / "schema" / f"{name}.schema.json"
    schema: dict[str, Json] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def faults_against(value: Json, schema: dict[str, Json]) -> list[str]:
    """Return every fault of a value against a JSON Schema as `path: message`, in order of the paths.

    `format` is asserted. NaN and infinities, which TOML can hold, are no JSON numbers.
    """
    faults = []
    causes = [cause for error in _validator(schema).iter_errors(value) for cause in _causes(error)]
    causes = [cause for cause in causes if not _is_told_by_another(cause, causes)]
    for error in sorted(causes, key=lambda cause: list(cause.absolute_path)):
        path = "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        faults.append(f"{path}: {_message(error)}")
    return faults


def _is_told_by_another(error: Json, all_of: Iterable[Json]) -> bool:
    """Return whether another error at a place, or below it, says more: which alternative, or a shorter list."""
    path = list(error.absolute_path)
    if error.validator == "enum":
        lists = [
            other.validator_value for other in all_of if other.validator == "enum" and list(other.absolute_path) == path
        ]
        return any(set(map(str, other)) < set(map(str, error.validator_value)) for other in lists)
    return error.validator in {"anyOf", "oneOf"} and any(
        other is not error and list(other.absolute_path)[: len(path)] == path for other in all_of
    )


def _message(error: Json) -> str:
    """Return what is wrong with a value, which is cut where it is long, and what was expected."""
    said = repr(error.instance)
    got = said if len(said) < _SHOWN else f"{said[: _SHOWN - 1]}…"
    match error.validator:
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" as bound:
            if error.validator_value == 1 and not error.instance:
                return f"{got} should be non-empty"
            size, many = ("short", "at least") if bound.startswith("min") else ("long", "at most")
            unit = {"Length": "characters", "Items": "entries", "Properties": "keys"}[bound[3:]]
            expected = f"{many} {error.validator_value} {unit}"
            return f"{got} is too {size}: it has {len(error.instance)}, expected {expected}"
        case "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = sorted(set(error.instance) - set(known))
            return "; ".join(f"unknown key {key!r} ({nearest(key, known)})" for key in unknown)
        case "anyOf" | "oneOf" if told := _unfit(error):
            return f"{got} {told}"
        case "format" | "pattern" | "enum" if told := _expected(error):
            return f"{got} is not {told}"
        case _:
            message = str(error.message).replace(said, got)
            return message if len(message) < _TOLD else f"{message[: _TOLD - 1]}…"


def _expected(error: Json) -> str:
    """Return what a date, a text of a stated form or one of a list should have been, where more can be said."""
    match error.validator:
        case "format":
            return "a 'date': write a day that exists as YYYY-MM-DD" if error.validator_value == "date" else ""
        case "pattern":
            return str(error.schema.get("x-expected", ""))
        case _:
            close = closest(str(error.instance), map(str, error.validator_value))
            return f"one of {error.validator_value} (did you mean {' or '.join(close)}?)" if close else ""


def _unfit(error: Json) -> str:
    """Return why none of several alternatives fits, where all want another type, or all want another key."""
    kinds = {cause.validator for cause in error.context if cause.instance is error.instance}
    if len(kinds) != 1 or any(cause.instance is not error.instance for cause in error.context):
        return ""
    wanted = [cause.validator_value for cause in error.context]
    match kinds.pop():
        case "type":
            return f"is not of type {' or '.join(map(repr, wanted))}"
        case "required":
            return f"needs {' or '.join(repr(key) for keys in wanted for key in keys)}"
        case _:
            return ""


def validators() -> Json:
    """Return `jsonschema.validators`, which takes a tenth of the time if two libraries wait until a format needs them.

    They are the grammar of internationalised addresses and a reader of durations, which few schemas speak of.
    """
    if "jsonschema" in sys.modules:
        return importlib.import_module("jsonschema.validators")
    made = {name: stand_in for name, stand_in in _stand_ins() if importlib.util.find_spec(name) is not None}
    made = {name: stand_in for name, stand_in in made.items() if name not in sys.modules}
    sys.modules.update(made)
    try:
        return importlib.import_module("jsonschema.validators")
    finally:
        for name in made:
            del sys.modules[name]


def _stand_ins() -> Iterator[tuple[str, types.ModuleType]]:
    """Yield modules that import the library of the same name when they are first asked."""
    grammar, durations = types.ModuleType("rfc3987_syntax"), types.ModuleType("isoduration")

    class Unparsed(Exception):  # noqa: N818 - it stands in for an exception of that library
        pass

    def parse_duration(text: str) -> Json:
        library = importlib.import_module("isoduration")
        try:
            return library.parse_duration(text)
        except library.DurationParsingException as fault:
            raise Unparsed(str(fault)) from fault

    def is_valid_syntax(rule: str, text: str) -> bool:
        return bool(importlib.import_module("rfc3987_syntax").is_valid_syntax(rule, text))

    grammar.__dict__["is_valid_syntax"] = is_valid_syntax
    durations.__dict__.update(parse_duration=parse_duration, DurationParsingException=Unparsed)
    yield from (("rfc3987_syntax", grammar), ("isoduration", durations))


def _validator(schema: dict[str, Json]) -> Json:
    kind = _validator_kind()
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


@functools.cache
def _validator_kind() -> Json:
    library = validators()
    draft = library.Draft202012Validator
    numbers = draft.TYPE_CHECKER.redefine("number", _is_json_number)
    return library.extend(draft, type_checker=numbers)


def _is_json_number(_: Json, value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0


def _causes(error: Json) -> list[Json]:
    """Return why none of several alternatives fits: the faults of the one that was meant, where one stands out."""
    branches: dict[int, list[Json]] = {}
    for cause in error.context if error.validator in {"oneOf", "anyOf"} else []:
        branches.setdefault(cause.relative_schema_path[0], []).append(cause)
    meant = [branch for branch in branches.values() if all(cause.validator != "const" for cause in branch)]
    return [leaf for cause in meant[0] for leaf in _causes(cause)] if len(meant) == 1 else [error]


def is_file(path: Path) -> bool:
    """Return whether a file is there; a name that the system refuses is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_toml(path: Path, error: type[AuditorError]) -> dict[str, Json]:
    """Return a TOML file's content.

    Raises:
        AuditorError: of the class given, when the file is missing, not UTF-8 or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise error(f"cannot read {path}: {fault.strerror}", hint="check the path") from fault
    except UnicodeDecodeError as fault:
        raise error(f"{path} is not UTF-8: byte {fault.start}", hint="save the file as UTF-8") from fault
    except (ValueError, RecursionError) as fault:
        what, hint = date_fault(path.read_text(encoding="utf-8"), str(fault))
        if what:
            raise error(f"{path}: {what}", hint=hint) from fault
        raise error(f"{path} is not TOML: {fault}", hint="see https://toml.io") from fault


def check(value: Json, schema: dict[str, Json], *, where: str, error: type[AuditorError]) -> None:
    """Raise `error` listing all of a value's faults against a schema, each with `where` and its path."""
    faults = faults_against(value, schema)
    if faults:
        raise error(
            f"{where} has {len(faults)} fault{'s' if len(faults) > 1 else ''}:\n{list_faults(faults)}",
            hint="correct the places named above",
        )


def convert(
    value: Json,
    kind: type[T],
    *,
    where: str,
    error: type[AuditorError],
    at: str = "$",
    hint: str = "the file was written by another version, or changed",
) -> T:
    """Return a JSON value, found `at` a path, as a type of ours, or raise `error` naming the path that does not fit."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as fault:
        said, _, place = str(fault).partition(" - at ")
        path = f"{at}{place.strip('`').removeprefix('$')}"
        raise error(f"{where}: {path}: {said[0].lower()}{said[1:]}", hint=hint) from fault
