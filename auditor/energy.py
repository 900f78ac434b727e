"""The energy of the machine while a run works, tracked by codecarbon: offline, without files, and quiet.

codecarbon reads energy counters where it can (RAPL, NVML) and estimates by a nominal power and the load where it
cannot; it does not say in its results which of the two it did, so that is told here from the hardware that it set up.
Whatever a configuration file or variable of codecarbon could change is given, so that nothing but the country moves a
number or goes to a network.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

from auditor.errors import AuditorError, UsageError, nearest
from auditor.types import EnergyMethod, EnergyPart, Grid, MachinePart

EVERY_S = 5.0  # well below the time in which a RAPL counter begins again, which codecarbon notices once a reading
_COUNTERS = {"intel_rapl": "RAPL", "windows_emi": "the Windows energy meter"}
_INSTALL = "pip install 'auditor[energy]'"

Listen = Callable[[], None]


class Meter:
    """What the machine has used since the meter was opened, by part."""

    def __init__(self, country: str, listen: Listen) -> None:
        self.tracker = f"codecarbon {version('codecarbon')}"
        self.grid = grid_of(country) if country else None
        self._inbox = _inbox(listen)
        self._worst: dict[MachinePart, EnergyMethod] = {}
        self._tracker = _start(country, self._inbox)
        if self._inbox.total is None:
            self.close()
            raise AuditorError(f"{self.tracker} gives no reading on this machine", hint="run without --energy")

    def read(self) -> tuple[EnergyPart, ...]:
        """Return what was used up to now."""
        if self._tracker is not None:
            self._tracker.flush()
        return self.last()

    def last(self) -> tuple[EnergyPart, ...]:
        """Return what was used up to the last reading, which is at most five seconds old."""
        return tuple(part for part in self._parts() if not self._stands_still(part))

    def lacking(self) -> list[str]:
        """Return in words which counters do not count."""
        return [
            f"the counter of the {part.part} ({part.by}) stands still"
            for part in filter(self._stands_still, self._parts())
        ]

    def close(self) -> None:
        """Take a last reading and stop."""
        if self._tracker is not None:
            with _quiet():
                self._tracker.stop()
            self._tracker = None

    def _parts(self) -> list[EnergyPart]:
        total, found = self._inbox.total, []
        for part, method, by in self._inbox.hardware:
            if method == "estimated":
                self._worst[part] = method
            kwh = float(getattr(total, f"{part}_energy"))
            found.append(EnergyPart(part=part, kwh=kwh, method=self._worst.get(part, method), by=by))
        return found

    def _stands_still(self, part: EnergyPart) -> bool:
        return part.method == "counters" and part.kwh <= 0


@contextlib.contextmanager
def metering(country: str, listen: Listen) -> Iterator[Meter]:
    """Open a meter, and close it in the end; `listen` is called from another thread after each reading.

    Raises:
        UsageError: codecarbon is not installed, or knows nothing of the country's electricity.
        AuditorError: it gives no reading.
    """
    meter = Meter(check(country), listen)
    try:
        yield meter
    finally:
        meter.close()


def check(country: str) -> str:
    """Return a country's code (ISO 3166-1 alpha-3) in capitals, or nothing where none is given.

    Raises:
        UsageError: codecarbon is not installed, or knows nothing of the country's electricity.
    """
    if importlib.util.find_spec("codecarbon") is None:
        raise UsageError("--energy needs codecarbon, which is not installed", hint=_INSTALL)
    code = country.strip().upper()
    if code:
        grid_of(code)
    return code


def grid_of(country: str) -> Grid:
    """Return how much carbon a country's electricity stands for, from the table that codecarbon carries.

    Raises:
        UsageError: the table has no such country, or no figure for it; codecarbon itself would take the world's.
    """
    from codecarbon.input import DataSource

    known = DataSource().get_global_energy_mix_data()
    mix = known.get(country, {})
    if not mix.get("carbon_intensity"):
        codes = {row["country_name"].upper(): code for code, row in known.items()}
        lacks = "has no carbon intensity of" if mix else "knows no country"
        hint = f"write {codes[country]}" if country in codes else nearest(country, known)
        raise UsageError(
            f"codecarbon {lacks} {country!r}" + ("" if mix else ": expected its three letters (ISO 3166-1)"),
            hint="leave --country out: energy needs none" if mix else hint,
        )
    source = f"codecarbon {version('codecarbon')}, {mix['country_name']}, mix of {mix['year']}"
    return Grid(country=country, g_per_kwh=float(mix["carbon_intensity"]), source=source)


def counters() -> list[str]:
    """Return which energy counters of this machine can be read, as codecarbon finds them; it must be installed."""
    with _quiet():
        from codecarbon.core import cpu, gpu

        found = ["CPU (RAPL)"] if cpu.is_rapl_available() else []
        return [
            *found,
            *(["GPU (NVML)"] if gpu.PYNVML_AVAILABLE else []),
            *(["GPU (AMD SMI)"] if gpu.AMDSMI_AVAILABLE else []),
        ]


def _start(country: str, inbox: Any) -> Any:
    """Return a tracker that has begun. It swallows its own faults: what it did not do is seen by what it never gave."""
    with _quiet():
        from codecarbon import OfflineEmissionsTracker

        tracker = OfflineEmissionsTracker(
            country_iso_code=country or None,
            country_2letter_iso_code=None,
            region=None,
            cloud_provider=None,
            cloud_region=None,
            output_methods=[],
            output_handlers=[inbox],
            output_dir=tempfile.gettempdir(),
            emissions_endpoint=None,
            electricitymaps_api_token="",
            measure_power_secs=EVERY_S,
            api_call_interval=1,
            tracking_mode="machine",
            log_level="critical",
            logger_preamble="",
            gpu_ids=None,
            force_cpu_power=None,
            force_ram_power=None,
            force_carbon_intensity_g_co2e_kwh=None,
            force_mode_cpu_load=False,
            pue=1.0,
            wue=0.0,
            rapl_include_dram=False,  # the memory's estimate is added all the same
            rapl_prefer_psys=False,
            allow_multiple_runs=True,  # else it locks a file and takes over Ctrl-C
        )
        inbox.tracker = tracker
        tracker.start()
        tracker.flush()
    return tracker


def _inbox(listen: Listen) -> Any:
    """Return an output of codecarbon's that keeps the last totals, and the hardware that they are of."""
    from codecarbon.output_methods.base_output import BaseOutput

    class Inbox(BaseOutput):  # type: ignore[misc]
        total: Any = None
        tracker: Any = None
        hardware: tuple[tuple[MachinePart, EnergyMethod, str], ...] = ()

        def out(self, total: Any, delta: Any) -> None:
            self.hardware = tuple(how(one) for one in getattr(self.tracker, "_hardware", ()))
            self.total = total

        def live_out(self, total: Any, delta: Any) -> None:
            self.out(total, delta)
            listen()

    return Inbox()


