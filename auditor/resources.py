"""Where the shipped probes, policies and templates lie: in the wheel, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path


def root() -> Path:
    """Return the folder that holds `probes/`, `policies/` and `model_cards/`."""
    package = Path(__file__).resolve().parent
    packed = package / "_data"
    return packed if packed.is_dir() else package.parent
