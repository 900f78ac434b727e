"""What a card's facts and figures are in words; templates use these as filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import get_args

from msgspec import Struct

from auditor.described import ROLES
from auditor.errors import counted
from auditor.exporters.markup import Markup, Safe
from auditor.provenance.facts import catalogue
from auditor.provenance.infer import FOLLOWS
from auditor.types import ANSWERS, Card, Fact, FactStatus, Json, Metric, ProbeResult, Role, Status, Undefined

_LEADS = ("name", "component", "method", "device", "modality", "format", "benchmark", "kind", "version", "date")
_LONG = 10_000  # from which on a number's digits are grouped
_PLAINLY = ("amount", "bin", "count")  # said without their names
KNOWN = frozenset({"measured", "derived", "declared"})
OUTCOMES = {
    Status.FAIL: "not met",
    Status.INCONCLUSIVE: "undecided",
    Status.WAIVED: "waived for a time",
    Status.PASS: "met",
}
_GGUF = ".gguf"
_WHOLE = 2**53  # beyond it a float is no exact count


class Entry(Struct, frozen=True, kw_only=True):
    """A fact with its label, and the unit where it is a number.

    `disputed` says what contradicts it, `declarer` by whom and when most facts were declared, which is not said again.
    """

    label: str
    fact: Fact
    unit: str = ""
    disputed: str = ""
    declarer: str = ""


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
    """Return a fact of the card by its key."""
    kind = catalogue().get(key)
    return Entry(
        label=label_of(key),
        fact=card.facts[key],
        unit=kind.unit if kind else "",
        disputed=dispute(card, key),
        declarer=declarer(card),
    )


def label_of(key: str) -> str:
    """Return what a fact is called; an answer to a policy's question by the question's id."""
    kind = catalogue().get(key)
    return kind.label if kind else key.partition(".")[2]


def dispute(card: Card, key: str) -> str:
    """Return what contradicts a fact, or a fact that it follows from; nothing where nobody disputes it."""
    if key in card.contradictions:
        return card.contradictions[key]
    fact = card.facts.get(key)
    grounds = fact.source.removeprefix(FOLLOWS).split(" and ") if fact and fact.source.startswith(FOLLOWS) else []
    doubtful = [label_of(ground) for ground in grounds if dispute(card, ground)]
    return f"it follows from what is disputed: {', '.join(doubtful)}" if doubtful else ""


def disputes(card: Card) -> list[tuple[str, str, str]]:
    """Return each contradiction: what the fact is called, its key, and the statements that cannot all be true."""
    return [(label_of(key), key, what) for key, what in card.contradictions.items()]


def declarer(card: Card) -> str:
    """Return by whom and on which day most facts were declared, as their sources begin; nothing where no two share it.

    A document says it once, not beside each of them.
    """
    found = Counter(
        f"declared by {one.by} on {one.date}"
        for fact in card.facts.values()
        for one in fact.evidence
        if one.kind == "declaration" and fact.source.startswith(f"declared by {one.by} on {one.date}")
    )
    usual, count = max(found.items(), key=lambda item: item[1], default=("", 0))
    return usual if count > 1 else ""


def counts(card: Card) -> str:
    """Return how many facts have each status, in the order in which they are explained."""
    statuses = [fact.status for fact in card.facts.values()]
    named = [(status, statuses.count(status)) for status in get_args(FactStatus)]
    return ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in named)


def known_value(card: Card, key: str) -> Json:
    """Return a fact's value; None where nothing is known, it is disputed, or it is not for the card's readers."""
    fact = card.facts.get(key)
    return fact.value if fact is not None and fact.status in KNOWN and not dispute(card, key) else None


def model_name(card: Card) -> str:
    """Return what to call the model: as declared, else as on the Hub, else by its one file, else as the files say.

    What a converter wrote into a file's metadata is often the name of a stage of training that nobody else uses.
    """
    fact = card.facts.get("model.name")
    if fact is not None and fact.status == "declared":
        return str(fact.value)
    files = [part.name for part in card.model.parts if part.role == "weights" and part.kind == "file"]
    file = files[0].rpartition("/")[2].removesuffix(_GGUF) if len(files) == 1 and files[0].endswith(_GGUF) else ""
    return card.model.repository or file or str(known_value(card, "model.name") or card.model.requested)


def told(value: Json) -> str:
    """Return a value in words.

    >>> told([{"name": "a crawl", "license": "odc-by", "large": True}, "org/data"])
    'a crawl (large: yes, license: odc-by); org/data'
    >>> told({"modality": "text", "amount": 2e12, "unit": "tokens"})
    'text (2,000,000,000,000 tokens)'
    """
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return _table(value)
        case list():
            return ("; " if any(isinstance(entry, dict) for entry in value) else ", ").join(map(told, value))
        case int() | float() if float(value).is_integer() and abs(value) < _WHOLE:
            return f"{int(value):,}" if abs(value) >= _LONG else str(int(value))
        case _:
            return str(value)


def _table(value: dict[str, Json]) -> str:
    """Return a table in words: what names it, then the rest in brackets; an amount stands with its unit."""
    lead = next((name for name in _LEADS if name in value), min(value, default=""))
    rest = [name for name in sorted(value) if name not in {lead, *_PLAINLY, "unit"}]
    size = [told(value[name]) for name in _PLAINLY if name in value and name != lead]
    unit = [str(value["unit"])] if "unit" in value and lead != "unit" else []
    more = [" ".join([*size, *unit])] if size or unit else []
    more += [f"{name.replace('_', ' ')}: {told(value[name])}" for name in rest]
    return told(value[lead]) + (f" ({', '.join(more)})" if more else "") if value else ""


def filters(markup: Markup) -> dict[str, Callable[..., Json]]:
    """Return the filters of templates in a markup."""

    def value(one: Entry) -> str:
        return Safe(f"{markup.strong('disputed')}: {markup.escape(bare(one))}") if one.disputed else bare(one)

    def bare(one: Entry) -> str:
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
            reason = str(found.reason).replace("_", " ").lower()
            return Safe(f"{markup.mild('undefined')}: {markup.escape(reason)}")
        gap = f", {found.gap.told}" if found.gap else ""
        return f"{found.value:.3f} [{found.interval.low:.3f}, {found.interval.high:.3f}]{gap}"

    def cited(one: Entry) -> str:
        return Safe("" if one.fact.status == "missing" else f" {markup.mild(f'({known(one)})')}")

    return {
        "grouped": grouped,
        "value": value,
        "known": known,
        "cited": cited,
        "metric": metric,
        "method": method,
        "slice": slice_words,
        "role": role,
        "rows": rows,
        "scorers": scorers,
    }


def known(one: Entry) -> str:
    """Return how a fact is known."""
    fact = one.fact
    if fact.status == "missing":
        return f"missing: {fact.reason}"
    source = fact.source
    if one.declarer and source.partition("; evidence: ")[0] == one.declarer:
        source = source.replace(one.declarer, "declared", 1).replace("; evidence: ", ": ", 1)
    told = source if source.startswith((fact.status, "declared")) else f"{fact.status}: {source}"
    return f"{told}; disputed: {one.disputed}" if one.disputed else told


def outcome(status: Status) -> str:
    """Return a finding's status in words."""
    return OUTCOMES[status]


