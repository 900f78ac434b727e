"""Calibrating: a scorer run over texts that people have labelled, and how often the two agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from auditor import calibration, registry, stats
from auditor.errors import ScorerError, UsageError, foreign_faults, nearest
from auditor.labelled import Labelled, LabelledText
from auditor.scorers.base import Classifier, Rating
from auditor.types import Answer, Calibration, Errors, Figure, LabelledTexts, NoFigure, Reason, ScorerRef, Unscored

MIN_TEXTS = 10
THRESHOLD = 0.5
_REFUSAL = "refusal"
_UNREAD = "are they empty, incoherent, or in a language that it does not read? see `auditor scorers show`"
_BY_LABEL = {_REFUSAL: "by rules", "minilm-refusal": "by a head of its own"}


class Decision(Struct, frozen=True, kw_only=True):
    """Whether a scorer takes a text for one that shows its construct, and the rating that says so, if there is one."""

    positive: bool
    rating: float | None = None


class Decider(Protocol):
    """Decides on texts. `measures` is the construct that it decides on."""

    ref: ScorerRef
    measures: str

    @property
    def threshold(self) -> float | None:
        """Return the rating from which on it decides for the construct, None where it does not rate."""
        ...

    def decide(self, texts: Sequence[LabelledText]) -> list[Decision | None]:
        """Return one decision a text, in order; None for a text that it cannot decide on."""
        ...


class About(Struct, frozen=True, kw_only=True):
    """What the user says of the data: what is labelled in them, where they come from, their terms and languages."""

    construct: str = ""
    source: str = ""
    licence: str = ""
    languages: tuple[str, ...] = ()


def check_name(name: str, *, threshold: float | None) -> None:
    """Check what `NAME[:ARGUMENT]` names, and a threshold for it; nothing is opened.

    Raises:
        UsageError: nothing that can be calibrated has that name, or a threshold is given for what does not rate.
    """
    kind, _, argument = name.partition(":")
    if threshold is not None and not 0 <= threshold <= 1:  # not: NaN is outside, too
        raise UsageError(f"--threshold {threshold} is no rating", hint="a rating is a number from 0 to 1")
    known = [*registry.names("classifiers"), *_BY_LABEL]
    if kind not in known:
        raise UsageError(f"{name!r} is nothing that can be calibrated", hint=nearest(kind, known))
    if kind in _BY_LABEL and (argument or threshold is not None):
        raise UsageError(f"{kind} decides {_BY_LABEL[kind]}", hint="it takes no argument and no --threshold")


def open_decider(name: str, *, threshold: float | None, offline: bool, allow_pickle: bool) -> Decider:
    """Return what `NAME[:ARGUMENT]` names: a classifier, or a scorer of refusals.

    Raises:
        UsageError: see `check_name`.
        ScorerError: it cannot be opened.
    """
    check_name(name, threshold=threshold)
    kind, _, argument = name.partition(":")
    if kind in _BY_LABEL:
        return _ByLabel(kind)
    classifier = registry.load("classifiers", kind)(argument, offline=offline, allow_pickle=allow_pickle)
    return _ByRating(classifier, THRESHOLD if threshold is None else threshold)


def needs_prompt(name: str) -> bool:
    """Return whether a scorer reads the prompt beside the text."""
    return name.partition(":")[0] in _BY_LABEL


def calibrate(decider: Decider, labelled: Labelled, texts: LabelledTexts, about: About) -> Calibration:
    """Return how a scorer's decisions agree with people's labels, over all texts and by subgroup.

    Texts without a decision are counted and left out. Subgroups are those that a column in `texts.groups` names.

    Raises:
        ScorerError: the scorer fails, or has a score for no text.
    """
    with foreign_faults(f"{decider.ref.name} failed on {labelled.file.path}", ScorerError, hint="see --debug"):
        decisions = decider.decide(labelled.rows)
        pairs = list(zip(labelled.rows, decisions, strict=True))
    decided = [(text, decision) for text, decision in pairs if isinstance(decision, Decision)]
    if not decided:
        raise ScorerError(f"{decider.ref.name} has a score for no text of {labelled.file.path}", hint=_UNREAD)
    groups = sorted({(column, value) for text, _ in decided for column, value in text.groups.items()})
    return calibration.seal(
        Calibration(
            schema=calibration.SCHEMA,
            scorer=decider.ref,
            construct=about.construct or decider.measures,
            threshold=decider.threshold,
            data=labelled.file,
            source=about.source,
            licence=about.licence,
            languages=about.languages,
            texts=texts,
            n=len(decided),
            n_unscored=len(pairs) - len(decided),
            n_left_out=labelled.n_left_out,
            overall=errors_of(decided, {}),
            subgroups=tuple(
                errors_of([row for row in decided if row[0].groups.get(column) == value], {column: value})
                for column, value in groups
            ),
        )
    )


Decided = Sequence[tuple[LabelledText, Decision]]


def errors_of(decided: Decided, group: dict[str, str]) -> Errors:
    """Return counts and figures over some texts; see `Errors`.

    Sensitivity and specificity: a share, 0–1, ideal 1, with Wilson's interval on the effective sample size. A figure
    over fewer than `MIN_TEXTS` texts of a class that it needs is undefined.
    """
    positive = [(text, decision) for text, decision in decided if text.positive]
    negative = [(text, decision) for text, decision in decided if not text.positive]
    tp = sum(decision.positive for _, decision in positive)
    fp = sum(decision.positive for _, decision in negative)
    sensitivity, specificity = _share(positive, wanted=True), _share(negative, wanted=False)
    return Errors(
        group=group,
        tp=tp,
        fn=len(positive) - tp,
        fp=fp,
        tn=len(negative) - fp,
        sensitivity=sensitivity,
        specificity=specificity,
        balanced_accuracy=_joint(sensitivity, specificity, balanced=True),
        youden=_joint(sensitivity, specificity, balanced=False),
        auc=_auc(positive, negative),
    )


def _share(decided: Decided, *, wanted: bool) -> Figure | NoFigure:
    reason = _too_few(len(decided))
    if reason:
        return NoFigure(reason=reason, n=len(decided))
    values = np.array([decision.positive is wanted for _, decision in decided], dtype=np.float64)
    clusters = [text.cluster for text, _ in decided]
    return Figure(
        value=float(values.mean()),
        interval=stats.proportion_interval(values, clusters),
        n=len(decided),
        n_effective=stats.effective_n(values, clusters),
    )


def _too_few(*counts: int) -> Reason | None:
    if min(counts) == 0:
        return Reason.EMPTY_DENOMINATOR
    return Reason.TOO_FEW_SAMPLES if min(counts) < MIN_TEXTS else None


def _joint(sensitivity: Figure | NoFigure, specificity: Figure | NoFigure, *, balanced: bool) -> Figure | NoFigure:
    """Return Youden's J, or the balanced accuracy, which is (J + 1) / 2."""
    n = sensitivity.n + specificity.n
    if isinstance(sensitivity, NoFigure) or isinstance(specificity, NoFigure):
        return NoFigure(reason=_too_few(sensitivity.n, specificity.n) or Reason.TOO_FEW_SAMPLES, n=n)
    interval = stats.youden_interval(sensitivity.worth, specificity.worth)
    youden = sensitivity.value + specificity.value - 1
    if not balanced:
        return Figure(value=youden, interval=interval, n=n)
    halved = replace(interval, low=(interval.low + 1) / 2, high=(interval.high + 1) / 2)
    return Figure(value=(youden + 1) / 2, interval=halved, n=n)


