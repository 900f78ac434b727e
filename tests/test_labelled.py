"""Labelled texts: which rows become texts of which class, and one clear error for whatever is wrong with a file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import labelled
from auditor.calibrate import Decision, errors_of
from auditor.errors import DataError, UsageError
from auditor.labelled import COLUMN, Labelled
from auditor.types import LabelledTexts

CSV = "id,text,label,who,pattern\n1,fine day,no,a,p\n2,you idiot,yes,b,p\n3,hm,unsure,a,q\n4,hello,,b,\n5,oaf,yes,,q\n"


def columns(**changes: Any) -> LabelledTexts:
    return LabelledTexts(**{"text": ("text",), "label": "label", "positive": ("yes",), **changes})


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Labelled]:
    def make(content: str | bytes, *, name: str = "mine.csv", form: str = "", **changes: Any) -> Labelled:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return labelled.read(path, columns(**changes), form=form)

    return make


def test_labels_make_classes_and_rows_with_others_are_left_out_and_counted(read) -> None:
    found = read(CSV, negative=("no",), groups=("who",))
    assert [(row.text, row.positive, row.groups) for row in found.rows] == [
        ("fine day", False, {"who": "a"}),
        ("you idiot", True, {"who": "b"}),
        ("oaf", True, {}),
    ]
    assert found.n_left_out == 2
    assert (found.file.path, len(found.file.sha256)) == ("mine.csv", 64)


def test_without_a_negative_value_every_other_label_is_negative_but_none_is_not(read) -> None:
    found = read(CSV)
    assert [row.positive for row in found.rows] == [False, True, False, True]
    assert found.n_left_out == 1


def test_dependent_texts_share_a_cluster_and_others_have_their_row(read) -> None:
    assert [row.cluster for row in read(CSV, cluster="pattern").rows] == ["p", "p", "q", "q"]
    assert [row.cluster for row in read(CSV).rows] == ["row 1", "row 2", "row 3", "row 5"]


def test_equal_texts_share_a_cluster_so_that_copies_of_a_file_make_no_interval_narrower(read) -> None:
    rows = "".join(f"{'oaf' if n % 2 else 'friend'} {n},{'yes' if n % 2 else 'no'}\n" for n in range(40))
    once, often = (read(f"text,label\n{rows * copies}") for copies in (1, 10))
    assert len({row.cluster for row in once.rows}) == len({row.cluster for row in often.rows}) == 40
    rated = [
        [(row, Decision(positive=row.positive, rating=float(row.positive))) for row in f.rows] for f in (once, often)
    ]
    alone, copied = (errors_of(pairs, {}) for pairs in rated)
    for name in ("sensitivity", "specificity", "auc"):
        one, other = getattr(alone, name).interval, getattr(copied, name).interval
        assert (one.low, one.high) == pytest.approx((other.low, other.high)), name


def test_equal_replies_to_different_prompts_and_texts_with_a_cluster_of_their_own_stay_apart(read) -> None:
    content = "ask,text,label,who\na,no,yes,x\nb,no,yes,y\na,no,no,z\n"
    assert [row.cluster for row in read(content, prompt="ask").rows] == ["row 1", "row 2", "row 1"]
    assert [row.cluster for row in read(content, cluster="who").rows] == ["x", "y", "z"]


def test_a_wide_file_is_melted_and_its_empty_cells_are_no_texts(read) -> None:
    wide = 'toxic\tneutral1\tneutral2\n"you ""oaf"""\tyou\t\nhell\tplace\t"a\nb"\n'
    found = read(
        wide,
        name="wide.tsv",
        form="tsv-quoted",
        text=("toxic", "neutral1", "neutral2"),
        label=COLUMN,
        positive=("toxic",),
    )
    assert [(row.text, row.positive, row.cluster) for row in found.rows] == [
        ('you "oaf"', True, "row 1"),
        ("you", False, "row 1"),
        ("hell", True, "row 2"),
        ("place", False, "row 2"),
        ("a\nb", False, "row 2"),
    ]
    assert found.n_left_out == 0


def test_labels_of_json_are_words(read) -> None:
    rows = [
        {"text": "a", "label": True},
        {"text": "b", "label": 0},
        {"text": "c", "label": 1.0},
        {"text": "d", "label": None},
    ]
    found = read("\n".join(map(json.dumps, rows)), name="mine.jsonl", positive=("1", "true"))
    assert [row.positive for row in found.rows] == [True, False, True]
    assert found.n_left_out == 1


def test_a_table_can_be_parted_by_semicolons_as_spreadsheets_of_many_countries_write_it(read) -> None:
    assert read(CSV.replace(",", ";"), form="csv-semicolon").rows == read(CSV).rows


