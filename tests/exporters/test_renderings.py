"""Every rendering follows from card.json alone, tells its readers no more than they may know, holds no placeholder."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from auditor import policies, registry, renderings, schema
from auditor.card import build_card, with_verdicts
from auditor.errors import CardError, TemplateError, UsageError
from auditor.exporters import hub, readers, templates
from auditor.exporters.markup import MARKDOWN
from auditor.exporters.summary import plainly, share
from auditor.exporters.words import told
from auditor.judge import judge
from auditor.provenance.facts import AUDIENCES, catalogue
from auditor.provenance.licences import HUB_LICENCES, to_spdx
from auditor.types import (
    Card,
    Exchange,
    Fact,
    Gap,
    GroupMean,
    Interval,
    Metric,
    RunRecord,
)

HOSTILE = (
    "<script>alert(1)</script> | **bold** [link](https://evil.example) `code` \n\n# Heading ![x](y) {{ 7 * 7 }} {% x %}"
    " \x1b[31mred\x1b[0m \u202egnp.exe\u2066 ---\nkey: !!python/object:os.system --> <!-- </details></td>"
)
PLACEHOLDERS = ("More Information Needed", "TODO", "TBD", "N/A", "{{", "}}", "{%", "None", "lorem", "Undefined")
FORMS: dict[str, str] = {f"mdf-{audience}": audience for audience in AUDIENCES}
PARAMETERS = ("134515008", "134,515,008")
Make = Callable[..., Card]


def said(value: Any, **more: Any) -> Fact:
    return Fact(status="declared", value=value, source="declared by us on 2026-11-01", **more)


@pytest.fixture(scope="module")
def make(finished: tuple[RunRecord, Path]) -> Make:
    def card(**declared: Fact) -> Card:
        bare = build_card(finished[0], {key.replace("__", "."): fact for key, fact in declared.items()})
        return with_verdicts(bare, judge(finished[0], bare, policies.load("baseline")))

    return card


@pytest.fixture(scope="module")
def bare(make: Make) -> Card:
    return make()


@pytest.fixture(scope="module")
def full(make: Make) -> Card:
    """A card on which every text that a fact can hold has been declared, each by its own words."""
    facts: dict[str, Fact] = {}
    for number, (key, kind) in enumerate(catalogue().items()):
        if kind.schema == {"type": "string", "minLength": 1}:
            facts[key.replace(".", "__")] = said(f"{kind.label}, told as number {1000 + number} of all.")
    facts |= {
        "model__parameters": said(134_515_008),
        "training__compute_flop": said(1.62e21),
        "training__energy_mwh": said(123.4),
        "compute__training_days": said(41.5),
        "data__size": said([{"modality": "text", "amount": 2_345_000_000_000, "unit": "tokens"}]),
    }
    return make(**facts)


def test_every_rendering_is_the_same_from_the_card_made_and_the_card_read(full: Card) -> None:
    read = msgspec.convert(json.loads(schema.canonical_json(full)), Card)
    for name in renderings.names():
        assert renderings.render(full, name) == renderings.render(read, name), name


@pytest.mark.parametrize("name", [name for name in registry.RENDERINGS if name not in {"json", "eval-results"}])
def test_no_rendering_holds_a_placeholder_and_an_empty_card_says_what_is_missing(bare: Card, name: str) -> None:
    text = renderings.render(bare, name)
    assert not [word for word in PLACEHOLDERS if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    assert re.search(r"missing|not declared|nobody has said", text)
    assert "compliant" not in text.lower()


def test_each_document_says_which_rendering_of_which_card_it_is(bare: Card) -> None:
    for name in set(renderings.names()) - {"json", "eval-results"}:
        assert f"<!-- auditor: {name}, of the card with sha256 {schema.digest_of(bare)} -->" in renderings.render(
            bare, name
        )


@pytest.mark.parametrize(("name", "audience"), FORMS.items())
def test_a_form_tells_its_readers_exactly_the_facts_that_are_for_them(full: Card, name: str, audience: str) -> None:
    text = renderings.render(full, name).replace("\\", "")
    for key, kind in catalogue().items():
        value = full.facts[key].value
        if kind.mdf and isinstance(value, str) and "told as number" in value:
            assert (value in text) == (audience in kind.audiences), key


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("mdf-ai-office", ["134,515,008", "1.62e+21", "123.4", "41.5"], ["1-500M"]),
        ("mdf-authorities", ["1-500M", "21", "123.4", "1-3 months"], [*PARAMETERS, "1.62e+21", "41.5"]),
        ("mdf-downstream", ["1-500M"], [*PARAMETERS, "1.62e+21", "123.4", "41.5", "1-3 months"]),
        ("mdf-public", ["1-500M"], [*PARAMETERS, "1.62e+21", "123.4", "41.5", "1-3 months"]),
        ("training-summary", ["1B-10T tokens"], ["2345000000000", "2,345,000,000,000", *PARAMETERS]),
    ],
)
def test_where_the_form_asks_for_a_range_the_exact_figure_is_not_told(
    full: Card, name: str, there: list[str], absent: list[str]
) -> None:
    text = renderings.render(full, name).replace("\\", "")
    assert [one for one in there if one not in text] == []
    assert [one for one in absent if one in text] == []


@pytest.mark.parametrize("name", ["mdf-authorities", "mdf-downstream", "mdf-public", "training-summary"])
def test_no_form_but_the_ai_offices_tells_how_many_parameters_were_counted(bare: Card, name: str) -> None:
    count = bare.facts["model.parameters"].value
    text = renderings.render(bare, name)
    assert [one for one in (f"{count}", f"{count:,}", f"{2 * count}") if one in text] == []


def test_the_items_of_the_forms_are_those_of_the_catalogue_in_the_forms_order() -> None:
    for file, item_of in (("mdf.toml", lambda kind: kind.mdf), ("training_summary.toml", lambda kind: kind.summary)):
        listed = [item["id"] for part in templates.data(file)["sections"] for item in part["items"]]
        assert len(listed) == len(set(listed))
        assert set(listed) == {item_of(kind) for kind in catalogue().values()} - {""}
        numbered = [re.split(r"[.]", re.sub(r"[a-z]$", "", one)) for one in listed if one[0].isdigit()]
        keys = [[int(part) for part in one] for one in numbered]
        assert keys == sorted(keys)
    keys = [
        key for part in templates.data("datasheet.toml")["sections"] for item in part["items"] for key in item["facts"]
    ]
    assert set(keys) <= set(catalogue())
    assert len(templates.data("datasheet.toml")["sections"]) == 7


def test_a_fact_that_another_fact_repeats_is_a_leak_and_no_document_is_made(make: Make) -> None:
    card = make(training__energy_mwh=said(123.4), use__intended=said("Made with 123.4 MWh, for everybody."))
    with pytest.raises(CardError, match=r"mdf-ai-office|mdf-public.*training\.energy_mwh") as caught:
        renderings.render(leaking(card), "mdf-public")
    assert "123.4" not in caught.value.message


@pytest.mark.parametrize(
    "value", ["the seven warehouses", ["a", "the seven warehouses"], [{"name": "the seven warehouses"}]]
)
def test_a_leak_is_found_wherever_in_a_value_it_lies(make: Make, value: object) -> None:
    card = make(
        training__hardware=said(value, audiences=("ai-office",)), use__intended=said("In the seven warehouses.")
    )
    shown = readers.cut(card, "public")
    assert "training.hardware" not in shown.facts
    telling = "It stands in the seven warehouses."
    with pytest.raises(CardError, match=r"x would tell what training\.hardware says"):
        readers.check(card, replace(shown, facts={}), telling, MARKDOWN, name="x")
    assert readers.check(card, shown, telling, MARKDOWN, name="x") == telling


@pytest.mark.parametrize(
    ("value", "text", "leaks"),
    [
        (123, "It took 123 days.", True),
        (12, "It took 12 days.", False),
        (1234567.0, "It took 1234567 hours.", True),
        (1234567, "It took 1,234,567 hours.", True),
        (1234567, "It took 11,234,567 hours.", False),
        ("12 letters!!", "It says 12 letters!!", True),
        ("11 letters!", "It says 11 letters!", False),
        (True, "It is True.", False),
    ],
)
def test_what_stands_in_any_text_by_chance_is_no_leak(make: Make, value: object, text: str, leaks: bool) -> None:
    card = make(training__hardware=said(value, audiences=("ai-office",)))
    shown = readers.cut(card, "public")
    with pytest.raises(CardError) if leaks else contextlib.nullcontext():
        readers.check(card, shown, text, MARKDOWN, name="x")


def test_a_finding_about_a_fact_that_was_cut_out_keeps_its_words_from_those_readers(make: Make) -> None:
    card = make(training__hardware=said("a hall", audiences=("ai-office",)))
    (verdict,) = card.verdicts
    first, *others = verdict.findings
    about = replace(first, message="not documented: training.hardware: 'a hall' is too short")
    card = replace(card, verdicts=(replace(verdict, findings=(about, *others)),))
    assert readers.cut(card, "ai-office").verdicts[0].findings[0].message == about.message
    told = [one.message for one in readers.cut(card, "public").verdicts[0].findings]
    assert told == ["not for the readers of this document", *(one.message for one in others)]


def leaking(card: Card) -> Card:
    """Return a card whose verdict, which is no fact, repeats what one reader alone may know."""
    told = replace(card.facts["use.intended"], value="For everybody.", source="declared by us; 123.4 MWh it took")
    return replace(card, facts={**card.facts, "use.intended": told})


def test_a_fact_for_named_readers_stands_in_no_other_document(make: Make) -> None:
    secret = said("Only the AI Office may read of the seven warehouses.", audiences=("ai-office",))
    card = make(use__intended=secret)
    for name in set(renderings.names()) - {"json", "mdf-ai-office"}:
        assert "warehouses" not in renderings.render(card, name), name
    assert "warehouses" in renderings.render(card, "mdf-ai-office")
    assert "Not for the readers of this document*: Intended use." in renderings.render(card, "markdown")


@pytest.mark.parametrize("name", [name for name in registry.RENDERINGS if name not in {"json", "eval-results", "html"}])
def test_hostile_text_stays_text_in_every_markdown(make: Make, name: str) -> None:
    text = renderings.render(make(**hostile_facts()), name)
    body = text.split("---\n", 2)[2] if text.startswith("---") else text
    assert "<script" not in body and "[link](" not in body and "![x]" not in body and "://evil" not in body
    assert "\x1b" not in body and "\u202e" not in body and "\u2066" not in body
    assert body.count("<!--") == 1 and body.count("</details>") == body.count("<details>")
    assert not re.search(r"^# Heading", body, re.M)
    for line in body.splitlines():
        if line.startswith("|") and "bold" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) in {4, 7}, line  # facts have three columns, findings six
    outside = re.sub(r"\\.", "", body)
    assert "`code`" not in outside and "{{" not in outside


def hostile_facts() -> dict[str, Fact]:
    texts = {
        key.replace(".", "__"): said(HOSTILE)
        for key, kind in catalogue().items()
        if kind.schema == {"type": "string", "minLength": 1}
    }
    reason = Fact(status="withheld", reason=HOSTILE, source=HOSTILE)
    return texts | {"training__tokens": reason, "training__datasets": said([HOSTILE, {"name": HOSTILE}])}


class Reader(HTMLParser):
    """Collects a document's elements, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.comments = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def test_the_html_is_one_file_without_script_or_address_and_hostile_text_stays_text(make: Make) -> None:
    page = renderings.render(make(**hostile_facts()), "html")
    reader = Reader()
    reader.feed(page)
    assert reader.open == [] and reader.comments == 1
    assert not {"script", "img", "link", "iframe", "form", "object"} & set(reader.elements)
    assert all(value and value.startswith("#") for name, value in reader.attributes if name == "href")
    drawn = "viewbox x x1 x2 y y1 y2 cx cy r width height aria-hidden"
    told = "lang charset http-equiv content name class scope id href role tabindex aria-label aria-labelledby"
    assert {name for name, _ in reader.attributes} <= {*drawn.split(), *told.split()}
    assert "default-src 'none'" in page and "url(" not in page and "@import" not in page
    assert "<script>alert(1)</script>" in reader.text
    assert "\x1b" not in page and "\u202e" not in page


