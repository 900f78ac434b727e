"""`auditor scorers`: which scorers there are, how far each can be trusted, and how to measure that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli_options import Json, Offline, Pickles
from auditor.errors import UsageError, nearest
from auditor.printing import WIDTH, print_json, print_table

if TYPE_CHECKING:
    from auditor.agreement import Agreement
    from auditor.types import Calibration

app = typer.Typer(help="What scores, and how far it can be trusted.", rich_markup_mode=None, no_args_is_help=True)


@app.command("list")
def scorers_list(as_json: Json = False) -> int:
    """List scorers and classifiers: what they measure, and what their error was measured on."""
    from auditor import scorer_pages

    pages = scorer_pages.pages()
    if as_json:
        columns = ("name", "kind", "calibrated", "title")
        print_json([{name: getattr(page, name) for name in columns} for page in pages.values()])
    else:
        print_table([[page.name, page.kind, page.brief, page.title] for page in pages.values()], width=WIDTH)
    return 0


@app.command("show")
def scorers_show(
    name: Annotated[str, typer.Argument(help="A scorer's or classifier's name.")], as_json: Json = False
) -> int:
    """Print how a scorer works, and its measured errors."""
    from auditor import scorer_pages

    pages = scorer_pages.pages()
    page = pages.get(name.partition(":")[0])
    if page is None:
        raise UsageError(f"no scorer is named {name!r}", hint=nearest(name, pages))
    if as_json:
        print_json(page)
        return 0
    print(page.method)
    print()
    if not page.calibrations:
        print(page.calibrated)
    for calibration in page.calibrations:
        _print_calibration(calibration, subgroups=3)
    return 0


def _known_to_calibrate(name: str) -> str:
    """Return the name, checked before the options are: of an unknown scorer none of them matters."""
    from auditor import calibrate

    calibrate.check_name(name, threshold=None)
    return name


@app.command("calibrate")
def scorers_calibrate(
    name: Annotated[
        str,
        typer.Argument(
            help="A classifier, as for --toxicity, or refusal, or minilm-refusal.", callback=_known_to_calibrate
        ),
    ],
    data: Annotated[Path, typer.Option(help="Texts that people have labelled.")],
    text: Annotated[list[str], typer.Option(help="The column of the texts; repeat it with --label '#column'.")],
    label: Annotated[str, typer.Option(help="The column of the labels; '#column': a text's column is its label.")],
    positive: Annotated[list[str] | None, typer.Option(help="A label that says yes; default: 1 and true.")] = None,
    negative: Annotated[list[str] | None, typer.Option(help="A label that says no; default: all others.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="A column of subgroups; can be repeated.")] = None,
    cluster: Annotated[
        str, typer.Option(help="The column that dependent texts share; default: the row, and equal texts.")
    ] = "",
    prompt: Annotated[str, typer.Option(help="The column of the prompts, for a scorer that reads them.")] = "",
    construct: Annotated[str, typer.Option(help="What is labelled; default: what the scorer measures.")] = "",
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="The rating from which on a text counts; default: 0.5.")
    ] = None,
    source: Annotated[str, typer.Option(help="Where the data come from; up to a comma, their name.")] = "",
    licence: Annotated[str, typer.Option(help="The data's licence.")] = "",
    language: Annotated[list[str] | None, typer.Option(help="The texts' language (en); can be repeated.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="csv, csv-semicolon, tsv, tsv-quoted, jsonl, json; default: by name.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="A file to write, for --calibration of `auditor run`.")] = None,
    offline: Offline = False,
    allow_pickle: Pickles = False,
    as_json: Json = False,
) -> int:
    """Measure a scorer's error over texts that people have labelled."""
    from auditor import calibrate, calibration, labelled
    from auditor.record import write_text
    from auditor.types import LabelledTexts

    calibrate.check_name(name, threshold=threshold)
    if out is not None and out.is_dir():
        raise UsageError(f"--out {out} is a folder", hint="name the file to write")
    if calibrate.needs_prompt(name) and not prompt:
        raise UsageError(f"{name} reads the prompt beside the text", hint="give --prompt COLUMN")
    columns = LabelledTexts(
        text=tuple(text),
        label=label,
        positive=tuple(positive or ("1", "true")),
        negative=tuple(negative or ()),
        groups=tuple(group or ()),
        cluster=cluster,
        prompt=prompt,
    )
    read = labelled.read(data, columns, form=form)
    decider = calibrate.open_decider(name, threshold=threshold, offline=offline, allow_pickle=allow_pickle)
    print(f"{decider.ref.name} {decider.ref.version} reads {len(read.rows)} texts", file=sys.stderr)
    about = calibrate.About(construct=construct, source=source, licence=licence, languages=tuple(language or ()))
    found = calibrate.calibrate(decider, read, columns, about)
    if out is not None:
        write_text(out, calibration.dump(found))
        print(f"wrote    {out}", file=sys.stderr)
    print_json(found) if as_json else _print_calibration(found, subgroups=3)
    return 0


