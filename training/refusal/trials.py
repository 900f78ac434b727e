"""`python -m training.refusal.trials`: ways to train the head and to mix it with the reader, compared.

The reader is the shipped one; `--readers` trains others beside it, half an hour or more for each. All figures are of
development data: balanced accuracies for refusals on held-out prompts, on held-out manners and on GPT-4's completions
of XSTest, and for incoherent replies on the first two. The score is their mean. No test is looked at. `--weights FILE`
measures other weights beside them, from the history of `scorers/`; `--more FILE` compares ways with the reader that
`python -m training.refusal --more` trained; `--table` prints what was written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from msgspec import Struct
from msgspec.structs import replace
from safetensors import safe_open
from torch import Tensor

from auditor.engine.pair_reader import PairReader
from auditor.scorers import minilm_refusal
from auditor.scorers.minilm_refusal import (
    LABELS,
    RefusalNetwork,
    head_logits,
    mixed_logits,
    probabilities,
    read_weights,
)
from auditor.scorers.minilm_toxicity import open_encoder
from auditor.scorers.reply_rules import classify_reply
from auditor.types import Json
from training import studies
from training.refusal import items, measure
from training.refusal.__main__ import development, vectors_of
from training.refusal.fit import Head, Settings, calibrated, fit
from training.refusal.items import Reply
from training.refusal.reader import ReaderSettings, fit_reader

RESULT = studies.RESULTS / "refusal_trials.json"
_SEEDS = (6, 7, 8, 9, 10)
_BASE = Settings()
_HEADS = {
    "as shipped": _BASE,
    "192 hidden units": replace(_BASE, hidden=192),
    "partial refusals weigh more": replace(_BASE, shares=(0.4, 0.22, 0.18, 0.2)),
    "40 epochs": replace(_BASE, epochs=40),
}
_READERS = {
    "adapters in the upper three layers": ReaderSettings(adapted=(3, 4, 5)),
    "twice the rank": ReaderSettings(rank=24),
}
_READER_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_RULES_SHARES = (0.05, 0.1, 0.2)
Rows = list[dict[str, str]]


class Inputs(Struct, frozen=True, kw_only=True):
    """Replies with what heads are given of them, and those that calibrate with what the reader says of them.

    Of each development set, by its name: its rows, what heads are given, and what the reader says.
    """

    replies: Sequence[Reply]
    vectors: Tensor
    held: list[int]
    held_read: Tensor
    rows: dict[str, Rows]
    given: dict[str, Tensor]
    read: dict[str, Tensor]


def main() -> None:
    """Compare the ways and write what was found, or print what was written."""
    parser = studies.parser(__doc__, RESULT)
    parser.add_argument("--weights", type=Path, nargs="*", default=[], metavar="FILE", help="earlier weights")
    parser.add_argument(
        "--readers", nargs="*", default=[], choices=_READERS, help="readers to train beside the shipped"
    )
    parser.add_argument("--more", type=Path, metavar="FILE", help="weights of the candidate of ADR 38")
    parser.add_argument("--table", action="store_true", help="print the written figures as a Markdown table")
    asked = parser.parse_args()
    if asked.table:
        print(table(json.loads(asked.out.read_text(encoding="utf-8"))["ways"]))  # noqa: T201 - what was asked for
        return
    version = {"name": minilm_refusal.NAME, "version": minilm_refusal.VERSION}
    inputs = inputs_of(asked.data, asked.more)
    ways = [*trials(inputs), *(earlier(path, inputs) for path in asked.weights)]
    for name in asked.readers:
        ways += read_otherwise(name, inputs)
    studies.write(asked.out, {"scorer": version, "ways": sorted(ways, key=lambda way: -way["score"])})


def table(ways: Sequence[dict[str, Json]]) -> str:
    """Return ways and their figures as a Markdown table.

    >>> print(table([{"name": "rules", "score": 0.75, "figures": {"refusal: GPT-4": 0.75}}]))
    | way | score | refusal: GPT-4 |
    |---|---|---|
    | rules | 0.750 | 0.750 |
    """
    names = list(ways[0]["figures"])
    lines = [f"| way | score | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for way in ways:
        figures = " | ".join(f"{way['figures'][name]:.3f}" for name in names)
        lines.append(f"| {way['name']} | {way['score']:.3f} | {figures} |")
    return "\n".join(lines)


def inputs_of(data: Path, more: Path | None = None) -> Inputs:
    """Return what is compared on, read once by the shipped weights, or by those that learnt from `more` replies."""
    torch.set_num_threads(_BASE.threads)
    replies = items.training(data, more=more is not None)
    network = RefusalNetwork()
    reader = PairReader(open_encoder()[0], read_weights(more or minilm_refusal.weights_path()))
    rows = development(data, replies)
    pairs = {name: [(row["prompt"], row["reply"]) for row in some] for name, some in rows.items()}
    every = [(reply.prompt, reply.reply) for reply in replies]
    held = [number for number, reply in enumerate(replies) if reply.part == "calibration"]
    return Inputs(
        replies=replies,
        vectors=vectors_of(network, every, "Reading"),
        held=held,
        held_read=reader.logits(network.sequences([every[number] for number in held])),
        rows=rows,
        given={name: vectors_of(network, some, "Reading") for name, some in pairs.items()},
        read={name: reader.logits(network.sequences(some)) for name, some in pairs.items()},
    )


def trials(inputs: Inputs) -> list[Json]:
    """Return each way's figures and its score, the best first."""
    every = torch.ones(inputs.vectors.shape[1], dtype=torch.bool)
    ruled = {name: _ruled(rows) for name, rows in inputs.rows.items()}
    found = [_row("rules", inputs, ruled)]
    for name, settings in _HEADS.items():
        head = fit(inputs.vectors, inputs.replies, settings, every)
        for share in _READER_SHARES:
            said = _said(inputs, [head], share, settings)
            found.append(_row(f"head {name}, reader {share}", inputs, said))
            if (settings, share) == (_BASE, _BASE.reader_share):
                for rules in _RULES_SHARES:
                    mixed = {key: (1 - rules) * said[key] + rules * ruled[key] for key in said}
                    found.append(_row(f"head {name}, reader {share}, rules {rules}", inputs, mixed))
    heads = [fit(inputs.vectors, inputs.replies, replace(_BASE, seed=seed), every) for seed in _SEEDS]
    found.append(
        _row(
            f"five heads of other seeds, reader {_BASE.reader_share}",
            inputs,
            _said(inputs, heads, _BASE.reader_share, _BASE),
        )
    )
    return sorted(found, key=lambda row: -row["score"])


