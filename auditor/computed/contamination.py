"""What was found of the items in training files, so that a policy can ask for it; nothing where none were given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from auditor import schema
from auditor.types import FAMILIES, Contamination, Fact, FileDigest, Json, Metric, RunRecord

_RATE = "overlap_rate"
KEYS = {
    "contamination.files": "how many training files the items were looked for in",
    "contamination.bytes": "their bytes together",
    "contamination.left_out": "how many files in the folders given were not looked at, being of no known format",
    "contamination.items.*": "how many items of a family's probes were looked for there; absent where one is unlooked",
    "contamination.rates.*.value": "the share of a probe's items that overlap with them, by the probe's id",
    "contamination.rates.*.low": "the lower end of its interval",
    "contamination.rates.*.high": "the upper end of its interval",
    "contamination.rates.*.n": "how many items it rests on",
    "contamination.highest": "the highest of these shares' upper ends; absent where a probe is unlooked",
    "contamination.unlooked": "probes none of whose items could be looked for",
    "contamination.datasets.declared": "how many training datasets are declared (training.datasets)",
    "contamination.datasets.looked_at": "those of them whose files are, by their digests, among the files looked at",
    "contamination.datasets.not_looked_at": "those whose files are not",
    "contamination.datasets.unknown": "those of which that cannot be told, each with the reason",
    "contamination.datasets.share": "the share of the declared datasets that was looked at; absent where none is",
    "contamination.over_all_data.highest": "`highest`, where every declared dataset was looked at; absent elsewhere",
    "contamination.over_all_data.items.*": "`items`, where every declared dataset was looked at; absent elsewhere",
}


def compute(record: RunRecord, facts: Mapping[str, Fact]) -> dict[str, Json]:
    """Return counts and rates of the items that overlap with training files, and how much of the data these are."""
    found = record.contamination
    if not found:
        return {}
    rates = {probe.id: probe.metric(_RATE) for probe in found.probes}
    known = {probe_id: rate for probe_id, rate in rates.items() if isinstance(rate, Metric)}
    families = {probe.id: probe.family for probe in record.probes}
    items = {
        family: sum(rate.n for probe_id, rate in known.items() if families[probe_id] == family) for family in FAMILIES
    }
    unlooked = sorted(set(rates) - set(known))
    partly = {families[probe_id] for probe_id in unlooked}
    highest = max((rate.interval.high for rate in known.values()), default=None)
    datasets = _datasets(found, facts)
    told: dict[str, Json] = {
        "items": {str(family): n for family, n in items.items() if n and family not in partly},
        **({} if highest is None or unlooked else {"highest": highest}),
    }
    whole = datasets["declared"] and len(datasets["looked_at"]) == datasets["declared"]
    return {
        "contamination": {
            **told,
            "files": len(found.files),
            "bytes": sum(file.bytes for file in found.files),
            "left_out": sum(found.left_out.values()),
            "rates": {
                probe_id: {
                    "value": rate.value,
                    "low": rate.interval.low,
                    "high": rate.interval.high,
                    "n": rate.n,
                }
                for probe_id, rate in known.items()
            },
            "unlooked": unlooked,
            "datasets": datasets,
            **({"over_all_data": told} if whole else {}),
        }
    }


def _datasets(found: Contamination, facts: Mapping[str, Fact]) -> dict[str, Json]:
    """Return which declared datasets are among the files looked at."""
    declared = facts["training.datasets"].value if "training.datasets" in facts else None
    names: dict[str, list[str]] = {"looked_at": [], "not_looked_at": [], "unknown": []}
    groups = _groups(found.files)
    for entry in declared or []:
        place, why = _place(entry, groups, found)
        name = str(entry["name"] if isinstance(entry, dict) else entry)
        names[place].append(f"{name} of training.datasets ({why})" if why else name)
    if not declared:
        names["unknown"].append("training.datasets is not declared")
    count = len(declared or [])
    return {"declared": count, **names, **({"share": len(names["looked_at"]) / count} if count else {})}


def _place(entry: Json, groups: set[str], found: Contamination) -> tuple[str, str]:
    """Return where a declared dataset belongs, with the reason where it cannot be told."""
    known = entry if isinstance(entry, dict) else {}
    read = known.get("read", {})
    digest = read.get("file_sha256") or (schema.digest_of([known["sha256"]]) if "sha256" in known else "")
    if not digest:
        return "unknown", "declared without its files: give its folder, a Croissant file, or a file's sha256"
    if digest not in groups:
        return "not_looked_at", ""
    if read.get("other_files"):
        return "unknown", f"{read['other_files']} of its files are of no format that can be looked at"
    if found.columns:
        return "unknown", f"only {', '.join(found.columns)} was read of its rows"
    return "looked_at", ""


def _groups(files: Iterable[FileDigest]) -> set[str]:
    """Return the digests over the files of each folder looked at, those of its folders too, and of each single file."""
    groups: dict[str, list[str]] = {}
    single = set()
    for file in files:
        single.add(schema.digest_of([file.sha256]))
        for folder in PurePosixPath(file.path).parents:
            groups.setdefault(str(folder), []).append(file.sha256)
    return single | {schema.digest_of(sorted(digests)) for digests in groups.values()}
