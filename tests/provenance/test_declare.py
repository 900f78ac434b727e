"""Declared facts: what each kind of leaf becomes, and every fault of a file with its place."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import schema
from auditor.errors import ProvenanceError
from auditor.provenance.declare import load_declared
from auditor.provenance.facts import name_of
from auditor.types import Evidence, Fact

HEAD = 'by = "Example Ltd"\ndate = 2025-06-30\n'
SAID = "declared by Example Ltd on 2025-06-30"
EVIDENCE = Evidence(kind="declaration", by="Example Ltd", date="2025-06-30")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "provenance.toml"


def declared(file: Path, text: str) -> dict[str, Fact]:
    file.write_text(text, encoding="utf-8")
    return load_declared(file)


def faults(file: Path, text: str) -> list[str]:
    """Return the lines of the error that a file gives, without the first."""
    with pytest.raises(ProvenanceError) as caught:
        declared(file, text)
    first, *lines = caught.value.message.splitlines()
    assert str(file) in first
    if lines:
        assert first.endswith(f"has {len(lines)} fault{'s' if len(lines) > 1 else ''}:")
    return [line.strip() for line in lines]


def test_a_plain_value_is_declared_with_who_said_so_and_when(file: Path) -> None:
    assert declared(
        file, HEAD + '[model]\nname = "Tiny"\nlanguages = ["en", "sv"]\n[training]\ncompute_flop = 3e24'
    ) == {
        "model.name": Fact(status="declared", value="Tiny", source=SAID, evidence=(EVIDENCE,)),
        "model.languages": Fact(status="declared", value=["en", "sv"], source=SAID, evidence=(EVIDENCE,)),
        "training.compute_flop": Fact(status="declared", value=3e24, source=SAID, evidence=(EVIDENCE,)),
    }


def test_what_a_person_points_to_stands_in_source_and_evidence(file: Path) -> None:
    leaf = '[model]\nlicense = { value = "mit", evidence = "LICENSE, line 1" }'
    assert declared(file, HEAD + leaf) == {
        "model.license": Fact(
            status="declared",
            value="mit",
            source=f"{SAID}; evidence: LICENSE, line 1",
            evidence=(msgspec.structs.replace(EVIDENCE, text="LICENSE, line 1"),),
        )
    }


def test_the_only_readers_of_a_fact_are_kept_with_it(file: Path) -> None:
    facts = declared(file, HEAD + '[model]\nname = "x"\ncontact = { value = "y", audiences = ["ai-office"] }')
    assert facts["model.contact"].audiences == ("ai-office",) and facts["model.name"].audiences == ()


def test_a_dataset_is_a_name_or_a_table_of_what_is_known_of_it(file: Path) -> None:
    table = '{ name = "org/data", license = "odc-by", role = "pretraining", collected_to = "2024-06" }'
    fact = declared(file, HEAD + f'[training]\ndatasets = ["a crawl", {table}]')["training.datasets"]
    assert [name_of(entry) for entry in fact.value] == ["a crawl", "org/data"]
    assert fact.value[1]["collected_to"] == "2024-06"


def test_withheld_and_not_applicable_carry_their_reason_and_no_value(file: Path) -> None:
    text = '[training]\nprocedure = { withheld = "a trade secret" }\ndatasets = { not_applicable = "never trained" }'
    assert declared(file, HEAD + text) == {
        "training.procedure": Fact(status="withheld", source=SAID, reason="a trade secret", evidence=(EVIDENCE,)),
        "training.datasets": Fact(status="not_applicable", source=SAID, reason="never trained", evidence=(EVIDENCE,)),
    }


def test_a_date_may_be_written_as_a_toml_date_or_as_text(file: Path) -> None:
    text = '[model]\nrelease_date = { value = 2025-01-31 }\n[training]\nknowledge_cutoff = "2024-12"'
    facts = declared(file, HEAD.replace("2025-06-30", '"2025-06-30"') + text)
    assert facts["model.release_date"] == Fact(status="declared", value="2025-01-31", source=SAID, evidence=(EVIDENCE,))
    assert facts["training.knowledge_cutoff"].value == "2024-12"


def test_a_file_without_facts_declares_nothing(file: Path) -> None:
    assert declared(file, HEAD + "[model]\n") == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[modell]\n", "$: unknown key 'modell' (did you mean model?)"),
        ('[model]\nlicence = "mit"', "$.model: unknown key 'licence' (did you mean license?)"),
        ('[use]\nintented = { withheld = "no" }', "$.use.intented: unknown fact (did you mean use.intended or "),
        (
            '[model]\nname = { value = "x", withheld = "y" }',
            "$.model.name: expected exactly one of value, withheld, not_applicable",
        ),
        (
            '[model]\nname = { evidence = "y" }',
            "$.model.name: expected exactly one of value, withheld, not_applicable",
        ),
        ('[model]\nname = { value = "x", reason = "y" }', "$.model.name: unknown key 'reason' (known: "),
        ('[model]\nname = { withheld = "" }', "$.model.name: withheld and not_applicable need a reason, got ''"),
        ('[model]\nname = { withheld = " " }', "$.model.name: withheld and not_applicable need a reason, got ' '"),
        ("[model]\nname = { withheld = true }", "$.model.name: withheld and not_applicable need a reason, got True"),
        ("[model]\nname = { not_applicable = 0 }", "$.model.name: withheld and not_applicable need a reason, got 0"),
        ('[model]\nname = { value = "x", evidence = 5 }', "$.model.name.evidence: expected a text, got 5"),
        ('[model]\nname = { withheld = "x", evidence = "" }', "$.model.name.evidence: expected a text, got ''"),
        ("[model]\nname = 5", "$.model.name: 5 is not of type 'string'"),
        ('[model]\nname = ""', "$.model.name: '' should be non-empty"),
        ('[model]\nlanguages = "en"', "$.model.languages: 'en' is not of type 'array'"),
        ('[model]\nlanguages = ["en", "English"]', "$.model.languages[1]: 'English' does not match '^[a-z]{2,3}$'"),
        ('[model]\nrelease_date = "soon"', "$.model.release_date: 'soon' is not a 'date'"),
        ('[model]\nrelease_date = "2025-02-30"', "$.model.release_date: '2025-02-30' is not a 'date'"),
        ('[model]\nrelease_date = "20250228"', "$.model.release_date: '20250228' is not a 'date'"),
        ("[model]\nrelease_date = 2025-02-28T12:00:00", "$.model.release_date: '2025-02-28T12:00:00' is not a 'date'"),
        (
            '[training]\nknowledge_cutoff = "2024-13"',
            "$.training.knowledge_cutoff: '2024-13' is not a month that exists",
        ),
        ('[training]\nknowledge_cutoff = "2024-02-30"', "$.training.knowledge_cutoff: '2024-02-30' is not a 'date'"),
        (
            '[training]\nknowledge_cutoff = "in 2024"',
            "$.training.knowledge_cutoff: 'in 2024' is not a month that exists",
        ),
        ("[training]\ncompute_flop = nan", "$.training.compute_flop: nan is not of type 'number'"),
        ("[training]\nenergy_mwh = inf", "$.training.energy_mwh: inf is not of type 'number'"),
        ("[model]\nparameters = 1.5", "$.model.parameters: 1.5 is not of type 'integer'"),
        ('[training]\ndatasets = [{ licence = "mit" }]', "$.training.datasets[0]: 'name' is a required property"),
        (
            '[training]\ndatasets = [{ name = "x", licence = "mit" }]',
            "$.training.datasets[0]: unknown key 'licence' (did you mean license?)",
        ),
        (
            '[distribution]\nassets = [{ component = "code", access = "open" }]',
            "$.distribution.assets[0].component: 'code' is not one of [",
        ),
        (
            '[data]\nsize_range = [{ modality = "text", bin = "large" }]',
            "$.data.size_range[0].bin: 'large' is not one of ['<1B tokens'",
        ),
        ("[model]\nparameters = true", "$.model.parameters: True is not of type 'integer'"),
        (
            '[model]\nname = { value = "x", audiences = ["publc"] }',
            "$.model.name.audiences: unknown audience 'publc' (did you mean public?)",
        ),
        ('[model]\nname = { value = "x", audiences = [] }', "$.model.name.audiences: expected a list of ai-office, "),
        ('[model]\nname = { value = "x", audiences = "public" }', "$.model.name.audiences: expected a list of "),
    ],
)
def test_each_fault_is_named_with_its_place(file: Path, text: str, fault: str) -> None:
    found = faults(file, HEAD + text)
    assert any(line.startswith(fault) for line in found), found


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ("date = 2025-06-30", "$: 'by' is a required property"),
        ('by = "x"', "$: 'date' is a required property"),
        ('by = ""\ndate = 2025-06-30', "$.by: '' should be non-empty"),
        (
            'by = "x"\ndate = "2025-06-31"',
            "$.date: '2025-06-31' is not a 'date': write a day that exists as YYYY-MM-DD",
        ),
        ('by = "x"\ndate = 20250630', "$.date: 20250630 is not of type 'string'"),
        ('by = "x"\ndate = 2025-06-30\nmodel = "y"', "$.model: 'y' is not of type 'object'"),
        ('date = 2025-06-30\n[by]\nname = "x"', "$.by: {'name': 'x'} is not of type 'string'"),
    ],
)
def test_who_declares_and_when_are_needed(file: Path, head: str, fault: str) -> None:
    assert fault in faults(file, head)


def test_all_faults_are_named_at_once(file: Path) -> None:
    text = (
        'date = "2025-06-31"\n'
        '[model]\nname = 5\nlicence = "mit"\nlanguages = "en"\ncontact = { withheld = "" }\n'
        '[trainin]\nprocedure = "x"\n'
    )
    found = faults(file, text)
    places = {line.partition(":")[0] for line in found}
    assert places == {"$", "$.date", "$.model", "$.model.name", "$.model.languages", "$.model.contact"}
    assert len(found) == 7  # `by` is missing and `trainin` unknown, both at `$`


def test_what_is_not_toml_is_said_to_be_so(file: Path) -> None:
    with pytest.raises(ProvenanceError, match=r"provenance\.toml is not TOML: .*line 1"):
        declared(file, "by = Example Ltd")


def test_what_is_not_utf8_is_said_to_be_so(file: Path) -> None:
    file.write_bytes(b'by = "\xff"')
    with pytest.raises(ProvenanceError, match="is not UTF-8: byte 6"):
        load_declared(file)


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(ProvenanceError, match=r"cannot read .*provenance\.toml: No such file"):
        load_declared(file)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(alphabet=st.sampled_from('[]{}="\n., abmodelname-0123:TZ#\\'), max_size=60))
def test_any_text_gives_facts_that_can_be_written_down_or_an_error_of_ours(file: Path, text: str) -> None:
    try:
        facts = declared(file, HEAD + text)
    except ProvenanceError:
        return
    schema.canonical_json(facts)


@pytest.mark.parametrize(
    "text",
    [
        'name = "  "',
        'name = "…"',
        'name = "..."',
        'languages = ["en"]\npublic_versions = [" "]',
        '[training]\ndatasets = [{ name = "x", version = " " }]',
    ],
)
def test_a_text_of_spaces_or_dots_says_nothing(file: Path, text: str) -> None:
    assert "a text of spaces or dots says nothing" in "\n".join(faults(file, f"{HEAD}[model]\n{text}\n"))
