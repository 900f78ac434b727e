"""Templates that a card is rendered by: where they lie, what they are given, what a hole in one is.

Whatever comes from a model's files, a person or a model is hostile text here: every value is escaped on its way into
a template. Templates run in Jinja2's sandbox, since a user can bring one.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from auditor import resources, schema
from auditor.described import ROLES
from auditor.errors import TemplateError, counted, first_line
from auditor.exporters import calibrations, costs, findings, overlap, phrasings, readers, slices, words
from auditor.exporters.changes import changes_of
from auditor.exporters.markup import HTML, MARKDOWN, Markup, Safe
from auditor.types import FAMILIES, Audience, Card, Finding, Json, Metric, Texts

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

_UNTOLD = {"code", "other"}  # roles that a model without them lacks nothing for


class Document(Struct, frozen=True, kw_only=True):
    """A document to make: the rendering's name, which it bears, its template, its readers and its markup.

    With `form`, the Union's forms say what its readers may see.
    """

    name: str
    template: str
    audience: Audience = "public"
    form: bool = False
    markup: Markup = MARKDOWN


def render(
    card: Card, document: Document, *, texts: Texts | None = None, more: Mapping[str, Json] | None = None
) -> str:
    """Return a card by one of the shipped templates.

    Args:
        card: the whole card; what the document's readers may not see is cut out here.
        document: what to make.
        texts: samples' texts to show, by probe.
        more: what the template is given beside the card's words.

    Raises:
        TemplateError: the template has a hole.
        CardError: the document would tell what is not for its readers.
    """
    shown = readers.cut(card, document.audience, form=document.form)
    given = {**context(shown, texts or {}), "marker": marker(card, document.name, texts or {}), **(more or {})}
    given["audience"] = readers.WORDS[document.audience]
    text = _rendered(_environment(document.markup, _folder()), document.template, given)
    return readers.check(card, shown, text, document.markup, name=document.name)


def render_file(path: Path, card: Card, *, texts: Texts | None = None) -> str:
    """Return a card, as the public may see it, by a user's template: HTML where its name has `.html`, else Markdown.

    Raises:
        TemplateError: the file cannot be read, has a hole, or reaches where a template may not.
        CardError: the document would tell what is not for its readers.
    """
    markup = HTML if ".html" in path.name else MARKDOWN
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else f"it is not UTF-8: byte {fault.start}"
        raise TemplateError(f"cannot read the template {path}: {why}", hint="check the path") from fault
    from jinja2 import DictLoader

    shown = readers.cut(card, "public")
    environment = _environment(markup, _folder()).overlay(loader=DictLoader({path.name: source}))
    given = {**context(shown, texts or {}), "audience": readers.WORDS["public"]}
    return readers.check(card, shown, _rendered(environment, path.name, given), markup, name=path.name)


def marker(card: Card, name: str, texts: Texts) -> Safe:
    """Return the comment that says which rendering of which card a document is."""
    shown = f", texts {max(map(len, texts.values()))}" if texts else ""
    return Safe(f"<!-- auditor: {name}{shown}, of the card with sha256 {schema.digest_of(card)} -->")


@functools.cache
def data(name: str) -> dict[str, Json]:
    """Return a TOML file beside the templates: a form's items, or words."""
    return tomllib.loads((_folder() / name).read_text(encoding="utf-8"))


def context(card: Card, texts: Texts) -> dict[str, Json]:
    """Return what every template is given."""
    told = data("readers.toml")
    return {
        "backend": words.backend(card),
        "card": card,
        "name": words.model_name(card),
        "texts": texts,
        "readers": told["parts"],
        "sections": words.sections(card, told["sections"]),
        "counted": counted,
        "counts": words.counts(card),
        "declarer": words.declarer(card),
        "disputes": words.disputes(card),
        "changes": changes_of(card),
        "families": [(family, [p for p in card.probes if p.family == family]) for family in FAMILIES],
        "unmeasured": words.unmeasured(card),
        "methods": _methods(card),
        "levels": sorted({m.interval.level for p in card.probes for m in p.metrics if isinstance(m, Metric)}),
        "fallible": [
            (scorer, known, calibrations.elsewhere(card, scorer))
            for scorer, known in calibrations.fallible(card).items()
        ],
        "absent_roles": [role for role in ROLES if role not in {*_UNTOLD, *(part.role for part in card.model.parts)}],
        "energy": costs.energy(card.clocks),
        "figure": calibrations.figure,
        "lowest": calibrations.lowest,
        "overall": words.overall,
        "opened": findings.opened,
        "overlap": {name: getattr(overlap, name) for name in ("lead", "coverage", "files", "beside")},
        "ranked": findings.ranked,
        "slices": slices.table,
        "spreads": phrasings.spreads,
    }


def _methods(card: Card) -> list[tuple[str, str]]:
    """Return the methods by which a card's intervals were computed, with what each is."""
    told = data("plain.toml")["intervals"]
    used = {m.interval.method for p in card.probes for m in p.metrics if isinstance(m, Metric)}
    return [(name, told[name]) for name in told if name in used]


def _folder() -> Path:
    return resources.root() / "model_cards" / "templates"


@functools.cache  # it keeps the templates that it has compiled
def _environment(markup: Markup, folder: Path) -> Environment:
    """Return what fills in a folder's templates in a markup."""
    from jinja2 import FileSystemLoader, StrictUndefined, pass_context
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    @pass_context
    def finding(given: Context, one: Finding) -> Safe:
        return findings.line(given.parent["card"], one, markup)

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        finalize=markup.escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= words.filters(markup)
    environment.filters["finding"] = finding
    return environment


def _rendered(environment: Environment, template: str, given: Mapping[str, Json]) -> str:
    """Return a template with its values.

    Raises:
        TemplateError: it has a hole or another fault; with the line where it is.
    """
    from jinja2 import TemplateError as Fault

    try:
        return environment.get_template(template).render(**given)
    except (Fault, TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError) as fault:
        line = _line(fault, template)
        where = f"{template}, line {line}" if line else template
        raise TemplateError(
            f"the template {where}: {first_line(fault)}", hint=f"a template is given {', '.join(sorted(given))}"
        ) from fault


def _line(fault: BaseException, template: str) -> int:
    """Return the line of a template that a fault lies in, 0 where nobody knows."""
    found = int(getattr(fault, "lineno", 0) or 0)
    trace = fault.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in {template, "<template>"} or trace.tb_frame.f_code.co_filename.endswith(
            f"/{template}"
        ):
            found = trace.tb_lineno
        trace = trace.tb_next
    return found
