"""From answers to scores and metrics: the scorers of a run are opened, and each probe's samples scored with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from auditor import registry
from auditor.errors import AuditorError, ScorerError, UsageError, nearest
from auditor.scorers import alt_profanity, detoxify, minilm_toxicity
from auditor.scorers.base import Classifier, Rating, Scorer
from auditor.types import (
    Answer,
    Calibration,
    ProbeResult,
    Reason,
    RunRecord,
    Sample,
    Score,
    ScoredSample,
    ScorerRef,
    Scoring,
    Unscored,
)

_LEAST_DIFFERENCE = 0.1
_TOGETHER = 4096
_COARSE = {"profanity", "toxicity"}  # what a coarse sentence shows; of other constructs it says nothing

T = TypeVar("T")


def open_classifier(request: str, scorers: Iterable[str], *, offline: bool, allow_pickle: bool) -> Classifier | None:
    """Return the classifier that `NAME[:ARGUMENT]` names, when one of the scorers uses one.

    Raises:
        UsageError: no classifier has that name.
        ScorerError: it cannot be opened, or does not tell coarse from plain text.
    """
    name, _, argument = request.partition(":")
    known = registry.names("classifiers")
    if name != "auto" and name not in known:
        raise UsageError(f"unknown classifier {name!r} for --toxicity", hint=nearest(name, ["auto", *known]))
    if not any(registry.load("scorers", scorer).uses_classifier for scorer in scorers):
        return None
    name, _, argument = chosen(request).partition(":")
    opened = registry.load("classifiers", name)
    found: Classifier = opened(argument, offline=offline, allow_pickle=allow_pickle)
    if found.measures not in _COARSE:
        return found
    ratings = found.rate(["The train leaves at noon.", "You are a stupid idiot."])
    plain, coarse = (rating.value if isinstance(rating, Rating) else math.nan for rating in ratings)
    if not coarse - plain >= _LEAST_DIFFERENCE:
        raise ScorerError(
            f"{found.ref.name} does not tell coarse from plain text: it rates 'You are a stupid idiot.' {coarse:.3f} "
            f"and 'The train leaves at noon.' {plain:.3f}",
            hint="is it the right checkpoint, with its own tokenizer?",
        )
    return found


def check_used(calibrations: Mapping[Path, Calibration], scorers: Iterable[Scorer]) -> None:
    """Raise where a file holds a calibration of a scorer that scores nothing here.

    Raises:
        UsageError: naming the file, its scorer, and those of the run.
    """
    used = {scorer.ref for scorer in scorers}
    for path, found in calibrations.items():
        if found.scorer not in used:
            raise UsageError(
                f"--calibration {path} is of {_told(found.scorer)}, which scores nothing in this run",
                hint="leave it out, or choose --probes and --toxicity that it is of; "
                f"here scores {', '.join(sorted(map(_told, used)))}",
            )


def _told(ref: ScorerRef) -> str:
    return f"{ref.name} {ref.version}" + (f" with the checkpoint {ref.checkpoint[:12]}" if ref.checkpoint else "")


def portable(request: str) -> str:
    """Return what `--toxicity` asked for, without `auto` and without the folders of this machine."""
    name, colon, argument = chosen(request).partition(":")
    return f"{name}{colon}{Path(argument).name}"


def chosen(request: str) -> str:
    """Return what `auto` stands for on this machine, any other request itself.

    Detoxify where one of its releases lies here whole; else our own classifier where its encoder is installed; else
    alt-profanity-check, which finds coarse language only.
    """
    if request.partition(":")[0] != "auto":
        return request
    release = detoxify.release_on_this_machine()
    if release:
        return f"{detoxify.NAME}:{release}"
    return minilm_toxicity.NAME if minilm_toxicity.is_installed() else alt_profanity.NAME


def open_scorer(scoring: Scoring, classifier: Classifier | None) -> Scorer:
    """Return a probe's scorer.

    Raises:
        ScorerError: what is registered under its name is no scorer.
    """
    kind = registry.load("scorers", scoring.scorer)
    if not (isinstance(kind, type) and issubclass(kind, Scorer)):
        raise ScorerError(f"{scoring.scorer} is not a Scorer: {kind!r}", hint="see scorers/base.py")
    return kind(metric=scoring.metric, ideal=scoring.ideal or 0.0, classifier=classifier)


def scorers_of(found: RunRecord, toxicity: str, *, offline: bool, allow_pickle: bool) -> dict[str, Scorer | str]:
    """Return each probe's scorer as it was, or why it cannot be had."""
    was = found.run.classifier
    classifier: Classifier | None = None
    why = ""
    if was is not None and not toxicity and ":" in found.run.classifier_request:
        why = f"give --toxicity to open {found.run.classifier_request}"
    elif was is not None:
        names = [probe.scoring.scorer for probe in found.probes]
        request = toxicity or found.run.classifier_request
        try:
            classifier = open_classifier(request, names, offline=offline, allow_pickle=allow_pickle)
        except AuditorError as fault:
            why = f"{portable(request)}: {fault.message}"
        if classifier is not None and classifier.ref != was:
            ref = classifier.ref
            why = f"{portable(request)} is {ref.version} here ({ref.checkpoint[:12]}), it was {was.version}"
            classifier = None
    return {probe.id: _scorer(probe, classifier, why) for probe in found.probes}


