"""The card as one HTML file: no script, nothing loaded from anywhere, every value escaped."""

from __future__ import annotations

from auditor.exporters import templates
from auditor.exporters.commands import command
from auditor.exporters.markup import HTML, Safe
from auditor.types import Card, Metric, Texts, Undefined

_DOCUMENT = templates.Document(name="html", template="card.html.j2", markup=HTML)
_WIDTH = 90  # of two digits, as every number in a drawing: a reader's leak check looks for longer ones
_EDGE = 4


def render(card: Card, texts: Texts | None = None) -> str:
    """Return the card as HTML, as the public may see it."""
    return templates.render(card, _DOCUMENT, texts=texts, more={"command": command(card), "bar": bar})


def bar(metric: Metric | Undefined) -> Safe:
    """Return a drawing of a metric on its range: interval, value and ideal; nothing where it is undefined.

    The same numbers stand beside it as text, so it is hidden from those who have the page read to them.
    """
    key = metric.key
    if isinstance(metric, Undefined) or key.high <= key.low:
        return Safe("")

    def place(value: float) -> int:
        share = (min(max(value, key.low), key.high) - key.low) / (key.high - key.low)
        return round(_EDGE + share * _WIDTH)

    left, right = place(metric.interval.low), place(metric.interval.high)
    ideal, point = place(key.ideal), place(metric.value)
    return Safe(
        f'<svg class="bar" viewBox="0 0 98 10" aria-hidden="true">'
        f'<line class="range" x1="{_EDGE}" x2="{_EDGE + _WIDTH}" y1="5" y2="5"/>'
        f'<rect class="interval" x="{left}" y="2" width="{max(1, right - left)}" height="6"/>'
        f'<line class="ideal" x1="{ideal}" x2="{ideal}" y1="0" y2="10"/>'
        f'<circle class="point" cx="{point}" cy="5" r="2"/></svg>'
    )
