"""The meter: codecarbon really runs, is quiet, writes nothing, asks no network, and never lets an estimate count."""

from __future__ import annotations

import csv
import functools
import importlib.util
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor import energy
from auditor.errors import AuditorError, UsageError
from auditor.record import load_record

pytest.importorskip("codecarbon", reason="the extra energy is not installed")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder without a network, in an environment that would lead codecarbon astray."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name, value in {
        "FORCE_CPU_POWER": "5000",
        "FORCE_RAM_POWER": "5000",
        "PUE": "9",
        "OUTPUT_DIR": "/nowhere/at/all",
        "SAVE_TO_API": "true",
        "OUTPUT_METHODS": "csv,api",
        "EMISSIONS_ENDPOINT": "https://example.org",
        "CO2_SIGNAL_API_TOKEN": "secret",
        "FORCE_CARBON_INTENSITY_G_CO2E_KWH": "9000",
        "TRACKING_MODE": "process",
        "LOG_LEVEL": "debug",
        "MEASURE_POWER_SECS": "900",
    }.items():
        monkeypatch.setenv(f"CODECARBON_{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def forgetful() -> Iterator[None]:
    """codecarbon looks at the hardware anew."""
    from codecarbon.core import hardware_cache

    hardware_cache.clear_cache()
    yield
    hardware_cache.clear_cache()


def test_the_tracker_runs_without_network_files_and_words(alone: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with energy.metering("swe", lambda: None) as meter:
        time.sleep(0.2)
        first = meter.read()
        time.sleep(0.3)
        parts = meter.read()
    assert meter.last() >= () and capfd.readouterr() == ("", "")
    assert not list(alone.iterdir())
    assert meter.tracker.startswith("codecarbon 3.")
    assert [part.part for part in parts] == [part.part for part in first]
    assert {"cpu", "ram"} <= {part.part for part in parts}
    seconds = 60
    for now, before in zip(parts, first, strict=True):
        assert now.kwh >= before.kwh and now.kwh < 5 * seconds / 3600, "no power was forced from outside"
    [memory] = [part for part in parts if part.part == "ram"]
    assert memory.method == "estimated" and memory.kwh > 0


def test_what_this_machine_has_no_counter_for_is_an_estimate() -> None:
    if energy.counters():
        pytest.skip("this machine has energy counters")
    with energy.metering("", lambda: None) as meter:
        parts = meter.read()
    assert meter.grid is None
    assert {part.method for part in parts} == {"estimated"}
    [cpu] = [part for part in parts if part.part == "cpu"]
    assert "nominal power" in cpu.by


def powercap(folder: Path) -> Path:
    """Write a tree as Linux shows RAPL, of one package; return the file that counts its microjoules."""
    domain = folder / "intel-rapl" / "intel-rapl:0"
    domain.mkdir(parents=True)
    (domain / "name").write_text("package-0\n")
    (domain / "max_energy_range_uj").write_text("262143328850\n")
    (domain / "energy_uj").write_text("1000000\n")
    return domain / "energy_uj"


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgetful: None) -> Path:
    """codecarbon's own reader of RAPL, led to a tree of ours; the file that it reads."""
    from codecarbon.core import cpu
    from codecarbon.external import hardware

    file = powercap(tmp_path / "powercap")
    reader = functools.partial(cpu.IntelRAPL, rapl_include_dram=False, rapl_prefer_psys=False)
    place = str(tmp_path / "powercap" / "intel-rapl")
    monkeypatch.setattr(cpu, "is_rapl_available", lambda *_: True)
    monkeypatch.setattr(hardware, "IntelRAPL", lambda **_: reader(rapl_dir=place))
    return file


def test_energy_read_off_a_counter_is_what_the_counter_counted(counted: Path) -> None:
    with energy.metering("SWE", lambda: None) as meter:
        before = meter.read()
        counted.write_text("37000000\n")  # 36 J later
        time.sleep(0.1)
        after = meter.read()
    cpu = {part.part: part for part in after}["cpu"]
    assert (cpu.method, cpu.by) == ("counters", "RAPL")
    assert "cpu" not in {part.part for part in before}, "nothing is counted yet, and that is no measurement of nothing"
    assert cpu.kwh == pytest.approx(36 / 3.6e6, rel=1e-6)
    assert {part.method for part in after if part.part == "ram"} == {"estimated"}
    assert energy.counters()[0] == "CPU (RAPL)"


def test_a_counter_that_stands_still_measures_nothing(counted: Path) -> None:
    with energy.metering("", lambda: None) as meter:
        assert "cpu" not in {part.part for part in meter.read()}
        assert meter.lacking() == ["the counter of the cpu (RAPL) stands still"]


def test_readings_are_told_while_the_meter_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "EVERY_S", 0.05)
    heard = threading.Event()
    with energy.metering("", heard.set):
        assert heard.wait(10)


def test_hardware_that_is_not_known_to_count_is_an_estimate() -> None:
    class Raspberry:
        chip_part = "RAM"

    class Device:
        _has_counter, _use_power_fallback = True, False

    class Blind(Device):
        _use_power_fallback = True

    class Devices:
        def __init__(self, *devices: object) -> None:
            self.devices = devices

    class GPU:
        def __init__(self, *devices: object) -> None:
            self.devices = Devices(*devices)

    assert energy.how(Raspberry())[:2] == ("ram", "estimated")
    assert energy.how(object())[:2] == ("cpu", "estimated")
    assert energy.how(GPU(Device(), Device()))[:2] == ("gpu", "counters")
    assert energy.how(GPU(Device(), Blind()))[:2] == ("gpu", "estimated")
    assert energy.how(GPU())[:2] == ("gpu", "estimated")


