"""Clocks that cannot be as a record says are named; those of an honest record of any kind come out the same."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import clocks, counts, schema
from auditor.backends.scripted import ScriptedBackend
from auditor.costs import COSTS, read_spans
from auditor.errors import InterruptedRun
from auditor.run import Settings, measure
from auditor.samples import read_samples
from auditor.types import Check, Clocks, RunRecord

SCRIPT: dict[str, Any] = {"words": lambda _: "Oh yes, so it is.", "pack": 5}

Change = Callable[[Clocks], Clocks]
LINES = ["times", "duration", "processes"]


def of(found: RunRecord, change: Change = lambda same: same) -> dict[str, str]:
    """Return the outcome, and what is said, of each check of a record with changed clocks."""
    changed = replace(found, clocks=change(found.clocks))
    return {one.what: f"{one.outcome}: {one.detail}" for one in clocks.checks(changed)}


def costs_of(found: Clocks, **changes: Any) -> Clocks:
    assert found.costs is not None
    return replace(found, costs=replace(found.costs, **changes))


def last(found: Clocks, **changes: Any) -> Clocks:
    """Return clocks with the last process changed."""
    assert found.costs is not None
    *before, span = found.costs.spans
    return costs_of(found, spans=(*before, replace(span, **changes)))


def before(found: Clocks, **changes: Any) -> Clocks:
    """Return clocks with a process before the last, which is that one changed."""
    assert found.costs is not None
    return costs_of(found, spans=(replace(found.costs.spans[-1], **changes), *found.costs.spans))


def test_an_honest_record_comes_out_the_same(finished: tuple[RunRecord, Path]) -> None:
    assert of(finished[0]) == dict.fromkeys(LINES, "same: ")


@pytest.mark.parametrize(
    ("what", "change", "named"),
    [
        ("times", lambda c: replace(c, started_at="yesterday"), "clocks.started_at: 'yesterday' is no time"),
        ("times", lambda c: replace(c, planned_at=c.planned_at[:19]), "clocks.planned_at: "),
        ("times", lambda c: replace(c, finished_at=""), "clocks.finished_at: "),
        ("times", lambda c: replace(c, started_at="2999-01-01T00:00:00+00:00"), "lies after the end"),
        ("times", lambda c: replace(c, planned_at="2999-01-01T00:00:00+00:00"), "lies after the end"),
        ("duration", lambda c: replace(c, duration_s=-0.001), "less than nothing"),
        ("duration", lambda c: replace(c, duration_s=c.duration_s + 86_400), "to the end are"),
        ("processes", lambda c: costs_of(c, spans=()), "there is none"),
        ("processes", lambda c: last(c, started_at="2026-11-26"), "spans[0].started_at: '2026-11-26' is no time"),
        ("processes", lambda c: last(c, started_at="2999-01-01T00:00:00+00:00"), "lies after the run's end"),
        ("processes", lambda c: last(c, duration_s=-1.0), "less than nothing"),
        ("processes", lambda c: last(c, duration_s=c.duration_s + 86_400), "to the end are"),
        ("processes", lambda c: replace(c, duration_s=-9.0), "and the run that it was"),
        ("processes", lambda c: last(c, completions_s=c.duration_s + 3), "completions_s: "),
        ("processes", lambda c: last(c, completions_s=-1.0), "completions_s: -1.0 s"),
        ("processes", lambda c: last(c, ended=False), "did not end"),
        ("processes", lambda c: last(c, started_at="2020-01-01T00:00:00+00:00"), "and the run that it was at"),
        ("processes", lambda c: before(c, started_at="2999-01-01T00:00:00+00:00"), "spans[0].started_at"),
        ("processes", lambda c: before(c, duration_s=86_400.0), "spans[0].duration_s"),
        ("processes", lambda c: before(c, completions_s=86_400.0), "spans[0].completions_s"),
    ],
)
def test_clocks_that_cannot_be_are_named(
    finished: tuple[RunRecord, Path], what: str, change: Change, named: str
) -> None:
    told = of(finished[0], change)[what]
    assert told.startswith("differs: ") and named in told


def test_times_of_another_zone_and_a_computer_that_slept_are_nothing_wrong(finished: tuple[RunRecord, Path]) -> None:
    def change(found: Clocks) -> Clocks:
        return replace(found, finished_at="2999-01-01T00:00:00-08:00", started_at="2999-01-01T03:59:00+00:00")

    told = of(finished[0], change)
    assert told["times"] == told["duration"] == "same: "


def test_what_an_older_record_does_not_hold_is_neither_right_nor_wrong(finished: tuple[RunRecord, Path]) -> None:
    told = of(finished[0], lambda found: replace(found, costs=None))
    assert told["times"] == told["duration"] == "same: "
    assert told["processes"].startswith("not_checked: the record does not hold")
    told = of(finished[0], lambda found: last(found, completions_s=0.0))
    assert told["processes"] == "not_checked: the record does not hold how long completions took"


@pytest.fixture
def broken_off(
    tiny_model: Path, pack: Path, unheard: Any, breaking: Callable[..., Any], tmp_path: Path
) -> Callable[..., Settings]:
    """Return what breaks a run off after so many packs of 5 of its 72 requests, and says how it is resumed."""

    def run(after: int) -> Settings:
        probes = "bias/small_pairs,toxicity/small_talk"
        settings = Settings(model=str(tiny_model), out=tmp_path / "out", packs=(pack,), probes=probes)
        settings = replace(settings, toxicity="alt-profanity-check")
        with contextlib.suppress(InterruptedRun):
            measure(settings, unheard, open_backend=breaking(after, **SCRIPT))
        return replace(settings, resume=True)

    return run


def resume(settings: Settings, unheard: Any) -> RunRecord:
    return measure(settings, unheard, open_backend=lambda *_: ScriptedBackend(**SCRIPT))


def every_check(found: RunRecord, settings: Settings) -> list[Check]:
    lines = {probe.id: read_samples(settings.out / probe.samples_file.path) for probe in found.probes}
    return [*clocks.checks(found), *counts.checks(found, lines)]


@pytest.mark.parametrize("after", [0, 4, 12, 99])
def test_a_resumed_run_comes_out_the_same(broken_off: Callable[..., Settings], unheard: Any, after: int) -> None:
    settings = broken_off(after)
    found = resume(settings, unheard)
    assert found.clocks.costs is not None and len(found.clocks.costs.spans) == 2
    assert found.clocks.requests_from_journal == {0: 0, 4: 20, 12: 58, 99: 72}[after]
    assert {one.outcome for one in every_check(found, settings)} == {"same"}


def test_a_run_whose_first_process_left_nothing_comes_out_the_same(
    broken_off: Callable[..., Settings], unheard: Any
) -> None:
    settings = broken_off(12)
    (settings.out / COSTS).unlink()
    found = resume(settings, unheard)
    assert found.clocks.costs is not None and found.clocks.costs.untold
    assert {one.outcome for one in every_check(found, settings)} == {"same"}


def test_a_killed_process_that_counts_short_is_told_and_one_that_counts_too_many_differs(
    broken_off: Callable[..., Settings], unheard: Any
) -> None:
    settings = broken_off(12)
    [span] = read_spans(settings.out / COSTS)
    killed = replace(span, ended=False, completions=span.completions - 5, completion_tokens=span.completion_tokens - 25)
    (settings.out / COSTS).write_text(schema.canonical_json(killed) + "\n", encoding="utf-8")
    found = resume(settings, unheard)
    told = {one.what: one for one in every_check(found, settings)}
    assert {one.outcome for one in told.values()} == {"same"}
    assert told["completions"].detail == "95 of 120 tokens: a process that was broken off counts short"
    for key in ("completions", "completion_tokens"):
        more = before(found.clocks, **{key: 999})
        told = {one.what: one for one in every_check(replace(found, clocks=more), settings)}
        assert told["completions"].outcome == "differs" and "and the samples hold" in told["completions"].detail
