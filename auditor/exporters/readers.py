"""For whom a document is: facts that are not for its readers are taken out before it is rendered, and looked for after.

The forms of the Union ask for some facts for one reader alone; whoever declares a fact can name its only readers, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from auditor.errors import CardError
from auditor.exporters.markup import HTML, Markup
from auditor.exporters.words import told
from auditor.provenance.facts import catalogue
from auditor.types import CONTRADICTION, Audience, Card, Fact, Finding, Json

WORDS: dict[Audience, str] = {
    "ai-office": "the AI Office",
    "authorities": "national competent authorities",
    "downstream": "providers of AI systems that build on the model",
    "public": "the public",
}
_RESERVED = "not for the readers of this document"
_LEAST_DIGITS, _LEAST_LETTERS = 3, 12  # shorter values stand in any text by chance
_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)  # ours: whatever is told is escaped


def cut(card: Card, audience: Audience, *, form: bool = False) -> Card:
    """Return the card without the facts that an audience may not see; with `form`, as the Union's forms have it.

    Tables are in the order of their keys, so that a card that was just made and one read from card.json render alike.
    """
    card = msgspec.convert(msgspec.to_builtins(card, order="sorted"), Card)
    gone = _reserved(card, audience, form=form)
    verdicts = tuple(
        replace(verdict, findings=tuple(_without(finding, gone) for finding in verdict.findings))
        for verdict in card.verdicts
    )
    return replace(
        card,
        facts={key: fact for key, fact in card.facts.items() if key not in gone},
        contradictions={key: what for key, what in card.contradictions.items() if key not in gone},
        verdicts=verdicts,
    )


def check(card: Card, shown: Card, text: str, markup: Markup, *, name: str) -> str:
    """Return a rendering's text unless the value of a fact that was cut out of the card stands in it.

    Numbers of fewer than three digits and texts of fewer than twelve characters are not looked for, nor is what a fact
    that the readers may see says as well. A page's own style holds numbers and is left out.

    Raises:
        CardError: naming the fact, not its value.
    """
    searched = _STYLE.sub("", text, count=1) if markup is HTML else text
    open_text = " ".join(markup.escape(told(fact.value)) for fact in shown.facts.values() if fact.value is not None)
    for key in sorted(set(card.facts) - set(shown.facts)):
        for needle in _needles(card.facts[key]):
            pattern = re.compile(r"(?<![\w.,])" + re.escape(markup.escape(needle)) + r"(?![\w]|[.,]\d)")
            if pattern.search(searched) and not pattern.search(open_text):
                raise CardError(
                    f"the rendering {name} would tell what {key} says, which is not for its readers",
                    hint="take it out of the other declared texts, or let these readers see it (audiences)",
                )
    return text


def _reserved(card: Card, audience: Audience, *, form: bool) -> set[str]:
    kinds = catalogue()
    return {
        key
        for key, fact in card.facts.items()
        if (fact.audiences and audience not in fact.audiences)
        or (form and (key not in kinds or audience not in kinds[key].audiences))
    }


def _without(finding: Finding, gone: Iterable[str]) -> Finding:
    """Return a finding, without its words where they are about a fact that was cut out."""
    told = any(finding.id == f"{CONTRADICTION}{key}" or key in finding.message for key in gone)
    return replace(finding, message=_RESERVED) if told else finding


def _needles(fact: Fact) -> set[str]:
    """Return the texts by which a fact's value, or the reason for having none, would be recognised."""
    found: set[str] = set()
    for leaf in [*_leaves(fact.value), fact.reason]:
        if isinstance(leaf, bool):
            continue
        if isinstance(leaf, int | float):
            forms = {str(leaf), f"{leaf:,}", f"{leaf:g}", f"{leaf:.2e}", str(int(leaf)) if leaf % 1 == 0 else ""}
            found |= {form for form in forms if sum(char.isdigit() for char in form) >= _LEAST_DIGITS}
        elif isinstance(leaf, str) and len(leaf.strip()) >= _LEAST_LETTERS:
            found.add(leaf.strip())
    return found


def _leaves(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return [leaf for entry in value.values() for leaf in _leaves(entry)]
    if isinstance(value, list):
        return [leaf for entry in value for leaf in _leaves(entry)]
    return [] if value is None else [value]
