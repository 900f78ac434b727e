"""Whether two statements of one fact can both be true, and what they say where they cannot.

The comparison allows for what people write differently: the spelling of a licence, the order of a list, a count given
to fewer digits. It never decides which statement is right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from auditor import schema
from auditor.provenance.facts import name_of
from auditor.provenance.licences import can_be_one, to_spdx
from auditor.types import Fact, Json

_FREE = {  # what may well be said in two ways, in one's own words, or of another task
    "model.name",
    "model.library",
    "model.pipeline_tag",
    "model.family",
    "model.description",
    "distribution.license_link",
    "distribution.acceptable_use_policy",
    "distribution.gating",
    "use.required_software",
    "training.hardware",
    "compute.carbon_methodology",
    "compute.inference_flop",
    "compute.inference_method",
    "compute.inference_energy_wh",
    "compute.inference_seconds",
    "maintenance.last_updated",
}
_OF_EACH_FILE = {  # what each file says of itself
    "model.weights_format",
    "design.tokenizer",
    "design.chat_template",
    "design.quantisation",
    "design.number_formats",
    "design.special_tokens",
    "design.adapter",
    "files.license_file",
    "files.custom_code",
}
_MAY_SAY_MORE = {"training.datasets", "model.dependencies"}  # a person's list must hold what the files name
_JOINED = re.compile(r"[()]|\b(?:AND|OR)\b")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGITS = 2  # to which a count is compared at least; the Union's form asks for as many
_HEADERS = 0.01


def contradictions(
    declared: Mapping[str, Fact], derived: Mapping[str, Fact], others: Mapping[str, Sequence[Fact]]
) -> dict[str, str]:
    """Return, by the fact's key, which statements cannot both be true."""
    found: dict[str, list[str]] = {}
    for key, facts in _statements(declared, derived, others):
        first = facts[0]
        for other in facts[1:]:
            if not agree(key, first.value, other.value):
                found.setdefault(key, []).append(_told(first, other))
    for key, said in declared.items():
        read = derived.get(key)
        if said.status == "not_applicable" and read is not None and read.value is not None:
            told = f"declared not applicable, but {_said(read)}"
            found.setdefault(key, []).append(told)
    for key, what in _datasets(declared.get("training.datasets")):
        found.setdefault(key, []).append(what)
    return {key: "; ".join(dict.fromkeys(told)) for key, told in found.items()}


def agree(key: str, one: Json, other: Json) -> bool:
    """Return whether two values of a fact can both be true; of a list that may say more the first is the longer one.

    >>> agree("model.license", "apache-2.0", "Apache-2.0"), agree("model.parameters", 135_000_000, 134_515_008)
    (True, True)
    >>> agree("model.parameters", 7_000_000_000, 134_515_008), agree("training.datasets", ["a", "b"], ["b"])
    (False, True)
    >>> agree("model.base_model", "org/base", "base"), agree("model.base_model", "org/base", "other/base")
    (True, False)
    """
    match key:
        case "model.license":
            return can_be_one(str(one), str(other))
        case "model.parameters" | "training.compute_flop" | "compute.carbon_tonnes":
            return _same_to_digits(one, other)
        case "model.base_model":
            return _same_name(_plain(one), _plain(other))
        case "model.identifier":
            return _same_place(str(one), str(other))
        case _ if key in _MAY_SAY_MORE:
            return all(any(_same_name(known, name) for known in _plain(one)) for name in _plain(other))
        case _:
            return bool(_plain(one) == _plain(other))


def _statements(
    declared: Mapping[str, Fact], derived: Mapping[str, Fact], others: Mapping[str, Sequence[Fact]]
) -> Iterator[tuple[str, list[Fact]]]:
    """Yield, by key, every statement with a value: the declared one first, then the files' in order of precedence."""
    for key in dict.fromkeys([*declared, *derived]):
        if key in _FREE:
            continue
        more = () if key in _OF_EACH_FILE else others.get(key, ())
        said = [fact for fact in (declared.get(key), derived.get(key), *more) if fact is not None]
        said = [fact for fact in said if fact.status in {"declared", "derived", "measured"}]
        if len(said) > 1 and (key not in _OF_EACH_FILE or said[0].status == "declared"):
            yield key, said


