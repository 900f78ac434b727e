"""The journal survives what a killed run leaves behind, and nothing else passes for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import FullError, RecordError
from auditor.journal import Journal, Kind, read_journal
from auditor.record import JOURNAL
from auditor.types import Completion, Loglikelihood, Reason, Unscored

PLAN = {"seed": 0, "model": ["a" * 64]}
OUTPUTS = {
    0: Loglikelihood(nats=-1.25, n_tokens=3),
    1: Unscored(reason=Reason.TOO_LONG, detail="9 tokens"),
}


def write(folder: Path) -> None:
    with Journal(folder, PLAN, resume=False) as journal:
        journal.add("loglikelihood", OUTPUTS)
        journal.add("generate", {4: Completion(text='Ja.\n\u2028"', n_tokens=2, finish="stop")})


def test_what_was_added_is_there_again_on_resuming(tmp_path: Path) -> None:
    write(tmp_path)
    with Journal(tmp_path, PLAN, resume=True) as journal:
        assert journal.outputs["loglikelihood"] == OUTPUTS
        assert journal.outputs["generate"][4].text == 'Ja.\n\u2028"'


def test_the_time_at_which_the_plan_was_fixed_outlives_a_resume(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / JOURNAL
    before = read_journal(path).fixed_at
    path.write_text(path.read_text(encoding="utf-8").replace(before, "2026-01-01T00:00:00+00:00"), encoding="utf-8")
    with Journal(tmp_path, PLAN, resume=True) as journal:
        assert journal.fixed_at == "2026-01-01T00:00:00+00:00"
        written = read_journal(path)
        assert (written.plan, written.fixed_at, written.outputs) == (PLAN, journal.fixed_at, journal.outputs)


def test_an_output_longer_than_a_chunk_is_read_back_whole(tmp_path: Path) -> None:
    long = Completion(text="ä" * 10_000, n_tokens=10_000, finish="length")
    with Journal(tmp_path, PLAN, resume=False) as journal:
        journal.add("generate", {3: long, 1: OUTPUTS[1]})
        assert journal.outputs["generate"] == {1: OUTPUTS[1], 3: long}
        assert list(journal.outputs["generate"]) == [1, 3]
        assert 2 not in journal.outputs["generate"]
        with pytest.raises(KeyError):
            journal.outputs["generate"][2]
        journal.add("loglikelihood", OUTPUTS)
    assert {kind: dict(outputs) for kind, outputs in read_journal(tmp_path / JOURNAL).outputs.items()} == {
        "generate": {1: OUTPUTS[1], 3: long},
        "loglikelihood": OUTPUTS,
    }


def test_every_cut_of_the_file_is_resumed_from_its_last_whole_line(tmp_path: Path) -> None:
    write(tmp_path)
    whole = (tmp_path / JOURNAL).read_bytes()
    for length in range(len(whole)):
        (tmp_path / JOURNAL).write_bytes(whole[:length])
        with Journal(tmp_path, PLAN, resume=True) as journal:
            kept = sum(map(len, journal.outputs.values()))
            assert kept == max(0, whole[:length].count(b"\n") - 1)
            for number in set(OUTPUTS) - set(journal.outputs["loglikelihood"]):
                journal.add("loglikelihood", {number: OUTPUTS[number]})
        with Journal(tmp_path, PLAN, resume=True) as journal:
            assert journal.outputs["loglikelihood"] == OUTPUTS


def test_a_journal_of_another_plan_is_refused_and_the_difference_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    before = (tmp_path / JOURNAL).read_bytes()
    with pytest.raises(RecordError, match="differs in seed"), Journal(tmp_path, {**PLAN, "seed": 1}, resume=True):
        pass
    assert (tmp_path / JOURNAL).read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [
        b"{]\n",
        b'["loglikelihood", "x", {}]\n',
        b'["other", 1, {"status": "unscored"}]\n',
        b"7\n",
        b"\n",
        b'["loglikelihood", -1, {"nats": -1.0, "n_tokens": 1, "status": "loglikelihood"}]\n',
        b'["loglikelihood", 9, {"nats": NaN, "n_tokens": 1, "status": "loglikelihood"}]\n',
        b'["loglikelihood", 9, {"nats": -1e999, "n_tokens": 1, "status": "loglikelihood"}]\n',
        b'["generate", 9, {"text": "\xff", "n_tokens": 1, "finish": "stop", "status": "completion"}]\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_damaged_line_is_named_by_its_number(tmp_path: Path, line: bytes) -> None:
    write(tmp_path)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
    with pytest.raises(RecordError, match=r"journal\.jsonl:3"), Journal(tmp_path, PLAN, resume=True):
        pass


def test_an_answer_to_no_request_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    sizes: dict[Kind, int] = {"loglikelihood": max(OUTPUTS) + 1, "generate": 10}
    with Journal(tmp_path, PLAN, resume=True, sizes=sizes) as journal:
        assert journal.outputs["loglikelihood"] == OUTPUTS
    line = b'["loglikelihood",1000000000000000,{"n_tokens":1,"nats":-1.0,"status":"loglikelihood"}]\n'
    with (tmp_path / JOURNAL).open("ab") as stream:
        stream.write(line)
    with (
        pytest.raises(RecordError, match="request 1000000000000000, and there are"),
        Journal(tmp_path, PLAN, resume=True, sizes=sizes),
    ):
        pass


def test_two_processes_cannot_write_to_one_journal(tmp_path: Path) -> None:
    with (
        Journal(tmp_path, PLAN, resume=False),
        pytest.raises(RecordError, match="another process"),
        Journal(tmp_path, PLAN, resume=True),
    ):
        pass


def test_a_full_disk_is_an_output_error_and_leaves_no_half_line(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(tmp_path, PLAN, resume=False) as journal:
        journal.add("loglikelihood", OUTPUTS)
        size = (tmp_path / JOURNAL).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
        try:
            with pytest.raises(FullError, match=JOURNAL) as caught:
                journal.add("loglikelihood", {7: Loglikelihood(nats=-1.0, n_tokens=1)})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "free some space" in caught.value.hint
    assert (tmp_path / JOURNAL).stat().st_size == size
    with Journal(tmp_path, PLAN, resume=True) as journal:
        assert journal.outputs["loglikelihood"] == OUTPUTS
