"""The plan keeps no request, and makes each again whenever it is wanted, the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import probes, schema
from auditor.backends.scripted import ScriptedBackend
from auditor.journal import read_journal
from auditor.plan import Plan, make_plan
from auditor.types import ModelInfo, RunRecord

MODEL = ModelInfo(requested="m", format="hf", repository="", revision="", files=(), weights_digest="0" * 64, facts={})
# log-likelihoods and completions in turn; one probe rotates options, one draws several completions
NAMES = [
    "alignment/sycophancy",
    "bias/ambiguous_questions",
    "bias/stereotype_contrast",
    "toxicity/civility_pairs",
    "toxicity/provocation",
]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(probes.load_all(NAMES), ScriptedBackend(), MODEL, seed=3, limit=7)


def test_a_request_of_a_number_is_the_one_in_the_list(plan: Plan) -> None:
    for asked in plan.requests.values():
        whole = list(asked)
        assert len(asked) == len(whole) > 0
        assert [asked[number] for number in range(len(asked))] == whole
        assert [asked[number] for number in reversed(range(len(asked)))] == whole[::-1]
        assert asked[2:9:3] == whole[2:9:3]
        for number in (-1, len(whole)):
            with pytest.raises(IndexError):
                asked[number]


def test_parts_share_the_numbers_of_their_kind_out_among_them(plan: Plan) -> None:
    for kind, asked in plan.requests.items():
        parts = plan.of_kind(kind)
        numbers = [number for part in parts for number in part.numbers]
        assert numbers == list(range(len(asked)))
        for part in parts:
            own = [number for place in range(len(part.samples)) for number in part.numbers_of(place)]
            assert own == list(part.numbers)
            assert len(part.numbers_of(0)) == sum(len(one.requests) for one in part.ask(part.samples[0]))


def test_the_header_digests_requests_and_ids_as_their_canonical_json(plan: Plan) -> None:
    assert plan.header["requests"] == schema.digest_of({kind: list(asked) for kind, asked in plan.requests.items()})
    for part in plan.parts:
        ids = [sample.id for sample in part.samples]
        assert plan.header["probes"][part.probe.id] == [part.probe.digest, len(ids), schema.digest_of(ids)]
    assert plan.n_requests == sum(map(len, plan.requests.values()))


def test_a_probe_is_digested_as_the_canonical_json_of_its_files() -> None:
    probe = probes.load(probes.shipped() / "toxicity" / "provocation")
    folder = probes.shipped() / "toxicity" / "provocation"
    config = schema.read_toml(folder / "probe.toml", ValueError)  # type: ignore[type-var]
    items = [schema.strict_json(line) for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    template = (folder / "prompt.j2").read_text(encoding="utf-8").removesuffix("\n")
    assert probe.digest == schema.digest_of([config, template, items])


def test_the_plan_holds_the_digests_of_the_calibrations_and_of_the_earlier_record(
    finished: tuple[RunRecord, Path],
) -> None:
    found, folder = finished
    plan = read_journal(folder / "journal.jsonl").plan
    assert plan["calibrations"] == {probe.id: list(probe.calibrations) for probe in found.probes}
    assert any(plan["calibrations"].values()) and plan["previous"] == ""
    assert [one.digest for one in found.calibrations] == sorted({d for of in plan["calibrations"].values() for d in of})