@pytest.mark.parametrize(
    ("content", "changes", "said", "hint"),
    [
        (CSV, {"text": ("txt",)}, "no column 'txt'", "text"),
        (CSV, {"label": "lable"}, "no column 'lable'", "label"),
        (CSV, {"groups": ("wo",)}, "no column 'wo'", "who"),
        (CSV, {"prompt": "ask"}, "no column 'ask'", "pattern"),
        (CSV, {"positive": ("Yes",)}, "no text labelled Yes", "yes (2)"),
        (CSV, {"negative": ("nein",)}, "one class only", "no (1)"),
        ("text,label\na,yes\n", {}, "one class only", "yes (1)"),
        ("", {}, "holds no row", "whole"),
        ("text,label\n", {}, "holds no row", "whole"),
        ("text,label\na,yes\nb\n", {}, "row 2 (line 3): expected 2 columns, got 1", "correct"),
        ("text,label\nfäde,no\n".encode("latin-1"), {}, "line 2 is not UTF-8", "UTF-8"),
        (gzip.compress(CSV.encode()), {}, "line 1 is not UTF-8", "packed by gzip: unpack"),
        (CSV.encode("utf-16"), {}, "line 1 is not UTF-8", "save the file as UTF-8"),
        (CSV.encode("utf-16-le"), {}, "line 1 holds a NUL byte", "save the file as UTF-8"),
        (CSV.replace("fine", "fi\0ne"), {}, "line 2 holds a NUL byte", "fetch it again"),
        ("text,label,text\na,yes,b\n", {}, "line 1: the column 'text' stands twice", "correct"),
        ('text,label\n"a,yes\nb,no\n', {}, "line 2: unexpected end of data in line 3", "correct"),
        ('{"text": "a", "label": ["yes"]}\n', {"name": "mine.jsonl"}, "line 1: label is no word", "correct"),
        (
            '{"text": "a", "label": "yes", "who": {"b": 1}}\n',
            {"name": "mine.jsonl", "groups": ("who",)},
            "line 1: who is no word",
            "correct",
        ),
        (
            '{"text": "a", "label": "yes", "text": "b"}\n',
            {"name": "mine.jsonl"},
            "line 1: not JSON: the key",
            "correct",
        ),
        ('{"text": "a", "label": "yes"}\n[1]\n', {"name": "mine.jsonl"}, "line 2: expected an object", "correct"),
        ('{"text": "a", "label": "yes"}\n{"text"\n', {"name": "mine.jsonl"}, "line 2: not JSON", "correct"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", {}, "Git LFS pointer", "git lfs pull"),
        ("text;label\na;yes\nb;no\n", {}, "no column 'text'", "with ';' in it: is the format csv-semicolon?"),
        ("text;label\na, b;yes\n", {}, "row 1 (line 2): expected 1 column, got 2", "is the format csv-semicolon?"),
        ('"text";"label"\n"a";"yes"\n', {}, "line 1: ',' expected", "is the format csv-semicolon?"),
        ("text\tlabel\na\tyes\nb\tno\n", {}, "no column 'text'", "is the format tsv or tsv-quoted?"),
        (CSV, {"form": "tsv"}, "no column 'text'", "with ',' in it: is the format csv?"),
        ('{"text": 3, "label": "yes"}\n', {"name": "mine.jsonl"}, "line 1: text is no text, got 3", "correct"),
        (
            '{"text": "a", "label": "yes"}\n{"label": "no"}\n',
            {"name": "mine.jsonl"},
            "line 2: text is no text",
            "correct",
        ),
    ],
)
def test_whatever_is_wrong_with_a_file_is_one_error_with_a_hint(read, content, changes, said, hint) -> None:
    with pytest.raises(DataError) as caught:
        read(content, **changes)
    assert said in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": ("text", "who")}, "several --text columns"),
        ({"negative": ("yes",)}, "both positive and negative"),
        ({"label": COLUMN, "positive": ("toxic",)}, "'toxic' is none"),
        ({"name": "mine.xlsx"}, "cannot tell the format"),
        ({"form": "xml"}, "cannot tell the format"),
        ({"text": ()}, "needs --text"),
        ({"text": ("",)}, "needs --text"),
        ({"groups": ("",)}, "--group names no column"),
        ({"text": ("label",)}, "'label' is named twice"),
        ({"prompt": "text"}, "'text' is named twice"),
        ({"text": ("text", "text"), "label": COLUMN, "positive": ("text",)}, "'text' is named twice"),
    ],
)
def test_columns_that_cannot_go_together_are_a_usage_error(read, changes, said) -> None:
    with pytest.raises(UsageError, match=said):
        read(CSV, **changes)


def test_a_missing_file_is_one_error(tmp_path) -> None:
    with pytest.raises(DataError, match=r"absent.csv"):
        labelled.read(tmp_path / "absent.csv", columns())
