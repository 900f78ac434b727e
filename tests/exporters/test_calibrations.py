"""Cards and the console show how far a scorer can be trusted, or that nobody knows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor import policies
from auditor.card import build_card, with_verdicts
from auditor.correct import correct
from auditor.exporters import calibrations, console, markdown, markup
from auditor.judge import judge
from auditor.scorers.alt_profanity import AltProfanity
from auditor.scorers.text_rating import TextRating
from auditor.types import Calibration, Metric, RunRecord, Undefined

HOSTILE = "<script>alert(1)</script> | **bold** [link](https://evil.example)"
PROBE = "toxicity/provocation"
Maker = Callable[..., Calibration]


@pytest.fixture(scope="module")
def scorer() -> TextRating:
    return TextRating(classifier=AltProfanity())


@pytest.fixture(scope="module")
def record_with(finished: tuple[RunRecord, Path], scorer: TextRating) -> Callable[..., RunRecord]:
    """Return a function from calibrations to the finished record, corrected by them alone."""

    def make(*known: Calibration) -> RunRecord:
        probes = []
        for probe in finished[0].probes:
            bare = msgspec.structs.replace(
                probe, metrics=tuple(metric for metric in probe.metrics if metric.correction is None), calibrations=()
            )
            probes.append(correct(bare, scorer, known) if probe.id == PROBE else bare)
        return msgspec.structs.replace(finished[0], probes=tuple(probes), calibrations=known)

    return make


def card_of(record: RunRecord, render: Any) -> str:
    card = build_card(record, {})
    verdict = judge(record, card, policies.load("baseline"))
    return str(render(with_verdicts(card, verdict)) if render is markdown.render else render(record, card, [verdict]))


def test_a_card_shows_raw_and_corrected_rate_and_the_scorers_errors(
    record_with: Callable[..., RunRecord], scorer: TextRating, calibration_maker: Maker
) -> None:
    known = calibration_maker(scorer.ref, "profanity", tp=88, tn=97, auc=0.93)
    record = record_with(known)
    text = card_of(record, markdown.render)
    raw, sister = (m for m in record.probe_of(PROBE).metrics[:2])  # type: ignore[union-attr]
    assert isinstance(raw, Metric) and isinstance(sister, Metric)
    assert f"| profanity_rate | {raw.value:.3f} [" in text
    assert f"| profanity_rate_corrected | {sister.value:.3f} [" in text
    [row] = [line for line in text.splitlines() if line.startswith("| profanity |")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[1:4] == [
        markup.escape(calibrations.figure(getattr(known.overall, name)))
        for name in ("sensitivity", "specificity", "auc")
    ]
    assert cells[4:6] == ["200", "0"]
    assert "HateCheck (CC BY 4.0), sha256 cccccccccccc" in markdown_plain(cells[6])
    assert "Lowest by subgroup on HateCheck: sensitivity 0.880 for target = women (n=100)" in markdown_plain(text)
    assert "uncalibrated" not in text


def markdown_plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def test_the_flaw_of_a_classifier_stands_in_card_and_console(
    record_with: Callable[..., RunRecord], scorer: TextRating, calibration_maker: Maker
) -> None:
    record = record_with(calibration_maker(scorer.ref, "hate", tp=39, tn=54, auc=0.468))
    assert "| hate: not shown to be found |" in card_of(record, markdown.render)
    lines = card_of(record, console.render).splitlines()
    [line] = [line for line in lines if line.startswith("  hate (not shown to be found) on HateCheck: ")]
    assert "AUC 0.468 [0.418, 0.518]  n=200  unscored=0" in line
    assert lines[lines.index(line) + 1].startswith("    lowest: sensitivity 0.390 for target = women (n=100)")


def test_without_a_calibration_the_word_is_uncalibrated(
    record_with: Callable[..., RunRecord], scorer: TextRating
) -> None:
    record = record_with()
    sister = record.probe_of(PROBE).metrics[1]  # type: ignore[union-attr]
    assert isinstance(sister, Undefined)
    text = card_of(record, markdown.render)
    assert "It is *uncalibrated*" in text
    assert (
        f"scorer  {scorer.ref.name} {scorer.ref.version}  uncalibrated" in card_of(record, console.render).splitlines()
    )


def test_where_no_rate_rests_on_a_fallible_scorer_nothing_is_said(finished: tuple[RunRecord, Path]) -> None:
    probes = tuple(probe for probe in finished[0].probes if probe.id != PROBE)
    record = msgspec.structs.replace(finished[0], probes=probes)
    assert calibrations.fallible(record) == {}
    assert "\nscorer  " not in card_of(record, console.render)


def test_calibrations_in_other_languages_are_counted_not_shown(
    record_with: Callable[..., RunRecord], scorer: TextRating, calibration_maker: Maker
) -> None:
    others = [calibration_maker(scorer.ref, languages=(code,), source=f"Cases {code}") for code in ("es", "fr")]
    record = record_with(calibration_maker(scorer.ref), *others)
    assert calibrations.elsewhere(record, scorer.ref) == 2
    text = card_of(record, markdown.render)
    assert "2 more, on texts in other languages, stand in the record" in text
    assert "Cases es" not in text and "Cases fr" not in card_of(record, console.render)


def test_what_a_calibration_says_is_escaped(
    record_with: Callable[..., RunRecord], scorer: TextRating, calibration_maker: Maker
) -> None:
    base = calibration_maker(scorer.ref)
    hostile = msgspec.structs.replace(base.overall, group={HOSTILE: HOSTILE})
    found = msgspec.structs.replace(base, construct=HOSTILE, source=HOSTILE, licence=HOSTILE, subgroups=(hostile,))
    body = card_of(record_with(found), markdown.render).split("---\n", 2)[2]
    assert "<script" not in body and "[link](" not in body and "https://evil" not in body
    [row] = [line for line in body.splitlines() if line.startswith("| &lt;script")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_a_card_holds_no_figure_of_a_scorer_that_is_not_in_the_record(
    record_with: Callable[..., RunRecord], scorer: TextRating, calibration_maker: Maker
) -> None:
    record = record_with(calibration_maker(scorer.ref, "profanity", tp=87, tn=93, auc=0.911))
    text = card_of(record, markdown.render)
    part = text[text.index("errs, and rates rest on it") : text.index("### Bias")]
    known = json.dumps(msgspec.to_builtins(record.calibrations))
    rounded = {f"{float(number):.3f}" for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?|\d+", known)}
    found = re.findall(r"(?<![\w.])-?\d+\.\d{3}(?![\w.])", part)
    assert len(found) >= 11
    assert set(found) <= rounded


def test_the_command_names_the_users_calibrations(record_with: Callable[..., RunRecord]) -> None:
    record = record_with()
    run = msgspec.structs.replace(record.run, calibrations=("mine one.json",))
    assert "--calibration 'mine one.json'" in card_of(msgspec.structs.replace(record, run=run), markdown.render)
