"""Which of a probe's texts are looked for: the item's own words, never the phrases of the prompt around them.

What is asked are the fields that the prompt template prints and the texts of `pairs`; the answers are the choices that
the item brings and, for generated answers, the references that the scorer reads. A field that is the same in every item
(the choices Yes and No, a question that is always put) tells no item from another and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from auditor import registry
from auditor.contamination.words import normalised
from auditor.probes import Probe
from auditor.prompts import sandbox
from auditor.types import OPTION_ORDER, PHRASING, Json, Sample

_GIVEN = {PHRASING, OPTION_ORDER, "variant", "options", "letters"}  # what a template is given beside the item's fields


class Compared(Struct, frozen=True, kw_only=True):
    """The names of the fields whose texts are looked for."""

    asked: tuple[str, ...]
    answers: tuple[str, ...]


class ItemTexts(Struct, frozen=True, kw_only=True):
    """An item's texts as words one space apart; a text without a word is left out, and none stands twice."""

    probe: str
    item: str
    cluster: str
    asked: tuple[str, ...]
    answers: tuple[str, ...]


def compared(probe: Probe) -> Compared:
    """Return which fields of a probe's items are looked for."""
    constant = set(probe.data.texts) if probe.data else set()
    answers = list(probe.ask.choices_from)
    if probe.ask.kind == "generation":
        needs = registry.load("scorers", probe.scoring.scorer).needs
        answers += [name for name, kind in needs.items() if kind in {str, list}]
    printed = [name for name in _printed(probe.template) if name not in _GIVEN]
    asked = [name for name in (*probe.ask.texts, *printed) if name not in {*answers, *constant}]
    return Compared(asked=tuple(dict.fromkeys(asked)), answers=tuple(name for name in answers if name not in constant))


def items_of(probe_id: str, samples: Sequence[Sample], fields: Compared) -> list[ItemTexts]:
    """Return the items that samples are of, each once, in order."""
    found: dict[str, ItemTexts] = {}
    for sample in samples:
        name = str(sample.fields["id"])
        if name not in found:
            asked = _words(sample.fields, fields.asked)
            answers = tuple(text for text in _words(sample.fields, fields.answers) if text not in asked)
            found[name] = ItemTexts(probe=probe_id, item=name, cluster=sample.cluster, asked=asked, answers=answers)
    return list(found.values())


def _words(fields: dict[str, Json], names: Sequence[str]) -> tuple[str, ...]:
    texts = (normalised(text) for name in names for text in _texts(fields.get(name)))
    return tuple(dict.fromkeys(filter(None, texts)))


def _texts(value: Json) -> Iterator[str]:
    """Yield the text that a field is, or those that it holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


def _printed(template: str) -> list[str]:
    """Return the names given to a template that it prints or goes through, in order; conditions print nothing."""
    from jinja2 import meta, nodes

    tree = sandbox().parse(template)
    found: list[str] = []
    for node in tree.find_all((nodes.Output, nodes.For)):
        part = node.iter if isinstance(node, nodes.For) else node
        names = [part] if isinstance(part, nodes.Name) else list(part.find_all(nodes.Name))
        found += [name.name for name in names]
    given = meta.find_undeclared_variables(tree)
    return [name for name in found if name in given]
