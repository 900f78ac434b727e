"""What a transformers model and tokenizer say of themselves, where they say it in several ways or wrongly."""

from __future__ import annotations

from typing import Any

from auditor.errors import ModelError

UNLIMITED = 10**9  # tokenizers write 1e30 when they do not know the context length


def leading_tokens(tokenizer: Any) -> list[int]:
    """Return what the tokenizer puts before a text. What it puts after one would part a prompt from its continuation.

    Raises:
        ModelError: the tokenizer changes the text itself when it adds special tokens.
    """
    bare: list[int] = tokenizer("a", add_special_tokens=False).input_ids
    whole: list[int] = tokenizer("a").input_ids
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[:start]
    raise ModelError(f"the tokenizer turns 'a' into {bare}, and with special tokens into {whole}", hint="")


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end a completion, from the generation config and the tokenizer."""
    ends = model.generation_config.eos_token_id if model.generation_config is not None else None
    listed = ends if isinstance(ends, list) else [ends]
    return frozenset(int(end) for end in [*listed, tokenizer.eos_token_id] if end is not None)


def context_length_of(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the model reads, or `UNLIMITED` when nothing says so."""
    config = model.config.get_text_config()
    length = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if not length or length < 0:
        length = tokenizer.model_max_length
    return int(length) if length and length < UNLIMITED else UNLIMITED


def first_position(model: Any) -> int:
    """Return the position of a text's first token: those of RoBERTa's kind leave out all up to the padding token's."""
    tables = (module for name, module in model.named_modules() if name.endswith("position_embeddings"))
    padding = [getattr(table, "padding_idx", None) for table in tables]
    return max([0, *(int(number) + 1 for number in padding if number is not None)])


def window_of(model: Any) -> int:
    """Return how many tokens every layer sees; a tree's mask knows no window that slides."""
    config = model.config.get_text_config()
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size", "window_size")]
    return min([UNLIMITED, *(int(window) for window in windows if window)])


def switch_of(model: Any) -> int:
    """Return how many tokens the longest text of a pass may have before the model turns all positions in it otherwise.

    Source: Ding et al. 2024, "LongRoPE", §3.3: texts up to the length of the first training keep its factors.
    """
    told = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    kinds = [told, *(part for part in told.values() if isinstance(part, dict))]  # one of all layers, or of each type
    lengths = [kind.get("original_max_position_embeddings") for kind in kinds if kind.get("rope_type") == "longrope"]
    return min([UNLIMITED, *(int(length) for length in lengths if length)])


def cached_bytes_of(model: Any) -> int:
    """Return about how many bytes the keys and values of one token need, or 0 when the config does not say."""
    config = model.config.get_text_config()
    names = ("num_hidden_layers", "num_attention_heads", "hidden_size", "num_key_value_heads", "head_dim")
    found = {name: getattr(config, name, None) for name in names}
    known = {name: number for name, number in found.items() if isinstance(number, int) and number > 0}
    if not known.keys() >= {*names[:3]}:
        return 0
    heads = known["num_attention_heads"]
    size = known.get("head_dim", known["hidden_size"] // heads)
    kept = known.get("num_key_value_heads", heads)
    return int(2 * known["num_hidden_layers"] * kept * size * model.dtype.itemsize)


def tokenizer_state(tokenizer: Any) -> str:
    """Return everything that decides how the tokenizer splits a text, as one string."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return str(backend.to_str())
    return repr(sorted(tokenizer.get_vocab().items()))
