"""Opening a model: what cannot be trusted is refused with a reason, and what was chosen is written down."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from auditor.backends import hf
from auditor.errors import ModelError
from auditor.types import GenerateRequest, Loglikelihood, LoglikelihoodRequest, Sampling


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def change_weights(folder: Path, change) -> None:  # type: ignore[no-untyped-def]
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})


@pytest.fixture
def folder(tmp_path: Path, model_maker) -> Path:  # type: ignore[no-untyped-def]
    made: Path = model_maker(tmp_path / "model")
    return made


def add_special_tokens(folder: Path, *, single: str, **config: object) -> None:
    """Let the tokenizer put special tokens around a text, such as `<s> $A </s>`."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    path = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    tokenizer.post_processor = TemplateProcessing(single=single, special_tokens=[("<s>", 0), ("</s>", 1)])
    tokenizer.save(path)
    named = folder / "tokenizer_config.json"
    named.write_text(json.dumps(json.loads(named.read_text(encoding="utf-8")) | config), encoding="utf-8")


def test_info_says_how_the_model_is_run(tiny_model: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    info = open_folder(tiny_model, batch_tokens=300, batch_rows=9).info
    model = load_file(tiny_model / "model.safetensors")
    assert info.parameters == sum(tensor.numel() for tensor in model.values())
    assert (info.device, info.dtype, info.context_length) == ("cpu", "float32", 512)
    assert (info.batch_tokens, info.batch_rows, info.attention) == (300, 9, "sdpa, in trees on stems")
    template = (tiny_model / "chat_template.jinja").read_text(encoding="utf-8")
    assert info.chat_template_digest == hashlib.sha256(template.encode()).hexdigest()
    assert len(info.tokenizer_digest) == 64
    assert info.threads == torch.get_num_threads()


def test_another_tokenizer_has_another_digest(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    before = open_folder(folder).info.tokenizer_digest
    assert open_folder(folder).info.tokenizer_digest == before
    add_special_tokens(folder, single="<s> $A")
    assert open_folder(folder).info.tokenizer_digest != before


def test_weights_that_are_not_numbers_are_refused(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    change_weights(folder, lambda weights: weights["model.norm.weight"].fill_(torch.nan))
    with pytest.raises(ModelError, match="not finite"):
        open_folder(folder)


def test_weights_to_which_all_tokens_are_the_same_are_refused_since_each_choice_would_tie(
    folder: Path, open_folder
) -> None:  # type: ignore[no-untyped-def]
    change_weights(folder, lambda weights: weights["lm_head.weight"].fill_(0.0))
    with pytest.raises(ModelError, match="every token of a text the same probability"):
        open_folder(folder)


def test_tensors_that_the_config_asks_for_and_the_weights_lack_are_refused(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    change_weights(folder, lambda weights: weights.pop("model.layers.1.mlp.up_proj.weight"))
    with pytest.raises(ModelError, match=r"lack 1 tensors .* such as model\.layers\.1\.mlp\.up_proj\.weight"):
        open_folder(folder)


def test_tensors_of_another_shape_are_refused(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    change_config(folder, intermediate_size=64)
    with pytest.raises(ModelError, match="cannot load the weights"):
        open_folder(folder)


def test_an_unknown_architecture_is_refused(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    change_config(folder, model_type="llamoid", architectures=["LlamoidForCausalLM"])
    with pytest.raises(ModelError, match="cannot load") as caught:
        open_folder(folder)
    assert caught.value.hint


def test_a_folder_without_a_tokenizer_is_refused(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="cannot load the tokenizer"):
        open_folder(folder)


def test_a_tokenizer_with_tokens_that_the_model_lacks_is_refused(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    change_config(folder, vocab_size=100)
    change_weights(
        folder,
        lambda weights: weights.update(
            {name: weights[name][:100].clone() for name in ("model.embed_tokens.weight", "lm_head.weight")}
        ),
    )
    with pytest.raises(ModelError, match="cannot run"):
        open_folder(folder)


def test_an_unknown_device_is_refused(tiny_model: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError, match="device 'abacus' cannot be used"):
        open_folder(tiny_model, device="abacus")


def test_half_precision_is_no_reason_to_do_without_padding(tiny_model: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    info = open_folder(tiny_model, dtype="bfloat16").info
    assert (info.dtype, info.attention, info.batch_rows) == ("bfloat16", "sdpa, in trees on stems", 128)


def test_a_token_for_padding_that_the_model_lacks_is_not_used(folder: Path, open_folder, answer) -> None:  # type: ignore[no-untyped-def]
    asked = [LoglikelihoodRequest(context="", continuation=text) for text in ("Yes.", "A longer text than that.")]
    expected = answer(open_folder(folder).loglikelihood, asked)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert tokenizer.pad_token_id == 258
    tokenizer.save_pretrained(folder)
    assert answer(open_folder(folder).loglikelihood, asked) == expected


@pytest.mark.parametrize(("single", "start"), [("$A", []), ("<s> $A", [0]), ("<s> $A </s>", [0]), ("$A </s>", [])])
def test_special_tokens_stand_before_a_text_and_never_within(  # type: ignore[no-untyped-def]
    folder: Path, open_folder, answer, single: str, start: list[int]
) -> None:
    add_special_tokens(folder, single=single)
    backend = open_folder(folder)
    context, continuation = "The sun", " rises"
    bare = backend._tokenizer([context, continuation], add_special_tokens=False).input_ids
    ids = [*start, *bare[0], *bare[1]]
    logprobs = backend._forward._model(input_ids=torch.tensor([ids])).logits[0].detach().log_softmax(dim=-1)
    first = len(ids) - len(bare[1])
    nats = sum(float(logprobs[n - 1, ids[n]]) for n in range(first, len(ids)))
    scored = answer(backend.loglikelihood, [LoglikelihoodRequest(context=context, continuation=continuation)])
    assert scored[0].nats == pytest.approx(nats, abs=1e-4)
    assert scored[0].n_tokens == len(bare[1])
    greedy = Sampling(max_new_tokens=1, temperature=0)
    written = answer(backend.generate, [GenerateRequest(prompt=context, chat=False, sampling=greedy, seed=0)])
    last = logprobs[len(start) + len(bare[0]) - 1].clone()
    last[1] = -torch.inf
    assert written[0].text == backend._tokenizer.decode([int(last.argmax())], skip_special_tokens=True)


def test_without_a_start_token_a_text_starts_after_the_end_token(folder: Path, open_folder, answer) -> None:  # type: ignore[no-untyped-def]
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "bos_token": None}), encoding="utf-8")
    backend = open_folder(folder)
    assert backend._tokenizer.bos_token_id is None
    ids = [1, *backend._tokenizer("Yes.").input_ids]
    logprobs = backend._forward._model(input_ids=torch.tensor([ids])).logits[0].detach().log_softmax(dim=-1)
    nats = sum(float(logprobs[n - 1, ids[n]]) for n in range(1, len(ids)))
    found = answer(backend.loglikelihood, [LoglikelihoodRequest(context="", continuation="Yes.")])[0]
    assert isinstance(found, Loglikelihood)
    assert found.nats == pytest.approx(nats, abs=1e-4)


def test_of_several_end_tokens_the_tokenizers_own_starts_a_text(folder: Path, open_folder, answer) -> None:  # type: ignore[no-untyped-def]
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "bos_token": None}), encoding="utf-8")
    asked = [LoglikelihoodRequest(context="", continuation="Yes.")]
    expected = answer(open_folder(folder).loglikelihood, asked)
    generation = folder / "generation_config.json"
    generation.write_text(json.dumps({"eos_token_id": [0, 1]}), encoding="utf-8")
    backend = open_folder(folder)
    assert backend._ends == {0, 1}
    assert answer(backend.loglikelihood, asked) == expected


def test_a_text_that_brings_its_start_token_gets_no_second_one(folder: Path, open_folder, answer) -> None:  # type: ignore[no-untyped-def]
    add_special_tokens(folder, single="<s> $A")
    backend = open_folder(folder)
    asked = [LoglikelihoodRequest(context=context, continuation=" rises") for context in ("The sun", "<s>The sun")]
    found = answer(backend.loglikelihood, asked)
    assert found[0] == found[1]


def test_pickled_weights_open_only_when_allowed(folder: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="pickles"):
        open_folder(folder)
    assert open_folder(folder, allow_pickle=True).info.allow_pickle


def test_one_pack_never_needs_more_logits_than_the_budget(  # type: ignore[no-untyped-def]
    tiny_model: Path, open_folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf, "_LOGITS_BUDGET", 4 * 258 * 100)
    assert open_folder(tiny_model, batch_tokens=2048).info.batch_tokens == 100
