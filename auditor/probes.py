"""Probe packs: folders of data that say what to ask. They are read, checked and digested here, never executed.

A probe is a folder `<family>/<probe>/` with `probe.toml` (how to ask and score), `items.jsonl` (one sample a line),
`prompt.j2` (Jinja2, rendered in a sandbox; not for `pairs`) and `README.md`.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, cast

from msgspec import Struct

from auditor import registry, resources, schema
from auditor.errors import PackError, UsageError, list_faults, nearest
from auditor.types import FAMILIES, Family, Json, Sample, Sampling

MOST_LETTERS = 26


class Ask(Struct, frozen=True, kw_only=True):
    """How a sample becomes requests; see `requests.py`."""

    kind: Literal["pairs", "choice", "generation"]
    texts: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    choices_from: tuple[str, ...] = ()
    letters: bool = False
    rotate: bool = False
    variants: tuple[str, ...] = ("",)
    chat: bool = False
    samples_per_prompt: int = 1
    max_new_tokens: int = 0
    min_new_tokens: int = 1
    temperature: float = 1.0
    top_p: float = 1.0

    @property
    def sampling(self) -> Sampling:
        """Return how a completion is drawn."""
        return Sampling(
            max_new_tokens=self.max_new_tokens,
            min_new_tokens=self.min_new_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
        )


class Scoring(Struct, frozen=True, kw_only=True):
    """How a sample is scored, and how samples hang together: `cluster_by` and `slice_by` name fields of the items.

    `metric` and `ideal` name what a generic scorer measures here.
    """

    scorer: str
    cluster_by: str = ""
    slice_by: tuple[str, ...] = ()
    metric: str = ""
    ideal: float | None = None


class Probe(Struct, frozen=True, kw_only=True):
    """One measurement: what it is of, how it is asked, how it is scored, and its samples.

    `digest` is the sha256 over `probe.toml`, `prompt.j2` and `items.jsonl`.
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
    samples: tuple[Sample, ...]
    digest: str


def shipped() -> Path:
    """Return the folder of the probes that come with auditor."""
    return resources.root() / "probes"


def find(packs: Sequence[Path] = ()) -> dict[str, Path]:
    """Return every probe's folder by id (`family/probe`), shipped ones and those of the packs given.

    Raises:
        PackError: a pack holds no probe, or two packs hold the same id.
    """
    found: dict[str, Path] = {}
    for pack in (shipped(), *packs):
        for probe_id, folder in find_in(pack).items():
            if probe_id in found:
                raise PackError(f"probe {probe_id} is in {found[probe_id]} and in {folder}", hint="rename one")
            found[probe_id] = folder
    return found


def find_in(pack: Path) -> dict[str, Path]:
    """Return the folders of one pack's probes by id.

    Raises:
        PackError: the pack holds no probe.
    """
    try:
        folders = sorted(path.parent for path in pack.glob("*/*/probe.toml"))
    except OSError as fault:
        raise PackError(f"cannot read the pack {pack}: {fault.strerror}", hint="check the path") from fault
    if not folders:
        raise PackError(f"no probe in {pack}", hint="a pack holds folders FAMILY/PROBE/ with a probe.toml")
    return {f"{folder.parent.name}/{folder.name}": folder for folder in folders}


def select(patterns: str, packs: Sequence[Path] = ()) -> list[str]:
    """Return the ids that comma-separated ids, families or globs name, sorted; empty patterns name all.

    Raises:
        UsageError: a pattern names nothing.
    """
    known = find(packs)
    wanted = [pattern.strip().rstrip("/") for pattern in patterns.split(",") if pattern.strip()]
    if not wanted:
        return sorted(known)
    chosen: set[str] = set()
    for pattern in wanted:
        hits = [name for name in known if fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}/")]
        if not hits:
            raise UsageError(f"no probe is named {pattern!r}", hint=nearest(pattern, [*known, *FAMILIES]))
        chosen.update(hits)
    return sorted(chosen)


