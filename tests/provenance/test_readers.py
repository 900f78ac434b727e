"""What each kind of file gives: numbers, digests, lineage, stages, licences; and that no pickle is opened."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save_file

from auditor.provenance.agree import contradictions
from auditor.provenance.derive import Derived, derive_facts
from auditor.provenance.resolve import resolve
from auditor.types import Json

MIT = """MIT License

Copyright (c) 2025 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    put(made, "config.json", {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 128})
    weights = {"embed.weight": numpy.zeros((4, 8), numpy.float32), "h.0.attn.bias": numpy.zeros((2, 2), numpy.float16)}
    save_file(weights, made / "model.safetensors")
    return made


def put(folder: Path, name: str, content: Json) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def derived(folder: Path) -> Derived:
    return derive_facts(resolve(str(folder), offline=True))


def values(folder: Path) -> dict[str, Json]:
    return {key: fact.value for key, fact in derived(folder).facts.items()}


def disputed(folder: Path) -> dict[str, str]:
    found = derived(folder)
    return contradictions({}, found.facts, found.others)


def test_the_numbers_of_the_network_are_read_under_any_of_their_names(folder: Path) -> None:
    config = {"n_layer": 3, "n_embd": 8, "n_head": 2, "num_key_value_heads": 1, "vocab_size": 9, "num_experts": 4}
    more = {"num_experts_per_tok": 2, "sliding_window": 64, "tie_word_embeddings": True, "n_positions": 32}
    scaling = {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}, "transformers_version": "4.50.0"}
    found = values(put(folder, "config.json", {**config, **more, **scaling}))
    assert {key: found[key] for key in found if key.startswith("design.") and isinstance(found[key], int)} == {
        "design.layers": 3,
        "design.hidden_size": 8,
        "design.attention_heads": 2,
        "design.key_value_heads": 1,
        "design.vocabulary_size": 9,
        "design.experts": 4,
        "design.experts_per_token": 2,
        "design.sliding_window": 64,
        "design.tied_embeddings": True,
    }
    assert found["design.position_scaling"] == "yarn, factor 4"
    assert found["design.max_input"] == [{"modality": "text", "amount": 32, "unit": "tokens"}]
    assert found["use.required_software"] == "transformers 4.50.0"


def test_a_window_that_is_switched_off_is_none_and_a_part_for_images_is_an_input(folder: Path) -> None:
    found = values(put(folder, "config.json", {"sliding_window": 64, "use_sliding_window": False, "vision_config": {}}))
    assert "design.sliding_window" not in found
    assert found["design.input_modalities"] == ["text", "image"]


def test_quantised_weights_are_told_and_their_stored_numbers_are_not_called_parameters(folder: Path) -> None:
    save_file({"w": numpy.zeros(6, numpy.uint8)}, folder / "model.safetensors")
    found = values(put(folder, "config.json", {"quantization_config": {"quant_method": "awq", "bits": 4}}))
    assert found["design.quantisation"] == "awq, bits 4"
    assert found["model.base_model_relation"] == "quantized"
    assert found["design.number_formats"] == [{"format": "U8", "count": 6}]
    assert "model.parameters" not in found


def test_headers_count_the_parameters_without_buffers(folder: Path) -> None:
    found = values(folder)
    assert found["model.parameters"] == 32
    assert found["design.number_formats"] == [{"format": "F16", "count": 4}, {"format": "F32", "count": 32}]
    assert found["files.weights_bytes"] == (folder / "model.safetensors").stat().st_size
    assert found["files.shards"] == "1 weight file"


def test_an_embedding_that_is_stored_twice_is_counted_once(folder: Path) -> None:
    same = numpy.zeros((4, 8), numpy.float32)
    save_file({"embed.weight": same, "lm_head.weight": same.copy()}, folder / "model.safetensors")
    for tied, count in ((True, 32), (False, 64)):
        found = values(put(folder, "config.json", {"tie_word_embeddings": tied}))
        assert found["model.parameters"] == count


