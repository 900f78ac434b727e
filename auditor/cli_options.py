"""Options that commands share, and those of `auditor run`."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer


class Dtype(enum.StrEnum):
    """Number formats of weights; `auto` is float32 on the CPU, bfloat16 elsewhere."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Packs = Annotated[list[Path] | None, typer.Option("--pack", help="A folder with more probes; can be repeated.")]
DataDir = Annotated[Path | None, typer.Option(help="The folder of the benchmarks' data files.")]
PolicyNames = Annotated[
    list[str] | None,
    typer.Option(
        "--policy", help="A policy's name or file; can be repeated; default: the run's, of a new one baseline."
    ),
]
TrainingData = Annotated[
    list[Path] | None,
    typer.Option(
        "--training-data", help="A file or folder of the training data, to look for the items in; can be repeated."
    ),
]
Provenance = Annotated[Path | None, typer.Option(help="Declared facts (TOML). Without it they are missing.")]
Waivers = Annotated[Path | None, typer.Option(help="Findings to live with (TOML); default: those kept by the run.")]
Previous = Annotated[Path | None, typer.Option(help="An earlier release's record: what changed since is on the card.")]
AsOf = Annotated[str, typer.Option(help="The date to judge ages and waivers by; default: the day of the run.")]
RecordPath = Annotated[Path, typer.Argument(help="The folder that a run wrote.")]

# of `auditor run`
RunData = Annotated[
    Path | None, typer.Option(help="The benchmarks' data files; with it, families and globs name benchmarks too.")
]
DataHub = Annotated[
    bool, typer.Option("--data-hub", help="Read those benchmarks from the Hub that have a place there.")
]
HubPlaces = Annotated[
    list[str] | None,
    typer.Option("--hub-place", help="PROBE=ORG/NAME@COMMIT/CONFIG/SPLIT: read it from there; can be repeated."),
]
Out = Annotated[Path | None, typer.Option(help="A new folder for the record; default: one under runs/.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Samples a probe; such a run cannot pass.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps …; default: cuda where there is one.")]
NumberFormat = Annotated[Dtype, typer.Option(help="Number format of the weights.")]
Toxicity = Annotated[
    str,
    typer.Option(
        help="minilm-toxicity[:KIND], alt-profanity-check, detoxify:CHECKPOINT or :RELEASE, "
        "text-classification:FOLDER[#LABEL]; default: Detoxify where it lies here, else the first installed."
    ),
]
CalibrationFiles = Annotated[
    list[Path] | None, typer.Option(help="A file of `auditor scorers calibrate`; can be repeated.")
]
TrainingColumns = Annotated[
    list[str] | None,
    typer.Option("--training-column", help="A column to look at in their rows; can be repeated; default: every text."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
Offline = Annotated[bool, typer.Option("--offline", help="Download nothing.")]
Energy = Annotated[bool, typer.Option("--energy", help="Energy of the machine, counted or else estimated.")]
Country = Annotated[str, typer.Option(help="With --energy: whose electricity it is, such as SWE.")]
RemoteCode = Annotated[bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")]
Pickles = Annotated[bool, typer.Option("--allow-pickle", help="Open pickled weights.")]
