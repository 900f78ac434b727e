"""Probe packs: folders of data that say what to ask. They are read, checked and digested here, never executed.

A probe is a folder `<family>/<probe>/` with `probe.toml` (how to ask and score), `items.jsonl` (one sample a line),
`prompt.j2` (Jinja2, rendered in a sandbox; for `pairs` only with `context`) and `README.md`. A benchmark has a table
`[data]` in place of `items.jsonl`: its items are read from files that the user has, and it may have several parts.
"""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar, cast

from msgspec import Struct
from msgspec.structs import asdict, replace

from auditor import items, resources, schema
from auditor.definition import Ask, Data, of_part, table
from auditor.errors import DataError, PackError, UsageError, counted, list_faults, nearest
from auditor.hubdata import HubAccess, HubPlace
from auditor.items import Item
from auditor.prompts import read_template
from auditor.rows import Rows
from auditor.types import FAMILIES, Family, FileDigest, Json, Sample, Scoring

T = TypeVar("T")


class Probe(Struct, frozen=True, kw_only=True):
    """One measurement: what it is of, how it is asked, how it is scored, and its samples.

    `digest` is the sha256 over `probe.toml`, `prompt.j2` and the items. `files` are those that a benchmark's items were
    read from, named relative to the data folder, or the rows on the Hub; `pinned` says that their version was checked.
    """

    id: str
    family: Family
    version: str
    title: str
    construct: str
    languages: tuple[str, ...]
    license: str
    source: str
    content_notice: str
    ask: Ask
    scoring: Scoring
    template: str
    samples: Rows[Sample]
    digest: str
    data: Data | None = None
    files: tuple[FileDigest, ...] = ()
    pinned: bool = True

    @property
    def n_items(self) -> int:
        """Return how many samples it has; 0 where they were not read and nobody says."""
        return len(self.samples) or (self.data.n_items * self.ask.n_wordings if self.data else 0)


def shipped() -> Path:
    """Return the folder of the probes that come with auditor."""
    return resources.root() / "probes"


class Place(Struct, frozen=True, kw_only=True):
    """Where a probe is: its folder, and the part of it where it has parts; and what probe.toml says of it, unchecked.

    `external` items come from files that the user has; where these are not `pinned`, the user alone knows whether they
    are there. Those of `hub` can be read from the Hub. `masked` probes are for masked models.
    """

    folder: Path
    part: str
    external: bool
    hub: bool
    pinned: bool
    masked: bool
    scorer: str
    metric: str
    gap_by: tuple[str, ...]


def find(packs: Sequence[Path] = ()) -> dict[str, Place]:
    """Return the place of every probe by id (`family/probe` or `family/probe/part`), shipped ones and the packs'.

    Raises:
        PackError: a pack holds no probe, or two packs hold the same id.
    """
    found: dict[str, Place] = {}
    for pack in (shipped(), *packs):
        for probe_id, place in find_in(pack).items():
            if probe_id in found:
                raise PackError(
                    f"probe {probe_id} is in {found[probe_id].folder} and in {place.folder}", hint="rename one"
                )
            found[probe_id] = place
    return found


def find_in(pack: Path) -> dict[str, Place]:
    """Return the places of one pack's probes by id.

    Raises:
        PackError: the pack holds no probe.
    """
    try:
        folders = sorted(path.parent for path in pack.glob("*/*/probe.toml"))
    except OSError as fault:
        raise PackError(f"cannot read the pack {pack}: {fault.strerror}", hint="check the path") from fault
    if not folders:
        raise PackError(f"no probe in {pack}", hint="a pack holds folders FAMILY/PROBE/ with a probe.toml")
    return {name: place for folder in folders for name, place in _places(folder)}


def _places(folder: Path) -> Iterator[tuple[str, Place]]:
    config: dict[str, Json] = {}
    with contextlib.suppress(PackError):  # loading the probe tells what is wrong with its file
        config = schema.read_toml(folder / "probe.toml", PackError)
    for part in table(table(config, "data"), "parts") or [""]:
        own = of_part(config, part)
        place = Place(
            folder=folder,
            part=part,
            external="data" in config,
            hub=bool(table(own, "data").get("hub")),
            pinned=_is_pinned(table(own, "data")),
            masked=table(own, "ask").get("masked") is True,
            scorer=str(table(own, "score").get("scorer", "")),
            metric=str(table(own, "score").get("metric", "")),
            gap_by=tuple(map(str, table(own, "score").get("gap_by", []))),
        )
        yield f"{folder.parent.name}/{folder.name}/{part}".rstrip("/"), place