def test_the_html_holds_what_the_markdown_holds(full: Card) -> None:
    page, text = (renderings.render(full, name) for name in ("html", "markdown"))
    reader = Reader()
    reader.feed(page)
    for key, fact in full.facts.items():
        if isinstance(fact.value, str) and "told as number" in fact.value:
            assert fact.value in reader.text and fact.value in text.replace("\\", ""), key
    for probe in full.probes:
        assert reader.text.count(probe.id) >= 2
    body = text.split("---\n", 2)[2]
    assert set(re.findall(r"`([0-9a-f]{64})`", body)) <= set(re.findall(r"[0-9a-f]{64}", reader.text))
    intervals = re.findall(r"-?\d\.\d{3} \[-?\d\.\d{3}, -?\d\.\d{3}\]", body)
    assert len(intervals) > 15 and [one for one in intervals if one not in reader.text] == []
    for one in (f"numpy {full.environment['numpy']}", "remote code refused", "Lowest by subgroup"):
        assert one in reader.text and one in body, one
    reasons = [finding.rationale for verdict in full.verdicts for finding in verdict.findings]
    assert [one for one in reasons if one not in reader.text] == []


def test_texts_are_shown_only_when_asked_for_and_escaped(bare: Card, finished: tuple[RunRecord, Path]) -> None:
    probe = next(probe for probe in bare.probes if probe.kind == "generation")
    hostile = {probe.id: [Exchange(sample="s1", told=HOSTILE, answered=HOSTILE)]}
    for name in renderings.SHOWING_TEXTS:
        plain, shown = renderings.render(bare, name), renderings.render(bare, name, texts=hostile)
        assert "gnp.exe" not in plain and "gnp.exe" in shown and "<script" not in shown
        assert "They can be harmful" in shown
        assert f"{name}, texts 1, of the card" in shown
    read = renderings.read_texts(bare, finished[1], 2)
    assert {key: len(texts) for key, texts in read.items()} == {probe.id: 2}
    assert read[probe.id][0].told
    with pytest.raises(UsageError, match="summary shows no texts"):
        renderings.render(bare, "summary", texts=hostile)


