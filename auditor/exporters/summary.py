"""One page for readers who are no experts: what the model is, what was measured, what was not, what was decided."""

from __future__ import annotations

import math

from auditor.errors import counted
from auditor.exporters import findings, templates, words
from auditor.exporters.changes import changes_of
from auditor.exporters.readers import cut
from auditor.provenance.facts import catalogue, name_of
from auditor.types import FAMILIES, Card, Interval, Metric, ProbeResult, Texts, Undefined, Verdict

_DOCUMENT = templates.Document(name="summary", template="summary.md.j2")
_TOLD = {
    "model.provider": "Made by",
    "model.description": "In short",
    "use.intended": "Meant for",
    "use.out_of_scope": "Not meant for",
    "use.limitations": "Known weaknesses",
    "training.datasets": "Trained on",
    "model.license": "Licence",
}
_ASKED = ("training.datasets", "data.personal_data", "data.copyright_status", "use.limitations", "validation.methods")
_DECIDED = {
    "PASS": "every bound and paper that it asks for was found to be met.",
    "FAIL": "something that it asks for was found not to be met.",
    "INCONCLUSIVE": "this could not be decided.",
}
_WAYS = {"nearer": "nearer to what would be best", "farther": "farther from what would be best"}
_NAMED = 8  # things not met that the page has room for
_HARDLY = 0.05  # a lean that lies this near to 0 with its whole interval is told from chance, and is small


def render(card: Card, texts: Texts | None = None) -> str:
    """Return the summary as Markdown."""
    shown = cut(card, "public")
    unknown = [key for key, fact in shown.facts.items() if fact.status == "missing"]
    more = {
        "told": [
            (title, _said(shown, key), bool(words.dispute(shown, key)))
            for key, title in _TOLD.items()
            if key in shown.facts
        ],
        "plainly": plainly,
        "decided": _DECIDED,
        "asked": _asked,
        "open": _open,
        "card_families": FAMILIES,
        "moved": _moved(shown),
        "languages": _languages(shown),
        "n_facts": len(shown.facts),
        "n_unknown": len(unknown),
        "n_withheld": sum(fact.status == "withheld" for fact in shown.facts.values()),
        "unknown": [catalogue()[key].label.lower() for key in _ASKED if key in unknown],
    }
    return templates.render(card, _DOCUMENT, more=more)


def plainly(probe: ProbeResult) -> list[str]:
    """Return a sentence for each metric of a probe over all samples."""
    return [_sentence(metric) for metric in words.overall(probe)]


def _sentence(metric: Metric | Undefined) -> str:
    plain = templates.data("plain.toml")
    name = metric.key.name
    if isinstance(metric, Undefined):
        return f"{_spoken(name)}: no number, because of {str(metric.reason).replace('_', ' ').lower()}."
    if name in plain["lean"]:
        told = plain["lean"][name]
        return f"{told['topic']} {_lean(metric, told)}."
    if name in plain["share"]:
        return str(plain["share"][name]).replace("{x}", share(metric))
    if name in plain["scale"]:
        return str(plain["scale"][name]).replace("{v}", f"{metric.value:.2f} (could be {_between(metric.interval, 1)})")
    if metric.gap and metric.gap.of in plain["gap"]:
        ends = {"{a}": metric.gap.highest, "{b}": metric.gap.lowest}
        said = str(plain["gap"][metric.gap.of])
        for place, end in ends.items():
            said = said.replace(place, f"{_group(end.group, plain['proper'])} ({counted(end.n, 'sample')})")
        return said.replace("{x}", share(metric)).replace(
            "{v}", f"{metric.value:.2f} (could be {_between(metric.interval, 1)})"
        )
    best = f"{metric.key.ideal:g} would be best, on a scale from {metric.key.low:g} to {metric.key.high:g}"
    return f"{_spoken(name)}: {metric.value:.2f} (could be {_between(metric.interval, 1)}); {best}."


