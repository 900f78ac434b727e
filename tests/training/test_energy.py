"""The report of a training tells the energy of the machine and how it is known, or nothing; so does the card."""

from __future__ import annotations

import importlib.util
import time

import pytest

from auditor.provenance.facts import catalogue
from auditor.schema import faults_against
from training.energy import Tracked, facts


def test_energy_is_told_with_how_it_is_known_in_the_report_and_on_the_card() -> None:
    pytest.importorskip("codecarbon", reason="the extra energy is not installed")
    tracked = Tracked()
    time.sleep(0.2)
    cost = tracked.stop()
    used = cost["energy"]
    assert used["tracker"].startswith("codecarbon") and {part["method"] for part in used["parts"]}
    assert used["kwh"] == pytest.approx(sum(part["kwh"] for part in used["parts"])) and used["kwh"] > 0
    [(key, fact)] = facts({"scorer": "x", "cost": cost}).items()
    assert fact.value == pytest.approx(used["kwh"] / 1000, rel=5e-4)
    assert not faults_against(fact.value, catalogue()[key].schema)
    assert fact.status == "derived" and "estimated" in fact.source, "the memory has no counter anywhere"


def test_only_counters_make_the_energy_of_training_measured() -> None:
    part = {"part": "gpu", "kwh": 2.0, "method": "counters", "by": "its energy counter"}
    cost = {"energy": {"kwh": 2.0, "parts": [part], "tracker": "codecarbon 3", "lacking": ["the cellar"]}}
    [fact] = facts({"scorer": "x", "cost": cost}).values()
    assert (fact.status, fact.value) == ("measured", 0.002)
    assert "measured by counters" in fact.source and fact.source.endswith("not in it: the cellar")


def test_without_codecarbon_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    cost = Tracked().stop()
    assert cost == {} and facts({"scorer": "x", "cost": cost}) == {}
