from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec import Struct

from auditor.agreement import agreement, kappa, rank_correlation
from auditor.errors import DataError, ScorerError
from auditor.scorers.base import Rating
from auditor.types import Reason, ScorerRef, Unscored

Cli = Callable[..., subprocess.CompletedProcess[str]]


class Fixed(Struct, frozen=True):
    """A classifier that knows its ratings; a text that it does not know it leaves unscored."""

    known: dict[str, float]
    measures: str = "toxicity"
    notes: str = ""

    @property
    def ref(self) -> ScorerRef:
        return ScorerRef(name="fixed", version="1")

    def rate(self, texts: Sequence[str]) -> list[Rating | Unscored]:
        reason = Unscored(reason=Reason.UNSUPPORTED_LANGUAGE, detail="")
        return [Rating(value=self.known[text]) if text in self.known else reason for text in texts]


def test_decisions_are_counted_over_texts_that_both_rate() -> None:
    first = Fixed({"a": 0.9, "b": 0.8, "c": 0.1, "d": 0.2, "e": 0.7})
    second = Fixed({"a": 0.5, "b": 0.4, "c": 0.3, "d": 0.0, "f": 0.9})
    found = agreement(first, second, ["a", "b", "c", "d", "e", "f", "a"])
    assert (found.n, found.n_unscored) == (4, 2)
    assert (found.both, found.first_only, found.second_only, found.neither) == (1, 1, 0, 2)
    assert found.same == 0.75 and found.interval.low < 0.75 < found.interval.high
    assert found.kappa == pytest.approx(0.5)
    assert found.rank_correlation == pytest.approx(0.8), "ranks 4 3 1 2 and 4 3 2 1"


def test_two_that_always_say_the_same_class_have_no_kappa() -> None:
    found = agreement(Fixed({"a": 0.9, "b": 0.9}), Fixed({"a": 0.6, "b": 0.8}), ["a", "b"])
    assert found.same == 1 and found.kappa is None and found.rank_correlation is None


def test_nothing_in_common_is_an_error_not_agreement() -> None:
    with pytest.raises(ScorerError, match="no rated text in common, of 2"):
        agreement(Fixed({"a": 0.9}), Fixed({"b": 0.9}), ["a", "b"])
    with pytest.raises(DataError, match="no text"):
        agreement(Fixed({}), Fixed({}), [])


def test_kappa_and_rank_correlation_are_as_by_definition() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 60)).round(1)
    ranks = [np.array([(row < x).sum() + ((row == x).sum() + 1) / 2 for x in row]) for row in (first, second)]
    assert rank_correlation(first, second) == pytest.approx(np.corrcoef(*ranks)[0, 1])
    a, b = first >= 0.5, second >= 0.5
    table = np.array([[(a & b).mean(), (a & ~b).mean()], [(~a & b).mean(), (~a & ~b).mean()]])
    chance = (table.sum(0) * table.sum(1)).sum()
    assert kappa(a.mean(), b.mean(), (a == b).mean()) == pytest.approx((table.trace() - chance) / (1 - chance))


def test_the_command_prints_counts_and_json(auditor_cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text\nYou stupid idiot.\nThe train leaves at noon.\n", encoding="utf-8")
    words = ["scorers", "agree", "alt-profanity-check", "alt-profanity-check", "--data", path, "--text", "text"]
    done = auditor_cli(*words)
    assert done.returncode == 0, done.stderr
    assert "n=2  unscored=0" in done.stdout and "same decision     1.000" in done.stdout
    assert json.loads(auditor_cli(*words, "--json").stdout)["both"] == 1
    wrong = auditor_cli("scorers", "agree", "alt-profanity-check", "refusal", "--data", path, "--text", "text")
    assert wrong.returncode == 2 and "no classifier is named 'refusal'" in wrong.stderr
    missing = auditor_cli(*words[:-1], "texts")
    assert missing.returncode == 1 and "has no column 'texts'" in missing.stderr and "text" in missing.stderr
