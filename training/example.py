"""A labelled text, and which part of the data it belongs to: training, held out for calibration, or for measuring."""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec import Struct

KINDS = ("toxicity", "hate", "insult", "threat", "profanity")
Part = Literal["train", "calibration", "test"]


class Example(Struct, frozen=True, kw_only=True):
    """A text with its targets, 0–1, for those of `KINDS` that its source says something about.

    Texts of one `cluster` are near copies and stay in one part. `weight` is how much it counts in training; `group`
    is whom it is about, where the source says so. `others` are the same text about other groups, trained on in
    its place.
    """

    text: str
    targets: dict[str, float]
    source: str
    part: Part
    cluster: str
    group: str = ""
    weight: float = 1.0
    others: tuple[str, ...] = ()


def part_of(cluster: str) -> Part:
    """Return a cluster's part by its digest: eight of ten are trained on, one calibrates, one measures.

    >>> part_of("a cluster") == part_of("a cluster")
    True
    """
    share = int.from_bytes(hashlib.sha256(cluster.encode()).digest()[:4]) / 2**32
    return "train" if share < 0.8 else "calibration" if share < 0.9 else "test"


def plain(value: float) -> dict[str, float]:
    """Return targets that say how toxic a text is; one that is not at all has no kind of it either."""
    return dict.fromkeys(KINDS, 0.0) if value == 0 else {"toxicity": value}
