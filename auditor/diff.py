"""Two cards side by side: facts, metrics, verdicts and the model's parts that were added, removed, changed, escalated.

A change is *escalated* where whoever relied on the older card must look again: something is no longer said or rests on
weaker evidence, the licence or the data changed, a metric got worse beyond both intervals or is gone, a verdict or a
finding got worse, foreign code or pickled weights came in. What a fact that is not for the public says is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from auditor import schema
from auditor.types import (
    MOST_LOST,
    Card,
    CardDiff,
    Change,
    ChangeKind,
    Fact,
    Finding,
    Metric,
    ProbeResult,
    Status,
    Undefined,
    Verdict,
)

_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
_RANK = ("measured", "derived", "declared", "withheld", "not_applicable", "missing")
_SHORT = 200
_RESERVED = "it is not for every reader"
TERMS = (
    "model.license",
    "distribution.license_category",
    "distribution.acceptable_use_policy",
    "distribution.terms_of_use",
    "distribution.gating",
)
DATA = (
    "training.datasets",
    "data.provenance_classes",
    "data.user_data_used",
    "data.personal_data",
    "data.copyright_status",
    "data.crawlers_used",
)
LINEAGE = ("model.base_model", "model.base_model_relation", "model.provider")
_TERMS = dict.fromkeys(TERMS, "the terms changed") | dict.fromkeys(DATA, "the data changed")
_ESCALATED = _TERMS | dict.fromkeys(LINEAGE, "the model comes from elsewhere")


def diff(older: Card, newer: Card) -> CardDiff:
    """Return all that differs between two cards."""
    metrics, n_same = _metrics(older, newer)
    changes = [*_model(older, newer), *_facts(older, newer), *metrics, *_policies(older, newer)]
    order = {kind: number for number, kind in enumerate(_KINDS)}
    return CardDiff(
        older=older.record_digest,
        newer=newer.record_digest,
        changes=tuple(sorted(changes, key=lambda change: order[change.kind])),
        n_same=n_same,
    )


def _kind(before: object, after: object) -> ChangeKind:
    return "added" if before is None else "removed" if after is None else "changed"


def _model(older: Card, newer: Card) -> Iterator[Change]:
    """Yield the parts of the model that differ, and what it was newly trusted with."""
    one, two = _parts(older), _parts(newer)
    for key in sorted({*one, *two}):
        before, after = one.get(key), two.get(key)
        if before != after:
            role, _, name = key
            code = role == "code" and after is not None
            yield Change(
                kind="escalated" if code else _kind(before, after),
                area="model",
                key=f"{role} {name}",
                before=f"sha256:{before}" if before else "",
                after=f"sha256:{after}" if after else "",
                why="code that comes with the model is new or another" if code else "",
            )
    for name in ("trust_remote_code", "allow_pickle"):
        was, now = getattr(older.backend, name), getattr(newer.backend, name)
        if was != now:
            why = "the model was newly trusted with it" if now else ""
            kind: ChangeKind = "escalated" if now else "changed"
            yield Change(kind=kind, area="model", key=name, before=_word(was), after=_word(now), why=why)


def _parts(card: Card) -> dict[tuple[str, str, str], str]:
    return {(part.role, part.kind, part.name): part.sha256 for part in card.model.parts}


def _word(value: bool) -> str:
    return "yes" if value else "no"


def _facts(older: Card, newer: Card) -> Iterator[Change]:
    for key in [*older.facts, *(key for key in newer.facts if key not in older.facts)]:
        before, after = older.facts.get(key, Fact(status="missing")), newer.facts.get(key, Fact(status="missing"))
        if _said(before) == _said(after) or before.status == after.status == "missing":
            continue
        why = _why(key, before, after)
        plain = _kind(*(None if fact.status == "missing" else fact for fact in (before, after)))
        kind: ChangeKind = "escalated" if why else plain
        yield Change(kind=kind, area="fact", key=key, before=_told(before), after=_told(after), why=why)
    for key in sorted({*older.contradictions, *newer.contradictions}):
        was, now = older.contradictions.get(key, ""), newer.contradictions.get(key, "")
        if was != now:
            was, now = (_RESERVED if text and key in _reserved(older, newer) else text for text in (was, now))
            gone = "the contradiction is gone"
            why, kind = ("a contradiction came in", "escalated") if now else (gone, "removed")
            yield Change(kind=kind, area="fact", key=key, before=_cut(was), after=_cut(now), why=why)


def _said(fact: Fact) -> tuple[object, ...]:
    """Return what is told of a fact: its status, value and reason, and for whom it is; the order of lists is none."""
    value = sorted(map(schema.canonical_json, fact.value)) if isinstance(fact.value, list | tuple) else fact.value
    return fact.status, value, fact.reason, frozenset(fact.audiences)


def _why(key: str, before: Fact, after: Fact) -> str:
    """Return why a change of a fact is escalated, or nothing."""
    if before.status == "missing":
        return ""
    if _RANK.index(after.status) > _RANK.index(before.status):
        if after.status in {"withheld", "not_applicable", "missing"}:
            return f"{before.status} before, {after.status.replace('_', ' ')} now"
        return f"rests on weaker evidence: {before.status} before, {after.status} now"
    if _said(before)[1] != _said(after)[1] and before.value is not None and key in _ESCALATED:
        return _ESCALATED[key]
    fewer = after.audiences and not set(before.audiences or after.audiences) < set(after.audiences)
    return "for fewer readers than before" if fewer and before.audiences != after.audiences else ""


def _told(fact: Fact) -> str:
    if fact.status == "missing":
        return ""
    if _is_reserved(fact):
        return f"{fact.status.replace('_', ' ')}: for {', '.join(fact.audiences)} alone"
    value = fact.reason if fact.value is None else fact.value
    text = value if isinstance(value, str) else schema.canonical_json(value)
    return _cut(f"{fact.status.replace('_', ' ')}: {text}")


def _is_reserved(fact: Fact) -> bool:
    return bool(fact.audiences) and "public" not in fact.audiences


def _reserved(*cards: Card) -> set[str]:
    """Return the facts that one of the cards has not for the public."""
    return {key for card in cards for key, fact in card.facts.items() if _is_reserved(fact)}


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _metrics(older: Card, newer: Card) -> tuple[list[Change], int]:
    """Return the metrics that differ beyond their intervals or cannot be compared, and how many others there are."""
    one, two = _by_address(older), _by_address(newer)
    changes: list[Change] = []
    n_same = 0
    for address in [*one, *(address for address in two if address not in one)]:
        before, after = one.get(address), two.get(address)
        change = _of_metric(address, before, after)
        if change:
            changes.append(change)
        else:
            n_same += 1
    return changes, n_same


Placed = tuple[ProbeResult, Metric | Undefined]


def _by_address(card: Card) -> dict[str, Placed]:
    """Return the metrics by address, with what was found of the items in training files."""
    seen = {probe.id: probe.metrics for probe in card.contamination.probes} if card.contamination else {}
    return {
        metric.address(probe.id): (probe, metric)
        for probe in card.probes
        for metric in (*probe.metrics, *seen.get(probe.id, ()))
    }


def _of_metric(address: str, before: Placed | None, after: Placed | None) -> Change | None:
    if before is None or after is None:
        lost = before is not None and isinstance(before[1], Metric)
        kind: ChangeKind = "escalated" if lost else _kind(before, after)
        return _metric(kind, address, before, after, "it is no longer measured" if lost else "")
    was, now = before[1], after[1]
    if isinstance(was, Metric) and isinstance(now, Metric):
        told = _moved(before[0], was, after[0], now)
    else:
        told = _without_value(was, now)
    return _metric(told[0], address, before, after, told[1]) if told else None


def _without_value(was: Metric | Undefined, now: Metric | Undefined) -> tuple[ChangeKind, str] | None:
    """Return what became of a metric that has no value in one of the cards, or in both."""
    if isinstance(was, Metric):
        return "escalated", "it has no value any more"
    if isinstance(now, Metric):
        return "changed", ""
    return ("changed", "undefined for another reason") if was.reason != now.reason else None


def _moved(probe: ProbeResult, was: Metric, again: ProbeResult, now: Metric) -> tuple[ChangeKind, str] | None:
    """Return how far a metric moved beyond both intervals, or why that cannot be told."""
    conditions = {
        "probe version": probe.version != again.version,
        "scorer": was.scorer != now.scorer,
        "data": was.data_digest != now.data_digest,
        "selection of samples": probe.n_selected != again.n_selected,
    }
    other = [name for name, differs in conditions.items() if differs]
    if other:
        return "changed", f"not comparable: another {', another '.join(other)}"
    if _lost(now) - _lost(was) > MOST_LOST:
        return "escalated", f"{_lost(now):.0%} of the samples gave no score, {_lost(was):.0%} before"
    if was.interval.low <= now.interval.high and now.interval.low <= was.interval.high:
        return None
    worse = abs(now.value - now.key.ideal) > abs(was.value - was.key.ideal)
    told = f"{'further from' if worse else 'nearer to'} the ideal {now.key.ideal:g}, beyond both intervals"
    return ("escalated" if worse else "changed"), told


def _lost(metric: Metric) -> float:
    """Return the share of the samples that gave no score."""
    return metric.n_unscored / ((metric.n + metric.n_unscored) or 1)


def _metric(kind: ChangeKind, address: str, before: Placed | None, after: Placed | None, why: str) -> Change:
    return Change(kind=kind, area="metric", key=address, before=_value(before), after=_value(after), why=why)


def _value(placed: Placed | None) -> str:
    if placed is None:
        return ""
    metric = placed[1]
    if isinstance(metric, Undefined):
        return f"undefined: {metric.reason}  n={metric.n}"
    return f"{metric.value:.3f} [{metric.interval.low:.3f}, {metric.interval.high:.3f}]  n={metric.n}"


def _policies(older: Card, newer: Card) -> Iterator[Change]:
    one = {verdict.policy: verdict for verdict in older.verdicts}
    two = {verdict.policy: verdict for verdict in newer.verdicts}
    for name in [*one, *(name for name in two if name not in one)]:
        before, after = one.get(name), two.get(name)
        if before is None or after is None:
            lost = after is None
            kind: ChangeKind = "escalated" if lost else "added"
            why = "it is no longer judged by this policy" if lost else ""
            yield _verdict(kind, name, before, after, why)
            continue
        other = "the policy itself changed" if before.policy_digest != after.policy_digest else ""
        worse = "the verdict got worse" if _worse(before.status, after.status) else ""
        if other or before.status != after.status:
            why = ", and ".join(filter(None, (worse, other)))
            yield _verdict("escalated" if worse else "changed", name, before, after, why)
        yield from _findings(name, before, after, _reserved(older, newer))


def _worse(before: Status, after: Status) -> bool:
    order = list(Status)
    return order.index(after) < order.index(before)


def _verdict(kind: ChangeKind, name: str, before: Verdict | None, after: Verdict | None, why: str) -> Change:
    told = [f"{one.status} ({one.policy_version})" if one else "" for one in (before, after)]
    return Change(kind=kind, area="policy", key=name, before=told[0], after=told[1], why=why)


def _findings(name: str, before: Verdict, after: Verdict, reserved: Iterable[str]) -> Iterator[Change]:
    one, two = (_by_id(verdict) for verdict in (before, after))
    for key in [*one, *(key for key in two if key not in one)]:
        was, now = one.get(key), two.get(key)
        if was is not None and now is not None and (was.status, was.waiver) == (now.status, now.waiver):
            continue
        worse = now is not None and now.status is not Status.PASS and (was is None or _worse(was.status, now.status))
        kind: ChangeKind = "escalated" if worse and now is not None and now.required else _kind(was, now)
        why = now.message if now is not None else "the policy has it no longer"
        why = _RESERVED if any(fact in why or key.endswith(fact) for fact in reserved) else _cut(why)
        yield Change(kind=kind, area="policy", key=f"{name}: {key}", before=_status(was), after=_status(now), why=why)


def _by_id(verdict: Verdict) -> Mapping[str, Finding]:
    return {finding.id: finding for finding in verdict.findings}


def _status(finding: Finding | None) -> str:
    return f"{finding.status} {finding.subject}".strip() if finding else ""
