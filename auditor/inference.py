"""What running the model costs, as facts of the card: operations and energy of one task, as items 8.3 and 8.4 of the
Union's Model Documentation Form ask for them.
"""

from __future__ import annotations

from auditor.types import Costs, EnergyPart, Evidence, Fact, FlopCount, RunRecord, WrittenTokens

TASK_TOKENS = 100_000
FLOP, METHOD, ENERGY = "compute.inference_flop", "compute.inference_method", "compute.inference_energy_wh"
SECONDS = "compute.inference_seconds"
_DIGITS = 4  # of energies; what they are read by is no better
_ROUND = 2  # digits of 2·N: not all readers of the form that has it may know N
_WH = 1000  # in a kWh


def inference_facts(record: RunRecord) -> dict[str, Fact]:
    """Return the facts on the cost of inference that the record bears out, and why others are missing.

    What was counted in a pass of the model, or read off an energy counter, is *measured*; what a formula gives, or an
    estimate by nominal powers, is *derived*, and says so.
    """
    costs = record.clocks.costs
    if costs is None:
        return {}
    return {**_operations(record, costs.flop), SECONDS: _seconds(costs), ENERGY: _energy(costs)}


def _machines(record: RunRecord) -> str:
    """Return what the model ran on, by name where the record has it."""
    costs = record.clocks.costs
    names = dict.fromkeys(span.machine for span in costs.spans if span.machine) if costs else {}
    return record.backend.device + (f" ({'; '.join(names)})" if names else "")


def _seconds(costs: Costs) -> Fact:
    wrote = [span for span in costs.spans if span.completion_tokens]
    if not wrote or costs.untold or not all(span.completions_s for span in wrote):
        why = "no completion was written, nor is it declared" if not wrote else "the record does not have it"
        return Fact(status="missing", reason=why)
    tokens = sum(span.completion_tokens for span in wrote)
    seconds = sum(span.completions_s for span in wrote)
    said = (
        f"timed while this audit wrote {tokens} tokens in {sum(span.completions for span in wrote)} completions, many "
        f"side by side, reading of the prompts included; scaled to {TASK_TOKENS} tokens"
    )
    return _fact(True, float(f"{seconds / tokens * TASK_TOKENS:.{_DIGITS}g}"), said, "clocks.costs.spans")


def _operations(record: RunRecord, flop: FlopCount) -> dict[str, Fact]:
    if flop.written <= 0:
        return {}
    task = "Reading %s tokens, with a prediction at each" if record.backend.masked else "Writing %s tokens"
    formula = f"2·N, N being the number of parameters, is about {flop.formula:.{_ROUND}g} FLOP a token"
    if flop.method == "counted":
        how = (
            f"One pass over a text of {flop.tokens} tokens was counted by {flop.by} "
            f"({record.backend.dtype} on {_machines(record)}): products of matrices, convolutions and attention, a "
            f"multiplication and an addition being two operations. That is {flop.written} FLOP a token; {formula}"
        )
    else:
        how = f"Estimated, not counted on the model: {formula}, which leaves attention out. Ran on {_machines(record)}"
    text = f"{task % f'{TASK_TOKENS:,}'.replace(',', ' ')}. {how}."
    said = (
        "counted in a pass of the model"
        if flop.method == "counted"
        else "estimated by the formula 2·N, not counted on the model"
    )
    operations = flop.written * TASK_TOKENS
    value = operations if flop.method == "counted" else float(f"{operations:.{_ROUND}g}")
    return {
        FLOP: _fact(flop.method == "counted", value, said, "clocks.costs.flop"),
        METHOD: _fact(flop.method == "counted", text, said, "clocks.costs.flop"),
    }


def _energy(costs: Costs) -> Fact:
    if costs.written is None:
        if costs.energy is None:
            why = "neither measured in this audit (--energy) nor declared"
        elif any(span.completion_tokens for span in costs.spans):
            why = "what the part of the machine that ran the model used while it wrote is not known, nor declared"
        else:
            why = "no completion was written while energy was measured, and nobody declares it"
        return Fact(status="missing", reason=why)
    written = costs.written
    watt_hours = float(f"{written.kwh * _WH / written.tokens * TASK_TOKENS:.{_DIGITS}g}")
    tracker = costs.energy.tracker if costs.energy else ""
    return _fact(written.method == "counters", watt_hours, _basis(written, tracker), "clocks.costs.written")


def _basis(written: WrittenTokens, tracker: str) -> str:
    how = "by energy counters" if written.method == "counters" else "estimated, not measured"
    return (
        f"{how}: {tracker}, {by_part(written.parts)}; the whole machine while this audit wrote {written.tokens} tokens "
        f"in {written.completions} completions, reading of the prompts included, scaled to {TASK_TOKENS} tokens"
    )


def by_part(parts: tuple[EnergyPart, ...]) -> str:
    """Return by what the energy of each part is known."""
    return ", ".join(f"{part.part} by {part.by}" for part in parts)


def _fact(measured: bool, value: int | float | str, source: str, place: str) -> Fact:
    return Fact(
        status="measured" if measured else "derived",
        value=value,
        source=source,
        evidence=(Evidence(kind="run", text=place),),
    )
