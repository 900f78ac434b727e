"""`auditor export` and `auditor diff`: a finished record for other tools, and two cards side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli_options import Json
from auditor.errors import UsageError
from auditor.printing import print_json, print_table, print_text
from auditor.registry import FORMATS


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("export")(export)
    app.command("diff")(diff)


def export(
    record: Annotated[Path, typer.Argument(help="The folder that a run wrote.")],
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")],
    out: Annotated[Path | None, typer.Option(help="A file, or a folder for several; default: standard output.")] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="A policy's name or file; can be repeated; default: the run's.")
    ] = None,
    provenance: Annotated[Path | None, typer.Option(help="Declared facts (TOML); default: the run's.")] = None,
    waivers: Annotated[Path | None, typer.Option(help="Waivers (TOML); default: the run's.")] = None,
    as_of: Annotated[str, typer.Option(help="The date of judgement, YYYY-MM-DD; default: the run's last day.")] = "",
    pack: Annotated[list[Path] | None, typer.Option(help="A folder with more probes; can be repeated.")] = None,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Write prompts and completions, which can be harmful, not digests.")
    ] = False,
) -> int:
    """Write a finished record in another tool's format, checked by that format's validator where there is one."""
    from auditor import export as exports
    from auditor.commands import Demands

    documents = exports.export(
        record,
        form,
        Demands(policies=tuple(policy or ()), provenance=provenance, waivers=waivers, as_of=as_of),
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


def diff(
    older: Annotated[Path, typer.Argument(help="A card.json, or the folder of a run.")],
    newer: Annotated[Path, typer.Argument(help="The card to hold against it.")],
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
) -> int:
    """Say what changed between two cards; exit 10 where something must be looked at before relying on the newer."""
    from auditor.card_file import CARD_JSON, load_card
    from auditor.diff import diff as compare
    from auditor.exporters import differences
    from auditor.record import check_ended

    for folder in filter(Path.is_dir, (older, newer)):
        check_ended(folder)
    cards = [load_card(path / CARD_JSON if path.is_dir() else path) for path in (older, newer)]
    found = compare(*cards)
    if as_json:
        print_json(found)
    elif markdown:
        sys.stdout.write(differences.markdown(found))
    else:
        if found.changes:
            print_table(differences.rows(found))
        print_text(differences.summary(found))
    return found.exit_code