def _told(first: Fact, other: Fact) -> str:
    return f"{_said(first)}, but {_said(other)}"


def _said(fact: Fact) -> str:
    """Return what a fact says in words, and where: a file says it, a run has found it."""
    values = fact.value if isinstance(fact.value, list) else [fact.value]
    value = ", ".join(map(_word, values))
    if fact.status == "declared":
        return f"declared {value}"
    found = any(one.kind == "run" for one in fact.evidence)
    return f"{fact.source}: {value}" if found else f"{fact.source} says {value}"


def _word(value: Json) -> str:
    """Return a value as it is quoted: of a table its name, or else all of it, whatever order its keys came in."""
    if isinstance(value, dict):
        return repr(name_of(value)) if name_of(value) else schema.canonical_json(value)
    return repr(value)


def _datasets(fact: Fact | None) -> Iterator[tuple[str, str]]:
    """Yield where what is said of a dataset differs from what was read where it lies."""
    for entry in fact.value if fact and isinstance(fact.value, list) else []:
        read: dict[str, Json] = entry.get("read", {}) if isinstance(entry, dict) else {}
        for name in ("license", "version", "sha256", "languages"):
            if name in entry and name in read and not _fits(entry, name, read[name]):
                what = f"{entry['name']}: declared {name} {entry[name]!r}, but {read['path']} says {read[name]!r}"
                yield "training.datasets", what
        for told in read.get("files_differing", []):
            yield "training.datasets", f"{entry['name']}, {read['path']}: {told}"


def _fits(entry: dict[str, Json], name: str, read: Json) -> bool:
    """Return whether what is declared of a dataset can be true beside what was read; a part of it may say less."""
    if name == "license":
        return _same_licences(entry[name], read)
    if name == "languages" and "part" in entry:
        return set(entry[name]) <= set(map(_plain, read))
    return agree(name, entry[name], read)


def _same_licences(said: str, read: Json) -> bool:
    """Return whether a licence, or each in an expression, is the one that was read, or among several."""
    if not isinstance(read, list):
        return can_be_one(said, read)
    parts = [part.strip() for part in _JOINED.split(to_spdx(said) or said)]
    return all(any(can_be_one(part, one) for one in read) for part in parts if part)


def _same_to_digits(one: Json, other: Json) -> bool:
    """Return whether the second number is the first one where it is rounded to as many digits, or within a hundredth.

    The hundredth is for two exact counts that differ by buffers or by embeddings that are stored twice.
    """
    if not all(isinstance(number, int | float) and number > 0 for number in (one, other)):
        return bool(one == other)
    if math.isclose(one, other, rel_tol=_HEADERS):
        return True
    digits = max(_DIGITS, len(f"{one:.15e}".partition("e")[0].rstrip("0").replace(".", "")))
    return f"{one:.{digits - 1}e}" == f"{other:.{digits - 1}e}"


def _same_name(one: str, other: str) -> bool:
    """Return whether two names can be of one model or dataset: of somebody's folder the owner is not told."""
    if ("/" in one) == ("/" in other):
        return one == other
    return one.rpartition("/")[2] == other.rpartition("/")[2]


def _same_place(one: str, other: str) -> bool:
    """Return whether two places, `org/name@revision` or a part of it, differ in nothing that both tell."""
    names, revisions = zip(*(_parted(place) for place in (one, other)), strict=True)
    return all(not all(pair) or pair[0] == pair[1] for pair in (names, revisions))


def _parted(place: str) -> tuple[str, str]:
    """Return the name and the revision that a place tells; a commit alone has no name."""
    name, _, revision = str(_plain(place)).partition("@")
    bare = name.removeprefix("commit ")
    return ("", bare) if _COMMIT.fullmatch(bare) else (name, revision)


def _plain(value: Json) -> Json:
    if isinstance(value, list):
        return sorted(str(_plain(name_of(entry) or schema.canonical_json(entry))) for entry in value)
    if isinstance(value, str):
        return value.strip().casefold().removeprefix("https://huggingface.co/").removeprefix("datasets/")
    return value
