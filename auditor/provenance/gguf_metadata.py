"""What the metadata of a GGUF file say, and its list of tensors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from auditor import gguf_file
from auditor.errors import ModelError, foreign_faults
from auditor.provenance.licences import own_licence
from auditor.provenance.reading import Claim, ModelFolder
from auditor.provenance.tokenizer_files import template_claim
from auditor.types import Json

_GENERAL = {
    "name": "model.name",
    "organization": "model.provider",
    "version": "model.version",
    "basename": "model.family",
    "description": "model.description",
    "author": "provider.authors",
    "license": "model.license",
    "license.link": "distribution.license_link",
    "languages": "model.languages",
    "architecture": "model.architecture",
    "datasets": "training.datasets",
}
_NETWORK = {
    "context_length": "model.context_length",
    "block_count": "design.layers",
    "embedding_length": "design.hidden_size",
    "attention.head_count": "design.attention_heads",
    "attention.head_count_kv": "design.key_value_heads",
    "attention.sliding_window": "design.sliding_window",
    "expert_count": "design.experts",
    "expert_used_count": "design.experts_per_token",
    "rope.scaling.type": "design.position_scaling",
}
_QUANTISED = ("Q", "IQ", "TQ", "MXFP", "NVFP")
_NUMBERED = re.compile(r"general\.(base_model|dataset)\.(\d+)\.(\w+)")
_HUB = re.compile(r"https://huggingface\.co/(datasets/)?[^/\s]+/[^/\s]+")


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield what the file says of the model.

    Raises:
        ModelError: it is truncated or damaged.
    """
    name = folder.ref.weights[0]
    path = folder.root / name
    hint = "the file is truncated or damaged: copy or download it again"
    with foreign_faults(f"cannot read {path} ({path.stat().st_size} bytes)", ModelError, hint=hint):
        reader = gguf_file.read(str(path))
        values = {key: _plain(field) for key, field in reader.fields.items() if _is_short(key)}
        tokens = reader.fields.get("tokenizer.ggml.tokens")
        size = len(tokens.data) if tokens else 0
        counts = Counter[str]()
        for tensor in reader.tensors:
            counts[tensor.tensor_type.name] += int(tensor.n_elements)
    found = [*_described(values), *_network(values, size), *_numbered(values), *_form(values), *_tensors(counts)]
    for key, value, where in found:
        yield Claim(key=key, value=value, source=f"GGUF {where}", file=name)
    template = values.get("tokenizer.chat_template")
    if isinstance(template, str) and template:
        yield template_claim(template, "GGUF metadata, tokenizer.chat_template", name)


def _described(values: dict[str, Json]) -> Iterator[tuple[str, Json, str]]:
    own = values.get("general.license.name")
    if values.get("general.license") == "other" and isinstance(own, str) and own.strip():
        values = {**values, "general.license": own_licence(own)}
    for name, key in _GENERAL.items():
        if values.get(f"general.{name}"):
            yield key, values[f"general.{name}"], f"metadata, general.{name}"


def _network(values: dict[str, Json], vocabulary: int) -> Iterator[tuple[str, Json, str]]:
    architecture = values.get("general.architecture")
    for name, key in _NETWORK.items():
        value = values.get(f"{architecture}.{name}")
        if value:
            yield key, value, f"metadata, {architecture}.{name}"
    length = values.get(f"{architecture}.context_length")
    if length:
        amount = [{"modality": "text", "amount": length, "unit": "tokens"}]
        yield "design.max_input", amount, f"metadata, {architecture}.context_length"
        yield "design.max_output", amount, f"metadata, {architecture}.context_length"
    yield "design.input_modalities", ["text"], "metadata"
    yield "design.output_modalities", ["text"], "metadata"
    if vocabulary:
        kind = values.get("tokenizer.ggml.model")
        yield "design.vocabulary_size", vocabulary, "metadata, tokenizer.ggml.tokens"
        yield "design.tokenizer", f"{kind}, {vocabulary} entries", "metadata, tokenizer.ggml.model"


def _numbered(values: dict[str, Json]) -> Iterator[tuple[str, Json, str]]:
    """Yield the models and the datasets that the metadata number from 0."""
    tables: dict[str, dict[int, dict[str, Json]]] = {"base_model": {}, "dataset": {}}
    for key, value in values.items():
        match = _NUMBERED.fullmatch(key)
        if match and isinstance(value, str) and value:
            tables[match[1]].setdefault(int(match[2]), {})[match[3]] = value
    bases = [_entry(table) for _, table in sorted(tables["base_model"].items())]
    bases = [base for base in bases if base]
    datasets = [entry for _, table in sorted(tables["dataset"].items()) if (entry := _entry(table))]
    if bases:
        yield "model.dependencies", bases, "metadata, general.base_model"
    if len(bases) == 1:
        yield "model.base_model", bases[0]["name"], "metadata, general.base_model.0"
    if datasets:
        yield "training.datasets", datasets, "metadata, general.dataset"


def _entry(table: dict[str, Json]) -> dict[str, Json]:
    url = str(table.get("repo_url", ""))
    hub = url.removeprefix("https://huggingface.co/").removeprefix("datasets/") if _HUB.fullmatch(url) else ""
    named = "/".join(str(table[part]) for part in ("organization", "name") if part in table)
    entry = {
        "name": hub or named or str(table.get("name", "")),
        "version": table.get("version"),
        "url": url if url.startswith("http") else "",
    }
    return {key: value for key, value in entry.items() if value} if entry["name"] else {}


def _form(values: dict[str, Json]) -> Iterator[tuple[str, Json, str]]:
    """Yield the format, and that the file is a quantised copy unless a base named in it says what it came from."""
    from gguf import LlamaFileType

    file_type = values.get("general.file_type")
    names = {entry.value: entry.name.partition("_")[2] for entry in LlamaFileType if entry.name != "GUESSED"}
    if not isinstance(file_type, int) or file_type not in names:
        return
    yield "model.weights_format", f"GGUF, {names[file_type]}", "metadata, general.file_type"
    if names[file_type].startswith(_QUANTISED):
        yield "design.quantisation", f"GGUF, {names[file_type]}", "metadata, general.file_type"
        if not any(key.startswith("general.base_model.") for key in values):
            yield "model.base_model_relation", "quantized", "metadata, general.file_type"


def _tensors(counts: Counter[str]) -> Iterator[tuple[str, Json, str]]:
    formats = [{"format": name, "count": count} for name, count in sorted(counts.items()) if count]
    if formats:
        yield "design.number_formats", formats, "list of tensors"
        yield "model.parameters", sum(counts.values()), "list of tensors"


def _is_short(key: str) -> bool:
    """Return whether a field is no list of the vocabulary's length, which takes seconds to read."""
    return not key.startswith("tokenizer.ggml.") or key == "tokenizer.ggml.model"


def _plain(field: Any) -> Json:
    value = field.contents()
    return value.item() if hasattr(value, "item") else value
