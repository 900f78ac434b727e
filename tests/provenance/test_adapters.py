"""A folder that holds an adapter alone: what it says of itself, and of the base model that it cannot do without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from msgspec.structs import replace
from safetensors.numpy import save_file

from auditor.described import part_of
from auditor.errors import ModelError
from auditor.provenance.derive import derive_facts, is_masked
from auditor.provenance.resolve import resolve, weights_digest
from auditor.types import Json

LORA: dict[str, Json] = {
    "base_model_name_or_path": "org/base",
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "r": 4,
    "lora_alpha": 8,
    "target_modules": ["v_proj", "q_proj"],
}
Make = Callable[..., Path]


@pytest.fixture
def adapter(tmp_path: Path) -> Make:
    """Return a function: changes to the configuration in, a folder with an adapter in it out."""

    def made(**changes: Json) -> Path:
        folder = tmp_path / "adapter"
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps({**LORA, **changes}))
        weights = {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": numpy.ones((4, 64), "float32")}
        save_file(weights, folder / "adapter_model.safetensors")
        return folder

    return made


@pytest.fixture
def base(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "base"))


def test_an_adapter_says_what_it_is_and_what_it_is_for_without_its_base(adapter: Make) -> None:
    ref = resolve(str(adapter(revision="abc123")), offline=True, with_base=False)
    facts = derive_facts(ref).facts
    values = {key: fact.value for key, fact in facts.items()}
    assert (values["model.base_model"], values["model.base_model_relation"]) == ("org/base", "adapter")
    assert values["model.base_model_revision"] == "abc123"
    assert values["design.adapter"] == "peft_type LORA, task_type CAUSAL_LM, r 4, lora_alpha 8, on q_proj v_proj"
    assert values["files.manifest_sha256"] == weights_digest(ref)
    assert not {"model.parameters", "model.pipeline_tag", "design.layers"} & set(values)
    assert {part_of(file).role for file in ref.files} == {"adapter"}


def test_an_adapter_is_resolved_with_the_files_of_its_base(adapter: Make, base: Path) -> None:
    ref = resolve(str(adapter(base_model_name_or_path=str(base))), offline=True)
    assert ref.base is not None and ref.base.weights == ("model.safetensors",)
    names = {file.path: part_of(file).role for file in ref.files}
    assert names["adapter_model.safetensors"] == "adapter"
    assert (names["base/model.safetensors"], names["base/config.json"]) == ("weights", "config")
    values = {key: fact.value for key, fact in derive_facts(ref).facts.items()}
    assert (values["model.base_model"], values["design.layers"]) == ("base", 2)
    assert values["model.pipeline_tag"] == "text-generation" and "design.chat_template" in values
    fact = derive_facts(ref).facts["design.layers"]
    assert fact.source == "config.json, of the base model"
    assert fact.evidence[0].path == "base/config.json" and len(fact.evidence[0].sha256) == 64


def test_the_digest_of_the_weights_covers_those_of_the_base(adapter: Make, base: Path) -> None:
    folder = adapter(base_model_name_or_path=str(base))
    before = weights_digest(resolve(str(folder), offline=True))
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    after = weights_digest(resolve(str(folder), offline=True))
    assert before != after != weights_digest(resolve(str(folder), offline=True, with_base=False))


def test_a_base_is_found_beside_its_adapter_by_a_relative_path(adapter: Make, base: Path) -> None:
    ref = resolve(str(adapter(base_model_name_or_path="../base")), offline=True)
    assert ref.base is not None and Path(ref.base.folder) == base.resolve()


def test_the_tokenizer_is_the_adapters_own_where_it_brings_one(adapter: Make, base: Path) -> None:
    folder = adapter(base_model_name_or_path=str(base))
    ref = resolve(str(folder), offline=True)
    assert ref.tokenized_by is ref.base
    shutil.copy(base / "tokenizer_config.json", folder)
    ref = resolve(str(folder), offline=True)
    assert ref.tokenized_by is ref


def test_an_adapter_is_masked_where_its_base_is(adapter: Make, base: Path) -> None:
    folder = adapter(base_model_name_or_path=str(base))
    assert not is_masked(resolve(str(folder), offline=True))
    (base / "config.json").write_text('{"architectures": ["BertForMaskedLM"], "model_type": "bert"}')
    assert is_masked(resolve(str(folder), offline=True))


@pytest.mark.parametrize(
    ("named", "fault", "hint"),
    [
        ("org/base", "adapter is an adapter of org/base, which does not lie on this machine", "hf download org/base"),
        ("/home/me/base", "an adapter of /home/me/base, which does not lie on this machine", "give the folder"),
        ("C:\\models\\base", "does not lie on this machine", "give the folder"),
        ("", "names no base model", "write the folder"),
        (None, "names no base model", "write the folder"),
    ],
)
def test_an_adapter_whose_base_is_not_here_says_what_to_do(
    adapter: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: Json, fault: str, hint: str
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError) as caught:
        resolve(str(adapter(base_model_name_or_path=named)), offline=False)
    assert fault in caught.value.message and hint in caught.value.hint


def test_an_adapter_of_an_adapter_and_one_of_a_gguf_file_are_refused(adapter: Make, base: Path) -> None:
    folder = adapter(base_model_name_or_path=str(base))
    (base / "model.safetensors").rename(base / "adapter_model.safetensors")
    (base / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is an adapter itself"):
        resolve(str(folder), offline=True)
    (base / "adapter_model.safetensors").unlink()
    (base / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="is a GGUF file"):
        resolve(str(folder), offline=True)


def test_a_base_that_brings_code_needs_trust(adapter: Make, base: Path) -> None:
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "m.M"}}))
    folder = adapter(base_model_name_or_path=str(base))
    with pytest.raises(ModelError, match="brings its own Python code"):
        resolve(str(folder), offline=True)
    assert resolve(str(folder), offline=True, trust_remote_code=True).base is not None


def test_a_pickled_adapter_is_refused_and_told_of_without_being_opened(adapter: Make) -> None:
    folder = adapter()
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.bin").write_bytes(b"a pickle that would fail if it were opened")
    with pytest.raises(ModelError, match=r"pickles \(adapter_model.bin\)"):
        resolve(str(folder), offline=True, with_base=False)
    ref = resolve(str(folder), offline=True, with_base=False, allow_pickle=True)
    assert derive_facts(ref).facts["files.pickles"].value == ["adapter_model.bin"]


def test_a_whole_model_beside_an_adapter_is_the_model(adapter: Make, base: Path) -> None:
    for file in adapter().iterdir():
        shutil.copy(file, base)
    ref = resolve(str(base), offline=True)
    assert ref.base is None and ref.weights == ("adapter_model.safetensors", "model.safetensors")
    assert replace(ref, weights=("adapter_model.safetensors",)).is_adapter
