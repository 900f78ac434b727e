"""Training files are read as documents, whatever their format; a damaged one is named with its row."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor.contamination import rows, training
from auditor.errors import DataError

ROWS = [{"question": "Who asked, and why?", "n": 3, "answers": ["She", {"no": "He"}]}, {"question": "Å “second”\nrow"}]
TEXTS = ["Who asked, and why?\nShe\nHe", "Å “second”\nrow"]


def texts_of(path: Path, columns: Sequence[str] = ()) -> list[str]:
    (file,), _ = training.find([path])
    found, open_text = [], ""
    for text, ends in training.documents(file, columns):
        open_text += text
        if ends:
            found.append(open_text)
            open_text = ""
    assert not open_text
    return found


def lines(entries: Sequence[object]) -> bytes:
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries).encode()


@pytest.mark.parametrize("packed", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_json_lines_packed_or_not_are_read_line_by_line(tmp_path: Path, packed: str) -> None:
    content = b"\xef\xbb\xbf" + lines(ROWS) + b"\n" + lines(["a text alone"])
    path = tmp_path / f"rows.jsonl{packed}"
    if packed == ".zst":
        import pyarrow

        with pyarrow.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(content)
    else:
        path.write_bytes({"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[packed](content))
    assert texts_of(path) == [*TEXTS, "a text alone"]


def test_what_python_writes_beyond_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "score": NaN}\n{"text": "half \\ud83d pair"}\n')
    assert texts_of(path) == ["a", "half \ud83d pair"]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("part", [7, 1 << 16])
def test_a_json_list_is_read_entry_by_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, part: int
) -> None:
    monkeypatch.setattr("auditor.contamination.unpacked._PART", part)
    monkeypatch.setattr(rows, "_BUFFER", 40)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(ROWS * 9, indent=indent, ensure_ascii=False), encoding="utf-8")
    assert texts_of(path) == TEXTS * 9
    path.write_bytes(lines(ROWS))
    assert texts_of(path) == TEXTS, "json lines in a file named .json"
    path.write_text(json.dumps({"data": ROWS}, indent=indent))
    assert texts_of(path) == ["\n".join(TEXTS)]


def test_tables_are_read_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('q,a\n"Who, and\nwhy?",She\n\nB,"say ""yes"""\n', newline="")
    assert texts_of(tmp_path / "rows.csv") == ["Who, and\nwhy?\nShe", 'B\nsay "yes"']
    assert texts_of(tmp_path / "rows.csv", ["a"]) == ["She", 'say "yes"']
    (tmp_path / "rows.tsv").write_text('q\ta\n"Who\tShe\n')
    assert texts_of(tmp_path / "rows.tsv") == ['"Who\nShe']


def test_columns_of_text_in_parquet_and_arrow_are_read(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    chat = [[{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "She"}], None]
    table = pyarrow.table(
        {"n": [1, 2], "text": ["a", None], "chat": chat, "kind": pyarrow.array(["x", "y"]).dictionary_encode()}
    )
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=1)
    with pyarrow.ipc.new_stream(str(tmp_path / "rows.arrow"), table.schema) as sink:
        sink.write_table(table)
    for name in ("rows.parquet", "rows.arrow"):
        assert texts_of(tmp_path / name) == ["a\nuser\nWho?\nassistant\nShe\nx", "y"]
        assert texts_of(tmp_path / name, ["text"]) == ["a", ""]


def test_a_plain_text_is_one_document_in_parts_between_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.contamination.unpacked._PART", 11)
    path = tmp_path / "book.txt"
    text = "Först ett stycke.\nSedan ett till, längre.\n" * 20
    path.write_text(text, encoding="utf-8")
    assert texts_of(path) == [text]
    (file,), _ = training.find([path])
    parts = [part for part, _ in training.documents(file, ())]
    assert len(parts) > 20
    assert all(part[-1] in " \n" for part in parts if part)


