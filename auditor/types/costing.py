"""What a run cost: operations of the model, and the energy of the machine that it ran on."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

MachinePart = Literal["cpu", "gpu", "ram"]
EnergyMethod = Literal["counters", "estimated"]


class FlopCount(Struct, frozen=True, kw_only=True):
    """Floating-point operations that one token costs; a multiplication and an addition are two.

    `body` is for each token read, `head` for each position at which the next token is predicted; a token that is
    written costs both. *counted*: in a pass of the model over `tokens` tokens, by what `by` names. By *formula*: 2·N
    for the N parameters, which `formula` holds in either case, and `tokens` is 0.
    """

    method: Literal["counted", "formula"]
    by: str
    tokens: int
    body: int
    head: int
    formula: int

    @property
    def written(self) -> int:
        """Return the operations of a token that is written."""
        return self.body + self.head


class Work(Struct, frozen=True, kw_only=True):
    """What a backend has run so far: tokens read, padding included, and positions at which it predicted."""

    tokens: int
    predictions: int

    def since(self, earlier: Work) -> Work:
        """Return what was run after an earlier count."""
        return Work(tokens=self.tokens - earlier.tokens, predictions=self.predictions - earlier.predictions)


class EnergyPart(Struct, frozen=True, kw_only=True):
    """What a part of the machine used (kWh), read off its energy *counters* or *estimated*, and by what."""

    part: MachinePart
    kwh: float
    method: EnergyMethod
    by: str


class Grid(Struct, frozen=True, kw_only=True):
    """How much carbon dioxide a country's electricity stands for (g CO2eq/kWh); `country` is ISO 3166-1 alpha-3."""

    country: str
    g_per_kwh: float
    source: str


class Span(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one process of a run did and used, up to its end or, where it was killed, to when it last wrote it down.

    `machine` names the processor or accelerator that the model ran on, `completions_s` are the seconds in which
    completions were written; both are empty in records that do not have them. `work` is None where the backend does not
    count it. `energy` is of the whole machine from the start of the process,
    `completions_energy` of it while completions were written; both are empty where nobody measured, and `lacking` says
    in words what is not in them. `untold`: before it, requests were answered by processes that left no span.
    """

    started_at: str
    duration_s: float
    ended: bool
    completions: int
    completion_tokens: int
    completions_s: float = 0.0
    machine: str = ""
    work: Work | None = None
    tracker: str = ""
    energy: tuple[EnergyPart, ...] = ()
    completions_energy: tuple[EnergyPart, ...] = ()
    lacking: tuple[str, ...] = ()
    grid: Grid | None = None
    untold: bool = False


class Energy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The energy (kWh) of the machine over all processes of a run, by part and method.

    `lacking` says in words what is left out, and is empty where nothing is known to be. `kg_co2e` is None where a
    process did not know its country.
    """

    kwh: float
    parts: tuple[EnergyPart, ...]
    tracker: str
    lacking: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    kg_co2e: float | None = None

    @property
    def counted_kwh(self) -> float:
        """Return what was read off counters."""
        return math.fsum(part.kwh for part in self.parts if part.method == "counters")

    @property
    def method(self) -> Literal["counters", "partly estimated", "estimated"]:
        """Return how it is known: one estimated part makes the sum an estimate in part."""
        methods = {part.method for part in self.parts}
        if methods == {"counters"}:
            return "counters"
        return "partly estimated" if "counters" in methods else "estimated"


class WrittenTokens(Struct, frozen=True, kw_only=True):
    """Completions of a run and the energy (kWh) of the machine while they were written, prompts and batches included.

    Where the part of the machine that ran the model has counters, `kwh` is what they counted and `parts` are those
    parts alone; else all of it is an estimate.
    """

    completions: int
    tokens: int
    kwh: float
    method: EnergyMethod
    parts: tuple[EnergyPart, ...]


class Costs(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run cost over all of its processes; only what was measured is there.

    `untold`: requests were answered by processes that left no span. `flop_in_all` is None unless every process counted
    its work. `written` is None where no completion was written while energy was measured.
    """

    flop: FlopCount
    spans: tuple[Span, ...]
    untold: bool = False
    flop_in_all: int | None = None
    energy: Energy | None = None
    written: WrittenTokens | None = None
