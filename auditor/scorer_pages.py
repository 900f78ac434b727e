"""What is told of each scorer and classifier: its method, in its module's own words, and its calibrations."""

from __future__ import annotations

import inspect
import sys

from msgspec import Struct

from auditor import calibration, registry
from auditor.scorers.base import Scorer
from auditor.types import Calibration


class Page(Struct, frozen=True, kw_only=True):
    """One scorer or classifier. `calibrated` says on what, or why on nothing; `brief` says it in few words."""

    name: str
    kind: str
    title: str
    method: str
    calibrated: str
    brief: str
    calibrations: tuple[Calibration, ...]


def pages() -> dict[str, Page]:
    """Return a page for every scorer and classifier, by name; nothing is opened for it."""
    shipped = calibration.shipped()
    found = [_page(kind, name, shipped) for kind in ("scorers", "classifiers") for name in registry.names(kind)]
    return {page.name: page for page in found}


def _page(kind: str, name: str, shipped: list[Calibration]) -> Page:
    thing = registry.load(kind, name)
    module = inspect.getdoc(sys.modules[thing.__module__]) or ""
    own = tuple(one for one in shipped if one.scorer.name == name)
    scorer = thing if isinstance(thing, type) and issubclass(thing, Scorer) else None
    method = [module, inspect.getdoc(thing) or ""] if scorer else [module]
    if scorer and scorer.metric_names:
        method.append("Metrics: " + ", ".join(scorer.metric_names))
    calibrated = _calibrated(scorer, own)
    constructs = sorted({one.construct for one in own})
    return Page(
        name=name,
        kind=scorer.kind if scorer else "classifier",
        title=module.splitlines()[0] if module else "",
        method="\n\n".join(method),
        calibrated=calibrated,
        brief=f"{', '.join(constructs)} ({len(own)})" if own else calibrated,
        calibrations=own,
    )


def _calibrated(scorer: type[Scorer] | None, own: tuple[Calibration, ...]) -> str:
    if own:
        return ", ".join(f"{one.construct} on {one.name}" for one in own)
    if scorer and scorer.uses_classifier:
        return "see its classifier"
    return "uncalibrated" if scorer is None or scorer.fallible else "needs none"