def test_shards_are_counted_against_their_index(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    files = {name: f"model-0000{number}-of-00002.safetensors" for number, name in enumerate("ab", start=1)}
    for name, file in files.items():
        save_file({name: numpy.zeros(3, numpy.float32)}, folder / file)
    found = values(put(folder, "model.safetensors.index.json", {"weight_map": files}))
    assert found["files.shards"] == "2 weight files, all that model.safetensors.index.json names"
    assert found["model.parameters"] == 6


def test_weights_beside_those_that_a_model_is_read_from_are_not_counted(folder: Path) -> None:
    save_file({"all": numpy.zeros(9, numpy.float32)}, folder / "consolidated.safetensors")
    assert resolve(str(folder), offline=True).weights == ("model.safetensors",)
    save_file({"lora": numpy.zeros(5, numpy.float32)}, folder / "adapter_model.safetensors")
    assert resolve(str(folder), offline=True).weights == ("adapter_model.safetensors", "model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    found = values(
        put(folder, "model.safetensors.index.json", {"weight_map": {"w": "model-00001-of-00001.safetensors"}})
    )
    assert found["files.shards"] == "1 weight file, all that model.safetensors.index.json names"
    assert found["model.parameters"] == 32
    assert "consolidated.safetensors" in {entry["path"] for entry in found["files.listing"]}


def test_the_tokenizer_its_special_tokens_and_the_chat_template_are_told_with_digests(folder: Path) -> None:
    put(folder, "tokenizer.json", {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}}})
    put(folder, "tokenizer_config.json", {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": "</s>"})
    put(folder, "chat_template.jinja", "{{ messages }}")
    found = values(folder)
    assert found["design.tokenizer"].startswith("BPE, 2 entries; tokenizer.json, sha256 ")
    assert found["design.special_tokens"] == ["<s>", "</s>"]
    digest = hashlib.sha256(b"{{ messages }}").hexdigest()
    assert found["design.chat_template"] == f"chat_template.jinja, sha256 {digest}"


def test_a_chat_template_within_the_tokenizers_settings_has_the_digest_of_its_text(folder: Path) -> None:
    named = [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}]
    for template, text in (("d", "d"), (named, "d")):
        found = values(put(folder, "tokenizer_config.json", {"chat_template": template}))
        assert found["design.chat_template"].endswith(hashlib.sha256(text.encode()).hexdigest())


def test_the_defaults_of_generation_are_those_that_move_a_sample(folder: Path) -> None:
    content = {"temperature": 0.6, "do_sample": True, "top_p": 1.0, "eos_token_id": 2, "transformers_version": "4.50.0"}
    found = values(put(folder, "generation_config.json", content))
    assert found["design.generation_defaults"] == [
        {"name": "do_sample", "value": "true"},
        {"name": "temperature", "value": "0.6"},
        {"name": "top_p", "value": "1"},
    ]
    assert found["design.generation_defaults_digest"] == hashlib.sha256(json.dumps(content).encode()).hexdigest()


def test_pickles_are_named_and_never_opened(folder: Path) -> None:
    for name in ("training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(b"\x80\x04\x95 boom")
        (folder / name).chmod(0)
    found = values(folder)
    assert found["files.pickles"] == ["optimizer.pt", "training_args.bin"]
    assert not {entry["path"] for entry in found["files.listing"]} & set(found["files.pickles"])


def test_the_other_files_are_listed_with_digests(folder: Path) -> None:
    put(folder, "notes.txt", "hello")
    entry = next(entry for entry in values(folder)["files.listing"] if entry["path"] == "notes.txt")
    assert entry == {"path": "notes.txt", "bytes": 5, "sha256": hashlib.sha256(b"hello").hexdigest()}


def test_code_that_comes_with_the_model_is_named(folder: Path) -> None:
    put(folder, "modeling_x.py", "raise SystemExit")
    put(
        folder, "config.json", {"auto_map": {"AutoModel": "modeling_x.Model", "AutoConfig": "org/m--configuration_x.C"}}
    )
    ref = resolve(str(folder), offline=True, trust_remote_code=True)
    assert derive_facts(ref).facts["files.custom_code"].value == ["modeling_x.py", "org/m--configuration_x.py"]


def test_an_adapter_names_its_base_and_what_it_changes(folder: Path) -> None:
    adapter = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "base_model_name_or_path": "org/base", "revision": "abc"}
    found = values(put(folder, "adapter_config.json", {**adapter, "target_modules": ["v_proj", "q_proj"]}))
    assert found["model.base_model"] == "org/base"
    assert found["model.base_model_revision"] == "abc"
    assert found["model.base_model_relation"] == "adapter"
    assert found["design.adapter"] == "peft_type LORA, r 8, lora_alpha 16, on q_proj v_proj"


def test_a_path_on_somebodys_machine_does_not_get_into_the_card(folder: Path) -> None:
    found = values(put(folder, "adapter_config.json", {"base_model_name_or_path": "/home/someone/base"}))
    assert found["model.base_model"] == "base"
    found = values(
        put(folder, "README.md", "---\nbase_model: /home/someone/base\ndatasets: [/home/someone/d.json]\n---\n")
    )
    assert "someone" not in json.dumps(found)
    assert found["training.datasets"] == ["d.json"] and disputed(folder) == {}


def test_a_merge_names_its_method_and_models(folder: Path) -> None:
    recipe = "merge_method: slerp\nbase_model: org/a\nslices:\n- sources:\n  - model: org/a\n  - model: org/b\n"
    found = values(put(folder, "mergekit_config.yml", recipe))
    assert found["design.merge_recipe"] == "slerp of org/a, org/b"
    assert found["model.base_model_relation"] == "merge"
    bases = [{"name": "org/a", "relation": "merge"}, {"name": "org/b", "relation": "merge"}]
    assert found["model.dependencies"] == bases


MERGED = [
    ("mergekit_config.yml", "models: [{model: org/a}, {model: org/b}]\nmerge_method: dare_ties\n", "dare_ties"),
    (
        "mergekit_config.yml",
        "models: [{model: {model: {path: org/a}}}, {model: org/b@main}]\nmerge_method: ties\n",
        "ties",
    ),
    ("mergekit_moe_config.yml", "experts: [{source_model: org/a}, {source_model: org/b}]\n", "mixture of experts"),
]


@pytest.mark.parametrize(("file", "recipe", "method"), MERGED)
def test_a_merges_base_is_one_of_its_models_as_in_the_readme_that_the_tool_writes(
    folder: Path, file: str, recipe: str, method: str
) -> None:
    put(folder, "README.md", "---\nbase_model: [org/base, org/a, org/b]\n---\n")
    found = values(put(folder, file, f"base_model: org/base\n{recipe}"))
    assert found["design.merge_recipe"] == f"{method} of org/a, org/b"
    assert [entry["name"] for entry in found["model.dependencies"]] == ["org/base", "org/a", "org/b"]
    assert found["model.base_model"] == "org/base" and disputed(folder) == {}


def test_an_adapter_in_a_merge_is_told_beside_its_model(folder: Path) -> None:
    found = values(put(folder, "mergekit_config.yml", "models: [{model: org/a+org/lora}, {model: /home/me/b}]\n"))
    assert [entry["name"] for entry in found["model.dependencies"]] == ["org/a", "org/lora", "b"]


def test_a_trainers_log_speaks_of_the_stage_that_it_logged_and_not_of_the_training(folder: Path) -> None:
    state = {"total_flos": 3e15, "global_step": 100, "epoch": 2.0, "num_input_tokens_seen": 0, "train_batch_size": 8}
    found = values(put(folder, "trainer_state.json", {**state, "log_history": [{"train_runtime": 7200.0}, 3]}))
    assert found["training.logged"] == [
        {"name": "the stage logged", "flop": 3e15, "steps": 100, "epochs": 2.0, "process_batch_size": 8, "hours": 2.0}
    ]
    assert not {"training.compute_flop", "training.tokens"} & set(found)


def test_tracked_energy_is_summed_and_a_table_of_something_else_is_noted(folder: Path) -> None:
    head = "timestamp,duration,emissions,energy_consumed,country_name,gpu_model\n"
    put(folder, "emissions.csv", head + "t,3600,0.5,1.5,Sweden,H100\nt,1800,0.25,0.5,Sweden,H100\n")
    row = {"energy_kwh": 2.0, "emissions_kg": 0.75, "hours": 1.5, "country": "Sweden", "hardware": "H100"}
    assert values(folder)["compute.logged"] == [{"name": "codecarbon", **row}]
    found = values(put(folder, "emissions.csv", "a,b\n1,2\n"))
    assert "compute.logged" not in found
    assert found["files.unreadable"] == ["emissions.csv: row 1 is no row of codecarbon's, or one of too many"]


def test_a_run_that_was_written_several_times_is_counted_once_by_its_last_row(folder: Path) -> None:
    head = "run_id,duration,emissions,energy_consumed,country_name,gpu_model,tracking_mode\n"
    rows = ["a,1800,0.25,0.5", "a,3600,0.5,1.0", "b,3600,0.5,1.0"]
    put(folder, "emissions.csv", head + "".join(f"{row},Sweden,H100,process\n" for row in rows))
    (row,) = values(folder)["compute.logged"]
    assert (row["energy_kwh"], row["emissions_kg"], row["hours"], row["tracking"]) == (2.0, 1.0, 2.0, "process")


def test_emissions_in_the_front_matter_are_grams(folder: Path) -> None:
    front = "---\nco2_eq_emissions:\n  emissions: 2500000\n  source: codecarbon\n  hardware_used: 8 H100\n---\n"
    found = values(put(folder, "README.md", front))
    assert found["compute.carbon_tonnes"] == 2.5
    assert found["compute.carbon_methodology"] == "source: codecarbon"
    assert found["training.hardware"] == "8 H100"
    assert "compute.carbon_tonnes" not in values(put(folder, "README.md", "---\nco2_eq_emissions: true\n---\n"))


def test_several_bases_in_the_front_matter_are_dependencies(folder: Path) -> None:
    front = "---\nbase_model: [org/a, org/b]\nbase_model_relation: merge\nlicense: other\nlicense_name: my-1.0\n---\n"
    found = values(put(folder, "README.md", front))
    bases = [{"name": "org/a", "relation": "merge"}, {"name": "org/b", "relation": "merge"}]
    assert found["model.dependencies"] == bases
    assert "model.base_model" not in found
    assert found["model.license"] == "LicenseRef-my-1.0" and disputed(folder) == {}


def test_the_text_of_a_licence_is_told_apart_from_its_title_and_from_the_unknown(folder: Path) -> None:
    found = derived(put(folder, "LICENSE", MIT)).facts
    assert found["model.license"].value == "MIT"
    assert found["model.license"].source == "LICENSE, its text is the published one"
    with_more = derived(put(folder, "LICENSE", MIT + "\nNobody may sell it.")).facts
    assert with_more["model.license"].source == "LICENSE, by its title; the text was not compared"
    unknown = derived(put(folder, "LICENSE", "Ask us.")).facts
    assert "model.license" not in unknown
    assert unknown["files.license_file"].value.endswith(": not recognised")


@pytest.mark.parametrize("name", ["LICENSE", "LICENCE.md", "COPYING.txt", "license"])
def test_a_licence_file_is_told_with_its_digest_and_how_it_was_recognised(folder: Path, name: str) -> None:
    for text, how in ((MIT, "MIT by its text"), (MIT + "\nNobody may sell it.", "MIT by its title")):
        told = values(put(folder, name, text))["files.license_file"]
        assert told == f"{name}, sha256 {hashlib.sha256(text.encode()).hexdigest()}: {how}"
    assert "files.license_file" not in values(put(folder, name, " \n"))


def test_the_name_of_a_licence_counts_where_the_hub_calls_it_other_and_nowhere_else(folder: Path) -> None:
    front = "---\nlicense: {}\nlicense_name: owls-1.0\n---\n"
    assert values(put(folder, "README.md", front.format("mit")))["model.license"] == "mit"
    assert values(put(folder, "README.md", front.format("other")))["model.license"] == "LicenseRef-owls-1.0"


@pytest.mark.parametrize(("line", "gated"), [("gated: auto", True), ("extra_gated_prompt: x", True), ("x: y", False)])
def test_conditions_that_users_must_agree_to_are_told(folder: Path, line: str, gated: bool) -> None:
    assert ("distribution.gating" in values(put(folder, "README.md", f"---\n{line}\n---\n"))) is gated


def test_two_files_that_name_two_licences_are_both_kept(folder: Path) -> None:
    put(folder, "README.md", "---\nlicense: apache-2.0\n---\n")
    found = derived(put(folder, "LICENSE", MIT))
    assert found.facts["model.license"].value == "apache-2.0"
    assert [fact.value for fact in found.others["model.license"]] == ["MIT"]


def test_the_licence_of_code_beside_the_weights_is_not_the_models(folder: Path) -> None:
    put(folder, "README.md", "---\nlicense: other\nlicense_name: owls-1.0\n---\n")
    found = derived(put(folder, "LICENSE-CODE", MIT))
    assert found.facts["files.license_file"].value.endswith("MIT by its text")
    assert found.facts["model.license"].value == "LicenseRef-owls-1.0" and "model.license" not in found.others


def test_a_format_that_models_are_trained_in_makes_no_copy_of_another_model(folder: Path) -> None:
    found = values(put(folder, "config.json", {"quantization_config": {"quant_method": "mxfp4"}}))
    assert found["design.quantisation"] == "mxfp4" and "model.base_model_relation" not in found


def test_yaml_that_is_not_read_is_told(folder: Path) -> None:
    found = values(put(folder, "README.md", "---\na: &x [1]\nb: *x\nlicense: mit\n---\n"))
    assert found["files.unreadable"] == ["README.md: YAML with aliases, or too deep to be read"]


@pytest.mark.parametrize(
    "name",
    ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "adapter_config.json", "trainer_state.json"],
)
def test_a_damaged_optional_file_takes_nothing_else_with_it(folder: Path, name: str) -> None:
    found = values(put(folder, name, '{"a": '))
    assert found["model.architecture"] == "LlamaForCausalLM"
    assert found["files.unreadable"][0].startswith(f"{name}: not JSON")