def earlier(weights: Path, inputs: Inputs) -> Json:
    """Return the figures of weights of an earlier version as used, by which letterless replies are incoherent."""
    with safe_open(weights, framework="pt") as opened:
        version = opened.metadata()["version"]
    network = RefusalNetwork(weights)
    judged = {
        name: network.judge([(row["prompt"], row["reply"]) for row in rows]) for name, rows in inputs.rows.items()
    }
    said = {name: torch.tensor([one.probabilities for one in some]) for name, some in judged.items()}
    return _row(f"{weights.name}, version {version}", inputs, said)


def read_otherwise(name: str, inputs: Inputs) -> list[Json]:
    """Return the figures of the shipped head with another reader, and with the mean of that and the shipped one."""
    network = RefusalNetwork()
    every = [(reply.prompt, reply.reply) for reply in inputs.replies]
    reader = fit_reader(open_encoder()[0], network.sequences(every), inputs.replies, _READERS[name])
    other = replace(
        inputs,
        held_read=reader.logits(network.sequences([every[number] for number in inputs.held])),
        read={
            key: reader.logits(network.sequences([(row["prompt"], row["reply"]) for row in rows]))
            for key, rows in inputs.rows.items()
        },
    )
    both = replace(
        inputs,
        held_read=(inputs.held_read + other.held_read) / 2,
        read={key: (inputs.read[key] + other.read[key]) / 2 for key in inputs.rows},
    )
    head = fit(inputs.vectors, inputs.replies, _BASE, torch.ones(inputs.vectors.shape[1], dtype=torch.bool))
    return [
        _row(f"head as shipped, reader with {which}, {share}", given, _said(given, [head], share, _BASE))
        for which, given in ((name, other), (f"{name}, and the shipped one", both))
        for share in _READER_SHARES[2:]
    ]


def _said(inputs: Inputs, heads: Sequence[Head], share: float, settings: Settings) -> dict[str, Tensor]:
    """Return probabilities of the mean of heads, mixed with the reader and calibrated as `settings` say, by set."""
    mixing = torch.tensor(share, dtype=torch.float64)

    def logits(vectors: Tensor, read: Tensor) -> Tensor:
        return mixed_logits(torch.stack([head_logits(vectors, head) for head in heads]).mean(0), read, mixing)

    told = [inputs.replies[number] for number in inputs.held]
    calibration = calibrated(logits(inputs.vectors[inputs.held], inputs.held_read), told, settings)
    return {name: probabilities(logits(inputs.given[name], inputs.read[name]), calibration) for name in inputs.rows}


def _ruled(rows: Rows) -> Tensor:
    labels = [classify_reply(row["prompt"], row["reply"], as_fitted=True).label for row in rows]
    return torch.nn.functional.one_hot(torch.tensor([LABELS.index(label) for label in labels]), len(LABELS)).double()


def _row(name: str, inputs: Inputs, said: dict[str, Tensor]) -> dict[str, Json]:
    figures = {}
    for key, rows in inputs.rows.items():
        result = measure.measured(rows, [LABELS[place] for place in said[key].argmax(1).tolist()])
        for what in ("refusal", "incoherent"):
            figure = result[what]["balanced_accuracy"]
            if "value" in figure:
                figures[f"{what}: {key.removeprefix('development: ')}"] = figure["value"]
    return {"name": name, "score": round(sum(figures.values()) / len(figures), 4), "figures": figures}


if __name__ == "__main__":
    main()
