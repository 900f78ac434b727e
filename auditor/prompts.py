"""Prompt templates: Jinja2, read and checked here, and rendered in a sandbox that gives the same text every time."""

from __future__ import annotations

from pathlib import Path

from auditor.definition import Ask
from auditor.types import PHRASING, Json


def read_template(path: Path, ask: Ask) -> tuple[str, list[str]]:
    """Return the template that a probe needs, and what is wrong with it."""
    from jinja2 import TemplateSyntaxError, meta

    if ask.context and ask.masked:
        return "", ["probe.toml: $.ask.context: a masked model is asked what two texts share, without a context"]
    if ask.kind == "pairs" and not ask.context:
        return "", []
    text = ""
    faults = []
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
        sandbox().compile(text)
        used = meta.find_undeclared_variables(sandbox().parse(text))
        if ask.phrasings and PHRASING not in used:
            faults.append(f"prompt.j2: does not use {PHRASING}, and $.ask.phrasings names {len(ask.phrasings)}")
        if ask.orders and "options" not in used:
            faults.append(f"prompt.j2: does not use options, and $.ask.orders lists {len(ask.orders)} orders of them")
    except OSError as fault:
        faults.append(f"prompt.j2: {fault.strerror}")
    except UnicodeDecodeError as fault:
        faults.append(f"prompt.j2: not UTF-8: byte {fault.start}")
    except TemplateSyntaxError as fault:
        faults.append(f"prompt.j2:{fault.lineno}: {fault.message}")
    return text, faults


def sandbox() -> Json:
    """Return the Jinja2 environment in which packs' templates render: sandboxed, and strict about holes."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    del environment.globals["lipsum"], environment.filters["random"]  # they draw from the global random generator
    return environment
