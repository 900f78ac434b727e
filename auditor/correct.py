"""Rates corrected for the measured error of the scorer that they rest on, each beside its raw rate.

A corrected rate assumes that the scorer errs on the model's texts as it did on the labelled ones. Errors differ from
group to group, so a slice is never corrected by the errors over all groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from auditor import stats
from auditor.scorers.base import Fallible, Scorer, corrected_name
from auditor.types import (
    Calibration,
    Correction,
    Interval,
    Metric,
    NoFigure,
    ProbeResult,
    Reason,
    Undefined,
    choose,
)


def correct(result: ProbeResult, scorer: Scorer, calibrations: Sequence[Calibration]) -> ProbeResult:
    """Return the result with its scorer's calibrations by digest, and with a corrected rate after each fallible one.

    `calibrations` are the user's, then the shipped ones, those over the most texts first.
    """
    own = calibrations_for(scorer, calibrations)
    metrics: list[Metric | Undefined] = []
    for metric in result.metrics:
        metrics.append(metric)
        fallible = scorer.fallible.get(metric.key.name)
        if fallible and not metric.slice:
            metrics.append(corrected(metric, fallible, own, result.languages))
    named = tuple(dict.fromkeys(calibration.digest for calibration in own))
    return msgspec.structs.replace(result, metrics=tuple(metrics), calibrations=named)


def calibrations_for(scorer: Scorer, calibrations: Sequence[Calibration]) -> list[Calibration]:
    """Return a scorer's own calibrations, in their order, those at the threshold that it decides by before others."""
    thresholds = {fallible.threshold for fallible in scorer.fallible.values()}
    own = [found for found in calibrations if found.scorer == scorer.ref]
    return sorted(own, key=lambda found: found.threshold not in thresholds)


def corrected(
    metric: Metric | Undefined, fallible: Fallible, calibrations: Sequence[Calibration], languages: Sequence[str]
) -> Metric | Undefined:
    """Return a raw rate's sister, corrected by the first calibration that fits.

    Formula: (rate + specificity − 1) / (sensitivity + specificity − 1), cut to 0–1; `n_effective` stands for the
    sample in place of n, since samples of one cluster are not independent. Range 0–1, ideal that of the raw rate.
    Unscored samples are left out of both. Undefined where the raw rate is, without a calibration (`UNCALIBRATED`), and
    where Youden's J is not clearly above 0 (`SCORER_NOT_BETTER_THAN_CHANCE`). Interval: Lang & Reiczigel.

    Source: Rogan & Gladen 1978, "Estimating prevalence from the results of a screening test", Am. J. Epidemiology 107;
    Lang & Reiczigel 2014, "Confidence limits for prevalence of disease adjusted for estimated sensitivity and
    specificity", Preventive Veterinary Medicine 113. Differs in that all three samples are counted by what they are
    worth where they are clustered.
    """
    fitting = (found for found in calibrations if found.threshold == fallible.threshold)
    chosen = choose(fitting, scorer=metric.scorer, construct=fallible.construct, languages=languages)
    correction = Correction(
        of=metric.key.name,
        construct=fallible.construct,
        calibration=chosen.digest if chosen else "",
        data=chosen.name if chosen else "",
    )
    key = msgspec.structs.replace(metric.key, name=corrected_name(metric.key.name))
    if isinstance(metric, Undefined):
        return msgspec.structs.replace(metric, key=key, correction=correction)
    found = _estimate(metric, chosen, complement=fallible.complement)
    if isinstance(found, Reason):
        return Undefined(
            key=key,
            slice=metric.slice,
            reason=found,
            n=metric.n,
            n_unscored=metric.n_unscored,
            scorer=metric.scorer,
            data_digest=metric.data_digest,
            correction=correction,
        )
    return msgspec.structs.replace(metric, key=key, value=found[0], interval=found[1], correction=correction)


def _estimate(metric: Metric, chosen: Calibration | None, *, complement: bool) -> tuple[float, Interval] | Reason:
    """Return the corrected rate and its interval, or why there is none."""
    if chosen is None or metric.n_effective is None:
        return Reason.UNCALIBRATED
    sensitivity, specificity = chosen.overall.sensitivity, chosen.overall.specificity
    if complement:
        sensitivity, specificity = specificity, sensitivity
    if isinstance(sensitivity, NoFigure) or isinstance(specificity, NoFigure):
        return Reason.UNCALIBRATED
    positive = metric.value * metric.n_effective
    interval = stats.corrected_rate_interval(
        positive, metric.n_effective, sens=sensitivity.worth, spec=specificity.worth
    )
    if interval is None:
        return Reason.SCORER_NOT_BETTER_THAN_CHANCE
    return stats.rogan_gladen(metric.value, sensitivity.value, specificity.value), interval
