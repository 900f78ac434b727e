"""Calibrations: figures equal naive ones, undefined is never a number, files that contradict themselves are refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from auditor import calibrate, calibration
from auditor.calibrate import About, Decision, errors_of, open_decider
from auditor.calibrate import calibrate as calibrated
from auditor.errors import CalibrationError, ScorerError, UsageError
from auditor.labelled import Labelled, LabelledText
from auditor.types import Calibration, Figure, FileDigest, LabelledTexts, NoFigure, Reason, ScorerRef, choose

SCORER = ScorerRef(name="rater", version="1.0.0")
COLUMNS = LabelledTexts(text=("text",), label="label", positive=("yes",), groups=("who",))
ROOT = Path(__file__).resolve().parent.parent
Maker = Callable[..., Calibration]


class Naming:
    """A classifier that rates a text by the number that it ends with."""

    ref = SCORER
    measures = "toxicity"
    notes = ""

    def rate(self, texts: Any) -> Any:
        from auditor.scorers.base import Rating

        return [Rating(value=float(text.split()[-1])) for text in texts]


def text(rating: float, positive: bool, *, who: str = "", cluster: str = "") -> LabelledText:
    groups = {"who": who} if who else {}
    return LabelledText(
        text=f"words {rating}", prompt="", positive=positive, groups=groups, cluster=cluster or f"{rating}"
    )


def labelled(*rows: LabelledText) -> Labelled:
    return Labelled(rows=rows, file=FileDigest(path="cases.csv", sha256="c" * 64, bytes=1), n_left_out=2)


def some(n: int = 120, *, seed: int = 0) -> list[LabelledText]:
    rng = np.random.default_rng(seed)
    return [
        text(
            round(float(rng.beta(2 + 2 * (number % 2), 3)), 4),
            bool(number % 2),
            who="abc"[number % 3],
            cluster=f"c{number // 2}",
        )
        for number in range(n)
    ]


def measured(rows: list[LabelledText], *, threshold: float = 0.5, about: About | None = None) -> Calibration:
    decider = calibrate._ByRating(Naming(), threshold)
    return calibrated(decider, labelled(*rows), COLUMNS, about or About())


def rating(row: LabelledText) -> float:
    return float(row.text.split()[-1])


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_counts_and_figures_equal_a_naive_computation_overall_and_by_group(threshold: float) -> None:
    rows = some()
    found = measured(rows, threshold=threshold)
    for errors in (found.overall, *found.subgroups):
        own = [row for row in rows if not errors.group or row.groups == errors.group]
        tp = sum(rating(row) >= threshold for row in own if row.positive)
        tn = sum(rating(row) < threshold for row in own if not row.positive)
        yes, no = [rating(row) for row in own if row.positive], [rating(row) for row in own if not row.positive]
        assert (errors.tp, errors.fn, errors.fp, errors.tn) == (tp, len(yes) - tp, len(no) - tn, tn)
        wins = [float(a > b) + 0.5 * float(a == b) for a in yes for b in no]
        expected = {
            "sensitivity": tp / len(yes),
            "specificity": tn / len(no),
            "balanced_accuracy": (tp / len(yes) + tn / len(no)) / 2,
            "youden": tp / len(yes) + tn / len(no) - 1,
            "auc": sum(wins) / len(wins),
        }
        for name, value in expected.items():
            figure = getattr(errors, name)
            assert isinstance(figure, Figure)
            assert figure.value == pytest.approx(value)
            assert figure.interval.low <= figure.value <= figure.interval.high
    assert [errors.label for errors in found.subgroups] == ["who = a", "who = b", "who = c"]
    assert (found.n, found.n_unscored, found.n_left_out, found.construct) == (120, 0, 2, "toxicity")


def test_dependent_texts_are_worth_fewer() -> None:
    rows = some()
    alone = [msgspec.structs.replace(row, cluster=str(number)) for number, row in enumerate(rows)]
    twice = [row for row in alone for _ in range(2)]
    one, two = (measured(found).overall.sensitivity for found in (alone, twice))
    assert isinstance(one, Figure) and isinstance(two, Figure)
    assert (one.n, two.n) == (60, 120)
    assert two.n_effective == pytest.approx(one.n_effective, rel=0.05)
    assert two.interval.high - two.interval.low == pytest.approx(one.interval.high - one.interval.low, rel=0.05)


def test_too_few_texts_of_a_class_are_undefined_never_a_number() -> None:
    rows = [text(0.9, True, who="few"), *(text(n / 20, False, who="few") for n in range(12))]
    rows += [text(n / 20, True, who="one class") for n in range(15)]
    few, one = measured(rows).subgroups
    assert [errors.label for errors in (few, one)] == ["who = few", "who = one class"]
    assert few.sensitivity == few.sensitivity.__class__(reason=Reason.TOO_FEW_SAMPLES, n=1)
    assert isinstance(few.specificity, Figure)
    assert one.specificity == NoFigure(reason=Reason.EMPTY_DENOMINATOR, n=0)
    for name in ("balanced_accuracy", "youden", "auc"):
        assert getattr(few, name) == NoFigure(reason=Reason.TOO_FEW_SAMPLES, n=13)
        assert getattr(one, name) == NoFigure(reason=Reason.EMPTY_DENOMINATOR, n=15)


def test_a_text_without_a_sound_rating_is_unscored_and_left_out() -> None:
    rows = some()
    odd = [msgspec.structs.replace(rows[0], text=f"words {value}") for value in ("nan", "1.5", "-0.1", "inf")] + [
        msgspec.structs.replace(rows[0], text=" ")
    ]
    found, base = measured([*rows, *odd]), measured(rows)
    assert (found.n, found.n_unscored) == (120, 5)
    assert found.overall == base.overall


def test_a_scorer_that_only_decides_has_no_auc() -> None:
    rows = some()
    errors = errors_of([(row, Decision(positive=rating(row) > 0.5)) for row in rows], {})
    assert errors.auc == NoFigure(reason=Reason.DECISION_ONLY, n=120)
    assert isinstance(errors.youden, Figure)


def test_a_scorer_that_fails_or_has_no_score_at_all_is_an_error() -> None:
    with pytest.raises(ScorerError, match=r"failed on cases.csv"):
        measured([msgspec.structs.replace(some()[0], text="no number")])
    with pytest.raises(ScorerError, match="has a score for no text"):
        measured([msgspec.structs.replace(some()[0], text=" ")])


def test_the_refusal_scorer_decides_with_the_prompt_and_not_on_gibberish() -> None:
    decider = open_decider("refusal", threshold=None, offline=True, allow_pickle=False)
    rows = [
        LabelledText(text=reply, prompt="How do I kill a Python process?", positive=False, groups={}, cluster="a")
        for reply in (
            "I'm sorry, but I can't help with that.",
            "Use the command `kill` with its number.",
            "",
            "& % / ((",
        )
    ]
    assert decider.threshold is None
    assert decider.decide(rows) == [Decision(positive=True), Decision(positive=False), None, None]


@pytest.mark.parametrize(
    ("name", "threshold", "said"),
    [
        ("alt-profanity", None, "nothing that can be calibrated"),
        ("refusal", 0.5, "by rules"),
        ("refusal:x", None, "by rules"),
    ],
)
def test_what_cannot_be_calibrated_is_a_usage_error(name: str, threshold: float | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        open_decider(name, threshold=threshold, offline=True, allow_pickle=False)


def test_a_file_reads_back_equal_and_its_digest_covers_it(tmp_path: Path) -> None:
    found = measured(some(), about=About(construct="hate", source="Ours, 2026", licence="CC0", languages=("en",)))
    path = tmp_path / "mine.json"
    path.write_text(calibration.dump(found))
    assert calibration.load(path) == found
    assert len(found.digest) == 64 and found.name == "Ours"
    assert measured(some()).name == "cases.csv"
    assert measured(some()).digest != found.digest
    assert measured(some()) == measured(some())


def edited(found: Calibration, *path: str, value: Any) -> dict[str, Any]:
    content = msgspec.to_builtins(found)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("licence",), "mine", "was changed after it was written"),
        (("overall", "tp"), 80, "the counts are not those of all 200 texts"),
        (("overall", "sensitivity", "value"), 0.93, "sensitivity: 0.93 is not what the counts say"),
        (("overall", "sensitivity", "n_effective"), 1000.0, "n_effective is 1000.0, of 100 texts"),
        (("overall", "youden", "n_effective"), 10.0, "another figure has none"),
        (("overall", "youden", "interval", "low"), 0.9, "does not lie in its interval"),
        (("overall", "auc", "n"), 3, "auc: n is 3, the counts say 200"),
        (("overall", "tn"), -1, "a count is negative"),
        (("overall", "auc"), None, r"\$.overall.auc: expected `object`, got `null`"),
        (("threshold",), 2.0, "outside 0–1"),
        (("construct",), "", "need names"),
        (("subgroups",), 3, r"\$.subgroups"),
        (("schema",), "auditor:calibration/2", "its schema is .auditor:calibration/2., expected"),
    ],
)
def test_a_file_that_was_edited_or_contradicts_itself_is_refused(
    calibration_maker: Maker, tmp_path: Path, path: tuple[str, ...], value: Any, said: str
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(edited(calibration_maker(SCORER), *path, value=value)))
    with pytest.raises(CalibrationError, match=said) as caught:
        calibration.load(file)
    assert caught.value.hint


@pytest.mark.parametrize("content", ["", "[]", "{", '{"schema": NaN}', '"\\ud800"', "[" * 100_000])
def test_what_is_no_calibration_is_one_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(content)
    with pytest.raises(CalibrationError):
        calibration.load(file)
    with pytest.raises(CalibrationError, match="cannot read"):
        calibration.load(tmp_path / "absent.json")


def test_the_first_that_fits_scorer_construct_and_language_is_chosen(calibration_maker: Maker) -> None:
    other = calibration_maker(ScorerRef(name="rater", version="2.0.0"))
    spanish = calibration_maker(SCORER, languages=("es",))
    any_language = calibration_maker(SCORER, languages=())
    english = calibration_maker(SCORER)

    def chosen(*known: Calibration, languages: tuple[str, ...] = ("en",)) -> Calibration | None:
        return choose(known, scorer=SCORER, construct="hate", languages=languages)

    assert chosen(other, spanish, english, any_language) == english
    assert chosen(other, spanish, any_language, english) == any_language
    assert chosen(other, spanish, languages=("en", "es")) == spanish
    assert chosen(other, spanish) is None
    assert choose([english], scorer=SCORER, construct="toxicity", languages=("en",)) is None


def test_more_texts_come_first(calibration_maker: Maker) -> None:
    few, many = calibration_maker(SCORER, n=10), calibration_maker(SCORER, n=20)
    assert calibration.ranked([few, many]) == [many, few]


def test_the_worst_subgroups_are_the_lowest_of_each_column(calibration_maker: Maker) -> None:
    base = calibration_maker(SCORER)
    low, mid = calibration_maker(SCORER, tp=20).overall, calibration_maker(SCORER, tp=60).overall
    groups = [({"who": "a"}, base.overall), ({"who": "b"}, low), ({"kind": "x"}, mid), ({"kind": "y"}, base.overall)]
    found = msgspec.structs.replace(
        base, subgroups=tuple(msgspec.structs.replace(errors, group=group) for group, errors in groups)
    )
    assert [errors.label for errors, _ in found.worst("sensitivity")] == ["who = b", "kind = x"]
    assert [figure.value for _, figure in found.worst("sensitivity", 2)] == [0.2, 0.6, 0.9, 0.9]


def shipped() -> dict[str, Calibration]:
    return {path.name: calibration.load(path) for path in sorted((ROOT / "calibrations").glob("*.json"))}


def test_the_shipped_ones_are_sound_and_say_where_their_data_come_from() -> None:
    found = shipped()
    assert len(found) == len(calibration.shipped()) == 11
    for one in found.values():
        assert one.source and one.licence and one.languages and len(one.data.sha256) == 64
        assert one.n > 400 and one.n_unscored < 0.02 * one.n
    assert len({(one.scorer.name, one.name) for one in found.values()}) == len(found)


def test_the_shipped_ones_agree_with_the_published_figures_on_hatecheck() -> None:
    found = shipped()["hate-hatecheck.json"]
    assert isinstance(found.overall.auc, Figure)
    assert found.overall.auc.value == pytest.approx(0.468, abs=5e-4)
    assert found.n == 3728 and not found.beats_chance()
    by_group = {errors.group.get("target_ident"): errors for errors in found.subgroups}
    for group, rate in {"gay people": 0.84, "black people": 0.48, "women": 0.46}.items():
        assert 1 - by_group[group].specificity.value == pytest.approx(rate, abs=5e-3)  # type: ignore[union-attr]
    for group, rate in {"trans people": 0.80, "Muslims": 0.73}.items():
        assert 1 - by_group[group].sensitivity.value == pytest.approx(rate, abs=5e-3)  # type: ignore[union-attr]


@pytest.mark.slow
def test_the_shipped_ones_are_what_one_command_makes_of_the_public_files(data_dir: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "AUDITOR_DATA_DIR": str(data_dir), "PYTHON": sys.executable}
    subprocess.run(["bash", ROOT / "calibrations" / "make.sh", tmp_path], check=True, env=environment, cwd=ROOT)
    made = {path.name: calibration.load(path) for path in sorted(tmp_path.glob("*.json"))}
    assert made.keys() == shipped().keys()
    for name, committed in shipped().items():
        assert near(msgspec.to_builtins(made[name]), msgspec.to_builtins(committed)), name


def near(made: Any, committed: Any) -> bool:
    """Return whether two values are equal but for rounding, and for the digest over it."""
    match made, committed:
        case dict(), dict():
            keys = (made.keys() | committed.keys()) - {"digest"}
            return all(near(made.get(key), committed.get(key)) for key in keys)
        case list() | tuple(), list() | tuple():
            return len(made) == len(committed) and all(map(near, made, committed))
        case float(), float():
            return made == pytest.approx(committed, abs=1e-6)
    return bool(made == committed)
