from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from auditor.scorers.spelling import fold_spelling
from training.__main__ import read_examples
from training.example import Example
from training.left_out import FOLDS, figures, names_one_of, thinned, toxigen_groups, without
from training.studies import GENERAL, RESULTS

DATA = Path(os.environ.get("AUDITOR_DATA_DIR", Path(__file__).resolve().parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="AUDITOR_DATA_DIR is not there")


def example(text: str, **more: object) -> Example:
    return Example(text=text, targets={"toxicity": 0.0}, source="ours", part="train", cluster=text, **more)


@pytest.mark.parametrize(
    "groups, text",
    [
        (["jewish"], "The rabbi of Prague."),
        (["muslim"], "ISLAMIC art"),
        (["physical dis"], "He is deaf."),
        (["women"], "My wife's car."),
        (["asian", "chinese"], "Wuhan is a city."),
    ],
)
def test_a_word_that_names_a_group_is_found(groups, text) -> None:
    assert names_one_of(groups).search(text)


@pytest.mark.parametrize(
    "groups, text", [(["lgbtq"], "the engaging trance"), (["black"], "a raccoon"), (["women"], "he")]
)
def test_a_word_that_only_looks_like_one_is_not(groups, text) -> None:
    assert not names_one_of(groups).search(text)


def test_a_text_of_any_source_that_names_a_left_out_group_is_not_trained_on() -> None:
    texts = [example("Muslims pray."), example("Mus\u200blims pray."), example("Cats purr.")]
    theirs = Example(text="they pray", targets={}, source="toxigen", part="train", cluster="t", group="muslim")
    assert [one.part for one in without([*texts, theirs], ["muslim"])] == ["test", "test", "train", "test"]


def test_no_text_is_read_with_a_left_out_group_in_place_of_its_own() -> None:
    [one] = without([example("Cats purr.", others=("Jews purr.", "Dogs purr."))], ["jewish"])
    assert one.others == ("Dogs purr.",)


def test_a_sentence_is_given_to_the_narrower_of_two_groups() -> None:
    def groups(words: str) -> set[str]:
        return toxigen_groups(Example(text="", targets={}, source="toxigen", part="train", cluster="", group=words))

    assert groups("asian+chinese") == {"chinese"}
    assert groups("latino+mexican+women") == {"mexican", "women"}
    assert groups("asian") == {"asian"}
    assert toxigen_groups(example("", group="women")) == set(), "a group of another source is not ToxiGen's"


@pytest.mark.slow
@needs_data
def test_every_group_of_toxigen_is_left_out_once_and_trains_nothing_then() -> None:
    examples = thinned(read_examples(DATA))
    everyone = [group for groups in FOLDS for group in groups]
    assert len(everyone) == len(set(everyone)) == 13
    assert set(everyone) == set().union(*(toxigen_groups(one) for one in examples))
    for groups in FOLDS:
        trained = [one for one in without(examples, groups) if one.part == "train"]
        assert len(trained) > 5000
        assert not [one for one in trained if set(groups) & toxigen_groups(one)]
        assert not [one for one in trained if names_one_of(groups).search(fold_spelling(one.text))]


@needs_data
def test_only_training_texts_of_general_sources_are_left_out_to_save_time() -> None:
    whole = read_examples(DATA)
    kept = {id(one) for one in thinned(whole)}
    assert all(id(one) in kept for one in whole if one.source == "toxigen")
    left = {one.source for one in whole if one.part == "train" and id(one) not in kept}
    assert left == set(GENERAL)


def test_the_mean_is_over_groups_not_over_sentences() -> None:
    few = ([0.0, 1.0], [False, True], ["a", "b"])
    many = ([1.0] * 9 + [0.0], [False] * 9 + [True], [str(n) for n in range(10)])
    found = figures({"few": few, "many": many})
    assert (found["groups"]["few"]["auc"], found["groups"]["many"]["auc"]) == (1.0, 0.0)
    assert found["mean_auc"] == 0.5


def test_the_written_figures_are_of_all_groups() -> None:
    found = json.loads((RESULTS / "left_out.json").read_text(encoding="utf-8"))
    assert set(found["groups"]) == {group for groups in FOLDS for group in groups}
    assert [tuple(fold["groups"]) for fold in found["folds"]] == list(FOLDS)
    assert found["mean_auc"] < found["nothing_left_out"]["auc"] and found["nothing_left_out"]["n"] == 566
    for row in found["groups"].values():
        assert row["interval"][0] < row["auc"] < row["interval"][1]
