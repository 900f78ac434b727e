"""Markdown and HTML: how hostile text becomes text that is shown as it is, on one line."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from auditor.types import Json

_INTERVAL = r"\[[-+]?\d[\d.e+-]*, [-+]?\d[\d.e+-]*\](?![:(\[])"  # two numbers in brackets, which are no link
_INNER = r"(?<=[^\W_])_+(?=[^\W_])"  # within a word, where nothing is emphasised
_SPECIAL = re.compile(rf"{_INTERVAL}|{_INNER}|([\\`*_{{}}\[\]#|~$])")
_OPENING = re.compile(  # at the beginning: a list's mark, a rule, the underline of a heading
    r"^(\s*(?:\d{1,9}(?=[.)]))?)([+-](?=\s|$)|[-=](?=[-=\s]*$)|(?<=\d)[.)](?=\s|$))"
)


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
    r"""Return a value as text that Markdown and HTML show as it is, on one line.

    What Markdown takes for text anyway is left alone, so that the source can be read, too: parentheses and `!`, of
    which a link is made only after a bracket; `_` within a word; two numbers in brackets.

    >>> escape("<b>*x*|y</b>")
    '&lt;b&gt;\\*x\\*\\|y&lt;/b&gt;'
    >>> escape("snake_case (1.5 [0.5, 2.5]), [a](b)")
    'snake_case (1.5 [0.5, 2.5]), \\[a\\](b)'
    """
    if isinstance(value, Safe):
        return str(value)
    text = _SPECIAL.sub(lambda found: f"\\{found[1]}" if found[1] else found[0], _entities(value))
    text = _OPENING.sub(r"\1\\\2", text)
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
