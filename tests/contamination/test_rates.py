"""Rates count items; what could not be looked for is unscored, never a zero."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auditor import stats
from auditor.contamination.rates import rates
from auditor.types import OVERLAPS, ItemOverlap, Metric, Reason, ScorerRef, Undefined

RULE = ScorerRef(name="word_overlap", version="1.0.1", checkpoint="f" * 64)
CLEAN = ItemOverlap(
    probe="p",
    item="a",
    cluster="a",
    n_words=20,
    n_covered=0,
    whole=False,
    with_answers=None,
    n_runs=8,
    n_found=0,
    file="",
)


def by_name(items: list[ItemOverlap]) -> dict[str, Metric | Undefined]:
    return dict(zip(OVERLAPS, rates(items, RULE, "d" * 64), strict=True))


def test_each_rate_is_the_share_of_the_items_that_it_is_about() -> None:
    items = [
        replace(CLEAN, item="a", cluster="a", whole=True, n_covered=20, with_answers=False, n_found=8),
        replace(CLEAN, item="b", cluster="b", n_found=1, n_covered=13, with_answers=False),
        replace(CLEAN, item="c", cluster="c", n_runs=0, n_words=5, whole=True, with_answers=True, n_covered=5),
        replace(CLEAN, item="d", cluster="d"),
    ]
    found = by_name(items)
    told = {name: (m.value, m.n, m.n_unscored) for name, m in found.items() if isinstance(m, Metric)}
    assert told == {
        "overlap_rate": (0.75, 4, 0),
        "whole_overlap_rate": (0.5, 4, 0),
        "answered_overlap_rate": (1 / 3, 3, 1),
        "run_overlap_rate": (2 / 3, 3, 1),
        "word_coverage": ((1 + 0.65 + 1 + 0) / 4, 4, 0),
    }
    rate = found["overlap_rate"]
    assert isinstance(rate, Metric)
    assert (rate.interval.low, rate.interval.high) == stats.wilson(3, 4)
    assert (rate.scorer, rate.data_digest, rate.key.ideal, rate.interval.method) == (RULE, "d" * 64, 0.0, "wilson")


def test_items_of_one_cluster_make_a_rate_less_sure() -> None:
    items = [replace(CLEAN, item=str(n), cluster=str(n // 5), whole=n < 10) for n in range(40)]
    alone = [replace(item, cluster=item.item) for item in items]
    wide, narrow = (by_name(each)["overlap_rate"] for each in (items, alone))
    assert isinstance(wide, Metric)
    assert isinstance(narrow, Metric)
    assert wide.interval.high - wide.interval.low > narrow.interval.high - narrow.interval.low


@pytest.mark.parametrize("items", [[], [replace(CLEAN, n_words=0, n_runs=0)]])
def test_without_an_item_to_look_for_there_is_no_rate(items: list[ItemOverlap]) -> None:
    for metric in by_name(items).values():
        assert isinstance(metric, Undefined)
        assert metric.n_unscored == len(items)


def test_probes_of_short_items_have_no_rate_of_runs() -> None:
    found = by_name([replace(CLEAN, n_runs=0)])["run_overlap_rate"]
    assert isinstance(found, Undefined)
    assert (found.reason, found.n_unscored) == (Reason.EMPTY_DENOMINATOR, 1)