def load_all(ids: Iterable[str], packs: Sequence[Path] = ()) -> list[Probe]:
    """Return the probes of these ids, each checked whole."""
    folders = find(packs)
    return [load(folders[name]) for name in ids]


def load(folder: Path) -> Probe:
    """Return the probe in a folder.

    Raises:
        PackError: with every fault of the folder, each with file and place. Where probe.toml is at fault, nobody can
            tell what an item needs, so of the items only those are named that are no JSON objects.
    """
    probe_id, family = f"{folder.parent.name}/{folder.name}", folder.parent.name
    config = schema.read_toml(folder / "probe.toml", PackError)
    faults = [f"probe.toml: {fault}" for fault in schema.faults_against(config, schema.load_schema("probe"))]
    sound = not faults
    if family not in FAMILIES:
        faults.append(f"the folder {family!r} is not a family ({nearest(family, FAMILIES)})")
    items, item_faults = _read_items(folder / "items.jsonl")
    faults += item_faults
    if not sound:
        raise _pack_error(probe_id, folder, faults)
    ask = schema.convert(config["ask"], Ask, where=f"{folder / 'probe.toml'} [ask]", error=PackError)
    scoring = schema.convert(config["score"], Scoring, where=f"{folder / 'probe.toml'} [score]", error=PackError)
    template, template_faults = _read_template(folder / "prompt.j2", ask)
    faults += [*template_faults, *_faults_in(items, ask, scoring)]
    if faults:
        raise _pack_error(probe_id, folder, faults)
    return Probe(
        id=probe_id,
        family=cast(Family, family),
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
        samples=tuple(_sample(item, scoring) for _, item in items),
        digest=schema.digest_of([config, template, [item for _, item in items]]),
    )


def _pack_error(probe_id: str, folder: Path, faults: Sequence[str]) -> PackError:
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return PackError(
        f"probe {probe_id} in {folder} has {count}:\n{list_faults(faults)}", hint="correct the places named"
    )


def _read_items(path: Path) -> tuple[list[tuple[int, dict[str, Json]]], list[str]]:
    """Return the items with the numbers of their lines, and a fault for each line that is no item."""
    items: list[tuple[int, dict[str, Json]]] = []
    faults: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except OSError as fault:
        return [], [f"items.jsonl: {fault.strerror}"]
    except UnicodeDecodeError as fault:
        return [], [f"items.jsonl: not UTF-8: byte {fault.start}"]
    if lines == [""]:
        return [], ["items.jsonl: holds no item"]
    for number, line in enumerate(lines, start=1):
        try:
            item = json.loads(line, parse_constant=_refuse_constant)
            schema.canonical_json(item).encode()
        except (ValueError, RecursionError) as fault:
            faults.append(f"items.jsonl:{number}: not JSON: {fault}")
            continue
        if isinstance(item, dict):
            items.append((number, item))
        else:
            faults.append(f"items.jsonl:{number}: expected an object, got {type(item).__name__}")
    return items, faults


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _read_template(path: Path, ask: Ask) -> tuple[str, list[str]]:
    from jinja2 import TemplateSyntaxError

    if ask.kind == "pairs":
        return "", []
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
        sandbox().compile(text)
    except OSError as fault:
        return "", [f"prompt.j2: {fault.strerror}"]
    except UnicodeDecodeError as fault:
        return "", [f"prompt.j2: not UTF-8: byte {fault.start}"]
    except TemplateSyntaxError as fault:
        return "", [f"prompt.j2:{fault.lineno}: {fault.message}"]
    return text, []


def _faults_in(items: Sequence[tuple[int, dict[str, Json]]], ask: Ask, scoring: Scoring) -> list[str]:
    """Return what is wrong with the choice of scorer, and with the items for that scorer."""
    scorer, faults = _scorer_of(scoring, ask)
    first: dict[str, int] = {}
    for number, item in items:
        faults += [f"items.jsonl:{number}: {fault}" for fault in _item_faults(item, ask, scoring, scorer)]
        name = item.get("id")
        if isinstance(name, str) and first.setdefault(name, number) != number:
            faults.append(f"items.jsonl:{number}: the id {name!r} stands in line {first[name]} already")
    return faults


