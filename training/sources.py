"""The public data that the toxicity scorer learns from, read where they lie; what each source says of its texts.

None of it is copied into the project. Licences: docs/scorers/minilm-toxicity.md.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from training.example import KINDS, Example, Part, part_of, plain

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_PERSPECTIVE = {
    "toxicity": "toxicity",
    "identity_attack": "hate",
    "insult": "insult",
    "threat": "threat",
    "profanity": "profanity",
}
_HELD_OUT_TERMS = (
    "bisexual",
    "latina",
    "sikh",
    "paralyzed",
    "canadian",
    "elderly",
    "chinese",
    "catholic",
    "nonbinary",
    "middle eastern",
)


def toxigen(folder: Path) -> Iterator[Example]:
    """Yield ToxiGen's sentences: toxicity and hate are the mean of people's 1–5 score and their label."""
    for row in json.loads((folder / "toxigen/toxiGen.json").read_text(encoding="utf-8")):
        text = row["text"].replace("_x000D_", " ").strip()
        value = ((row["toxicity_score"] - 1) / 4 + (row["label"] == "hate")) / 2
        part = part_of("toxigen " + " ".join(text.lower().split()[:6]))
        yield Example(
            text=text,
            targets={"toxicity": value, "hate": value},
            source="toxigen",
            part=part,
            cluster=f"toxigen {row['id']}",
            group="+".join(sorted(row["target_groups"])),
            weight=1.5,
        )


def paradetox(folder: Path) -> Iterator[Example]:
    """Yield toxic sentences, and the first neutral rewriting of each."""
    with (folder / "paradetox/paradetox.tsv").open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream, delimiter="\t")):
            cluster = f"paradetox {number}"
            part = part_of(cluster)
            if (number % 4 and part == "train") or (number % 3 and part != "train"):
                continue
            for name, value in (("toxic", 1.0), ("neutral1", 0.0)):
                if row[name] and row[name].strip():
                    yield Example(text=row[name], targets=plain(value), source="paradetox", part=part, cluster=cluster)


def hatemoji(folder: Path) -> Iterator[Example]:
    """Yield HatemojiBuild's pairs, which a change of emoji turns from hateful to not or back."""
    for name in ("validation.csv", "HatemojiBuild__test.csv"):
        with (folder / "hatemoji_build" / name).open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                pair = sorted([int(row["entry_id"]), int(float(row["matched_id"] or row["entry_id"]))])
                cluster = f"hatemoji {pair[0]}"
                value = float(row["label_gold"])
                yield Example(
                    text=row["text"],
                    targets={"toxicity": value, "hate": value},
                    source="hatemoji",
                    part=part_of(cluster),
                    cluster=cluster,
                    weight=2.0,
                )


def toxic_spans(folder: Path) -> Iterator[Example]:
    """Yield the sentences of comments that have toxic spans: toxic with a span in them, else not."""
    for name in ("tsd_trial.csv", "tsd_test.csv"):
        with (folder / "toxic_spans" / name).open(encoding="utf-8", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream)):
                spans = set(ast.literal_eval(row["spans"]))
                cluster = f"{name} {number}"
                for start, sentence in _sentences(row["text"]) if spans else ():
                    toxic = len(spans & set(range(start, start + len(sentence)))) >= 3
                    yield Example(
                        text=sentence,
                        targets={"toxicity": 1.0} if toxic else {"toxicity": 0.0, "profanity": 0.0},
                        source="toxic_spans",
                        part=part_of(cluster),
                        cluster=cluster,
                        weight=1.0 if toxic else 0.6,
                    )


def real_toxicity_prompts(folder: Path) -> Iterator[Example]:
    """Yield prompts, and continuations, with Perspective's scores as soft targets."""
    for name in ("toxic", "nontoxic"):
        lines = (folder / f"real_toxicity_prompts/{name}.jsonl").read_text(encoding="utf-8").splitlines()
        for number, row in enumerate(map(json.loads, lines)):
            cluster = f"rtp {name} {number}"
            for half in ("prompt", "continuation"):
                scores = row[half]
                if scores.get("toxicity") is None or (half == "continuation" and number % 2):
                    continue
                targets = {
                    kind: float(scores[theirs])
                    for theirs, kind in _PERSPECTIVE.items()
                    if scores.get(theirs) is not None
                }
                yield Example(
                    text=scores["text"].strip(),
                    targets=targets,
                    source="real_toxicity_prompts",
                    part=part_of(cluster),
                    cluster=cluster,
                )


def identity_templates(folder: Path) -> Iterator[Example]:
    """Yield some of the templates' phrases; those with a held-out term are for calibrating and measuring only."""
    rng = np.random.default_rng(6)
    with (folder / "identity_templates/en_sentence_templates.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number in sorted(rng.permutation(len(rows))[:7000].tolist()):
        row = rows[number]
        term = _held_out_term(row["phrase"])
        cluster = f"identity {row['phrase']}"
        part: Part = part_of(cluster)
        if bool(term) == (part == "train") or (part == "train" and number % 4):
            continue
        value = float(row["toxicity"] == "toxic")
        targets = dict.fromkeys(KINDS, 0.0) if value == 0 else {"toxicity": 1.0, "hate": 1.0}
        yield Example(
            text=row["phrase"], targets=targets, source="identity_templates", part=part, cluster=cluster, group=term
        )


def neutral_phrases(folder: Path, part: Part = "test") -> Iterator[Example]:
    """Yield every neutral phrase of a part with a held-out term: many of each, to tell how terms differ."""
    with (folder / "identity_templates/en_sentence_templates.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            term, cluster = _held_out_term(row["phrase"]), f"identity {row['phrase']}"
            if term and row["toxicity"] == "nontoxic" and part_of(cluster) == part:
                targets = dict.fromkeys(KINDS, 0.0)
                yield Example(
                    text=row["phrase"],
                    targets=targets,
                    source="identity_templates",
                    part=part,
                    cluster=cluster,
                    group=term,
                )


SOURCES: dict[str, Callable[[Path], Iterator[Example]]] = {
    "toxigen": toxigen,
    "paradetox": paradetox,
    "hatemoji": hatemoji,
    "toxic_spans": toxic_spans,
    "real_toxicity_prompts": real_toxicity_prompts,
    "identity_templates": identity_templates,
}


def _held_out_term(phrase: str) -> str:
    return next((term for term in _HELD_OUT_TERMS if re.search(rf"\b{term}\b", phrase.lower())), "")


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a text that have three words or more, each with the place where it starts."""
    start = 0
    for gap in [*_SENTENCE_END.finditer(text), None]:
        end = gap.start() if gap else len(text)
        if len(text[start:end].split()) >= 3:
            yield start, text[start:end]
        start = gap.end() if gap else end
