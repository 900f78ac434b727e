"""The record's metrics as plain bounds, so that a schema over the card can ask for them."""

from __future__ import annotations

from auditor.types import FAMILIES, Json, Metric, RunRecord

_MOST_UNSCORED = 0.05  # of the samples, as a rule allows unless it says otherwise
KEYS = {
    "metrics.*.value": "a metric over all samples, by its address (`probe:name`); absent where it is undefined",
    "metrics.*.low": "the lower end of its interval",
    "metrics.*.high": "the upper end of its interval",
    "metrics.*.n": "how many samples it rests on",
    "metrics.*.n_unscored": "how many samples gave no score",
    "measured.*": "how many probes of a family were asked whole and gave a metric with at most 5 % unscored",
    "partial_probes": "probes of which only a part was asked",
    "gaps_measured": "how many metrics are gaps between groups",
    "corrected": "how many metrics allow for their scorer's measured errors",
    "uncorrected": "how many metrics rest on a scorer whose errors nobody has measured",
}


def compute(record: RunRecord) -> dict[str, Json]:
    """Return bounds and counts of the metrics; a probe of which much was not asked or not scored is not measured."""
    metrics: dict[str, Json] = {}
    measured = dict.fromkeys(FAMILIES, 0)
    every: list[Metric] = []
    for probe in record.probes:
        found = [metric for metric in probe.metrics if isinstance(metric, Metric) and not metric.slice]
        every += found
        sound = [metric for metric in found if metric.n_unscored <= _MOST_UNSCORED * (metric.n + metric.n_unscored)]
        measured[probe.family] += bool(sound) and not probe.partial
        metrics |= {f"{probe.id}:{metric.key.name}": _bounds(metric) for metric in found}
    corrections = [metric.correction for metric in every if metric.correction is not None]
    return {
        "metrics": metrics,
        "measured": {str(family): count for family, count in measured.items()},
        "partial_probes": sorted(probe.id for probe in record.probes if probe.partial),
        "gaps_measured": sum(metric.gap is not None for metric in every),
        "corrected": sum(bool(correction.calibration) for correction in corrections),
        "uncorrected": sum(not correction.calibration for correction in corrections),
    }


def _bounds(metric: Metric) -> dict[str, Json]:
    return {
        "value": metric.value,
        "low": metric.interval.low,
        "high": metric.interval.high,
        "n": metric.n,
        "n_unscored": metric.n_unscored,
    }
