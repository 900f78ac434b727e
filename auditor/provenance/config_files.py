"""What config.json and generation_config.json say: the network's numbers, its inputs, the defaults of generation."""

from __future__ import annotations

import math
from collections.abc import Iterator

from auditor.provenance.reading import Claim, ModelFolder
from auditor.provenance.resolve import read_json
from auditor.types import Json

CONFIG, GENERATION = "config.json", "generation_config.json"
_NUMBERS = {
    "model.context_length": ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"),
    "design.layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "design.hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "design.attention_heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "design.key_value_heads": ("num_key_value_heads", "num_kv_heads"),
    "design.vocabulary_size": ("vocab_size",),
    "design.experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "design.experts_per_token": ("num_experts_per_tok", "num_experts_per_token"),
    "design.sliding_window": ("sliding_window",),
    "design.tied_embeddings": ("tie_word_embeddings",),
}
_INPUTS = (("image", ("vision_config",)), ("audio", ("audio_config",)), ("video", ("video_token_id", "video_config")))
_TRAINED_IN = ("bitnet", "fp8", "mxfp4")  # formats that models are published in without a model in a longer one
_NOT_DEFAULTS = ("_token_id", "_token_ids", "transformers_version", "_from_model_config")


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield what both files say.

    Raises:
        ModelError: config.json is missing or damaged.
    """
    config = read_json(folder.root / CONFIG)
    nested = config.get("text_config")
    text = {**config, **nested} if isinstance(nested, dict) else config
    for key, value in _network(text, folder.ref.format):
        yield Claim(key=key, value=value, source=CONFIG, file=CONFIG)
    for key, value in _inputs(config, text):
        yield Claim(key=key, value=value, source=CONFIG, file=CONFIG)
    version = config.get("transformers_version")
    if isinstance(version, str):
        source = f"{CONFIG}, transformers_version: the version that wrote it"
        yield Claim(key="use.required_software", value=f"transformers {version}", source=source, file=CONFIG)
    modules = _modules(config.get("auto_map"))
    if modules:
        yield Claim(key="files.custom_code", value=modules, source=f"{CONFIG}, auto_map", file=CONFIG)
    yield from _defaults(folder)


def _network(text: dict[str, Json], form: str) -> Iterator[tuple[str, Json]]:
    match text.get("architectures"):
        case [architecture, *_]:
            yield "model.architecture", architecture
    for key, names in _NUMBERS.items():
        if key == "design.sliding_window" and text.get("use_sliding_window") is False:
            continue
        values = [text[name] for name in names if text.get(name) is not None]
        if values:
            yield key, values[0]
    dtype = text.get("dtype") or text.get("torch_dtype")
    if isinstance(dtype, str):
        yield "model.weights_format", f"{form}, {dtype}"
    scaling = text.get("rope_scaling")
    if isinstance(scaling, dict) and scaling:
        yield "design.position_scaling", _settings(scaling)
    quantised = text.get("quantization_config")
    if isinstance(quantised, dict) and quantised:
        yield "design.quantisation", _settings(quantised)
        if quantised.get("quant_method") not in _TRAINED_IN:
            yield "model.base_model_relation", "quantized"


def _inputs(config: dict[str, Json], text: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the kinds of input that the file has a part for; text is one of a language model's in any case."""
    yield (
        "design.input_modalities",
        ["text", *(kind for kind, names in _INPUTS if any(name in config for name in names))],
    )
    yield "design.output_modalities", ["text"]
    length = next((text[name] for name in _NUMBERS["model.context_length"] if text.get(name) is not None), None)
    if length is not None:  # input and output share it
        yield "design.max_input", [{"modality": "text", "amount": length, "unit": "tokens"}]
        yield "design.max_output", [{"modality": "text", "amount": length, "unit": "tokens"}]


def _modules(auto_map: Json) -> list[str]:
    """Return the Python files that an auto_map names, a stranger's repository with them where it is named."""
    if not isinstance(auto_map, dict):
        return []
    named = [name for value in auto_map.values() for name in (value if isinstance(value, list) else [value])]
    return sorted({f"{name.rpartition('.')[0]}.py" for name in named if isinstance(name, str) and "." in name})


def _defaults(folder: ModelFolder) -> Iterator[Claim]:
    """Yield the sampling settings that the model is shipped with, and the digest of the file."""
    content = folder.json(GENERATION)
    if not content:
        return
    settings = [
        {"name": name, "value": plain(value)}
        for name, value in sorted(content.items())
        if not name.endswith(_NOT_DEFAULTS) and isinstance(value, str | int | float) and name
    ]
    yield Claim(key="design.generation_defaults", value=settings, source=GENERATION, file=GENERATION)
    yield Claim(
        key="design.generation_defaults_digest",
        value=folder.digest(GENERATION).sha256,
        source=f"sha256 of {GENERATION}",
        file=GENERATION,
    )


def plain(value: Json) -> str:
    """Return a setting's value as text.

    >>> plain(True), plain(0.1), plain(2.0)
    ('true', '0.1', '2')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value)


def _settings(table: dict[str, Json]) -> str:
    """Return a table's plain entries as text, what names its kind first."""
    kinds = [str(table[name]) for name in ("rope_type", "type", "quant_method") if isinstance(table.get(name), str)]
    rest = [
        f"{name.replace('_', ' ')} {plain(value)}"
        for name, value in sorted(table.items())
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return ", ".join([*kinds[:1], *rest]) or "settings without a name"
