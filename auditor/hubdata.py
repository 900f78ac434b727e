"""A benchmark's rows from the Hub, at a pinned commit: fetched whole, then read by `datasets` without a network.

No code of a dataset is run: one with a loading script is refused, and so is a file that would be read from elsewhere
than the repository's own folder. `datasets` guesses the types of a CSV file's cells; for a probe that expects the
columns of a CSV file they become texts again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from auditor import schema
from auditor.datafiles import Row, data_error
from auditor.errors import DataError, OfflineError, UsageError, foreign_faults
from auditor.types import HUB, FileDigest, Json

_FORMATS = {"csv": ("csv", "tsv"), "json": ("json", "jsonl", "ndjson"), "parquet": ("parquet",)}
_PLACE = re.compile(
    rf"(?P<probe>[^=]+)=({re.escape(HUB)})?(?P<hub>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{{40}})"
    r"/(?P<config>[^/]+)/(?P<split>[\w.]+)"
)
_CARDS = ("README.md", ".huggingface.yaml")


class HubPlace(Struct, frozen=True, kw_only=True):
    """Where rows are: a dataset's repository at a commit (40 hex digits), a configuration of it, and a split."""

    hub: str
    revision: str
    split: str
    config: str = ""

    @property
    def name(self) -> str:
        """Return the place in one word, as a record names it."""
        return f"{HUB}{self.hub}@{self.revision}/{self.config or 'default'}/{self.split}"


class HubAccess(Struct, frozen=True, kw_only=True):
    """That the user lets benchmarks be read from the Hub; `offline` allows what the local cache holds.

    `places` are the user's own, by probe, in place of those that probes name.
    """

    offline: bool = False
    places: dict[str, HubPlace] = {}


def read_places(words: Iterable[str]) -> dict[str, HubPlace]:
    """Return places by probe, each from `PROBE=ORG/NAME@COMMIT/CONFIG/SPLIT`, as a record names them after the probe.

    `default` is the configuration of a dataset that has one alone.

    Raises:
        UsageError: a text is of another form, or a probe is named twice.
    """
    found: dict[str, HubPlace] = {}
    for word in words:
        parts = _PLACE.fullmatch(word)
        if parts is None or parts["probe"] in found:
            what = "names a probe a second time" if parts else "is no place on the Hub"
            raise UsageError(
                f"--hub-place {word}: {what}", hint="PROBE=ORG/NAME@COMMIT/CONFIG/SPLIT, COMMIT of 40 hex digits"
            )
        config = "" if parts["config"] == "default" else parts["config"]
        found[parts["probe"]] = HubPlace(
            hub=parts["hub"], revision=parts["revision"], config=config, split=parts["split"]
        )
    return found


def read_hub(place: HubPlace, *, offline: bool, as_text: bool) -> tuple[list[Row], FileDigest]:
    """Return the rows of a split, in order, and one digest over all of them; its size is that of their canonical JSON.

    Args:
        place: where the rows are.
        offline: read the local cache alone.
        as_text: every cell is a text, as in a CSV file.

    Raises:
        OfflineError: `offline`, and the repository is not in the local cache.
        DataError: it cannot be fetched or read, comes with a loading script, or holds no row; each faulty row is named.
    """
    folder = _snapshot(place, offline=offline)
    _refuse_code(folder, place)
    rows: list[Row] = []
    faults: list[str] = []
    digest, size = hashlib.sha256(), 0
    for number, values in enumerate(_values(folder, place), start=1):
        where = f"row {number}"
        try:
            line = schema.canonical_json(_as_text(values) if as_text else values)
        except (TypeError, ValueError, RecursionError) as fault:
            faults.append(f"{place.name} {where}: not JSON: {fault}")
            continue
        content = f"{line}\n".encode()
        digest.update(content)
        size += len(content)
        rows.append(Row(file=place.name, place=where, number=number, values=schema.strict_json(line)))
    if faults:
        raise data_error(place.name, faults)
    if not rows:
        raise DataError(f"{place.name} holds no row", hint="is it the right split?")
    return rows, FileDigest(path=place.name, sha256=digest.hexdigest(), bytes=size)


