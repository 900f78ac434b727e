"""Renderings of a card by name, or by a user's template; and the texts that they show when asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor import registry
from auditor.errors import UsageError
from auditor.exporters import templates
from auditor.samples import Answered, read_samples
from auditor.types import Card, Completion, Exchange, GenerateRequest, Texts

SHOWING_TEXTS = ("markdown", "html")


def names() -> list[str]:
    """Return the names of all renderings."""
    return list(registry.names("renderings"))


def render(card: Card, name: str, *, template: Path | None = None, texts: Texts | None = None) -> str:
    """Return a card in a rendering, or by a user's template.

    Raises:
        UsageError: no rendering has that name, or it never shows texts.
        TemplateError: the template has a hole.
        CardError: the document would tell what is not for its readers.
    """
    if template is not None:
        return templates.render_file(template, card, texts=texts)
    make = registry.load("renderings", name)
    if texts and name not in SHOWING_TEXTS:
        raise UsageError(f"the rendering {name} shows no texts", hint=f"those that do: {', '.join(SHOWING_TEXTS)}")
    return str(make(card, texts or {}))


def read_texts(card: Card, folder: Path, count: int) -> Texts:
    """Return the first `count` samples' texts of each probe whose model wrote some, from the record's folder."""
    found = {}
    for probe in card.probes:
        if probe.kind == "generation" and count:
            lines = read_samples(folder / probe.samples_file.path)[:count]
            found[probe.id] = [_exchange(line.id, line.pairs) for line in lines if line.pairs]
    return {probe_id: exchanges for probe_id, exchanges in found.items() if exchanges}


def _exchange(sample: str, pairs: Sequence[Answered]) -> Exchange:
    """Return a sample's first request and its completion."""
    request, output = pairs[0].request, pairs[0].output
    told = request.prompt if isinstance(request, GenerateRequest) else ""
    return Exchange(sample=sample, told=told, answered=output.text if isinstance(output, Completion) else "")
