"""`auditor provenance`: a draft on standard output or in a new file, without torch and without the network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_the_draft_is_the_document_and_the_count_goes_to_standard_error(auditor_cli: Cli, tiny_model: Path) -> None:
    done = auditor_cli("provenance", tiny_model)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## Facts about ")
    assert "[model]" in done.stdout and "## derived: " in done.stdout
    assert "questions to a person" in done.stderr
    assert str(tiny_model.parent) not in done.stdout


def test_a_file_that_is_there_is_never_overwritten(auditor_cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "provenance.toml"
    assert auditor_cli("provenance", tiny_model, "--out", out).returncode == 0
    before = out.read_text(encoding="utf-8")
    done = auditor_cli("provenance", tiny_model, "--out", out)
    assert done.returncode == 1
    assert "exists already" in done.stderr
    assert out.read_text(encoding="utf-8") == before


def test_json_gives_the_facts_with_their_evidence(auditor_cli: Cli, tiny_model: Path) -> None:
    done = auditor_cli("provenance", tiny_model, "--json")
    fact = json.loads(done.stdout)["facts"]["model.architecture"]
    assert (fact["status"], fact["value"], fact["evidence"][0]["path"]) == (
        "derived",
        "LlamaForCausalLM",
        "config.json",
    )


@pytest.mark.parametrize("name", ["nowhere", "org/absent"])
def test_a_model_that_is_not_here_is_an_error(auditor_process: Cli, name: str, tmp_path: Path) -> None:
    done = auditor_process("provenance", name, HF_HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")


def test_neither_torch_nor_transformers_is_loaded(tiny_model: Path) -> None:
    code = (
        "import sys; from auditor.cli import main\n"
        "try: main()\nfinally: print(sorted(set(sys.modules) & {'torch', 'transformers'}), file=sys.stderr)"
    )
    words = [sys.executable, "-c", code, "provenance", str(tiny_model)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == "[]"