def select(patterns: str, packs: Sequence[Path] = (), *, external: bool = False, hub: bool = False) -> list[str]:
    """Return the ids that comma-separated ids, families or globs name, sorted; empty patterns name all.

    Probes whose items come from outside are among them where `external` is set, or `hub` and the Hub has them, or where
    a pattern fits no other;
    those for masked models, and those of files without a known digest, only where it fits no other.

    Raises:
        UsageError: a pattern names nothing.
    """
    known = find(packs)
    wanted = [pattern.strip().rstrip("/") for pattern in patterns.split(",") if pattern.strip()]
    if patterns and not wanted:
        raise UsageError(f"--probes {patterns!r} names nothing", hint=nearest_to("", known))
    chosen: set[str] = set()
    for pattern in wanted or ["*"]:
        hits = [name for name in known if fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}/")]
        if not hits:
            raise UsageError(f"no probe is named {pattern!r}", hint=nearest_to(pattern, known))
        here = [name for name in hits if external or not known[name].external or (hub and known[name].hub)]
        hits = here or hits
        chosen.update([name for name in hits if known[name].pinned and not known[name].masked] or hits)
    return sorted(chosen)


def nearest_to(name: str, known: Iterable[str]) -> str:
    """Return a hint naming the probe or family nearest to a name, where one is near, and the families."""
    ids = sorted(known)
    last = name.rpartition("/")[2]
    near = difflib.get_close_matches(name, [*FAMILIES, *ids], n=1)
    near += [one for one in ids if difflib.get_close_matches(last, one.split("/"), cutoff=0.8)]
    first = f"did you mean {near[0]}? " if near else ""
    return f"{first}families: {', '.join(FAMILIES)}; `auditor probes list` names the probes"


def not_asked(
    chosen: Sequence[str], packs: Sequence[Path] = (), *, external: bool = False, hub: bool = False
) -> dict[str, str]:
    """Return, for every other probe than those chosen, why it is not asked; the options are those of `select`."""
    found = {}
    for name, place in sorted(find(packs).items()):
        if name in chosen:
            continue
        if place.external and not (external or (hub and place.hub)):
            found[name] = "its data files were not given (--data-dir)"
        elif place.masked:
            found[name] = "it can only be asked of a masked language model"
        else:
            found[name] = "it was not among the probes chosen (--probes)"
    return found


def load_all(
    ids: Iterable[str], packs: Sequence[Path] = (), *, data_dir: Path | None = None, hub: HubAccess | None = None
) -> list[Probe]:
    """Return the probes of these ids, each checked whole."""
    places = find(packs)
    return [load(places[name].folder, places[name].part, data_dir=data_dir, hub=hub) for name in ids]


def load(
    folder: Path,
    part: str = "",
    *,
    data_dir: Path | None = None,
    hub: HubAccess | None = None,
    with_items: bool = True,
) -> Probe:
    """Return the probe in a folder. Without items, its digest is moot.

    A benchmark's items are read from the Hub where that is allowed and the probe names a place there, else from
    `data_dir`.

    Raises:
        PackError: with every fault of the folder, each with file and place. Where probe.toml is at fault, nobody can
            tell what an item needs, so of the items only those are named that are no JSON objects.
        DataError: a benchmark's files are missing, damaged or of another version.
        OfflineError: the items are on the Hub, and nothing may be downloaded.
        UsageError: a benchmark's items are wanted, and it is not said where they are.
    """
    probe_id = f"{folder.parent.name}/{folder.name}/{part}".rstrip("/")
    config, found, faults = _read(probe_id, folder, part)
    ask, scoring, data = _parsed(config, folder, hub.places.get(probe_id) if hub else None)
    template, template_faults = read_template(folder / "prompt.j2", ask)
    faults += [*(_place_faults(data) if data else ()), *template_faults, *items.faults_of_orders(ask)]
    faults += items.faults_of_scorer(ask, scoring)
    faults += [] if data else items.faults_in(found, ask, scoring)
    if faults:
        raise _pack_error(probe_id, folder, faults)
    files: tuple[FileDigest, ...] = ()
    source = hub if data and data.hub and hub else None
    if data and with_items:
        place = source or _data_dir(data_dir, probe_id, data)
        found, files = items.read_data(data, ask, scoring, place, owner=f"probe {probe_id}")
    return Probe(
        id=probe_id,
        family=cast(Family, folder.parent.name),
        version=config["version"],
        title=config["title"],
        construct=config["construct"].strip(),
        languages=tuple(config["languages"]),
        license=config["license"],
        source=config["source"].strip(),
        content_notice=config.get("content_notice", ""),
        ask=ask,
        scoring=scoring,
        template=template,
        samples=Rows(Sample, (sample for item in found for sample in items.samples_of(item, ask, scoring))),
        digest=_digest(config, template, found),
        data=data,
        files=files,
        pinned=data is None or (bool(data.rows_sha256) if source else data.pinned),
    )