def grouped(names: Sequence[str]) -> list[str]:
    """Return names of probes, those of one benchmark together.

    >>> grouped(["bias/bbq/age", "bias/bbq/religion", "toxicity/hatecheck"])
    ['bias/bbq (age, religion)', 'toxicity/hatecheck']
    """
    found: dict[str, list[str]] = {}
    for name in names:
        benchmark, _, part = name.rpartition("/")
        found.setdefault(benchmark if "/" in benchmark else name, []).append(part)
    return [f"{name} ({', '.join(parts)})" if name not in names else name for name, parts in found.items()]


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


def backend(card: Card) -> str:
    """Return what ran the model and how, in so far as it can change a number."""
    ran = card.backend
    packed = "packed weights, " if ran.packed else ""
    pack = f"{packed}{ran.batch_tokens} tokens and {ran.batch_rows} completions a pack"
    where = f"{ran.dtype} on {ran.device}, attention {ran.attention}"
    return f"{ran.name} {ran.version}, {where}, {pack}, {counted(ran.threads, 'thread')}"


def rows(one: Entry) -> list[str]:
    """Return a fact's value, where it is a list of several tables that nobody disputes, in a line each."""
    value = one.fact.value
    if one.disputed or not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return []
    return [told(row) for row in value] if len(value) > 1 else []


def scorers(probe: ProbeResult) -> str:
    """Return by what a probe's metrics over all samples are; which ones, where they are not all by the same."""
    found: dict[str, list[str]] = {}
    for metric in overall(probe):
        found.setdefault(f"{metric.scorer.name} {metric.scorer.version}", []).append(metric.key.name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{scorer} ({', '.join(names)})" for scorer, names in found.items())


def role(name: Role) -> str:
    """Return a role of a model's part in words."""
    return ROLES[name]


def overall(probe: ProbeResult) -> list[Metric | Undefined]:
    """Return a probe's metrics over all samples."""
    return [metric for metric in probe.metrics if not metric.slice]
