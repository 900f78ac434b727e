"""What a terminal would obey in text that is quoted is shown to it, and not sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from auditor import schema
from auditor.printing import print_document, print_json, print_table, print_text, print_wrapped, shown

EVIL = "\x1b[31mred\x1b]0;title\x07 \u202egnp\u2066 \x9b2J"


def test_lines_and_spaces_are_kept_and_marks_that_do_not_print_are_escaped() -> None:
    assert shown("a\u00a0b\tc – å 漢") == "a b c – å 漢"
    assert shown(EVIL) == "\\x1b[31mred\\x1b]0;title\\x07 \\u202egnp\\u2066 \\x9b2J"


@pytest.mark.parametrize("printed", [print_text, lambda text: print_table([[text, "b"]]), None])
def test_nothing_that_a_terminal_obeys_is_printed(
    printed: Callable[[str], None] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(EVIL) if printed else print_wrapped([["a", EVIL]], width=60)
    assert capsys.readouterr().out.rstrip("\n").isprintable()


def test_json_says_the_same_in_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": EVIL, "b": "å\u00a0漢 \U000e0041"})
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": EVIL, "b": "å\u00a0漢 \U000e0041"} and "å" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_document_is_printed_as_it_is_kept_and_shown_to_a_terminal_in_escapes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = schema.canonical_json({"a": EVIL}, indent=1) + "\n"
    print_document(text)
    assert capsys.readouterr().out == text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_document(text)
    told = capsys.readouterr().out
    assert json.loads(told) == {"a": EVIL} and all(line.isprintable() for line in told.split("\n"))


def test_what_hostile_files_say_reaches_no_terminal(tmp_path: Path, auditor_cli: Callable[..., Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": [EVIL]}), encoding="utf-8")
    save_file({"w": numpy.zeros(3, numpy.float32)}, tmp_path / "model.safetensors")
    (tmp_path / "LICENSE.\x1b[31m").write_text("MIT License\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    for words in ([], ["--json"]):
        done = auditor_cli("provenance", tmp_path, *words)
        assert "contradiction  model.license" in done.stderr and "LICENSE.\\x1b[31m" in done.stderr
        for text in (done.stdout, done.stderr):
            assert all(line.isprintable() for line in text.split("\n"))
