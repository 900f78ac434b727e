"""Tiny random models of many architectures: the backend's numbers equal a plain forward, or the model is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from auditor.backends.base import BackendOptions
from auditor.backends.hf import HFBackend
from auditor.errors import ModelError
from auditor.types import Completion, GenerateRequest, Loglikelihood, LoglikelihoodRequest, Sampling

SHARED = {"vocab_size": 258, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": None}
LLAMA = SHARED | {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
WINDOW = {"sliding_window": 6, "head_dim": 8}  # tokens: far less than any text below
GPT2 = SHARED | {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
WIDE = SHARED | {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
BLOOM = SHARED | {"hidden_size": 32, "n_layer": 2, "n_head": 4}
STATE = SHARED | {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
BART = {"d_model": 32, "decoder_layers": 2, "decoder_ffn_dim": 64, "decoder_attention_heads": 4}
RWKV = {"hidden_size": 32, "attention_hidden_size": 32, "num_hidden_layers": 2, "context_length": 256}
JAMBA = {"mamba_d_state": 8, "use_mamba_kernels": False, "num_experts": 2, "attn_layer_period": 2}
PADDED = {
    "llama": ("LlamaConfig", LLAMA),
    "qwen2": ("Qwen2Config", LLAMA),
    "mistral": ("MistralConfig", LLAMA | WINDOW),
    "gpt2": ("GPT2Config", GPT2),
    "falcon": ("FalconConfig", WIDE | {"alibi": False}),
    "bloom": ("BloomConfig", BLOOM),
    "mamba": ("MambaConfig", STATE),
}
NO_TREES = {"bloom", "mamba"}  # ALiBi follows the order, a state has no mask
NO_STEMS = {"mistral"}  # a cache of six tokens holds none
MORE = {
    "gpt-neox": ("GPTNeoXConfig", WIDE | {"intermediate_size": 64, "max_position_embeddings": 256}),
    "openai-gpt": ("OpenAIGPTConfig", GPT2),  # keeps no cache at all
    "falcon-alibi": ("FalconConfig", WIDE | {"alibi": True}),
    "jamba": ("JambaConfig", LLAMA | JAMBA | {"attn_layer_offset": 1}),  # attention and state space
    "gemma3": ("Gemma3TextConfig", LLAMA | WINDOW),
    "gpt-oss": ("GptOssConfig", LLAMA | WINDOW | {"num_local_experts": 2, "num_experts_per_tok": 1}),
    "qwen3": ("Qwen3Config", LLAMA | {"head_dim": 8}),
    "olmo2": ("Olmo2Config", LLAMA),
    "phi3": ("Phi3Config", LLAMA | {"sliding_window": 6}),
    "gpt-neo": (
        "GPTNeoConfig",
        SHARED
        | {"hidden_size": 32, "num_layers": 2, "attention_types": [[["global", "local"], 1]], "num_heads": 4}
        | {"max_position_embeddings": 256, "window_size": 6},
    ),
    "mpt": ("MptConfig", SHARED | {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 256}),
    "opt": (
        "OPTConfig",
        WIDE | {"ffn_dim": 64, "max_position_embeddings": 256, "word_embed_proj_dim": 32},
    ),
    "mamba2": ("Mamba2Config", STATE | {"num_heads": 8, "head_dim": 8, "n_groups": 1}),
    "falcon-mamba": ("FalconMambaConfig", STATE),
    "lfm2": ("Lfm2Config", LLAMA | {"layer_types": ["conv", "full_attention"]}),
    "mixtral": ("MixtralConfig", LLAMA | {"num_local_experts": 2}),
}
MORE_WITHOUT_STEMS = {
    **dict.fromkeys(("gemma3", "gpt-oss", "phi3"), "in trees"),  # a cache of six tokens holds no stem
    **dict.fromkeys(("openai-gpt", "falcon-alibi", "jamba", "gpt-neo", "mpt"), "in padded rows"),
    **dict.fromkeys(("mamba2", "falcon-mamba", "lfm2"), "in padded rows"),
}
MORE_ON_LOGITS = {
    "cohere": ("CohereConfig", LLAMA | {"logit_scale": 0.25}),
    "gemma2": ("Gemma2Config", LLAMA | {"head_dim": 8, "final_logit_softcapping": 2.0}),
    "granite": ("GraniteConfig", LLAMA | {"logits_scaling": 4.0}),
}
UNPADDED = {
    "bart": ("BartConfig", SHARED | BART),  # counts padding as positions
    "rwkv": ("RwkvConfig", SHARED | RWKV),  # reads padding as text
}
REFUSED = {
    "bert": ("BertConfig", WIDE | {"intermediate_size": 64}),
    "xlnet": ("XLNetConfig", SHARED | {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64}),
}
TEXTS = ["The cat sat on the mat.", "Yes.", "A dog ran off with the bone and was not seen again until the evening."]

Make = Callable[[str, dict[str, Any]], Path]


@pytest.fixture
def make_folder(tmp_path: Path, tokenizer_maker) -> Make:  # type: ignore[no-untyped-def]
    def make(config_name: str, settings: dict[str, Any]) -> Path:
        import transformers

        config = getattr(transformers, config_name)(**settings)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = transformers.AutoModelForCausalLM.from_config(config)
            for weight in model.parameters():
                if weight.dim() > 1:
                    torch.nn.init.normal_(weight, std=0.3)
        model.save_pretrained(tmp_path)
        tokenizer_maker(tmp_path)
        return tmp_path

    return make


def plain_model(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def tokens(text: str, backend: HFBackend) -> list[int]:
    return list(backend._tokenizer(text).input_ids)


def split_texts() -> list[LoglikelihoodRequest]:
    """Every text from its start, and split in the middle."""
    asked = [LoglikelihoodRequest(context="", continuation=text) for text in TEXTS]
    return asked + [LoglikelihoodRequest(context=text[:3], continuation=text[3:]) for text in TEXTS]


def greedy_requests() -> list[GenerateRequest]:
    """Two greedy completions of each text."""
    sampling = Sampling(max_new_tokens=10, temperature=0)
    return [GenerateRequest(prompt=text, chat=False, sampling=sampling, seed=n) for n in (0, 1) for text in TEXTS]


@torch.inference_mode()
def check_loglikelihoods(backend: HFBackend, model: Any, asked: list[LoglikelihoodRequest] | None = None) -> None:
    """Requests against one plain forward each of what is fed."""
    asked = asked or split_texts()
    found: dict[int, Any] = {}
    for pack in backend.loglikelihood(asked, done=set()):
        found |= pack
    for number, request in enumerate(asked):
        context = tokens(request.context, backend) if request.context else [0]
        ids = context + tokens(request.continuation, backend)
        logprobs = model(input_ids=torch.tensor([ids[:-1]])).logits[0].double().log_softmax(dim=-1)
        nats = sum(float(logprobs[n - 1, ids[n]]) for n in range(len(context), len(ids)))
        assert isinstance(found[number], Loglikelihood)
        assert found[number].nats == pytest.approx(nats, abs=1e-4)


@torch.inference_mode()
def check_completions(backend: HFBackend, model: Any, asked: list[GenerateRequest] | None = None) -> None:
    """Greedy completions, two of each prompt in one batch, against a loop without cache, batch or padding."""
    asked = asked or greedy_requests()
    found: dict[int, Any] = {}
    for pack in backend.generate(asked, done=set()):
        found |= pack
    for number, request in enumerate(asked):
        ids, new = tokens(request.prompt, backend), []
        for step in range(request.sampling.max_new_tokens):
            logits = model(input_ids=torch.tensor([ids + new])).logits[0, -1].clone()
            if step == 0:
                logits[1] = -torch.inf
            if int(logits.argmax()) == 1:
                break
            new.append(int(logits.argmax()))
        assert isinstance(found[number], Completion)
        assert found[number].text == backend._tokenizer.decode(new, skip_special_tokens=True)
        assert found[number].n_tokens == len(new)


@pytest.mark.parametrize("architecture", PADDED)
def test_padded_batches_equal_one_sequence_at_a_time(  # type: ignore[no-untyped-def]
    architecture: str, make_folder: Make, open_folder
) -> None:
    folder = make_folder(*PADDED[architecture])
    backend, model = open_folder(folder), plain_model(folder)
    assert backend.info.batch_rows == BackendOptions().batch_rows
    trees = "in trees" if architecture in NO_STEMS else "in trees on stems"
    assert backend.info.attention.endswith("in padded rows" if architecture in NO_TREES else trees)
    assert backend._forward.head_apart or architecture in NO_TREES
    check_loglikelihoods(backend, model)
    check_completions(backend, model)
    check_completions(open_folder(folder, batch_tokens=8), model)  # one prompt after another enters the batch


@pytest.mark.slow
@pytest.mark.parametrize("architecture", MORE)
def test_more_architectures_equal_one_sequence_at_a_time(  # type: ignore[no-untyped-def]
    architecture: str, make_folder: Make, open_folder
) -> None:
    folder = make_folder(*MORE[architecture])
    backend, model = open_folder(folder), plain_model(folder)
    trees = MORE_WITHOUT_STEMS.get(architecture, "in trees on stems")
    assert backend.info.attention.split(", ", 1)[1] == trees
    check_loglikelihoods(backend, model)
    check_completions(backend, model)
    check_completions(open_folder(folder, batch_tokens=8), model)


@pytest.mark.parametrize("architecture", MORE_ON_LOGITS)
def test_logits_that_are_more_than_the_output_layer_gives_are_taken_as_the_model_has_them(  # type: ignore[no-untyped-def]
    architecture: str, make_folder: Make, open_folder
) -> None:
    folder = make_folder(*MORE_ON_LOGITS[architecture])
    backend, model = open_folder(folder), plain_model(folder)
    assert not backend._forward.head_apart
    assert ", in trees" in backend.info.attention
    check_loglikelihoods(backend, model)


def test_a_model_that_turns_positions_by_the_longest_text_of_a_pass_keeps_long_and_short_texts_apart(  # type: ignore[no-untyped-def]
    make_folder: Make, open_folder
) -> None:
    switch = 120
    turns = {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": switch}
    turns |= {"short_factor": [1.0] * 4, "long_factor": [3.0] * 4}
    more = {"sliding_window": None, "original_max_position_embeddings": switch, "rope_parameters": turns}
    folder = make_folder("Phi3Config", LLAMA | more)
    backend, model = open_folder(folder), plain_model(folder)
    assert ", in trees" in backend.info.attention
    long = TEXTS[2] * 2
    splits = [n for n in range(90, 130, 3) if long[n - 1] != " "]
    asked = [LoglikelihoodRequest(context=long[:n], continuation=long[n : n + 6]) for n in splits]
    asked += [LoglikelihoodRequest(context=long[:n], continuation=end) for n in (100, 118, 125) for end in ("!", "?!")]
    check_loglikelihoods(backend, model, asked)
    greedy = Sampling(max_new_tokens=10, temperature=0)
    prompts = [long[:n] for n in (*range(100, 130, 3), 111, 120, 121)]
    check_completions(backend, model, [GenerateRequest(prompt=p, chat=False, sampling=greedy, seed=0) for p in prompts])
    assert backend._retelling.tokens < backend._forward.tokens


@pytest.mark.parametrize("architecture", ["bart", pytest.param("rwkv", marks=pytest.mark.slow)])
def test_a_model_that_padding_confuses_is_run_without_and_says_so(
    architecture: str, make_folder: Make, open_folder
) -> None:  # type: ignore[no-untyped-def]
    folder = make_folder(*UNPADDED[architecture])
    backend, model = open_folder(folder), plain_model(folder)
    assert backend.info.attention.endswith(", never padded")
    assert (backend.info.batch_tokens, backend.info.batch_rows) == (1, 1)
    check_loglikelihoods(backend, model)
    check_completions(backend, model)


@pytest.mark.parametrize("architecture", REFUSED)
def test_a_model_that_sees_the_tokens_to_come_is_refused(  # type: ignore[no-untyped-def]
    architecture: str, make_folder: Make, open_folder
) -> None:
    with pytest.raises(ModelError, match="does not read from left to right"):
        open_folder(make_folder(*REFUSED[architecture]))
