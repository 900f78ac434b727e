"""Counts that are not those of the samples are named; what an older record does not hold is neither right nor wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import counts
from auditor.backends.base import by_formula
from auditor.samples import read_samples
from auditor.types import FlopCount, RunRecord, Work

Change = Callable[[RunRecord], RunRecord]


def of(finished: tuple[RunRecord, Path], change: Change = lambda same: same) -> dict[str, str]:
    """Return the outcome, and what is said, of each check of a changed record."""
    found, folder = finished
    lines = {probe.id: read_samples(folder / probe.samples_file.path) for probe in found.probes}
    return {one.what: f"{one.outcome}: {one.detail}" for one in counts.checks(change(found), lines)}


def clocks(found: RunRecord, **changes: Any) -> RunRecord:
    return replace(found, clocks=replace(found.clocks, **changes))


def last(found: RunRecord, **changes: Any) -> RunRecord:
    """Return a record with its last process changed."""
    costs = found.clocks.costs
    assert costs is not None
    *before, span = costs.spans
    return clocks(found, costs=replace(costs, spans=(*before, replace(span, **changes))))


def before(found: RunRecord, **changes: Any) -> RunRecord:
    """Return a record with another process before its last."""
    costs = found.clocks.costs
    assert costs is not None
    return clocks(found, costs=replace(costs, spans=(replace(costs.spans[-1], **changes), *costs.spans)))


def flop(found: RunRecord, **changes: Any) -> RunRecord:
    assert found.clocks.costs is not None
    return clocks(found, costs=replace(found.clocks.costs, flop=replace(flop_of(found), **changes)))


def flop_of(found: RunRecord) -> FlopCount:
    assert found.clocks.costs is not None
    return found.clocks.costs.flop


def first_probe(found: RunRecord, **changes: Any) -> RunRecord:
    return replace(found, probes=(replace(found.probes[0], **changes), *found.probes[1:]))


def test_an_honest_record_over_a_part_of_each_probe_comes_out_the_same(finished: tuple[RunRecord, Path]) -> None:
    found = of(finished)
    assert set(found.values()) == {"same: "}
    assert list(found)[-3:] == ["requests", "completions", "operations"] and len(found) == 3 + len(finished[0].probes)


@pytest.mark.parametrize(
    ("what", "change", "named"),
    [
        ("probe", lambda r: first_probe(r, n_selected=7), "n_selected: the record says 7, computed 6"),
        ("probe", lambda r: first_probe(r, unscored={"TOO_LONG": 1}), "unscored.TOO_LONG: the record says 1"),
        ("probe", lambda r: first_probe(r, n_items=5), "n_items: the record says 5, and has 6 samples"),
        ("probe", lambda r: replace(r, run=replace(r.run, limit=None)), "and has 6 samples at no limit"),
        ("requests", lambda r: clocks(r, requests=r.clocks.requests + 1), "clocks.requests: the record says"),
        ("requests", lambda r: clocks(r, requests_from_journal=r.clocks.requests + 1), "requests_from_journal: "),
        ("requests", lambda r: clocks(r, requests_from_journal=-1), "requests_from_journal: -1 of"),
        ("completions", lambda r: before(r, completions=0, completion_tokens=10**6), "tokens, and the samples hold"),
        ("completions", lambda r: before(r, completions=9, completion_tokens=0), "completions, and the samples hold"),
        (
            "completions",
            lambda r: clocks(last(r, completions=0, completion_tokens=5), requests_from_journal=r.clocks.requests),
            "the last process wrote 5 tokens in no completion",
        ),
        ("completions", lambda r: last(r, completions=1), "the last process wrote 1 completions"),
        ("completions", lambda r: last(r, completions=-1), "a process wrote -1 completions"),
        ("completions", lambda r: last(r, completion_tokens=-1), "of -1 tokens"),
        ("completions", lambda r: last(r, completion_tokens=1), "the last process answered all, by 1 tokens"),
        ("completions", lambda r: last(r, completion_tokens=10**6), "the last process answered all, by 1000000 tokens"),
        (
            "completions",
            lambda r: clocks(r, requests_from_journal=r.clocks.requests),
            "the last process wrote ",
        ),
        ("operations", lambda r: flop(r, tokens=31), "clocks.costs.flop.tokens: the record says 31, computed 32"),
        ("operations", lambda r: flop(r, formula=1), "clocks.costs.flop.formula: the record says 1"),
        ("operations", lambda r: flop(r, body=0), "0 operations a token"),
        ("operations", lambda r: flop(r, head=-1), "-1 a prediction"),
        ("operations", lambda r: flop(r, method="formula"), "clocks.costs.flop.by: the record says"),
        ("operations", lambda r: replace(r, backend=replace(r.backend, parameters=5)), "flop.formula: the record says"),
        ("operations", lambda r: last(r, work=Work(tokens=1, predictions=1)), "were written one by one"),
        ("operations", lambda r: last(r, work=Work(tokens=10**6, predictions=1)), "were written one by one"),
        ("operations", lambda r: last(r, work=Work(tokens=-1, predictions=0)), "-1 tokens"),
    ],
)
def test_a_count_that_the_record_does_not_bear_out_is_named(
    finished: tuple[RunRecord, Path], what: str, change: Change, named: str
) -> None:
    told = of(finished, change)[f"{finished[0].probes[0].id} counts" if what == "probe" else what]
    assert told.startswith("differs: ") and named in told


def test_operations_by_the_formula_and_work_that_nobody_counted_are_nothing_wrong(
    finished: tuple[RunRecord, Path],
) -> None:
    by = by_formula(finished[0].backend.parameters)
    made = {name: getattr(by, name) for name in by.__struct_fields__}
    assert of(finished, lambda found: last(flop(found, **made), work=None))["operations"] == "same: "


def test_what_an_older_record_does_not_hold_is_neither_right_nor_wrong(finished: tuple[RunRecord, Path]) -> None:
    told = of(finished, lambda found: clocks(found, costs=None))
    assert told.pop("completions") == told.pop("operations")
    assert of(finished, lambda found: clocks(found, costs=None))["completions"].startswith("not_checked: the record")
    assert set(told.values()) == {"same: "}
