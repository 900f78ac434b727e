"""What an audit cost, in words."""

from __future__ import annotations

from auditor.types import Clocks, Costs, Energy

_G = 1000  # in a kg
_WH = 1000  # in a kWh


def energy(clocks: Clocks) -> str:
    """Return the energy of an audit in words, with how it is known and what is not in it."""
    if clocks.costs is None or clocks.costs.energy is None:
        return "The energy of this audit was not measured."
    costs, used = clocks.costs, clocks.costs.energy
    parts = ", ".join(f"{part.part} {_amount(part.kwh)} by {part.by}" for part in used.parts)
    measured = [span for span in costs.spans if span.energy]
    seconds, n = sum(span.duration_s for span in measured), len(measured)
    told = [
        f"Energy of this audit: {_amount(used.kwh)}, {known(used)} ({used.tracker}: {parts}). It is of the whole "
        f"machine over {seconds:.0f} s in {n} process{'es' if n > 1 else ''}.",
        *_written(costs),
        *_carbon(used),
    ]
    if used.lacking:
        told.append(f"Not in it: {'; '.join(used.lacking)}.")
    return " ".join(told)


def known(used: Energy) -> str:
    """Return how an energy is known: an estimate never reads as a measurement."""
    match used.method:
        case "counters":
            return "measured by counters"
        case "estimated":
            return "estimated, not measured"
        case _:
            return f"of which {_amount(used.counted_kwh)} were measured by counters and the rest is estimated"


def line(clocks: Clocks) -> str:
    """Return time, operations and energy in a line, for whoever ran the audit."""
    costs = clocks.costs
    if costs is None:
        return f"cost  {clocks.duration_s:.0f} s"
    told = [f"{sum(span.duration_s for span in costs.spans):.0f} s"]
    if costs.flop_in_all is not None:
        how = "" if costs.flop.method == "counted" else " by the formula 2·N, not counted"
        told.append(f"{costs.flop_in_all:.3g} FLOP{how}")
    if costs.energy is not None:
        lacking = f" (not in it: {'; '.join(costs.energy.lacking)})" if costs.energy.lacking else ""
        told.append(f"{_amount(costs.energy.kwh)}, {known(costs.energy)}{lacking}")
    return f"cost  {', '.join(told)}"


def _written(costs: Costs) -> list[str]:
    written = costs.written
    if written is None:
        return []
    how = "counted" if written.method == "counters" else "estimated"
    each, thousand = written.kwh / written.completions, written.kwh * 1000 / written.tokens
    return [
        f"Writing completions took {_amount(written.kwh)} ({how}): {_amount(each)} for each of "
        f"{written.completions}, {_amount(thousand)} for a thousand of {written.tokens} tokens."
    ]


def _carbon(used: Energy) -> list[str]:
    if used.kg_co2e is None:
        return []
    grids = "; ".join(f"{grid.g_per_kwh:g} g/kWh ({grid.source})" for grid in used.grids)
    return [f"That stands for {_number(used.kg_co2e * _G)} g CO2eq at {grids}."]


def _amount(kwh: float) -> str:
    return f"{_number(kwh)} kWh" if kwh >= 1 else f"{_number(kwh * _WH)} Wh"


def _number(value: float) -> str:
    return f"{value:.3g}"