def _snapshot(place: HubPlace, *, offline: bool) -> Path:
    """Return the local folder of the repository at its commit, downloading what is not in the cache."""
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    where = f"the dataset {place.hub}@{place.revision}"
    endings = [f"*.{ending}" for endings in _FORMATS.values() for ending in endings]
    with foreign_faults(
        f"cannot get {where} from the Hub",
        DataError,
        hint="check the network and the names in [data]; a gated or private dataset needs `hf auth login`",
    ):
        try:
            found = snapshot_download(
                place.hub,
                repo_type="dataset",
                revision=place.revision,
                allow_patterns=[*_CARDS, _script(place), *endings, *(f"{ending}.gz" for ending in endings)],
                local_files_only=offline,
            )
        except LocalEntryNotFoundError as fault:
            if not offline:
                raise
            raise OfflineError(
                f"{where} is not in the local cache, and nothing may be downloaded here",
                hint="run once without --offline, or give the files with --data-dir where the probe names some",
            ) from fault
    return Path(found).resolve()


def _script(place: HubPlace) -> str:
    return f"{place.hub.rpartition('/')[2]}.py"


def _refuse_code(folder: Path, place: HubPlace) -> None:
    """Raise where the repository has a loading script, or a card that names files outside the repository."""
    script = _script(place)
    if (folder / script).exists():
        raise DataError(
            f"the dataset {place.hub} comes with a loading script, {script}, and auditor runs no code of a dataset",
            hint="pin a commit of its branch refs/convert/parquet, or give the files with --data-dir",
        )
    for card in _CARDS:
        if (folder / card).is_file():
            for pattern in _patterns(folder / card):
                if "://" in pattern or pattern.startswith(("/", "~")) or ".." in Path(pattern).parts:
                    raise DataError(
                        f"{place.hub}: {card} names the file {pattern!r}, which is not in the repository",
                        hint="auditor reads no file of a dataset from elsewhere",
                    )


def _patterns(card: Path) -> Iterator[str]:
    """Yield every text in the configurations of a dataset's card."""
    import yaml

    with foreign_faults(f"cannot read {card}", DataError, hint="the repository is damaged: report it there"):
        text = card.read_text(encoding="utf-8")
        if card.suffix == ".md":
            text = text.split("\n---", maxsplit=1)[0].removeprefix("---") if text.startswith("---") else ""
        content = yaml.safe_load(text)
    yield from _texts(content.get("configs") if isinstance(content, dict) else None)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _texts(below)


def _values(folder: Path, place: HubPlace) -> Iterator[dict[str, Any]]:
    """Yield the columns of each row, read from the folder alone."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            foreign_faults(f"cannot read {place.name}", DataError, hint="check config and split in [data]")
        )
        cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="auditor-"))
        datasets = stack.enter_context(_offline_datasets())
        where: dict[str, Any] = {"path": str(folder), "name": place.config or None, "cache_dir": cache}
        builder = datasets.load_dataset_builder(**where)
        _check_builder(builder, folder, place)
        if builder.info.builder_name == "csv":  # else a text such as NA is none, and 1 beside an empty cell 1.0
            builder = datasets.load_dataset_builder(**where, keep_default_na=False)
        builder.download_and_prepare()
        yield from builder.as_dataset(split=place.split)


@contextlib.contextmanager
def _offline_datasets() -> Iterator[Any]:
    """Give the library `datasets`, silent, and barred from the network meanwhile."""
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    was = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = True
    try:
        yield datasets
    finally:
        datasets.config.HF_HUB_OFFLINE = was


def _check_builder(builder: Any, folder: Path, place: HubPlace) -> None:
    """Raise unless tables are read, and these from the folder."""
    kind = builder.info.builder_name
    if kind not in _FORMATS:
        raise DataError(f"{place.name} is read as {kind}, not as a table", hint=f"known: {', '.join(_FORMATS)}")
    for files in (builder.config.data_files or {}).values():
        for file in map(str, files):
            if not Path(file).is_relative_to(folder):
                raise DataError(f"{place.name} lies in {file}", hint="auditor reads no file from elsewhere")


def _as_text(values: Mapping[str, Json]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in values.items()}
