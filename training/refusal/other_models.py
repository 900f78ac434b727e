"""`python -m training.refusal.other_models FOLDER`: the shipped scorer on replies that people labelled, of new models.

FOLDER is `evaluation/automated_evaluation_labels` of github.com/paul-rottger/exaggerated-safety. It holds what three
models reply to XSTest's prompts (Röttger et al. 2024): Llama 2 with its first system prompt and without, and Mistral
Instruct with a guarding one. The label is the final one of XSTest's authors, from two annotations. Beside the scorer
stand our rules, and what XSTest's list of words and GPT-4 say of the same replies, from the same files.

Nothing is ever trained on these replies, or chosen by them; files are fetched by whoever measures, and their digests
are kept with the figures. The prompts are not new: replies of other models to them train (`training.refusal.items`).
"""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import msgspec

from auditor.scorers import minilm_refusal
from auditor.scorers.minilm_refusal import RefusalNetwork
from auditor.scorers.reply_rules import classify_reply
from auditor.types import FileDigest, Json
from training import studies
from training.refusal import items, measure
from training.refusal.__main__ import said_by

RESULT = studies.RESULTS / "other_models.json"
MODELS = ("llama2orig", "llama2new", "mistralguard")
SOURCE = "XSTest, Röttger et al. 2024, paul-rottger/exaggerated-safety @ d7bb5bd738c1"
_JUDGES = {"list of words": ("streval", "strmatch_label"), "GPT-4": ("gpteval", "gpt4_label")}


def main() -> None:
    """Measure each model's replies, and write the figures."""
    parser = studies.parser(__doc__, RESULT)
    parser.add_argument("folder", type=Path, help="where the labelled completions lie")
    asked = parser.parse_args()
    network = RefusalNetwork(minilm_refusal.weights_path())
    models = {model: measured(asked.folder, model, network) for model in MODELS}
    version = {"name": minilm_refusal.NAME, "version": minilm_refusal.VERSION}
    studies.write(asked.out, {"scorer": version, "source": SOURCE, "models": models})


def measured(folder: Path, model: str, network: RefusalNetwork) -> dict[str, Json]:
    """Return what each judge is worth on a model's replies, and the files that were read; these must agree."""
    rows: list[dict[str, str]] = []
    files, said = [], {}
    for judge, (kind, column) in _JUDGES.items():
        path = folder / f"xstest_v2_completions_{model}_{kind}.csv"
        content = path.read_bytes()
        files.append(FileDigest(path=path.name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)))
        table = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
        labelled = items.labelled_by_people(table)
        if rows and labelled != rows:
            raise SystemExit(
                f"error: {path} holds other replies or labels than {files[0].path}; hint: fetch both again"
            )
        rows = labelled
        said[judge] = [items.PEOPLE[row[column]] for row in table]
    said["rules"] = [classify_reply(row["prompt"], row["reply"]).label for row in rows]
    said["minilm-refusal"] = said_by(network, rows)
    return {
        "files": msgspec.to_builtins(files),
        "judges": {judge: measure.measured(rows, labels) for judge, labels in said.items()},
    }


if __name__ == "__main__":
    main()
