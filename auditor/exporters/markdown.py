"""The card as Markdown for the Hub: YAML front matter, then a document for people."""

from __future__ import annotations

import re
from typing import Any

from auditor.exporters import templates
from auditor.exporters.templates import Safe
from auditor.provenance.facts import name_of
from auditor.types import Card, Fact, Json, Metric

_HUB_NAME = re.compile(r"^[\w.-]+/[\w.-]+$")


def render(card: Card) -> str:
    """Return the card as Markdown.

    Raises:
        jinja2.UndefinedError: the template has a hole.
    """
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the quick one where the wheel has it
    head = yaml.dump(front_matter(card), Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000)
    return templates.render(
        "model_card.md.j2", card, front_matter=Safe(head.rstrip("\n")), command=Safe(_command(card))
    )


def front_matter(card: Card) -> dict[str, Json]:
    """Return the YAML head that the Hub reads: only facts that are known, and the results over all samples."""
    license_id, license_more = _license(card.facts["model.license"])
    head: dict[str, Json] = {
        "language": _known_value(card, "model.languages"),
        "license": license_id,
        **license_more,
        "library_name": _known_value(card, "model.library"),
        "pipeline_tag": _known_value(card, "model.pipeline_tag"),
        "base_model": _known_value(card, "model.base_model"),
        "base_model_relation": _known_value(card, "model.base_model_relation"),
        "datasets": [
            name for name in map(name_of, _known_value(card, "training.datasets") or []) if _HUB_NAME.match(name)
        ],
        "tags": ["auditor", *sorted({probe.family for probe in card.probes})],
        "model-index": [{"name": model_name(card), "results": _results(card)}],
    }
    if not head["base_model"]:
        head["base_model_relation"] = None
    return {key: value for key, value in head.items() if value}


def model_name(card: Card) -> str:
    """Return the model's name as known, else what the user called it."""
    return str(_known_value(card, "model.name") or card.model.requested)


def _license(fact: Fact) -> tuple[str, dict[str, str]]:
    if not isinstance(fact.value, str):
        return "", {}
    from auditor.provenance.licences import HUB_LICENCES

    name = fact.value.strip().lower()
    return (name, {}) if name in HUB_LICENCES else ("other", {"license_name": name})


def _known_value(card: Card, key: str) -> Json:
    fact = card.facts[key]
    return fact.value if fact.status in {"measured", "derived", "declared"} else None


def _results(card: Card) -> list[dict[str, Json]]:
    results = []
    for probe in card.probes:
        metrics = [metric for metric in probe.metrics if isinstance(metric, Metric) and not metric.slice]
        if metrics:
            results.append(
                {
                    "task": {"type": "text-generation"},
                    "dataset": {
                        "name": f"auditor: {probe.title}",
                        "type": "auditor",
                        "config": probe.id,
                        "split": f"partial, {probe.n_selected} of {probe.n_items}" if probe.partial else "all",
                        "revision": probe.digest,
                    },
                    "metrics": [_result(metric) for metric in metrics],
                }
            )
    return results


def _result(metric: Metric) -> dict[str, Json]:
    return {
        "type": metric.key.name,
        "name": f"{metric.key.name} (ideal {metric.key.ideal:g})",
        "value": metric.value,
        "args": {
            "n": metric.n,
            "n_unscored": metric.n_unscored,
            "interval": [metric.interval.low, metric.interval.high],
            "level": metric.interval.level,
            "interval_method": metric.interval.method,
            "scorer": f"{metric.scorer.name} {metric.scorer.version}",
            "data_sha256": metric.data_digest,
        },
    }


def _model_words(card: Card) -> str:
    """Return the model as it was asked for, a Hub repository with its commit."""
    model = card.model
    return f"{model.repository}@{model.revision}" if model.repository else model.requested


def _command(card: Card) -> str:
    """Return the command that makes the record again, quoted for a shell."""
    import shlex

    words: list[Any] = ["auditor", "run", "--model", _model_words(card), "--seed", card.run.seed]
    for pack in card.run.packs:
        words += ["--pack", pack]
    words += ["--probes", ",".join(probe.id for probe in card.probes)]
    if any(probe.data_files for probe in card.probes):
        words += ["--data-dir", "DIR"]
    if card.run.limit is not None:
        words += ["--limit", card.run.limit]
    if card.run.classifier is not None:
        words += ["--toxicity", card.run.classifier_request]
    for calibration in card.run.calibrations:
        words += ["--calibration", calibration]
    words += ["--device", card.backend.device, "--dtype", card.backend.dtype]
    words += ["--trust-remote-code"] if card.backend.trust_remote_code else []
    words += ["--allow-pickle"] if card.backend.allow_pickle else []
    text = " ".join(shlex.quote(str(word)) for word in words)
    return "".join(char if char.isprintable() else " " for char in text).replace("`", "'")
