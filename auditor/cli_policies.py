"""`auditor policies`: what can be demanded, where that stands, and what a card lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli_options import Json, Packs
from auditor.printing import print_json, print_table, print_text

if TYPE_CHECKING:
    from auditor.types import Card, Fact, Policy, Verdict

app = typer.Typer(help="What can be demanded.", rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A policy's name or file.")]


@app.command("list")
def policies_list(as_json: Json = False) -> int:
    """List the shipped policies."""
    from auditor import policies

    found = [policies.load(name) for name in policies.find()]
    rows = [[p.id, p.version, f"{len(p.rules)} rules", f"{len(p.duties)} duties", p.title] for p in found]
    columns = ("id", "version", "rules", "duties", "title")
    print_json([dict(zip(columns, row, strict=True)) for row in rows]) if as_json else print_table(rows)
    return 0


@app.command("show")
def policies_show(name: Name = "baseline", as_json: Json = False) -> int:
    """Print what a policy demands, and why."""
    from auditor import explain, policies

    policy = policies.load(name)
    print_json(policy) if as_json else print_text(explain.outline(policy))
    return 0


@app.command("explain")
def policies_explain(
    name: Name = "baseline",
    record: Annotated[Path | None, typer.Option(help="The folder that a run wrote: say what its card has.")] = None,
    provenance: Annotated[
        Path | None, typer.Option(help="Declared facts (TOML); default: those kept by the run.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Print, for each rule and duty, its clause, what it needs, what the card has, and the TOML to add."""
    from auditor import explain, policies

    policy = policies.load(name)
    facts, card, verdict = _known(policy, name, record, provenance)
    entries = explain.explain(policy, facts, card, verdict)
    print_json(entries) if as_json else print_text(explain.as_text(policy, entries))
    return 0


def _known(
    policy: Policy, name: str, record: Path | None, provenance: Path | None
) -> tuple[dict[str, Fact], Card | None, Verdict | None]:
    from auditor import commands
    from auditor.provenance.declare import load_declared

    if record is None:
        return (load_declared(provenance) if provenance else {}), None, None
    audit = commands.review(record, commands.Demands(policies=(name,), provenance=provenance))
    return audit.card.facts, audit.card, audit.verdicts[0]


@app.command("schema")
def policies_schema(name: Name = "baseline") -> int:
    """Print the JSON Schema over the card that a policy's duties are judged by."""
    from auditor import policies

    print_json(policies.load(name).card_schema)
    return 0


@app.command("check")
def policies_check(name: Name = "baseline", pack: Packs = None) -> int:
    """Check a policy: schema, sources, bounds, and that each fact and metric that it names exists."""
    from auditor import policies

    policy = policies.load(name, policies.metrics_of(tuple(pack or ())))
    print(f"{policy.id} {policy.version}: {len(policy.rules)} rules and {len(policy.duties)} duties, no fault")
    return 0