def test_the_summary_says_in_words_what_was_measured_what_not_and_what_was_decided(full: Card) -> None:
    text = renderings.render(full, "summary").replace("\\", "")
    assert re.search(r"could not know: \d+ of 100 \(could be \d+ to \d+\)", text)
    assert "Not measured: no probe of this family was run." in text
    assert "was found not to be met" in text and "too few to rely on" in text
    assert not re.search(r"_rate|accuracy_|log-likelihood|confidence", text)
    assert full.facts["use.intended"].value in text


def test_the_summary_names_datasets_and_leaves_their_details_to_the_card(make: Make) -> None:
    card = make(training__datasets=said([{"name": "a crawl", "role": "pretraining"}, "org/b"]))
    text = renderings.render(card, "summary")
    assert "**Trained on:** a crawl, org/b\n" in text and "pretraining" not in text


def test_a_share_in_words_is_rounded_outwards_and_a_lean_needs_its_whole_interval(bare: Card) -> None:
    metric = next(
        m for p in bare.probes for m in p.metrics if isinstance(m, Metric) and m.key.name == "accuracy_ambiguous"
    )
    interval = Interval(low=0.1949, high=0.2801, level=0.95, method="given")
    assert share(replace(metric, value=0.234, interval=interval)) == "23 of 100 (could be 19 to 29)"
    lean = replace(metric, key=replace(metric.key, name="bias_ambiguous"))
    probe = next(probe for probe in bare.probes if metric in probe.metrics)

    def told(low: float, high: float) -> str:
        moved = replace(lean, value=(low + high) / 2, interval=replace(interval, low=low, high=high))
        return plainly(replace(probe, metrics=(moved,)))[0]

    assert "leaned towards stereotypes" in told(0.1, 0.3)
    assert "leaned away from stereotypes" in told(-0.3, -0.1)
    assert "neither way" in told(-0.1, 0.3)


