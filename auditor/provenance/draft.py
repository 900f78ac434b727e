"""A provenance file to begin with: what the model's files say as comments, everything else as a question.

Nothing in it is declared until a person takes away the `# ` before a key: what a tool has read stays the tool's
statement, and an answer that was never given stays missing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from auditor.provenance.agree import contradictions
from auditor.provenance.derive import Derived
from auditor.provenance.facts import FactKind, catalogue
from auditor.types import Fact, Json

_WIDTH = 118
_SHOWN = 200
_HEAD = (
    "Facts about {model}, for `auditor run --provenance`.",
    'Write below who declares them and on which day. Then answer what you can: take away the "# " before a key and '
    'write its value. A key can also be a table: {{ value = …, evidence = "where it can be looked up" }}, or with a '
    'reason instead of a value {{ withheld = "…" }} or {{ not_applicable = "…" }}. '
    "What stays a comment is shown as missing.",
    "What auditor read off the model's files stands in the card as derived; it need not be declared again.",
)
_BASIC = {"string": "text", "boolean": "true or false", "integer": "a whole number", "number": "a number"}


def draft(model: str, derived: Derived) -> str:
    """Return the text of a provenance file; it can be loaded once `by` and `date` are filled in."""
    found = contradictions({}, derived.facts, derived.others)
    head = [line for paragraph in _HEAD for line in _comment(paragraph.format(model=_plain(model)))]
    lines = [*head, 'by = ""', 'date = ""']
    section = ""
    for kind in catalogue().values():
        name = kind.key.partition(".")[0]
        if name != section:
            lines += ["", "", f"## {kind.section}", f"[{name}]"]
            section = name
        lines += ["", *_leaf(kind, derived.facts.get(kind.key), found.get(kind.key, ""))]
    return "\n".join(lines) + "\n"


def questions(derived: Derived) -> list[FactKind]:
    """Return what a person is asked: every fact that the files do not give and the tool cannot find alone."""
    return [kind for kind in catalogue().values() if kind.key not in derived.facts and kind.fill != "auto"]


def _leaf(kind: FactKind, fact: Fact | None, contradiction: str) -> Iterator[str]:
    name = kind.key.partition(".")[2]
    asked = [f"Model Documentation Form {kind.mdf}"] if kind.mdf else []
    asked += [f"public summary {kind.summary}"] if kind.summary else []
    unit = f", in {kind.unit}" if kind.unit else ""
    form = f" [{_type(kind.schema)}{unit}{'; ' if asked else ''}{', '.join(asked)}]"
    yield from _comment(f"{kind.label}. {kind.question}{form}")
    if contradiction:
        yield from _comment(f"CONTRADICTION: {_plain(contradiction)}")
    if fact is not None:
        told = _toml(fact.value)
        shown = told if len(told) <= _SHOWN else f"{told[:_SHOWN]} …"
        yield from _comment(f"derived: {shown} ({_plain(fact.source)})")
    if fact is not None and kind.fill == "auto":
        return
    if fact is not None:
        yield f"# {name} = {_toml(fact.value)}"
    elif kind.fill == "auto":
        yield from _comment("auditor finds this itself where it can; answer only what it cannot know.")
        yield f"# {name} = {_empty(kind.schema)}"
    else:
        yield f"# {name} = {_empty(kind.schema)}"


def _comment(text: str) -> list[str]:
    """Return a text as comment lines that cannot be taken for a key behind its `# `."""
    return textwrap.wrap(text, _WIDTH, initial_indent="## ", subsequent_indent="## ", break_long_words=False)


def _type(spec: dict[str, Any]) -> str:
    """Return what a value is, in words."""
    definitions = spec.get("$defs", {})
    if "$ref" in spec:
        return _type({**definitions[spec["$ref"].rpartition("/")[2]], "$defs": definitions})
    if "enum" in spec:
        return "one of " + ", ".join(map(str, spec["enum"]))
    if "else" in spec and "type" not in spec:  # a plain name, or a table
        return f"a name, or {_type({**spec['then'], '$defs': definitions})}"
    if spec.get("type") == "array":
        return f"a list, each {_type({**spec['items'], '$defs': definitions})}"
    if spec.get("type") == "object":
        keys = [name if name in spec["required"] else f"{name}?" for name in spec["properties"]]
        return f"a table {{ {', '.join(keys)} }}"
    return "YYYY-MM-DD" if spec.get("format") == "date" else _BASIC[spec["type"]]


def _empty(spec: dict[str, Any]) -> str:
    return {"array": "[]", "integer": "", "number": "", "boolean": ""}.get(str(spec.get("type")), '""').rstrip()


def _toml(value: Json) -> str:
    """Return a value as TOML on one line.

    >>> _toml({"name": 'a "b"', "share": 0.5, "tags": ["x"], "large": True})
    '{ name = "a \\\\"b\\\\"", share = 0.5, tags = ["x"], large = true }'
    """
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {_toml(entry)}' for key, entry in value.items())} }}"
        case _:
            return '"' + _plain(str(value).replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _plain(text: str) -> str:
    """Return a text on one line, what does not print as TOML's escapes."""
    return "".join(char if char.isprintable() else f"\\U{ord(char):08X}" for char in text)
