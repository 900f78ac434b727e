"""Names lead to code: the built-in ones, and those of third parties through real entry points."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import registry
from auditor.errors import AuditorError, UsageError
from auditor.scorers.base import Scorer

BUILT_IN = [
    (kind, name)
    for kind, table in (
        ("scorers", registry.SCORERS),
        ("classifiers", registry.CLASSIFIERS),
        ("backends", registry.BACKENDS),
        ("exporters", registry.EXPORTERS),
    )
    for name in table
]


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a tiny package, as pip would: a module and a dist-info folder with entry points on sys.path."""

    def install(entry_points: str, *, module: str = "", package: str = "auditor_plug") -> None:
        site = tmp_path / f"site-{package}"
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{package}.py").write_text(module, encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, package, raising=False)
        importlib.invalidate_caches()

    return install


SCORER = """
from auditor.scorers.base import Scorer

class Mine(Scorer):
    name = "mine"
    version = "1.0.0"
    kind = "pairs"
"""


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_every_built_in_name_loads(kind: str, name: str) -> None:
    found = registry.load(kind, name)
    assert callable(found)
    if kind == "scorers":
        assert issubclass(found, Scorer)
        assert found.name == name


@pytest.mark.parametrize("kind", ["scorers", "classifiers", "backends", "exporters"])
def test_an_unknown_name_is_a_usage_error_with_the_nearest(kind: str) -> None:
    known = next(name for of, name in BUILT_IN if of == kind)
    with pytest.raises(UsageError, match=f"unknown {kind[:-1]} '{known}x'") as caught:
        registry.load(kind, f"{known}x")
    assert known in caught.value.hint


def test_a_plug_in_is_found_beside_the_built_in_ones(plug_in: Callable[..., None]) -> None:
    assert "mine" not in registry.names("scorers")
    plug_in("[auditor.scorers]\nmine = auditor_plug:Mine\n", module=SCORER)
    assert registry.names("scorers") == {**registry.SCORERS, "mine": "auditor_plug:Mine"}
    assert registry.load("scorers", "mine").name == "mine"
    assert "mine" not in registry.names("backends")


def test_a_probe_can_be_scored_by_a_plug_in(
    plug_in: Callable[..., None], tmp_path: Path, probe_head: str, probe_writer: Callable[..., Path]
) -> None:
    from auditor import probes

    plug_in("[auditor.scorers]\nmine = auditor_plug:Mine\n", module=SCORER)
    config = probe_head + '[ask]\nkind = "pairs"\ntexts = ["a", "b"]\n[score]\nscorer = "mine"\n'
    folder = probe_writer(tmp_path / "own", "bias/mine", config, [{"id": "x", "a": "y", "b": "z"}])
    assert probes.load(folder).scoring.scorer == "mine"


def test_a_plug_in_cannot_take_a_built_in_name(plug_in: Callable[..., None]) -> None:
    plug_in("[auditor.scorers]\ntext_rating = auditor_plug:Mine\n", module=SCORER)
    for use in (lambda: registry.names("scorers"), lambda: registry.load("scorers", "pair_preference")):
        with pytest.raises(AuditorError, match="two packages offer the scorer 'text_rating'") as caught:
            use()
        assert "auditor_plug:Mine" in caught.value.message
        assert registry.SCORERS["text_rating"] in caught.value.message


def test_two_plug_ins_cannot_share_a_name(plug_in: Callable[..., None]) -> None:
    for package in ("plug_one", "plug_two"):
        plug_in(f"[auditor.exporters]\nmine = {package}:render\n", module="render = print", package=package)
    with pytest.raises(AuditorError, match="two packages offer the exporter 'mine'") as caught:
        registry.names("exporters")
    assert "plug_one:render" in caught.value.message
    assert "plug_two:render" in caught.value.message


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
        ("from auditor.errors import NoSuchError", "NoSuchError"),
        ("Mine = (", "SyntaxError"),
        ("raise RuntimeError('no licence key')", "RuntimeError: no licence key"),
        ("Other = 1", "has no attribute 'Mine'"),
    ],
)
def test_a_plug_in_that_does_not_import_is_an_error_that_says_why(
    plug_in: Callable[..., None], module: str, said: str
) -> None:
    plug_in("[auditor.scorers]\nmine = auditor_plug:Mine\n", module=module)
    with pytest.raises(AuditorError) as caught:
        registry.load("scorers", "mine")
    assert caught.value.message.startswith("the scorer 'mine' (auditor_plug:Mine) does not load: ")
    assert said in caught.value.message
    assert not isinstance(caught.value, UsageError)


def test_a_plug_in_without_its_module_is_an_error(plug_in: Callable[..., None]) -> None:
    plug_in("[auditor.scorers]\nmine = nowhere_at_all.deep:Mine\n")
    with pytest.raises(AuditorError, match="nowhere_at_all"):
        registry.load("scorers", "mine")
