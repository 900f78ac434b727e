"""The self-test of verification: a copy of a record is altered in one place after the other, and each must be found.

A byte is altered as damage does it. A number is altered as somebody does who means it: the digests of the record are
mended, and the card and the verdicts are written anew from what was altered. Policies and weights are altered as
copies. What is never looked at is told too: a target without a single alteration is no success.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from auditor import commands, record, schema
from auditor import policies as shipped
from auditor.alterations import altered_at, draw, in_words, of_clocks, of_samples, reached, replaced_at, to_forge
from auditor.errors import AuditorError, ModelError, RecordError, UsageError, foreign_faults
from auditor.forging import add_up_anew, forge, mend, write_lines
from auditor.reask import model_checks
from auditor.scoring import scorers_of
from auditor.types import Json, Mutation, RunRecord, SelfTest, Verdicts
from auditor.verify import AtHand, verify

Verify = Callable[[Path, Sequence[str]], str]
_SEEN = ("metrics", "without")
_NUMBER = re.compile(r"(?<![\w.\"'-])\d+(?:\.\d+)?(?![\w.\"'-])")


def self_test(
    path: Path,
    *,
    at_hand: AtHand = AtHand(),  # noqa: B008 - immutable
    model: Path | None = None,
    places: int = 3,
    seed: int = 0,
) -> SelfTest:
    """Return what came of altering a record, its documents, its policies and its model's files. Nothing is downloaded.

    Args:
        path: the record's folder, which is left as it is.
        at_hand: what verification may use; the policies of its verdicts are by default those that verdict.json names.
        model: the model's folder, whose weights are altered as copies; without it they are not tested.
        places: how many places a file are altered, drawn by `seed`.

    Raises:
        RecordError: the record does not verify as it is, so that nothing could be told from the alterations.
    """
    folder = record.folder_of(path)
    record.check_ended(folder)
    if model is not None and not model.is_dir():
        raise ModelError(f"--model {model} is no folder", hint="give the folder of the model that was measured")
    rng = np.random.Generator(np.random.PCG64(seed))
    demands = commands.Demands(policies=tuple(at_hand.policies) or _judged_by(folder))
    offline = msgspec.structs.replace(at_hand, offline=True)

    def named(changed: Path, names: Sequence[str]) -> str:
        return _named(changed, msgspec.structs.replace(offline, policies=names))

    before = named(folder, demands.policies)
    if before:
        raise RecordError(f"the record differs already: {before}", hint="verify it, and mend what is named")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "record"
        shutil.copytree(folder, copy)
        found = [
            *_bytes(copy, named, demands, rng, places),
            *_numbers(copy, named, demands, rng, places),
            *_clocks(copy, named, demands),
            *_samples(copy, named, demands, rng, places),
            *_forged(copy, named, demands, rng, offline),
            *_policies(copy, named, demands, rng, places),
            *(_weights(folder, model, rng, places) if model else ()),
        ]
    return SelfTest(mutations=tuple(found))


def _judged_by(folder: Path) -> tuple[str, ...]:
    """Return the ids of the policies that the record's verdicts are by.

    Raises:
        RecordError: there is no verdict.
    """
    path = folder / commands.VERDICT_JSON
    hint = "give the folder that `auditor run` wrote"
    if not path.is_file():
        raise RecordError(f"there is no {path.name} in {folder}", hint=hint)
    with foreign_faults(f"{path} is no verdict", RecordError, hint=hint):
        content = schema.strict_json(path.read_text(encoding="utf-8"))
        reached = schema.convert(content, Verdicts, where=path.name, error=RecordError).verdicts
        known = shipped.find()
        return tuple(one.policy if one.policy in known else str(shipped.kept_in(folder, one.policy)) for one in reached)


def _named(folder: Path, at_hand: AtHand) -> str:
    """Return what verification names first in a folder, or nothing where it finds nothing."""
    given = [name for name in at_hand.policies if name not in shipped.find()]
    try:
        first = verify(folder, msgspec.structs.replace(at_hand, policies=given)).first_difference
    except UsageError:  # of what was given, not of what was altered
        raise
    except AuditorError as fault:
        return fault.message.replace(f"{folder}/", "")
    return f"{first.what}: {first.detail}".replace(f"{folder}/", "") if first else ""


def _bytes(
    copy: Path, named: Verify, demands: commands.Demands, rng: np.random.Generator, places: int
) -> Iterator[Mutation]:
    """Yield what comes of one changed bit in each file that a run writes."""
    for file in _written(copy):
        whole = file.read_bytes()
        for place in draw(rng, len(whole), places):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            name = file.relative_to(copy).as_posix()
            yield Mutation(target=name, kind="byte", change=f"byte {place}", named=named(copy, demands.policies))
        file.write_bytes(whole)


def _written(folder: Path) -> list[Path]:
    """Return the files that a run writes itself, not those that it was given."""
    given = {commands.PROVENANCE, commands.WAIVERS}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if path.name not in given and path.suffix != ".sig"]


def _numbers(
    copy: Path, named: Verify, demands: commands.Demands, rng: np.random.Generator, places: int
) -> Iterator[Mutation]:
    """Yield what comes of one changed number: in the card as it is, in the record with all else made anew."""
    kept = {path: path.read_bytes() for path in _written(copy)}
    for name in (commands.CARD_JSON, record.RECORD):
        content = json.loads(kept[copy / name])
        spots = list(_measured(content))
        for number in draw(rng, len(spots), places):
            text = schema.canonical_json(altered_at(content, spots[number]), indent=1) + "\n"
            (copy / name).write_text(text, encoding="utf-8")
            told = "" if name == commands.CARD_JSON else mend(copy, demands)
            change = f"number {in_words(spots[number])}{', digests mended' if name == record.RECORD else ''}"
            yield Mutation(target=name, kind="number", change=change, named=told or named(copy, demands.policies))
            _restore(kept)


def _clocks(copy: Path, named: Verify, demands: commands.Demands) -> Iterator[Mutation]:
    """Yield what comes of each clock and count of the run that cannot be, with sums, digests and documents anew."""
    kept = {path: path.read_bytes() for path in _written(copy)}
    content = json.loads(kept[copy / record.RECORD])
    for way, value in of_clocks(content["clocks"]):
        place = ("clocks", *way)
        text = schema.canonical_json(replaced_at(content, place, value), indent=1) + "\n"
        (copy / record.RECORD).write_text(text, encoding="utf-8")
        add_up_anew(copy)
        told = mend(copy, demands) or named(copy, demands.policies)
        change = f"{in_words(place)} made {value}, sums and digests mended"
        yield Mutation(target=record.RECORD, kind="clock", change=change, named=told)
        _restore(kept)


def _samples(
    copy: Path, named: Verify, demands: commands.Demands, rng: np.random.Generator, places: int
) -> Iterator[Mutation]:
    """Yield what comes of altered lines, scores, items and numbers of samples, with all digests and documents anew."""
    kept = {path: path.read_bytes() for path in _written(copy)}
    for file in sorted((copy / record.SAMPLES).glob("*.jsonl")):
        lines = [json.loads(line) for line in kept[file].decode().splitlines()]
        for one in of_samples(lines, rng, places):
            write_lines(file, one.lines)
            told = mend(copy, demands) or named(copy, demands.policies)
            target = file.relative_to(copy).as_posix()
            yield Mutation(target=target, kind=one.kind, change=f"{one.change}, digests mended", named=told)
            _restore(kept)


def _restore(kept: Mapping[Path, bytes]) -> None:
    for path, whole in kept.items():
        path.write_bytes(whole)


def _measured(content: Json) -> Iterator[tuple[str | int, ...]]:
    """Yield the way in a record or a card to each number that a metric has."""
    seen = content.get("contamination", {}).get("probes", [])
    lists: list[tuple[str | int, ...]] = [("probes", number, "metrics") for number in range(len(content["probes"]))]
    lists += [("contamination", "probes", number, key) for number in range(len(seen)) for key in _SEEN]
    for way in lists:
        for place, metric in enumerate(reached(content, way)):
            yield from ((*way, place, key) for key in ("value", "n", "n_unscored") if key in metric)
            yield from ((*way, place, "interval", key) for key in ("low", "high") if "interval" in metric)


def _forged(
    copy: Path, named: Verify, demands: commands.Demands, rng: np.random.Generator, at_hand: AtHand
) -> Iterator[Mutation]:
    """Yield what comes of a line left out, and of an item altered, where all that follows is computed anew."""
    kept = {path: path.read_bytes() for path in _written(copy)}
    found, _ = record.load_record(copy)
    scorers = scorers_of(found, at_hand.toxicity, offline=at_hand.offline, allow_pickle=at_hand.allow_pickle)
    for probe in found.probes:
        scorer, file = scorers[probe.id], copy / probe.samples_file.path
        if isinstance(scorer, str):
            continue
        lines = [json.loads(line) for line in kept[file].decode().splitlines()]
        for one in to_forge(lines, rng):
            write_lines(file, one.lines)
            try:
                forge(copy, demands, probe.id, scorer)
                told = named(copy, demands.policies)
            except AuditorError as fault:
                told = fault.message
            change = f"{one.change}, all that follows computed anew"
            yield Mutation(target=probe.samples_file.path, kind="forged", change=change, named=told)
            _restore(kept)


def _policies(
    copy: Path, named: Verify, demands: commands.Demands, rng: np.random.Generator, places: int
) -> Iterator[Mutation]:
    """Yield what comes of judging by a copy of each policy that was fixed before the run, with one number changed."""
    kept = {path: path.read_bytes() for path in _written(copy)}
    fixed = record.load_record(copy)[0].run.policies
    for name in demands.policies:
        source = shipped.find().get(name) or Path(name)
        for line, was, altered in _altered(
            source, copy.parent / "policies", rng, places if source.stem in fixed else 0
        ):
            names = tuple(str(altered) if one == name else one for one in demands.policies)
            audit = commands.review(copy, msgspec.structs.replace(demands, policies=names))
            for document, text in commands.documents(audit).items():
                (copy / document).write_text(text, encoding="utf-8")
            yield Mutation(
                target=source.name, kind="number", change=f"line {line}: {was}, judged anew", named=named(copy, names)
            )
            _restore(kept)


def _altered(source: Path, scratch: Path, rng: np.random.Generator, places: int) -> Iterator[tuple[int, str, Path]]:
    """Yield copies of a policy with one number changed that still is a policy: the line, the number and the file."""
    text = source.read_text(encoding="utf-8")
    spots = list(_NUMBER.finditer(text))
    kept = shipped.load(str(source))
    found = 0
    for number in rng.permutation(len(spots)):
        match = spots[int(number)]
        path = scratch / source.name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text[: match.start()] + _other(match.group()) + text[match.end() :], encoding="utf-8")
        for schema_file in source.parent.glob("schema/*.json"):
            (scratch / "schema").mkdir(exist_ok=True)
            shutil.copy(schema_file, scratch / "schema")
        if found < places and _differs(path, kept.digest):
            found += 1
            yield text.count("\n", 0, match.start()) + 1, match.group(), path


def _differs(path: Path, digest: str) -> bool:
    try:
        return shipped.load(str(path)).digest != digest
    except AuditorError:
        return False


def _other(number: str) -> str:
    """Return a number near another one, of the same kind.

    >>> _other("0.35"), _other("100")
    ('0.36', '101')
    """
    if "." not in number:
        return str(int(number) + 1)
    digits = len(number.partition(".")[2])
    return f"{float(number) + 10**-digits:.{digits}f}"


def _weights(folder: Path, model: Path, rng: np.random.Generator, places: int) -> Iterator[Mutation]:
    """Yield what comes of one changed bit in each of the model's files, the others being links to it."""
    found, _ = record.load_record(folder)
    for file in found.model.files:
        whole = (model / file.path).read_bytes() if (model / file.path).is_file() else b""
        for place in draw(rng, len(whole), places) if whole else []:
            with tempfile.TemporaryDirectory() as scratch:
                other = Path(scratch) / "model"
                shutil.copytree(model, other, copy_function=lambda one, two: Path(two).symlink_to(Path(one).resolve()))
                (other / file.path).unlink()
                (other / file.path).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
                yield Mutation(
                    target=f"model: {file.path}", kind="byte", change=f"byte {place}", named=_model_named(found, other)
                )


def _model_named(found: RunRecord, model: Path) -> str:
    try:
        checks = model_checks(found, str(model), offline=True)
    except AuditorError as fault:
        return fault.message
    return next((f"{one.what}: {one.detail}" for one in checks if one.outcome == "differs"), "")