def _auc(positive: Decided, negative: Decided) -> Figure | NoFigure:
    n = len(positive) + len(negative)
    ratings = [decision.rating for _, decision in [*positive, *negative]]
    scores = np.array([rating for rating in ratings if rating is not None], dtype=np.float64)
    if len(scores) < n:
        return NoFigure(reason=Reason.DECISION_ONLY, n=n)
    reason = _too_few(len(positive), len(negative))
    if reason:
        return NoFigure(reason=reason, n=n)
    labels = np.arange(n) < len(positive)
    clusters = [text.cluster for text, _ in [*positive, *negative]]
    return Figure(value=stats.auc(scores, labels), interval=stats.auc_interval(scores, labels, clusters), n=n)


class _ByRating:
    """A classifier and the rating from which on it takes a text for a positive one."""

    def __init__(self, classifier: Classifier, threshold: float) -> None:
        self.ref = classifier.ref
        self.measures = classifier.measures
        self.threshold = threshold
        self._classifier = classifier

    def decide(self, texts: Sequence[LabelledText]) -> list[Decision | None]:
        """Return a decision for each text that holds something to rate, and has a rating within 0–1."""
        different = sorted({text.text for text in texts if text.text.strip()})
        ratings = dict(zip(different, self._classifier.rate(different), strict=True))
        return [self._decided(ratings.get(text.text)) for text in texts]

    def _decided(self, rating: Rating | Unscored | None) -> Decision | None:
        if not isinstance(rating, Rating) or not 0 <= rating.value <= 1:  # not: NaN is outside, too
            return None
        return Decision(positive=rating.value >= self.threshold, rating=rating.value)


class _ByLabel:
    """A scorer of refusals, which takes a reply for a refusal, full or partial, or for compliance."""

    measures = _REFUSAL
    threshold = None

    def __init__(self, name: str) -> None:
        self._scorer = registry.load("scorers", name)()
        self._scorer.open()
        self.ref = self._scorer.ref

    def decide(self, texts: Sequence[LabelledText]) -> list[Decision | None]:
        """Return a decision for each coherent English reply; its rates leave the others out, too."""
        from auditor.scorers.reply_language import unsupported_language

        english = [not unsupported_language(text.text) for text in texts]
        read = tuple(text.text for text, is_english in zip(texts, english, strict=True) if is_english)
        self._scorer.prepare([Answer(completions=read)])
        found: list[Decision | None] = []
        for text, is_english in zip(texts, english, strict=True):
            [(label, _)] = self._scorer.labelled(text.prompt, [text.text]) if is_english else [("incoherent", "")]
            found.append(None if label == "incoherent" else Decision(positive=label != "full_compliance"))
        return found
