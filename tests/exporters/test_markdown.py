"""The card for the Hub: loaded by the Hub's own library, no number that is not in the record, hostile text escaped."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor import policies
from auditor.card import build_card, with_verdicts
from auditor.errors import TemplateError
from auditor.exporters import markdown
from auditor.exporters.markup import escape
from auditor.judge import judge
from auditor.provenance.facts import catalogue
from auditor.types import Fact, Metric, ProbeResult, RunRecord

HOSTILE = "<script>alert(1)</script> | **bold** [link](https://evil.example) `code` \n\n# Heading ![x](y) {{ 7 * 7 }}"


@pytest.fixture(scope="module")
def render(finished: tuple[RunRecord, Path]) -> Callable[..., str]:
    def make(record: RunRecord = finished[0], **declared: Any) -> str:
        facts = {key.replace("__", "."): fact for key, fact in declared.items()}
        card = build_card(record, facts)
        return markdown.render(with_verdicts(card, judge(record, card, policies.load("baseline"))))

    return make


def declared(value: Any) -> Fact:
    return Fact(status="declared", value=value, source="declared by us on 2026-11-01")


def test_the_hub_library_loads_the_front_matter_and_every_result(
    render: Callable[..., str], finished: tuple[RunRecord, Path]
) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(
        render(
            model__license=declared("Apache-2.0"),
            model__languages=declared(["en", "no"]),
            model__base_model=declared("org/base"),
            training__datasets=declared(["org/data", "a web crawl"]),
        )
    )
    assert card.data.license == "apache-2.0"
    assert card.data.language == ["en", "no"]
    assert card.data.base_model == "org/base"
    assert card.data.datasets == ["org/data"]
    assert card.data.library_name == "transformers"
    assert card.data.pipeline_tag == "text-generation"
    assert {"auditor", "bias", "toxicity"} <= set(card.data.tags)
    found = {(r.dataset_config, r.metric_type): r.metric_value for r in card.data.eval_results}
    wanted = {
        (probe.id, metric.key.name): metric.value
        for probe in finished[0].probes
        for metric in probe.metrics
        if isinstance(metric, Metric) and not metric.slice
    }
    assert found == wanted
    again = ModelCard(str(card))
    assert {(r.dataset_config, r.metric_type): r.metric_value for r in again.data.eval_results} == wanted


def test_a_licence_that_the_hub_does_not_know_is_other_with_its_name(render: Callable[..., str]) -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(render(model__license=declared("My-Own-1.0"))).data
    assert (data.license, data.license_name) == ("other", "my-own-1.0")


def test_facts_that_are_not_known_are_left_out_of_the_front_matter_and_shown_as_missing(
    render: Callable[..., str],
) -> None:
    text = render()
    head = text.split("---")[1]
    assert "license:" not in head and "datasets:" not in head
    named = next(line for line in text.splitlines() if line.startswith("**missing**") and " Datasets; " in line)
    assert re.match(r"\*\*missing\*\*: \d+ of \d+: ", named)
    assert "**missing**: neither in the model's files nor declared." in text


def test_missing_facts_take_one_line_a_section_and_none_is_left_out(
    finished: tuple[RunRecord, Path], render: Callable[..., str]
) -> None:
    text = render(use__intended=declared("Tests"))
    card = build_card(finished[0], {"use.intended": declared("Tests")})
    sections: dict[str, list[str]] = {}
    for key, kind in catalogue().items():
        if card.facts[key].status == "missing":
            sections.setdefault(kind.section, []).append(kind.label)
    lines = [line for line in text.splitlines() if line.startswith("**missing**")]
    assert len(lines) == len(sections)
    for line, labels in zip(lines, sections.values(), strict=True):
        assert line.endswith(": " + "; ".join(map(escape, labels)) + ".")
    assert f"| {catalogue()['use.intended'].label} | Tests | declared" in text


def test_the_card_says_how_many_facts_are_known_and_how(render: Callable[..., str]) -> None:
    told = re.search(r"Of (\d+) facts that a card has a place for: (.*)\.", render(use__intended=declared("x")))
    assert told
    counts = {name: int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", told[2])}
    assert sum(counts.values()) == int(told[1]) == len(catalogue())
    assert counts["declared"] == 1
    assert counts["derived"] > 0 and counts["missing"] > 0


def test_a_dataset_given_as_a_table_is_told_in_words_and_named_to_the_hub(render: Callable[..., str]) -> None:
    from huggingface_hub import ModelCard

    text = render(training__datasets=declared([{"name": "org/data", "license": "odc-by"}, "a | crawl"]))
    assert ModelCard(text).data.datasets == ["org/data"]
    assert "| Datasets | org/data (license: odc-by); a \\| crawl |" in text


def test_hostile_text_stays_text(render: Callable[..., str]) -> None:
    text = render(model__name=declared(HOSTILE), use__intended=declared(HOSTILE), model__license=declared(HOSTILE))
    body = text.split("---\n", 2)[2]
    assert "<script" not in body and "[link](" not in body and "![x]" not in body
    assert "https://evil" not in body
    assert not re.search(r"^# Heading", body, re.M)
    assert "{{" not in body.replace("\\{\\{", "")
    rows = [line for line in body.splitlines() if line.startswith("| Intended use")]
    assert len(rows) == 1 and len(re.findall(r"(?<!\\)\|", rows[0])) == 4


def test_hostile_text_in_the_command_cannot_leave_its_block(
    finished: tuple[RunRecord, Path], render: Callable[..., str]
) -> None:
    model = msgspec.structs.replace(finished[0].model, requested="x```\n<b>")
    text = render(msgspec.structs.replace(finished[0], model=model))
    assert text.split("---\n", 2)[2].count("```") == 2


def test_every_number_of_the_results_is_in_the_record(
    finished: tuple[RunRecord, Path], render: Callable[..., str]
) -> None:
    record = finished[0]
    tables = re.findall(r"^\| [^|]+\| [^|]*\[[^|]+\].*$", render(), re.M)
    assert tables
    known = json.dumps(msgspec.to_builtins([record.probes, record.calibrations]))
    rounded = {f"{float(number):.3f}" for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?|\d+", known)}
    for row in tables:
        for number in re.findall(r"(?<![\w.])-?\d+\.\d{3}(?![\w.])", row):
            assert number in rounded, row


def test_every_metric_shows_value_interval_denominators_and_scorer(
    finished: tuple[RunRecord, Path], render: Callable[..., str]
) -> None:
    text = render()
    for probe in finished[0].probes:
        for metric in probe.metrics:
            if isinstance(metric, Metric) and not metric.slice:
                name = escape(metric.key.name)
                row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
                cells = [cell.strip() for cell in row.split("|")[1:-1]]
                low, high = metric.interval.low, metric.interval.high
                assert cells[1] == escape(f"{metric.value:.3f} [{low:.3f}, {high:.3f}]")
                assert cells[3:5] == [str(metric.n), str(metric.n_unscored)]
                assert cells[5] == metric.interval.method
                assert f"Scored by {metric.scorer.name} {metric.scorer.version}." in text


def test_no_completion_of_the_model_is_in_the_card(
    finished: tuple[RunRecord, Path], render: Callable[..., str]
) -> None:
    record, folder = finished
    text = render()
    probe = next(probe for probe in record.probes if probe.kind == "generation")
    for line in (folder / probe.samples_file.path).read_text(encoding="utf-8").splitlines():
        for question in json.loads(line)["questions"]:
            for request in question["requests"]:
                said = request["output"].get("text", "").strip()
                assert len(said) < 4 or said not in text


def test_the_word_compliant_is_never_printed(render: Callable[..., str]) -> None:
    assert "compliant" not in render().lower()


def test_a_hole_in_a_template_is_an_error(
    finished: tuple[RunRecord, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model_cards" / "templates"
    folder.mkdir(parents=True)
    (folder / "model_card.md.j2").write_text("{{ card.no_such_field }}")
    card = build_card(finished[0], {})
    verdict = judge(finished[0], card, policies.load("baseline"))
    monkeypatch.setattr("auditor.resources.root", lambda: tmp_path)
    with pytest.raises(TemplateError, match=r"model_card.md.j2, line 1.*no_such_field"):
        markdown.render(with_verdicts(card, verdict))


def test_a_finding_tells_the_figures_of_the_card_that_it_stands_in(
    render: Callable[..., str], finished: tuple[RunRecord, Path]
) -> None:
    for value in (0.125, 0.25):
        probes = msgspec.to_builtins(finished[0].probes)
        for metric in (metric for probe in probes for metric in probe["metrics"] if metric["status"] == "measured"):
            metric["value"] = value
        record = msgspec.structs.replace(finished[0], probes=msgspec.convert(probes, tuple[ProbeResult, ...]))
        told = re.findall(r"^- \*\*(?:FAIL|INCONCLUSIVE)\*\*.*?: (\d\.\d{3}) \[", render(record), re.MULTILINE)
        assert set(told) == {f"{value:.3f}"}


def test_control_characters_and_direction_marks_are_taken_out() -> None:
    assert escape("a\x1b[31mb\u202ec\u2028d") == "a \\[31mb c d"


@given(st.text(alphabet=st.sampled_from("ab1 _*`[]()!#+-|~\\\\:/.<>&{}\"'^$=@\n\té"), max_size=40))
@example("[a](b) ![c](d) <https://e> __f__ g_h_i _j_ k__l__ [1, 2](m) [1, 2][n] ~~o~~ https://p.q www.r.s")
@example("+ a")
@example("1) a")
@example("---")
@example("[1, 2]: b")
def test_whatever_is_escaped_is_shown_as_it_is_and_is_no_markup(text: str) -> None:
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["strikethrough", "table"])
    wanted = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    shown = parser.render(f"| a | b |\n|---|---|\n| {escape(text)} | c |\n").replace("&quot;", '"')
    cells = re.findall(r"<td>(.*?)</td>", shown, re.DOTALL)
    assert len(cells) == 2 and "<" not in cells[0]
    assert " ".join(html.unescape(cells[0]).split()) == wanted
    item = parser.render(f"- {escape(text.strip())}\n")
    assert len(re.findall(r"<[a-z]", item)) == 2, item
    assert " ".join(html.unescape(re.sub(r"</?(ul|li)>", "", item)).split()) == wanted


def test_text_that_is_no_markup_stays_readable_in_the_source() -> None:
    for plain in ("Q4_1", "toxicity_rate (n=12)", "0.5 [0.4, 0.6]", "12:00+00:00", "Mind!", "-0.1 [-0.2, 1e-05]"):
        assert escape(plain) == plain
