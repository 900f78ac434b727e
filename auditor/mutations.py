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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from auditor import commands, record, schema
from auditor import policies as shipped
from auditor.errors import AuditorError, ModelError, RecordError, foreign_faults
from auditor.reask import model_checks
from auditor.types import Json, Mutation, RunRecord, SelfTest, Verdicts
from auditor.verify import verify

Verify = Callable[[Path, Sequence[str]], str]
_SEEN = ("metrics", "without")
_NUMBER = re.compile(r"(?<![\w.\"'-])\d+(?:\.\d+)?(?![\w.\"'-])")


def self_test(
    path: Path,
    *,
    policies: Sequence[str] = (),
    model: Path | None = None,
    places: int = 3,
    seed: int = 0,
    toxicity: str = "",
) -> SelfTest:
    """Return what came of altering a record, its documents, its policies and its model's files. Nothing is downloaded.

    Args:
        path: the record's folder, which is left as it is.
        policies: the policies of its verdicts; default: those that verdict.json names.
        model: the model's folder, whose weights are altered as copies; without it they are not tested.
        places: how many places a file are altered, drawn by `seed`.
        toxicity: opens the record's classifier, as for `verify`.

    Raises:
        RecordError: the record does not verify as it is, so that nothing could be told from the alterations.
    """
    folder = record.folder_of(path)
    record.check_ended(folder)
    if model is not None and not model.is_dir():
        raise ModelError(f"--model {model} is no folder", hint="give the folder of the model that was measured")
    rng = np.random.Generator(np.random.PCG64(seed))
    demands = commands.Demands(policies=tuple(policies) or _judged_by(folder))

    def named(changed: Path, names: Sequence[str]) -> str:
        return _named(changed, names, toxicity)

    before = named(folder, demands.policies)
    if before:
        raise RecordError(f"the record differs already: {before}", hint="verify it, and mend what is named")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "record"
        shutil.copytree(folder, copy)
        found = [
            *_bytes(copy, named, demands, rng, places),
            *_numbers(copy, named, demands, rng, places),
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


def _named(folder: Path, names: Sequence[str], toxicity: str) -> str:
    """Return what verification names first in a folder, or nothing where it finds nothing."""
    given = [name for name in names if name not in shipped.find()]
    try:
        first = verify(folder, policies=given, offline=True, toxicity=toxicity).first_difference
    except AuditorError as fault:
        return fault.message.replace(f"{folder}/", "")
    return f"{first.what}: {first.detail}".replace(f"{folder}/", "") if first else ""


def _bytes(
    copy: Path, named: Verify, demands: commands.Demands, rng: np.random.Generator, places: int
) -> Iterator[Mutation]:
    """Yield what comes of one changed bit in each file that a run writes."""
    for file in _written(copy):
        whole = file.read_bytes()
        for place in _draw(rng, len(whole), places):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            name = file.relative_to(copy).as_posix()
            yield Mutation(target=name, kind="byte", change=f"byte {place}", named=named(copy, demands.policies))
        file.write_bytes(whole)


def _written(folder: Path) -> list[Path]:
    """Return the files that a run writes itself, not those that it was given."""
    given = {commands.PROVENANCE, commands.WAIVERS}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if path.name not in given and path.suffix != ".sig"]


def _draw(rng: np.random.Generator, count: int, places: int) -> list[int]:
    return sorted(int(number) for number in rng.choice(count, size=min(places, count), replace=False))


def _numbers(
    copy: Path, named: Verify, demands: commands.Demands, rng: np.random.Generator, places: int
) -> Iterator[Mutation]:
    """Yield what comes of one changed number: in the card as it is, else with all digests and documents made anew."""
    kept = {path: path.read_bytes() for path in _written(copy)}
    for file in [copy / commands.CARD_JSON, copy / record.RECORD, *sorted((copy / record.SAMPLES).glob("*.jsonl"))]:
        samples, card = file.suffix == ".jsonl", file.name == commands.CARD_JSON
        lines = [json.loads(line) for line in kept[file].decode().splitlines()] if samples else [json.loads(kept[file])]
        spots = [spot for line in lines for spot in (_said(line) if samples else _measured(line))]
        for number in _draw(rng, len(spots), places) if spots else []:
            holder, key, where = spots[number]
            was = holder[key]
            holder[key] = was + 1 if isinstance(was, int) else was + 0.01
            indent = None if samples else 1
            text = "".join(schema.canonical_json(line, indent=indent) + "\n" for line in lines)
            file.write_text(text, encoding="utf-8")
            told = ("" if card else _mend(copy, demands)) or named(copy, demands.policies)
            change = f"number {where}{'' if card else ', digests mended'}"
            yield Mutation(target=file.relative_to(copy).as_posix(), kind="number", change=change, named=told)
            holder[key] = was
            for path, whole in kept.items():
                path.write_bytes(whole)


def _measured(content: Json) -> Iterator[tuple[Json, str, str]]:
    """Yield the places in a record or a card of each number that a metric has."""
    seen = content.get("contamination", {}).get("probes", [])
    lists = [(f"probes[{number}].metrics", probe["metrics"]) for number, probe in enumerate(content["probes"])]
    lists += [(f"contamination.probes[{n}].{key}", probe[key]) for n, probe in enumerate(seen) for key in _SEEN]
    for name, metrics in lists:
        for place, metric in enumerate(metrics):
            where = f"{name}[{place}]"
            yield from ((metric, key, f"{where}.{key}") for key in ("value", "n", "n_unscored") if key in metric)
            yield from ((metric["interval"], key, f"{where}.{key}") for key in ("low", "high") if "interval" in metric)


def _said(row: Json) -> Iterator[tuple[Json, str, str]]:
    """Yield the places in a line of a samples file of each number that the model or the scorer gave."""
    if "value" in row["score"]:
        yield row["score"], "value", f"{row['id']}.score.value"
    for question in row["questions"]:
        for place, pair in enumerate(question["requests"]):
            keys = [key for key in ("nats", "n_tokens") if key in pair["output"]]
            yield from ((pair["output"], key, f"{row['id']}.requests[{place}].{key}") for key in keys)


def _mend(folder: Path, demands: commands.Demands) -> str:
    """Write digests, card and verdicts anew; return what the type of the record refuses, or nothing."""
    path = folder / record.RECORD
    content = json.loads(path.read_text(encoding="utf-8"))
    for probe in content["probes"]:
        name = probe["samples_file"]["path"]
        probe["samples_file"] = msgspec.to_builtins(schema.digest_file(folder / name, name=name))
    try:
        changed = schema.convert(content, RunRecord, where=record.RECORD, error=RecordError)
        record.save_record(folder, record.seal(changed))
        audit = commands.review(folder, demands)
    except AuditorError as fault:
        return fault.message
    for name, text in commands.documents(audit).items():
        (folder / name).write_text(text, encoding="utf-8")
    return ""


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
            for path, whole in kept.items():
                path.write_bytes(whole)


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
        for place in _draw(rng, len(whole), places) if whole else []:
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
