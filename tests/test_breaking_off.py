"""A run that breaks off says how to go on, and one that goes on ends as if it had never been broken off."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.breaking_off import command, told_how_to_go_on
from auditor.errors import AnswerError, FullError, InterruptedRun, OutputError
from auditor.record import JOURNAL, RECORD

Cli = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parent.parent


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore them, and so would their children


def start(words: list[object], cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "auditor", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - there is one thread here
    )


def wait_for_journal(process: subprocess.Popen[str], path: Path, lines: int) -> None:
    deadline = time.monotonic() + 200
    while not path.is_file() or path.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_stopped_halfway_and_resumed_has_the_record_of_an_unbroken_one(
    auditor_process: Cli, tiny_model: Path, tmp_path: Path, how: signal.Signals
) -> None:
    def words(out: str) -> list[object]:
        chosen = "toxicity,bias/stereotype_contrast"
        return ["run", "--model", tiny_model, "--probes", chosen, "--out", tmp_path / out, "--offline"]

    whole = auditor_process(*words("whole"))
    assert whole.returncode == 10, whole.stderr
    process = start(words("cut"))
    wait_for_journal(process, tmp_path / "cut" / JOURNAL, lines=200)
    process.send_signal(how)
    said = process.communicate()[1]
    if how is signal.SIGINT:
        assert process.returncode == 1
        assert "error: interrupted" in said and f"--out {tmp_path / 'cut'} --offline --resume" in said
    assert not (tmp_path / "cut" / RECORD).exists()
    resumed = auditor_process(*words("cut"), "--resume")
    assert resumed.returncode == 10, resumed.stderr
    records = [json.loads((tmp_path / name / RECORD).read_text()) for name in ("whole", "cut")]
    assert records[1]["clocks"]["requests_from_journal"] >= 200
    for record in records:
        for key in ("clocks", "digest"):
            del record[key]
    assert records[0] == records[1]
    for path in (tmp_path / "whole" / "samples").iterdir():
        assert path.read_bytes() == (tmp_path / "cut" / "samples" / path.name).read_bytes()


def test_the_command_that_is_told_goes_on_with_all_options_and_the_folder(tiny_model: Path, tmp_path: Path) -> None:
    chosen = ["--probes", "toxicity/sentence_starts", "--limit", 12, "--toxicity", "alt-profanity-check"]
    words = ["run", "--model", tiny_model, *chosen, "--offline"]
    process = start(words, tmp_path)
    while not (begun := list(tmp_path.glob(f"runs/*/{JOURNAL}"))):
        assert process.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1].splitlines()
    assert process.returncode == 1
    assert said[-3:-1] == ["error: interrupted", "hint: what was answered is kept: go on with"]
    told = shlex.split(said[-1])
    folder = str(begun[0].parent.relative_to(tmp_path))
    assert told == [sys.executable, "-m", "auditor", *map(str, words), "--out", folder, "--resume"]
    where = os.environ | {"PYTHONPATH": str(ROOT)}
    again = subprocess.run(said[-1], shell=True, cwd=tmp_path, env=where, capture_output=True, text=True, check=False)
    assert again.returncode in {10, 11}, again.stderr
    record = json.loads((begun[0].parent / RECORD).read_text())
    assert record["run"]["limit"] == 12


@pytest.mark.parametrize(
    ("fault", "begun", "hint"),
    [
        (AnswerError("it failed"), True, "what was answered is kept: go on with\n  "),
        (FullError("no space"), True, "free some space, then go on with\n  "),
        (FullError("no space"), False, "free some space, then run it again"),
        (InterruptedRun("interrupted"), True, "what was answered is kept: go on with\n  "),
        (KeyboardInterrupt(), False, "nothing was asked yet: run it again"),
    ],
)
def test_whatever_breaks_a_run_off_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: BaseException, begun: bool, hint: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/sh", "run", "--model", "my model", "--out", "x"])
    if begun:
        (tmp_path / JOURNAL).touch()
    with (
        pytest.raises((AnswerError, FullError, InterruptedRun)) as caught,
        told_how_to_go_on(tmp_path, named=True, resumed=False),
    ):
        raise fault
    told = "sh run --model 'my model' --out x --resume" if begun else ""
    assert caught.value.hint == hint + told


def test_an_error_that_broke_nothing_off_keeps_its_own_hint(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).touch()
    with (
        pytest.raises(OutputError) as caught,
        told_how_to_go_on(tmp_path, named=True, resumed=False),
    ):
        raise OutputError("not empty", hint="choose another --out")
    assert caught.value.hint == "choose another --out"


def test_the_program_is_told_as_it_can_be_called_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "auditor").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bin" / "auditor")])
    assert command("run") == "bin/auditor run"
    monkeypatch.setattr(sys, "argv", ["/usr/lib/auditor/__main__.py"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert command("run", "a b") == "bin/python -m auditor run 'a b'"
