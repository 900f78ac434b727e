"""`auditor export`: a finished record for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from auditor.errors import UsageError
from auditor.registry import FORMATS


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("export")(export)


def export(
    record: Annotated[Path, typer.Argument(help="The folder that a run wrote.")],
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")],
    out: Annotated[Path | None, typer.Option(help="A file, or a folder for several; default: standard output.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="A policy's name or file; can be repeated.")] = None,
    provenance: Annotated[Path | None, typer.Option(help="Declared facts (TOML); default: the run's.")] = None,
    pack: Annotated[list[Path] | None, typer.Option(help="A folder with more probes; can be repeated.")] = None,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Write prompts and completions, which can be harmful, not digests.")
    ] = False,
) -> int:
    """Write a finished record in another tool's format, checked by that format's validator where there is one."""
    from auditor import export as exports

    documents = exports.export(
        record,
        form,
        policies=tuple(policy or ("baseline",)),
        provenance=provenance,
        packs=tuple(pack or ()),
        with_text=with_text,
    )
    if out is not None:
        for path in exports.write(documents, out):
            print(f"wrote    {path}", file=sys.stderr)
        return 0
    if len(documents) > 1:
        names = ", ".join(document.name for document in documents[:5])
        raise UsageError(f"the export has {len(documents)} files ({names} …)", hint="give a folder with --out")
    sys.stdout.write(documents[0].text)
    return 0
