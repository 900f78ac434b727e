"""GGUF files are read once, and the gguf package is left as it was."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from auditor import gguf_file


@pytest.fixture
def gguf_path(tmp_path: Path) -> Path:
    path = tmp_path / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(77)
    writer.add_tensor("token_embd.weight", np.ones((4, 8), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    gguf_file.read.cache_clear()
    return path


def test_a_reader_holds_the_file(gguf_path: Path) -> None:
    reader = gguf_file.read(str(gguf_path))
    assert reader.get_field("llama.context_length").contents() == 77
    assert gguf_file.read(str(gguf_path)) is reader


def test_within_read_once_everybody_gets_the_same_reader(gguf_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gguf_path.parent)
    with gguf_file.read_once():
        from gguf import GGUFReader

        assert GGUFReader(gguf_path) is GGUFReader("small.gguf")
        assert GGUFReader(gguf_path) is gguf_file.read(str(gguf_path.resolve()))


def test_transformers_reads_through_it(gguf_path: Path) -> None:
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    with gguf_file.read_once():
        load_gguf_checkpoint(str(gguf_path), return_tensors=False)
        assert gguf_file.read.cache_info().currsize == 1, "transformers made a reader of its own"


def test_the_original_is_restored_and_the_reader_let_go(gguf_path: Path) -> None:
    original = gguf.GGUFReader, gguf.get_tensor_name_map
    with pytest.raises(RuntimeError, match="stop"), gguf_file.read_once():
        gguf.GGUFReader(gguf_path)
        raise RuntimeError("stop")
    assert (gguf.GGUFReader, gguf.get_tensor_name_map) == original
    assert gguf_file.read.cache_info().currsize == 0
