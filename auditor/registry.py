"""Names of scorers, backends and exporters, and where their code is. One line adds one."""

from __future__ import annotations

import functools
import importlib
import sys
from importlib.metadata import EntryPoint, entry_points

from auditor.errors import AuditorError, UsageError, foreign_faults, nearest
from auditor.types import Json

SCORERS = {
    "pair_preference": "auditor.scorers.pairs:PairPreference",
    "pair_contrast": "auditor.scorers.pairs:PairContrast",
    "multiple_choice": "auditor.scorers.multiple_choice:MultipleChoice",
    "ambiguity_bias": "auditor.scorers.ambiguity_bias:AmbiguityBias",
    "claim_verdict": "auditor.scorers.claim_verdict:ClaimVerdict",
    "behaviour_choice": "auditor.scorers.behaviour_choice:BehaviourChoice",
    "opinion_shift": "auditor.scorers.opinion_shift:OpinionShift",
    "bbq": "auditor.scorers.bbq:BBQ",
    "truthfulqa": "auditor.scorers.truthfulqa:TruthfulQA",
    "truthfulqa_generation": "auditor.scorers.truthfulqa_generation:TruthfulQAGeneration",
    "pronoun_reference": "auditor.scorers.pronoun_reference:PronounReference",
    "hate_verdict": "auditor.scorers.hate_verdict:HateVerdict",
    "matching_behaviour": "auditor.scorers.matching_behaviour:MatchingBehaviour",
    "text_rating": "auditor.scorers.text_rating:TextRating",
    "stereoset": "auditor.scorers.stereoset:StereoSet",
    "pronoun_parity": "auditor.scorers.pronoun_parity:PronounParity",
    "refusal": "auditor.scorers.refusal:Refusal",
    "minilm-refusal": "auditor.scorers.minilm_refusal:MiniLMRefusal",
}
CLASSIFIERS = {
    "alt-profanity-check": "auditor.scorers.alt_profanity:open_classifier",
    "detoxify": "auditor.scorers.detoxify:open_classifier",
    "minilm-toxicity": "auditor.scorers.minilm_toxicity:open_classifier",
    "text-classification": "auditor.scorers.text_classifier:open_classifier",
}
BACKENDS = {
    "hf": "auditor.backends.hf:open_backend",
    "masked": "auditor.backends.masked:open_backend",
}
RENDERINGS = {
    "markdown": "auditor.exporters.markdown:render",
    "html": "auditor.exporters.html:render",
    "json": "auditor.exporters.as_json:render",
    "summary": "auditor.exporters.summary:render",
    "mdf-ai-office": "auditor.exporters.forms:mdf_ai_office",
    "mdf-authorities": "auditor.exporters.forms:mdf_authorities",
    "mdf-downstream": "auditor.exporters.forms:mdf_downstream",
    "mdf-public": "auditor.exporters.forms:mdf_public",
    "training-summary": "auditor.exporters.forms:training_summary",
    "datasheet": "auditor.exporters.forms:datasheet",
    "eval-results": "auditor.exporters.hub:eval_results",
}
EXPORTERS = {
    "console": "auditor.exporters.console:render",
}
FORMATS = {
    "cyclonedx": "auditor.exporters.cyclonedx:export",
    "spdx3": "auditor.exporters.spdx3:export",
    "croissant": "auditor.exporters.croissant:export",
    "in-toto-test-result": "auditor.exporters.in_toto:export_test_result",
    "in-toto-svr": "auditor.exporters.in_toto:export_svr",
    "every-eval-ever": "auditor.exporters.every_eval_ever:export",
    "junit": "auditor.exporters.junit:export",
    "sarif": "auditor.exporters.sarif:export",
    "github-summary": "auditor.exporters.github_summary:export",
}
_BUILT_IN = {
    "scorers": SCORERS,
    "classifiers": CLASSIFIERS,
    "backends": BACKENDS,
    "renderings": RENDERINGS,
    "exporters": EXPORTERS,
    "formats": FORMATS,
}


def names(kind: str) -> dict[str, str]:
    """Return every known name of a kind with its `module:attribute`, third parties' included.

    Raises:
        AuditorError: two packages offer the same name.
    """
    found = dict(_BUILT_IN[kind])
    for point in _offered(f"auditor.{kind}", tuple(sys.path)):
        if point.name in found:
            raise AuditorError(
                f"two packages offer the {kind[:-1]} {point.name!r}: {found[point.name]} and {point.value}",
                hint="uninstall one of them",
            )
        found[point.name] = point.value
    return found


@functools.lru_cache(maxsize=8)
def _offered(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return what installed packages offer; reading them anew for each name takes longer than judging a record."""
    return tuple(entry_points(group=group))


def load(kind: str, name: str) -> Json:
    """Return the object registered under a name.

    Raises:
        UsageError: the name is unknown.
        AuditorError: its module does not load.
    """
    known = names(kind)
    if name not in known:
        raise UsageError(f"unknown {kind[:-1]} {name!r}", hint=nearest(name, known))
    module, _, attribute = known[name].partition(":")
    with foreign_faults(
        f"the {kind[:-1]} {name!r} ({known[name]}) does not load",
        AuditorError,
        hint="run `auditor doctor` to see what is missing",
    ):
        return getattr(importlib.import_module(module), attribute)
