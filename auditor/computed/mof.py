"""Classes of the Model Openness Framework: which components of a model are released, and under which licences.

Source: White et al. 2024, arXiv 2403.13784, and the framework's own tool (see `policies/constants/mof-1.0.toml`). A
class counts only when every component of it and of the classes below is there under an open licence.
"""

from __future__ import annotations

from collections.abc import Mapping

from auditor.computed.constants import Constants, load
from auditor.types import Fact, Json

KEYS = {
    "mof.class": "the class reached, 1 (best) to 3, 0 for none",
    "mof.components.*": "open, not open, unlicensed or missing, for each of the 17 components",
    "mof.unfit": "components under an open licence that is meant for another kind of thing",
    "mof.class_3.percent": "how much of class III is there; 100 means reached",
    "mof.class_3.lacks": "the components that class III still needs",
    "mof.class_2.percent": "how much of class II is there, 0 until class III is reached",
    "mof.class_2.lacks": "the components that class II still needs",
    "mof.class_1.percent": "how much of class I is there, 0 until class II is reached",
    "mof.class_1.lacks": "the components that class I still needs",
    "mof.next.lacks": "the components that the next class needs, empty in class I",
}
_WHOLE = 100.0


def constants() -> Constants:
    """Return components, classes and open licences."""
    return load("mof-1.0")


def compute(facts: Mapping[str, Fact]) -> dict[str, Json]:
    """Return the class reached and what each class lacks; nothing where no component is declared."""
    assets = facts["distribution.assets"].value if "distribution.assets" in facts else None
    if not isinstance(assets, list):
        return {"mof": {}}
    values = constants().values
    licences = _licences(assets, facts.get("model.license"))
    is_open = {licence.casefold() for licence in values["licences"]["open"]}
    states = {name: _state(name, licences, is_open) for kind in values["kinds"].values() for name in kind}
    found: dict[str, Json] = {"components": states, "unfit": _unfit(licences, states)}
    reached = 0
    required: list[str] = []
    for number in (3, 2, 1):
        required = [*required, *values["classes"][str(number)]["required"]]
        percent, lacks = _progress(number, required, states)
        if number < 3 and reached != number + 1:
            percent = 0.0
        reached = number if percent == _WHOLE else reached
        found[f"class_{number}"] = {"percent": percent, "lacks": lacks}
    following = reached - 1 if reached else 3
    lacks = found[f"class_{following}"]["lacks"] if following else []
    return {"mof": {**found, "class": reached, "next": {"lacks": lacks}}}


def _licences(assets: list[Json], model: Fact | None) -> dict[str, str]:
    """Return the licence of each component that others can get: its own, else the model's, else none."""
    whole = model.value if model and isinstance(model.value, str) else ""
    released = [asset for asset in assets if isinstance(asset, dict) and asset.get("access") in {"open", "gated"}]
    return {asset["component"]: asset.get("license") or whole for asset in released}


def _state(name: str, licences: Mapping[str, str], is_open: set[str]) -> str:
    if name not in licences:
        return "missing"
    if not licences[name]:
        return "unlicensed"
    return "open" if licences[name].casefold() in is_open else "not open"


def _unfit(licences: Mapping[str, str], states: Mapping[str, str]) -> list[str]:
    values = constants().values
    fit = {kind: {name.casefold() for name in names} for kind, names in values["licences"]["fit"].items()}
    return sorted(
        name
        for kind, names in values["kinds"].items()
        for name in names
        if states[name] == "open" and licences[name].casefold() not in fit[kind]
    )


def _progress(number: int, required: list[str], states: Mapping[str, str]) -> tuple[float, list[str]]:
    """Return the percentage of a class, and what it lacks. A paper does for a report, in class I beside it.

    In classes III and II the paper is counted in the report's place; in class I, which asks for the paper itself, the
    report is no longer asked for.
    """
    wanted = list(required)
    for name, stand_in in constants().values["instead_of"].items():
        if states[name] != "open" and states[stand_in] == "open":
            wanted.remove(name)
            wanted += [] if stand_in in wanted else [stand_in]
    lacks = [name for name in wanted if states[name] != "open"]
    return (len(wanted) - len(lacks)) / len(wanted) * _WHOLE, lacks
