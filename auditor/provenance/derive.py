"""Facts that stand in the model's own files: config.json, a card's front matter, GGUF metadata."""

from __future__ import annotations

import re
from pathlib import Path

from auditor import gguf_file, schema
from auditor.errors import ModelError, foreign_faults
from auditor.provenance.facts import catalogue
from auditor.provenance.resolve import read_json
from auditor.types import Evidence, Fact, Json, ModelRef

_FRONT_MATTER = {
    "license": "model.license",
    "language": "model.languages",
    "base_model": "model.base_model",
    "base_model_relation": "model.base_model_relation",
    "datasets": "training.datasets",
    "library_name": "model.library",
    "pipeline_tag": "model.pipeline_tag",
}
_GGUF = {
    "general.name": "model.name",
    "general.organization": "model.provider",
    "general.license": "model.license",
    "general.languages": "model.languages",
    "general.architecture": "model.architecture",
    "general.datasets": "training.datasets",
}
_MASKED_TYPES = re.compile(
    "(al|camem|conv|distil|flau|mobile|modern|rem)?bert|(xlm-)?roberta|deberta(-v2)?|electra|mpnet|xlm"
)
_QUANTISED = ("Q", "IQ", "TQ", "MXFP", "NVFP")
_HEAD_CHARACTERS = 64 * 1024
_DEPTH = 20
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)


def derive_facts(ref: ModelRef) -> dict[str, Fact]:
    """Return what the model's files say of it, by key; what does not fit the fact's schema is left out.

    Raises:
        ModelError: config.json or a GGUF file is truncated or damaged.
    """
    found = _from_gguf(ref) if ref.format == "gguf" else _from_folder(ref)
    if ref.repository:
        found.setdefault("model.name", (ref.repository.rpartition("/")[2], "the Hub repository's name"))
        found.setdefault("model.provider", (ref.repository.partition("/")[0], "the Hub repository's owner"))
    found.setdefault("model.library", ("transformers", "the engine that ran the model"))
    task = "fill-mask" if is_masked(ref) else "text-generation"
    found.setdefault("model.pipeline_tag", (task, "the engine that ran the model"))
    return {
        key: Fact(status="derived", value=value, source=source, evidence=(_evidence(ref, source),))
        for key, (value, source) in found.items()
        if not schema.faults_against(value, catalogue()[key].schema)
    }


def _evidence(ref: ModelRef, source: str) -> Evidence:
    """Return the file that a fact was read off, or that this run knows it of itself."""
    names = [Path(ref.folder, name) for name in ("config.json", "README.md") if name in source]
    if source.startswith("GGUF"):
        names = [Path(ref.folder, ref.weights[0])]
    if not names:
        return Evidence(kind="run", text=source)
    known = {file.path: file for file in ref.files}
    file = known.get(names[0].name) or schema.digest_file(names[0])
    return Evidence(kind="file", path=file.path, sha256=file.sha256, text=source)


def is_masked(ref: ModelRef) -> bool:
    """Return whether config.json names a masked language model: by its architecture or, where that is open, its type.

    Raises:
        ModelError: config.json is damaged.
    """
    if ref.format == "gguf":
        return False
    config = read_json(Path(ref.folder) / "config.json")
    architectures = config.get("architectures")
    names = [str(name) for name in architectures] if isinstance(architectures, list) else []
    if any(name.endswith("ForMaskedLM") for name in names):
        return True
    causal = any(name.endswith(("ForCausalLM", "LMHeadModel")) and "WithLMHead" not in name for name in names)
    causal = causal or bool(config.get("is_decoder") or config.get("causal"))
    return not causal and _MASKED_TYPES.fullmatch(str(config.get("model_type"))) is not None


def _from_folder(ref: ModelRef) -> dict[str, tuple[Json, str]]:
    folder = Path(ref.folder)
    config = read_json(folder / "config.json")
    text_config = config.get("text_config")
    text_config = text_config if isinstance(text_config, dict) else config
    found: dict[str, tuple[Json, str]] = {}
    match config.get("architectures"):
        case [architecture, *_]:
            found["model.architecture"] = (architecture, "config.json")
    length = text_config.get("max_position_embeddings") or text_config.get("n_positions")
    if length:
        found["model.context_length"] = (length, "config.json")
    dtype = config.get("dtype") or config.get("torch_dtype") or text_config.get("dtype")
    if isinstance(dtype, str):
        found["model.weights_format"] = (f"{ref.format}, {dtype}", "config.json")
    for name, value in _front_matter(folder / "README.md").items():
        if key := _FRONT_MATTER.get(name):
            found[key] = (_fit(key, value), "front matter of README.md")
    return found


def _front_matter(path: Path) -> dict[str, Json]:
    """Return the YAML between the first two lines `---`, or nothing where it is malformed, huge or hostile."""
    import yaml

    try:
        with path.open(encoding="utf-8-sig") as stream:
            front = _FRONT.match(stream.read(_HEAD_CHARACTERS))
        with foreign_faults(f"cannot read {path}", ModelError, hint="correct its front matter"):
            value = yaml.safe_load(front[1]) if front and _is_harmless(front[1]) else None
    except (OSError, UnicodeDecodeError, ModelError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_harmless(text: str) -> bool:
    """Return whether YAML is neither deep, which takes hours to read, nor holds aliases, which can grow without end."""
    import yaml

    depth = 0
    for event in yaml.parse(text):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEPTH:
            return False
    return True


def _fit(key: str, value: Json) -> Json:
    """Return a value as one, or as a list, as the fact's schema has it."""
    if catalogue()[key].schema.get("type") == "array":
        return value if isinstance(value, list) else [value]
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _from_gguf(ref: ModelRef) -> dict[str, tuple[Json, str]]:
    path = Path(ref.folder) / ref.weights[0]
    hint = "the file is truncated or damaged: copy or download it again"
    with foreign_faults(f"cannot read {path} ({path.stat().st_size} bytes)", ModelError, hint=hint):
        reader = gguf_file.read(str(path))
        values = {name: _gguf_value(field) for name, field in reader.fields.items() if name.startswith("general.")}
        architecture = str(values.get("general.architecture", ""))
        length = reader.fields.get(f"{architecture}.context_length")
        values["length"] = None if length is None else int(length.contents())
    found: dict[str, tuple[Json, str]] = {}
    for name, key in _GGUF.items():
        if values.get(name):
            found[key] = (_fit(key, values[name]), f"GGUF metadata, {name}")
    if values["length"]:
        found["model.context_length"] = (values["length"], f"GGUF metadata, {architecture}.context_length")
    from gguf import LlamaFileType

    file_type, base = values.get("general.file_type"), values.get("general.base_model.0.repo_url")
    names = {entry.value: entry.name.partition("_")[2] for entry in LlamaFileType if entry.name != "GUESSED"}
    if isinstance(file_type, int) and file_type in names:
        found["model.weights_format"] = (f"GGUF, {names[file_type]}", "GGUF metadata, general.file_type")
        if names[file_type].startswith(_QUANTISED) and not base:  # a base named here is what the original came from
            found["model.base_model_relation"] = ("quantized", "GGUF metadata, general.file_type")
    if base:
        repository = str(base).removeprefix("https://huggingface.co/")
        found["model.base_model"] = (repository, "GGUF metadata, general.base_model.0.repo_url")
    return found


def _gguf_value(field: Json) -> Json:
    value = field.contents()
    return value.item() if hasattr(value, "item") else value
