"""What is read: the embedded model as a folder, a checkpoint of Detoxify's architecture, a tokenizer of bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import work
from benchmarks.sides import HERE

_SCRATCH = HERE.parent / "runs" / "benchmarks"
_CLASSES = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]


class Size(NamedTuple):
    """How much work a list of requests is."""

    parameters: int  # of the model; its input and output embeddings are one
    tokens: int  # of all requests, each on its own
    distinct_tokens: int  # that are fed after different beginnings; nobody can feed fewer


def model_folder() -> Path:
    """Return the embedded model as float32 safetensors."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from auditor.provenance.resolve import resolve

    folder = _SCRATCH / "smollm2"
    if not (folder / "tokenizer.json").is_file():
        ref = resolve("smollm2", offline=True)
        name = Path(ref.weights[0]).name
        loaded = AutoModelForCausalLM.from_pretrained(ref.folder, gguf_file=name, dtype="float32")
        loaded.config.__dict__.pop("quantization_config", None)  # the weights are dequantised
        plain = AutoModelForCausalLM.from_config(loaded.config, dtype="float32")
        plain.load_state_dict(loaded.state_dict())
        plain.save_pretrained(folder)
        AutoTokenizer.from_pretrained(ref.folder, gguf_file=name).save_pretrained(folder)
    return folder


def byte_tokenizer() -> Any:
    """Return a tokenizer of 256 bytes and two special tokens; it needs no training."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1} | {symbol: number for number, symbol in enumerate(alphabet, start=2)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def size_of(folder: Path, pairs: Sequence[work.Pair]) -> Size:
    """Return the size of requests for a model."""
    from transformers import AutoModelForCausalLM

    fed = [tuple(ids[:-1]) for ids, _ in _encoded(folder, pairs)]
    beginnings = {ids[:end] for ids in fed for end in range(1, len(ids) + 1)}
    parameters = AutoModelForCausalLM.from_pretrained(folder).num_parameters()
    return Size(parameters=parameters, tokens=sum(map(len, fed)), distinct_tokens=len(beginnings))


def in_double(folder: Path, pairs: Sequence[work.Pair]) -> list[float]:
    """Return log-likelihoods (nats) as transformers gives them in float64, one request after another."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float64")
    found = []
    for ids, n_context in _encoded(folder, pairs):
        with torch.inference_mode():
            logprobs = model(torch.tensor([ids])).logits[0, :-1].log_softmax(dim=-1)
        found.append(float(logprobs[range(len(ids) - 1), ids[1:]][n_context - 1 :].sum()))
    return found


def _encoded(folder: Path, pairs: Sequence[work.Pair]) -> Iterator[tuple[list[int], int]]:
    """Yield the tokens of each request, and how many of them are context; without one, the beginning of a text is."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    start = [tokenizer.bos_token_id]
    for context, continuation in pairs:
        ids = tokenizer(context + continuation, add_special_tokens=False).input_ids
        before = tokenizer(context, add_special_tokens=False).input_ids if context else start
        yield (ids if context else start + ids), len(before)


def detoxify_checkpoint() -> Path:
    """Return a checkpoint like Detoxify's `original`: bert-base with random weights, its tokenizer beside it.

    The vocabulary, as large as bert-base's, is trained on the benchmark files, so that words split as they would.
    """
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForSequenceClassification

    folder = _SCRATCH / "detoxify"
    path = folder / "random.ckpt"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = BertWordPieceTokenizer(lowercase=True)
    vocabulary.train_from_iterator(work.all_texts(), vocab_size=30522, min_frequency=1, show_progress=False)
    vocabulary.save_model(str(folder))
    tokenizer = {"tokenizer_class": "BertTokenizer", "model_max_length": 512, "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    config = BertConfig(num_labels=len(_CLASSES))
    config.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForSequenceClassification(config)
    arguments = {
        "model_type": str(folder),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(_CLASSES),
    }
    settings = {"arch": {"args": arguments}, "dataset": {"args": {"classes": _CLASSES}}}
    torch.save({"config": settings, "state_dict": model.state_dict()}, path)
    return path
