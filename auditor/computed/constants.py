"""Dated numbers and lists of laws and standards: data in `policies/constants/`, so that a change of law is an edit."""

from __future__ import annotations

import functools

import msgspec
from msgspec import Struct

from auditor import resources, schema
from auditor.errors import PolicyError
from auditor.types import Json


class Constants(Struct, frozen=True, kw_only=True):
    """A file of constants: where they stand, when somebody last looked (YYYY-MM-DD), and the digest of it all."""

    title: str
    source: str
    checked_on: str
    digest: str
    values: dict[str, Json]


@functools.cache
def load(name: str) -> Constants:
    """Return the constants in `policies/constants/NAME.toml`.

    Raises:
        PolicyError: the file is missing, or is no TOML.
    """
    path = resources.root() / "policies" / "constants" / f"{name}.toml"
    content: dict[str, Json] = msgspec.to_builtins(schema.read_toml(path, PolicyError))
    return Constants(
        title=content.pop("title"),
        source=content.pop("source"),
        checked_on=content.pop("checked_on"),
        digest=schema.digest_of(content),
        values=content,
    )
