"""Waivers: findings that somebody has decided to live with, from a TOML file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from auditor import schema
from auditor.errors import WaiverError, counted, list_faults, nearest
from auditor.types import Waiver


def load(path: Path, known: Iterable[str]) -> tuple[Waiver, ...]:
    """Return the waivers of a file; `known` are the policies that it may name.

    Raises:
        WaiverError: with every fault of the file, each with its place.
    """
    content = msgspec.to_builtins(schema.read_toml(path, WaiverError))  # dates as texts
    faults = schema.faults_against(content, schema.load_schema("waivers"))
    given = content.get("waivers")
    entries = [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
    names = set(known)
    for number, entry in enumerate(entries):
        policy = entry.get("policy")
        if isinstance(policy, str) and policy and policy not in names:
            faults.append(
                f"$.waivers[{number}].policy: no policy is named {policy!r} ({nearest(policy, names)}); one of your "
                "own goes by its file's name without .toml, and is known once --policy gives the file"
            )
    waived = Counter((str(entry.get("policy")), str(entry.get("id")), str(entry.get("scope"))) for entry in entries)
    for (policy, name, _), count in waived.items():
        if count > 1:
            faults.append(f"$.waivers: {policy}/{name} is waived {count} times for the same weights")
    if faults:
        raise WaiverError(
            f"{path} has {counted(len(faults), 'fault')}:\n{list_faults(faults)}", hint="correct the places named above"
        )
    return tuple(schema.convert(entry, Waiver, where=str(path), error=WaiverError) for entry in entries)
