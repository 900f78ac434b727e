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
        "process_batch_size": state.get("train_batch_size"),
        "hours": seconds[-1] / 3600 if seconds else None,
    }
    known = {name: value for name, value in found.items() if _is_positive(value)}
    return {"name": "the stage logged", **known} if known else {}


def _tracked(folder: ModelFolder) -> list[dict[str, Json]]:
    """Return one entry a place, device and way of tracking: energy in kWh and emissions in kg, summed over its runs.

    A run that was written several times tells its sums so far in each row, of which the last counts.
    """
    text = folder.text(EMISSIONS)
    runs: dict[str, dict[str, str | None]] = {}
    for number, row in enumerate(csv.DictReader(io.StringIO(text or ""))):
        if number >= _ROWS or _number(row.get("energy_consumed")) is None:
            folder.notes[EMISSIONS] = f"row {number + 1} is no row of codecarbon's, or one of too many"
            return []
        runs[row.get("run_id") or f"row {number}"] = row
    sums: dict[tuple[str, ...], dict[str, float]] = {}
    for row in runs.values():
        place = tuple(row.get(name) or "" for name in ("country_name", "gpu_model", "cpu_model", "tracking_mode"))
        found = sums.setdefault(place, {"energy_kwh": 0.0, "emissions_kg": 0.0, "hours": 0.0})
        found["energy_kwh"] += _number(row.get("energy_consumed")) or 0.0
        found["emissions_kg"] += _number(row.get("emissions")) or 0.0
        found["hours"] += (_number(row.get("duration")) or 0.0) / 3600
    return [_entry(*place) | found for place, found in sorted(sums.items())]


def _entry(country: str, gpu: str, cpu: str, tracking: str) -> dict[str, Json]:
    named = {"country": country, "hardware": gpu or cpu, "tracking": tracking}
    return {"name": "codecarbon", **{name: text for name, text in named.items() if text}}


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _is_positive(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