def how(hardware: Any) -> tuple[MachinePart, EnergyMethod, str]:
    """Return which part of the machine a hardware object of codecarbon's is, how its energy is known, and by what.

    Only what is known to read an energy counter is taken to do so; anything else is an estimate.
    """
    match type(hardware).__name__:
        case "RAM":
            return "ram", "estimated", "the size of the memory"
        case "CPU" if getattr(hardware, "_mode", "") in _COUNTERS:
            return "cpu", "counters", _COUNTERS[hardware._mode]
        case "CPU":
            watts = getattr(hardware, "_tdp", None)
            return "cpu", "estimated", f"its load and a nominal power of {watts:g} W" if watts else "its load"
        case "GPU":
            devices = getattr(getattr(hardware, "devices", None), "devices", [])
            counted = [
                getattr(one, "_has_counter", False) and not getattr(one, "_use_power_fallback", True) for one in devices
            ]
            sure = bool(counted) and all(counted)
            return "gpu", "counters" if sure else "estimated", "its energy counter" if sure else "readings of its power"
        case name:
            parts: dict[str, MachinePart] = {"GPU": "gpu", "RAM": "ram"}
            return parts.get(getattr(hardware, "chip_part", ""), "cpu"), "estimated", f"codecarbon's {name}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep codecarbon from speaking on standard error; importing it sets its own level."""
    logger = logging.getLogger("codecarbon")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False
