"""What came of looking for the probes' items in the files that a model was trained on."""

from __future__ import annotations

from msgspec import Struct

from auditor.types.files import FileDigest
from auditor.types.measuring import Metric, ScorerRef, Undefined

OVERLAPS = ("overlap_rate", "whole_overlap_rate", "answered_overlap_rate", "run_overlap_rate", "word_coverage")


class ItemOverlap(Struct, frozen=True, kw_only=True):
    """How far one item stands in the training files.

    `n_words` counts the words of its texts, `n_covered` those of them that stand there in a run of 13 words or in a
    text of the item that was found whole. `whole` says that all that is asked stands together in one document,
    `with_answers` that the answers stand beside it (None where the item has none). `n_runs` counts the runs of 13 words
    that tell this item from others, `n_found` those of them that were found. `file` is the first in which anything was
    found, empty where nothing was.
    """

    probe: str
    item: str
    cluster: str
    n_words: int
    n_covered: int
    whole: bool
    with_answers: bool | None
    n_runs: int
    n_found: int
    file: str

    @property
    def overlaps(self) -> bool:
        """Whether the item was found whole, or a run of 13 words of it."""
        return self.whole or self.n_found > 0


class ProbeOverlap(Struct, frozen=True, kw_only=True):
    """How far a probe's items stand in the training files.

    `asked` and `answers` name the items' fields whose texts were looked for. `metrics` are those in `OVERLAPS`: they
    count items, not samples, and each has 0 as its ideal. `without` are the probe's own metrics over the samples whose
    items do not overlap.
    """

    id: str
    asked: tuple[str, ...]
    answers: tuple[str, ...]
    metrics: tuple[Metric | Undefined, ...]
    without: tuple[Metric | Undefined, ...] = ()

    def metric(self, name: str) -> Metric | Undefined:
        """Return one of the metrics by its name."""
        return next(metric for metric in self.metrics if metric.key.name == name)


class Contamination(Struct, frozen=True, kw_only=True):
    """What was found of the items that were asked in the training files that were given, which were read whole.

    `rule` says by which comparison, and its checkpoint is the digest over files and columns. `columns` are those whose
    texts were read, all where none is named. `left_out` counts files in the folders given that are of no known format,
    by their ending. `items_file` has a line an item.
    """

    rule: ScorerRef
    columns: tuple[str, ...]
    files: tuple[FileDigest, ...]
    left_out: dict[str, int]
    n_documents: int
    n_words: int
    items_file: FileDigest
    probes: tuple[ProbeOverlap, ...]

    def probe(self, probe_id: str) -> ProbeOverlap | None:
        """Return a probe's part, or None where it has none."""
        return next((probe for probe in self.probes if probe.id == probe_id), None)
