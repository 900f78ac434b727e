"""What a card's facts and figures are in words; templates use these as filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from msgspec import Struct

from auditor.described import ROLES
from auditor.exporters.markup import Markup, Safe
from auditor.provenance.facts import catalogue
from auditor.types import ANSWERS, Card, Fact, FactStatus, Json, Metric, ProbeResult, Role, Undefined

_LEADS = ("name", "component", "method", "device", "modality", "benchmark", "kind", "version", "date")
KNOWN = frozenset({"measured", "derived", "declared"})
_WHOLE = 2**53  # beyond it a float is no exact count


class Entry(Struct, frozen=True, kw_only=True):
    """A fact with its label, and the unit where it is a number."""

    label: str
    fact: Fact
    unit: str = ""


class Section(Struct, frozen=True, kw_only=True):
    """A section of the card: who reads it, what is said in it, and the labels of what is missing or not for them."""

    title: str
    readers: str
    entries: tuple[Entry, ...]
    missing: tuple[str, ...]
    reserved: tuple[str, ...]


def sections(card: Card, readers: dict[str, str]) -> list[Section]:
    """Return the card's sections in order; `readers` says for whom each is. Facts that the card lacks are reserved."""
    found = []
    for name, who in readers.items():
        kinds = [kind for key, kind in catalogue().items() if key.partition(".")[0] == name]
        held = [entry(card, kind.key) for kind in kinds if kind.key in card.facts]
        if name == ANSWERS:
            held = [entry(card, key) for key in card.facts if key.startswith(f"{ANSWERS}.")]
        if kinds or held:
            section = Section(
                title=kinds[0].section if kinds else "Answers to questions of policies",
                readers=who,
                entries=tuple(one for one in held if one.fact.status != "missing"),
                missing=tuple(one.label for one in held if one.fact.status == "missing"),
                reserved=tuple(kind.label for kind in kinds if kind.key not in card.facts),
            )
            found.append(section)
    return found


def entry(card: Card, key: str) -> Entry:
    """Return a fact of the card by its key; an answer to a policy's question is labelled by the question's id."""
    kind = catalogue().get(key)
    label = kind.label if kind else key.partition(".")[2]
    return Entry(label=label, fact=card.facts[key], unit=kind.unit if kind else "")


def counts(card: Card) -> str:
    """Return how many facts have each status, in the order in which they are explained."""
    statuses = [fact.status for fact in card.facts.values()]
    named = [(status, statuses.count(status)) for status in get_args(FactStatus)]
    return ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in named)


def known_value(card: Card, key: str) -> Json:
    """Return a fact's value, or None where nothing is known or it is not for the card's readers."""
    fact = card.facts.get(key)
    return fact.value if fact is not None and fact.status in KNOWN else None


def model_name(card: Card) -> str:
    """Return the model's name as known, else what the user called it."""
    return str(known_value(card, "model.name") or card.model.requested)


def told(value: Json) -> str:
    """Return a value in words.

    >>> told([{"name": "a crawl", "license": "odc-by", "large": True}, "org/data"])
    'a crawl (large: yes, license: odc-by); org/data'
    """
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            lead = next((name for name in _LEADS if name in value), min(value, default=""))
            ranked = sorted(value.items(), key=lambda item: (item[0] != lead, item[0]))
            first, *more = [(name.replace("_", " "), told(entry)) for name, entry in ranked]
            return first[1] + (f" ({', '.join(f'{name}: {said}' for name, said in more)})" if more else "")
        case list():
            return ("; " if any(isinstance(entry, dict) for entry in value) else ", ").join(map(told, value))
        case float() if value.is_integer() and abs(value) < _WHOLE:
            return str(int(value))
        case _:
            return str(value)


def filters(markup: Markup) -> dict[str, Callable[..., Json]]:
    """Return the filters of templates in a markup."""

    def value(one: Entry) -> str:
        fact = one.fact
        match fact.status:
            case "missing":
                return markup.strong("not declared")
            case "withheld" | "not_applicable":
                return Safe(f"{markup.mild(fact.status.replace('_', ' '))}: {markup.escape(fact.reason)}")
            case _:
                unit = f" {one.unit}" if one.unit and isinstance(fact.value, int | float) else ""
                return told(fact.value) + unit

    def metric(found: Metric | Undefined) -> str:
        if isinstance(found, Undefined):
            return Safe(f"{markup.mild('undefined')}: {markup.escape(found.reason)}")
        gap = f", {found.gap.told}" if found.gap else ""
        return f"{found.value:.3f} [{found.interval.low:.3f}, {found.interval.high:.3f}]{gap}"

    def cited(one: Entry) -> str:
        return Safe("" if one.fact.status == "missing" else f" {markup.mild(f'({known(one)})')}")

    return {
        "value": value,
        "known": known,
        "cited": cited,
        "metric": metric,
        "method": method,
        "slice": slice_words,
        "role": role,
    }


def known(one: Entry) -> str:
    """Return how a fact is known."""
    fact = one.fact
    if fact.status == "missing":
        return f"missing: {fact.reason}"
    return fact.source if fact.source.startswith(fact.status) else f"{fact.status}: {fact.source}"


def unmeasured(card: Card) -> list[tuple[str, list[str]]]:
    """Return each reason for not measuring something, with the families and probes that it holds of."""
    found: dict[str, list[str]] = {}
    for name, reason in card.not_measured.items():
        found.setdefault(reason, []).append(name)
    return list(found.items())


def method(metric: Metric | Undefined) -> str:
    """Return how a metric's interval was computed."""
    return metric.interval.method if isinstance(metric, Metric) else "none"


def slice_words(metric: Metric | Undefined) -> str:
    """Return which samples a metric is over."""
    return ", ".join(f"{key} = {value}" for key, value in sorted(metric.slice.items()))


def role(name: Role) -> str:
    """Return a role of a model's part in words."""
    return ROLES[name]


def overall(probe: ProbeResult) -> list[Metric | Undefined]:
    """Return a probe's metrics over all samples."""
    return [metric for metric in probe.metrics if not metric.slice]


def sliced(probe: ProbeResult) -> list[Metric | Undefined]:
    """Return a probe's metrics over slices."""
    return [metric for metric in probe.metrics if metric.slice]
