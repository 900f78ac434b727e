"""What a schema cannot see: units, licences that nobody knows, dates that cannot be."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from auditor.errors import ProvenanceError
from auditor.provenance.checks import amount_faults, unit_faults
from auditor.provenance.declare import load_declared
from auditor.provenance.facts import catalogue

HEAD = 'by = "Example Ltd"\ndate = 2025-06-30\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "provenance.toml"


def faults(file: Path, text: str, head: str = HEAD) -> str:
    file.write_text(head + text, encoding="utf-8")
    with pytest.raises(ProvenanceError) as caught:
        load_declared(file)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[training]\nenergy_mwh = "450 kWh"',
            "$.training.energy_mwh: write a number of MWh without the unit, got 450.0 kWh, which is 0.45 MWh",
        ),
        (
            '[training]\nenergy_mwh = { value = 450, unit = "kWh" }',
            "$.training.energy_mwh: the unit is MWh, got 450 kWh, which is 0.45 MWh",
        ),
        ('[training]\nenergy_mwh = { value = 450, unit = "barrels" }', "the unit is MWh, got 450 barrels"),
        ('[model]\nname = { value = "x", unit = "kg" }', "$.model.name: the unit is none, got 'kg'"),
        ("[training]\nenergy_kwh = 450", "$.training: unknown key 'energy_kwh' (did you mean energy_mwh?)"),
    ],
)
def test_a_wrong_unit_is_named_with_what_it_is_in_the_right_one(file: Path, text: str, fault: str) -> None:
    assert fault in faults(file, text)


ONE = {  # what makes one of each unit
    "MWh": "1000 kWh, 1e6 Wh, 0.001 GWh, 3600 MJ, 3.6 GJ",
    "Wh": "0.001 kWh, 1e-6 MWh, 3600 J, 3.6 kJ",
    "FLOP": "1e-9 GFLOP, 1e-12 TFLOP, 1e-15 PFLOP, 1e-18 EFLOP, 1e-21 ZFLOP",
    "t CO2eq": "1000 kg CO2eq, 1e6 g CO2eq, 1000 kg, 1e6 g, 1 t",
    "m3": "1000 l, 1000 litres",
    "days": "24 hours",
    "bytes": "0.001 kB, 0.001 KB, 1e-6 MB, 1e-9 GB, 1e-12 TB",
    "hours": "60 minutes, 60 min, 1 h",
    "tokens": "0.001 thousand tokens, 1e-6 million tokens, 1e-9 billion tokens, 1e-12 trillion tokens",
}


@pytest.mark.parametrize(("wanted", "given"), [(unit, one) for unit in ONE for one in ONE[unit].split(", ")])
def test_an_amount_in_another_unit_is_told_in_the_right_one(wanted: str, given: str) -> None:
    amount, _, unit = given.partition(" ")
    key = next((kind.key for kind in catalogue().values() if kind.unit == wanted), "data.size")
    leaf = {"value": float(amount), "unit": unit}
    found = [*unit_faults({key: leaf}), *amount_faults({key: {"value": [{"amount": float(amount), "unit": unit}]}})]
    assert found and found[-1].endswith(f", which is 1 {wanted}")


def test_the_right_unit_may_be_said(file: Path) -> None:
    file.write_text(HEAD + '[training]\nenergy_mwh = { value = 0.45, unit = "MWh" }')
    assert load_declared(file)["training.energy_mwh"].value == 0.45


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[model]\nlicense = "apache2"', "$.model.license: 'apache2' is neither an SPDX id"),
        (
            '[training]\ndatasets = ["a", { name = "b", license = "free" }]',
            "$.training.datasets[1].license: 'free' is neither",
        ),
        (
            '[distribution]\nassets = [{ component = "training_code", access = "open", license = "Apache" }]',
            "$.distribution.assets[0].license: 'Apache' is neither",
        ),
    ],
)
def test_a_licence_that_nobody_knows_is_a_fault_with_the_nearest(file: Path, text: str, place: str) -> None:
    message = faults(file, text)
    assert place in message
    assert "one of your own is LicenseRef-NAME" in message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[model]\nrelease_date = 2024-05-01\n[training]\nknowledge_cutoff = "2024-06"',
            "$.model.release_date: 2024-05-01 is before training.knowledge_cutoff, 2024-06",
        ),
        ("[training]\nstarted = 2024-05-02\nended = 2024-05-01", "$.training.ended: 2024-05-01 is before"),
        ('[data]\ncrawled_from = "2024-05"\ncrawled_to = "2024-04"', "$.data.crawled_to: 2024-04 is before"),
        (
            "[model]\nrelease_date = 2024-05-02\nunion_market_release_date = 2024-05-01",
            "$.model.union_market_release_date: 2024-05-01 is before model.release_date",
        ),
        ("[training]\nended = 2025-07-01", "is after the day on which it was declared, 2025-06-30"),
        (
            '[training]\ndatasets = [{ name = "a", collected_from = "2024-05", collected_to = "2024-04" }]',
            "$.training.datasets[0].collected_to: 2024-04 is before collected_from",
        ),
        (
            '[training]\nstages = [{ name = "a", started = "2024-05-02", ended = "2024-05-01" }]',
            "$.training.stages[0].ended: 2024-05-01 is before started",
        ),
        (
            "[maintenance]\nlast_updated = 2025-07-01",
            "$.maintenance.last_updated: 2025-07-01 is after the day on which",
        ),
        (
            '[training]\ndatasets = [{ name = "a", collected_to = "2025-07" }]',
            "$.training.datasets[0].collected_to: 2025-07 is after the day on which it was declared",
        ),
        (
            '[training]\nstages = [{ name = "a", ended = "2025-07-01" }]',
            "$.training.stages[0].ended: 2025-07-01 is after the day on which it was declared",
        ),
        (
            '[maintenance]\nchangelog = ["first", { version = "2", change = "more", date = "2025-07-01" }]',
            "$.maintenance.changelog[1].date: 2025-07-01 is after the day on which it was declared",
        ),
        ('[model]\nname = { value = "x", date = 2999-01-01 }', "$.model.name.date: 2999-01-01 is in the future"),
        ('[model]\nname = { value = "x", date = "soon" }', "$.model.name.date: 'soon' is not a 'date'"),
        ('[model]\nname = { value = "x", by = "" }', "$.model.name.by: '' should be non-empty"),
    ],
)
def test_dates_that_cannot_be_are_faults(file: Path, text: str, fault: str) -> None:
    assert fault in faults(file, text)


def test_nobody_declares_anything_tomorrow(file: Path) -> None:
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=2)
    assert f"$.date: {tomorrow} is in the future" in faults(file, "", head=f'by = "x"\ndate = {tomorrow}\n')


def test_it_may_be_tomorrow_already_where_something_is_declared(file: Path) -> None:
    east = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=13)).date()
    file.write_text(f'by = "x"\ndate = {east}\n')
    assert load_declared(file) == {}


def test_a_release_can_be_announced(file: Path) -> None:
    file.write_text(HEAD + "[model]\nrelease_date = 2999-01-01")
    assert load_declared(file)["model.release_date"].value == "2999-01-01"


def test_dates_of_different_precision_are_compared_as_far_as_both_go(file: Path) -> None:
    collected = '{ name = "a", collected_from = "2024-05", collected_to = "2024-05" }'
    file.write_text(
        f'{HEAD}[model]\nrelease_date = 2024-06-01\n[training]\nknowledge_cutoff = "2024-06"\ndatasets = [{collected}]'
    )
    assert len(load_declared(file)) == 3


def test_somebody_else_may_say_a_fact_on_another_day(file: Path) -> None:
    file.write_text(HEAD + '[model]\nname = { value = "x", by = "Lab", date = 2025-01-02, evidence = "their card" }')
    fact = load_declared(file)["model.name"]
    assert fact.source == "declared by Lab on 2025-01-02; evidence: their card"
    assert (fact.evidence[0].by, fact.evidence[0].date, fact.evidence[0].text) == ("Lab", "2025-01-02", "their card")


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (
            "[model]\nrelease_date = 2026-02-30",
            "line 4: model.release_date: 2026-02-30 is no day that exists",
            "write a day that exists as YYYY-MM-DD",
        ),
        (
            "[training]\nknowledge_cutoff = 2024-13 # late",
            "line 4: training.knowledge_cutoff: 2024-13 is no month that exists",
            'write a month that exists as "YYYY-MM", in quotes',
        ),
        (
            "[training]\nknowledge_cutoff = 2024-12",
            "line 4: training.knowledge_cutoff: 2024-12 is a month, and TOML has no type for months",
            "write it in quotes",
        ),
        (
            "[model]\nrelease_date = { value = 2026-2-3 }",
            "line 4: model.release_date: 2026-2-3 is no day written as YYYY-MM-DD",
            "write a day that exists as YYYY-MM-DD",
        ),
        (
            "[training]\nstages = [\n  { started = 2025-01-01 },\n  { started = 2025-00-01 },\n]",
            "line 6: training.stages.started: 2025-00-01 is no day that exists",
            "write a day that exists as YYYY-MM-DD",
        ),
    ],
)
def test_a_date_that_is_none_is_one_error_with_file_line_key_and_hint(
    file: Path, text: str, place: str, hint: str
) -> None:
    file.write_text(HEAD + text)
    with pytest.raises(ProvenanceError) as caught:
        load_declared(file)
    assert (caught.value.message, caught.value.hint) == (f"{file}: {place}", hint)


def test_what_is_wrong_beside_a_date_is_not_blamed_on_it(file: Path) -> None:
    file.write_text(HEAD + "[model]\nrelease_date = 2024-02-03\nname = unquoted")
    with pytest.raises(ProvenanceError, match="is not TOML: Invalid value"):
        load_declared(file)


@pytest.mark.parametrize(
    ("size", "fault"),
    [
        ('modality = "image", amount = 3, unit = "words"', "$.data.size[0].unit: 'words' is not one of ['images', "),
        ('modality = "text", amount = 3, unit = "hours"', "$.data.size[0].unit: 'hours' is not one of ['tokens', "),
        ('modality = "text", amount = 3, unit = "token"', "(did you mean tokens?)"),
        ('modality = "other", amount = 3, unit = "record"', "(did you mean records"),
        (
            'modality = "text", amount = 3, unit = "GB"',
            "$.data.size[0].unit: write bytes, got 3 GB, which is 3e+09 bytes",
        ),
        ('modality = "audio", amount = 90, unit = "minutes"', "write hours, got 90 minutes, which is 1.5 hours"),
    ],
)
def test_a_size_is_counted_in_a_unit_of_its_kind_of_data(file: Path, size: str, fault: str) -> None:
    message = faults(file, f"[data]\nsize = [{{ {size} }}]")
    assert fault in message
    assert "has 1 fault:" in message


@pytest.mark.parametrize("unit", ["tokens", "words", "documents", "bytes"])
def test_text_may_be_counted_in_words(file: Path, unit: str) -> None:
    file.write_text(HEAD + f'[data]\nsize = [{{ modality = "text", amount = 3, unit = "{unit}" }}]')
    assert load_declared(file)["data.size"].value == [{"modality": "text", "amount": 3, "unit": unit}]
