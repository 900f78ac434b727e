"""Detoxify: transformer classifiers of toxicity, opened from a checkpoint file or, by name, from its releases.

Differs from `Detoxify.predict` in that texts are rated in batches of like length, a list of one gives a list, texts
longer than the model reads are counted, a checkpoint that lacks tensors is refused, and a checkpoint that only an
unrestricted pickle load can read is refused unless it came from the authors' release asked for by name, or the user
allows it.

Source: Hanu & Unitary team 2020, Detoxify, https://github.com/unitaryai/detoxify.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import MissingPackageError, OfflineError, ScorerError, foreign_faults, nearest
from auditor.scorers.base import Rating
from auditor.scorers.batches import rate_in_batches
from auditor.types import Json, ScorerRef

NAME = "detoxify"
_CLASS = "toxicity"
_BATCH_TOKENS = 2048
_LOCAL = {  # releases that `auto` looks for, the better first: the checkpoint's file, the base model it is built on
    "unbiased": ("toxic_debiased-c7548aa0.ckpt", "roberta-base"),
    "original": ("toxic_original-c1212f89.ckpt", "bert-base-uncased"),
}
_RENAMED = {"toxic": _CLASS}
_PICKLE = "it may be damaged, or run code when it is opened; if you trust it, add --allow-pickle"
_HINT = "--toxicity detoxify:PATH, or detoxify:RELEASE (original, unbiased, multilingual, …)"


def open_classifier(argument: str, *, offline: bool, allow_pickle: bool) -> Detoxify:
    """Return Detoxify from a checkpoint file, or from a release by its name.

    The base model's config and tokenizer come from the checkpoint's folder when they lie there, else from the Hub or
    its cache.

    Raises:
        ScorerError: no such file or release, or the checkpoint is not Detoxify's, incomplete or an unknown pickle.
        OfflineError: `offline`, and something would have to be downloaded.
        MissingPackageError: Detoxify is not installed.
    """
    if not argument:
        raise ScorerError("detoxify needs a checkpoint or the name of a release", hint=_HINT)
    path = Path(argument).expanduser()
    named = path.is_file()
    if named:
        loaded, sha256 = _read(path, allow_pickle=allow_pickle)
    else:
        path, prefix = _release(argument, offline=offline)
        loaded, sha256 = _read(path, allow_pickle=allow_pickle, release_prefix=prefix)
    model, tokenizer, classes = _build(path, loaded, offline=offline or named)  # nobody named the base model
    return Detoxify(model, tokenizer, classes, sha256)


class Detoxify:
    """Probability of the class `toxicity`."""

    measures = "toxicity"

    def __init__(self, model: Any, tokenizer: Any, classes: Sequence[str], sha256: str) -> None:
        from importlib.metadata import version

        self.ref = ScorerRef(name=NAME, version=version(NAME), checkpoint=sha256)
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._column = classes.index(_CLASS)
        self._max_tokens = min(tokenizer.model_max_length, _positions(model.config))
        self.notes = (
            f"Detoxify, a {type(model).__name__}, reads {self._max_tokens} tokens of a text. Its training labels are "
            "known to carry bias against mentions of some groups (Dixon et al. 2018). Config and tokenizer: sha256 "
            f"{_surroundings(model, tokenizer)}."
        )

    def rate(self, texts: Sequence[str]) -> list[Rating]:
        """Return one rating a text, in order; what it does not read to its end is marked truncated."""
        return rate_in_batches(
            texts, self._tokenizer, self._values, max_tokens=self._max_tokens, batch_tokens=_BATCH_TOKENS
        )

    def _values(self, batch: list[list[int]]) -> list[float]:
        """Return the probability of the class for each text, given as token ids."""
        import torch

        inputs = self._tokenizer.pad({"input_ids": batch}, return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**inputs).logits  # [texts, classes]
        values: list[float] = torch.sigmoid(logits.float())[:, self._column].tolist()
        return values


def release_on_this_machine() -> str:
    """Return a release that can be opened without a download, or an empty string.

    Its checkpoint lies in PyTorch's cache, and its base model's config and vocabulary in the Hub's.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - there may be no home
    checkpoints = Path(os.environ.get("TORCH_HOME") or Path(cache) / "torch") / "hub" / "checkpoints"
    for release, (file, base) in _LOCAL.items():
        if (checkpoints / file).is_file() and importlib.util.find_spec("detoxify"):
            from huggingface_hub import try_to_load_from_cache

            if all(isinstance(try_to_load_from_cache(base, name), str) for name in ("config.json", "tokenizer.json")):
                return release
    return ""