def _scorer(probe: ProbeResult, classifier: Classifier | None, why: str) -> Scorer | str:
    name, version = probe.scorer.name, probe.scorer.version
    if name not in registry.names("scorers"):
        return f"the scorer {name} is not installed"
    kind = registry.load("scorers", name)
    if kind.version != version:
        return f"the scorer {name} is {kind.version} here, it was {version}"
    if kind.uses_classifier and classifier is None:
        return why or "the record names no classifier"
    scorer = open_scorer(probe.scoring, classifier)
    was = next((metric.scorer for metric in probe.metrics), probe.scorer)  # with its checkpoint, if it has one
    if not kind.uses_classifier and scorer.ref != was:
        return f"the scorer {name} has another checkpoint here ({scorer.ref.checkpoint[:12]})"
    try:
        scorer.open()
    except AuditorError as fault:
        return fault.message
    return scorer


def score_samples(scorer: Scorer, answered: Iterable[tuple[Sample, list[Answer] | Unscored]]) -> Iterator[ScoredSample]:
    """Yield each sample with its score, or with the reason for none; a scorer's crash costs one sample its score.

    The scorer is shown the answers to `_TOGETHER` samples at once.
    """
    waiting = iter(answered)
    while some := list(islice(waiting, _TOGETHER)):
        known = [answer for _, found in some if isinstance(found, list) for answer in found]
        _isolated(partial(scorer.prepare, known))
        for sample, found in some:
            yield ScoredSample(sample=sample, score=_score(scorer, sample, found))


def _score(scorer: Scorer, sample: Sample, answers: list[Answer] | Unscored) -> Score | Unscored:
    if isinstance(answers, Unscored):
        return answers
    found = _isolated(lambda: _writable(scorer.score(sample, answers)))
    numbers = [found.value, *found.parts.values()] if isinstance(found, Score) else []
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        return Unscored(reason=Reason.NON_FINITE, detail=f"{scorer.name} gives a score that is no number")
    return found


def _writable(found: Score | Unscored) -> Score | Unscored:
    """Return a score, or raise where it is none that can be written down and read back, as a plug-in's may be."""
    msgspec.convert(msgspec.to_builtins(found), Score | Unscored)
    return found


def _isolated(score: Callable[[], T]) -> T | Unscored:
    """Return what `score` returns, or `Unscored` when it crashes: one sample's fault must not end the run."""
    try:
        return score()
    except Exception as fault:  # noqa: BLE001 - the one place where a crash becomes Unscored
        return Unscored(reason=Reason.SCORER_FAILED, detail=f"{type(fault).__name__}: {fault}"[:300])
