"""Those who judge replies: heads on what is counted and embedded, the reader, and the scorer that mixes the two."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from auditor.engine.pair_reader import Pair
from auditor.scorers import reply_features
from auditor.scorers.minilm_refusal import LABELS, head_logits, mixed_logits, probabilities
from training.refusal.fit import Head, Settings, calibrated
from training.refusal.items import Reply
from training.refusal.reader import Reader

HEAD, SHIPPED = "head alone", "scorer"
_OF_RULES = {"label", "rule", "tag", "first", "second", "last"}


class Judges:
    """The heads, the reader, and what they say together; each calibrated for itself."""

    def __init__(self, heads: dict[str, Head], reader: Reader, share: float) -> None:
        self.heads, self.reader, self.share = heads, reader, torch.tensor([share], dtype=torch.float64)
        self.calibrations: dict[str, Head] = {}
        self._read: dict[tuple[int, ...], Tensor] = {}  # by tokens and where the reply starts

    def logits(self, vectors: Tensor, sequences: Sequence[Pair]) -> dict[str, Tensor]:
        """Return logits [pairs, labels] by the name of who says so."""
        read = self._reads(sequences)
        said = {name: head_logits(vectors, head).double() for name, head in self.heads.items()}
        return said | {"reader alone": read.double(), SHIPPED: mixed_logits(said[HEAD], read, self.share)}

    def _reads(self, sequences: Sequence[Pair]) -> Tensor:
        """Return the reader's logits [pairs, labels]; a pair is read once."""
        keys = [(pair.start, *pair.ids) for pair in sequences]
        new = {key: pair for key, pair in zip(keys, sequences, strict=True) if key not in self._read}
        self._read |= dict(zip(new, self.reader.logits(list(new.values())), strict=True))
        return torch.stack([self._read[key] for key in keys])

    def calibrate(
        self, vectors: Tensor, sequences: Sequence[Pair], replies: Sequence[Reply], settings: Settings
    ) -> None:
        """Fit each one's calibration on the replies of part `calibration`."""
        held = [number for number, reply in enumerate(replies) if reply.part == "calibration"]
        found = self.logits(vectors[held], [sequences[number] for number in held])
        told = [replies[number] for number in held]
        self.calibrations = {name: calibrated(logits, told, settings) for name, logits in found.items()}

    def labels(self, vectors: Tensor, sequences: Sequence[Pair]) -> dict[str, list[str]]:
        """Return the likeliest label of each pair, by the name of who says so."""
        rows = {
            name: probabilities(logits, self.calibrations[name]).argmax(1).tolist()
            for name, logits in self.logits(vectors, sequences).items()
        }
        return {name: [LABELS[place] for place in places] for name, places in rows.items()}

    def shipped(self) -> Head:
        """Return the tensors of what is shipped."""
        return self.heads[HEAD] | self.reader.tensors() | {"share": self.share} | self.calibrations[SHIPPED]


def variants(n_features: int) -> dict[str, Tensor]:
    """Return which features each head may use, [features], by its name."""
    names = [""] * (n_features - len(reply_features.NAMES)) + list(reply_features.NAMES)
    from_rules = torch.tensor([name.partition(" ")[0] in _OF_RULES for name in names])
    counted = torch.tensor([bool(name) for name in names])
    every = torch.ones(n_features, dtype=torch.bool)
    return {"head without what the rules find": ~from_rules, "head without embeddings": counted, HEAD: every}
