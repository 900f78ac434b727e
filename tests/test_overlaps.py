"""From training files to the card: what a run finds of its items, what survives a kill, and what verification sees."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor import commands, policies, probes, record, renderings
from auditor.backends.base import BackendOptions
from auditor.backends.scripted import ScriptedBackend
from auditor.card import build_card
from auditor.computed import contamination, is_computed
from auditor.contamination import training
from auditor.contamination.texts import ItemTexts, compared, items_of
from auditor.diff import diff
from auditor.errors import AuditorError, DataError, InterruptedRun, RecordError
from auditor.exporters.overlap import coverage
from auditor.mutations import self_test
from auditor.plan import limited
from auditor.provenance import datasets
from auditor.provenance.declare import load_declared
from auditor.run import Settings, measure
from auditor.samples import read_scored
from auditor.types import (
    Contamination,
    Fact,
    Interval,
    ItemOverlap,
    LoglikelihoodRequest,
    Metric,
    ModelRef,
    Reason,
    Rule,
    RunRecord,
    Score,
    Status,
    Undefined,
)
from auditor.verify import AtHand, look_again, verify

Cli = Callable[..., subprocess.CompletedProcess[str]]

_SPEC = importlib.util.spec_from_file_location("naive", Path(__file__).parent / "contamination" / "naive.py")
assert _SPEC and _SPEC.loader
naive = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(naive)

PAIRS, QUESTIONS = "bias/crows_pairs/english", "misinformation/truthfulqa"
LIMIT = 120


def nats(request: LoglikelihoodRequest) -> float:
    return -float(len(request.continuation) % 7)


def scripted(ref: ModelRef, options: BackendOptions) -> ScriptedBackend:
    return ScriptedBackend(nats=nats)


def asked(data_dir: Path) -> dict[str, list[ItemTexts]]:
    """Return the items that a run with `LIMIT` asks, by probe."""
    loaded = probes.load_all([PAIRS, QUESTIONS], data_dir=data_dir)
    return {one.id: items_of(one.id, limited(one, seed=0, limit=LIMIT), compared(one)) for one in loaded}


def rows_of(items: dict[str, list[ItemTexts]]) -> list[str]:
    """Return documents with nine pairs whole, parts of six others, and questions, some of them with their answers."""
    pairs, questions = items[PAIRS], items[QUESTIONS]
    long = [one for one in pairs[20:] if len(one.asked[0].split()) >= 15][:6]
    parts = [" ".join(one.asked[0].split()[1:14]) for one in long]
    return [
        *(f"He said: “{one.asked[0].upper()}” — she said: {'; '.join(one.asked[1:])}!" for one in pairs[:9]),
        *(one.asked[0] for one in pairs[9:20] if len(one.asked[0].split()) < 13),  # one sentence of the two
        *(f"And so {part}, which goes on otherwise." for part in parts),
        *(f"Q: {one.asked[0]}? A: {' / '.join(one.answers)}" for one in questions[:5]),
        *(f"Somebody asked {one.asked[0]} and nobody knew." for one in questions[5:12]),
        "Nothing of any benchmark stands in this line, nor in the next one.",
    ]


@pytest.fixture(scope="module")
def documents(data_dir: Path) -> list[str]:
    return rows_of(asked(data_dir))


@pytest.fixture(scope="module")
def trained_on(documents: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "corpus"
    folder.mkdir()
    lines = [json.dumps({"n": n, "text": text}, ensure_ascii=False) for n, text in enumerate(documents)]
    (folder / "a.jsonl").write_text("\n".join(lines[:20]) + "\n", encoding="utf-8")
    (folder / "b.jsonl").write_text("\n".join(lines[20:]) + "\n", encoding="utf-8")
    (folder / "README.md").write_text("A corpus for tests.\n")
    return folder


@pytest.fixture(scope="module")
def asking(tiny_model: Path, data_dir: Path, trained_on: Path) -> Callable[..., Settings]:
    def make(out: Path, **changes: Any) -> Settings:
        base = Settings(
            model=str(tiny_model),
            out=out,
            probes=f"{PAIRS},{QUESTIONS}",
            data_dir=data_dir,
            limit=LIMIT,
            training_data=(trained_on,),
        )
        return msgspec.structs.replace(base, **changes)

    return make


@pytest.fixture(scope="module")
def run(
    asking: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory, unheard: Any
) -> tuple[RunRecord, Path]:
    out = tmp_path_factory.mktemp("runs") / "out"
    found = measure(asking(out), unheard, open_backend=scripted)
    for name, text in commands.documents(commands.assemble(found, [policies.load("baseline")], {})).items():
        record.write_text(out / name, text)
    return found, out


@pytest.fixture
def folder(run: tuple[RunRecord, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(run[1], tmp_path / "copy"))


def told(found: RunRecord) -> Contamination:
    assert found.contamination
    return found.contamination


def items_in(folder: Path) -> list[ItemOverlap]:
    lines = (folder / record.ITEMS).read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=ItemOverlap) for line in lines]


def test_real_items_are_found_as_a_slow_rule_finds_them(
    run: tuple[RunRecord, Path], data_dir: Path, documents: list[str]
) -> None:
    found = items_in(run[1])
    for probe_id, items in asked(data_dir).items():
        own = [one for one in found if one.probe == probe_id]
        assert [one.item for one in own] == [one.item for one in items]
        expected = naive.found_in([(list(one.asked), list(one.answers)) for one in items], documents)
        got = [{name: getattr(one, name) for name in expected[0]} for one in own]
        assert got == expected
    pairs = [one for one in found if one.probe == PAIRS]
    assert sum(one.whole for one in pairs) >= 9
    assert sum(one.n_found > 0 and not one.whole for one in pairs) >= 6
    questions = [one for one in found if one.probe == QUESTIONS]
    assert sum(bool(one.with_answers) for one in questions) >= 5
    assert sum(one.whole and not one.with_answers for one in questions) >= 7
    assert {one.file for one in found} == {"", "corpus/a.jsonl", "corpus/b.jsonl"}


def test_the_record_names_the_files_and_tells_every_rate_with_its_n(
    run: tuple[RunRecord, Path], trained_on: Path
) -> None:
    found = told(run[0])
    assert [file.path for file in found.files] == ["corpus/a.jsonl", "corpus/b.jsonl"]
    assert found.files[0].bytes == (trained_on / "a.jsonl").stat().st_size
    assert found.left_out == {".md": 1}
    assert found.n_documents == len((trained_on / "a.jsonl").read_text().splitlines()) + len(
        (trained_on / "b.jsonl").read_text().splitlines()
    )
    for probe in found.probes:
        for metric in probe.metrics:
            assert metric.scorer == found.rule
            assert metric.n + metric.n_unscored == LIMIT
            assert isinstance(metric, Undefined) or isinstance(metric.interval, Interval)


def test_metrics_without_the_overlap_are_those_of_the_other_samples(run: tuple[RunRecord, Path]) -> None:
    found, out = run
    gone = {one.item for one in items_in(out) if one.probe == PAIRS and one.overlaps}
    result = found.probe_of(PAIRS)
    overlap = told(found).probe(PAIRS)
    assert result and overlap and gone
    rows = read_scored(out / result.samples_file.path)
    kept = [row.score.value for row in rows if row.sample.id not in gone and isinstance(row.score, Score)]
    (metric,) = [one for one in overlap.without if one.key.name == "stereotype_rate_causal"]
    assert isinstance(metric, Metric)
    assert metric.value == pytest.approx(statistics.fmean(kept))
    assert metric.n == len(kept) == LIMIT - len(gone)


def test_where_every_item_overlaps_nothing_is_left_to_measure(
    asking: Callable[..., Settings], data_dir: Path, tmp_path: Path, unheard: Any
) -> None:
    whole = tmp_path / "all.txt"
    whole.write_text("\n".join(" ".join(one.asked) for one in asked(data_dir)[PAIRS]), encoding="utf-8")
    found = measure(asking(tmp_path / "out", probes=PAIRS, training_data=(whole,)), unheard, open_backend=scripted)
    (probe,) = told(found).probes
    rate = probe.metric("overlap_rate")
    assert isinstance(rate, Metric)
    assert rate.value == 1.0
    assert probe.without and all(isinstance(metric, Undefined) for metric in probe.without)


def test_a_resumed_run_finds_the_same_and_refuses_other_training_data(
    run: tuple[RunRecord, Path],
    asking: Callable[..., Settings],
    trained_on: Path,
    tmp_path: Path,
    unheard: Any,
    breaking: Callable[..., Any],
) -> None:
    out = tmp_path / "cut"
    with pytest.raises(InterruptedRun):
        measure(asking(out), unheard, open_backend=breaking(2, nats=nats))
    with pytest.raises(RecordError, match="differs in overlap"):
        measure(asking(out, resume=True, training_data=(trained_on / "a.jsonl",)), unheard, open_backend=scripted)
    with pytest.raises(RecordError, match="differs in overlap"):
        measure(asking(out, resume=True, training_data=()), unheard, open_backend=scripted)
    found = measure(asking(out, resume=True), unheard, open_backend=scripted)
    assert found.clocks.requests_from_journal > 0
    assert found.content_digest == run[0].content_digest


def test_without_training_files_nothing_is_told_but_that(
    asking: Callable[..., Settings], tmp_path: Path, unheard: Any
) -> None:
    found = measure(asking(tmp_path / "out", training_data=(), limit=20), unheard, open_backend=scripted)
    assert not found.contamination
    assert "contamination" not in json.loads((tmp_path / "out/record.json").read_text())
    assert not (tmp_path / "out" / record.ITEMS).exists()
    card = commands.assemble(found, [policies.load("baseline")], {}).card
    assert "contamination" not in card.computed
    for name in ("markdown", "html"):
        assert "could not be looked at, since no training files were given" in renderings.render(card, name)


BAD: dict[str, tuple[bytes, type[AuditorError], str]] = {
    "gone.jsonl": (b"", DataError, "does not exist"),
    "picture.png": (b"x", DataError, "is of no known format"),
    "cut.jsonl.gz": (b"\x1f\x8b\x08\x00", DataError, "cannot be read to its end"),
    "rows.jsonl": (b'{"text": "a"}\n{"text": \n', DataError, "rows.jsonl line 2 is not JSON"),
    "blank.txt": (b" \n --- \n", DataError, "blank.txt holds no text"),
    "numbers.jsonl": (b'{"n": 1}\n', DataError, "numbers.jsonl holds no text"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_file_ends_the_run_before_the_model_is_opened(
    asking: Callable[..., Settings], tmp_path: Path, unheard: Any, name: str
) -> None:
    content, kind, why = BAD[name]
    if content:
        (tmp_path / name).write_bytes(content)

    def never(ref: ModelRef, options: BackendOptions) -> ScriptedBackend:
        raise AssertionError("the model was opened")

    with pytest.raises(kind, match=why):
        measure(asking(tmp_path / "out", training_data=(tmp_path / name,)), unheard, open_backend=never)
    assert not (tmp_path / "out").exists()


def test_a_column_without_text_is_named(asking: Callable[..., Settings], tmp_path: Path, unheard: Any) -> None:
    settings = asking(tmp_path / "out", training_columns=("n",))
    with pytest.raises(DataError, match=r"a\.jsonl holds no text in the column n"):
        measure(settings, unheard, open_backend=scripted)


def test_an_honest_record_verifies_and_the_same_files_give_the_same(
    run: tuple[RunRecord, Path], trained_on: Path, data_dir: Path
) -> None:
    found = verify(run[1], AtHand(data_dir=data_dir))
    assert found.exit_code == 0, found.summary
    assert sum("overlap" in check.what for check in found.checks) == 6
    again = look_again(run[1] / "card.json", [trained_on])
    assert [check.outcome for check in again] == ["same", "same"]


def test_other_training_files_are_found_by_their_digest(
    run: tuple[RunRecord, Path], trained_on: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(trained_on, tmp_path / "corpus"))
    (other / "b.jsonl").write_text((other / "b.jsonl").read_text(encoding="utf-8") + '"more"\n', encoding="utf-8")
    (check,) = look_again(run[1], [other])
    assert check.outcome == "differs"
    assert "b.jsonl" in check.detail


def test_a_look_that_left_a_probe_out_meets_no_duty_about_all_of_them(run: tuple[RunRecord, Path]) -> None:
    found = run[0]
    told = found.contamination
    assert told and isinstance(told, Contamination)
    whole = contamination.compute(found, {})["contamination"]
    assert {"highest", "items"} <= whole.keys() and not whole["unlooked"] and whole["left_out"] == 1
    highs = [rate["high"] for rate in whole["rates"].values()]
    assert whole["highest"] == max(highs) > min(highs)
    named = [*whole, *(f"rates.{probe_id}.{key}" for probe_id, rate in whole["rates"].items() for key in rate)]
    assert [key for key in named if not is_computed(f"computed.contamination.{key}")] == []
    nothing = tuple(
        Undefined(
            key=metric.key,
            slice={},
            reason=Reason.NO_SCORED_SAMPLES,
            n=0,
            n_unscored=5,
            scorer=metric.scorer,
            data_digest=metric.data_digest,
        )
        for metric in told.probes[0].metrics
    )
    first = msgspec.structs.replace(told.probes[0], metrics=nothing)
    partly = msgspec.structs.replace(told, probes=(first, *told.probes[1:]))
    left = contamination.compute(msgspec.structs.replace(found, contamination=partly), {})["contamination"]
    family = first.id.partition("/")[0]
    assert left["unlooked"] == [first.id]
    assert "highest" not in left and family not in left["items"] and len(left["items"]) == len(whole["items"]) - 1


def test_one_of_two_files_of_one_name_is_not_both(
    asking: Callable[..., Settings], tmp_path: Path, unheard: Any
) -> None:
    files = [tmp_path / folder / "a.txt" for folder in ("x", "y")]
    for file in files:
        file.parent.mkdir()
        file.write_text(f"a text of folder {file.parent.name}")
    measure(asking(tmp_path / "out", probes=PAIRS, training_data=tuple(files)), unheard, open_backend=scripted)
    for file in files:
        (check,) = look_again(tmp_path / "out", [file])
        assert check.outcome == "differs" and "a.txt" in check.detail
    assert [check.outcome for check in look_again(tmp_path / "out", files)] == ["same", "same"]


def test_a_file_that_changes_while_it_is_read_ends_the_look(
    asking: Callable[..., Settings], tmp_path: Path, unheard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a text")

    def growing(file: training.TrainingFile, columns: Sequence[str]) -> Iterator[tuple[str, bool]]:
        path.write_text("a text and more")
        yield "a text", True

    monkeypatch.setattr(training, "documents", growing)
    with pytest.raises(DataError, match=r"a\.txt was changed while it was read"):
        measure(asking(tmp_path / "out", training_data=(path,)), unheard, open_backend=scripted)


def edit_items(folder: Path) -> None:
    """Take one item for one that was not found, with every digest mended that does not stand in the plan."""
    path = folder / record.ITEMS
    lines = items_in(folder)
    place = next(n for n, one in enumerate(lines) if one.whole)
    lines[place] = msgspec.structs.replace(lines[place], whole=False, n_found=0, n_covered=0, file="")
    record.write_lines(folder, record.ITEMS, lines)
    content = json.loads((folder / record.RECORD).read_text())
    content["contamination"]["items_file"] = msgspec.to_builtins(
        msgspec.structs.replace(record.schema.digest_file(path), path=record.ITEMS)
    )
    mended = msgspec.convert(content, RunRecord)
    record.save_record(folder, record.seal(mended))


def test_an_edited_item_is_found_though_its_digests_were_mended(folder: Path) -> None:
    whole = (folder / record.ITEMS).read_bytes()
    (folder / record.ITEMS).write_bytes(whole.replace(b'"whole":true', b'"whole":false', 1))
    first = verify(folder).first_difference
    assert first
    assert first.what == "digests"
    (folder / record.ITEMS).write_bytes(whole)
    edit_items(folder)
    differing = {check.what for check in verify(folder).checks if check.outcome == "differs"}
    assert "plan" in differing
    assert any("overlap" in what for what in differing)


@pytest.mark.parametrize("key", ["metrics", "without"])
def test_an_edited_rate_is_found_though_every_digest_was_mended(folder: Path, key: str) -> None:
    content = json.loads((folder / record.RECORD).read_text())
    place = next(n for n, probe in enumerate(content["contamination"]["probes"]) if probe["id"] == PAIRS)
    content["contamination"]["probes"][place][key][0]["value"] += 0.01
    record.save_record(folder, record.seal(msgspec.convert(content, RunRecord)))
    named = [check.detail for check in verify(folder).checks if check.what.startswith(f"{PAIRS} overlap")]
    assert any(".value: the record says" in detail for detail in named)


@pytest.mark.slow
def test_every_alteration_of_a_record_with_training_files_is_found(folder: Path, data_dir: Path) -> None:
    found = self_test(folder, at_hand=AtHand(data_dir=data_dir), places=2)
    assert not found.missed
    assert record.ITEMS in {one.target for one in found.mutations}


def test_a_difference_of_cards_tells_that_overlap_is_no_longer_looked_for(run: tuple[RunRecord, Path]) -> None:
    older = commands.assemble(run[0], [], {}).card
    newer = msgspec.structs.replace(older, contamination=msgspec.UNSET)
    lost = [change for change in diff(older, newer).changes if change.key == f"{PAIRS}:overlap_rate"]
    assert [change.kind for change in lost] == ["escalated"]
    assert not [change for change in diff(older, older).changes if change.area == "metric"]


def test_a_card_without_the_items_file_is_an_error(folder: Path) -> None:
    (folder / record.ITEMS).unlink()
    with pytest.raises(RecordError, match="is missing"):
        record.load_record(folder)


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_the_card_tells_what_was_found_and_the_metrics_without_it(run: tuple[RunRecord, Path], name: str) -> None:
    card = commands.assemble(run[0], [policies.load("baseline")], {}).card
    text = renderings.render(card, name).replace("\\", "")
    overlap = told(run[0]).probe(PAIRS)
    assert overlap
    for metric in (*overlap.metrics, *overlap.without):
        if isinstance(metric, Metric):
            assert f"{metric.value:.3f} [{metric.interval.low:.3f}, {metric.interval.high:.3f}]" in text
    if name == "markdown":
        row = next(line for line in renderings.render(card, name).splitlines() if line.startswith("| bias/crows"))
        assert len(re.findall(r"(?<!\\)\|", row)) == 7
    assert "2 training files" in text
    assert "No training datasets are declared" in text
    assert "corpus/a.jsonl" in text
    assert "1 .md" in text
    assert "no training files were given" not in text
    assert "--training-data FILES" in text


def test_policies_can_ask_for_a_look_and_bound_what_it_finds(
    run: tuple[RunRecord, Path], asking: Callable[..., Settings], tmp_path: Path, unheard: Any
) -> None:
    blind = measure(asking(tmp_path / "out", training_data=()), unheard, open_backend=scripted)
    for policy, duty in (("strict", "overlap"), ("nist-ai-600-1", "ms-2-11-001"), ("fmti-2025", "i046")):
        loaded = policies.load(policy)
        status = {
            found.run.plan_digest: next(
                finding.status
                for finding in commands.assemble(found, [loaded], {}).verdicts[0].findings
                if finding.id == duty
            )
            for found in (blind, run[0])
        }
        assert status[blind.run.plan_digest] is Status.FAIL
        # a partial run measures no family whole, which that action asks for as well; the index asks about other figures
        undecided = status[run[0].run.plan_digest] is Status.INCONCLUSIVE
        assert undecided == (policy == "strict")  # no training data is declared, so the look may be at anything
    card = commands.assemble(run[0], [policies.load("baseline")], {}).card
    told_items = card.computed["contamination"]["items"]
    assert told_items == {"bias": LIMIT, "misinformation": LIMIT}
    assert card.computed["contamination"]["files"] == 2


ALL = "{ name = 'corpus', folder = 'corpus' }"


@pytest.mark.parametrize(
    ("declared", "status", "said"),
    [
        (ALL, Status.PASS, "documented"),
        ("{ name = 'a', folder = 'corpus/a.jsonl' }", Status.PASS, "documented"),
        (f"{ALL}, 'https://owls.example/night'", Status.INCONCLUSIVE, "night of training.datasets (declared without"),
        ("{ name = 'other', folder = 'other' }", Status.FAIL, "over_all_data is not known"),
        ("{ name = 'other', folder = 'other' }, 'https://owls.example/night'", Status.FAIL, "over_all_data"),
        (
            f"{ALL}, {{ name = 'scans', folder = 'scans' }}",
            Status.INCONCLUSIVE,
            "scans of training.datasets (declared without",
        ),
        ("{ name = 'mixed', folder = 'mixed' }", Status.INCONCLUSIVE, "1 of its files are of no format"),
    ],
)
def test_only_a_look_at_all_declared_data_meets_a_duty_about_overlap(
    run: tuple[RunRecord, Path], trained_on: Path, tmp_path: Path, declared: str, status: Status, said: str
) -> None:
    shutil.copytree(trained_on, tmp_path / "corpus")
    shutil.copytree(trained_on, tmp_path / "mixed")
    for name in ("other/x.txt", "scans/page.pdf", "mixed/page.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("something else")
    facts = tmp_path / "facts.toml"
    facts.write_text(f'by = "Us"\ndate = 2026-11-01\n[training]\ndatasets = [{declared}]\n', encoding="utf-8")
    audit = commands.assemble(run[0], [policies.load("strict")], load_declared(facts))
    (finding,) = [found for found in audit.verdicts[0].findings if found.id == "overlap"]
    assert finding.status is status and said in finding.message
    computed = audit.card.computed["contamination"]
    assert ("over_all_data" in computed) == (status is Status.PASS)
    assert "computed.contamination.over_all_data.highest" in finding.looks_at
    sentence = coverage(audit.card)
    assert sentence.startswith("Of ") and ("looked at whole." in sentence) == (status is Status.PASS)


def test_a_look_at_some_columns_leaves_the_rest_unknown(run: tuple[RunRecord, Path], trained_on: Path) -> None:
    part = msgspec.structs.replace(run[0], contamination=msgspec.structs.replace(told(run[0]), columns=("n",)))
    read = {"kind": "folder", "path": "corpus", **datasets._folder(trained_on)}
    fact = Fact(status="declared", value=[{"name": "corpus", "read": read}])
    whole, partly = (contamination.compute(one, {"training.datasets": fact})["contamination"] for one in (run[0], part))
    assert whole["datasets"]["looked_at"] == ["corpus"] and whole["datasets"]["share"] == 1
    assert (
        partly["datasets"]["unknown"] == ["corpus of training.datasets (only n was read of its rows)"]
        and "over_all_data" not in partly
    )


def test_a_rule_on_overlap_is_judged_on_its_interval_and_needs_a_look(run: tuple[RunRecord, Path]) -> None:
    from auditor.rules import outcome_of

    rule = Rule(
        id="seen",
        metric=f"{PAIRS}:overlap_rate",
        max=0.01,
        severity="error",
        basis="organisation",
        rationale="x",
        owner="us",
    )
    card = build_card(run[0], {})
    assert outcome_of(run[0], card, rule).status is Status.FAIL
    wide = msgspec.structs.replace(rule, max=0.9)
    assert outcome_of(run[0], card, wide).status is Status.INCONCLUSIVE, "a partial run"
    unlooked = msgspec.structs.replace(run[0], contamination=msgspec.UNSET)
    assert outcome_of(unlooked, build_card(unlooked, {}), rule).status is Status.INCONCLUSIVE


def test_a_policy_that_names_an_overlap_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(
        'version = "1.0.0"\ntitle = "Ours"\nowner = "us"\ndescription = "What we ask."\n[[rules]]\nid = "seen"\n'
        f'title = "Not seen"\nmetric = "{PAIRS}:overlap_rate"\nmax = 0.05\nmin_n = 100\n'
        'rationale = "What was trained on measures memory."\n'
    )
    loaded = policies.load(str(path))
    policies.check_metrics(loaded, policies.metrics_of(judged_by=[loaded]))


def test_the_command_says_what_is_wrong_with_its_files_and_its_words(auditor_cli: Cli, tmp_path: Path) -> None:
    gone = auditor_cli("run", "--model", "smollm2", "--training-data", tmp_path / "gone", "--out", tmp_path / "out")
    assert gone.returncode == 1
    assert "does not exist" in gone.stderr
    alone = auditor_cli("run", "--model", "smollm2", "--training-column", "text", "--out", tmp_path / "out")
    assert alone.returncode == 2
    assert "--training-data" in alone.stderr
    assert not (tmp_path / "out").exists()
