"""The Hub's commit as `hf download --local-dir` noted it, told only of files that are still what was downloaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from auditor.provenance.derive import Derived, derive_facts
from auditor.provenance.download_files import NOTES
from auditor.provenance.resolve import resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}), encoding="utf-8")
    save_file({"w": numpy.zeros(3, numpy.float32)}, tmp_path / "model.safetensors")
    blob = (tmp_path / "config.json").read_bytes()
    note(tmp_path, "config.json", hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest())
    note(tmp_path, "model.safetensors", hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest())
    return tmp_path


def note(folder: Path, name: str, etag: str, *, commit: str = COMMIT) -> None:
    path = folder / NOTES / f"{name}.metadata"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{commit}\n{etag}\n1764200000.5\n", encoding="utf-8")


def derived(folder: Path) -> Derived:
    return derive_facts(resolve(str(folder), offline=True))


def test_the_commit_is_told_of_files_that_have_the_digests_noted(folder: Path) -> None:
    (folder / "notes.txt").write_text("own", encoding="utf-8")
    fact = derived(folder).facts["model.identifier"]
    assert fact.value == f"commit {COMMIT}" and "digests" in fact.source


def test_huggingface_hub_reads_the_notes_as_we_do(folder: Path) -> None:
    from huggingface_hub._local_folder import read_download_metadata

    note(folder, "config.json", "e", commit=COMMIT)
    (folder / NOTES / "config.json.metadata").write_text(f"{COMMIT}\ne\n99999999999\n")
    found = read_download_metadata(folder, "config.json")
    assert found is not None and (found.commit_hash, found.etag) == (COMMIT, "e")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_was_changed_since_is_named_and_no_commit_told(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"Llama", b"Lhama")[:-1] + path.read_bytes()[-1:].replace(b"\0", b"\1"))
    found = derived(folder).facts
    assert "model.identifier" not in found
    assert found["files.unreadable"].value == [
        f"{NOTES}: it tells no commit: {name} is not what was downloaded at {COMMIT}"
    ]


def test_files_of_two_commits_are_of_neither(folder: Path) -> None:
    etag = (folder / NOTES / "config.json.metadata").read_text().split("\n")[1]
    note(folder, "config.json", etag, commit="f" * 40)
    found = derived(folder).facts
    assert "model.identifier" not in found and "the files are of 2" in found["files.unreadable"].value[0]


@pytest.mark.parametrize("content", [b"", b"main\n", b"\xff\xfe", b"0123\n\n\n"])
def test_weights_without_a_sound_note_are_of_no_commit(folder: Path, content: bytes) -> None:
    (folder / NOTES / "model.safetensors.metadata").write_bytes(content)
    assert not {"model.identifier", "files.unreadable"} & set(derived(folder).facts)


def test_a_note_that_is_a_link_out_of_the_folder_is_not_followed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = folder / NOTES / "model.safetensors.metadata"
    outside = path.rename(tmp_path_factory.mktemp("outside") / "note")
    path.symlink_to(outside)
    assert "model.identifier" not in derived(folder).facts