def test_a_gap_names_the_two_groups_that_differ_most_in_plain_words(bare: Card) -> None:
    metric = next(m for p in bare.probes for m in p.metrics if isinstance(m, Metric) and not m.slice)
    ends = [GroupMean(group=name, value=value, n=12) for name, value in (("old_owls", 0.5), ("young_owls", 0.25))]
    gap = Gap(of="toxicity_rate", field="of", highest=ends[0], lowest=ends[1], n_groups=3, least_n=12, most_unscored=0)
    interval = Interval(low=0.1, high=0.4, level=0.95, method="given")
    named = replace(metric.key, name="toxicity_rate_gap_by_of")
    probe = replace(bare.probes[0], metrics=(replace(metric, key=named, value=0.25, interval=interval, gap=gap),))
    (told,) = plainly(probe)
    assert told.endswith(
        "most often for old owls (12 samples) and least for young owls (12 samples); the two differ by 25 of 100 "
        "(could be 10 to 40)."
    )


def test_an_amount_is_told_as_the_number_that_it_is() -> None:
    assert told([{"modality": "text", "amount": 2e12}]) == "text (2,000,000,000,000)" and told(0.5) == "0.5"
    assert told(9999) == "9999" and told(-134_515_008) == "-134,515,008" and told(1.62e21) == "1.62e+21"


