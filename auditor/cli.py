"""The command line: parse, call, print, exit. The document goes to standard output, all else to standard error."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import auditor
from auditor import cli_cards, cli_compare, cli_exports, cli_policies, cli_proof, cli_provenance, cli_scorers
from auditor.cli_options import (
    AsOf,
    CalibrationFiles,
    Country,
    DataDir,
    DataHub,
    Device,
    Dtype,
    Energy,
    HubPlaces,
    Json,
    Limit,
    NumberFormat,
    Offline,
    Out,
    Packs,
    Pickles,
    PolicyNames,
    Previous,
    Provenance,
    RecordPath,
    RemoteCode,
    Resume,
    RunData,
    Seed,
    Toxicity,
    TrainingColumns,
    TrainingData,
    Waivers,
)
from auditor.errors import AuditorError, UsageError
from auditor.printing import (
    WIDTH,
    print_document,
    print_json,
    print_table,
    print_text,
    print_verification,
    print_wrapped,
)

if TYPE_CHECKING:
    from auditor.commands import Demands

_USAGE: Any = typer.BadParameter.__mro__[1]  # typer's own copy of click's UsageError, or click's, as the version has it
_CLICK: Any = _USAGE.__mro__[1]

app = typer.Typer(
    help="Measure a language model, write its model card, judge it against a policy.",
    epilog="Exit codes: 0 pass, 1 error (no verdict), 2 usage, 10 fail, 11 inconclusive.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)
probes_app = typer.Typer(help="What can be measured.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(probes_app, name="probes")
app.add_typer(cli_policies.app, name="policies")
app.add_typer(cli_scorers.app, name="scorers")
cli_cards.register(app)
cli_exports.register(app)
cli_proof.register(app)
cli_provenance.register(app)
app.command()(cli_compare.compare)


def main() -> None:
    """Run the command line; every error of ours ends here, with its exit code."""
    debug = "--debug" in sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported, by whichever library comes first
    try:
        code = app(
            args=[word for word in sys.argv[1:] if word != "--debug"], prog_name="auditor", standalone_mode=False
        )
    except AuditorError as fault:
        _fail(fault, fault.message, fault.hint, fault.exit_code, debug=debug)
    except _USAGE as fault:
        _fail(fault, fault.format_message(), f"see `{_command(fault)} --help`", UsageError.exit_code, debug=debug)
    except _CLICK as fault:
        _fail(fault, fault.format_message(), "", 1, debug=debug)
    except (KeyboardInterrupt, typer.Abort) as fault:
        _fail(fault, "interrupted", "no file was left half written: run it again", 1, debug=debug)
    except MemoryError as fault:
        _fail(fault, "the machine has not enough memory for this", "free some, or ask for less", 1, debug=debug)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as fault:
        what = f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror or str(fault)
        _fail(fault, what, "check the path, who may read and write it, and the space left", 1, debug=debug)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(fault: BaseException, message: str, hint: str, code: int, *, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exception(fault)
    print_text(f"error: {message}", err=True)
    if hint:
        print_text(f"hint: {hint}", err=True)
    sys.exit(code)


def _command(fault: Any) -> str:
    """Return the command whose words were wrong, as the user wrote it."""
    context = getattr(fault, "ctx", None)
    return context.command_path if context else "auditor"


def _version(wanted: bool) -> None:
    if wanted:
        print(auditor.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """Take the options that every command has."""


@app.command()
def run(
    model: Annotated[str, typer.Option(help="smollm2, a folder, a .gguf file, or a Hub name org/name[@revision].")],
    probes: Annotated[str, typer.Option(help="Probes, families or globs, comma-separated; default: all.")] = "",
    data_dir: RunData = None,
    data_hub: DataHub = False,
    hub_place: HubPlaces = None,
    policy: PolicyNames = None,
    out: Out = None,
    limit: Limit = None,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: NumberFormat = Dtype.AUTO,
    toxicity: Toxicity = "auto",
    calibration: CalibrationFiles = None,
    training_data: TrainingData = None,
    training_column: TrainingColumns = None,
    provenance: Provenance = None,
    waivers: Waivers = None,
    as_of: AsOf = "",
    previous: Previous = None,
    resume: Resume = False,
    offline: Offline = False,
    energy: Energy = False,
    country: Country = "",
    pack: Packs = None,
    trust_remote_code: RemoteCode = False,
    allow_pickle: Pickles = False,
    as_json: Json = False,
) -> int:
    """Measure a model, write its card, and judge both: the whole audit."""
    from auditor import commands
    from auditor.backends.base import BackendOptions
    from auditor.breaking_off import told_how_to_go_on
    from auditor.run import Settings

    if training_column and not training_data:
        raise UsageError("--training-column names a column of no file", hint="give the files with --training-data")
    if resume and out is None:
        raise UsageError("--resume needs --out, the folder of the run to go on with", hint="see the folders in runs/")
    if country and not energy:
        raise UsageError("--country needs --energy", hint="name both, or neither")
    settings = Settings(
        model=model,
        out=out or commands.new_folder(model),
        probes=probes,
        packs=tuple(pack or ()),
        data_dir=data_dir,
        data_hub=data_hub,
        hub_places=tuple(hub_place or ()),
        limit=limit,
        seed=seed,
        toxicity=toxicity,
        calibrations=tuple(calibration or ()),
        training_data=tuple(training_data or ()),
        training_columns=tuple(training_column or ()),
        resume=resume,
        offline=offline,
        energy=energy,
        country=country,
        backend=BackendOptions(
            device=device, dtype=dtype.value, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle
        ),
    )
    with told_how_to_go_on(settings.out, named=out is not None, resumed=resume):
        audit = commands.run(settings, _demands(policy, provenance, waivers, as_of, previous))
    print_text(commands.summary(audit), err=True)
    print(f"record   {settings.out}\ncard     {settings.out / commands.CARD_MD}", file=sys.stderr)
    if as_json:
        print_document(commands.verdict_json(audit))
    return audit.exit_code


def _demands(
    policy: list[str] | None, provenance: Path | None, waivers: Path | None, as_of: str, previous: Path | None
) -> Demands:
    from auditor.commands import Demands

    policies = tuple(policy or ())
    return Demands(policies=policies, provenance=provenance, waivers=waivers, as_of=as_of, previous=previous)


@app.command()
def judge(
    record: RecordPath,
    policy: PolicyNames = None,
    provenance: Provenance = None,
    waivers: Waivers = None,
    as_of: AsOf = "",
    previous: Previous = None,
    as_json: Json = False,
) -> int:
    """Judge a finished record against one or more policies; the exit code is the worst of their verdicts.

    No file is written: --json > verdict.json keeps the verdict.
    """
    from auditor import commands

    audit = commands.review(record, _demands(policy, provenance, waivers, as_of, previous))
    if as_json:
        print_document(commands.verdict_json(audit))
    else:
        print_text(commands.summary(audit))
        print("no file was written; to keep the verdict: --json > verdict.json", file=sys.stderr)
    return audit.exit_code


@app.command()
def verify(
    record: RecordPath,
    model: Annotated[str, typer.Option(help="Ask this model some samples again: a folder, a .gguf, a Hub id.")] = "",
    reask: Annotated[int, typer.Option(min=1, help="How many samples to ask again.")] = 8,
    policy: Annotated[
        list[str] | None, typer.Option(help="A policy that it was judged by; default: the shipped ones named.")
    ] = None,
    pack: Packs = None,
    data_dir: DataDir = None,
    toxicity: Annotated[str, typer.Option(help="Where the record's classifier is, as for `auditor run`.")] = "",
    offline: Offline = False,
    allow_pickle: Annotated[bool, typer.Option("--allow-pickle", help="Open a classifier's pickled weights.")] = False,
    training_data: TrainingData = None,
    previous: Annotated[Path | None, typer.Option(help="The earlier record that its card counts changes from.")] = None,
    signature: Annotated[Path | None, typer.Option(help="A signature of the record by `auditor sign`.")] = None,
    public_key: Annotated[Path | None, typer.Option(help="The public key of who signed, PEM.")] = None,
    as_json: Json = False,
) -> int:
    """Compute a record's numbers again from its samples, and its card and verdict from the record."""
    from auditor import signing
    from auditor.reask import reask as ask_again
    from auditor.verify import AtHand, look_again
    from auditor.verify import verify as compute_again

    signed = [signing.check(record, signature, public_key)] if signature or public_key else []
    at_hand = AtHand(
        policies=policy or (),
        packs=pack or (),
        data_dir=data_dir,
        previous=previous,
        toxicity=toxicity,
        offline=offline,
        allow_pickle=allow_pickle,
    )
    found = compute_again(record, at_hand)
    found = found.with_first(signed)
    if training_data and found.first_difference is None:
        found = found.with_more(look_again(record, training_data))
    if model and found.first_difference is None:
        found = found.with_more(ask_again(record, model, count=reask, at_hand=at_hand))
    print_verification(found, as_json=as_json)
    return found.exit_code


