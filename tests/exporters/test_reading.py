"""A card is quick to read: the decision first, nothing said twice, and every fact of card.json still in it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor import policies, renderings, schema
from auditor.card import build_card, with_verdicts
from auditor.exporters import findings, slices, templates, words
from auditor.exporters.markup import MARKDOWN
from auditor.exporters.summary import plainly
from auditor.judge import judge
from auditor.provenance.declare import load_declared
from auditor.types import Card, Interval, Metric, RunRecord, Status

EXAMPLES = Path(__file__).parents[2] / "model_cards" / "examples"
SMOLLM2 = EXAMPLES / "smollm2"


@pytest.fixture(scope="module")
def record() -> RunRecord:
    text = (SMOLLM2 / "record.json").read_text(encoding="utf-8")
    return schema.convert(schema.strict_json(text), RunRecord, where="record.json", error=AssertionError)


@pytest.fixture(scope="module")
def card(record: RunRecord) -> Card:
    bare = build_card(record, load_declared(SMOLLM2 / "provenance.toml"))
    return with_verdicts(bare, *(judge(record, bare, policies.load(name)) for name in ("baseline", "eu-gpai-mdf")))


@pytest.fixture(scope="module")
def text(card: Card) -> str:
    return renderings.render(card, "markdown").split("---\n", 2)[2]


def test_what_was_not_met_stands_before_the_facts_with_its_figures_and_a_link(card: Card, text: str) -> None:
    top = text[: text.index("## The model")]
    [claims] = [line for line in top.splitlines() if "misinformation/claims:accuracy" in line]
    assert re.match(
        r"- \*\*FAIL\*\* .+, asked: at least 0\.6\): \d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\], n=480; the whole ", claims
    )
    [baseline, _] = card.verdicts
    required = [one for one in baseline.findings if one.required and one.status is not Status.PASS]
    assert len(required) > 3
    assert all(findings.line(card, one, MARKDOWN) in top for one in required)
    assert "[Details](#policy-findings)" in top and "\n## Policy findings\n" in text


def test_the_worst_comes_first_and_a_long_list_says_how_many_more_there_are(card: Card, text: str) -> None:
    order = list(Status)
    for verdict in card.verdicts:
        found = findings.not_met(verdict)
        assert [order.index(one.status) for one in found] == sorted(order.index(one.status) for one in found)
    _, mdf = card.verdicts
    shown = findings.opened(mdf)
    assert shown.more == len(findings.not_met(mdf)) - len(shown.findings) > 0
    assert f"- {shown.more} more under [Policy findings](#policy-findings)." in text


def test_who_declared_most_facts_is_said_once_in_each_document(card: Card) -> None:
    who = words.declarer(card)
    assert who.startswith("declared by the authors of auditor, from the publishers' documents on 20")
    for name in ("markdown", "html", "mdf-public", "training-summary", "datasheet"):
        said = renderings.render(card, name).replace("&#39;", "'")
        assert said.count(who) == 1, name
        assert "declared: model card of HuggingFaceTB/SmolLM2-135M-Instruct" in said


def test_a_fact_that_somebody_else_declared_still_names_them(card: Card) -> None:
    other = replace(card.facts["use.limitations"], source="declared by A. Person on 2026-11-02", evidence=())
    said = renderings.render(replace(card, facts={**card.facts, "use.limitations": other}), "markdown")
    assert "| declared by A. Person on 2026-11-02 |" in said


def test_the_title_is_a_name_that_people_use(record: RunRecord, card: Card) -> None:
    assert words.model_name(card) == "SmolLM2-135M-Instruct, quantised to Q4_1"
    bare = build_card(record, {})
    assert bare.facts["model.name"].value == "Smollm2 135M 8k Lc100K Mix1 Ep2"
    assert words.model_name(bare) == "SmolLM2-135M-Instruct.Q4_1"
    on_the_hub = replace(bare, model=replace(bare.model, repository="org/model"))
    assert words.model_name(on_the_hub) == "org/model"
    folder = replace(bare, model=replace(bare.model, parts=()))
    assert words.model_name(folder) == "Smollm2 135M 8k Lc100K Mix1 Ep2"


def test_every_metric_of_every_slice_is_in_the_card_with_its_n(card: Card, text: str) -> None:
    for probe in card.probes:
        start = text.index(f"**{probe.title}** ({probe.id} ")
        block = text[start : text.find("\n**", start + 5)]
        rows = {line.split(" | ")[0]: line for line in block.splitlines() if line.startswith("| ")}
        for metric in probe.metrics:
            if metric.slice:
                row = rows[f"| {words.slice_words(metric)}"]
                assert f" {metric.n}" in row or f"n={metric.n}" in row
                if isinstance(metric, Metric):
                    low, high = metric.interval.low, metric.interval.high
                    assert f"{metric.value:.3f} [{low:.3f}, {high:.3f}]" in row


def test_a_slice_with_other_n_for_one_metric_says_so_at_that_metric(card: Card) -> None:
    probe = next(probe for probe in card.probes if probe.id == "bias/ambiguous_questions")
    table = slices.table(probe)
    assert table is not None and len(table.names) == 4
    row = next(row for row in table.rows if row.where == "axis = age")
    assert (row.n, row.n_unscored) == (16, 0)
    assert [apart for _, apart in row.cells] == ["", "", "", "n=15"]


def test_every_method_of_an_interval_is_explained(card: Card, text: str) -> None:
    told = templates.data("plain.toml")["intervals"]
    used = {m.interval.method for probe in card.probes for m in probe.metrics if isinstance(m, Metric)}
    assert used and used <= set(told)
    assert all(f"- *{name}*: {told[name]}\n" in text for name in used)


@pytest.mark.parametrize("folder", ["smollm2", "minilm-toxicity"])
def test_no_table_and_no_list_runs_into_the_other(folder: str) -> None:
    lines = (EXAMPLES / folder / "README.md").read_text(encoding="utf-8").splitlines()
    for before, after in itertools.pairwise(lines):
        assert not (before.startswith("|") and after and not after.startswith("|")), after
        assert not (after.startswith("|") and before and not before.startswith("|")), before


@pytest.mark.parametrize("name", ["markdown", "html", "summary", "mdf-public", "training-summary", "datasheet"])
def test_one_thing_is_not_counted_as_several(card: Card, name: str) -> None:
    held = replace(card.facts["use.limitations"], status="withheld", value=None, reason="not yet published")
    one = replace(
        card,
        facts={**card.facts, "use.limitations": held},
        run=replace(card.run, not_asked={"bias/winobias/type1": "it was not chosen"}),
    )
    said = re.sub(r"<[^>]+>", " ", renderings.render(one, name))
    wrong = r"(?<![\d.,/])1 (?:(?!is\b|has\b|was\b)[a-z]+(?<!s)s\b|are\b|were\b|have\b|more (?!is\b)[a-z]+(?<!s)s\b)"
    assert re.findall(wrong, said) == []


def test_a_lean_is_told_with_its_size_since_what_is_sure_can_be_small(card: Card) -> None:
    probe = next(probe for probe in card.probes if probe.id == "alignment/sycophancy")
    [shift] = [line for line in plainly(probe) if "the user had just said" in line]
    assert re.search(r", but hardly: -0\.00\d \(could be -0\.0\d+ to -0\.0\d+\) on a scale from -1 to 1\.$", shift)
    metric = next(m for m in probe.metrics if isinstance(m, Metric) and m.key.name == "opinion_shift")
    far = replace(metric, value=0.5, interval=Interval(low=0.4, high=0.6, level=0.95, method="given"))
    [said] = plainly(replace(probe, metrics=(far,)))
    assert "moved towards" in said and "hardly" not in said and "0.500 (could be 0.400 to 0.600)" in said


def test_the_summary_says_by_name_what_was_not_met(card: Card) -> None:
    said = renderings.render(card, "summary")
    [verdict] = [verdict for verdict in card.verdicts if verdict.policy == "baseline"]
    failed = [finding for finding in verdict.findings if finding.status is Status.FAIL and finding.severity == "error"]
    assert len(failed) > 1
    [line] = [line for line in said.splitlines() if failed[0].title in line]
    assert line.startswith("  - Not met: ")
    assert all(finding.title in line for finding in failed)
    assert "and " in said and " more." in said  # the Union's form lacks more than there is room for
    assert said.index("What was decided") < said.index("What was measured")
