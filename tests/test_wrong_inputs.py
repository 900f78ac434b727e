"""Wrong inputs: each ends with one error, one hint and the exit code of the README; a traceback reaches nobody."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.types import RunRecord

Cli = Callable[..., subprocess.CompletedProcess[str]]

UNFIT = """
run --model {model} --out {new} --provenance {folder}
run --model {model} --out {new} --provenance {binary}
run --model {model} --out {new} --waivers {empty}
run --model {model} --out {new} --policy {empty}
run --model {model} --out {new} --policy {list}
run --model {empty} --out {new}
run --model {folder} --out {new}
run --model {model} --out {new} --data-dir {absent} --probes bias/bbq
run --model {model} --out {new} --training-data {absent} --probes alignment/sycophancy
run --model {model} --out {new} --training-data {empty} --probes alignment/sycophancy
run --model {model} --out {new} --previous {absent}
run --model {model} --out {new} --pack {empty}
run --model {model} --out {new} --probes alignment/sycophancy --device nothing
run --model {model} --out {new} --resume
run --model {model} --out {empty} --probes alignment/sycophancy
judge {binary}
judge {list}
judge {folder}
judge {record} --provenance {folder}
card {record} --template {absent}
card {record} --template {folder}
card {record} --template {binary}
card {record} --out {folder}
check-card {folder} --model {model}
check-card {list} --record {record}
verify {absent}
verify {empty}
verify {record} --model {absent}
diff {binary} {record}
compare {empty} {record}
compare {record} {absent}
export {record} --format junit --pack {absent}
provenance {absent}
provenance {folder}
provenance {model} --out {empty}
policies check {binary}
policies explain baseline --record {absent}
policies check baseline --pack {absent}
probes check {empty}
probes check --data-dir {absent}
scorers calibrate alt-profanity-check --data {absent} --text a --label b
scorers calibrate alt-profanity-check --data {folder} --text a --label b
scorers calibrate alt-profanity-check --data {labelled} --text txt --label label --json
scorers calibrate alt-profanity-check --data {labelled} --text text --label lbl --json
scorers calibrate alt-profanity-check --data {labelled} --text text --label label --group nobody --json
scorers calibrate alt-profanity-check --data {labelled} --text text --label label --positive 2 --json
scorers calibrate refusal --data {labelled} --text prompt --prompt text --label label --json
scorers agree alt-profanity-check alt-profanity-check --data {absent} --text a
sign {record} --key {folder}
self-test {record} --model {absent}
"""
WRONG = """
run --model {model} --out {new} --probes ,
run --model {model} --out {new} --as-of tomorrow
run --model {model} --out {new} --country SWE
run --model {model} --out {new} --training-column a
run --model {model} --out {new} --hub-place x
run --model {model} --out {new} --limit 1e9
judge {record} --policy {folder}
judge {record} --as-of 2026-99-99
card {record} --as pdf
card {record} --show-texts -1
check-card {record}/card.json
verify {record} --reask 0
verify {record} --signature {empty}
compare {record} {record} --level nan
compare {record} {record} --json --markdown
export {record} --format pdf
policies show nothing
probes show
scorers show nothing
scorers calibrate nothing --data {absent} --text a --label b
scorers calibrate refusal --data {absent} --text a --label b --prompt c --threshold 0.5
scorers calibrate alt-profanity-check --data {empty} --text a --label b --format xml
scorers calibrate alt-profanity-check --data {labelled} --text text --label label --threshold nan --json
"""


@pytest.fixture(scope="module")
def places(
    finished: tuple[RunRecord, Path], tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("wrong")
    found = {name: base / name for name in ("absent", "new", "empty", "binary", "folder", "list.json")}
    found["folder"].mkdir()
    found["empty"].touch()
    found["binary"].write_bytes(b"\xff\xfe\x00bad")
    found["list.json"].write_text("[]")
    labelled = base / "labelled.csv"
    labelled.write_text("text,label,prompt\nhow,1,\nwhy,0,\n")
    return {**found, "list": found["list.json"], "labelled": labelled, "model": tiny_model, "record": finished[1]}


@pytest.mark.parametrize(
    ("line", "code"),
    [*((line, 1) for line in UNFIT.strip().splitlines()), *((line, 2) for line in WRONG.strip().splitlines())],
)
def test_a_wrong_input_is_one_error_with_a_hint_and_its_exit_code(
    auditor_cli: Cli, places: dict[str, Path], line: str, code: int
) -> None:
    done = auditor_cli(*shlex.split(line.format(**places)))
    told = [text.partition(":")[0] for text in done.stderr.splitlines() if text.startswith(("error: ", "hint: "))]
    assert told == ["error", "hint"], done.stderr
    assert "Traceback" not in done.stderr and "Errno" not in done.stderr
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert not places["new"].exists()
