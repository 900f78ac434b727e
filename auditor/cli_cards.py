"""`auditor card` renders a record's card; `auditor check-card` finds out whether a card still tells the truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli_options import AsOf, Json
from auditor.errors import UsageError
from auditor.registry import RENDERINGS

Template = Annotated[
    Path | None, typer.Option(help="Your own Jinja2 template, run in a sandbox, in place of a shipped rendering.")
]
_AS = f"What to write: {', '.join(RENDERINGS)}."


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("card")(card)
    app.command("check-card")(check_card)


def card(
    record: Annotated[Path, typer.Argument(help="The folder that a run wrote.")],
    rendering: Annotated[str, typer.Option("--as", help=_AS)] = "markdown",
    policy: Annotated[
        list[str] | None, typer.Option("--policy", help="A policy's name or file; can be repeated; default: the run's.")
    ] = None,
    provenance: Annotated[Path | None, typer.Option(help="Declared facts (TOML); default: the run's.")] = None,
    waivers: Annotated[Path | None, typer.Option(help="Findings to live with (TOML); default: the run's.")] = None,
    as_of: AsOf = "",
    previous: Annotated[
        Path | None, typer.Option(help="An earlier release's record: what changed since is on the card.")
    ] = None,
    template: Template = None,
    show_texts: Annotated[
        int, typer.Option("--show-texts", min=0, help="Show so many samples' texts a probe; they can be harmful.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="A file; default: standard output.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --as json.")] = False,
) -> int:
    """Write the model card of a finished record, or a form or summary that is made of it."""
    from auditor import commands, renderings
    from auditor import record as records

    demands = commands.Demands(
        policies=tuple(policy or ()),
        provenance=provenance,
        waivers=waivers,
        as_of=as_of,
        previous=previous,
    )
    audit = commands.review(record, demands)
    folder = record if record.is_dir() else record.parent
    texts = renderings.read_texts(audit.card, folder, show_texts) if show_texts else {}
    text = renderings.render(audit.card, "json" if as_json else rendering, template=template, texts=texts)
    if out is None:
        sys.stdout.write(text)
    else:
        records.write_text(out, text)
    return 0


def check_card(
    path: Annotated[Path, typer.Argument(metavar="CARD", help="card.json, or a document that was made of it.")],
    model: Annotated[str, typer.Option(help="The model that it is about: as for `auditor run`.")] = "",
    record: Annotated[Path | None, typer.Option(help="The folder of the record that it was made of.")] = None,
    card_json: Annotated[Path | None, typer.Option(help="The card's card.json; default: the one beside it.")] = None,
    provenance: Annotated[Path | None, typer.Option(help="Declared facts (TOML); default: the record's.")] = None,
    waivers: Annotated[Path | None, typer.Option(help="Findings to live with (TOML); default: the record's.")] = None,
    policy: Annotated[str, typer.Option(help="A policy that judged it, where it is not a shipped one.")] = "",
    template: Template = None,
    as_json: Json = False,
) -> int:
    """Find out whether a card is about these files, says what its card.json says, and follows from its record."""
    from auditor.check_card import Asked
    from auditor.check_card import check_card as check
    from auditor.printing import print_verification

    if not (model or record):
        raise UsageError("nothing to check the card against", hint="give --model, --record or both")
    asked = Asked(
        path=path,
        model=model,
        record=record,
        card_json=card_json,
        provenance=provenance,
        waivers=waivers,
        policy=policy,
        template=template,
    )
    found = check(asked)
    print_verification(found, as_json=as_json)
    return found.exit_code
