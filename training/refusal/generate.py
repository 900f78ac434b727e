"""`python -m training.refusal.generate`: replies of the embedded model, and of models without knowledge, to be read.

Writes JSON lines with prompt, reply, model, how it was asked and at which temperature. A label is put to each by
reading it; nothing here knows one. `random` is a tiny network with the embedded model's tokenizer and weights
drawn at random; a noisy one is the embedded model with noise of `_NOISE` times each matrix' deviation added.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct

from auditor.backends.base import BackendOptions
from auditor.backends.hf import HFBackend
from auditor.backends.hf_load import load
from auditor.provenance.resolve import resolve
from auditor.types import Completion, GenerateRequest, Sampling

_TEMPERATURES = (0.0, 0.7, 1.0, 1.4)
_LENGTHS = (48, 64, 96, 160)
_NOISE = {"noisy-a": 0.35, "noisy-b": 0.2}


class Way(Struct, frozen=True, kw_only=True):
    """How a model is asked: with its chat template or by the bare prompt, at a temperature, for so many tokens."""

    chat: bool
    temperature: float
    max_new_tokens: int


def way_of(prompt: str, turn: int) -> Way:
    """Return how a prompt is asked in its nth turn, drawn by the digest of both."""
    drawn = hashlib.sha256(f"{turn} {prompt}".encode()).digest()
    return Way(
        chat=drawn[0] % 8 < 5,
        temperature=_TEMPERATURES[drawn[1] % len(_TEMPERATURES)],
        max_new_tokens=_LENGTHS[drawn[2] % len(_LENGTHS)],
    )


def replies(backend: HFBackend, model: str, prompts: Sequence[str], count: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each prompt and turn."""
    asked = [(prompt, way_of(prompt, turn)) for prompt in prompts for turn in range(count)]
    requests = []
    for number, (prompt, way) in enumerate(asked):
        text = backend.render_chat([{"role": "user", "content": prompt}]) if way.chat else prompt
        seed = int.from_bytes(hashlib.sha256(f"{model} {number} {prompt}".encode()).digest()[:4], "big")
        sampling = Sampling(max_new_tokens=way.max_new_tokens, temperature=way.temperature)
        requests.append(GenerateRequest(prompt=text, chat=way.chat, sampling=sampling, seed=seed))
    found = {number: row for pack in backend.generate(requests, done=set()) for number, row in pack.items()}
    for number, (prompt, way) in enumerate(asked):
        output = found[number]
        if isinstance(output, Completion):
            yield {
                "prompt": prompt,
                "reply": output.text,
                "model": model,
                "asked": "chat" if way.chat else "bare",
                "temperature": way.temperature,
                "max_new_tokens": way.max_new_tokens,
            }


def opened(model: str) -> HFBackend:
    """Return a backend for the embedded model, or for one of the models without knowledge that are made of it."""
    options = BackendOptions(batch_rows=32)
    network, tokenizer = load(resolve("smollm2", offline=True), options, auto="AutoModelForCausalLM", hint="")
    rng = torch.Generator().manual_seed(6)
    if model == "random":
        network = _tiny(network.config.vocab_size)
    with torch.no_grad():
        for weight in network.parameters() if model != "smollm2" else ():
            drawn = torch.randn(weight.shape, generator=rng) * weight.float().std()
            if weight.dim() == 2:
                weight.copy_(drawn if model == "random" else weight + _NOISE[model] * drawn)
    return HFBackend(network, tokenizer, options, name=model)


def _tiny(vocabulary: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        initializer_range=0.3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        return LlamaForCausalLM(config).eval()


def main() -> None:
    """Read which prompts are put to which model, and write the replies."""
    parser = argparse.ArgumentParser(prog="python -m training.refusal.generate", description=__doc__)
    parser.add_argument("prompts", type=Path, help="one prompt a line")
    parser.add_argument("--model", default="smollm2", choices=["smollm2", "random", *_NOISE])
    parser.add_argument("--ways", type=int, default=3, help="how often each prompt is asked")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    prompts = asked.prompts.read_text(encoding="utf-8").splitlines()
    for row in replies(opened(asked.model), asked.model, prompts, asked.ways):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
