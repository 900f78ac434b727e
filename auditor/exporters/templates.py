"""Templates that a card is rendered by: where they lie, how values are escaped, what a hole in one is.

Whatever comes from a model's files, a person or a model is hostile text here: every value is escaped on its way into
a template.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from auditor import resources
from auditor.described import ROLES
from auditor.exporters import calibrations, phrasings
from auditor.provenance.facts import catalogue
from auditor.types import FAMILIES, Card, Fact, FactStatus, Json, Metric, ProbeResult, Role, Undefined

if TYPE_CHECKING:
    from jinja2 import Environment

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~])")
_HEADS = {"name", "format", "modality", "component", "device", "method", "path", "code", "benchmark", "version"}
_UNTOLD = {"code", "other"}  # roles that a model without them lacks nothing for


class Safe(str):
    """Text that is Markdown already."""

    __slots__ = ()


def render(template: str, card: Card, **more: Json) -> str:
    """Return a card by one of the shipped templates, which `more` values are given to.

    Raises:
        jinja2.UndefinedError: the template has a hole.
    """
    return str(_environment().get_template(template).render(**_context(card), **more))


def escape(value: Json) -> str:
    """Return a value as text that Markdown and HTML show as it is, on one line.

    >>> escape("<b>*x*|y</b>")
    '&lt;b&gt;\\*x\\*\\|y&lt;/b&gt;'
    """
    if isinstance(value, Safe):
        return str(value)
    text = "".join(char if char.isprintable() else " " for char in str(value))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text).replace("://", ":&#47;/").replace("www.", "www&#46;")


def _environment() -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(resources.root() / "model_cards" / "templates"),
        undefined=StrictUndefined,
        finalize=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {
        "value": _value,
        "known": _known,
        "metric": _metric,
        "method": _method,
        "slice": _slice,
        "role": _role,
    }
    return environment


def _context(card: Card) -> dict[str, Json]:
    """Return what every template is given beside its own values."""
    return {
        "card": card,
        "sections": _sections(card),
        "counts": _counts(card),
        "families": [(family, [p for p in card.probes if p.family == family]) for family in FAMILIES],
        "levels": sorted({m.interval.level for p in card.probes for m in p.metrics if isinstance(m, Metric)}),
        "fallible": [
            (scorer, known, calibrations.elsewhere(card.probes, scorer))
            for scorer, known in calibrations.fallible(card.probes).items()
        ],
        "absent_roles": [role for role in ROLES if role not in {*_UNTOLD, *(part.role for part in card.model.parts)}],
        "figure": calibrations.figure,
        "lowest": calibrations.lowest,
        "overall": _overall,
        "sliced": _sliced,
        "spreads": phrasings.spreads,
    }


def _sections(card: Card) -> list[tuple[str, list[tuple[str, Fact]], list[str]]]:
    """Return each section's title, its facts by their labels, and the labels of those that are missing."""
    known: dict[str, list[tuple[str, Fact]]] = {kind.section: [] for kind in catalogue().values()}
    missing: dict[str, list[str]] = {section: [] for section in known}
    for key, kind in catalogue().items():
        fact = card.facts[key]
        if fact.status == "missing":
            missing[kind.section].append(kind.label)
        else:
            known[kind.section].append((kind.label, fact))
    return [(section, facts, missing[section]) for section, facts in known.items()]


def _counts(card: Card) -> str:
    """Return how many facts have each status, in the order in which they are explained."""
    statuses = [fact.status for fact in card.facts.values()]
    named = [(status, statuses.count(status)) for status in get_args(FactStatus)]
    return ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in named)


def _overall(probe: ProbeResult) -> list[Metric | Undefined]:
    return [metric for metric in probe.metrics if not metric.slice]


def _sliced(probe: ProbeResult) -> list[Metric | Undefined]:
    return [metric for metric in probe.metrics if metric.slice]


def _value(fact: Fact) -> str:
    match fact.status:
        case "withheld" | "not_applicable":
            return Safe(f"*{fact.status.replace('_', ' ')}*: {escape(fact.reason)}")
        case _:
            return _told(fact.value)


def _told(value: Json) -> str:
    """Return a value in words; of a table what names it first, the rest in order of the keys.

    >>> _told([{"name": "a crawl", "license": "odc-by", "large": True}, "org/data"])
    'a crawl (large: yes, license: odc-by); org/data'
    """
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            ordered = sorted(value.items(), key=lambda item: (item[0] not in _HEADS, item[0]))
            first, *more = [(name.replace("_", " "), _told(entry)) for name, entry in ordered]
            return first[1] + (f" ({', '.join(f'{name}: {told}' for name, told in more)})" if more else "")
        case list():
            return ("; " if any(isinstance(entry, dict) for entry in value) else ", ").join(map(_told, value))
        case _:
            return str(value)


def _known(fact: Fact) -> str:
    return fact.source if fact.source.startswith(fact.status) else f"{fact.status}: {fact.source}"


def _metric(metric: Metric | Undefined) -> str:
    if isinstance(metric, Undefined):
        return Safe(f"*undefined*: {escape(metric.reason)}")
    told = f", {metric.gap.told}" if metric.gap else ""
    return f"{metric.value:.3f} [{metric.interval.low:.3f}, {metric.interval.high:.3f}]{told}"


def _method(metric: Metric | Undefined) -> str:
    return metric.interval.method if isinstance(metric, Metric) else "none"


def _slice(metric: Metric | Undefined) -> str:
    return ", ".join(f"{key} = {value}" for key, value in sorted(metric.slice.items()))


def _role(role: Role) -> str:
    return ROLES[role]