def test_a_folder_stands_for_its_files_of_known_formats(tmp_path: Path) -> None:
    for name in ("b/two.jsonl", "a.txt", "b/notes.md", "b/.cache/hidden.txt", "c.png", "d.png", "loop.txt"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_text("x")
    (tmp_path / "set/loop.txt").unlink()
    (tmp_path / "set/loop.txt").symlink_to(tmp_path / "set/a.txt")
    files, left_out = training.find([tmp_path / "set", tmp_path / "set/a.txt"])
    assert [file.name for file in files] == ["set/a.txt", "set/b/two.jsonl"], "each file once"
    assert left_out == {".md": 1, ".png": 2}


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
DAMAGED = [
    ("rows.jsonl", lines(ROWS) + b'{"question": \n', "rows.jsonl line 3 is not JSON"),
    ("rows.jsonl", lines(ROWS) + b"17\n", "rows.jsonl line 3: expected an object, a list or a text, got int"),
    ("rows.jsonl", lines(ROWS) + b'{"a": "\xe9"}\n', "rows.jsonl line 3 is not UTF-8: byte 0xe9"),
    ("rows.jsonl.gz", gzip.compress(lines(ROWS * 500))[:-30], "rows.jsonl.gz cannot be read to its end"),
    ("rows.jsonl.gz", b"no gzip at all", "rows.jsonl.gz cannot be read to its end"),
    ("rows.jsonl.xz", lzma.compress(lines(ROWS * 500))[:-30], "rows.jsonl.xz cannot be read to its end"),
    ("rows.jsonl.zst", b"\x28\xb5\x2f\xfd\x04\x00", "rows.jsonl.zst cannot be read to its end"),
    ("rows.json", b'[{"a": "b"}, {"a": ]', "rows.json row 2 is not JSON"),
    ("rows.json", b'[{"a": "b"}, ', "rows.json: its list does not end, after row 1"),
    ("rows.json", b'[{"a": "b"}] [1]', "rows.json goes on after its list of 1 rows"),
    ("rows.json", b'["b", 3]', "rows.json row 2: expected an object, a list or a text, got int"),
    ("rows.csv", b"a,b\n1,2\n3\n", r"rows.csv row 2 \(line 3\): expected 2 columns, got 1"),
    ("rows.csv", b'a,b\n1,"2\n', "rows.csv line 2: unexpected end of data"),
    ("rows.parquet", b"PAR1 and no more", "rows.parquet is no sound .parquet"),
    ("rows.arrow", b"no table", "rows.arrow is no sound .arrow"),
    ("book.txt", b"one\ntwo\nthr\xffee\n", "book.txt line 3 is not UTF-8: byte 0xff"),
    ("book.txt", b"", "is empty"),
    ("book.txt", LFS, "is a Git LFS pointer, not the data"),
]


@pytest.mark.parametrize(("name", "content", "told"), DAMAGED, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(DAMAGED)])
def test_a_damaged_file_is_named_with_its_row(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=told) as caught:
        texts_of(tmp_path / name)
    assert caught.value.hint


def test_a_column_that_a_row_lacks_is_named_with_the_nearest(tmp_path: Path) -> None:
    for name, content in (("rows.jsonl", lines([*ROWS, {"query": "x"}])), ("rows.csv", b"query\nx\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="has no column 'question'") as caught:
            texts_of(tmp_path / name, ["question"])
        assert "query" in caught.value.hint
    with pytest.raises(DataError, match=r"rows\.jsonl line 3 has no column"):
        texts_of(tmp_path / "rows.jsonl", ["question"])
    (tmp_path / "texts.jsonl").write_bytes(lines(["a text alone"]))
    with pytest.raises(DataError, match="expected an object, got str"):
        texts_of(tmp_path / "texts.jsonl", ["question"])


def test_a_table_without_a_column_of_text_is_refused(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"n": [1], "m": [[2]]}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="has no column of text, only n, m"):
        texts_of(tmp_path / "rows.parquet")


def test_a_row_too_long_to_be_one_is_refused_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("unpacked", "rows"):
        monkeypatch.setattr(f"auditor.contamination.{module}.LONGEST", 1 << 20)
    for name, content in (("rows.jsonl", b'"' + b"x y " * (1 << 19)), ("rows.json", b'["' + b"x y " * (1 << 19))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="1 is longer than 1 MiB"):
            texts_of(tmp_path / name)


def test_paths_that_lead_nowhere_are_told_why(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/picture.png").write_bytes(b"x")
    (tmp_path / "rows.parquet.gz").write_bytes(b"x")
    cases = [
        ("gone.jsonl", "does not exist"),
        ("set/picture.png", "is of no known format"),
        ("rows.parquet.gz", "is of no known format"),
        ("set", "holds no training file of a known format"),
    ]
    for name, told in cases:
        with pytest.raises(DataError, match=told):
            training.find([tmp_path / name])


def test_a_link_to_a_folder_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.txt").write_text("two")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text("one")
    (corpus / "more").symlink_to(tmp_path / "elsewhere")
    (corpus / "round").symlink_to(corpus)
    found, left_out = training.find([corpus])
    assert [file.name for file in found] == ["corpus/a.txt", "corpus/more/b.txt"] and not left_out


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match=r"pipe\.txt is no file"):
        training.find([tmp_path])


def test_a_link_that_leads_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("a.txt")
    with pytest.raises(DataError, match=r"cannot read .*a\.txt"):
        training.find([tmp_path])
    with pytest.raises(DataError, match=r"cannot read the training data .*a\.txt"):
        training.find([tmp_path / "a.txt"])
    with pytest.raises(DataError, match="name too long"):
        training.find([tmp_path / ("a" * 300 + ".txt")])


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_utf_16_is_never_looked_at_as_if_it_were_words(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes("text,n\nNobody would find a word of this.,1\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="line 1 holds mostly NUL bytes, as in UTF-16"):
        texts_of(tmp_path / name)


def test_bytes_without_a_character_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_LONGEST_WORD", 64)
    (tmp_path / "a.txt").write_bytes(b"\x80" * 200)
    with pytest.raises(DataError, match="line 1 is not UTF-8: byte 0x80"):
        texts_of(tmp_path / "a.txt")


def test_a_column_of_bytes_is_read_as_text_only_when_it_is_named(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": [b"she said"], "url": ["an address"]}), path)
    with pytest.raises(DataError, match="'text' holds bytes"):
        texts_of(path)
    assert texts_of(path, ["text"]) == ["she said"]
    pyarrow.parquet.write_table(pyarrow.table({"text": [b"\xff\xfe"]}), path)
    with pytest.raises(DataError, match="UnicodeDecodeError"):
        texts_of(path, ["text"])
