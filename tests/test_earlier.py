"""Changes since an earlier record: computed into the card, bounded by rules, kept beside the record, verified."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import commands, earlier, renderings, schema
from auditor.backends.scripted import ScriptedBackend
from auditor.card_file import load_card
from auditor.check_card import Asked, check_card
from auditor.commands import Demands
from auditor.compare import compare
from auditor.errors import RecordError
from auditor.record import load_record
from auditor.run import Settings, measure
from auditor.types import Card, LoglikelihoodRequest, Status, Verification
from auditor.verify import AtHand, verify

RATE = "bias/small_pairs:first_rate"
POLICY = """version = "1.0.0"
title = "No worse than before"
owner = "Release board"
description = "Bounds on what may change between two releases."
[[rules]]
id = "pairs"
metric = "bias/small_pairs:first_rate"
against = "previous"
max = {most}
rationale = "Users have come to rely on the earlier release."
"""
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def pack(probe_writer: Any, probe_head: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    asked = '[ask]\nkind = "pairs"\ntexts = ["first", "second"]\n'
    scored = '[score]\nscorer = "pair_preference"\nmetric = "first_rate"\nideal = 0.5\nslice_by = ["axis"]\n'
    items = [{"id": f"p{n}", "axis": "ab"[n % 2], "first": f"The cat {n}", "second": f"The dog {n}"} for n in range(40)]
    probe_writer(folder, "bias/small_pairs", probe_head + asked + scored, items)
    return folder


@pytest.fixture(scope="module")
def make(tiny_model: Path, pack: Path, tmp_path_factory: pytest.TempPathFactory, unheard: Any) -> Make:
    """Return a function: how many of 40 pairs are answered by their first text in, the folder of a whole run out."""

    def made(firsts: int, **settings: Any) -> Path:
        def nats(request: LoglikelihoodRequest) -> float:
            first = int(request.continuation.split()[2]) < firsts
            return -1.0 if first == ("cat" in request.continuation) else -2.0

        out = tmp_path_factory.mktemp("run") / "out"
        chosen = {"model": str(tiny_model), "out": out, "packs": (pack,), "probes": "bias/small_pairs", **settings}
        measure(Settings(**chosen), unheard, open_backend=lambda *_: ScriptedBackend(nats=nats))
        return out

    return made


@pytest.fixture(scope="module")
def older(make: Make) -> Path:
    return make(20)


@pytest.fixture(scope="module")
def worse(make: Make, older: Path) -> Path:
    """A run that was told which earlier record its changes will be counted from, with its documents."""
    out = make(36, previous=load_record(older)[0].digest)
    write(out, older)
    return out


def write(folder: Path, previous: Path) -> None:
    """Write beside a record what `auditor run --previous` writes there."""
    audit = commands.review(folder, Demands(previous=previous))
    (folder / earlier.COMPARISON).write_text(earlier.text_of(compare(previous, folder)), encoding="utf-8")
    for name, text in commands.documents(audit).items():
        (folder / name).write_text(text, encoding="utf-8")


def card_of(folder: Path) -> Card:
    return load_card(folder / commands.CARD_JSON)


def outcomes(found: Verification) -> dict[str, str]:
    return {check.what: check.outcome for check in found.checks}


def verdict(folder: Path, tmp_path: Path, most: float, **demands: Any) -> tuple[Status, str]:
    path = tmp_path / "ours.toml"
    path.write_text(POLICY.format(most=most), encoding="utf-8")
    found = commands.review(folder, Demands(policies=(str(path),), **demands)).verdicts[0].findings[0]
    return found.status, found.message


def test_the_card_holds_the_change_of_each_metric_as_the_comparison_has_it(older: Path, worse: Path) -> None:
    computed = card_of(worse).computed
    (row,) = compare(older, worse).compared
    change = computed["changes"][RATE]
    assert (change["baseline"], change["candidate"], change["direction"]) == (0.5, 0.9, "farther")
    assert (change["low"], change["high"]) == (row.interval.low, row.interval.high)
    assert (change["p_holm"], change["n"], computed["farther"]) == (row.p_holm, 40, [RATE])
    assert computed["previous"]["record_digest"] == load_record(older)[0].digest
    assert set(computed["slice_changes"]) == {f"{RATE}, axis = a", f"{RATE}, axis = b"}
    change = computed["slice_changes"][f"{RATE}, axis = a"]
    assert (change["baseline"], change["candidate"], change["n"]) == (0.5, 0.9, 20)
    assert (change["direction"], computed["farther_slices"]) == ("not told apart", [])  # of 20 pairs eight changed


def test_a_card_of_a_record_alone_says_nothing_of_changes(older: Path) -> None:
    card = commands.review(older, Demands()).card
    assert not {"previous", "changes", "farther", "not_compared"} & set(card.computed)
    assert "Changes since" not in renderings.render(card, "markdown")


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_the_card_shows_the_changes_and_what_was_not_compared(worse: Path, name: str) -> None:
    text = renderings.render(card_of(worse), name).replace("\\", "")
    assert "Changes since an earlier record" in text and "fixed before the first request" in text
    row = compare_cells(text, name)
    assert row[0] == RATE and row[1:3] == ["0.500", "0.900"] and row[3].startswith("+0.400 [+") and row[-1] == "farther"
    assert "Over slices, Holm's family of 2 comparisons: 0 told apart" in text.replace("&#39;", "'")
    assert f"{RATE}, axis = b" in text


def test_the_summary_says_in_words_what_moved(older: Path, worse: Path) -> None:
    text = renderings.render(card_of(worse), "summary")
    assert "of 3 figures 1 moved by more than chance explains" in text
    assert ", first rate: 0.500 → 0.900, farther from what would be best.\n" in text
    assert "What changed" not in renderings.render(commands.review(older, Demands()).card, "summary")


def compare_cells(text: str, name: str) -> list[str]:
    if name == "markdown":
        line = next(line for line in text.splitlines() if line.startswith(f"| {RATE} |"))
        return [cell.strip() for cell in line.strip("|").split("|")]
    line = next(line for line in text.splitlines() if line.startswith(f'<tr><th scope="row">{RATE}'))
    import re

    return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line)


def test_a_rule_bounds_the_change_and_knows_three_states(make: Make, older: Path, worse: Path, tmp_path: Path) -> None:
    assert verdict(worse, tmp_path, 0.1)[0] is Status.FAIL
    assert verdict(worse, tmp_path, 0.9)[0] is Status.PASS
    status, message = verdict(worse, tmp_path, 0.4)
    assert status is Status.INCONCLUSIVE and "crosses the bound: 0.500 → 0.900, by +0.400" in message
    assert verdict(make(20), tmp_path, 0.0, previous=older)[0] is Status.INCONCLUSIVE
    assert verdict(make(0), tmp_path, 0.0, previous=older)[0] is Status.PASS


def test_without_an_earlier_record_or_with_another_probe_in_it_a_rule_on_the_change_is_undecided(
    make: Make, older: Path, worse: Path, tmp_path: Path
) -> None:
    status, message = verdict(older, tmp_path, 0.1)
    assert status is Status.INCONCLUSIVE and "no earlier record to compare with" in message
    few = make(20, limit=6)
    status, message = verdict(worse, tmp_path, 0.9, previous=few)
    assert status is Status.INCONCLUSIVE and "not compared with the earlier record: too few pairs: 6" in message


def test_a_rule_can_bound_the_change_over_a_slice(make: Make, tmp_path: Path, worse: Path) -> None:
    path = tmp_path / "ours.toml"

    def judged(folder: Path, axis: str, most: float, **demands: Any) -> tuple[Status, str]:
        path.write_text(POLICY.format(most=most) + f'slice = {{ axis = "{axis}" }}\n', encoding="utf-8")
        found = commands.review(folder, Demands(policies=(str(path),), **demands)).verdicts[0].findings[0]
        return found.status, found.message

    status, message = judged(worse, "a", 0.1)
    assert status is Status.FAIL and "0.500 → 0.900, by +0.400" in message and "n = 20 pairs" in message
    assert judged(worse, "b", 0.9)[0] is Status.PASS
    status, message = judged(worse, "a", 0.9, previous=make(20, limit=12))
    assert (
        status is Status.INCONCLUSIVE
        and "not compared with the earlier record: 2 of 2: undefined in the baseline" in message
    )


def test_a_schema_can_ask_for_the_change(worse: Path, tmp_path: Path) -> None:
    head = POLICY.format(most=0.1).partition("[[rules]]")[0]
    duty = f'[[duties]]\nid = "no-worse"\ntitle = "No metric is worse"\nrationale = "{"r" * 10}"\n'
    (tmp_path / "ours.toml").write_text(head + duty + 'holds."computed.farther" = { maxItems = 0 }\n')
    assert commands.review(worse, Demands(policies=(str(tmp_path / "ours.toml"),))).status is Status.FAIL


def test_verify_computes_the_comparison_again_and_says_when_it_cannot(older: Path, worse: Path, pack: Path) -> None:
    found = verify(worse, AtHand(previous=older, packs=[pack]))
    assert found.exit_code == 0, found.summary
    assert outcomes(found)["earlier record, fixed before"] == "same"
    alone = verify(worse)
    assert alone.exit_code == 11 and outcomes(alone)[earlier.COMPARISON] == "not_checked"
    assert check_card(Asked(path=worse / "card.json", record=worse)).first_difference is None


@pytest.mark.parametrize("mended", [False, True])
def test_a_change_that_is_prettified_is_found(older: Path, worse: Path, tmp_path: Path, mended: bool) -> None:
    copy = Path(shutil.copytree(worse, tmp_path / "copy"))
    content = json.loads((copy / earlier.COMPARISON).read_text(encoding="utf-8"))
    content["compared"][0]["interval"]["high"] = 0.01
    (copy / earlier.COMPARISON).write_text(schema.canonical_json(content, indent=1) + "\n", encoding="utf-8")
    if mended:
        for name, text in commands.documents(commands.review(copy, Demands())).items():
            (copy / name).write_text(text, encoding="utf-8")
    first = verify(copy, AtHand(previous=older)).first_difference
    assert first is not None and first.what == earlier.COMPARISON
    alone = verify(copy).first_difference
    assert (alone is None) if mended else (alone is not None and alone.what in {"card.json", "verdict.json"})


def test_a_comparison_that_is_taken_away_of_another_record_or_damaged_is_found(
    make: Make, older: Path, worse: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(worse, tmp_path / "copy"))
    (copy / earlier.COMPARISON).unlink()
    assert outcomes(verify(copy, AtHand(previous=older)))["earlier record, fixed before"] == "differs"
    (copy / earlier.COMPARISON).write_text(earlier.text_of(compare(older, make(30))), encoding="utf-8")
    first = verify(copy, AtHand(previous=older)).first_difference
    assert first is not None and first.what == earlier.COMPARISON and "is of another record" in first.detail
    with pytest.raises(RecordError, match="is of another record"):
        commands.review(copy, Demands())
    (copy / earlier.COMPARISON).write_text("{")
    with pytest.raises(RecordError, match="is damaged"):
        commands.review(copy, Demands())


@pytest.mark.parametrize("told", ["auditor:comparison/1", None])
def test_a_comparison_of_an_older_schema_says_what_to_do_and_that_helps(
    auditor_cli: Callable[..., Any], older: Path, worse: Path, pack: Path, tmp_path: Path, told: str | None
) -> None:
    copy = Path(shutil.copytree(worse, tmp_path / "copy"))
    kept = copy / earlier.COMPARISON
    content = {**json.loads(kept.read_text(encoding="utf-8")), "schema": told}
    del content["slices"]
    kept.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecordError, match=r"is not a comparison of schema auditor:comparison/2, got") as caught:
        commands.review(copy, Demands())
    assert "`auditor compare EARLIER RECORD --json > comparison.json`" in caught.value.hint
    first = verify(copy).first_difference
    assert first is not None and first.what == earlier.COMPARISON and caught.value.hint in first.detail
    kept.write_text(auditor_cli("compare", older, copy, "--json").stdout, encoding="utf-8")
    assert verify(copy, AtHand(previous=older, packs=[pack])).exit_code == 0


def test_an_earlier_record_that_nothing_is_counted_from_is_refused(
    auditor_cli: Callable[..., Any], older: Path, worse: Path
) -> None:
    done = auditor_cli("verify", older, "--previous", worse)
    assert done.returncode == 2 and "the record is compared with no earlier one" in done.stderr
    done = auditor_cli("verify", older, "--toxicity", "minilm-toxicity")
    assert done.returncode == 2 and "the record names no classifier" in done.stderr


def test_another_earlier_record_than_the_one_that_was_fixed_is_told(make: Make, worse: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(worse, tmp_path / "copy"))
    other = make(38)
    write(copy, other)
    found = verify(copy, AtHand(previous=other))
    assert outcomes(found)["earlier record, fixed before"] == "differs"
    assert "chosen after the model had answered" in (copy / commands.CARD_MD).read_text(encoding="utf-8")


def test_an_earlier_record_can_be_named_by_its_card_and_a_lone_card_says_what_is_missing(
    older: Path, worse: Path, tmp_path: Path
) -> None:
    assert earlier.find(worse / "card.json")[1] == worse
    shutil.copy(worse / "card.json", tmp_path / "card.json")
    with pytest.raises(RecordError, match="changes are counted sample by sample, and a card holds none"):
        earlier.find(tmp_path / "card.json")
    with pytest.raises(RecordError, match="is the record itself"):
        commands.review(older, Demands(previous=older))


def test_the_command_runs_compares_and_keeps_what_it_compared(
    older: Path, tiny_model: Path, auditor_cli: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("run", "--model", tiny_model, "--probes", "misinformation/claims", "--limit", "4", "--out", out)
    done = auditor_cli(*words, "--previous", older)
    assert done.returncode == 10, done.stderr
    assert (out / earlier.COMPARISON).is_file()
    card = card_of(out)
    assert card.run.previous == load_record(older)[0].digest == card.computed["previous"]["record_digest"]
    assert card.computed["not_compared"][RATE] == "only the baseline has this probe"
    done = auditor_cli("verify", out, "--previous", older)
    assert done.returncode == 0, done.stdout + done.stderr
    done = auditor_cli("run", "--model", tiny_model, "--out", tmp_path / "b", "--previous", tmp_path / "none")
    assert done.returncode == 1 and not (tmp_path / "b").exists()
