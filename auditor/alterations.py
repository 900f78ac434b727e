"""What the self-test alters in a file of samples (lines, scores, items, numbers) and in clocks: nothing is written."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct

from auditor.types import AlterationKind, Json

_YEAR_S = 366 * 86_400.0
_MANY = 10**9  # tokens, more than any run writes


class Altered(Struct, frozen=True, kw_only=True):
    """The lines of a file after an alteration, and what that was."""

    kind: AlterationKind
    change: str
    lines: list[Json]


def draw(rng: np.random.Generator, count: int, places: int) -> list[int]:
    """Return at most so many of the first `count` numbers, drawn without putting back, in order."""
    return sorted(int(number) for number in rng.choice(count, size=min(places, count), replace=False)) if count else []


def of_samples(lines: Sequence[Json], rng: np.random.Generator, places: int) -> Iterator[Altered]:
    """Yield the lines of a samples file altered in so many places of each kind."""
    yield from _lines(lines, rng, places)
    yield from _scores(lines, rng, places)
    yield from _items(lines, rng, places)
    spots = [(place, way) for place, line in enumerate(lines) for way in numbers_said(line)]
    for number in draw(rng, len(spots), places):
        place, way = spots[number]
        yield _with(lines, place, way, kind="number", change=f"number {lines[place]['id']}.{in_words(way)}")


def to_forge(lines: Sequence[Json], rng: np.random.Generator) -> Iterator[Altered]:
    """Yield the lines without one, and with one item altered, for all that follows to be computed anew."""
    yield from (one for one in _lines(lines, rng, 1) if one.change.endswith("left out"))
    yield from _items(lines, rng, 1)


def of_clocks(clocks: Json) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Yield each clock and count of a record's clocks that is altered, and the value that it cannot have."""
    asked = clocks["requests"]
    yield ("started_at",), _later(clocks["finished_at"])
    yield ("planned_at",), _later(clocks["finished_at"])
    yield ("finished_at",), clocks["finished_at"].partition("+")[0]
    yield ("duration_s",), -1.0
    yield ("duration_s",), clocks["duration_s"] + _YEAR_S
    yield ("requests",), asked + 1
    yield ("requests_from_journal",), asked + 1
    costs = clocks.get("costs")
    for place, span in list(enumerate(costs["spans"]))[-1:] if costs else []:
        way = ("costs", "spans", place)
        yield (*way, "started_at"), _later(clocks["finished_at"])
        yield (*way, "duration_s"), span["duration_s"] + _YEAR_S
        yield (*way, "completions_s"), span["duration_s"] + _YEAR_S
        yield (*way, "completions"), span["completions"] + asked + 1
        yield (*way, "completion_tokens"), span["completion_tokens"] + _MANY
    if costs:
        yield ("costs", "flop", "tokens"), costs["flop"]["tokens"] + 1
        yield ("costs", "flop", "formula"), costs["flop"]["formula"] + 2


def _later(text: str) -> str:
    return (datetime.datetime.fromisoformat(text) + datetime.timedelta(seconds=_YEAR_S)).isoformat()


def _lines(lines: Sequence[Json], rng: np.random.Generator, places: int) -> Iterator[Altered]:
    """Yield the lines without one, with one twice, and with two in each other's place."""
    for place in draw(rng, len(lines) if len(lines) > 1 else 0, places):
        without = [*lines[:place], *lines[place + 1 :]]
        yield Altered(kind="line", change=f"line {place + 1} left out", lines=without)
    for place in draw(rng, len(lines), places):
        twice = [*lines[: place + 1], *lines[place:]]
        yield Altered(kind="line", change=f"line {place + 1} twice", lines=twice)
    for place in draw(rng, len(lines) - 1, places):
        swapped = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
        yield Altered(kind="line", change=f"lines {place + 1} and {place + 2} swapped", lines=swapped)


def _scores(lines: Sequence[Json], rng: np.random.Generator, places: int) -> Iterator[Altered]:
    """Yield the lines with the scores of two neighbours in each other's place."""
    pairs = [(a, b) for a, b in pairwise(range(len(lines))) if lines[a]["score"] != lines[b]["score"]]
    for number in draw(rng, len(pairs), places):
        one, two = pairs[number]
        changed = list(lines)
        changed[one] = {**lines[one], "score": lines[two]["score"]}
        changed[two] = {**lines[two], "score": lines[one]["score"]}
        change = f"scores of {lines[one]['id']} and {lines[two]['id']} swapped"
        yield Altered(kind="score", change=change, lines=changed)


def _items(lines: Sequence[Json], rng: np.random.Generator, places: int) -> Iterator[Altered]:
    """Yield the lines with one thing altered that an item says of itself, such as its group or the right answer."""
    spots = [
        (place, way)
        for place, line in enumerate(lines)
        for way, _ in _leaves({key: line[key] for key in ("cluster", "slices", "fields")})
    ]
    for number in draw(rng, len(spots), places):
        place, way = spots[number]
        yield _with(lines, place, way, kind="item", change=f"item {lines[place]['id']}.{in_words(way)}")


def numbers_said(row: Json) -> Iterator[tuple[str | int, ...]]:
    """Yield the way, within a line of a samples file, to each number that the model or the scorer gave."""
    for way, found in _leaves(row["score"]):
        if isinstance(found, int | float) and not isinstance(found, bool):
            yield ("score", *way)
    for way, found in _leaves(row["questions"]):
        if way[-1] in {"nats", "n_tokens"} or (isinstance(found, int) and "order" in way):
            yield ("questions", *way)


def in_words(way: Sequence[str | int]) -> str:
    """Return the words for a place in a document.

    >>> in_words(("probes", 0, "metrics", 1, "value"))
    'probes[0].metrics[1].value'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).lstrip(".")


def other(value: Json) -> Json:
    """Return another value of the same kind."""
    match value:
        case bool() | None:
            return not value
        case int():
            return value + 1
        case float():
            return value + 0.01
        case _:
            return f"{value} "


def _with(lines: Sequence[Json], place: int, way: Sequence[str | int], *, kind: AlterationKind, change: str) -> Altered:
    """Return the lines with the value at a place within one of them altered."""
    changed = list(lines)
    changed[place] = altered_at(lines[place], way)
    return Altered(kind=kind, change=change, lines=changed)


def altered_at(document: Json, way: Sequence[str | int]) -> Json:
    """Return a copy of a document with the value at a place in it altered."""
    return replaced_at(document, way, other(reached(document, way)))


def replaced_at(document: Json, way: Sequence[str | int], value: Json) -> Json:
    """Return a copy of a document with another value at a place in it."""
    changed = copy.deepcopy(document)
    reached(changed, way[:-1])[way[-1]] = value
    return changed


def reached(document: Json, way: Sequence[str | int]) -> Json:
    """Return what stands at a place in a document."""
    for step in way:
        document = document[step]
    return document


def _leaves(value: Json) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Yield every value that holds no other, with the way to it."""
    if not isinstance(value, dict | list):
        yield (), value
        return
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
        yield from (((key, *way), found) for way, found in _leaves(entry))