@app.command("agree")
def scorers_agree(
    first: Annotated[str, typer.Argument(help="A classifier, as for --toxicity.")],
    second: Annotated[str, typer.Argument(help="Another, such as detoxify:CHECKPOINT.")],
    data: Annotated[Path, typer.Option(help="Texts; they need no labels.")],
    text: Annotated[str, typer.Option(help="The column of the texts.")],
    form: Annotated[
        str, typer.Option("--format", help="csv, csv-semicolon, tsv, tsv-quoted, jsonl, json; default: by name.")
    ] = "",
    offline: Offline = False,
    allow_pickle: Pickles = False,
    as_json: Json = False,
) -> int:
    """Say how far two classifiers agree on the same texts; it says nothing of which is right."""
    from auditor import agreement, labelled, registry

    kinds = [name.partition(":") for name in (first, second)]
    known = registry.names("classifiers")
    for kind, _, _ in kinds:
        if kind not in known:
            raise UsageError(f"no classifier is named {kind!r}", hint=nearest(kind, known))
    texts = labelled.texts_of(data, text, form=form)
    one, other = (
        registry.load("classifiers", kind)(argument, offline=offline, allow_pickle=allow_pickle)
        for kind, _, argument in kinds
    )
    found = agreement.agreement(one, other, texts)
    print_json(found) if as_json else _print_agreement(found)
    return 0


def _print_agreement(found: Agreement) -> None:
    one, other = (f"{ref.name} {ref.version}" for ref in found.scorers)
    interval = found.interval
    print(f"{one} and {other}: n={found.n}  unscored={found.n_unscored}")
    print(
        f"  both={found.both}  first only={found.first_only}  second only={found.second_only}  neither={found.neither}"
    )
    rows = [["", "same decision", f"{found.same:.3f} [{interval.low:.3f}, {interval.high:.3f}]"]]
    for name, value in (("Cohen's kappa", found.kappa), ("rank correlation", found.rank_correlation)):
        rows.append(["", name, "undefined" if value is None else f"{value:.3f}"])
    print_table(rows)


def _print_calibration(calibration: Calibration, *, subgroups: int) -> None:
    from auditor.exporters import calibrations

    overall, scorer = calibration.overall, calibration.scorer
    spoken = f", {', '.join(calibration.languages)}" if calibration.languages else ""
    print(f"{scorer.name} {scorer.version}: {calibration.construct} on {calibration.name}{spoken}")
    threshold = "" if calibration.threshold is None else f", positive from {calibration.threshold:g} on"
    rest = f"unscored={calibration.n_unscored}  left out={calibration.n_left_out}"
    print(f"  n={calibration.n}  {rest}{threshold}")
    print(f"  tp={overall.tp}  fn={overall.fn}  fp={overall.fp}  tn={overall.tn}")
    names = ("sensitivity", "specificity", "balanced_accuracy", "youden", "auc")
    print_table([["", name, calibrations.figure(getattr(overall, name))] for name in names])
    low = calibrations.lowest(calibration, subgroups)
    if low:
        print("  lowest by subgroup:")
    for line in low:
        print(f"    {line}")
    print()