def _converted(config: dict[str, Json], key: str, kind: type[T], folder: Path) -> T:
    where, hint = str(folder / "probe.toml"), "correct the place named"
    return schema.convert(config[key], kind, where=where, error=PackError, at=f"$.{key}", hint=hint)


def _read(probe_id: str, folder: Path, part: str) -> tuple[dict[str, Json], Rows[Item], list[str]]:
    """Return what probe.toml says of a part, the items that lie beside it, and what is wrong with the rest.

    Raises:
        PackError: probe.toml breaks its schema; with all faults of the folder that can be told then.
    """
    config = schema.read_toml(folder / "probe.toml", PackError)
    broken = [f"probe.toml: {fault}" for fault in schema.faults_against(config, schema.load_schema("probe"))]
    family, external = folder.parent.name, "data" in config
    faults = []
    if family not in FAMILIES:
        faults.append(f"the folder {family!r} is not a family ({nearest(family, FAMILIES)})")
    found, item_faults = (Rows(Item), []) if external else items.read_own(folder / items.OWN)
    faults += item_faults
    if external and schema.is_file(folder / items.OWN):
        faults.append(f"probe.toml: $.data: the items are in {items.OWN} already")
    if broken:
        raise _pack_error(probe_id, folder, [*broken, *faults])
    return of_part(config, part), found, faults


def _parsed(config: dict[str, Json], folder: Path, given: HubPlace | None) -> tuple[Ask, Scoring, Data | None]:
    """Return how a probe is asked and scored, and where its items are; the user can have named another place."""
    ask, scoring = _converted(config, "ask", Ask, folder), _converted(config, "score", Scoring, folder)
    data = _converted(config, "data", Data, folder) if "data" in config else None
    if data and given and given != data.place:
        data = replace(data, **asdict(given), rows_sha256="")
    return ask, scoring, data


def _digest(config: dict[str, Json], template: str, found: Iterable[Item]) -> str:
    """Return the sha256 of the canonical JSON of a list of the three."""
    head = schema.canonical_json([config, template])[:-1]
    return schema.digest_texts(chain([head, ","], schema.list_texts(item.fields for item in found), ["]"]))


def _place_faults(data: Data) -> list[str]:
    """Return what is wrong with where a benchmark's rows are, all parts considered."""
    if not data.hub:
        return [] if data.files else ["probe.toml: $.data: names neither files nor a dataset (hub)"]
    lacking = [key for key in ("revision", "split") if not getattr(data, key)]
    return [f"probe.toml: $.data.{key}: is needed with hub" for key in lacking]


def _is_pinned(data: dict[str, Json]) -> bool:
    files = data.get("files", [])
    return isinstance(files, list) and all(
        isinstance(file, dict) and (file.get("sha256") or file.get("git_blob")) for file in files
    )


def _data_dir(folder: Path | None, probe_id: str, data: Data) -> Path:
    if not data.files:
        raise UsageError(f"probe {probe_id} reads its items from the Hub ({data.hub})", hint="allow it with --data-hub")
    if folder is None:
        raise UsageError(
            f"probe {probe_id} reads its items from files that do not come with auditor",
            hint="give --data-dir DIR, or --data-hub to read them from the Hub" if data.hub else "give --data-dir DIR",
        )
    if not folder.is_dir():
        raise DataError(f"the data folder {folder} does not exist", hint="check --data-dir")
    return folder


def _pack_error(probe_id: str, folder: Path, faults: Sequence[str]) -> PackError:
    count = counted(len(faults), "fault")
    return PackError(
        f"probe {probe_id} in {folder} has {count}:\n{list_faults(faults)}", hint="correct the places named"
    )
