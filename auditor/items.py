"""A probe's items: read from its own file or a benchmark's, and checked for its scorer before anything is asked."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from operator import itemgetter
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from auditor import datafiles, mapping, registry, schema
from auditor.definition import Ask, Data
from auditor.errors import DataError, UsageError
from auditor.hubdata import HubAccess, read_hub
from auditor.rows import Rows
from auditor.types import OPTION_ORDER, PHRASING, FileDigest, Json, Sample, Scoring

MOST_LETTERS = 26
OWN = "items.jsonl"


class Item(Struct, frozen=True, kw_only=True):
    """An item's fields, and the place that a fault of it is told by."""

    where: str
    fields: dict[str, Json]


def read_own(path: Path) -> tuple[Rows[Item], list[str]]:
    """Return the items of a probe's own file, and a fault for each line that is no item."""
    items = Rows(Item)
    faults: list[str] = []
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                _add_own(items, faults, number, line.removesuffix("\n"))
    except OSError as fault:
        return Rows(Item), [f"items.jsonl: {fault.strerror}"]
    except UnicodeDecodeError:
        return Rows(Item), [f"items.jsonl: not UTF-8: byte {_first_wrong_byte(path)}"]
    return items, faults if items or faults else ["items.jsonl: holds no item"]


def _add_own(items: Rows[Item], faults: list[str], number: int, line: str) -> None:
    try:
        item = schema.strict_json(line)
    except (ValueError, RecursionError) as fault:
        faults.append(f"items.jsonl:{number}: not JSON: {fault}")
        return
    if isinstance(item, dict):
        items.add(Item(where=f"{OWN}:{number}", fields=item))
    else:
        faults.append(f"items.jsonl:{number}: expected an object, got {type(item).__name__}")


def _first_wrong_byte(path: Path) -> int:
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError as fault:
        return fault.start
    return 0


class Table(Struct, frozen=True, kw_only=True):
    """Rows from one place: what it is called to the user, the digest that it has, and the version that it should be."""

    name: str
    rows: list[datafiles.Row]
    digest: FileDigest
    version: datafiles.DataFile
    prefix: str = ""


def read_data(
    data: Data, ask: Ask, scoring: Scoring, source: Path | HubAccess, *, owner: str
) -> tuple[Rows[Item], tuple[FileDigest, ...]]:
    """Return the items that a benchmark's files hold, each fit to be asked and scored, and the files' digests.

    `source` is the folder of the files, or that the rows may be read from the Hub.

    Raises:
        DataError: a file is missing, damaged or of another version, or a row of it is no item.
        OfflineError: the rows are on the Hub, and nothing may be downloaded.
    """
    folder = source if isinstance(source, Path) else "the Hub"
    found = _from_files(data, source, owner=owner) if isinstance(source, Path) else [_from_hub(data, source)]
    items = Rows(Item)
    faults: list[str] = []
    separator = ""
    for table in found:
        missing = mapping.missing_columns(table.rows[0], mapping.columns_of(data.fields, data.where))
        for item in [] if missing else _items_in(table.rows, data, table.prefix, faults):
            items.add(item)
        if missing:
            separator = separator or datafiles.other_separator(table.rows[0].values)
        faults += missing
    faults += faults_in(items, ask, scoring)
    if faults:
        raise datafiles.data_error(f"the data of {owner} in {folder}", faults, separator=separator)
    for table in found:
        datafiles.check_digest(table.name, table.version, table.digest, owner=owner, origin=data.origin)
    if not items or data.n_items not in {0, len(items)}:
        expected = f"expected {data.n_items}" if data.n_items else "expected at least one"
        raise DataError(f"{owner}: {expected} items in {folder}, got {len(items)}", hint="see [data] in its probe.toml")
    return items, tuple(table.digest for table in found)


def _from_files(data: Data, folder: Path, *, owner: str) -> list[Table]:
    found = [datafiles.find(folder, file, owner=owner, origin=data.origin) for file in data.files]
    return [
        Table(
            name=str(path),
            rows=datafiles.read(path, data.layout),
            digest=digest,
            version=file,
            prefix=f"{Path(file.path).stem}-" if len(data.files) > 1 else "",
        )
        for file, (path, digest) in zip(data.files, found, strict=True)
    ]


def _from_hub(data: Data, access: HubAccess) -> Table:
    place = data.place
    if place is None:
        raise UsageError("the probe names no place on the Hub", hint="give --data-dir")
    rows, digest = read_hub(place, offline=access.offline, as_text=data.format in datafiles.SEPARATORS)
    version = datafiles.DataFile(path=place.name, sha256=data.rows_sha256)
    return Table(name=place.name, rows=rows, digest=digest, version=version)


def _items_in(rows: Sequence[datafiles.Row], data: Data, prefix: str, faults: list[str]) -> Iterator[Item]:
    """Yield the items of a file, and add to `faults` what is wrong with its rows."""
    texts = {f"#{name}": text for name, text in data.texts.items()}
    for bare in rows:
        row = replace(bare, values={**bare.values, **texts}) if texts else bare
        try:
            kept = mapping.keeps(row, data.where, data.elsewhere)
        except mapping.HoleError as fault:
            faults.append(f"{row.where}: {fault}")
            continue
        item, wrong = mapping.item_of(row, data.fields, name=f"{prefix}{row.number}") if kept else ({}, [])
        if kept and item.get("id") not in data.leave_out:
            faults += wrong
            yield Item(where=row.where, fields={**data.texts, **item})


