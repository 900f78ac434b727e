"""Costs over the processes of a run: what is added, what is told to be lacking, what survives a kill."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from auditor import costs
from auditor.backends.base import by_formula
from auditor.backends.scripted import ScriptedBackend
from auditor.errors import RecordError
from auditor.exporters import costs as told
from auditor.types import Completion, EnergyMethod, EnergyPart, FlopCount, Grid, MachinePart, RunRecord, Span, Work

FLOP = FlopCount(method="counted", by="by hand", tokens=10, body=7, head=3, formula=12)
SWEDEN = Grid(country="SWE", g_per_kwh=40.0, source="a table")


def part(name: MachinePart, kwh: float, method: EnergyMethod = "estimated") -> EnergyPart:
    return EnergyPart(part=name, kwh=kwh, method=method, by="RAPL" if method == "counters" else "a guess")


def span(**changes: Any) -> Span:
    base = Span(
        started_at="2026-11-25T12:00:00+00:00",
        duration_s=10.0,
        ended=True,
        completions=4,
        completion_tokens=100,
        work=Work(tokens=50, predictions=20),
        tracker="codecarbon 3",
        energy=(part("cpu", 0.2), part("ram", 0.1)),
        completions_energy=(part("cpu", 0.1), part("ram", 0.05)),
        grid=SWEDEN,
    )
    return replace(base, **changes)


def test_what_processes_used_is_added_up_by_part() -> None:
    found = costs.add_up(FLOP, (span(), span(energy=(part("cpu", 0.4), part("ram", 0.1)))), device="cpu")
    assert found.flop_in_all == 2 * (7 * 50 + 3 * 20)
    used = found.energy
    assert used is not None and used.kwh == pytest.approx(0.8) and used.method == "estimated"
    assert {one.part: one.kwh for one in used.parts} == pytest.approx({"cpu": 0.6, "ram": 0.2})
    assert used.kg_co2e == pytest.approx(0.8 * 40 / 1000) and used.grids == (SWEDEN,)
    assert used.lacking == () and len(found.spans) == 2
    written = found.written
    assert written is not None
    assert (written.completions, written.tokens, written.method) == (8, 200, "estimated")
    assert written.kwh == pytest.approx(0.3)


def test_what_is_left_out_is_told() -> None:
    silent = span(energy=(), completions_energy=(), grid=None, work=None)
    found = costs.add_up(FLOP, (silent, span(ended=False, lacking=("the gpu",))), device="cpu", untold=True)
    used = found.energy
    assert used is not None
    assert used.lacking == (
        "what was answered before costs were kept",
        "1 of 2 processes, in which it was not measured",
        "the last 5 seconds at most of 1 of 2 processes, which were killed",
        "the gpu",
    )
    assert found.flop_in_all is None
    assert found.written is not None and found.written.tokens == 100


def test_a_process_that_knows_no_country_leaves_the_carbon_unknown() -> None:
    used = costs.add_up(FLOP, (span(), span(grid=None)), device="cpu").energy
    assert used is not None and used.kg_co2e is None


def test_nothing_measured_is_no_energy() -> None:
    found = costs.add_up(FLOP, (span(energy=(), completions_energy=()),), device="cpu")
    assert found.energy is None and found.written is None


@pytest.mark.parametrize(
    ("device", "parts", "method", "kwh"),
    [
        ("cpu", [part("cpu", 0.1, "counters"), part("ram", 0.05)], "counters", 0.1),
        ("cuda:0", [part("gpu", 0.3, "counters"), part("cpu", 0.1), part("ram", 0.05)], "counters", 0.3),
        ("cuda:0", [part("gpu", 0.3), part("cpu", 0.1, "counters"), part("ram", 0.05)], "estimated", 0.45),
        ("cpu", [part("gpu", 0.3, "counters"), part("cpu", 0.1), part("ram", 0.05)], "estimated", 0.45),
        ("cuda:0", [part("cpu", 0.1, "counters"), part("ram", 0.05)], None, None),
    ],
)
def test_tokens_are_measured_only_by_the_counters_of_what_ran_the_model(
    device: str, parts: Sequence[EnergyPart], method: str | None, kwh: float | None
) -> None:
    written = costs.add_up(FLOP, (span(completions_energy=tuple(parts)),), device=device).written
    if method is None:
        assert written is None
    else:
        assert written is not None and written.method == method and written.kwh == pytest.approx(kwh)
        assert method == "estimated" or {one.method for one in written.parts} == {"counters"}


def test_a_counter_that_was_lost_on_the_way_makes_the_sum_an_estimate() -> None:
    sure, unsure = ((part("cpu", 0.1, "counters"),), (part("cpu", 0.1),))
    found = costs.add_up(
        FLOP, (span(energy=sure, completions_energy=sure), span(energy=unsure, completions_energy=unsure)), device="cpu"
    )
    assert found.energy is not None and found.energy.method == "partly estimated"
    assert found.energy.counted_kwh == pytest.approx(0.1)
    assert found.written is not None and found.written.method == "estimated"


class Meter:
    """A meter that is read by hand."""

    tracker, grid = "codecarbon 3", SWEDEN

    def __init__(self) -> None:
        self.kwh = 0.0
        self.closed = False

    def read(self) -> tuple[EnergyPart, ...]:
        return (part("cpu", self.kwh),)

    def last(self) -> tuple[EnergyPart, ...]:
        return self.read()

    def lacking(self) -> list[str]:
        return []

    def close(self) -> None:
        self.closed = True


def ledger(meter: Meter | None = None) -> costs.Ledger:
    made = costs.Ledger()
    made.meter = meter  # type: ignore[assignment]
    return made


def test_only_what_is_used_while_completions_are_written_is_theirs(tmp_path: Path) -> None:
    meter = Meter()
    book = ledger(meter)
    meter.kwh = 1.0  # the model was opened
    book.begin(tmp_path, ScriptedBackend(), answered=0)
    with book.answering("loglikelihood"):
        meter.kwh = 3.0
    with book.answering("generate"):
        meter.kwh = 3.5
        book.note({0: Completion(text="a b", n_tokens=2, finish="stop")})
        book.save()
        [live] = costs.read_spans(tmp_path / costs.COSTS)
        assert live.completions_energy == (part("cpu", 0.5),) and not live.ended
        meter.kwh = 4.0
    meter.kwh = 6.0
    found = book.close()
    assert found is not None and found.written is not None and found.energy is not None
    assert (found.written.kwh, found.written.tokens, found.energy.kwh) == (1.0, 2, 6.0)
    assert meter.closed and book.close() == found
    assert costs.read_spans(tmp_path / costs.COSTS) == found.spans
    assert found.flop == by_formula(1) and found.flop_in_all is None


def test_a_resumed_run_goes_on_with_what_a_killed_one_wrote_down(tmp_path: Path) -> None:
    killed = Meter()
    first = ledger(killed)
    first.begin(tmp_path, ScriptedBackend(), answered=0)
    killed.kwh = 2.0
    first.save()  # and then the process is gone
    meter = Meter()
    second = ledger(meter)
    second.begin(tmp_path, ScriptedBackend(), answered=0)  # it was killed before its first answer
    meter.kwh = 0.5
    found = second.close()
    assert found is not None and found.energy is not None
    assert found.energy.kwh == 2.5 and [one.ended for one in found.spans] == [False, True]
    assert "killed" in found.energy.lacking[0]


def test_what_earlier_processes_used_is_unknown_where_they_left_nothing(tmp_path: Path) -> None:
    book = ledger(Meter())
    book.begin(tmp_path, ScriptedBackend(), answered=3)
    found = book.close()
    assert found is not None and found.energy is not None
    assert found.energy.lacking == ("what was answered before costs were kept",)


def test_they_stay_unknown_when_the_run_is_killed_and_resumed_again(tmp_path: Path) -> None:
    ledger(Meter()).begin(tmp_path, ScriptedBackend(), answered=3)  # and then the process is gone
    book = ledger(Meter())
    book.begin(tmp_path, ScriptedBackend(), answered=5)
    found = book.close()
    assert found is not None and found.untold and found.flop_in_all is None and found.energy is not None
    assert "what was answered before costs were kept" in found.energy.lacking


def test_completions_that_took_no_energy_were_not_measured() -> None:
    nothing = (part("cpu", 0.0, "counters"), part("ram", 0.001))
    assert costs.add_up(FLOP, (span(completions_energy=nothing),), device="cpu").written is None


def test_completions_are_written_down_with_the_reading_that_covers_them(tmp_path: Path) -> None:
    meter = Meter()
    book = ledger(meter)
    book.begin(tmp_path, ScriptedBackend(), answered=0)
    book._saved = -1e9
    with book.answering("generate"):
        book.note({0: Completion(text="a b", n_tokens=2, finish="stop")})  # after the meter's last reading
        assert costs.read_spans(tmp_path / costs.COSTS)[0].completion_tokens == 0
        meter.kwh = 0.5
        book.hear()
        [live] = costs.read_spans(tmp_path / costs.COSTS)
        assert (live.completion_tokens, live.completions_energy) == (2, (part("cpu", 0.5),))


NEGATIVE = span(energy=(part("cpu", -0.1),))


@pytest.mark.parametrize(
    "text", [b"{", b"[1]\n", b'{"started_at": 3}\n', b'{"started_at": "\xff"}\n', msgspec.json.encode(NEGATIVE)]
)
def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path: Path, text: bytes) -> None:
    (tmp_path / costs.COSTS).write_bytes(text)
    with pytest.raises(RecordError) as caught:
        ledger().begin(tmp_path, ScriptedBackend(), answered=1)
    assert "remove it" in caught.value.hint


def test_nothing_is_written_before_the_run_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with costs.keep(measure_energy=False, country="") as book:
        book.save()
    assert book.close() is None and not list(tmp_path.iterdir())


def test_a_record_s_costs_are_the_sums_of_its_processes_and_what_they_wrote(
    finished: tuple[RunRecord, Path], tmp_path: Path
) -> None:
    record, folder = finished
    made = record.clocks.costs
    assert made is not None
    assert [one.outcome for one in costs.checked(record, folder)] == ["same"]
    assert [one.outcome for one in costs.checked(record, tmp_path)] == ["same"]
    spans = (replace(made.spans[0], completion_tokens=1),)
    for other in (
        replace(made, flop_in_all=1),
        replace(made, flop=replace(made.flop, body=1)),
        replace(made, untold=True),
        replace(made, spans=spans),
        None,
    ):
        [check] = costs.checked(replace(record, clocks=replace(record.clocks, costs=other)), folder)
        assert check.outcome == "differs" and check.detail
    assert not list(costs.checked(replace(record, clocks=replace(record.clocks, costs=None)), tmp_path))


def test_the_line_on_the_console_marks_what_was_not_counted_and_what_is_lacking(
    finished: tuple[RunRecord, Path],
) -> None:
    clocks = finished[0].clocks
    lacking = span(lacking=("the gpu, on which the model ran",))
    found = costs.add_up(by_formula(5), (lacking,), device="cuda:0")
    line = told.line(replace(clocks, costs=found))
    assert "500 FLOP by the formula 2·N, not counted" in line
    assert "estimated, not measured (not in it: the gpu, on which the model ran)" in line
    assert "formula" not in told.line(replace(clocks, costs=costs.add_up(FLOP, (span(),), device="cpu")))
