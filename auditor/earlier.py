"""The record of an earlier release, or of the base model: what changed since then, kept beside the later record.

A card is a pure function of what lies in its record's folder, so the comparison is written there, bound to both records
by their digests. Whoever holds the earlier record can compute it again (`auditor verify --previous`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auditor import record, schema
from auditor.checking import check
from auditor.errors import RecordError
from auditor.types import COMPARISON_SCHEMA, Check, Comparison, RunRecord

COMPARISON = "comparison.json"


def find(path: Path) -> tuple[RunRecord, Path]:
    """Return a record and its folder, named by that folder, or by a card or another file in it.

    Raises:
        RecordError: there is no record, or it was changed.
    """
    folder = record.folder_of(path)
    if not (folder / record.RECORD).is_file() and path.is_file():
        raise RecordError(
            f"there is no {record.RECORD} beside {path}: changes are counted sample by sample, and a card holds none",
            hint="give the folder of the earlier record",
        )
    return record.load_record(folder)


def compared(previous: Path, folder: Path) -> Comparison:
    """Return how the record in a folder differs from an earlier one.

    Raises:
        RecordError: a record is missing or was changed, or both are the same one.
    """
    from auditor.compare import compare

    found = compare(find(previous)[1], folder)
    if found.baseline.digest == found.candidate.digest:
        raise RecordError(f"{previous} is the record itself", hint="give that of an earlier release or base model")
    return found


def kept(folder: Path, found: RunRecord) -> Comparison | None:
    """Return the comparison that is kept beside a record, or None where there is none.

    Raises:
        RecordError: it is damaged, of another schema, or of another record.
    """
    path = folder / COMPARISON
    if not path.is_file():
        return None
    try:
        content = schema.strict_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise RecordError(f"{path} is damaged: {fault}", hint="restore it, or give the earlier record again") from fault
    said = content.get("schema") if isinstance(content, dict) else None
    if said != COMPARISON_SCHEMA:
        raise RecordError(
            f"{path} is not a comparison of schema {COMPARISON_SCHEMA}, got {said!r}",
            hint="write it anew by `auditor compare EARLIER RECORD --json > comparison.json`, and judge again",
        )
    comparison = schema.convert(content, Comparison, where=str(path), error=RecordError)
    if comparison.candidate.digest != found.digest:
        raise RecordError(
            f"{path} is of another record ({comparison.candidate.digest[:12]}, this is {found.digest[:12]})",
            hint="restore it, or delete it and give the earlier record again",
        )
    return comparison


def checks(comparison: Comparison | None, folder: Path, previous: Path | None) -> Iterator[Check]:
    """Yield whether what is kept of a comparison is what comes of comparing the two records now.

    Raises:
        RecordError: the earlier record is missing or was changed.
    """
    if comparison is not None and previous is not None:
        yield check(COMPARISON, comparison, compared(previous, folder))
    elif comparison is not None:
        detail = f"give the earlier record ({comparison.baseline.digest[:12]}) with --previous"
        yield Check(what=COMPARISON, outcome="not_checked", detail=detail)
    elif previous is not None:
        yield Check(what=COMPARISON, outcome="not_checked", detail="it is not there")


def text_of(comparison: Comparison) -> str:
    """Return the text of the file that a comparison is kept in."""
    return schema.canonical_json(comparison, indent=1) + "\n"
