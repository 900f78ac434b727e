"""The HTML card as a browser shows it: nothing runs, nothing is fetched, everything can be read and found."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from auditor import policies, renderings
from auditor.card import build_card, with_verdicts
from auditor.judge import judge
from auditor.provenance.facts import catalogue
from auditor.types import FAMILIES, Card, Exchange, Fact, Metric, RunRecord

pytestmark = pytest.mark.slow

CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
ATTACK = (
    "<script>document.title='taken'</script><img src='https://evil.example/a.png' onerror=\"document.title='taken'\">"
    "<style>body{display:none}</style><a href='https://evil.example/'>here</a></td></table></main><h1>Taken</h1>"
    "<link rel=stylesheet href=https://evil.example/s.css><svg onload=\"document.title='taken'\"></svg>"
)
LONG = "x" * 300
BROUGHT_IN = "return document.querySelectorAll('script, img, link, iframe, a:not([href^=\"#\"])').length"


@pytest.fixture(scope="module")
def hostile(finished: tuple[RunRecord, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card on which every text that a person can declare, and every text of a model, is an attack or endless."""
    facts = {
        key: Fact(status="declared", value=ATTACK + LONG, source=f"declared by {ATTACK}")
        for key, kind in catalogue().items()
        if kind.schema == {"type": "string", "minLength": 1}
    }
    bare = build_card(finished[0], facts)
    card = with_verdicts(bare, judge(finished[0], bare, policies.load("baseline")))
    said = Exchange(sample=ATTACK, told=ATTACK, answered=ATTACK + LONG)
    texts = {probe.id: [said] for probe in card.probes if probe.kind == "generation"}
    return page(card, tmp_path_factory.mktemp("hostile"), texts)


@pytest.fixture(scope="module")
def plain(finished: tuple[RunRecord, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    bare = build_card(finished[0], {})
    verdicts = [judge(finished[0], bare, policies.load(name)) for name in ("baseline", "eu-gpai-mdf")]
    return page(with_verdicts(bare, *verdicts), tmp_path_factory.mktemp("plain"), {})


def page(card: Card, folder: Path, texts: Any) -> Path:
    path = folder / "card.html"
    path.write_text(renderings.render(card, "html", texts=texts), encoding="utf-8")
    return path


def test_a_script_in_what_a_model_said_does_not_run_and_nothing_is_fetched(browser: Any, hostile: Path) -> None:
    browser.open(hostile)
    assert browser.run("return document.title").startswith("Model card: ")
    assert browser.run(BROUGHT_IN) == 0
    assert browser.run("return document.body.textContent").count("document.title='taken'") > 20
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    assert browser.requested() == [hostile.as_uri()]


def test_the_same_attack_unescaped_would_be_seen(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "open.html"
    path.write_text(f"<!DOCTYPE html><title>Model card: x</title><body>{ATTACK}", encoding="utf-8")
    browser.open(path)
    assert browser.run("return document.title") == "taken"
    assert browser.run(BROUGHT_IN) > 0
    assert any("evil.example" in address for address in browser.requested())


def test_the_page_forbids_a_script_and_a_request_that_slip_through(browser: Any, hostile: Path, tmp_path: Path) -> None:
    path = tmp_path / "slipped.html"
    path.write_text(hostile.read_text(encoding="utf-8").replace("<main>", f"<main>{ATTACK}", 1), encoding="utf-8")
    browser.open(path)
    assert browser.run("return document.title").startswith("Model card: ")
    assert not [address for address in browser.requested() if address != path.as_uri()]


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_nothing_is_cut_off_at_any_width(browser: Any, request: pytest.FixtureRequest, name: str, width: int) -> None:
    browser.open(request.getfixturevalue(name), width=width)
    browser.run(CHECKS + "openAll()")
    assert browser.run("return document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.run(CHECKS + "return cutOff()") == []


def test_on_a_phone_a_row_of_a_wide_table_keeps_its_name_in_view(browser: Any, plain: Path) -> None:
    browser.open(plain, width=390)
    browser.run(CHECKS + "openAll()")
    wide = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 50)"
    assert browser.run(f"return {wide}.length") > 3
    moved = f"return {wide}.map((e) => (e.scrollLeft = 9999, e.scrollLeft > 0))"
    assert all(browser.run(moved))
    left = (
        f"return {wide}.flatMap((e) => [...e.querySelectorAll('tbody th')].map((h) => h.getBoundingClientRect().left))"
    )
    assert all(0 <= place < 40 for place in browser.run(left))


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_what_is_behind_it(browser: Any, plain: Path, dark: bool) -> None:
    browser.open(plain, dark=dark)
    browser.run(CHECKS + "openAll()")
    light = browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light is not dark
    assert browser.run(CHECKS + "return faint()") == []


def test_who_hears_the_page_finds_headings_in_order_and_tables_with_names(browser: Any, plain: Path) -> None:
    browser.open(plain)
    levels = [level for level, text in browser.run(CHECKS + "return headings()") if text.strip()]
    assert levels[0] == 1 and levels.count(1) == 1 and len(levels) > 20
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert browser.run("return document.documentElement.lang") == "en"
    assert browser.run(CHECKS + "return unusable()") == []


def test_a_bar_shows_where_a_metric_lies_on_its_range(
    browser: Any, plain: Path, finished: tuple[RunRecord, Path]
) -> None:
    browser.open(plain)
    browser.run(CHECKS + "openAll()")
    probes = [probe for family in FAMILIES for probe in finished[0].probes if probe.family == family]
    shown = [m for p in probes for part in (False, True) for m in p.metrics if bool(m.slice) == part]
    measured = [metric for metric in shown if isinstance(metric, Metric)]
    wanted = [(m.value - m.key.low) / (m.key.high - m.key.low) for m in measured]
    assert len(wanted) >= 10
    assert browser.run(CHECKS + "return points()") == pytest.approx(wanted, abs=0.02)
