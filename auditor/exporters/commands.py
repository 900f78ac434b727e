"""The command that makes a card's record again."""

from __future__ import annotations

import shlex
from typing import Any

from auditor.types import HUB, Card

CLASSIFIER = "classifier"  # the backend of a record that calibrations were made into, in place of a run


def _model_words(card: Card) -> str:
    """Return the model as it was asked for, a Hub repository with its commit."""
    model = card.model
    return f"{model.repository}@{model.revision}" if model.repository else model.requested


def command(card: Card) -> str:
    """Return the command that makes the record again, quoted for a shell."""
    if card.backend.name == CLASSIFIER:
        return "make calibrations && python -m training.card"
    words: list[Any] = ["auditor", "run", "--model", _model_words(card), "--seed", card.run.seed]
    for pack in card.run.packs:
        words += ["--pack", pack]
    words += ["--probes", ",".join(probe.id for probe in card.probes)]
    from_hub = {file.path.startswith(HUB) for probe in card.probes for file in probe.data_files}
    words += ["--data-dir", "DIR"] if False in from_hub else []
    words += ["--data-hub"] if True in from_hub else []
    for probe in card.probes:
        for file in probe.data_files:
            words += ["--hub-place", f"{probe.id}={file.path.removeprefix(HUB)}"] if file.path.startswith(HUB) else []
    if card.run.limit is not None:
        words += ["--limit", card.run.limit]
    if card.run.classifier is not None:
        words += ["--toxicity", card.run.classifier_request]
    for calibration in card.run.calibrations:
        words += ["--calibration", calibration]
    if card.contamination:
        words += ["--training-data", "FILES"]
        for column in card.contamination.columns:
            words += ["--training-column", column]
    words += ["--device", card.backend.device, "--dtype", card.backend.dtype]
    words += ["--trust-remote-code"] if card.backend.trust_remote_code else []
    words += ["--allow-pickle"] if card.backend.allow_pickle else []
    text = " ".join(shlex.quote(str(word)) for word in words)
    return "".join(char if char.isprintable() else " " for char in text).replace("`", "'")