@app.command()
def doctor(as_json: Json = False) -> int:
    """Say what is installed, what is missing, and what that costs."""
    from auditor.doctor import examine, rows

    checks = examine()
    print_json(checks) if as_json else print_wrapped(rows(checks), width=WIDTH)
    return 0 if all(check.ok for check in checks) else 1


@probes_app.command("list")
def probes_list(pack: Packs = None, as_json: Json = False) -> int:
    """List every probe, with its number of samples."""
    from auditor import probes

    places = [place for _, place in sorted(probes.find(tuple(pack or ())).items())]
    found = [probes.load(place.folder, place.part, with_items=not place.external) for place in places]
    rows = [
        [p.id, p.version, p.ask.kind, f"n={p.n_items or '?'}", "data-dir" if p.data else "shipped", p.title]
        for p in found
    ]
    columns = ("id", "version", "kind", "n", "items", "title")
    print_json([dict(zip(columns, row, strict=True)) for row in rows]) if as_json else print_table(rows)
    return 0


@probes_app.command("show")
def probes_show(name: Annotated[str, typer.Argument(help="A probe's id.")], pack: Packs = None) -> int:
    """Print a probe's README: what it measures, how, and how far it can be trusted."""
    from auditor import probes

    known = probes.find(tuple(pack or ()))
    if name not in known:
        raise UsageError(f"no probe is named {name!r}", hint=probes.nearest_to(name, known))
    readme = known[name].folder / "README.md"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else f"{name} has no README.md"
    print_text(text)
    return 0


@probes_app.command("check")
def probes_check(
    folder: Annotated[Path | None, typer.Argument(help="A pack; default: the shipped probes.")] = None,
    data_dir: DataDir = None,
) -> int:
    """Check every probe of a pack: schema, items, and that each prompt renders."""
    from auditor import commands

    for line in commands.check_pack(folder, data_dir):
        print_text(line)
    return 0
