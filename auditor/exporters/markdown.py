"""The card as Markdown for the Hub: YAML front matter, then a document for people."""

from __future__ import annotations

from auditor.exporters import hub, templates
from auditor.exporters.commands import command
from auditor.exporters.markup import Safe
from auditor.exporters.readers import cut
from auditor.types import Card, Texts

_DOCUMENT = templates.Document(name="markdown", template="model_card.md.j2")


def render(card: Card, texts: Texts | None = None) -> str:
    """Return the card as Markdown, as the public may see it.

    Raises:
        TemplateError: the template has a hole.
        CardError: a fact would tell what another says that is not for the public.
    """
    head = hub.to_yaml(hub.front_matter(cut(card, "public"))).rstrip("\n")
    more = {"front_matter": Safe(head), "command": Safe(command(card))}
    return templates.render(card, _DOCUMENT, texts=texts, more=more)
