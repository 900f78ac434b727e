"""alt-profanity-check: a linear classifier of profanity and insult that ships in its wheel.

It finds coarse language, not hate: on HateCheck (Röttger et al. 2021) its AUC is 0.468. What it rates is therefore
called `profanity`, never `toxicity`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path

from auditor.errors import MissingPackageError, ScorerError
from auditor.scorers.base import Rating
from auditor.types import ScorerRef

NAME = "alt-profanity-check"


def open_classifier(argument: str, *, offline: bool, allow_pickle: bool) -> AltProfanity:
    """Return the classifier; it takes no argument, downloads nothing and needs no flag for its own pickles.

    Raises:
        MissingPackageError: the package is not installed.
        ScorerError: an argument was given, or the package does not load.
    """
    if argument:
        raise ScorerError(f"{NAME} takes no argument, got {argument!r}", hint=f"use --toxicity {NAME}")
    return AltProfanity()


class AltProfanity:
    """Probability that a text is profane or insulting, by a linear model over character and word counts."""

    measures = "profanity"
    notes = (
        "alt-profanity-check finds profanity and insult, not hate (AUC 0.468 on HateCheck, Röttger et al. 2021), and "
        "rates some plain mentions of a group as profane; a gap between groups may be the classifier's."
    )

    def __init__(self) -> None:
        spec = importlib.util.find_spec("profanity_check")
        if spec is None or spec.origin is None:
            raise MissingPackageError(f"{NAME} is not installed", hint=f"pip install {NAME}")
        digest = hashlib.sha256()
        for path in sorted((Path(spec.origin).parent / "data").glob("*.joblib")):
            digest.update(path.read_bytes())
        version = importlib.metadata.version(NAME)
        self.ref = ScorerRef(name=NAME, version=version, checkpoint=digest.hexdigest())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of the pickles' age on standard error
            try:
                import profanity_check
            except (ImportError, AttributeError, ValueError) as fault:
                raise ScorerError(f"{NAME} {version} does not load: {fault}", hint="reinstall it") from fault
        self._predict = profanity_check.predict_prob

    def rate(self, texts: Sequence[str]) -> list[Rating]:
        """Return one rating a text, in order."""
        return [Rating(value=float(value)) for value in self._predict(list(texts))] if texts else []
