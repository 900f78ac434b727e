"""An adapter's folder: weights that are added to those of a base model, which lies elsewhere and is named by it."""

from __future__ import annotations

import re
from pathlib import Path

from auditor.errors import ModelError
from auditor.types import Json, ModelRef

CONFIG = "adapter_config.json"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def base_of(config: dict[str, Json], path: Path) -> tuple[str, str]:
    """Return what an adapter's configuration calls its base model, and the revision, empty where none is named.

    Raises:
        ModelError: it names no base model.
    """
    name, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(name, str) or not name.strip():
        raise ModelError(
            f"{path} names no base model (base_model_name_or_path), which an adapter cannot run without",
            hint="write the folder of the base model there, or merge the adapter into it",
        )
    return name.strip(), revision if isinstance(revision, str) else ""


def local_base(name: str, folder: Path) -> Path | None:
    """Return the folder on this machine that a base model's name is the path of, or None.

    A relative path is taken from the working directory, as the library that wrote it does, else from the adapter's.
    """
    try:
        found = (path for path in (Path(name).expanduser(), folder / name) if path.is_dir())
        return next(found, None)
    except (OSError, RuntimeError, ValueError):  # no name that a folder could have
        return None


def is_repository(name: str) -> bool:
    """Return whether a base model's name can be one of the Hub's."""
    return _REPOSITORY.fullmatch(name) is not None


def no_base(adapter: str, name: str) -> ModelError:
    """Return the error for a base model that does not lie on this machine."""
    place = "give the folder of the base model in base_model_name_or_path of its adapter_config.json"
    fetch = f"fetch it (`hf download {name}`; only what you name is downloaded), or {place}"
    return ModelError(
        f"{adapter} is an adapter of {name}, which does not lie on this machine",
        hint=fetch if is_repository(name) else place,
    )


def check_base(adapter: str, base: ModelRef) -> None:
    """Raise where an adapter cannot be put onto its base model here.

    Raises:
        ModelError: the base model is an adapter itself, or a GGUF file.
    """
    if base.is_adapter or base.format == "gguf":
        kind = "an adapter itself" if base.is_adapter else "a GGUF file"
        raise ModelError(
            f"the base model of {adapter}, {base.requested}, is {kind}",
            hint="name the whole model, in safetensors, in base_model_name_or_path",
        )
