"""What an exporter is given, and what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from auditor.types.judging import Verdict
from auditor.types.measuring import Metric, Undefined
from auditor.types.recording import Card, RunRecord


class Material(Struct, frozen=True, kw_only=True):
    """A finished record with what was made of it: all that an exporter may read.

    `folder` is where the record lies; `packs` are folders with the user's probes. `with_text` lets an exporter write
    prompts and completions, which can be harmful, in place of their digests.
    """

    record: RunRecord
    card: Card
    verdicts: tuple[Verdict, ...]
    folder: Path
    packs: tuple[Path, ...] = ()
    with_text: bool = False

    def metrics(self) -> Iterator[tuple[str, Metric | Undefined]]:
        """Yield every metric of the card with its address, slices included."""
        for probe in self.card.probes:
            for metric in probe.metrics:
                yield metric.address(probe.id), metric


class Document(Struct, frozen=True, kw_only=True):
    """A file of an export; `name` is relative to the folder that the export goes to."""

    name: str
    text: str
