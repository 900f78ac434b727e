from __future__ import annotations

import numpy as np
import pytest

from training.example import KINDS, Example
from training.fit import Settings, fit, logits_of, read_examples
from training.mean import fit_each, mean_of, weights_of
from training.studies import tokeniser

QUICK = Settings(adapted=(5,), rank=2, epochs=2, batch=8, threads=1)


def examples(verb: str) -> list[Example]:
    """Return texts that are toxic where they hate."""
    return [
        Example(
            text=f"{'I hate' if toxic else verb} the {what}",
            targets=dict.fromkeys(KINDS, float(toxic)),
            source="ours",
            part="train",
            cluster=what,
        )
        for what in ("rain", "snow", "wind", "sun", "moon", "sea", "frost", "hail")
        for toxic in (False, True)
    ]


def trained(rows: list[Example]) -> dict[str, np.ndarray]:
    from auditor.scorers.minilm_toxicity import open_encoder

    return weights_of(fit(open_encoder()[0], tokeniser(), rows, QUICK)[0])


def test_the_mean_lies_between_and_of_one_with_itself_it_is_the_same() -> None:
    one = trained(examples("We like"))
    other = {name: weight * np.float16(3) for name, weight in one.items()}
    found = weights_of(mean_of([one, other], QUICK))
    assert found.keys() == one.keys() and any(np.any(weight) for weight in one.values())
    for name, weight in found.items():
        assert np.allclose(weight, one[name] * np.float32(2), rtol=2e-3, atol=1e-6), name
    same = mean_of([one, one], QUICK)
    rows = examples("We like")
    logits = logits_of(same, read_examples(same, tokeniser(), rows))
    assert all(np.array_equal(weight, one[name]) for name, weight in weights_of(same).items())
    assert np.isfinite(logits).all() and logits.shape == (len(rows), len(KINDS))


@pytest.mark.slow
def test_lists_are_trained_on_side_by_side_as_each_by_itself() -> None:
    lists = [examples("We like"), examples("We love")]
    each = [trained(rows) for rows in lists]
    found = weights_of(fit_each(lists, QUICK))
    expected = weights_of(mean_of(each, QUICK))
    assert all(np.array_equal(weight, expected[name]) for name, weight in found.items())
    assert any(not np.array_equal(each[0][name], each[1][name]) for name in expected)
    alone = weights_of(fit_each(lists[:1], QUICK))
    assert all(np.array_equal(weight, each[0][name]) for name, weight in alone.items())
