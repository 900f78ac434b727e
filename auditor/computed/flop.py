"""Compute of the training against the limits that European law sets, and the day on which its summary is due."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.computed.constants import Constants, load
from auditor.types import Fact, Json

KEYS = {
    "compute.flop": "training.compute_flop, where it is known",
    "compute.above_gpai_limit": "whether it is above the limit from which a model is taken for a general-purpose one",
    "compute.above_systemic_risk_limit": "whether it is above the limit from which systemic risk is presumed",
    "compute.above_modifier_limit": "for a model made from another: whether it is above a third of the limit that "
    "stands in for the original's compute, the one to use where that is not known",
    "deadlines.training_summary": "the day by which the law asks for the summary of the training content of a "
    "general-purpose model, from the day on which it was placed on the Union market",
}


def constants() -> Constants:
    """Return the limits."""
    return load("eu-gpai")


def compute(facts: Mapping[str, Fact]) -> dict[str, Json]:
    """Return the compute, on which side of each limit it lies, and the deadline; what is not known is absent."""
    return {"compute": _limits(facts), "deadlines": _deadlines(facts)}


def _deadlines(facts: Mapping[str, Fact]) -> dict[str, Json]:
    placed = facts["model.union_market_release_date"].value if "model.union_market_release_date" in facts else None
    if not isinstance(placed, str):
        return {}
    dates = {name: date["value"] for name, date in constants().values["dates"].items()}
    return {"training_summary": placed if placed >= dates["duties_apply"] else dates["earlier_models"]}


def _limits(facts: Mapping[str, Fact]) -> dict[str, Json]:
    flop = facts["training.compute_flop"].value if "training.compute_flop" in facts else None
    if not isinstance(flop, int | float):
        return {}
    limits = {name: limit["value"] for name, limit in constants().values["compute_flop"].items()}
    found: dict[str, Json] = {
        "flop": flop,
        "above_gpai_limit": flop > limits["gpai"],
        "above_systemic_risk_limit": flop > limits["systemic_risk"],
    }
    if "model.base_model" in facts and facts["model.base_model"].value is not None:
        found["above_modifier_limit"] = flop > limits["gpai"] * limits["modifier_share"]
    return found
