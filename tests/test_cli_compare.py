"""`auditor compare` as a user meets it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.types import RunRecord

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(finished: tuple[RunRecord, Path]) -> Path:
    return finished[1]


def test_it_lists_what_it_cannot_compare_and_exits_11(auditor_cli: Cli, folder: Path) -> None:
    done = auditor_cli("compare", folder, folder)
    assert done.returncode == 11, done.stderr
    assert "nothing could be compared" in done.stdout
    assert "too few pairs: 6, at least 10 are needed" in done.stdout


def test_json_is_the_document_and_the_summary_goes_to_standard_error(auditor_cli: Cli, folder: Path) -> None:
    done = auditor_cli("compare", folder, folder, "--json")
    found = json.loads(done.stdout)
    assert found["schema"] == "auditor:comparison/2" and found["not_compared"]
    assert done.stderr.strip() == "nothing could be compared"


def test_errors_have_a_hint_and_their_exit_code(auditor_cli: Cli, folder: Path, tmp_path: Path) -> None:
    altered = Path(shutil.copytree(folder, tmp_path / "copy"))
    with (altered / "record.json").open("a", encoding="utf-8") as stream:
        stream.write("x")
    for words, code, message in (
        ((folder, tmp_path), 1, "cannot read"),
        ((folder, altered), 1, "is not JSON"),
        ((folder, folder, "--level", "2"), 2, "between 0.5 and 1"),
        ((folder, folder, "--json", "--markdown"), 2, "two forms"),
        ((folder,), 2, "Missing argument"),
    ):
        done = auditor_cli("compare", *words)
        assert (done.returncode, done.stdout) == (code, "")
        assert message in done.stderr and "hint: " in done.stderr and "Traceback" not in done.stderr


def test_it_imports_no_model_library(folder: Path) -> None:
    code = (
        "import sys; from auditor.cli import main; sys.argv = ['auditor', 'compare', *sys.argv[1:]]\n"
        "try: main()\nfinally: print(sorted(set(sys.modules) & {'torch', 'transformers', 'scipy', 'sklearn'}),"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"