def test_every_section_says_for_whom_it_is(bare: Card) -> None:
    told = templates.data("readers.toml")
    assert {key.partition(".")[0] for key in catalogue()} <= set(told["sections"])
    text = renderings.render(bare, "markdown")
    headings = re.findall(r"^## .*\n\n(.*)", text, re.M)
    assert headings and all(line.startswith("*For ") for line in headings)


def test_huggingface_hub_reads_every_result_with_its_own_source(make: Make) -> None:
    from huggingface_hub import ModelCard

    card = make(validation__results_report=said("https://example.org/report"), model__languages=said(["no", "en"]))
    read = ModelCard(renderings.render(card, "markdown"))
    assert read.data.language == ["no", "en"]
    again = ModelCard(str(read))
    wanted = {(p.id, m.key.name) for p in card.probes for m in p.metrics if isinstance(m, Metric) and not m.slice}
    for loaded in (read, again):
        found = {(r.dataset_config, r.metric_type): r for r in loaded.data.eval_results}
        assert set(found) == wanted
        for (probe_id, name), result in found.items():
            metric = next(
                metric for p in card.probes for metric in p.metrics if metric.address(p.id) == f"{probe_id}:{name}"
            )
            assert result.metric_args["n"] == metric.n and result.metric_args["n_unscored"] == metric.n_unscored
            assert result.metric_args["interval"] == [metric.interval.low, metric.interval.high]
            assert result.source_url == "https://example.org/report"
            assert probe_id in result.source_name and card.record_digest in result.source_name


@pytest.mark.parametrize(
    ("name", "licence", "other"),
    [
        ("Apache-2.0", "apache-2.0", ""),
        ("GPL-3.0-only", "gpl-3.0", ""),
        ("AGPL-3.0-only", "agpl-3.0", ""),
        ("LGPL-2.1-only", "lgpl-2.1", ""),
        ("ODC-By-1.0", "odc-by", ""),
        ("GPL-2.0-or-later", "other", "gpl-2.0-or-later"),
        ("LicenseRef-my-1.0", "other", "my-1.0"),
        ("MIT OR Apache-2.0", "other", "mit or apache-2.0"),
    ],
)
def test_licences_are_named_as_the_hub_names_them(name: str, licence: str, other: str) -> None:
    assert hub.hub_licence(name) == (licence, other)


def test_every_licence_of_the_hub_that_spdx_knows_comes_back_from_its_spelling() -> None:
    known = {name: to_spdx(name) for name in HUB_LICENCES}
    named = {name: spdx for name, spdx in known.items() if spdx and not spdx.startswith("LicenseRef-")}
    assert len(named) > 40
    assert {name: hub.hub_licence(spdx) for name, spdx in named.items()} == {name: (name, "") for name in named}


def test_a_relation_to_a_base_model_is_told_only_beside_it(make: Make) -> None:
    relation = {"model__base_model_relation": said("quantized")}
    assert "base_model_relation" not in hub.front_matter(make(**relation))
    head = hub.front_matter(make(model__base_model=said("org/base"), **relation))
    assert (head["base_model"], head["base_model_relation"]) == ("org/base", "quantized")


