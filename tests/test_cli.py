"""The command line as a user meets it: exit codes, one error with a hint, stdout for documents, stderr for the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.record import JOURNAL, RECORD
from auditor.types import RunRecord

Cli = Callable[..., subprocess.CompletedProcess[str]]
POLICY = """version = "1.0.0"
title = "For tests"
owner = "us"
description = "One bound."
[[rules]]
id = "r"
metric = "bias/small_pairs:first_rate"
rationale = "because a test needs one"
"""


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Path]:
    def make(bound: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(POLICY + bound + "\n")
        return path

    return make


def run_words(model: Path, pack: Path, out: Path, *more: object) -> list[object]:
    return ["run", "--model", model, "--pack", pack, "--probes", "bias/small_pairs", "--out", out, "--offline", *more]


@pytest.mark.parametrize(
    ("bound", "code", "status"),
    [
        pytest.param("min = 0\nmax = 1", 0, "PASS", marks=pytest.mark.slow),
        ("min = 1", 10, "FAIL"),
        pytest.param("min = 0\nmax = 1\nmin_n = 1000", 11, "INCONCLUSIVE", marks=pytest.mark.slow),
    ],
)
def test_the_exit_code_of_a_run_and_of_judging_it_is_the_verdict(
    auditor_process: Cli,
    auditor_cli: Cli,
    tiny_model: Path,
    pack: Path,
    policy: Callable[[str], Path],
    tmp_path: Path,
    bound: str,
    code: int,
    status: str,
) -> None:
    out = tmp_path / "out"
    done = auditor_process(*run_words(tiny_model, pack, out, "--policy", policy(bound)))
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert any(line.startswith("bias/small_pairs:first_rate") and "n=24  unscored=0" in line for line in lines)
    assert any(line.startswith(f"verdict  {status}") and f"exit code {code}" in line for line in lines)
    assert lines[-2:] == [f"record   {out}", f"card     {out / 'card.md'}"]
    assert {path.name for path in out.iterdir()} >= {RECORD, JOURNAL, "samples", "card.md", "card.json", "verdict.json"}
    judged = auditor_cli("judge", out, "--policy", policy(bound), "--json")
    assert judged.returncode == code
    assert json.loads(judged.stdout)["status"] == status
    carded = auditor_cli("card", out, "--policy", policy(bound))
    assert carded.stdout == (out / "card.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_provenance_of_the_run_is_kept_and_used_by_later_commands(
    auditor_process: Cli, tiny_model: Path, pack: Path, policy: Callable[[str], Path], tmp_path: Path
) -> None:
    facts = tmp_path / "facts.toml"
    facts.write_text('by = "Us"\ndate = 2026-11-01\n[model]\nlicense = "mit"\nprovider = {withheld = "not yet"}\n')
    out = tmp_path / "out"
    words = run_words(tiny_model, pack, out, "--policy", policy("max = 1"), "--provenance", facts)
    assert auditor_process(*words).returncode == 0
    facts.unlink()
    card = json.loads(auditor_process("card", out, "--policy", policy("max = 1"), "--as", "json").stdout)
    assert card["facts"]["model.license"]["value"] == "mit"
    assert "declared by Us on 2026-11-01" in card["facts"]["model.license"]["source"]
    provider = card["facts"]["model.provider"]
    assert (provider["status"], provider["value"], provider["reason"]) == ("withheld", None, "not yet")
    assert provider["source"] == "declared by Us on 2026-11-01"


@pytest.mark.slow
def test_the_declared_facts_are_those_read_at_the_start_and_are_named_by_a_digest(
    auditor_process: Cli, tiny_model: Path, pack: Path, policy: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = run_words(tiny_model, pack, out, "--policy", policy("max = 1"))
    assert auditor_process(*words).returncode == 0
    before = json.loads((out / "verdict.json").read_text())["verdicts"][0]["facts_digest"]
    (out / "provenance.toml").write_text('by = "Us"\ndate = 2026-11-01\n[model]\nlicense = "mit"\n')
    judged = json.loads(auditor_process("judge", out, "--policy", policy("max = 1"), "--json").stdout)
    (verdict,) = judged["verdicts"]
    assert verdict["facts_digest"] != before
    again = auditor_process(*words, "--resume", "--provenance", out / "provenance.toml")
    assert again.returncode == 0, again.stderr
    (after,) = json.loads((out / "verdict.json").read_text())["verdicts"]
    assert after["facts_digest"] == verdict["facts_digest"]


@pytest.mark.parametrize("words", [["judge", "x" * 300], ["run", "--model", "smollm2", "--out", "x" * 300]])
def test_a_path_too_long_for_the_system_is_one_error(auditor_cli: Cli, words: list[str]) -> None:
    done = auditor_cli(*words)
    assert done.returncode == 1
    error_of(done)


def test_a_record_with_what_is_no_json_is_one_error(auditor_cli: Cli, tmp_path: Path) -> None:
    for text in ('{"schema": NaN}', '{"schema": "\\ud800"}', "[" * 100_000):
        (tmp_path / RECORD).write_text(text)
        done = auditor_cli("judge", tmp_path)
        assert done.returncode == 1
        error_of(done)


def error_of(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Return the error and the hint that a command ended with; there must be one of each, and no traceback."""
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    hints = [line for line in done.stderr.splitlines() if line.startswith("hint: ")]
    assert len(errors) == 1 and len(hints) == 1, done.stderr
    return errors[0], hints[0]


