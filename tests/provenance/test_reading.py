"""The folder as its readers see it: nothing outside it, nothing huge, damage noted instead of raised."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.provenance.reading import Claim, ModelFolder
from auditor.types import ModelRef


def folder_at(root: Path, *, alone: bool = False) -> ModelFolder:
    weights = ("a.gguf",) if alone else ()
    ref = ModelRef(requested="x", format="safetensors", folder=str(root), weights=weights, files=(), alone=alone)
    return ModelFolder(ref)


def test_a_link_out_of_the_folder_is_not_followed_and_is_noted(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    inside = tmp_path / "model"
    inside.mkdir()
    (inside / "LICENSE").symlink_to(tmp_path / "secret")
    folder = folder_at(inside)
    assert folder.text("LICENSE") is None
    assert folder.notes == {"LICENSE": "a link that leads out of the folder"}


def test_links_of_the_hubs_cache_and_within_the_folder_are_followed(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--org--m" / "snapshots" / "abc"
    blobs = tmp_path / "models--org--m" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "1").write_text('{"a": 1}')
    (snapshot / "x.json").symlink_to(blobs / "1")
    (snapshot / "y.json").symlink_to(snapshot / "x.json")
    folder = folder_at(snapshot)
    assert folder.json("x.json") == folder.json("y.json") == {"a": 1}
    assert folder.notes == {}


@pytest.mark.parametrize(
    ("content", "note"),
    [(b"{", "not JSON"), (b"[1]", "expected an object, got list"), (b"\xff\xfe", "codec can't decode")],
)
def test_damage_is_noted_and_gives_nothing(tmp_path: Path, content: bytes, note: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    folder = folder_at(tmp_path)
    assert folder.json("x.json") == {}
    assert note in folder.notes["x.json"]


def test_a_text_longer_than_the_limit_is_noted_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("y" * 11)
    folder = folder_at(tmp_path)
    assert folder.text("x.csv", limit=10) is None
    assert folder.notes == {"x.csv": "11 bytes, more than the 10 that are read"}


def test_what_is_not_there_is_no_damage(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    assert (folder.text("x"), folder.json("x"), folder.yaml("x"), folder.notes) == (None, {}, {}, {})


def test_what_lies_beside_a_file_that_was_named_itself_is_not_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    (tmp_path / "LICENSE").write_text("of something else")
    assert folder_at(tmp_path, alone=True).names == ["a.gguf"]
    assert folder_at(tmp_path, alone=True).text("LICENSE") is None


def test_a_claim_is_looked_up_by_the_digest_of_its_file_or_in_the_run(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    folder = folder_at(tmp_path)
    found = folder.evidence(Claim(key="k", value=1, source="x.json, a", file="x.json"))
    assert (found.kind, found.path, found.text) == ("file", "x.json", "x.json, a")
    assert found.sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert folder.evidence(Claim(key="k", value=1, source="counted")).kind == "run"