def test_results_go_to_the_hubs_leaderboards_only_for_benchmarks_that_it_has_registered(
    bare: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yaml
    from huggingface_hub import parse_eval_result_entries

    assert yaml.safe_load(renderings.render(bare, "eval-results")) == []
    probe = bare.probes[0]
    metric = next(metric for metric in probe.metrics if isinstance(metric, Metric) and not metric.slice)
    known = {
        "checked_on": "2026-11-25",
        "benchmarks": [{"dataset": "org/data", "task_id": "one", "metric": f"{probe.id}:{metric.key.name}"}],
    }
    monkeypatch.setattr(templates, "data", lambda name: known)
    assert yaml.safe_load(hub.eval_results(bare)) == []  # a partial run is none of the benchmark
    whole = replace(bare, probes=(replace(probe, n_selected=probe.n_items),))
    rows = yaml.safe_load(hub.eval_results(whole))
    entries = parse_eval_result_entries(rows)
    assert [(entry.dataset_id, entry.task_id, entry.value) for entry in entries] == [("org/data", "one", metric.value)]
    assert rows[0]["date"] == whole.clocks.started_at.partition("T")[0]
    assert f"n={metric.n}, record {whole.record_digest}" in rows[0]["notes"]
    splits = [hub.front_matter(card)["model-index"][0]["results"][0]["dataset"]["split"] for card in (bare, whole)]
    assert splits == [f"partial, {probe.n_selected} of {probe.n_items}", "all"]
    assert "refuses results on others" in hub.eval_results(bare)
    sourced = replace(whole, model=replace(whole.model, repository="org/model", revision="a" * 40))
    (row,) = yaml.safe_load(hub.eval_results(sourced))
    assert row["source"]["url"] == f"https://huggingface.co/org/model/tree/{'a' * 40}"
    assert whole.record_digest in row["source"]["name"]
    assert parse_eval_result_entries([row])[0].source_url == row["source"]["url"]


@pytest.mark.parametrize(
    ("template", "line", "words"),
    [
        ("# {{ name }}\n\n{{ card.no_such_field }}\n", 3, "no_such_field"),
        ("{% for x in card.probes %}\n{{ x.titel }}{% endfor %}", 2, "titel"),
        ("{{ nothing_here }}", 1, "'nothing_here' is undefined"),
        ("one\n{% if %}", 2, "Expected an expression"),
        ("{{ card.__class__.__mro__ }}", 1, "unsafe"),
        ("{{ 1 / 0 }}", 1, "division"),
        ("{% include 'model_card.md.j2' %}", 1, "model_card.md.j2"),
    ],
)
def test_a_users_template_with_a_hole_is_one_error_that_names_its_line(
    bare: Card, tmp_path: Path, template: str, line: int, words: str
) -> None:
    path = tmp_path / "mine.md.j2"
    path.write_text(template, encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        renderings.render(bare, "markdown", template=path)
    assert f"the template mine.md.j2, line {line}: " in caught.value.message and words in caught.value.message
    assert "a template is given absent_roles, audience, backend, card," in caught.value.hint


def test_a_users_template_is_filled_and_escaped_by_its_markup(make: Make, tmp_path: Path) -> None:
    card = make(model__name=said(HOSTILE))
    for suffix, opened in ((".md.j2", "&lt;script&gt;"), (".html.j2", "&lt;script&gt;")):
        path = tmp_path / f"mine{suffix}"
        path.write_text("Of {{ name }}: {{ card.probes | length }}", encoding="utf-8")
        text = renderings.render(card, "markdown", template=path)
        assert opened in text and "<script" not in text and text.endswith(f": {len(card.probes)}")
    with pytest.raises(TemplateError, match="cannot read the template"):
        renderings.render(card, "markdown", template=tmp_path / "absent.j2")


def test_a_users_template_that_sets_another_card_still_tells_findings_of_this_one(bare: Card, tmp_path: Path) -> None:
    template = tmp_path / "mine.md.j2"
    loop = "{% for finding in verdict.findings %}{{ finding | finding }}{% endfor %}"
    texts = []
    for other in ("", "{% set card = 5 %}"):
        template.write_text("{% set verdict = card.verdicts[0] %}" + other + loop, encoding="utf-8")
        texts.append(renderings.render(bare, "markdown", template=template))
    assert texts[0] == texts[1] != ""
