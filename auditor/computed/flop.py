"""Compute of the training against the limits that European law sets."""

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
}


def constants() -> Constants:
    """Return the limits."""
    return load("eu-gpai")


def compute(facts: Mapping[str, Fact]) -> dict[str, Json]:
    """Return the compute and on which side of each limit it lies; nothing where it is not known."""
    flop = facts["training.compute_flop"].value if "training.compute_flop" in facts else None
    if not isinstance(flop, int | float):
        return {"compute": {}}
    limits = {name: limit["value"] for name, limit in constants().values["compute_flop"].items()}
    found: dict[str, Json] = {
        "flop": flop,
        "above_gpai_limit": flop > limits["gpai"],
        "above_systemic_risk_limit": flop > limits["systemic_risk"],
    }
    if "model.base_model" in facts and facts["model.base_model"].value is not None:
        found["above_modifier_limit"] = flop > limits["gpai"] * limits["modifier_share"]
    return {"compute": found}