@pytest.mark.parametrize(
    ("words", "code", "error", "hint"),
    [
        (["run", "--model", "smolm2"], 1, "no model is named 'smolm2'", "did you mean smollm2?"),
        (["run", "--model", "./absent/folder"], 1, "no model is named", "smollm2"),
        (["run", "--model", "org/absent", "--offline"], 1, "not in the local cache", "without --offline"),
        (
            ["run", "--model", "smollm2", "--probes", "bias/stereotype_contrst"],
            2,
            "no probe is named",
            "bias/stereotype_contrast",
        ),
        (["run", "--model", "smollm2", "--policy", "basline"], 2, "no policy is named", "baseline"),
        (["run", "--model", "smollm2", "--limit", "0"], 2, "--limit", "--help`"),
        (["run", "--model", "smollm2", "--limit", "two"], 2, "--limit", "--help`"),
        (["run", "--model", "smollm2", "--dtype", "float8"], 2, "float8", "--help`"),
        (["run", "--model", "smollm2", "--seed", "-1"], 2, "--seed", "--help`"),
        (["run", "--modle", "smollm2"], 2, "--model", "--help`"),
        (["run"], 2, "--model", "--help`"),
        (["rum"], 2, "run", "--help`"),
        (["run", "--model", "smollm2", "--resume"], 2, "--resume needs --out", "runs/"),
        (["run", "--model", "smollm2", "--toxicity", "detoxfy"], 2, "unknown classifier", "detoxify"),
        (["run", "--model", "smollm2", "--pack", "/absent"], 1, "no probe in /absent", "FAMILY/PROBE"),
        (["run", "--model", "smollm2", "--provenance", "absent.toml"], 1, "cannot read absent.toml", "path"),
        (["judge", "absent"], 1, "cannot read absent", "folder that a run wrote"),
        (["card", "absent"], 1, "cannot read absent", "folder that a run wrote"),
        (["probes", "show", "bias/clams"], 2, "no probe is named", "claims"),
        (["policies", "show", "nothing"], 2, "no policy is named", "baseline"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None,
)
def test_bad_words_give_one_error_a_hint_and_the_right_code(
    auditor_cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: list[str],
    code: int,
    error: str,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = auditor_cli(*words)
    said, advice = error_of(done)
    assert (done.returncode, error in said, hint in advice) == (code, True, True), done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "runs").is_dir() or not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize(("words", "code"), [(["rum"], 2), (["judge", "absent"], 1)])
def test_a_process_of_its_own_ends_with_that_code_too(auditor_process: Cli, words: list[str], code: int) -> None:
    done = auditor_process(*words)
    error_of(done)
    assert (done.returncode, done.stdout) == (code, "")


def test_an_output_folder_that_is_a_file_is_refused(
    auditor_cli: Cli, tiny_model: Path, pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("mine")
    done = auditor_cli(*run_words(tiny_model, pack, tmp_path / "taken"))
    assert done.returncode == 1
    assert "cannot write" in error_of(done)[0]
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_record_edited_by_hand_is_refused_by_every_command(
    auditor_cli: Cli, finished: tuple[RunRecord, Path], tmp_path: Path
) -> None:
    import shutil

    copy = Path(shutil.copytree(finished[1], tmp_path / "copy"))
    text = (copy / RECORD).read_text(encoding="utf-8")
    (copy / RECORD).write_text(text.replace('"n_unscored": 0', '"n_unscored": 1', 1), encoding="utf-8")
    for command in ("judge", "card"):
        done = auditor_cli(command, copy)
        assert done.returncode == 1
        assert "was changed after it was written" in error_of(done)[0]


def test_a_traceback_is_shown_only_when_asked_for(auditor_cli: Cli) -> None:
    assert "Traceback" not in auditor_cli("judge", "absent").stderr
    assert "Traceback" in auditor_cli("judge", "absent", "--debug").stderr


def test_commands_on_a_finished_record_do_not_import_torch(finished: tuple[RunRecord, Path]) -> None:
    for command in ("judge", "card"):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "auditor", command, str(finished[1])],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {0, 10, 11}
        loaded = {
            line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")
        }
        assert "auditor.judge" in loaded
        assert not loaded & {"torch", "transformers", "detoxify", "datasets"}


def test_doctor_says_what_is_there(auditor_cli: Cli) -> None:
    done = auditor_cli("doctor", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert found["torch"]["ok"] and found["classifiers"]["ok"]
    assert done.returncode == (0 if all(check["ok"] for check in found.values()) else 1)


def test_lists_are_json_when_asked_for(auditor_cli: Cli) -> None:
    probes = json.loads(auditor_cli("probes", "list", "--json").stdout)
    assert len(probes) >= 9
    policies = json.loads(auditor_cli("policies", "list", "--json").stdout)
    assert "baseline" in {policy["id"] for policy in policies}


def test_no_bar_of_another_library_is_drawn_into_a_log() -> None:
    script = """
import sys
from auditor.cli import main
sys.argv = ["auditor", "--version"]
try:
    main()
finally:
    from tqdm.auto import tqdm
    assert list(tqdm(range(3), desc="Converting")) == [0, 1, 2]
"""
    bare = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=bare)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_gguf_file_is_opened_without_a_bar_after_a_scorer_has_loaded_its_libraries(
    auditor_process: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TQDM_DISABLE")
    words = ["--model", "smollm2", "--probes", "toxicity/provocation", "--limit", 1, "--toxicity", "minilm-toxicity"]
    done = auditor_process("run", *words, "--offline", "--out", tmp_path / "out")
    assert done.returncode in {10, 11}, done.stderr
    assert "Converting" not in done.stderr


def test_too_little_memory_is_one_error(auditor_cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def hungry(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("auditor.commands.review", hungry)
    done = auditor_cli("judge", tmp_path)
    assert done.returncode == 1
    assert "not enough memory" in error_of(done)[0]


@pytest.mark.parametrize("command", ["judge", "card", "verify", "self-test", "compare", "diff", "export"])
def test_a_run_that_has_not_ended_is_told_from_a_folder_without_a_run(
    auditor_cli: Cli, tmp_path: Path, command: str
) -> None:
    more = {"compare": [tmp_path], "diff": [tmp_path], "export": ["--format", "junit"]}.get(command, [])
    (tmp_path / JOURNAL).touch()
    done = auditor_cli(command, tmp_path, *more)
    assert done.returncode == 1
    said, hint = error_of(done)
    assert said == f"error: the run in {tmp_path} has not ended: there is no {RECORD} yet"
    assert f"auditor run … --out {tmp_path} --resume" in hint
    (tmp_path / JOURNAL).unlink()
    assert "not ended" not in error_of(auditor_cli(command, tmp_path, *more))[0]


def test_an_example_is_said_to_lie_here_without_its_samples(auditor_cli: Cli) -> None:
    example = Path(__file__).parent.parent / "model_cards" / "examples" / "smollm2"
    done = auditor_cli("judge", example)
    assert done.returncode == 1
    said, hint = error_of(done)
    assert "record.json came without its samples" in said
    assert "samples of shipped examples are left out" in hint


def test_judging_says_that_it_writes_nothing_and_how_to_keep_the_verdict(
    auditor_cli: Cli, finished: tuple[RunRecord, Path]
) -> None:
    before = sorted(finished[1].rglob("*"))
    done = auditor_cli("judge", finished[1])
    assert done.stderr == "no file was written; to keep the verdict: --json > verdict.json\n"
    assert sorted(finished[1].rglob("*")) == before
    kept = auditor_cli("judge", finished[1], "--json")
    assert (kept.stderr, json.loads(kept.stdout)["schema"]) == ("", "auditor:verdicts/1")
    assert "--json > verdict.json keeps the verdict" in auditor_cli("judge", "--help").stdout
