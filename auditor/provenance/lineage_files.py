"""What adapter_config.json and mergekit's configuration say of the models that this one was made from."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.provenance.config_files import plain
from auditor.provenance.reading import Claim, ModelFolder
from auditor.types import Json

ADAPTER, MERGES = "adapter_config.json", ("mergekit_config.yml", "mergekit_moe_config.yml")
_SETTINGS = ("peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "use_dora", "use_rslora")
_MODELS = 64


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield base models and relation by the files that a tool for adapters or merges wrote."""
    yield from _adapter(folder)
    for name in MERGES:
        yield from _merge(folder, name)


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


def _merge(folder: ModelFolder, file: str) -> Iterator[Claim]:
    content = folder.yaml(file)
    if not content:
        return
    models = list(dict.fromkeys(_models(content)))[:_MODELS]
    base = next(_names(content.get("base_model")), models[0] if len(models) == 1 else "")
    kind = "mixture of experts" if "experts" in content else "a merge without a named method"
    recipe = f"{content.get('merge_method') or kind} of {', '.join(models) or 'models that are not named'}"
    sources = list(dict.fromkeys([*_names(content.get("base_model")), *models]))
    found: dict[str, Json] = {
        "model.base_model_relation": "merge",
        "design.merge_recipe": recipe,
        "model.base_model": base,
        "model.dependencies": [{"name": name, "relation": "merge"} for name in sources],
    }
    for key, value in found.items():
        if value:
            yield Claim(key=key, value=value, source=file, file=file)


def _models(content: Json) -> Iterator[str]:
    """Yield the models that the recipe names, at whatever depth its kind of merge has them."""
    if isinstance(content, list):
        for entry in content:
            yield from _models(entry)
    elif isinstance(content, dict):
        for key in ("model", "source_model"):
            yield from _names(content.get(key))
        for key in ("models", "slices", "sources", "merges", "experts", "shared_experts"):
            yield from _models(content.get(key))


def _names(model: Json) -> Iterator[str]:
    """Yield the names in a reference to a model, an adapter's after it: `org/a@main+org/lora`, or a table of these."""
    if isinstance(model, str):
        yield from filter(None, (public_name(part.partition("@")[0]) for part in model.split("+")))
    elif isinstance(model, dict):
        for key in ("path", "model", "lora"):
            yield from _names(model.get(key))


def public_name(name: str) -> str:
    """Return a model's or dataset's Hub name without the Hub's address; of a path on somebody's machine the last part.

    >>> public_name("https://huggingface.co/org/m"), public_name("/home/me/models/m"), public_name("org/m")
    ('org/m', 'm', 'org/m')
    >>> public_name("https://huggingface.co/datasets/org/d"), public_name("https://example.org/a/b")
    ('org/d', 'https://example.org/a/b')
    """
    bare = name.strip().removeprefix("https://huggingface.co/").removeprefix("datasets/").rstrip("/")
    if "://" in bare:
        return bare
    local = bare.startswith(("/", "~", ".")) or "\\" in bare or bare.count("/") > 1
    return bare.replace("\\", "/").rpartition("/")[2] if local else bare
