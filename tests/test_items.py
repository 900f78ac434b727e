"""A benchmark's file that is missing, damaged or of another version is one clear error that names file and row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import probes
from auditor.datafiles import git_blob
from auditor.errors import DataError

ROWS = 'more,less,kind\n"A first, longer one",second,x\nthird,fourth,y\n'
LESS = 'less = "less"\n'
CONFIG = """[ask]
kind = "pairs"
texts = ["more", "less"]
[score]
scorer = "pair_preference"
metric = "rate"
ideal = 0.5
[data]
origin = "github.com/example/pairs, data/pairs.csv"
format = "{format}"
files = [{{ path = "pairs/{name}", sha256 = "{sha256}" }}]
{more}
[data.fields]
more = "more"
{fields}"""


@pytest.fixture
def benchmark(tmp_path: Path, probe_writer, probe_head: str) -> Callable[..., probes.Probe]:  # type: ignore[no-untyped-def]
    """Return a function that writes a data file and loads the benchmark that reads it."""

    def load(
        content: bytes | None,
        *,
        expected: bytes = ROWS.encode(),
        name: str = "pairs.csv",
        more: str = "",
        fields: str = LESS,
        git_blob: str = "",
    ):  # type: ignore[no-untyped-def]
        data = tmp_path / "data"
        (data / "pairs").mkdir(parents=True, exist_ok=True)
        if content is not None:
            (data / "pairs" / name).write_bytes(content)
        sha256 = hashlib.sha256(expected).hexdigest()
        config = CONFIG.format(format=name.partition(".")[2], name=name, sha256=sha256, more=more, fields=fields)
        if git_blob:
            config = config.replace(f'sha256 = "{sha256}"', f'git_blob = "{git_blob}"')
        folder = probe_writer(tmp_path / "pack", "bias/pairs", probe_head + config, [])
        (folder / "items.jsonl").unlink()
        return probes.load(folder, data_dir=data)

    return load


def fault(load: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        load()
    assert caught.value.exit_code == 1
    return f"{caught.value.message}\n{caught.value.hint}"


def test_a_sound_file_gives_items_numbered_by_row_and_its_digest(benchmark) -> None:  # type: ignore[no-untyped-def]
    probe = benchmark(ROWS.encode())
    assert [sample.fields for sample in probe.samples] == [
        {"id": "1", "more": "A first, longer one", "less": "second"},
        {"id": "2", "more": "third", "less": "fourth"},
    ]
    assert [(file.path, file.sha256) for file in probe.files] == [
        ("pairs/pairs.csv", hashlib.sha256(ROWS.encode()).hexdigest())
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(benchmark) -> None:  # type: ignore[no-untyped-def]
    content = b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode()
    assert len(benchmark(content, expected=content).samples) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, ["needs pairs/pairs.csv, which is not in", "it comes from github.com/example/pairs"]),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            ["is a Git LFS pointer", "git lfs pull"],
        ),
        (b"", ["holds no row"]),
        (b"more,less,kind\n", ["holds no row"]),
        (ROWS.encode("utf-16"), ["pairs.csv line 1 is not UTF-8: byte 0xff"]),
        ("more,less,kind\nété,b,c\n".encode("latin-1"), ["pairs.csv line 2 is not UTF-8: byte 0xe9"]),
        (b"mor,less,kind\na,b,c\n", ["pairs.csv row 1 (line 2): no column 'more' (did you mean mor?)"]),
        (b"more,more,less\na,b,c\n", ["pairs.csv line 1: the column 'more' stands twice"]),
        (b"more,less,kind\na,b\nc,d,e\nf,,g\n", ["has 1 fault", "row 1 (line 2): expected 3 columns, got 2"]),
        (b"more,less,kind\na,b,c\nf,,g\n", ["pairs.csv row 2 (line 3): $.less: expected a non-empty text, got ''"]),
        (b'more,less,kind\n"a,b,c\n', ["pairs.csv line 2: unexpected end of data"]),
        (b'more,less,kind\n"a,b,c\nd,e,f\ng,h,i\n', ["pairs.csv line 2: unexpected end of data in line 4"]),
        (b'more,less,kind\n"a\n\nb",c,d\n\n"e\nf",g\n', ["row 2 (line 6): expected 3 columns, got 2"]),
        (ROWS.encode("utf-16"), ["it looks like UTF-16: save the file as UTF-8"]),
        (ROWS.encode("utf-16-le"), ["pairs.csv line 1 holds a NUL byte", "it looks like UTF-16"]),
        (ROWS.replace("third", "th\0ird").encode(), ["pairs.csv line 3 holds a NUL byte", "fetch it again"]),
        (b"\0" * 64, ["pairs.csv line 1 holds a NUL byte", "fetch it again"]),
        (ROWS.replace("third", "Third").encode(), ["is another version than probe bias/pairs", "expected sha256"]),
    ],
)
def test_a_bad_file_is_one_error_that_names_it(benchmark, content: bytes | None, said: list[str]) -> None:  # type: ignore[no-untyped-def]
    message = fault(lambda: benchmark(content))
    for part in said:
        assert part in message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "pairs.jsonl line 2: not JSON"),
        ("[1]", "pairs.jsonl line 2: expected an object, got list"),
        ('{"more": "a", "less": "b", "more": "c"}', "pairs.jsonl line 2: not JSON: the key 'more' stands twice"),
        ('{"more": NaN, "less": "b"}', "pairs.jsonl line 2: not JSON: NaN is not a JSON number"),
        ('{"more": "a"}', "pairs.jsonl line 2: no 'less' in it"),
        ('{"more": 5, "less": "b"}', "pairs.jsonl line 2: $.more: expected a non-empty text, got 5"),
    ],
)
def test_a_bad_line_of_json_is_named(benchmark, line: str, said: str) -> None:  # type: ignore[no-untyped-def]
    content = (json.dumps({"more": "a", "less": "b"}) + "\n" + line + "\n").encode()
    assert said in fault(lambda: benchmark(content, name="pairs.jsonl", expected=content))


def test_a_cell_as_long_as_a_book_is_read(benchmark) -> None:  # type: ignore[no-untyped-def]
    rows = ROWS.replace("second", "word " * 40_000 + "end").encode()
    assert len(benchmark(rows, expected=rows).samples[0].fields["less"]) > 131_072


def test_another_number_of_items_than_the_probe_says_is_an_error(benchmark) -> None:  # type: ignore[no-untyped-def]
    assert "expected 3 items" in fault(lambda: benchmark(ROWS.encode(), more="n_items = 3"))


def test_a_tab_separated_file_knows_no_quotes(benchmark) -> None:  # type: ignore[no-untyped-def]
    content = b'more\tless\n"a\tb\n'
    [sample] = benchmark(content, name="pairs.tsv", expected=content).samples
    assert sample.fields["more"] == '"a'


def test_nested_objects_become_rows(benchmark) -> None:  # type: ignore[no-untyped-def]
    content = json.dumps({"a": {"b": ["c", "d"]}, "e": {"f": ["g"]}}).encode()
    levels = 'levels = ["more", "middle", "less"]'
    found = benchmark(content, name="pairs.json", expected=content, more=levels).samples
    assert [(s.fields["more"], s.fields["less"]) for s in found] == [("a", "c"), ("a", "d"), ("e", "g")]
    content = json.dumps({"a": {"b": "c"}}).encode()
    assert "a/b: expected less in it" in fault(lambda: benchmark(content, name="pairs.json", more=levels))
    assert "expected a list of objects, got dict" in fault(lambda: benchmark(content, name="pairs.json"))


def test_an_id_that_stands_in_two_files_is_a_fault(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    benchmark(ROWS.encode())
    (tmp_path / "data" / "pairs" / "more.csv").write_text(ROWS, encoding="utf-8")
    config = tmp_path / "pack" / "bias" / "pairs" / "probe.toml"
    text = config.read_text(encoding="utf-8").replace("}]", '}, { path = "pairs/more.csv" }]')
    config.write_text(text, encoding="utf-8")
    found = probes.load(config.parent, data_dir=tmp_path / "data").samples
    assert [sample.id for sample in found] == ["pairs-1", "pairs-2", "more-1", "more-2"]
    config.write_text(text + 'id = "kind"\n', encoding="utf-8")
    said = fault(lambda: probes.load(config.parent, data_dir=tmp_path / "data"))
    assert "more.csv row 1 (line 2): the id 'x' stands in pairs.csv row 1 (line 2) already" in said


def test_a_field_can_be_put_together(benchmark) -> None:  # type: ignore[no-untyped-def]
    content = b"more,less,n\n a ;b,,1\n"
    fields = """[data.texts]
