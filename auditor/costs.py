"""What a run costs, kept while it works: each of its processes writes down its own share, so that a kill loses little.

`costs.jsonl` lies beside the journal and holds one span a process, the last one written anew every few seconds. A run
that is resumed reads the spans before its own; the record holds them all, and their sums.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import msgspec
from msgspec.structs import replace

from auditor import energy, schema
from auditor.backends.base import Backend, by_formula, flop_of, work_of
from auditor.environment import machine_of
from auditor.errors import OutputError, RecordError, first_line
from auditor.journal import Kind
from auditor.record import write_text
from auditor.types import (
    Check,
    Completion,
    Costs,
    Energy,
    EnergyPart,
    FlopCount,
    MachinePart,
    Output,
    RunRecord,
    Span,
    Work,
    WrittenTokens,
)

COSTS = "costs.jsonl"
_G = 1000  # in a kg


@contextlib.contextmanager
def keep(*, measure_energy: bool, country: str) -> Iterator[Ledger]:
    """Keep the costs of this process from now on; in the end its last reading is taken.

    Raises:
        UsageError: codecarbon is not installed, or knows nothing of the country's electricity.
    """
    ledger = Ledger()
    with contextlib.ExitStack() as stack:
        if measure_energy:
            ledger.meter = stack.enter_context(energy.metering(country, ledger.hear))
        try:
            yield ledger
        finally:
            ledger.close()


class Ledger:
    """The costs of this process, and those that earlier ones wrote down."""

    def __init__(self) -> None:
        self.meter: energy.Meter | None = None
        self._clock = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), time.monotonic()
        self._lock = threading.RLock()
        self._saved = 0.0
        self._path: Path | None = None  # until the run has begun
        self._backend: Backend | None = None
        self._work: Work | None = None  # before the first request
        self._earlier: tuple[Span, ...] = ()
        self._untold = False
        self._completions = self._tokens = 0
        self._writing: float | None = None  # since when, while completions are written
        self._completions_s = 0.0
        self._from: tuple[EnergyPart, ...] | None = None  # while completions are written
        self._written: tuple[EnergyPart, ...] = ()
        self._last: Span | None = None

    def begin(self, folder: Path, backend: Backend, *, answered: int) -> None:
        """Take over what earlier processes wrote down, and write down that there is another.

        Args:
            folder: the run's.
            backend: what answers.
            answered: how many requests have been answered already.

        Raises:
            RecordError: what they wrote is damaged.
        """
        path = folder / COSTS
        self._earlier = read_spans(path)
        self._untold = answered > 0 and not self._earlier
        self._backend, self._work, self._path = backend, work_of(backend), path
        self.save()

    @contextlib.contextmanager
    def answering(self, kind: Kind) -> Iterator[None]:
        """Tell apart what is used while requests of a kind are answered, and how long that takes."""
        if kind != "generate":
            yield
            return
        self._writing = time.monotonic()
        self._from = self.meter.read() if self.meter else None
        try:
            yield
        finally:
            with self._lock:
                self._completions_s, self._writing = time.monotonic() - self._writing, None
                if self.meter and self._from is not None:
                    self._written, self._from = _less(self.meter.read(), self._from), None

    def note(self, outputs: Mapping[int, Output]) -> None:
        """Take note of outputs that the journal holds."""
        came = [output for output in outputs.values() if isinstance(output, Completion)]
        self._completions += len(came)
        self._tokens += sum(output.n_tokens for output in came)
        if self.meter is None and time.monotonic() - self._saved >= energy.EVERY_S:  # a meter saves at each reading
            self.save()

    def hear(self) -> None:
        """Save in the meter's thread, where no error would reach anybody: the run's own thread meets it too."""
        with contextlib.suppress(OutputError):
            self.save()

    def save(self) -> None:
        """Write down all spans, once the run has begun.

        Raises:
            OutputError: the disk is full.
        """
        with self._lock:
            if self._path is not None and self._last is None:
                self._saved = time.monotonic()
                write_spans(self._path, [*self._earlier, self._span()])

    def close(self) -> Costs | None:
        """Take the last reading, write it down, and return the costs; None where the run had not begun."""
        with self._lock:
            if self.meter is not None and self._last is None:
                self.meter.close()
            if self._path is None or self._backend is None:
                return None
            if self._last is None:
                self._last = self._span(ended=True)
                write_spans(self._path, [*self._earlier, self._last])
            spans, device = (*self._earlier, self._last), self._backend.info.device
            return add_up(flop_of(self._backend), spans, device=device)

    def _span(self, *, ended: bool = False) -> Span:
        assert self._backend is not None
        now, meter = work_of(self._backend), self.meter
        work = None if now is None or self._work is None else now.since(self._work)
        started, since = self._clock
        span = Span(
            started_at=started,
            duration_s=round(time.monotonic() - since, 3),
            ended=ended,
            completions=self._completions,
            completion_tokens=self._tokens,
            completions_s=round(self._completions_s if self._writing is None else time.monotonic() - self._writing, 3),
            machine=machine_of(self._backend.info.device),
            work=work,
            untold=self._untold,
        )
        if meter is None:
            return span
        used = meter.last()
        return replace(
            span,
            tracker=meter.tracker,
            energy=used,
            completions_energy=self._written if self._from is None else _less(used, self._from),
            lacking=(*meter.lacking(), *_unseen(self._backend.info.device, used)),
            grid=meter.grid,
        )


def read_spans(path: Path) -> tuple[Span, ...]:
    """Return what earlier processes wrote down, or nothing where there is no such file.

    Raises:
        RecordError: it is damaged.
    """
    if not path.is_file():
        return ()
    try:
        spans = tuple(msgspec.json.decode(line, type=Span) for line in path.read_bytes().splitlines())
        if any(_is_negative(span) for span in spans):
            raise ValueError("a process used less than nothing")
    except (OSError, ValueError, RecursionError) as fault:
        raise RecordError(
            f"{path} cannot be read: {first_line(fault)}",
            hint="restore it, or remove it: the record then says that earlier costs are not known",
        ) from fault
    return spans


def write_spans(path: Path, spans: Sequence[Span]) -> None:
    """Write down what processes did and used.

    Raises:
        OutputError: the folder is full or cannot be written.
    """
    write_text(path, _text(spans))


def _is_negative(span: Span) -> bool:
    work = span.work or Work(tokens=0, predictions=0)
    used = [part.kwh for part in (*span.energy, *span.completions_energy)]
    times = [span.duration_s, span.completions_s]
    return min(*times, span.completions, span.completion_tokens, work.tokens, work.predictions, *used) < 0


def checked(found: RunRecord, folder: Path) -> Iterator[Check]:
    """Yield whether a record's costs are the sums of its processes', and what these wrote down, where that is there."""
    costs, path = found.clocks.costs, folder / COSTS
    if costs is None:
        if path.is_file():
            yield Check(what="costs", outcome="differs", detail=f"{COSTS} is there, and the record has none")
        return
    again = add_up(costs.flop, costs.spans, device=found.backend.device, untold=costs.untold)
    if again != costs:
        yield Check(what="costs", outcome="differs", detail="the sums are not those of the processes")
    elif costs.flop.formula != by_formula(found.backend.parameters).formula:
        yield Check(what="costs", outcome="differs", detail="the operations by formula are not 2·N")
    elif path.is_file() and path.read_bytes() != _text(costs.spans).encode():
        yield Check(what="costs", outcome="differs", detail=f"{COSTS} does not say what the record says")
    else:
        yield Check(what="costs", outcome="same")


def add_up(flop: FlopCount, spans: tuple[Span, ...], *, device: str, untold: bool = False) -> Costs:
    """Return the costs of a run that took these processes.

    Args:
        flop: what a token costs.
        spans: one a process, in order.
        device: where the model ran.
        untold: whether earlier processes answered requests and left no costs; a span can say so, too.
    """
    untold = untold or any(span.untold for span in spans)
    works = [span.work for span in spans]
    counted = None if untold or None in works else [work for work in works if work is not None]
    return Costs(
        flop=flop,
        spans=spans,
        untold=untold,
        flop_in_all=None if counted is None else sum(flop.body * w.tokens + flop.head * w.predictions for w in counted),
        energy=_energy(spans, untold=untold),
        written=_written([span for span in spans if span.completions_energy], part=_part_of(device)),
    )


def _energy(spans: Sequence[Span], *, untold: bool) -> Energy | None:
    measured = [span for span in spans if span.energy]
    if not measured:
        return None
    parts = _sum(span.energy for span in measured)
    grids = tuple(dict.fromkeys(span.grid for span in measured if span.grid))
    grams = [span.grid.g_per_kwh * _kwh(span.energy) for span in measured if span.grid]
    return Energy(
        kwh=_kwh(parts),
        parts=parts,
        tracker=", ".join(dict.fromkeys(span.tracker for span in measured)),
        lacking=tuple(dict.fromkeys(_lacking(spans, untold=untold))),
        grids=grids,
        kg_co2e=math.fsum(grams) / _G if len(grams) == len(measured) else None,
    )


def _lacking(spans: Sequence[Span], *, untold: bool) -> Iterator[str]:
    """Yield in words what is not in the energy of a run."""
    if untold:
        yield "what was answered before costs were kept"
    without = sum(not span.energy for span in spans)
    if without:
        yield f"{without} of {len(spans)} processes, in which it was not measured"
    killed = sum(not span.ended for span in spans)
    if killed:
        yield f"the last {energy.EVERY_S:.0f} seconds at most of {killed} of {len(spans)} processes, which were killed"
    for span in spans:
        yield from span.lacking


def _written(spans: Sequence[Span], *, part: MachinePart) -> WrittenTokens | None:
    """Return what completions cost, unless nobody knows what the part of the machine that ran the model used."""
    parts = _sum(span.completions_energy for span in spans)
    tokens = sum(span.completion_tokens for span in spans)
    methods = {one.method for one in parts if one.part == part and one.kwh > 0}
    if not tokens or not methods:
        return None
    sure = methods == {"counters"}
    used = tuple(one for one in parts if one.method == "counters") if sure else parts
    return WrittenTokens(
        completions=sum(span.completions for span in spans),
        tokens=tokens,
        kwh=_kwh(used),
        method="counters" if sure else "estimated",
        parts=used,
    )


def _part_of(device: str) -> MachinePart:
    return "cpu" if device.startswith("cpu") else "gpu"


def _unseen(device: str, used: Sequence[EnergyPart]) -> list[str]:
    """Return that the part which ran the model is not in its energy, where it is not."""
    part = _part_of(device)
    return [] if any(one.part == part for one in used) else [f"the {part}, on which the model ran"]


def _sum(rows: Iterable[Sequence[EnergyPart]]) -> tuple[EnergyPart, ...]:
    """Return energies added up by part, method and what they were read by."""
    found: dict[EnergyPart, list[float]] = {}
    for one in chain(*rows):
        found.setdefault(replace(one, kwh=0.0), []).append(one.kwh)
    return tuple(replace(one, kwh=math.fsum(all_of)) for one, all_of in found.items())


def _less(now: Sequence[EnergyPart], before: Sequence[EnergyPart]) -> tuple[EnergyPart, ...]:
    """Return what was used between two readings."""
    had = {one.part: one.kwh for one in before}
    return tuple(replace(one, kwh=one.kwh - had.get(one.part, 0.0)) for one in now)


def _kwh(parts: Sequence[EnergyPart]) -> float:
    return math.fsum(part.kwh for part in parts)


def _text(spans: Sequence[Span]) -> str:
    return "".join(schema.canonical_json(span) + "\n" for span in spans)
