"""What the facts amount to together: how many are known, which contradict one another, which point at nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from auditor.types import Fact, FactStatus, Json, RunRecord

KEYS = {
    "facts.*": "how many facts have a status, such as declared; `total` counts all",
    "contradictions": "facts of which what was declared and what the files say cannot both be true",
    "dangling_evidence": "facts whose evidence names a metric that the record lacks, or a file without its digest",
    "dependencies.names_base_model": "whether model.dependencies names model.base_model; absent without a base model",
    "languages.boolean_words": "language codes that a YAML 1.1 reader takes for true or false unless they are quoted",
}
_BOOLEAN_WORDS = {"n", "no", "off", "on", "y", "yes"}


def compute(record: RunRecord, facts: Mapping[str, Fact], contradictions: Mapping[str, str]) -> dict[str, Json]:
    """Return counts and comparisons of the facts."""
    statuses = [fact.status for fact in facts.values()]
    languages = facts["model.languages"].value if "model.languages" in facts else None
    spoken = languages if isinstance(languages, list) else []
    found: dict[str, Json] = {
        "facts": {**{name: statuses.count(name) for name in get_args(FactStatus)}, "total": len(statuses)},
        "contradictions": sorted(contradictions),
        "dangling_evidence": sorted(key for key, fact in facts.items() if _dangles(record, fact)),
        "languages": {"boolean_words": sorted(code for code in spoken if code in _BOOLEAN_WORDS)},
    }
    base = facts["model.base_model"].value if "model.base_model" in facts else None
    if isinstance(base, str):
        found["dependencies"] = {"names_base_model": base.casefold() in _named(facts.get("model.dependencies"))}
    return found


def _dangles(record: RunRecord, fact: Fact) -> bool:
    for evidence in fact.evidence:
        if evidence.kind == "metric" and record.metric(evidence.metric, {}) is None:
            return True
        if evidence.kind == "file" and not (evidence.path and evidence.sha256):
            return True
    return False


def _named(fact: Fact | None) -> set[str]:
    entries = fact.value if fact and isinstance(fact.value, list) else []
    return {str(entry.get("name") if isinstance(entry, dict) else entry).casefold() for entry in entries}
