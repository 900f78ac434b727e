"""Structs come back from rows equal to what was put in, in any order and number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import rows as module
from auditor.errors import FullError, OutputError
from auditor.rows import Rows, those
from auditor.types import Sample

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
SAMPLES = st.lists(
    st.builds(
        Sample,
        id=st.text(),
        cluster=st.text(),
        slices=st.dictionaries(st.text(), st.text(), max_size=2),
        fields=st.dictionaries(st.text(), JSON, max_size=3),
    ),
    max_size=5,
)


@given(SAMPLES)
def test_rows_are_the_list_that_they_were_made_of(samples: list[Sample]) -> None:
    rows = Rows(Sample, samples)
    assert len(rows) == len(samples)
    assert list(rows) == samples
    assert [rows[place] for place in range(-len(samples), len(samples))] == samples * 2


@given(SAMPLES, st.slices(5), st.data())
def test_a_choice_of_a_choice_is_that_of_the_list(samples: list[Sample], part: slice, data: st.DataObject) -> None:
    chosen = Rows(Sample, samples)[part]
    assert list(chosen) == samples[part]
    places = data.draw(st.lists(st.integers(0, len(chosen) - 1), max_size=6)) if len(chosen) else []
    assert list(chosen.pick(places)) == [samples[part][place] for place in places]


@given(SAMPLES)
def test_those_that_belong_are_the_same_of_rows_and_of_a_list(samples: list[Sample]) -> None:
    rows = Rows(Sample, samples)
    found = those(rows, lambda sample: len(sample.id) % 2 == 0)
    assert isinstance(found, Rows)
    assert list(found) == those(samples, lambda sample: len(sample.id) % 2 == 0)
    assert list(found) == [sample for sample in samples if len(sample.id) % 2 == 0]


def test_rows_that_are_not_there_are_an_error() -> None:
    rows = Rows(Sample, [Sample(id="a", cluster="a", slices={}, fields={})])
    for place in (1, -2):
        with pytest.raises(IndexError, match="of 1"):
            rows[place]


def test_rows_equal_any_sequence_of_equal_structs() -> None:
    one, two = (Sample(id=name, cluster="c", slices={}, fields={"n": 1}) for name in "ab")
    assert Rows(Sample, [one, two]) == [one, two]
    assert Rows(Sample, [one, two]) != [two, one]
    assert Rows(Sample, [one]) != [one, two]
    assert Rows(Sample, [one]) != 5


def test_what_does_not_fit_into_memory_is_read_back_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 300)
    samples = [Sample(id=f"s{number}", cluster="ö", slices={}, fields={"n": number}) for number in range(50)]
    rows = Rows(Sample, samples[:40])
    assert rows[3] == samples[3]
    for sample in samples[40:]:  # after a row was read
        rows.add(sample)
    assert list(rows) == samples
    assert list(rows.pick([49, 0, 7])) == [samples[49], samples[0], samples[7]]


def test_no_room_for_temporary_files_is_an_error_that_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 10)
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    with pytest.raises(OutputError, match="/proc/nowhere") as caught:
        Rows(Sample, [Sample(id="a", cluster="a", slices={}, fields={})])
    assert "TMPDIR" in caught.value.hint


def test_a_full_disk_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda *_, **__: open("/dev/full", "w+b", buffering=0))  # noqa: PTH123, SIM115
    monkeypatch.setattr(module, "IN_MEMORY", 10)
    with pytest.raises(FullError, match="No space left"):  # by which a run tells how to go on
        Rows(Sample, [Sample(id="a", cluster="a", slices={}, fields={})])
