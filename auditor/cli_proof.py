"""`auditor sign` and `auditor self-test`: who vouches for a record, and whether verification finds what is altered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli_options import DataDir, Json, Packs
from auditor.printing import print_json, print_table

if TYPE_CHECKING:
    from auditor.types import Mutation


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("sign")(sign)
    app.command("self-test")(self_test)


def sign(
    record: Annotated[Path, typer.Argument(help="The folder that a run wrote.")],
    key: Annotated[Path, typer.Option(help="A private key, PEM: P-256, P-384 or P-521, without a password.")],
    out: Annotated[Path | None, typer.Option(help="The signature's file; default: record.sig in the folder.")] = None,
) -> int:
    """Sign every file of a record's folder; `auditor verify --signature FILE --public-key PUB.pem` checks it."""
    from auditor import signing

    print(f"signed   {signing.sign(record, key, out)}", file=sys.stderr)
    return 0


def self_test(
    record: Annotated[Path, typer.Argument(help="The folder that a run wrote; it is left as it is.")],
    model: Annotated[Path | None, typer.Option(help="The model's folder; copies of its files are altered.")] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="A policy of its verdicts; can be repeated; default: those named there.")
    ] = None,
    places: Annotated[int, typer.Option(min=1, help="How many places a file are altered.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Draws the places.")] = 0,
    toxicity: Annotated[str, typer.Option(help="Where the record's classifier is, as for `auditor run`.")] = "",
    pack: Packs = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> int:
    """Alter a copy of a record in one place after the other, and see whether `auditor verify` finds each."""
    from auditor import mutations
    from auditor.verify import AtHand

    at_hand = AtHand(policies=policy or (), packs=pack or (), data_dir=data_dir, toxicity=toxicity)
    found = mutations.self_test(record, at_hand=at_hand, model=model, places=places, seed=seed)
    if as_json:
        print_json(found)
        return found.exit_code
    targets: dict[tuple[str, str], list[Mutation]] = {}
    for one in found.mutations:
        targets.setdefault((one.target, one.kind), []).append(one)
    rows = [["target", "altered", "places", "found", "named first, for instance"]]
    for (target, kind), ones in targets.items():
        caught = sum(one.caught for one in ones)
        rows.append([target, kind, str(len(ones)), str(caught), ones[0].named[:80]])
    print_table(rows)
    for one in found.missed:
        print(f"not found: {one.target}, {one.change}")
    hint = "; give the pack of a probe (--pack) to have its items checked" if found.needs_probes else ""
    print(f"{len(found.mutations) - len(found.missed)} of {len(found.mutations)} alterations were found{hint}")
    return found.exit_code
