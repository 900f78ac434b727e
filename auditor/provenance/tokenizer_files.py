"""What the tokenizer's files say: its kind and size, its special tokens, and the chat template with its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from auditor.provenance.reading import Claim, ModelFolder
from auditor.types import Json

TOKENIZER, CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
_SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token")


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield what the files say; a folder without them says nothing."""
    content = folder.json(TOKENIZER)
    model = content.get("model")
    if isinstance(model, dict):
        vocabulary = model.get("vocab")
        size = len(vocabulary) if isinstance(vocabulary, dict | list) else 0
        words = [str(model.get("type") or "tokenizer"), *([f"{size} entries"] if size else [])]
        told = f"{', '.join(words)}; {TOKENIZER}, sha256 {folder.digest(TOKENIZER).sha256}"
        yield Claim(key="design.tokenizer", value=told, source=TOKENIZER, file=TOKENIZER)
    config = folder.json(CONFIG)
    special = _special(folder, config)
    if special:
        yield Claim(key="design.special_tokens", value=special, source=CONFIG, file=CONFIG)
    yield from _templates(folder, config)


def template_claim(text: str, where: str, file: str) -> Claim:
    """Return where a chat template is, with the digest of its text."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Claim(key="design.chat_template", value=f"{where}, sha256 {digest}", source=where, file=file)


def _templates(folder: ModelFolder, config: dict[str, Json]) -> Iterator[Claim]:
    text = folder.text(TEMPLATE)
    if text:
        yield template_claim(text, TEMPLATE, TEMPLATE)
    match config.get("chat_template"):
        case str(text) if text:
            yield template_claim(text, f"{CONFIG}, chat_template", CONFIG)
        case list(entries):
            for entry in entries:
                if (
                    isinstance(entry, dict)
                    and entry.get("name") == "default"
                    and isinstance(entry.get("template"), str)
                ):
                    yield template_claim(entry["template"], f"{CONFIG}, chat_template named default", CONFIG)


def _special(folder: ModelFolder, config: dict[str, Json]) -> list[str]:
    """Return the special tokens in the order of their roles, each once."""
    source = {**folder.json("special_tokens_map.json"), **config}
    found = [source.get(name) for name in _SPECIAL]
    more = source.get("additional_special_tokens")
    found += more if isinstance(more, list) else []
    texts = [token.get("content") if isinstance(token, dict) else token for token in found]
    return list(dict.fromkeys(text for text in texts if isinstance(text, str) and text))
