"""Every Eval Ever 0.3.0: a record's metrics as an aggregate, and its scored samples as a hashed sidecar.

Source: evaleval/every_eval_ever, schemas eval and instance_level_eval, version 0.3.0. The format has no place for what
has no number: undefined metrics are named in the library's details, and unscored samples are counted there. Prompts and
completions are written as digests unless texts are asked for; `sample_hash` is of the true text either way.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import uuid
from collections.abc import Iterator

from auditor import schema
from auditor.exporters import facts
from auditor.exporters.words import model_name
from auditor.samples import AskedSample, read_samples
from auditor.types import (
    Completion,
    Document,
    Json,
    Loglikelihood,
    Material,
    Metric,
    Output,
    ProbeResult,
    Score,
    Undefined,
)

VERSION = "0.3.0"


def export(material: Material) -> Iterator[Document]:
    """Yield the aggregate and its samples, under `data/auditor/DEVELOPER/MODEL/`.

    Raises:
        RecordError: a samples file is damaged.
    """
    name = uuid.UUID(bytes=bytes.fromhex(material.record.digest)[:16], version=4)
    developer, model = model_id(material).split("/")
    folder = f"data/auditor/{developer}/{model}"
    rows = [row for probe in material.card.probes for row in _rows(material, probe)]
    samples = "".join(schema.canonical_json(row) + "\n" for row in rows)
    path = f"{folder}/{name}_samples.jsonl"
    yield Document(
        name=f"{folder}/{name}.json", text=schema.canonical_json(_log(material, samples, path), indent=1) + "\n"
    )
    if rows:
        yield Document(name=path, text=samples)


def model_id(material: Material) -> str:
    """Return `developer/model`: the Hub's name, else what is known of both, in letters that a path can have."""
    if material.record.model.repository.count("/") == 1:
        return material.record.model.repository
    provider = facts.words(facts.settled(material.card), "model.provider")
    return f"{_part(provider)}/{_part(model_name(material.card))}"


def _part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "unknown"


def _log(material: Material, samples: str, path: str) -> dict[str, Json]:
    record = material.record
    log: dict[str, Json] = {
        "schema_version": VERSION,
        "evaluation_id": _evaluation_id(material),
        "evaluation_timestamp": record.clocks.finished_at,
        "retrieved_timestamp": _epoch(material),
        "source_metadata": {
            "source_name": "auditor",
            "source_type": "evaluation_run",
            "source_organization_name": "not declared",
            "evaluator_relationship": "other",
            "additional_details": {"record_sha256": record.digest},
        },
        "eval_library": {
            "name": "auditor",
            "version": record.run.auditor_version,
            "additional_details": _library_details(material),
        },
        "model_info": _model_info(material),
        "evaluation_results": [
            _result(probe, metric)
            for probe in material.card.probes
            for metric in probe.metrics
            if isinstance(metric, Metric)
        ],
    }
    if samples:
        log["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": path,
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(samples.encode()).hexdigest(),
            "total_rows": samples.count("\n"),
        }
    return log


def _library_details(material: Material) -> dict[str, str]:
    """Return what has no number: why metrics are undefined, and how many samples have no score."""
    found = {
        f"undefined {address}": str(metric.reason)
        for address, metric in material.metrics()
        if isinstance(metric, Undefined)
    }
    found |= {f"overlap {address}": facts.line(metric) for address, metric in facts.overlaps(material.card)}
    for probe in material.card.probes:
        found[f"unscored {probe.id}"] = str(sum(probe.unscored.values()))
    return {**found, "code_sha256": material.record.run.code_digest, "seed": str(material.record.run.seed)}


def _evaluation_id(material: Material) -> str:
    return f"auditor/{model_id(material)}/{_epoch(material)}"


def _epoch(material: Material) -> str:
    return str(int(datetime.datetime.fromisoformat(material.record.clocks.finished_at).timestamp()))


