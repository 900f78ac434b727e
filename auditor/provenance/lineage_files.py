"""What adapter_config.json and mergekit_config.yml say of the models that this one was made from."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.provenance.config_files import plain
from auditor.provenance.reading import Claim, ModelFolder
from auditor.types import Json

ADAPTER, MERGE = "adapter_config.json", "mergekit_config.yml"
_SETTINGS = ("peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "use_dora", "use_rslora")
_MODELS = 64


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield base models and relation by the files that a tool for adapters or merges wrote."""
    yield from _adapter(folder)
    yield from _merge(folder)


def _adapter(folder: ModelFolder) -> Iterator[Claim]:
    content = folder.json(ADAPTER)
    if not content:
        return
    settings = [
        f"{name} {plain(content[name])}" for name in _SETTINGS if isinstance(content.get(name), str | int | float)
    ]
    targets = content.get("target_modules")
    if isinstance(targets, list):
        settings.append("on " + " ".join(sorted(map(str, targets))))
    found: dict[str, Json] = {"model.base_model_relation": "adapter", "design.adapter": ", ".join(settings)}
    base = content.get("base_model_name_or_path")
    if isinstance(base, str) and base:
        found["model.base_model"] = public_name(base)
        revision = content.get("revision")
        if isinstance(revision, str) and revision:
            found["model.base_model_revision"] = revision
    for key, value in found.items():
        if value:
            yield Claim(key=key, value=value, source=ADAPTER, file=ADAPTER)


def _merge(folder: ModelFolder) -> Iterator[Claim]:
    content = folder.yaml(MERGE)
    if not content:
        return
    models = list(dict.fromkeys(public_name(name) for name in _models(content)))[:_MODELS]
    method = content.get("merge_method")
    recipe = f"{method or 'a merge without a named method'} of {', '.join(models) or 'models that are not named'}"
    found: dict[str, Json] = {"model.base_model_relation": "merge", "design.merge_recipe": recipe}
    base = content.get("base_model")
    if isinstance(base, str) and base:
        found["model.base_model"] = public_name(base)
    elif len(models) == 1:
        found["model.base_model"] = models[0]
    if models:
        found["model.dependencies"] = [{"name": name, "relation": "merge"} for name in models]
    for key, value in found.items():
        yield Claim(key=key, value=value, source=MERGE, file=MERGE)


def _models(content: Json) -> Iterator[str]:
    """Yield every `model` that the recipe names, at whatever depth its kind of merge has them."""
    if isinstance(content, list):
        for entry in content:
            yield from _models(entry)
    elif isinstance(content, dict):
        name = content.get("model")
        if isinstance(name, str) and name:
            yield name
        for key in ("models", "slices", "sources", "merges"):
            yield from _models(content.get(key))


def public_name(name: str) -> str:
    """Return a model's Hub name without the Hub's address; of a path on somebody's machine only the last part.

    >>> public_name("https://huggingface.co/org/m"), public_name("/home/me/models/m"), public_name("org/m")
    ('org/m', 'm', 'org/m')
    """
    bare = name.strip().removeprefix("https://huggingface.co/").rstrip("/")
    local = bare.startswith(("/", "~", ".")) or "\\" in bare or bare.count("/") > 1
    return bare.replace("\\", "/").rpartition("/")[2] if local else bare
