"""What the studies of the toxicity scorer share: which texts they train on, how these are read, where figures go."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from auditor.scorers import minilm_toxicity
from auditor.scorers.spelling import fold_spelling
from auditor.types import Json
from training.example import Example

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
GENERAL = ("paradetox", "toxic_spans", "real_toxicity_prompts")  # sources that seldom name a group


def parser(what: str | None, out: Path) -> argparse.ArgumentParser:
    """Return a parser with the options that every study has."""
    found = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("AUDITOR_DATA_DIR", ROOT.parent / "shared" / "data")
    found.add_argument("--data", type=Path, default=Path(data), help="folder of the public data")
    found.add_argument("--out", type=Path, default=out, help="file for the figures")
    return found


def kept(example: Example, of: int) -> bool:
    """Return whether an example is among one of so many, by the digest of its cluster.

    >>> sum(kept(Example(text="", targets={}, source="", part="train", cluster=str(n)), 3) for n in range(300))
    99
    """
    digest = hashlib.sha256(f"kept {example.cluster}".encode()).digest()
    return int.from_bytes(digest[:4]) % of == 0


def tokeniser(*, folded: bool = True) -> Callable[[str], list[int]]:
    """Return what gives a text's token ids, its spelling folded or as it stands."""
    _, tokenizer = minilm_toxicity.open_encoder()
    return lambda text: list(tokenizer.encode(fold_spelling(text) if folded else text).ids)


def scorer() -> dict[str, Json]:
    """Return which version of the scorer a study is about."""
    return {"name": minilm_toxicity.NAME, "version": minilm_toxicity.VERSION}


def write(path: Path, content: dict[str, Json]) -> None:
    """Write a study's figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
