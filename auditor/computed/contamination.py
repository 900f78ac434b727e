"""What was found of the items in training files, so that a policy can ask for it; nothing where none were given."""

from __future__ import annotations

from auditor.types import FAMILIES, Json, Metric, RunRecord

_RATE = "overlap_rate"
KEYS = {
    "contamination.files": "how many training files the items were looked for in",
    "contamination.bytes": "their bytes together",
    "contamination.items.*": "how many items of a family's probes were looked for there; absent without one",
    "contamination.rates.*.value": "the share of a probe's items that overlap with them, by the probe's id",
    "contamination.rates.*.low": "the lower end of its interval",
    "contamination.rates.*.high": "the upper end of its interval",
    "contamination.rates.*.n": "how many items it rests on",
    "contamination.highest": "the highest of these shares' upper ends",
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
    highest = max((rate.interval.high for rate in known.values()), default=None)
    return {
        "contamination": {
            "files": len(found.files),
            "bytes": sum(file.bytes for file in found.files),
            "items": {str(family): count for family, count in items.items() if count},
            "rates": {
                probe_id: {
                    "value": rate.value,
                    "low": rate.interval.low,
                    "high": rate.interval.high,
                    "n": rate.n,
                }
                for probe_id, rate in known.items()
            },
            "unlooked": sorted(set(rates) - set(known)),
            **({} if highest is None else {"highest": highest}),
        }
    }