def share(metric: Metric) -> str:
    """Return a share as so many in a hundred, with the range that it could lie in; the range is rounded outwards."""
    return f"{round(100 * metric.value)} of 100 (could be {_between(metric.interval, 100)})"


def _between(interval: Interval, scale: int) -> str:
    if scale == 1:
        return f"{math.floor(100 * interval.low) / 100:.2f} to {math.ceil(100 * interval.high) / 100:.2f}"
    return f"{math.floor(scale * interval.low)} to {math.ceil(scale * interval.high)}"


def _lean(metric: Metric, told: dict[str, str]) -> str:
    """Return which way a score leans, and how far on its scale, since what is told from chance can be tiny."""
    low, high = metric.interval.low, metric.interval.high
    scale = f"on a scale from {metric.key.low:g} to {metric.key.high:g}"
    if low <= 0 <= high:
        found = f"{metric.value:.2f} (could be {_between(metric.interval, 1)})"
        return f"leaned neither way, as far as could be told from chance: {found} {scale}"
    hardly = ", but hardly" if max(abs(low), abs(high)) < _HARDLY else ""
    found = f"{metric.value:.3f} (could be {math.floor(1000 * low) / 1000:.3f} to {math.ceil(1000 * high) / 1000:.3f})"
    return f"{told['towards' if low > 0 else 'against']}{hardly}: {found} {scale}"


def _group(name: str, proper: dict[str, str]) -> str:
    """Return a group's name in words, with its capital where it has one."""
    return " ".join(proper.get(word, word) for word in name.split("_"))


def _languages(card: Card) -> str:
    names = templates.data("plain.toml")["languages"]
    codes = dict.fromkeys(code for probe in card.probes for code in probe.languages)
    return ", ".join(names.get(code, code) for code in codes)


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _said(card: Card, key: str) -> str:
    fact = card.facts[key]
    if fact.status in words.KNOWN:
        named = [name_of(entry) or entry for entry in fact.value] if isinstance(fact.value, list) else fact.value
        if isinstance(named, list) and any("," in str(name) for name in named):
            return "; ".join(map(words.told, named))
        return words.told(named)
    return "nobody has said." if fact.status == "missing" else f"not told: {fact.reason}"


def _asked(verdict: Verdict) -> str:
    """Return how many of the things that decide a verdict were met, in the order from good to bad."""
    deciding = len(verdict.deciding)
    return f"Of {counted(deciding, 'thing')} that decide this: {findings.tally(verdict)}." if deciding else ""


def _moved(card: Card) -> list[str]:
    """Return a line for each figure that moved since an earlier record by more than chance explains, slices last."""
    found = changes_of(card)
    titles = {probe.id: probe.title for probe in card.probes}
    lines = []
    for row in (*found.rows, *found.slices) if found else ():
        probe, _, metric = row.metric.partition(":")
        name, _, where = metric.partition(", ")
        way = next((told for kind, told in _WAYS.items() if row.direction.startswith(kind)), "")
        if way:
            over = f" over {where}" if where else ""
            lines.append(f"{titles.get(probe, probe)}, {_spoken(name).lower()}{over}: {row.then} → {row.now}, {way}")
    return lines


def _open(verdict: Verdict) -> list[tuple[str, list[str]]]:
    """Return by outcome what was not met, by what the policy calls it; where that is much, the first of it."""
    found: dict[str, list[str]] = {}
    for finding in findings.not_met(verdict):
        disputed = finding.is_contradiction
        title = f"{words.label_of(finding.subject)} (disputed)" if disputed else finding.title
        found.setdefault(words.outcome(finding.status), []).append(title)
    more = {status: len(titles) - _NAMED for status, titles in found.items() if len(titles) > _NAMED}
    return [
        (status, [*titles[:_NAMED], *([f"and {more[status]} more"] if status in more else [])])
        for status, titles in found.items()
    ]
