"""Make the example cards anew from their records and provenance files: `make examples`.

A record lies here without its samples, which are large; its own digests are checked all the same. How the record itself
is made stands in `docs/cards.md`.
"""

from __future__ import annotations

from pathlib import Path

from auditor import commands, policies, record, registry, renderings, schema
from auditor.errors import RecordError
from auditor.provenance.declare import load_declared
from auditor.types import RunRecord

HERE = Path(__file__).resolve().parent
FILES = {
    "card.json": "json",
    "README.md": "markdown",
    "card.html": "html",
    "summary.md": "summary",
    "mdf-ai-office.md": "mdf-ai-office",
    "mdf-authorities.md": "mdf-authorities",
    "mdf-downstream.md": "mdf-downstream",
    "mdf-public.md": "mdf-public",
    "training-summary.md": "training-summary",
    "datasheet.md": "datasheet",
    "eval-results.yaml": "eval-results",
}
_FORMS = ("mdf-", "training-summary", "eval-results")


def documents(folder: Path) -> dict[str, str]:
    """Return every document of an example by its file's name.

    Raises:
        RecordError: the record was changed, or is of another version.
    """
    path = folder / record.RECORD
    content = schema.strict_json(path.read_text(encoding="utf-8"))
    found = schema.convert(content, RunRecord, where=str(path), error=RecordError)
    if found.schema != record.SCHEMA or record.seal(found) != found:
        raise RecordError(f"{path} was changed, or is of another version", hint="make it anew, see docs/cards.md")
    declared = load_declared(folder / commands.PROVENANCE)
    policy = policies.load("hf-hub" if is_classifier(folder) else "baseline")
    card = commands.assemble(found, [policy], declared).card
    return {file: renderings.render(card, FILES[file]) for file in files(folder)}


def files(folder: Path) -> tuple[str, ...]:
    """Return the names of an example's documents; the forms for general-purpose models are not for a classifier."""
    return tuple(file for file in FILES if not is_classifier(folder) or not file.startswith(_FORMS))


def is_classifier(folder: Path) -> bool:
    """Return whether an example is about a classifier that auditor ships, which answers no probe."""
    return folder.name in registry.names("classifiers")


def examples() -> list[Path]:
    """Return the examples' folders."""
    return sorted(path.parent for path in HERE.glob(f"*/{record.RECORD}"))


if __name__ == "__main__":
    for example in examples():
        for file, text in documents(example).items():
            record.write_text(example / file, text)