def samples_of(item: Item, ask: Ask, scoring: Scoring) -> Iterator[Sample]:
    """Yield the item as a sample, in each phrasing and each order of its options; those of one item are one cluster."""
    fields = item.fields
    cluster = fields[scoring.cluster_by] if scoring.cluster_by else fields["id"]
    slices = {name: fields[name] for name in scoring.slice_by}
    phrasings = [{PHRASING: name} for name in ask.phrasings] or [{}]
    orders = [{OPTION_ORDER: "-".join(map(str, order))} for order in ask.orders] or [{}]
    for phrasing, order in product(phrasings, orders):
        wording = phrasing | order
        name = "#".join([fields["id"], *wording.values()])
        yield Sample(id=name, cluster=cluster, slices=slices | wording, fields=fields | wording)


def faults_of_orders(ask: Ask) -> list[str]:
    """Return what is wrong with the orders of options that a probe lists, whatever its items are."""
    faults = []
    if ask.orders and ask.rotate:
        faults.append("probe.toml: $.ask.rotate: asks every rotation in one sample; take it or orders, not both")
    expected = len(ask.choices) or (len(ask.orders[0]) if ask.orders else 0)
    known = "choices" if ask.choices else "the first order"
    for place, order in enumerate(ask.orders):
        at, told = f"probe.toml: $.ask.orders[{place}]", list(order)
        if len(order) != expected:
            faults.append(f"{at}: expected {expected} options, as {known} has, got {len(order)}: {told}")
        elif sorted(order) != list(range(expected)):
            faults.append(f"{at}: expected each option from 0 to {expected - 1} once, got {told}")
        elif order in ask.orders[:place]:
            faults.append(f"{at}: the order {told} stands in $.ask.orders[{ask.orders.index(order)}] already")
    return faults


def faults_of_scorer(ask: Ask, scoring: Scoring) -> list[str]:
    """Return what is wrong with the choice of scorer."""
    return _scorer_of(scoring, ask)[1]


def faults_in(items: Sequence[Item], ask: Ask, scoring: Scoring) -> list[str]:
    """Return what is wrong with the items, for a scorer that fits the questions."""
    scorer, _ = _scorer_of(scoring, ask)
    faults: list[tuple[int, str]] = []
    hashes = array("q")
    for place, item in enumerate(items):
        name = item.fields.get("id")
        hashes.append(hash(name) if isinstance(name, str) else 0)
        faults += [(place, f"{item.where}: {fault}") for fault in _item_faults(item.fields, ask, scoring, scorer)]
    faults += _taken_ids(items, hashes)
    return [fault for _, fault in sorted(faults, key=itemgetter(0))]


def _taken_ids(items: Sequence[Item], hashes: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield the place of each item whose id stands before, and that fault; only ids of like hash are looked at."""
    ordered = sorted(range(len(hashes)), key=hashes.__getitem__)
    alike = {place for pair in pairwise(ordered) if hashes[pair[0]] == hashes[pair[1]] for place in pair}
    first: dict[str, str] = {}
    for place in sorted(alike):
        item = items[place]
        name = item.fields.get("id")
        if isinstance(name, str) and first.setdefault(name, item.where) != item.where:
            yield place, f"{item.where}: the id {name!r} stands in {first[name]} already"


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
    apart = [name for name in scoring.gap_by if name not in scoring.slice_by]
    if apart:
        faults.append(f"probe.toml: $.score.gap_by: {apart[0]} is not in slice_by")
    if scorer.generic and (not scoring.metric or scoring.ideal is None):
        faults.append(f"probe.toml: $.score: {scoring.scorer} needs the keys metric and ideal")
    return scorer, faults


def _item_faults(item: dict[str, Json], ask: Ask, scoring: Scoring, scorer: Json) -> list[str]:
    faults = []
    texts = [name for name in ("id", scoring.cluster_by, *scoring.slice_by, *ask.texts) if name]
    for name in dict.fromkeys(texts):
        if not isinstance(item.get(name), str) or not item[name].strip():
            faults.append(f"$.{name}: expected a non-empty text, got {item.get(name)!r}")
    for name, several in ((PHRASING, ask.phrasings), (OPTION_ORDER, ask.orders)):
        if several and name in item:
            faults.append(f"$.{name}: the name is taken, since the probe has several")
    options: list[Json] = []
    for name in ask.choices_from:
        value = item.get(name)
        listed = value if isinstance(value, list) else [value]
        options += listed
        if not listed or not all(isinstance(choice, str) and choice.strip() for choice in listed):
            faults.append(f"$.{name}: expected a text or a list of texts, got {value!r}")
    if ask.choices_from and len(options) < 2:
        faults.append(f"$: expected at least two options, got {len(options)}")
    if ask.orders and options and len(options) != len(ask.orders[0]):
        faults.append(f"$: the probe's orders are of {len(ask.orders[0])} options, got {len(options)}")
    if ask.letters and len(options) > MOST_LETTERS:
        faults.append(f"$: there are letters for {MOST_LETTERS} options, got {len(options)}")
    if scorer is None:
        return faults
    for name, kind in scorer.needs.items():
        if type(item.get(name)) is not kind:
            faults.append(f"$.{name}: the scorer needs {kind.__name__}, got {item.get(name)!r}")
    return faults or scorer.item_faults(item, len(options) or len(ask.choices))
