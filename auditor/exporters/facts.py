"""Facts and figures as other formats want them: known values, licences as SPDX expressions, numbers that read back."""

from __future__ import annotations

import re
from collections.abc import Mapping

from auditor.exporters.words import KNOWN, dispute
from auditor.provenance.licences import to_spdx
from auditor.types import Card, Fact, Json, Metric, Undefined

_UNFIT = re.compile(r"[^A-Za-z0-9.-]+")
_REFERENCES = re.compile(r"LicenseRef-[A-Za-z0-9.-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")


def known(facts: Mapping[str, Fact], key: str) -> Json:
    """Return a fact's value, or None where nothing is known."""
    fact = facts.get(key)
    return fact.value if fact is not None and fact.status in KNOWN else None


def settled(card: Card) -> dict[str, Fact]:
    """Return the facts that nobody disputes: only those fill in a format's own fields, which cannot mark a doubt."""
    return {key: fact for key, fact in card.facts.items() if not dispute(card, key)}


def words(facts: Mapping[str, Fact], key: str) -> str:
    """Return a known fact as text, else nothing."""
    value = known(facts, key)
    return "" if value is None else text(value)


def text(value: Json) -> str:
    """Return a value as text: a list by its entries, a number so that it reads back to itself.

    >>> text(["en", "sv"]), text(0.1)
    ('en, sv', '0.1')
    """
    if isinstance(value, list):
        return ", ".join(text(entry) for entry in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {text(entry)}" for key, entry in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, float) else str(value)


def datasets(facts: Mapping[str, Fact]) -> list[dict[str, Json]]:
    """Return the training datasets that are known, each as a table with at least its name."""
    value = known(facts, "training.datasets")
    entries = value if isinstance(value, list) else []
    return [entry if isinstance(entry, dict) else {"name": str(entry)} for entry in entries]


def address_of(dataset: Mapping[str, Json]) -> str:
    """Return where a dataset is: its address, or its name where that is one."""
    found = str(dataset.get("url", dataset["name"]))
    return found if re.match(r"https?://\S+$", found) else ""


def declaration(fact: Fact) -> tuple[str, str]:
    """Return who declares a fact and on which day, or two empty texts."""
    return next(((one.by, one.date) for one in fact.evidence if one.kind == "declaration"), ("", ""))


def version_of(facts: Mapping[str, Fact], revision: str, weights: str) -> str:
    """Return a model's version: as known, else the Hub's commit, else the digest of its weights."""
    return words(facts, "model.version") or revision or f"sha256:{weights}"


def told(fact: Fact, disputed: str = "") -> str:
    """Return a fact in words: its value, or why there is none; with what contradicts it, where something does."""
    if disputed:
        return f"disputed: {told(fact)} ({disputed})"
    if fact.status in KNOWN:
        return text(fact.value)
    return f"{fact.status.replace('_', ' ')}: {fact.reason}"


def basis(fact: Fact) -> str:
    """Return how a known fact is known: its status and source."""
    return f"{fact.status}: {fact.source}"


def overlaps(card: Card) -> list[tuple[str, Metric | Undefined]]:
    """Return how far probes' items stand in training files, each figure by its address; nothing without a look."""
    found = card.contamination.probes if card.contamination else ()
    return [(metric.address(probe.id), metric) for probe in found for metric in probe.metrics]


def figures(metric: Metric | Undefined) -> str:
    """Return in words what a metric's value rests on."""
    scorer = f"{metric.scorer.name} {metric.scorer.version}"
    basis = f"n={metric.n} n_unscored={metric.n_unscored} scorer={scorer} data=sha256:{metric.data_digest}"
    if isinstance(metric, Undefined):
        return f"{basis} undefined={metric.reason}"
    interval = metric.interval
    return f"{basis} ideal={metric.key.ideal!r} level={interval.level!r} method={interval.method}"


def line(metric: Metric | Undefined) -> str:
    """Return a metric in a line: value, interval, and what they rest on."""
    if isinstance(metric, Undefined):
        return f"undefined {figures(metric)}"
    return f"{metric.value!r} [{metric.interval.low!r}, {metric.interval.high!r}] {figures(metric)}"


def plain(metric: Metric | Undefined, address: str) -> dict[str, Json]:
    """Return a metric as a flat object, for formats that let one add objects of one's own."""
    common: dict[str, Json] = {
        "address": address,
        "slice": dict(metric.slice),
        "n": metric.n,
        "n_unscored": metric.n_unscored,
        "scorer": f"{metric.scorer.name} {metric.scorer.version}",
        "data_sha256": metric.data_digest,
    }
    if isinstance(metric, Undefined):
        return {**common, "undefined": str(metric.reason)}
    interval = metric.interval
    return {
        **common,
        "value": metric.value,
        "low": interval.low,
        "high": interval.high,
        "level": interval.level,
        "method": interval.method,
    }


def licence_expression(name: str) -> str:
    """Return a licence as an SPDX expression; what is none becomes a LicenseRef, never a guess.

    >>> licence_expression("apache-2.0"), licence_expression("llama3.1"), licence_expression("LicenseRef-own")
    ('Apache-2.0', 'LicenseRef-llama3.1', 'LicenseRef-own')
    """
    found = to_spdx(name)
    if found and (not is_reference(found) or _REFERENCES.fullmatch(found)):
        return found
    return f"LicenseRef-{_UNFIT.sub('-', name.removeprefix('LicenseRef-')).strip('-') or 'unnamed'}"


def is_reference(expression: str) -> bool:
    """Return whether a licence expression names no SPDX licence."""
    return expression.startswith("LicenseRef-")
