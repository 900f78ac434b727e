"""Facts that stand in the model's own files, and what hostile or damaged files do to them: nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import gguf
import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import gguf_file, schema
from auditor.errors import ModelError
from auditor.provenance.derive import derive_facts, is_masked
from auditor.provenance.facts import catalogue
from auditor.provenance.resolve import resolve
from auditor.types import Fact, Json, ModelRef

ENGINE = {"model.library": "transformers", "model.pipeline_tag": "text-generation"}
ELSEWHERE = ("files.", "design.", "use.", "model.dependencies", "model.identifier", "model.parameters")


def facts_of(ref: ModelRef) -> dict[str, Fact]:
    """Return the facts that this file tests; the numbers, lists and digests have tests of their own beside it."""
    return {key: fact for key, fact in derive_facts(ref).facts.items() if not key.startswith(ELSEWHERE)}


def folder_ref(folder: Path, *, form: str = "safetensors", repository: str = "") -> ModelRef:
    return ModelRef(requested="x", format=form, folder=str(folder), weights=(), files=(), repository=repository)  # type: ignore[arg-type]


def values(folder: Path, config: Json = None, readme: str | bytes = "", **more: str) -> dict[str, Json]:
    """Return the values of the facts that a folder with this config.json and README.md gives."""
    (folder / "config.json").write_text(json.dumps(config or {}), encoding="utf-8")
    (folder / "README.md").write_bytes(readme if isinstance(readme, bytes) else readme.encode())
    return {key: fact.value for key, fact in facts_of(folder_ref(folder, **more)).items()}


def front(text: str) -> str:
    return f"---\n{text}\n---\n# A model\n"


def write_gguf(path: Path, **metadata: Json) -> Path:
    """Write a GGUF file with one tensor; `general_name` stands for the key `general.name`."""
    writer = gguf.GGUFWriter(path, "llama")
    for key, value in metadata.items():
        name = key.replace("__", ".")
        match value:
            case int():
                writer.add_uint32(name, value)
            case list():
                writer.add_array(name, value)
            case _:
                writer.add_string(name, value)
    writer.add_tensor("a", numpy.arange(64, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    gguf_file.read.cache_clear()
    return path


def gguf_values(path: Path) -> dict[str, Json]:
    gguf_file.read.cache_clear()
    return {key: fact.value for key, fact in facts_of(resolve(str(path), offline=True)).items()}


def test_a_gguf_files_own_licence_is_told_by_its_name(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", general__license="other", general__license__name="owls-1.0")
    assert gguf_values(path)["model.license"] == "LicenseRef-owls-1.0"


def test_config_json_gives_architecture_context_length_and_format(tmp_path: Path) -> None:
    config = {"architectures": ["LlamaForCausalLM", "Other"], "max_position_embeddings": 512, "dtype": "bfloat16"}
    assert values(tmp_path, config) == ENGINE | {
        "model.architecture": "LlamaForCausalLM",
        "model.context_length": 512,
        "model.weights_format": "safetensors, bfloat16",
    }
    source = {key: fact.source for key, fact in facts_of(folder_ref(tmp_path)).items()}
    assert source["model.context_length"] == "config.json"
    assert {fact.status for fact in facts_of(folder_ref(tmp_path)).values()} == {"derived"}


def test_older_and_nested_names_of_the_config_are_read_too(tmp_path: Path) -> None:
    assert values(tmp_path, {"n_positions": 1024, "torch_dtype": "float16"}) == ENGINE | {
        "model.context_length": 1024,
        "model.weights_format": "safetensors, float16",
    }
    nested = {"text_config": {"max_position_embeddings": 64, "dtype": "float32"}}
    assert values(tmp_path, nested)["model.context_length"] == 64


def test_pickled_weights_are_called_pickles(tmp_path: Path) -> None:
    assert values(tmp_path, {"dtype": "float32"}, form="pickle")["model.weights_format"] == "pickle, float32"


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": "LlamaForCausalLM"},
        {"architectures": {"a": 1}},
        {"architectures": []},
        {"architectures": [7]},
        {"max_position_embeddings": "many"},
        {"max_position_embeddings": True},
        {"max_position_embeddings": -1},
        {"dtype": ["float32"]},
        {"text_config": None},
        {"text_config": [1]},
    ],
)
def test_values_that_do_not_fit_the_schema_are_left_out(tmp_path: Path, config: Json) -> None:
    assert values(tmp_path, config) == ENGINE


def test_a_damaged_config_is_an_error_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        derive_facts(folder_ref(tmp_path))


def test_front_matter_gives_its_facts(tmp_path: Path) -> None:
    readme = front(
        "license: apache-2.0\nlanguage:\n- en\n- sv\nbase_model: org/base---v2\nbase_model_relation: finetune\n"
        "datasets: [org/a, org/b]\nlibrary_name: transformers\npipeline_tag: text-generation\ntags: [x]"
    )
    assert values(tmp_path, readme=readme) == ENGINE | {
        "model.license": "apache-2.0",
        "model.languages": ["en", "sv"],
        "model.base_model": "org/base---v2",
        "model.base_model_relation": "finetune",
        "training.datasets": ["org/a", "org/b"],
    }
    assert facts_of(folder_ref(tmp_path))["model.license"].source == "front matter of README.md"


def test_one_value_and_a_list_of_one_are_the_same(tmp_path: Path) -> None:
    found = values(tmp_path, readme=front("language: en\nbase_model: [org/base]"))
    assert (found["model.languages"], found["model.base_model"]) == (["en"], "org/base")


def test_windows_line_ends_and_a_byte_order_mark_do_not_hide_front_matter(tmp_path: Path) -> None:
    assert values(tmp_path, readme=b"\xef\xbb\xbf---\r\nlicense: mit\r\n---\r\n")["model.license"] == "mit"


@pytest.mark.parametrize(
    "text",
    [
        "language: English",
        "language: yes",
        "license: 5",
        "license:",
        "license: {a: b}",
        "base_model_relation: cousin",
        "datasets: [2020-01-01]",
        "1: license",
    ],
)
def test_front_matter_that_does_not_fit_is_left_out(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, readme=front(text)) == ENGINE


@pytest.mark.parametrize(
    ("text", "languages"), [("no", ["no"]), ("[sv, no]", ["sv", "no"]), ("['no', en]", ["no", "en"])]
)
def test_norwegian_is_read_as_norwegian_and_never_as_false(tmp_path: Path, text: str, languages: list[str]) -> None:
    assert values(tmp_path, readme=front(f"language: {text}"))["model.languages"] == languages


def test_what_is_left_out_of_front_matter_is_told(tmp_path: Path) -> None:
    values(tmp_path, readme=front("license: mit\nlanguage: English\ndatasets: [org/a, null]"))
    (told,) = derive_facts(folder_ref(tmp_path)).facts["files.unreadable"].value
    assert told.startswith("README.md: ") and "model.languages" in told and "training.datasets" in told


@pytest.mark.parametrize(
    "text",
    [
        "license: [mit",
        "license: 'mit",
        "a: b: c",
        "\tlicense: mit",
        "license: !!python/object/apply:os.system [true]",
        "license: mit\ndate: 2024-02-30",
        "license: mit\ndate: !!timestamp never",
        "license: mit\nx: !!int ''",
        "license: mit\nx: !!bool maybe",
        "license: mit\nx: " + "9" * 5000,
        "license: mit\nx: " + "[" * 25 + "]" * 25,
        "license: mit\nx: \x00",
        "license: mit\nlicense: &a mit\nbase_model: *a",
        "- license",
        "license",
    ],
)
def test_malformed_front_matter_is_ignored(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, readme=front(text)) == ENGINE


@pytest.mark.parametrize(
    "readme", ["", "# A model\n---\nlicense: mit\n---\n", "---\nlicense: mit\n", "---", "----\n---"]
)
def test_what_is_no_front_matter_is_not_read_as_such(tmp_path: Path, readme: str) -> None:
    assert values(tmp_path, readme=readme) == ENGINE


def test_a_hostile_readme_does_no_harm(tmp_path: Path) -> None:
    laughs = "datasets: &a0 [ha]\n" + "".join(f"k{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 30))
    hostile: list[str | bytes] = [
        front(laughs + "datasets: *a29"),
        front("license: mit\nx: '" + "y" * 50_000_000 + "'"),
        front("license: mit\nx: " + "[" * 60_000),
        front("license: mit\nx:\n" + "- " * 30_000),
        front("license: mit\n? " + "? " * 30_000),
        bytes(range(256)) * 1000,
        b"---\nlicense: \xff\xfe\n---\n",
        b"---\n" + b"\x00" * 1_000_000 + b"\n---\n",
    ]
    started = time.monotonic()
    for readme in hostile:
        assert values(tmp_path, readme=readme) == ENGINE
    assert time.monotonic() - started < 5


def test_a_huge_text_after_the_front_matter_is_not_in_its_way(tmp_path: Path) -> None:
    assert values(tmp_path, readme=front("license: mit") + "y" * 10_000_000)["model.license"] == "mit"


def test_a_readme_that_is_a_folder_or_missing_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert facts_of(folder_ref(tmp_path)).keys() == ENGINE.keys()
    (tmp_path / "README.md").mkdir()
    assert facts_of(folder_ref(tmp_path)).keys() == ENGINE.keys()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONFIG_KEYS = ("architectures", "max_position_embeddings", "n_positions", "dtype", "torch_dtype", "text_config")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(config=st.dictionaries(st.sampled_from(CONFIG_KEYS), JSON), readme=st.text() | st.binary())
def test_whatever_the_files_hold_only_facts_that_fit_come_out(
    tmp_path: Path, config: Json, readme: str | bytes
) -> None:
    readme = readme.encode("utf-8", "surrogatepass") if isinstance(readme, str) else readme
    for key, value in values(tmp_path, config, readme).items():
        assert schema.faults_against(value, catalogue()[key].schema) == []


def test_a_hub_repository_gives_name_and_provider_where_the_files_do_not(tmp_path: Path) -> None:
    found = values(tmp_path, repository="org/tiny")
    assert (found["model.name"], found["model.provider"]) == ("tiny", "org")


def test_gguf_metadata_gives_its_facts(tmp_path: Path) -> None:
    path = write_gguf(
        tmp_path / "a.gguf",
        general__name="Tiny",
        general__organization="Org",
        general__license="mit",
        general__languages=["en", "sv"],
        general__datasets=["org/data"],
        general__file_type=3,
        llama__context_length=128,
    )
    assert gguf_values(path) == ENGINE | {
        "model.name": "Tiny",
        "model.provider": "Org",
        "model.license": "mit",
        "model.languages": ["en", "sv"],
        "model.architecture": "llama",
        "model.context_length": 128,
        "model.weights_format": "GGUF, Q4_1",
        "model.base_model_relation": "quantized",
        "training.datasets": ["org/data"],
    }


def test_a_base_in_gguf_metadata_is_not_called_what_the_file_was_quantised_from(tmp_path: Path) -> None:
    base = {"general__base_model__0__repo_url": "https://huggingface.co/org/base"}
    found = gguf_values(write_gguf(tmp_path / "a.gguf", general__file_type=2, **base))
    assert found["model.base_model"] == "org/base"
    assert "model.base_model_relation" not in found


@pytest.mark.parametrize(("file_type", "form"), [(0, "GGUF, F32"), (1, "GGUF, F16"), (32, "GGUF, BF16")])
def test_gguf_weights_that_are_not_quantised_are_not_called_so(tmp_path: Path, file_type: int, form: str) -> None:
    found = gguf_values(write_gguf(tmp_path / "a.gguf", general__file_type=file_type))
    assert found["model.weights_format"] == form
    assert "model.base_model_relation" not in found


@pytest.mark.parametrize("metadata", [{"general__file_type": 987_654}, {"general__file_type": [1, 2]}])
def test_a_file_type_that_nobody_knows_is_left_out(tmp_path: Path, metadata: dict[str, Json]) -> None:
    assert gguf_values(write_gguf(tmp_path / "a.gguf", **metadata)) == ENGINE | {"model.architecture": "llama"}


@pytest.mark.parametrize("share", [0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_truncated_gguf_file_is_an_error_of_the_model(tmp_path: Path, share: float) -> None:
    path = write_gguf(tmp_path / "a.gguf", general__name="Tiny", general__languages=["en"], general__file_type=3)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    gguf_file.read.cache_clear()
    ref = resolve(str(path), offline=True)
    with pytest.raises(ModelError, match=rf"a\.gguf \({path.stat().st_size} bytes\)") as caught:
        derive_facts(ref)
    assert "truncated" in caught.value.hint


@pytest.mark.smollm2
@pytest.mark.slow
def test_the_embedded_models_own_facts() -> None:
    facts = facts_of(resolve("smollm2", offline=True))
    assert {key: fact.value for key, fact in facts.items()} == ENGINE | {
        "model.name": "Smollm2 135M 8k Lc100K Mix1 Ep2",
        "model.family": "smollm2",
        "model.provider": "HuggingFaceTB",
        "model.license": "apache-2.0",
        "model.languages": ["en"],
        "model.architecture": "llama",
        "model.context_length": 8192,
        "model.weights_format": "GGUF, Q4_1",
        "model.base_model_relation": "quantized",
    }


@pytest.mark.smollm2
@pytest.mark.slow
def test_half_of_the_embedded_model_is_an_error_of_the_model(tmp_path: Path) -> None:
    whole = resolve("smollm2", offline=True)
    content = (Path(whole.folder) / whole.weights[0]).read_bytes()
    (tmp_path / "half.gguf").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"half\.gguf"):
        derive_facts(resolve(str(tmp_path / "half.gguf"), offline=True))


@pytest.mark.parametrize(
    ("config", "masked"),
    [
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, True),
        ({"architectures": ["CustomForMaskedLM"], "model_type": "custom"}, True),
        ({"architectures": ["BertForPreTraining"], "model_type": "bert"}, True),
        ({"model_type": "xlm-roberta"}, True),
        ({"architectures": "BertForMaskedLM", "model_type": "distilbert"}, True),
        ({"architectures": ["XLMWithLMHeadModel"], "model_type": "xlm"}, True),
        ({"architectures": ["XLMWithLMHeadModel"], "model_type": "xlm", "causal": True}, False),
        ({"architectures": ["BertLMHeadModel"], "model_type": "bert"}, False),
        ({"architectures": ["RobertaForCausalLM"], "model_type": "roberta"}, False),
        ({"model_type": "bert", "is_decoder": True}, False),
        ({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}, False),
        ({"architectures": [None, 3], "model_type": ["bert"]}, False),
        ({}, False),
    ],
)
def test_a_masked_model_is_known_by_its_architecture_or_its_type(tmp_path: Path, config: Json, masked: bool) -> None:
    task = "fill-mask" if masked else "text-generation"
    assert values(tmp_path, config)["model.pipeline_tag"] == task
    assert is_masked(folder_ref(tmp_path)) is masked
    assert not is_masked(folder_ref(tmp_path, form="gguf"))