def _model_info(material: Material) -> dict[str, Json]:
    record, known = material.record, facts.settled(material.card)
    provider = facts.words(known, "model.provider")
    return {
        "name": model_name(material.card),
        "id": model_id(material),
        **({"developer": provider} if provider else {}),
        "inference_engine": {"name": record.backend.name, "version": record.backend.version},
        "additional_details": {
            "deployment_type": "self_deployed",
            "model_availability": "open_weights" if record.model.repository else "unknown",
            "weights_sha256": record.model.weights_digest,
            "revision": record.model.revision,
            "dtype": record.backend.dtype,
        },
    }


def _result(probe: ProbeResult, metric: Metric) -> dict[str, Json]:
    interval = metric.interval
    about = {
        "version": probe.version,
        "data_sha256": metric.data_digest,
        "n_items": str(probe.n_items),
        "n_selected": str(probe.n_selected),
    }
    return {
        "evaluation_result_id": metric.address(probe.id),
        "evaluation_name": probe.id,
        "source_data": {"dataset_name": probe.id, "source_type": "other", "additional_details": about},
        "metric_config": _metric_config(probe, metric),
        "score_details": {
            "score": metric.value,
            "details": {"n_unscored": str(metric.n_unscored), "n_clusters": str(metric.n_clusters)},
            "uncertainty": {
                "confidence_interval": {
                    "lower": interval.low,
                    "upper": interval.high,
                    "confidence_level": interval.level,
                    "method": interval.method,
                },
                "num_samples": metric.n,
            },
        },
    }


def _metric_config(probe: ProbeResult, metric: Metric) -> dict[str, Json]:
    """Return what is measured; the format asks whether lower is better, which an ideal between the bounds is not."""
    key = metric.key
    best = {key.low: "low", key.high: "high"}.get(key.ideal, "between")
    return {
        "evaluation_description": probe.construct,
        "metric_id": f"auditor.{key.name}",
        "metric_name": key.name,
        "metric_unit": key.unit,
        "metric_parameters": dict(metric.slice),
        "lower_is_better": best == "low",
        "score_type": "continuous",
        "min_score": key.low,
        "max_score": key.high,
        "additional_details": {
            "ideal": repr(key.ideal),
            "ideal_is": best if best != "between" else "between the bounds: neither lower nor higher is better",
            "scorer": f"{metric.scorer.name} {metric.scorer.version}",
        },
    }


def _rows(material: Material, probe: ProbeResult) -> Iterator[dict[str, Json]]:
    """Yield the samples that have a score."""
    for line in read_samples(material.folder / probe.samples_file.path):
        if isinstance(line.score, Score):
            yield _row(material, probe, line, line.score)


def _row(material: Material, probe: ProbeResult, line: AskedSample, score: Score) -> dict[str, Json]:
    raw = schema.canonical_json(line.fields)
    ideal = probe.metrics[0].key if probe.metrics else None
    told = f"the score is the ideal of {ideal.name}, {ideal.ideal!r}" if ideal else "the probe has no metric"
    scorer = f"{probe.scorer.name} {probe.scorer.version}"
    return {
        "schema_version": VERSION,
        "evaluation_id": _evaluation_id(material),
        "model_id": model_id(material),
        "evaluation_name": probe.id,
        "sample_id": line.id,
        "sample_hash": sample_hash(raw, []),
        "interaction_type": "single_turn",
        "input": {"raw": _shown(raw, material), "reference": []},
        "output": {"raw": [_output(pair.output, material) for pair in line.pairs]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": repr(score.value),
                "extraction_method": scorer,
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": score.value, "is_correct": ideal is not None and score.value == ideal.ideal},
        "metadata": {
            "cluster": line.cluster,
            "is_correct means": told,
            **{f"slice {key}": value for key, value in line.slices.items()},
        },
    }


def sample_hash(raw: str, reference: list[str]) -> str:
    """Return the format's hash of a sample, by which tools find the same one."""
    text = json.dumps({"raw": raw, "reference": reference}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _shown(text: str, material: Material) -> str:
    return text if material.with_text else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _output(output: Output, material: Material) -> str:
    match output:
        case Completion():
            return _shown(output.text, material)
        case Loglikelihood():
            return f"{output.nats!r} nats over {output.n_tokens} tokens"
        case _:
            return f"no output: {output.reason}"
