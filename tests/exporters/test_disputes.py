"""What is contradicted is stated as a fact in no document and in no format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from auditor import policies, registry, renderings, schema
from auditor.card import build_card, with_verdicts
from auditor.exporters import cyclonedx, facts, spdx3
from auditor.judge import judge
from auditor.types import Card, Evidence, Fact, Material, RunRecord

RECORD = Path(__file__).parents[2] / "model_cards" / "examples" / "smollm2" / "record.json"
SAYING = [name for name in registry.RENDERINGS if name not in {"json", "eval-results"}]


def declared(value: Any) -> Fact:
    told = Evidence(kind="declaration", by="us", date="2026-11-01")
    return Fact(status="declared", value=value, source="declared by us on 2026-11-01", evidence=(told,))


DECLARED = {
    "model.provider": declared("Example Ltd"),
    "model.license": declared("mit"),
    "model.languages": declared(["sv", "fi"]),
    "model.parameters": declared(7_000_000_000),
    "use.intended": declared("Tests."),
}


@pytest.fixture(scope="module")
def record() -> RunRecord:
    return schema.convert(schema.strict_json(RECORD.read_text(encoding="utf-8")), RunRecord, where="r", error=Exception)


@pytest.fixture(scope="module")
def card(record: RunRecord) -> Card:
    bare = build_card(record, DECLARED)
    assert set(bare.contradictions) == set(DECLARED) - {"use.intended"}
    return with_verdicts(bare, judge(record, bare, policies.load("baseline")))


@pytest.mark.parametrize("name", SAYING)
def test_a_provider_whom_the_files_contradict_is_named_on_no_line_that_does_not_say_so(card: Card, name: str) -> None:
    lines = [line for line in renderings.render(card, name).splitlines() if "Example Ltd" in line]
    assert lines
    assert [line for line in lines if "disputed" not in line and "HuggingFaceTB" not in line] == []
    marked = [line for line in lines if "**disputed**" in line or "<strong>disputed</strong>" in line]
    assert marked


@pytest.mark.parametrize("name", ["summary", "markdown", "html", "mdf-public", "datasheet"])
def test_a_document_lists_the_contradictions(card: Card, name: str) -> None:
    text = renderings.render(card, name)
    listed = text[text.index("cannot all be true") :].splitlines()
    wanted = (
        ("Provider", "Licence", "Languages", "Parameters") if name in {"summary", "markdown", "html"} else ("Provider",)
    )
    for label in wanted:
        assert any(label in line and "declared" in line and ", but " in line for line in listed), label


def test_the_hub_is_told_nothing_that_is_disputed(card: Card, record: RunRecord) -> None:
    def head(found: Card) -> dict[str, Any]:
        read = yaml.safe_load(renderings.render(found, "markdown").split("---\n")[1])
        assert isinstance(read, dict)
        return read

    agreed = head(build_card(record, {"model.license": declared("Apache-2.0"), "model.languages": declared(["en"])}))
    assert (agreed["license"], agreed["language"]) == ("apache-2.0", ["en"])
    assert not {"license", "language"} & set(head(card))
    assert head(card)["library_name"] == "transformers"


def test_what_follows_from_a_disputed_fact_is_disputed_too(card: Card) -> None:
    [row] = [line for line in renderings.render(card, "markdown").splitlines() if line.startswith("| Size class |")]
    assert "**disputed**: 5B-15B" in row and "it follows from what is disputed: Parameters" in row


def test_a_fact_that_nobody_contradicts_is_not_marked(card: Card) -> None:
    [row] = [line for line in renderings.render(card, "markdown").splitlines() if line.startswith("| Intended use |")]
    assert row == "| Intended use | Tests. | declared |"


def test_a_format_without_a_place_for_doubt_leaves_the_field_out_and_says_why(card: Card, record: RunRecord) -> None:
    material = Material(record=record, card=card, verdicts=card.verdicts, folder=RECORD.parent)
    assert not {"model.provider", "model.license"} & set(facts.settled(card))
    component = cyclonedx.build(material)["metadata"]["component"]
    assert "supplier" not in component and "licenses" not in component
    [told] = [row["value"] for row in component["properties"] if row["name"].endswith(":model.provider")]
    assert told.startswith("disputed: Example Ltd (declared 'Example Ltd', but ")
    [document] = spdx3.export(material)
    assert "disputed: Provider (model.provider)" in document.text
    assert '"Example Ltd"' not in document.text


def test_the_top_of_the_card_counts_what_is_disputed_and_says_it_once(card: Card) -> None:
    body = renderings.render(card, "markdown").split("---\n", 2)[2]
    top = body[: body.index("## The model")]
    assert "- **FAIL** 4 facts disputed, see *Contradictions* below\n" in top
    assert top.count("'Example Ltd'") == 1 and "No contradiction" not in top
    assert "declared 7000000000, but counted when the model was opened: 134515008" in top
    assert "declared 'sv', 'fi', but GGUF metadata, general.languages says 'en'" in top
    assert "Bounds are set by auditor project.\n" in body


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_a_dispute_that_is_not_for_the_readers_is_counted_and_not_told(record: RunRecord, name: str) -> None:
    hidden = replace(declared("Example Ltd"), audiences=("ai-office",))
    bare = build_card(record, {"model.provider": hidden})
    text = renderings.render(with_verdicts(bare, judge(record, bare, policies.load("baseline"))), name)
    assert "1 fact disputed" in text and "Example Ltd" not in text and "#contradictions" not in text
