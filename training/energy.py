"""The energy of the machine while a scorer is trained, where codecarbon is installed, and what the card says of it."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping

import msgspec

from auditor.energy import Meter
from auditor.exporters.costs import known
from auditor.types import Energy, Evidence, Fact, Json

_KWH = 1000  # in a MWh
_DIGITS = 4  # what an energy is read by is no better


class Tracked:
    """Runs from its making."""

    def __init__(self) -> None:
        there = importlib.util.find_spec("codecarbon") is not None
        self._meter = Meter("", lambda: None) if there else None

    def stop(self) -> dict[str, Json]:
        """Return what was used, as the report's `cost` tells it: nothing where nobody looked."""
        if self._meter is None:
            return {}
        self._meter.close()
        parts = self._meter.last()
        kwh = math.fsum(part.kwh for part in parts)
        used = Energy(kwh=kwh, parts=parts, tracker=self._meter.tracker, lacking=tuple(self._meter.lacking()))
        return {"energy": msgspec.to_builtins(used)}


def facts(report: Mapping[str, Json]) -> dict[str, Fact]:
    """Return the energy of training that a report tells, as a fact that says how it is known."""
    if "energy" not in report["cost"]:
        return {}
    used = msgspec.convert(report["cost"]["energy"], Energy)
    left_out = f"; not in it: {'; '.join(used.lacking)}" if used.lacking else ""
    fact = Fact(
        status="measured" if used.method == "counters" else "derived",
        value=float(f"{used.kwh / _KWH:.{_DIGITS}g}"),
        source=f"{known(used)} ({used.tracker}), of the whole machine while it was trained{left_out}",
        evidence=(Evidence(kind="run", text=f"{report['scorer']}.json, cost.energy"),),
    )
    return {"training.energy_mwh": fact}
