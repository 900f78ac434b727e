"""What a card describes: every part of the model that can change what it answers, by role, with its digest."""

from __future__ import annotations

import re

from auditor.types import BASE, Described, FileDigest, Part, Role, RunRecord

ROLES: dict[Role, str] = {
    "weights": "Weights",
    "config": "Configuration",
    "tokenizer": "Tokenizer",
    "chat_template": "Chat template",
    "generation_defaults": "Defaults of generation",
    "adapter": "Adapter",
    "code": "Code that comes with the model",
    "other": "Other files",
}
_ROLE_OF: tuple[tuple[Role, str], ...] = (
    ("adapter", r"adapter_(config|model)\..*|.*\.adapter\..*"),
    ("weights", r".*\.(safetensors|gguf|bin|safetensors\.index\.json|bin\.index\.json)"),
    ("config", r"config\.json"),
    ("generation_defaults", r"generation_config\.json"),
    ("chat_template", r"chat_template.*\.(jinja|json)"),
    (
        "tokenizer",
        r"(tokenizer|special_tokens_map|added_tokens|vocab|merges|normalizer|spiece|sentencepiece).*|.*\.(model|tiktoken)",
    ),
    ("code", r".*\.py"),
)


def describe(record: RunRecord) -> Described:
    """Return the record's model with its parts in order of role and name.

    A chat template and a tokenizer can lie within another file (GGUF, tokenizer_config.json), so both stand here by the
    digest of what was loaded too.
    """
    parts = [part_of(file) for file in record.model.files]
    loaded: dict[Role, str] = {
        "tokenizer": record.backend.tokenizer_digest,
        "chat_template": record.backend.chat_template_digest,
    }
    parts += [
        Part(role=role, kind="loaded", name="as loaded", sha256=digest) for role, digest in loaded.items() if digest
    ]
    order = list(ROLES)
    return Described(
        requested=record.model.requested,
        format=record.model.format,
        repository=record.model.repository,
        revision=record.model.revision,
        parts=tuple(sorted(parts, key=lambda part: (order.index(part.role), part.kind, part.name))),
    )


def part_of(file: FileDigest) -> Part:
    """Return a model's file as a part, with the role that its name tells.

    >>> part_of(FileDigest(path="generation_config.json", sha256="0" * 64, bytes=3)).role
    'generation_defaults'
    """
    name = file.path.removeprefix(BASE)
    named = (role for role, pattern in _ROLE_OF if re.fullmatch(pattern, name, re.IGNORECASE))
    role: Role = next(named, "other")
    return Part(role=role, kind="file", name=file.path, sha256=file.sha256, bytes=file.bytes)
