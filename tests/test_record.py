"""A record reads back as it was written, or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from auditor.errors import OutputError, RecordError
from auditor.record import RECORD, SAMPLES, load_record, seal, write_text
from auditor.types import RunRecord


@pytest.fixture
def copy(finished: tuple[RunRecord, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished[1], tmp_path / "copy"))


def test_a_record_reads_back_equal_from_its_folder_and_from_its_file(finished: tuple[RunRecord, Path]) -> None:
    record, folder = finished
    assert load_record(folder) == (record, folder)
    assert load_record(folder / RECORD) == (record, folder)


def test_the_file_is_canonical_json_without_nan(finished: tuple[RunRecord, Path]) -> None:
    text = (finished[1] / RECORD).read_text(encoding="utf-8")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    content = json.loads(text, parse_constant=refuse)
    assert text == json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def test_clocks_are_the_only_part_outside_the_content_digest(finished: tuple[RunRecord, Path]) -> None:
    record = finished[0]
    later = msgspec.structs.replace(record.clocks, started_at="2030-01-01T00:00:00+00:00")
    assert seal(msgspec.structs.replace(record, clocks=later)).content_digest == record.content_digest
    assert seal(msgspec.structs.replace(record, clocks=later)).digest != record.digest
    for name in ("run", "model", "backend", "environment", "probes"):
        value = getattr(record, name)
        changed = {"x": "y"} if name == "environment" else value[:-1] if name == "probes" else None
        if changed is None:
            field = {"run": {"seed": 9}, "model": {"requested": "z"}, "backend": {"dtype": "z"}}[name]
            changed = msgspec.structs.replace(value, **field)
        assert seal(msgspec.structs.replace(record, **{name: changed})).content_digest != record.content_digest


def numbers(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the path of every number of a JSON value."""
    if isinstance(value, bool):
        return []
    if isinstance(value, int | float):
        return [path]
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, entry in entries for found in numbers(entry, (*path, key))]


def test_a_change_of_any_number_is_found_out(copy: Path) -> None:
    content = json.loads((copy / RECORD).read_text(encoding="utf-8"))
    for path in numbers(content)[:: max(1, len(numbers(content)) // 40)]:
        changed = json.loads(json.dumps(content))
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] += 1
        (copy / RECORD).write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(RecordError, match=r"changed after it was written|does not match"):
            load_record(copy)


def test_a_change_of_a_samples_file_is_found_out(copy: Path) -> None:
    path = sorted((copy / SAMPLES).iterdir())[0]
    data = path.read_bytes()
    path.write_bytes(data.replace(b"1", b"2", 1))
    with pytest.raises(RecordError, match=path.name):
        load_record(copy)
    path.unlink()
    with pytest.raises(RecordError, match="is missing"):
        load_record(copy)


def test_line_ends_that_git_changed_are_told_from_an_edit(copy: Path) -> None:
    for path in (copy / SAMPLES).iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(RecordError, match="changed after it was written") as fault:
        load_record(copy)
    assert "core.autocrlf" in fault.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "not JSON"), ("[]", "not a record of schema"), ('{"schema": "auditor:record/9"}', "auditor:record/9")],
)
def test_what_is_not_a_record_says_what_it_is(copy: Path, text: str, why: str) -> None:
    (copy / RECORD).write_text(text)
    with pytest.raises(RecordError, match=why):
        load_record(copy)


def test_a_run_that_has_not_ended_says_how_to_go_on(copy: Path) -> None:
    (copy / RECORD).unlink()
    with pytest.raises(RecordError) as caught:
        load_record(copy)
    assert "--resume" in caught.value.hint


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "card.md"
    write_text(path, "before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OutputError, match=r"card\.md"):
            write_text(path, "x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "before"


@pytest.mark.parametrize("path", [Path(), Path("/")])
def test_a_folder_in_place_of_a_file_to_write_is_one_error(path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_text(path, "x")
