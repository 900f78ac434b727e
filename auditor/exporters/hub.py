"""What the Hugging Face Hub reads of a card: the front matter with its model-index, and the files in `.eval_results/`.

huggingface_hub keeps one source for all results of one dataset's configuration, so each probe has its own.
"""

from __future__ import annotations

import re

from auditor.exporters import templates
from auditor.exporters.words import known_value, model_name
from auditor.provenance.facts import name_of
from auditor.types import Card, Json, Metric, Texts

_HUB_NAME = re.compile(r"^[\w.-]+/[\w.-]+$")
_HUB_OF_SPDX = {
    "c-uda-1.0": "c-uda",
    "lgpllr": "lgpl-lr",
    "odbl-1.0": "odbl",
    "odc-by-1.0": "odc-by",
    "openrail-plus-plus": "openrail++",
    "pddl-1.0": "pddl",
}
_ONLY = re.compile(r"^(a?gpl-[23]\.0|lgpl-(2\.1|3\.0))-only$")


def to_yaml(value: Json) -> str:
    """Return YAML that the Hub reads back as it is: `no`, `on` and their like are quoted, and so are dates."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the quick one where the wheel has it
    flow = None  # lists and tables of nothing but plain values stand on one line
    return str(
        yaml.dump(value, Dumper=dumper, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=1000)
    )


def front_matter(card: Card) -> dict[str, Json]:
    """Return the YAML head that the Hub reads: only facts that are known, and the results over all samples."""
    license_id, license_name = hub_licence(str(known_value(card, "model.license") or ""))
    head: dict[str, Json] = {
        "language": known_value(card, "model.languages"),
        "license": license_id if license_name or license_id != "other" else None,
        "license_name": license_name,
        "license_link": known_value(card, "distribution.license_link") if license_name else None,
        "library_name": known_value(card, "model.library"),
        "pipeline_tag": known_value(card, "model.pipeline_tag"),
        "base_model": known_value(card, "model.base_model"),
        "base_model_relation": known_value(card, "model.base_model_relation"),
        "datasets": [
            name for name in map(name_of, known_value(card, "training.datasets") or []) if _HUB_NAME.match(name)
        ],
        "tags": ["auditor", *sorted({probe.family for probe in card.probes})],
        "model-index": [{"name": model_name(card), "results": _results(card)}],
    }
    if not head["base_model"]:
        head["base_model_relation"] = None
    return {key: value for key, value in head.items() if value}


def hub_licence(name: str) -> tuple[str, str]:
    """Return the Hub's id of a licence that SPDX or the Hub names; `other` and its name where it has none.

    >>> hub_licence("Apache-2.0"), hub_licence("GPL-3.0-only"), hub_licence("LicenseRef-own-1.0")
    (('apache-2.0', ''), ('gpl-3.0', ''), ('other', 'own-1.0'))
    """
    from auditor.provenance.licences import HUB_LICENCES

    low = name.strip().lower().removeprefix("licenseref-")
    only = _ONLY.match(low)
    found = only[1] if only else _HUB_OF_SPDX.get(low, low)
    return (found, "") if found in HUB_LICENCES else ("other", low)


def eval_results(card: Card, texts: Texts | None = None) -> str:
    """Return the YAML of a file in `.eval_results/`: results on benchmarks that the Hub has registered, if any.

    The Hub refuses any other; which it has registered stands, dated, in `hub_benchmarks.toml`.
    """
    known = templates.data("hub_benchmarks.toml")
    rows = []
    for benchmark in known["benchmarks"]:
        probe_id, _, name = benchmark["metric"].partition(":")
        probe = next((probe for probe in card.probes if probe.id == probe_id and not probe.partial), None)
        for metric in probe.metrics if probe else ():
            if isinstance(metric, Metric) and metric.key.name == name and not metric.slice:
                dataset = {"id": benchmark["dataset"], "task_id": benchmark["task_id"]}
                said = f"auditor {card.run.auditor_version}, n={metric.n}, record {card.record_digest}"
                dated = {"value": metric.value, "date": card.clocks.started_at[:10]}
                rows.append({"dataset": dataset, **dated, **_source(card, probe_id), "notes": said})
    if not rows:
        return (
            f"# No probe of this audit measures a benchmark that the Hub had registered on {known['checked_on']}; it\n"
            "# refuses results on others. What was measured stands in the model card and its model-index.\n[]\n"
        )
    return f"# Results on benchmarks that the Hub had registered on {known['checked_on']}.\n{to_yaml(rows)}"


def _source(card: Card, probe_id: str) -> dict[str, Json]:
    """Return where a probe's results can be looked up, or nothing where no address is known."""
    report = str(known_value(card, "validation.results_report") or "")
    if not re.match(r"^https?://\S+$", report):
        if not card.model.repository:
            return {}
        report = f"https://huggingface.co/{card.model.repository}/tree/{card.model.revision or 'main'}"
    name = f"auditor {card.run.auditor_version}, {probe_id}, record {card.record_digest}"
    return {"source": {"name": name, "url": report}}


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
                    **_source(card, probe.id),
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
