"""What a card says of its probes' items in training files."""

from __future__ import annotations

from auditor.errors import counted
from auditor.types import Card, Contamination, Metric, ProbeOverlap, Undefined

_FEW = 20  # files that are named in a card; all of them stand in card.json


def lead(found: Contamination) -> str:
    """Return where the items were looked for, by which rule, and what that cannot tell."""
    size = sum(file.bytes for file in found.files)
    columns = (
        f" Of their rows, {', '.join(found.columns)} {'was' if len(found.columns) == 1 else 'were'} read."
        if found.columns
        else ""
    )
    others = ", ".join(f"{count} {ending}" for ending, count in found.left_out.items())
    left_out = f" Files of other formats in the folders were not read ({others})." if others else ""
    return (
        f"Before the model was asked anything, the items were looked for in "
        f"{counted(len(found.files), 'training file')} ({size} bytes, {counted(found.n_documents, 'document')}, "
        f"{found.n_words} words) by {found.rule.name} {found.rule.version}: what an item asks, whole, and runs of 13 "
        f"words that few items share, without case and punctuation.{columns}{left_out} What was not given was not "
        f"looked at; a rephrased or translated item is not found. Each share is followed by its interval and the n of "
        f"items; 0 would be best. The items are named in {found.items_file.path}."
    )


def coverage(card: Card) -> str:
    """Return how much of the declared training data was looked at; empty where no files were given."""
    computed = card.computed.get("contamination")
    datasets = computed.get("datasets") if isinstance(computed, dict) else None
    if not isinstance(datasets, dict):
        return ""
    if not datasets["declared"]:
        return "No training datasets are declared, so whether these files are all of the data cannot be told."
    parts = (
        ("not among these files", datasets["not_looked_at"]),
        ("cannot be told from these files", datasets["unknown"]),
    )
    named = "training.datasets" in card.facts  # for the readers of this card
    rest = "".join(f"; {said}: {', '.join(map(str, names)) if named else len(names)}" for said, names in parts if names)
    looked = len(datasets["looked_at"])
    were = "was" if looked == 1 else "were"
    return f"Of {counted(datasets['declared'], 'declared training dataset')} {looked} {were} looked at whole{rest}."


def files(found: Contamination) -> list[tuple[str, str]]:
    """Return the training files with sizes and digests, the first of them where there are many."""
    told = [(f"training file {file.path}", f"{file.bytes} bytes, sha256 {file.sha256}") for file in found.files[:_FEW]]
    more = len(found.files) - len(told)
    return told + ([("more training files", f"{more}, in card.json")] if more else [])


def beside(card: Card, probe: ProbeOverlap) -> list[tuple[Metric | Undefined, Metric | Undefined]]:
    """Return each metric of a probe over all samples, and over those whose items do not overlap."""
    whole = {
        metric.key.name: metric
        for result in card.probes
        if result.id == probe.id
        for metric in result.metrics
        if not metric.slice
    }
    return [(whole[metric.key.name], metric) for metric in probe.without if metric.key.name in whole]
