"""`auditor compare`: two records side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli_options import Json
from auditor.errors import UsageError
from auditor.printing import print_json


def compare(
    baseline: Annotated[Path, typer.Argument(help="The folder of the record to compare against.")],
    candidate: Annotated[Path, typer.Argument(help="The folder of the other record.")],
    level: Annotated[float, typer.Option(help="Confidence of intervals; 1 − level is the error of all tests.")] = 0.95,
    as_json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
) -> int:
    """Compare two finished records sample by sample: is a metric nearer to its ideal, or farther (exit code 10)?"""
    if as_json and as_markdown:
        raise UsageError("--json and --markdown are two forms of the same document", hint="give one of them")
    from auditor.compare import compare as compare_records
    from auditor.exporters import comparison

    found = compare_records(baseline, candidate, level=level)
    if as_json:
        print_json(found)
    else:
        sys.stdout.write(comparison.markdown(found) if as_markdown else comparison.console(found) + "\n")
    if as_json or as_markdown:
        print(comparison.summary(found), file=sys.stderr)
    return found.exit_code