def _release(name: str, *, offline: bool) -> tuple[Path, str]:
    """Return a release's file, downloaded when it is not in PyTorch's cache, and the first digits of its sha256."""
    import torch

    releases: dict[str, str] = _library().MODEL_URLS
    if name not in releases:
        raise ScorerError(f"no checkpoint file and no Detoxify release is named {name!r}", hint=nearest(name, releases))
    url = releases[name]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    prefix = cached.stem.rsplit("-", 1)[1]  # the authors write it into the file's name
    if not cached.is_file():
        if offline:
            raise OfflineError(
                f"the Detoxify release {name!r} is not on this machine",
                hint="run without --offline, or give a checkpoint file: --toxicity detoxify:PATH",
            )
        cached.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(cached), hash_prefix=prefix, progress=False)
        except (OSError, RuntimeError) as fault:
            raise ScorerError(f"cannot download {url}: {fault}", hint=_HINT) from fault
    return cached, prefix


def _read(path: Path, *, allow_pickle: bool, release_prefix: str = "") -> tuple[dict[str, Json], str]:
    """Return a checkpoint's content and sha256, without running code out of a file that nobody vouched for.

    Eight digits of a digest name a release but do not prove it: a file given by its path is never trusted for them.
    """
    import torch

    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if not sha256.startswith(release_prefix):
        raise ScorerError(f"{path} is not the release: its sha256 is {sha256}", hint="delete it, then run again")
    try:
        with foreign_faults(f"{path} (sha256 {sha256}) cannot be read as plain tensors", ScorerError, hint=_PICKLE):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except ScorerError:
        if not (release_prefix or allow_pickle):
            raise
        with foreign_faults(f"cannot read {path}", ScorerError, hint="the file is damaged"):
            loaded = torch.load(path, map_location="cpu", weights_only=False)
    if not isinstance(loaded, Mapping) or not {"config", "state_dict"} <= set(loaded):
        raise ScorerError(f"{path} is not a Detoxify checkpoint: it needs 'config' and 'state_dict'", hint=_HINT)
    return dict(loaded), sha256


def _build(path: Path, loaded: dict[str, Json], *, offline: bool) -> tuple[Any, Any, list[str]]:
    import transformers

    from auditor.engine.packed import pack_linears

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    beside = (path.parent / "config.json").is_file()
    with foreign_faults(f"cannot build Detoxify from {path}", ScorerError, hint=_HINT):
        arguments = loaded["config"]["arch"]["args"]
        classes = [_RENAMED.get(name, name) for name in loaded["config"]["dataset"]["args"]["classes"]]
        model_class = getattr(transformers, arguments["model_name"])
        tokenizer_class = getattr(transformers, arguments["tokenizer_name"])
        source = str(path.parent) if beside else arguments["model_type"]
        with _local_only(source, offline=offline and not beside):
            local = {"local_files_only": offline or beside}
            config = model_class.config_class.from_pretrained(source, num_labels=arguments["num_classes"], **local)
            tokenizer = tokenizer_class.from_pretrained(source, **local)
        model = model_class.from_pretrained(None, config=config, state_dict=loaded["state_dict"])
    missing = sorted(set(model.state_dict()) - set(loaded["state_dict"]))
    missing = [name for name in missing if not name.endswith("position_ids")]
    if missing or _CLASS not in classes[: model.config.num_labels]:
        what = f"lacks {len(missing)} tensors, such as {missing[0]}" if missing else f"has no class {_CLASS!r}"
        raise ScorerError(f"{path} {what}", hint="it is not a whole Detoxify checkpoint")
    pack_linears(model)
    return model, tokenizer, classes


@contextlib.contextmanager
def _local_only(source: str, *, offline: bool) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        if not offline:
            raise
        raise OfflineError(
            f"the config and tokenizer of {source} are not on this machine",
            hint="put them into the checkpoint's folder, or into the Hub's cache",
        ) from fault


def _surroundings(model: Any, tokenizer: Any) -> str:
    """Return one sha256 over what beside the weights decides a rating."""
    config = {key: value for key, value in model.config.to_dict().items() if not key.startswith("_")}
    lower = getattr(tokenizer, "do_lower_case", None)
    state = [config, sorted(tokenizer.get_vocab().items()), tokenizer.special_tokens_map, lower]
    return hashlib.sha256(json.dumps(state, sort_keys=True, default=str).encode()).hexdigest()


def _positions(config: Any) -> int:
    offset = 2 if config.model_type in {"roberta", "xlm-roberta"} else 0  # the padding index shifts their positions
    return int(config.max_position_embeddings) - offset


def _library() -> Any:
    try:
        import detoxify.detoxify as library
    except ImportError as fault:
        raise MissingPackageError(f"Detoxify does not load: {fault}", hint="pip install detoxify") from fault
    return library