word = "w"
"""
    config = 'less = { column = "less", default = "none" }\nlisted = ["more", "#word", "#file"]\n'
    config += 'row = { column = "#row", text = true }\nsplit = { column = "more", split = ";" }\n'
    config += 'known = { column = "n", values = { 1 = true } }\n'
    [sample] = benchmark(content, expected=content, more=fields, fields=config).samples
    assert sample.fields == {
        "id": "1",
        "word": "w",
        "more": " a ;b",
        "less": "none",
        "listed": [" a ;b", "w", "pairs.csv"],
        "row": "1",
        "split": ["a", "b"],
        "known": True,
    }
    unknown = config.replace("{ 1 = true }", "{ 2 = true }")
    said = fault(lambda: benchmark(content, expected=content, more=fields, fields=unknown))
    assert "row 1 (line 2): n: expected one of 2, got '1'" in said


def test_rows_that_are_filtered_or_left_out_are_no_items(benchmark) -> None:  # type: ignore[no-untyped-def]
    assert [s.id for s in benchmark(ROWS.encode(), more='where = { kind = "y" }').samples] == ["2"]
    assert [s.id for s in benchmark(ROWS.encode(), more='leave_out = { 2 = "a reason" }').samples] == ["1"]
    assert "at least one" in fault(lambda: benchmark(ROWS.encode(), more='where = { kind = "z" }'))


def test_a_data_folder_that_does_not_exist_is_an_error(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    benchmark(ROWS.encode())
    with pytest.raises(DataError, match="does not exist"):
        probes.load(tmp_path / "pack" / "bias" / "pairs", data_dir=tmp_path / "nowhere")


def test_a_file_s_version_can_be_checked_by_its_name_in_git(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    known = tmp_path / "known"
    known.write_text("hello world\n")
    assert git_blob(known) == "3b18e512dba79e4c8300dd08aeb37f8e728b8dad"  # what `git hash-object` says
    known.write_text(ROWS)
    assert benchmark(ROWS.encode(), git_blob=git_blob(known)).pinned
    said = fault(lambda: benchmark(ROWS.encode(), git_blob="0" * 40))
    assert f"another version than probe bias/pairs was written for: expected Git blob {'0' * 40}" in said