def sandbox() -> Json:
    """Return the Jinja2 environment in which packs' templates render: sandboxed, and strict about holes."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    del environment.globals["lipsum"], environment.filters["random"]  # they draw from the global random generator
    return environment


def _scorer_of(scoring: Scoring, ask: Ask) -> tuple[Json, list[str]]:
    """Return the scorer's class, None when there is none, and what is wrong with the choice of scorer."""
    try:
        scorer = registry.load("scorers", scoring.scorer)
    except UsageError as fault:
        return None, [f"probe.toml: $.score.scorer: {fault.message} ({fault.hint})"]
    if not all(hasattr(scorer, name) for name in ("kind", "needs", "item_faults")):
        return None, [f"probe.toml: $.score.scorer: {scoring.scorer} is not a Scorer"]
    faults = []
    if ask.kind != scorer.kind:
        faults.append(f"probe.toml: $.score.scorer: {scoring.scorer} scores {scorer.kind}, the probe asks {ask.kind}")
    elif ask.kind == "pairs" and scorer.n_texts and len(ask.texts) != scorer.n_texts:
        faults.append(f"probe.toml: $.ask.texts: {scoring.scorer} compares {scorer.n_texts}, got {len(ask.texts)}")
    elif scorer.one_question and (ask.rotate or len(ask.variants) > 1):
        faults.append(f"probe.toml: $.ask: {scoring.scorer} reads one answer a sample, without rotate and variants")
    for name in ("variants", "choices_from"):
        wanted = getattr(scorer, name)
        if ask.kind == scorer.kind and wanted and getattr(ask, name) != wanted:
            faults.append(
                f"probe.toml: $.ask.{name}: {scoring.scorer} needs {list(wanted)}, got {list(getattr(ask, name))}"
            )
    if scorer.generic and (not scoring.metric or scoring.ideal is None):
        faults.append(f"probe.toml: $.score: {scoring.scorer} needs the keys metric and ideal")
    return scorer, faults


def _item_faults(item: dict[str, Json], ask: Ask, scoring: Scoring, scorer: Json) -> list[str]:
    faults = []
    texts = [name for name in ("id", scoring.cluster_by, *scoring.slice_by, *ask.texts) if name]
    for name in dict.fromkeys(texts):
        if not isinstance(item.get(name), str) or not item[name].strip():
            faults.append(f"$.{name}: expected a non-empty text, got {item.get(name)!r}")
    options: list[Json] = []
    for name in ask.choices_from:
        value = item.get(name)
        listed = value if isinstance(value, list) else [value]
        options += listed
        if not listed or not all(isinstance(choice, str) and choice.strip() for choice in listed):
            faults.append(f"$.{name}: expected a text or a list of texts, got {value!r}")
    if ask.choices_from and len(options) < 2:
        faults.append(f"$: expected at least two options, got {len(options)}")
    if ask.letters and len(options) > MOST_LETTERS:
        faults.append(f"$: there are letters for {MOST_LETTERS} options, got {len(options)}")
    if scorer is None:
        return faults
    for name, kind in scorer.needs.items():
        if type(item.get(name)) is not kind:
            faults.append(f"$.{name}: the scorer needs {kind.__name__}, got {item.get(name)!r}")
    return faults or scorer.item_faults(item, len(options) or len(ask.choices))


def _sample(item: dict[str, Json], scoring: Scoring) -> Sample:
    return Sample(
        id=item["id"],
        cluster=item[scoring.cluster_by] if scoring.cluster_by else item["id"],
        slices={name: item[name] for name in scoring.slice_by},
        fields=item,
    )
