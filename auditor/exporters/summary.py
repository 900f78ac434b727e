"""One page for readers who are no experts: what the model is, what was measured, what was not, what was decided."""

from __future__ import annotations

import math

from auditor.exporters import templates, words
from auditor.exporters.readers import cut
from auditor.provenance.facts import catalogue, name_of
from auditor.types import FAMILIES, Card, Interval, Metric, ProbeResult, Status, Texts, Undefined, Verdict

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
_OUTCOMES = {
    Status.PASS: "met",
    Status.FAIL: "not met",
    Status.INCONCLUSIVE: "undecided",
    Status.WAIVED: "waived for a time",
}
_DECIDED = {
    "PASS": "every bound and paper that it asks for was found to be met.",
    "FAIL": "something that it asks for was found not to be met.",
    "INCONCLUSIVE": "this could not be decided.",
}


def render(card: Card, texts: Texts | None = None) -> str:
    """Return the summary as Markdown."""
    shown = cut(card, "public")
    unknown = [key for key, fact in shown.facts.items() if fact.status == "missing"]
    more = {
        "told": [(title, _said(shown, key)) for key, title in _TOLD.items() if key in shown.facts],
        "plainly": plainly,
        "decided": _DECIDED,
        "findings": _findings,
        "card_families": FAMILIES,
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
        return f"{told['topic']} {_lean(metric.interval, told)}."
    if name in plain["share"]:
        return str(plain["share"][name]).replace("{x}", share(metric))
    if name in plain["scale"]:
        return str(plain["scale"][name]).replace("{v}", f"{metric.value:.2f} (could be {_between(metric.interval, 1)})")
    if metric.gap and metric.gap.of in plain["gap"]:
        ends = {"{a}": metric.gap.highest.group, "{b}": metric.gap.lowest.group}
        said = str(plain["gap"][metric.gap.of])
        for place, group in ends.items():
            said = said.replace(place, group.replace("_", " "))
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


def _lean(interval: Interval, told: dict[str, str]) -> str:
    if interval.low > 0:
        return told["towards"]
    return told["against"] if interval.high < 0 else "leaned neither way, as far as could be told from chance"


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _said(card: Card, key: str) -> str:
    fact = card.facts[key]
    if fact.status in words.KNOWN:
        named = [name_of(entry) or entry for entry in fact.value] if isinstance(fact.value, list) else fact.value
        return words.told(named)
    return "nobody has said." if fact.status == "missing" else f"not told: {fact.reason}"


def _findings(verdict: Verdict) -> str:
    deciding = verdict.deciding
    by_status = {status: sum(finding.status is status for finding in deciding) for status in Status}
    named = [f"{by_status[status]} {word}" for status, word in _OUTCOMES.items() if by_status[status]]
    rest = len(verdict.findings) - len(deciding)
    more = f"; {rest} more are advice, or do not apply" if rest else ""
    return f"Of {len(deciding)} things that decide this: {', '.join(named)}{more}." if named else ""