@pytest.mark.parametrize(
    ("country", "said", "hint"),
    [
        ("SEW", "knows no country 'SEW'", "did you mean"),
        ("sweden", "knows no country 'SWEDEN'", "write SWE"),
        ("CAF", "has no carbon intensity of 'CAF'", "leave --country out"),
    ],
)
def test_a_country_without_a_figure_is_an_error_and_not_the_world(country: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        energy.check(country)
    assert caught.value.hint.startswith(hint)


def test_the_carbon_is_what_codecarbon_itself_would_tell(tmp_path: Path) -> None:
    """The CSV that codecarbon writes, our reader of it, and our figures agree, in value and unit."""
    from codecarbon import OfflineEmissionsTracker
    from codecarbon.output_methods.base_output import OutputMethod

    from auditor.provenance.reading import ModelFolder
    from auditor.provenance.training_files import claims
    from auditor.types import ModelRef

    tracker = OfflineEmissionsTracker(
        country_iso_code="SWE", output_methods=[OutputMethod.CSV], output_dir=str(tmp_path), log_level="critical"
    )
    tracker.start()
    time.sleep(0.3)
    tracker.stop()
    data = tracker.final_emissions_data
    ref = ModelRef(requested="x", format="safetensors", folder=str(tmp_path), weights=(), files=())
    [claim] = [claim for claim in claims(ModelFolder(ref)) if claim.key == "compute.logged"]
    [row] = claim.value
    assert row["energy_kwh"] == pytest.approx(data.energy_consumed, rel=1e-5)
    assert row["emissions_kg"] == pytest.approx(data.energy_consumed * energy.grid_of("SWE").g_per_kwh / 1000, rel=1e-5)
    [written] = csv.DictReader((tmp_path / "emissions.csv").open())
    assert float(written["duration"]) / 3600 == pytest.approx(row["hours"], rel=1e-3)


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "codecarbon" else find(name))
    with pytest.raises(UsageError, match="not installed") as caught, energy.metering("SWE", lambda: None):
        pass
    assert (caught.value.exit_code, caught.value.hint) == (2, "pip install 'auditor[energy]'")


def test_a_tracker_that_gives_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from codecarbon import OfflineEmissionsTracker

    monkeypatch.setattr(OfflineEmissionsTracker, "_ensure_hardware_ready", lambda self: 1 / 0)
    with pytest.raises(AuditorError, match="gives no reading") as caught, energy.metering("", lambda: None):
        pass
    assert "--energy" in caught.value.hint


def test_the_command_line_without_the_package_says_so_and_exits_2(tiny_model: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['codecarbon'] = None; from auditor.cli import main\n"
        "sys.argv = ['auditor', 'run', *sys.argv[1:]]; main()"
    )
    words = ["--model", str(tiny_model), "--out", str(tmp_path / "out"), "--energy"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "error: --energy needs codecarbon" in done.stderr and "pip install 'auditor[energy]'" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_that_is_killed_and_resumed_holds_the_energy_of_both_processes(
    tiny_model: Path, tmp_path: Path, auditor_cli: Any
) -> None:
    out = tmp_path / "out"
    words = ["run", "--model", str(tiny_model), "--probes", "toxicity,bias", "--toxicity", "alt-profanity-check"]
    words += ["--limit", "40", "--energy", "--country", "SWE", "--out", str(out)]
    with subprocess.Popen([sys.executable, "-m", "auditor", *words], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 200
        while not ((out / "costs.jsonl").is_file() and (out / "journal.jsonl").read_bytes().count(b"\n") > 10):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -9 and not (out / "record.json").exists()
    done = auditor_cli(*words, "--resume")
    assert done.returncode in {10, 11}, done.stderr
    record, _ = load_record(out)
    assert record.clocks.requests_from_journal >= 9 and record.clocks.costs is not None
    killed, ended = record.clocks.costs.spans
    assert (killed.ended, ended.ended) == (False, True) and killed.energy and ended.energy
    used = record.clocks.costs.energy
    assert used is not None
    assert used.kwh == pytest.approx(sum(part.kwh for one in (killed, ended) for part in one.energy))
    assert used.kg_co2e == pytest.approx(used.kwh * energy.grid_of("SWE").g_per_kwh / 1000)
    assert len(used.lacking) == 1 and "which were killed" in used.lacking[0]
    card = (out / "card.md").read_text(encoding="utf-8")
    assert "in 2 processes" in card and "Not in it" in card
    whole = auditor_cli(*words[:-2], "--out", str(tmp_path / "whole"))
    assert whole.returncode in {10, 11}
    assert load_record(tmp_path / "whole")[0].content_digest == record.content_digest
    assert auditor_cli("verify", out).returncode == 0


def test_a_country_without_energy_is_a_usage_error(auditor_cli: Any) -> None:
    done = auditor_cli("run", "--model", "nowhere", "--country", "SWE")
    assert done.returncode == 2 and "--country needs --energy" in done.stderr


def test_a_broken_file_of_codecarbon_is_one_error_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".codecarbon.config").write_text("[codecarbon\nbroken")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AuditorError, match="gives no reading"), energy.metering("", lambda: None):
        pass
    assert capfd.readouterr().err == ""
