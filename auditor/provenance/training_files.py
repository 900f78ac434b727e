"""What trainers and trackers left behind: trainer_state.json and codecarbon's emissions.csv.

Both speak of the stage that they logged, not of the whole training, and are told as such.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

from auditor.provenance.reading import Claim, ModelFolder
from auditor.types import Json

STATE, EMISSIONS = "trainer_state.json", "emissions.csv"
_ROWS = 10_000


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield the logged stage and the tracked energy."""
    stage = _stage(folder.json(STATE))
    if stage:
        source = f"{STATE}, of the stage that it logged"
        yield Claim(key="training.logged", value=[stage], source=source, file=STATE)
    rows = _tracked(folder)
    if rows:
        source = f"{EMISSIONS}, of what it tracked"
        yield Claim(key="compute.logged", value=rows, source=source, file=EMISSIONS)


def _stage(state: dict[str, Json]) -> dict[str, Json]:
    log = state.get("log_history")
    entries = [entry for entry in log if isinstance(entry, dict)] if isinstance(log, list) else []
    seconds = [entry["train_runtime"] for entry in entries if _is_positive(entry.get("train_runtime"))]
    found = {
        "flop": state.get("total_flos"),
        "tokens": state.get("num_input_tokens_seen"),
        "steps": state.get("global_step"),
        "epochs": state.get("epoch"),
        "hours": seconds[-1] / 3600 if seconds else None,
    }
    known = {name: value for name, value in found.items() if _is_positive(value)}
    return {"name": "the stage logged", **known} if known else {}


def _tracked(folder: ModelFolder) -> list[dict[str, Json]]:
    """Return one entry a project and device: energy in kWh and emissions in kg, summed over its rows."""
    text = folder.text(EMISSIONS)
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for number, row in enumerate(csv.DictReader(io.StringIO(text or ""))):
        energy, emissions = _number(row.get("energy_consumed")), _number(row.get("emissions"))
        if number >= _ROWS or energy is None:
            folder.notes[EMISSIONS] = f"row {number + 1} is no row of codecarbon's, or one of too many"
            return []
        place = (row.get("country_name") or "", row.get("gpu_model") or row.get("cpu_model") or "")
        found = sums.setdefault(place, {"energy_kwh": 0.0, "emissions_kg": 0.0, "hours": 0.0})
        found["energy_kwh"] += energy
        found["emissions_kg"] += emissions or 0.0
        found["hours"] += (_number(row.get("duration")) or 0.0) / 3600
    return [
        {"name": "codecarbon", **{"country": country} | {"hardware": hardware}, **found}
        if country and hardware
        else {"name": "codecarbon", **found}
        for (country, hardware), found in sorted(sums.items())
    ]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _is_positive(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
