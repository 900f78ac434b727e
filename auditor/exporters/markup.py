"""Markdown and HTML: how hostile text becomes text that is shown as it is, on one line."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from auditor.types import Json

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~])")


class Safe(str):
    """Text that is markup already."""

    __slots__ = ()


class Markup(Struct, frozen=True, kw_only=True):
    """A markup: how text is escaped in it, and what stands around strong words and emphasised ones."""

    name: str
    escape: Callable[[Json], str]
    strong_marks: tuple[str, str]
    mild_marks: tuple[str, str]

    def strong(self, text: str) -> Safe:
        """Return text that stands out."""
        return Safe(self.escape(text).join(self.strong_marks))

    def mild(self, text: str) -> Safe:
        """Return text that is set apart."""
        return Safe(self.escape(text).join(self.mild_marks))


def escape(value: Json) -> str:
    """Return a value as text that Markdown and HTML show as it is, on one line.

    >>> escape("<b>*x*|y</b>")
    '&lt;b&gt;\\*x\\*\\|y&lt;/b&gt;'
    """
    if isinstance(value, Safe):
        return str(value)
    text = _SPECIAL.sub(r"\\\1", _entities(value))
    return text.replace("://", ":&#47;/").replace("www.", "www&#46;")


def escape_html(value: Json) -> str:
    """Return a value as text that HTML shows as it is, within an element or a quoted attribute.

    >>> escape_html("<b title='x'>")
    '&lt;b title=&#39;x&#39;&gt;'
    """
    if isinstance(value, Safe):
        return str(value)
    return _entities(value).replace('"', "&quot;").replace("'", "&#39;")


def _entities(value: Json) -> str:
    """Return printable text (no control or direction marks, one line) with the three characters that open markup."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


MARKDOWN = Markup(name="markdown", escape=escape, strong_marks=("**", "**"), mild_marks=("*", "*"))
HTML = Markup(name="html", escape=escape_html, strong_marks=("<strong>", "</strong>"), mild_marks=("<em>", "</em>"))
