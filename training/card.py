"""`python -m training.card`: the record that the scorer's own model card is made of.

A classifier is not asked by probes: what was measured of it are its calibrations. The record holds each of them as a
probe whose metrics are sensitivity, specificity and AUC, over all texts and by subgroup, so that `auditor card` renders
and checks the card as it does any other. What nobody measured is missing, as in any card.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from auditor import __version__, calibration, record, schema
from auditor.environment import Clock, environment
from auditor.exporters.commands import CLASSIFIER
from auditor.scorers import minilm_toxicity
from auditor.types import (
    BackendInfo,
    Calibration,
    Errors,
    Evidence,
    Fact,
    Figure,
    FileDigest,
    Json,
    Metric,
    MetricKey,
    ModelInfo,
    NoFigure,
    ProbeResult,
    Reason,
    RunInfo,
    RunRecord,
    Scoring,
    Undefined,
)
from training import energy
from training.studies import ROOT

FOLDER = ROOT / "model_cards" / "examples" / minilm_toxicity.NAME
_FIGURES = ("sensitivity", "specificity", "balanced_accuracy", "auc")
_MAX_TOKENS = 128


def main() -> None:
    """Write the record into the card's folder, or into another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the record")
    asked = parser.parse_args()
    record.save_record(asked.out, record_of(own_calibrations()))


def own_calibrations() -> list[Calibration]:
    """Return the shipped calibrations of the scorer as it is now, those over the most texts first."""
    ours = (minilm_toxicity.NAME, minilm_toxicity.VERSION)
    return [one for one in calibration.shipped() if (one.scorer.name, one.scorer.version) == ours]


def record_of(calibrations: Sequence[Calibration]) -> RunRecord:
    """Return the sealed record of the scorer and its calibrations."""
    clock = Clock()
    files = tuple(sorted(_files(), key=lambda file: file.path))
    weights = [[file.path, file.sha256] for file in files if file.path.endswith(".safetensors")]
    n_texts = sum(one.n + one.n_unscored for one in calibrations)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    made = clock.stop(planned_at=now, requests=n_texts, from_journal=0, costs=None)
    return record.seal(
        RunRecord(
            schema=record.SCHEMA,
            run=_run(calibrations),
            model=ModelInfo(
                requested=minilm_toxicity.NAME,
                format="safetensors",
                repository="",
                revision="",
                files=files,
                weights_digest=schema.digest_of(weights),
                facts=_facts(files),
            ),
            backend=_backend(),
            environment=environment(),
            probes=tuple(_probe(one) for one in calibrations),
            clocks=made,
        )
    )


def _files() -> Iterator[FileDigest]:
    """Yield the files that a rating comes from: the scorer's weights, the encoder's, and its tokenizer."""
    yield schema.digest_file(minilm_toxicity.weights_path())
    for name in minilm_toxicity.DIGESTS:
        yield schema.digest_file(minilm_toxicity.encoder_file(name), name=name)


def _facts(files: Sequence[FileDigest]) -> dict[str, Fact]:
    weights = [file for file in files if file.path.endswith(".safetensors")]
    found: dict[str, tuple[Json, str]] = {
        "files.weights_bytes": (sum(file.bytes for file in weights), "sizes of the weight files"),
        "files.shards": (f"{len(weights)} weight files: the scorer's and the encoder's", "names of the weight files"),
        "model.context_length": (_MAX_TOKENS, "the window that long texts are read in"),
    }
    report = json.loads(minilm_toxicity.weights_path().with_suffix(".json").read_text(encoding="utf-8"))
    return energy.facts(report) | {
        key: Fact(status="derived", value=value, source=source, evidence=(Evidence(kind="run", text=source),))
        for key, (value, source) in found.items()
    }


def _run(calibrations: Sequence[Calibration]) -> RunInfo:
    return RunInfo(
        auditor_version=__version__,
        code_digest=schema.digest_code(),
        seed=0,
        limit=None,
        packs=(),
        plan_digest=schema.digest_of([one.digest for one in calibrations]),
        classifier=None,
        classifier_request="",
        classifier_notes="",
    )


def _backend() -> BackendInfo:
    scorer = minilm_toxicity.open_classifier("", offline=True, allow_pickle=False)
    return BackendInfo(
        name=CLASSIFIER,
        version=minilm_toxicity.VERSION,
        tokenizer_digest=minilm_toxicity.DIGESTS["tokenizer.json"],
        chat_template_digest="",
        context_length=_MAX_TOKENS,
        parameters=scorer.parameters,
        trust_remote_code=False,
        allow_pickle=False,
        device="cpu",
        dtype="float32",
        batch_tokens=minilm_toxicity.BATCH_TOKENS,
        batch_rows=minilm_toxicity.BATCH_TOKENS,
        attention="sdpa",
        packed=True,
        threads=torch.get_num_threads(),
    )


def _probe(found: Calibration) -> ProbeResult:
    """Return a calibration as a probe: the labelled file in place of items, each figure in place of a metric."""
    n_texts = found.n + found.n_unscored
    kind = next(kind for kind in minilm_toxicity.KINDS if found.scorer.checkpoint == _checkpoint(kind))
    label = " or ".join(found.texts.positive)
    return ProbeResult(
        id=f"toxicity/{re.sub(r'[^a-z0-9]+', '_', found.name.lower()).strip('_')}",
        version=found.scorer.version,
        title=found.name,
        family="toxicity",
        construct=f"How far {kind} rated {found.threshold:g} or more agrees with people's label {label!r}.",
        kind="classification",
        languages=found.languages,
        license=found.licence,
        source=found.source,
        content_notice="The texts degrade people; some are hateful on purpose.",
        data_files=(found.data,),
        digest=found.data.sha256,
        n_items=n_texts,
        n_selected=n_texts,
        samples_file=found.data,
        unscored={str(Reason.UNSUPPORTED_LANGUAGE): found.n_unscored} if found.n_unscored else {},
        counts={},
        scorer=found.scorer,
        scoring=Scoring(scorer=found.scorer.name, cluster_by=found.texts.cluster, slice_by=found.texts.groups),
        metrics=tuple(metric for errors in (found.overall, *found.subgroups) for metric in _metrics(found, errors)),
    )


def _checkpoint(kind: str) -> str:
    return minilm_toxicity.checkpoint_of(minilm_toxicity.weights_path(), kind)


def _metrics(found: Calibration, errors: Errors) -> Iterator[Metric | Undefined]:
    """Yield the figures; a subgroup's only where it has enough texts of the classes that the figure is about."""
    for name in _FIGURES:
        figure: Figure | NoFigure = getattr(errors, name)
        common: dict[str, Json] = {
            "key": MetricKey(name=name, unit="share", low=0.0, high=1.0, ideal=1.0),
            "slice": errors.group,
            "n": figure.n,
            "n_unscored": 0 if errors.group else found.n_unscored,
            "scorer": found.scorer,
            "data_digest": found.data.sha256,
        }
        if isinstance(figure, NoFigure) and errors.group:
            continue
        if isinstance(figure, NoFigure):
            yield Undefined(reason=figure.reason, **common)
        else:
            worth = figure.n if figure.n_effective is None else figure.n_effective
            yield Metric(
                value=figure.value,
                interval=figure.interval,
                n_clusters=int(worth),
                n_effective=figure.n_effective,
                **common,
            )


if __name__ == "__main__":
    main()
