"""What the weight files and the folder's list say, without loading a weight and without opening a pickle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from auditor.errors import AuditorError, ModelError, foreign_faults
from auditor.provenance.reading import Claim, ModelFolder
from auditor.provenance.resolve import weights_digest
from auditor.types import Json

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
_INDEX = "model.safetensors.index.json"
_LISTED = 200
_PACKED = {"U8", "I8", "I16", "I32", "I64", "U16", "U32", "F8_E4M3", "F8_E5M2", "F4", "F6_E2M3", "F6_E3M2"}
_OUTPUT, _EMBEDDING = "lm_head.weight", re.compile(r"emb|wte")
_BUFFERS = (".attn.bias", ".attn.masked_bias", ".inv_freq", ".position_ids", ".attention.bias")


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield digests, sizes and counts of the weights, and the list of everything beside them."""
    ref = folder.ref
    sizes = {file.path: file.bytes for file in ref.files}
    if ref.weights:
        yield Claim(key="files.manifest_sha256", value=weights_digest(ref), source="computed from the weight files")
        total = sum(sizes[name] for name in ref.weights if name in sizes)
        yield Claim(key="files.weights_bytes", value=total, source="sizes of the weight files")
        yield Claim(key="files.shards", value=_shards(folder), source="names of the weight files")
    if ref.format == "safetensors" and ref.weights:
        yield from _headers(folder)
    yield from _listing(folder)


def _shards(folder: ModelFolder) -> str:
    count = len(folder.ref.weights)
    files = f"{count} weight file{'s' if count > 1 else ''}"
    named = folder.json(_INDEX).get("weight_map")
    if not isinstance(named, dict):
        return files
    lacking = sorted({str(name) for name in named.values()} - set(folder.ref.weights))
    if lacking:
        return f"{files}; {_INDEX} names {len(lacking)} more that are not there: {lacking[0]} …"
    return f"{files}, all that {_INDEX} names"


def _headers(folder: ModelFolder) -> Iterator[Claim]:
    """Yield how many numbers of which format the headers list, and how many parameters that makes where none is packed.

    Buffers that some families store beside their parameters are not counted as parameters, nor is an embedding that is
    stored twice; and those of an adapter are not the model's.
    """
    from huggingface_hub import get_local_safetensors_metadata

    formats: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    for name in folder.ref.weights:
        path = folder.path(name)
        if path is None:
            return
        try:
            with foreign_faults(f"cannot read the header of {path}", ModelError, hint="copy or download it again"):
                found = get_local_safetensors_metadata(path)
        except AuditorError as fault:
            folder.notes[name] = fault.message
            return
        for file in found.files_metadata.values():
            formats.update(file.parameter_count)
            sizes |= {key: tensor.parameter_count for key, tensor in file.tensors.items()}
    first = folder.ref.weights[0]
    counts = [{"format": name, "count": count} for name, count in sorted(formats.items()) if count]
    yield Claim(key="design.number_formats", value=counts, source="headers of the weight files", file=first)
    if counts and not set(formats) & _PACKED and not folder.ref.is_adapter:
        buffers = sum(size for key, size in sizes.items() if f".{key}".endswith(_BUFFERS))
        count = sum(formats.values()) - buffers - _tied(folder, sizes)
        yield Claim(key="model.parameters", value=count, source="headers of the weight files", file=first)


def _tied(folder: ModelFolder, sizes: Mapping[str, int]) -> int:
    """Return the size of an output layer that is stored beside the embedding that config.json says it is."""
    size = sizes.get(_OUTPUT, 0)
    embedded = any(key != _OUTPUT and sizes[key] == size and _EMBEDDING.search(key) for key in sizes)
    return size if embedded and folder.json("config.json").get("tie_word_embeddings") is True else 0


def _listing(folder: ModelFolder) -> Iterator[Claim]:
    others = [name for name in folder.names if name not in folder.ref.weights]
    pickles = [name for name in folder.names if name.lower().endswith(PICKLES)]
    code = [name for name in others if name.endswith(".py")]
    if pickles:
        yield Claim(key="files.pickles", value=pickles, source="names of the files; none of them was opened")
    if code:
        yield Claim(key="files.custom_code", value=code, source="names of the files")
    plain = [name for name in others if name not in pickles][:_LISTED]
    entries = [_entry(folder, name) for name in plain]
    if entries:
        whole = f"the first {_LISTED} of {len(others)} files" if len(others) > _LISTED else "the folder's files"
        yield Claim(key="files.listing", value=[entry for entry in entries if entry], source=whole)


def _entry(folder: ModelFolder, name: str) -> dict[str, Json]:
    if folder.path(name) is None:
        return {}
    digest = folder.digest(name)
    return {"path": name, "bytes": digest.bytes, **({"sha256": digest.sha256} if digest.sha256 else {})}
