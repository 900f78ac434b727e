"""Facts that stand in the model's own files: each from the reader that knows best, what others say kept beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from msgspec import Struct

from auditor import schema
from auditor.provenance import (
    config_files,
    download_files,
    front_matter,
    gguf_metadata,
    lineage_files,
    tokenizer_files,
    training_files,
    weight_files,
)
from auditor.provenance.facts import catalogue
from auditor.provenance.reading import Claim, ModelFolder
from auditor.provenance.resolve import read_json
from auditor.types import BASE, Fact, Json, ModelRef

_FAULT = 200
_MASKED_TYPES = re.compile(
    "(al|camem|conv|distil|flau|mobile|modern|rem)?bert|(xlm-)?roberta|deberta(-v2)?|electra|mpnet|xlm"
)


class Derived(Struct, frozen=True, kw_only=True):
    """What a model's files say: a fact a key, and what further files say of the same keys, in order of precedence."""

    facts: dict[str, Fact]
    others: dict[str, tuple[Fact, ...]]


def derive_facts(ref: ModelRef) -> Derived:
    """Return what the model's files say of it; what does not fit a fact's schema is left out, a README's with a note.

    Files that the model can do without may be damaged: they then say nothing, and the fact `files.unreadable` says why.

    Raises:
        ModelError: config.json or a GGUF file is truncated or damaged.
    """
    folder = ModelFolder(ref)
    said: dict[str, list[Fact]] = {}
    for claim in chain(_claims(folder), _unreadable(folder)):
        value = _fit(claim.key, claim.value)
        faults = schema.faults_against(value, catalogue()[claim.key].schema)
        if faults and claim.file == front_matter.README and value is not None:
            earlier = [folder.notes[claim.file]] if claim.file in folder.notes else []
            told = f"{claim.key} in its front matter is left out: {faults[0][:_FAULT]}"
            folder.notes[claim.file] = "; ".join([*earlier, told])
        elif not faults:
            fact = Fact(status="derived", value=value, source=claim.source, evidence=(folder.evidence(claim),))
            said.setdefault(claim.key, []).append(fact)
    return Derived(
        facts={key: facts[0] for key, facts in said.items()},
        others={key: tuple(facts[1:]) for key, facts in said.items() if len(facts) > 1},
    )


def _claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield every claim; of two on the same fact the earlier one stands on the card."""
    ref = folder.ref
    own = _of_base(folder) if ref.is_adapter else _of_network(folder)
    others = (front_matter, tokenizer_files, weight_files, training_files)
    yield from chain(lineage_files.claims(folder), own, *(reader.claims(folder) for reader in others))
    if ref.repository:
        name, at = ref.repository, f"@{ref.revision}" if ref.revision else ""
        yield Claim(key="model.identifier", value=f"{name}{at}", source="the Hub repository and its commit")
        yield Claim(key="model.name", value=name.rpartition("/")[2], source="the Hub repository's name")
        yield Claim(key="model.provider", value=name.partition("/")[0], source="the Hub repository's owner")
    yield from download_files.claims(folder)
    yield Claim(key="model.library", value="transformers", source="the engine that ran the model")
    if not ref.is_adapter or ref.base:
        task = "fill-mask" if is_masked(ref) else "text-generation"
        yield Claim(key="model.pipeline_tag", value=task, source="the engine that ran the model")


def _of_network(folder: ModelFolder) -> Iterator[Claim]:
    return gguf_metadata.claims(folder) if folder.ref.format == "gguf" else config_files.claims(folder)


def _of_base(folder: ModelFolder) -> Iterator[Claim]:
    """Yield what the base model's files say that holds of an adapter on it, too; nothing where it is not at hand."""
    base = folder.ref.base
    if base is None:
        return
    beside = ModelFolder(base)
    tokenizer = tokenizer_files.claims(beside) if folder.ref.tokenized_by is base else ()
    for claim in chain(config_files.claims(beside), tokenizer):
        if not claim.key.startswith("model.base_model"):
            source = f"{claim.source}, of the base model"
            yield Claim(key=claim.key, value=claim.value, source=source, file=f"{BASE}{claim.file}")


def _unreadable(folder: ModelFolder) -> Iterator[Claim]:
    """Yield why files could not be read, after all readers have tried."""
    if folder.notes:
        told = [f"{name}: {why}" for name, why in sorted(folder.notes.items())]
        yield Claim(key="files.unreadable", value=told, source="found when the model's files were read")


def is_masked(ref: ModelRef) -> bool:
    """Return whether config.json names a masked language model: by its architecture or, where that is open, its type.

    An adapter is what its base model is.

    Raises:
        ModelError: config.json is damaged.
    """
    if ref.format == "gguf":
        return False
    config = read_json(Path((ref.base or ref).folder) / "config.json")
    architectures = config.get("architectures")
    names = [str(name) for name in architectures] if isinstance(architectures, list) else []
    if any(name.endswith("ForMaskedLM") for name in names):
        return True
    causal = any(name.endswith(("ForCausalLM", "LMHeadModel")) and "WithLMHead" not in name for name in names)
    causal = causal or bool(config.get("is_decoder") or config.get("causal"))
    return not causal and _MASKED_TYPES.fullmatch(str(config.get("model_type"))) is not None


def _fit(key: str, value: Json) -> Json:
    """Return a value as one, or as a list, as the fact's schema has it."""
    if catalogue()[key].schema.get("type") == "array":
        return value if isinstance(value, list) else [value]
    return value[0] if isinstance(value, list) and len(value) == 1 else value
