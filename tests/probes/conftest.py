"""What the README of a probe says, and the items that it says it about. A test's path names its probe."""

import difflib
import functools
import importlib.metadata
import json
import re
import tomllib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PROBES = Path(__file__).resolve().parents[2] / "probes"
Item = dict[str, Any]


class Difference(NamedTuple):
    """The stretch in which two texts differ, and how many words both share before and after it."""

    before: int
    first: str
    second: str
    after: int


def _folder(request: pytest.FixtureRequest) -> Path:
    return PROBES / request.path.parent.name / request.path.stem.removeprefix("test_")


@functools.cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.fixture
def items(request: pytest.FixtureRequest) -> list[Item]:
    return [json.loads(line) for line in _read(_folder(request) / "items.jsonl").splitlines()]


@pytest.fixture
def readme(request: pytest.FixtureRequest) -> str:
    """The README with every run of white space turned into one space."""
    return " ".join(_read(_folder(request) / "README.md").split())


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Item:
    return tomllib.loads(_read(_folder(request) / "probe.toml"))["ask"]


@pytest.fixture
def words() -> Callable[[str], list[str]]:
    """Words in lower case, without punctuation; a hyphen or an apostrophe inside a word belongs to it."""
    return lambda text: re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


@pytest.fixture
def difference() -> Callable[[str, str], Difference]:
    def compare(first: str, second: str) -> Difference:
        a, b = first.split(), second.split()
        shorter = min(len(a), len(b))
        before = next((n for n in range(shorter) if a[n] != b[n]), shorter)
        after = next((n for n in range(shorter - before) if a[-1 - n] != b[-1 - n]), shorter - before)
        return Difference(before, " ".join(a[before : len(a) - after]), " ".join(b[before : len(b) - after]), after)

    return compare


@pytest.fixture
def changed_words() -> Callable[[str, str], int]:
    """How many words an alignment of two texts leaves unmatched, on the side where these are more."""

    def count(first: str, second: str) -> int:
        a, b = first.split(), second.split()
        blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
        return max(len(a), len(b)) - sum(block.size for block in blocks)

    return count


@pytest.fixture(scope="session")
def profanity() -> Callable[[Sequence[str]], list[float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from profanity_check import predict_prob
    return lambda texts: [float(value) for value in predict_prob(list(texts))]


@pytest.fixture(scope="session")
def classifier() -> str:
    return f"alt-profanity-check {importlib.metadata.version('alt-profanity-check')}"
