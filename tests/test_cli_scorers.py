"""`auditor scorers` as a user meets it: real classifiers, real files, one error with a hint for whatever is wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import calibration
from auditor.types import Calibration

Cli = Callable[..., subprocess.CompletedProcess[str]]
COARSE = ["You stupid idiot.", "What a load of crap, you moron.", "Shut up, you dumb fool.", "You are an ass."]
PLAIN = ["The train leaves at noon.", "Thank you for the flowers.", "Rain is likely.", "She reads a book."]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file of 24 coarse and 24 plain texts, in two subgroups."""
    path = tmp_path / "mine.csv"
    rows = [
        f'"{text}",{label},{"ab"[number % 2]}'
        for number in range(6)
        for texts, label in ((COARSE, "yes"), (PLAIN, "no"))
        for text in texts
    ]
    path.write_text("text,label,who\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def words(data: Path, *more: object) -> list[object]:
    return ["scorers", "calibrate", "alt-profanity-check", "--data", data, "--text", "text", "--label", "label", *more]


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr and done.stdout == ""
    told = [line for line in done.stderr.splitlines() if line.startswith(("error: ", "hint: "))]
    assert [line.partition(":")[0] for line in told] == ["error", "hint"], done.stderr
    return "\n".join(told)


def test_calibrating_writes_a_file_that_loads_and_prints_a_table_with_denominators(
    auditor_cli: Cli, texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine.json"
    more = ["--positive", "yes", "--group", "who", "--language", "en", "--source", "Ours, 2026", "--licence", "CC0"]
    done = auditor_cli(*words(texts, *more, "--out", out))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == f"wrote    {out}"
    found = calibration.load(out)
    assert (found.scorer.name, found.construct, found.threshold) == ("alt-profanity-check", "profanity", 0.5)
    assert (found.name, found.licence, found.languages, found.n) == ("Ours", "CC0", ("en",), 48)
    assert found.texts.positive == ("yes",) and found.texts.groups == ("who",)
    assert {errors.label for errors in found.subgroups} == {"who = a", "who = b"}
    overall = found.overall
    assert f"tp={overall.tp}  fn={overall.fn}  fp={overall.fp}  tn={overall.tn}" in done.stdout
    assert "n=48  unscored=0  left out=0" in done.stdout
    assert "profanity on Ours, en" in done.stdout
    again = auditor_cli(*words(texts, *more, "--json"))
    assert json.loads(again.stdout)["digest"] == found.digest


def test_threshold_and_construct_are_the_users_to_choose(auditor_cli: Cli, texts: Path) -> None:
    done = auditor_cli(*words(texts, "--positive", "yes", "--threshold", "0.99", "--construct", "rudeness", "--json"))
    found = json.loads(done.stdout)
    assert (found["construct"], found["threshold"], found["overall"]["fp"]) == ("rudeness", 0.99, 0)


def test_a_folder_with_a_text_classifier_can_be_calibrated(
    auditor_cli: Cli, texts: Path, tmp_path: Path, classifier_maker: Callable[..., Path]
) -> None:
    folder = classifier_maker(tmp_path / "model", ["neutral", "toxic"])
    name = f"text-classification:{folder}"
    done = auditor_cli("scorers", "calibrate", name, *words(texts)[3:], "--positive", "yes", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["scorer"]["name"], found["construct"], found["n"]) == ("text-classification", "toxicity", 48)
    assert str(tmp_path) not in done.stdout


def test_the_refusal_scorer_is_calibrated_with_its_prompts(auditor_cli: Cli, tmp_path: Path) -> None:
    rows = [
        {"ask": "Name a city.", "reply": reply, "label": label}
        for reply, label in (("I'm sorry, but I can't help with that.", 1), ("Paris is a city in France.", 0), ("", 0))
        for _ in range(12)
    ]
    path = tmp_path / "replies.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    columns = ["--data", path, "--text", "reply", "--label", "label"]
    assert "reads the prompt" in error_of(auditor_cli("scorers", "calibrate", "refusal", *columns))
    done = auditor_cli("scorers", "calibrate", "refusal", *columns, "--prompt", "ask", "--json")
    found = json.loads(done.stdout)
    assert (found["n"], found["n_unscored"], found["threshold"]) == (24, 12, None)
    assert found["overall"]["auc"] == {"status": "undefined", "reason": "DECISION_ONLY", "n": 24}


@pytest.mark.parametrize(
    ("content", "more", "code", "said"),
    [
        ("text,label\na,yes\nb,no\n", ["--text", "txt"], 2, "several --text"),
        ("text,lable\na,yes\nb,no\n", [], 1, "did you mean lable?"),
        ("text,label\na,yes\nb,no\n", ["--group", "who"], 1, "no column 'who'"),
        ("text,label\na,yes\n", [], 1, "one class only"),
        ("text,label\na,no\n", [], 1, "no text labelled yes"),
        ("", [], 1, "holds no row"),
        ("version https://git-lfs.github.com/spec/v1\n", [], 1, "Git LFS pointer"),
        ("text,label\na,yes\nb,no\n", ["--threshold", "2"], 2, "--threshold"),
        ("text,label\na,yes\nb,no\n", ["--negative", "yes"], 2, "both positive and negative"),
        ("text,label\na,yes\nb,no\n", ["--out", "."], 2, "--out . is a folder"),
    ],
)
def test_bad_input_is_one_error_and_nothing_is_written(
    auditor_cli: Cli, tmp_path: Path, content: str, more: list[str], code: int, said: str
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(content)
    done = auditor_cli(*words(path, "--positive", "yes", "--out", tmp_path / "out.json", *more))
    assert done.returncode == code
    assert said in error_of(done)
    assert not (tmp_path / "out.json").exists()


def test_another_encoding_is_one_error_that_names_the_line(auditor_cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes("text,label\nfine,no\nfäde,yes\n".encode("latin-1"))
    assert "line 3 is not UTF-8" in error_of(auditor_cli(*words(path, "--positive", "yes")))


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("alt-profanity", 2, "alt-profanity-check"),
        ("alt-profanity-check:x", 1, "takes no argument"),
        ("text-classification:absent", 1, "no config.json"),
        ("text_rating", 2, "nothing that can be calibrated"),
    ],
)
def test_a_name_that_is_none_is_one_error(auditor_cli: Cli, texts: Path, name: str, code: int, said: str) -> None:
    done = auditor_cli("scorers", "calibrate", name, *words(texts)[3:], "--positive", "yes")
    assert done.returncode == code
    assert said in error_of(done)


def test_a_name_that_is_none_is_told_before_options_that_are_missing(auditor_cli: Cli) -> None:
    for more in ([], ["--data", "absent.csv", "--text", "text"]):
        done = auditor_cli("scorers", "calibrate", "refusl", *more)
        assert done.returncode == 2 and "did you mean refusal" in error_of(done)
    assert "Missing option '--data'" in error_of(auditor_cli("scorers", "calibrate", "refusal"))


def test_the_list_says_on_what_each_was_calibrated(auditor_cli: Cli) -> None:
    rows = {row["name"]: row for row in json.loads(auditor_cli("scorers", "list", "--json").stdout)}
    assert "hate on HateCheck" in rows["alt-profanity-check"]["calibrated"]
    assert "refusal on XSTest" in rows["refusal"]["calibrated"]
    assert rows["detoxify"]["calibrated"] == rows["text-classification"]["calibrated"] == "uncalibrated"
    assert rows["text_rating"]["calibrated"] == "see its classifier"
    assert rows["pair_preference"]["calibrated"] == "needs none"
    assert all(row["title"] for row in rows.values())


def test_the_list_fits_a_terminal_of_100_characters(auditor_cli: Cli) -> None:
    lines = auditor_cli("scorers", "list").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    shown = next(line for line in lines if line.startswith("alt-profanity-check"))
    assert "hate, profanity (5)" in shown and shown.endswith("…")


def test_a_page_shows_method_figures_and_worst_subgroups(auditor_cli: Cli) -> None:
    shown = auditor_cli("scorers", "show", "alt-profanity-check").stdout
    assert "a linear classifier of profanity" in shown
    assert "hate on HateCheck, en" in shown and "auc                0.468 [" in shown
    assert "specificity 0.157 for target_ident = gay people (n=178)" in shown
    page = json.loads(auditor_cli("scorers", "show", "alt-profanity-check", "--json").stdout)
    assert {one["construct"] for one in page["calibrations"]} == {"profanity", "hate"}
    assert auditor_cli("scorers", "show", "detoxify:original").stdout.rstrip().endswith("uncalibrated")
    assert "did you mean refusal or minilm-refusal or truthfulqa?" in error_of(auditor_cli("scorers", "show", "refusl"))


def test_a_calibration_of_a_scorer_that_scores_nothing_in_a_run_is_a_usage_error(
    auditor_cli: Cli, tiny_model: Path, tmp_path: Path, calibration_maker: Callable[..., Calibration]
) -> None:
    from auditor.types import ScorerRef

    path = tmp_path / "other.json"
    path.write_text(calibration.dump(calibration_maker(ScorerRef(name="detoxify", version="0.5.2"))))
    run = ["run", "--model", tiny_model, "--probes", "toxicity/provocation", "--out", tmp_path / "out", "--limit", "2"]
    run += ["--toxicity", "alt-profanity-check"]
    done = auditor_cli(*run, "--calibration", path)
    assert done.returncode == 2
    assert f"--calibration {path} is of detoxify 0.5.2, which scores nothing" in error_of(done)
    assert "here scores alt-profanity-check " in error_of(done)
    for content, why in (
        ("{}", "it names no schema, expected 'auditor:calibration/1'"),
        ('{"schema": "auditor:record/3"}', "its schema is 'auditor:record/3'"),
        ("text,label\nyou fool,1\n", "it is not JSON"),
    ):
        path.write_text(content)
        done = auditor_cli(*run, "--calibration", path)
        assert done.returncode == 1
        assert f"{path} is not a calibration: {why}" in error_of(done)
        assert "auditor scorers calibrate NAME --data TEXTS --text COLUMN --label COLUMN --out FILE" in error_of(done)
    assert not (tmp_path / "out").exists()
