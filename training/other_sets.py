"""`python -m training.other_sets --NAME FILE`: the shipped scorers on labelled texts of sources they never saw.

The files are fetched by whoever measures and are never trained on; their names, digests and licences are kept with
the figures. A text that training knows too, spelling and punctuation apart, is left out and counted. Which labels count
as toxic was fixed before the first measurement:

openai     github.com/openai/moderation-api-release, data/samples-1680.jsonl.gz. Hate or harassment (H, H2, HR) against
           texts labelled as neither; hate alone; and anything undesired against texts with no flag at all.
surge      github.com/surge-ai/toxicity, toxicity_en.csv: what its labellers found toxic, and not.
davidson   github.com/t-davidson/hate-speech-and-offensive-language, data/labeled_data.csv: tweets that are hateful or
           offensive against neither; a fifth of them, by digest.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from auditor.calibrate import About, calibrate, open_decider
from auditor.labelled import Labelled, LabelledText
from auditor.types import Figure, FileDigest, Json, LabelledTexts, NoFigure
from training import studies
from training.__main__ import read_examples
from training.statements import all_statements

RESULT = studies.RESULTS / "other_sets.json"
OWN, OTHER = "minilm-toxicity", "alt-profanity-check"


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of a set: which of its texts are positive, which negative (None: neither), and of which kind."""

    name: str
    kind: str
    label: Callable[[dict[str, str]], bool | None]


class OtherSet(Struct, frozen=True, kw_only=True):
    """A labelled set of another source. `share`: one of so many rows is used."""

    source: str
    licence: str
    text: str
    questions: tuple[Question, ...]
    share: int = 1


def flagged(row: dict[str, str], positive: Sequence[str], negative: Sequence[str]) -> bool | None:
    """Return True where one of the labels is set, False where all of `negative` are known to be unset, else None.

    >>> flagged({"H": "1"}, ["H"], ["H"]), flagged({"H": "0"}, ["H"], ["H"]), flagged({"S": "0"}, ["H"], ["H"])
    (True, False, None)
    """
    if any(row.get(name) == "1" for name in positive):
        return True
    return False if all(row.get(name) == "0" for name in negative) else None


_ALL = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2")
SETS = {
    "openai": OtherSet(
        source="OpenAI moderation evaluation, Markov et al. 2023, openai/moderation-api-release @ f4ab51b5edd3",
        licence="MIT",
        text="prompt",
        questions=(
            Question(
                name="hate or harassment",
                kind="toxicity",
                label=lambda row: flagged(row, ("H", "H2", "HR"), ("H", "HR")),
            ),
            Question(name="hate", kind="hate", label=lambda row: flagged(row, ("H", "H2"), ("H",))),
            Question(name="anything undesired", kind="toxicity", label=lambda row: flagged(row, _ALL, ())),
        ),
    ),
    "surge": OtherSet(
        source="The Toxicity Dataset, Surge AI 2021, surge-ai/toxicity @ ea80324b95ed",
        licence="MIT",
        text="text",
        questions=(Question(name="toxic", kind="toxicity", label=lambda row: row["is_toxic"] == "Toxic"),),
    ),
    "davidson": OtherSet(
        source="Hate speech and offensive language, Davidson et al. 2017, "
        "t-davidson/hate-speech-and-offensive-language @ cb50f7e9eb85",
        licence="MIT",
        text="tweet",
        questions=(Question(name="hateful or offensive", kind="toxicity", label=lambda row: row["class"] != "2"),),
        share=5,
    ),
}


def main() -> None:
    """Measure the sets whose files are given; keep the figures of the others."""
    parser = studies.parser(__doc__, RESULT)
    for name, other in SETS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=other.source)
    asked = parser.parse_args()
    known = {plain(example.text) for example in [*read_examples(asked.data), *all_statements()]}
    found = json.loads(asked.out.read_text(encoding="utf-8"))["sets"] if asked.out.is_file() else {}
    for name, other in SETS.items():
        path = getattr(asked, name)
        if path:
            found[name] = measured(other, path, known)
    studies.write(asked.out, {"scorer": studies.scorer(), "sets": dict(sorted(found.items()))})


def measured(other: OtherSet, path: Path, known: set[str]) -> dict[str, Json]:
    """Return what the set is, and each question's figures by scorer."""
    content = path.read_bytes()
    digest = FileDigest(path=path.name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    rows = [row for row in read(path.name, content) if _one_of(row[other.text], other.share)]
    fresh = [row for row in rows if plain(row[other.text]) not in known]
    return {
        "source": other.source,
        "licence": other.licence,
        "file": msgspec.to_builtins(digest),
        "n_rows": len(rows),
        "n_known_to_training": len(rows) - len(fresh),
        "questions": {
            question.name: {
                name: _figures(name, _labelled(fresh, other, question, digest)) for name in scorers(question.kind)
            }
            for question in other.questions
        },
    }


def read(name: str, content: bytes) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file or of packed or plain JSON lines, every cell as text; a JSON null is left out."""
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8")
    if ".json" in name:
        for line in text.splitlines():
            yield {key: str(value) for key, value in json.loads(line).items() if value is not None}
    else:
        yield from csv.DictReader(io.StringIO(text, newline=""))


def plain(text: str) -> str:
    """Return a text's words alone, to know it again: `plain("It's ME!") == "it s me"`."""
    return re.sub(r"\W+", " ", text.lower()).strip()


def scorers(kind: str) -> tuple[str, ...]:
    """Return what is asked, as for --toxicity: our own of a kind, and the word list where it is installed."""
    return (f"{OWN}:{kind}", OTHER) if importlib.util.find_spec("profanity_check") else (f"{OWN}:{kind}",)


def _one_of(text: str, share: int) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % share == 0


def _labelled(rows: Sequence[dict[str, str]], other: OtherSet, question: Question, file: FileDigest) -> Labelled:
    labels = [question.label(row) for row in rows]
    texts = tuple(
        LabelledText(text=row[other.text], prompt="", positive=label, groups={}, cluster=f"row {number}")
        for number, (row, label) in enumerate(zip(rows, labels, strict=True))
        if label is not None
    )
    return Labelled(rows=texts, file=file, n_left_out=labels.count(None))


def _figures(name: str, labelled: Labelled) -> dict[str, Json]:
    decider = open_decider(name, threshold=None, offline=True, allow_pickle=False)
    columns = LabelledTexts(text=("text",), label="label", positive=("1",))
    found = calibrate(decider, labelled, columns, About())
    overall = found.overall
    return {
        "version": found.scorer.version,
        "n": found.n,
        "n_positive": overall.tp + overall.fn,
        "n_unscored": found.n_unscored,
        "n_without_label": found.n_left_out,
        **{name: _shown(getattr(overall, name)) for name in ("auc", "sensitivity", "specificity")},
    }


def _shown(figure: Figure | NoFigure) -> Json:
    if isinstance(figure, NoFigure):
        return {"undefined": figure.reason}
    return {
        "value": round(figure.value, 4),
        "interval": [round(figure.interval.low, 4), round(figure.interval.high, 4)],
    }


if __name__ == "__main__":
    main()
