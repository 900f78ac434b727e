"""`auditor provenance`: what can be known of a model without running it, and what remains to be asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from auditor.printing import print_json, print_text


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("provenance")(provenance)


def provenance(
    model: Annotated[str, typer.Argument(help="smollm2, a folder, a .gguf file, or a Hub name that is in the cache.")],
    out: Annotated[Path | None, typer.Option(help="A new TOML file; default: standard output.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts that were found as JSON, no draft.")] = False,
) -> int:
    """Draft a provenance file: what a model's files say, and questions for the rest. Nothing is run or downloaded."""
    from auditor import record
    from auditor.errors import OutputError
    from auditor.provenance.agree import contradictions
    from auditor.provenance.derive import derive_facts
    from auditor.provenance.draft import draft, questions
    from auditor.provenance.facts import catalogue
    from auditor.provenance.resolve import resolve

    if out is not None and out.exists():
        raise OutputError(f"{out} exists already", hint="name a new file: answers in it would be lost")
    # no weight is loaded and no code run, so pickles and code that the model brings do no harm here
    ref = resolve(model, offline=True, allow_pickle=True, trust_remote_code=True, with_base=False)
    derived = derive_facts(ref)
    text = draft(ref.requested, derived)
    if as_json:
        print_json(derived)
    elif out is None:
        sys.stdout.write(text)
    else:
        record.write_text(out, text)
        print(f"wrote    {out}", file=sys.stderr)
    asked = len(questions(derived))
    print(f"derived  {len(derived.facts)} of {len(catalogue())} facts; {asked} questions to a person", file=sys.stderr)
    for key, what in contradictions({}, derived.facts, derived.others).items():
        print_text(f"contradiction  {key}: {what}", err=True)
    return 0
