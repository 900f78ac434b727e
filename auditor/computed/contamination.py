"""What was found of the items in training files, so that a policy can ask for it; nothing where none were given."""

from __future__ import annotations

from auditor.types import FAMILIES, Json, Metric, RunRecord

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
}


def compute(record: RunRecord) -> dict[str, Json]:
    """Return counts and rates of the items that overlap with training files."""
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
    return {
        "contamination": {
            "files": len(found.files),
            "bytes": sum(file.bytes for file in found.files),
            "left_out": sum(found.left_out.values()),
            "items": {str(family): n for family, n in items.items() if n and family not in partly},
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
            **({} if highest is None or unlooked else {"highest": highest}),
        }
    }
