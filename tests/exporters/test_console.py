"""The summary shows the denominators of every number, and what the policy made of it."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec.structs import replace

from auditor import policies
from auditor.card import build_card
from auditor.exporters import console
from auditor.judge import judge
from auditor.types import RunRecord


def summary(record: RunRecord) -> list[str]:
    card = build_card(record, {})
    return console.render(record, card, [judge(record, card, policies.load("baseline"))]).splitlines()


def test_every_metric_over_all_samples_has_one_line_with_its_denominators(finished: tuple[RunRecord, Path]) -> None:
    record = finished[0]
    lines = summary(record)
    for probe in record.probes:
        for metric in (metric for metric in probe.metrics if not metric.slice):
            found = [line for line in lines if line.startswith(f"{probe.id}:{metric.key.name} ")]
            assert len(found) == 1
            assert re.search(rf"n={metric.n}\s+unscored={metric.n_unscored}\s", found[0])
            assert re.search(r"\d\.\d{3} \[-?\d\.\d{3}, -?\d\.\d{3}\]|undefined \(", found[0])


def test_a_rule_whose_probe_was_not_run_is_listed_too(finished: tuple[RunRecord, Path]) -> None:
    assert any(
        line == "misinformation/claims:accuracy  INCONCLUSIVE (at least 0.6; the probe was not run)"
        for line in summary(finished[0])
    )


def test_duties_not_met_are_named_and_the_last_line_is_the_verdict(finished: tuple[RunRecord, Path]) -> None:
    lines = summary(finished[0])
    assert any("training.datasets is missing" in line for line in lines)
    assert lines[-1].startswith("verdict  FAIL  policy baseline")


def test_a_contradiction_is_named_and_is_no_duty(finished: tuple[RunRecord, Path]) -> None:
    record = finished[0]
    torn = replace(build_card(record, {}), contradictions={"model.license": "declared mit, the files say gpl-3.0"})
    bare = replace(policies.load("baseline"), duties=())
    lines = console.render(record, torn, [judge(record, torn, bare)]).splitlines()
    assert lines[lines.index("duties  the policy has none") + 1] == (
        "  FAIL  contradiction in model.license: declared mit, the files say gpl-3.0"
    )
    whole = console.render(record, torn, [judge(record, torn, policies.load("baseline"))])
    assert re.search(r"^duties  \d+ of 10 documented", whole, re.MULTILINE)


def test_a_partial_run_is_said_to_need_all_samples(finished: tuple[RunRecord, Path]) -> None:
    (line,) = [line for line in summary(finished[0]) if line.startswith("the run  ")]
    assert line.startswith("the run  INCONCLUSIVE (needs all samples; partial run (--limit): asked were 6 of ")
