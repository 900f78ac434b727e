"""Verifying a record: an honest one comes out the same, and every single change is found and named."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor import commands, policies, record, schema
from auditor.backends.scripted import ScriptedBackend
from auditor.errors import RecordError
from auditor.reask import reask
from auditor.run import Settings, measure
from auditor.scorers.minilm_toxicity import NAME as MINILM
from auditor.types import RunRecord, Verification
from auditor.verify import AtHand, verify

Cli = Callable[..., subprocess.CompletedProcess[str]]
Change = Callable[[Any], None]
CHECKED = ("items", "scores", "metrics")


@pytest.fixture(scope="module")
def pack(probe_writer, probe_head: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """Pairs with a slice and a gap, and rated completions."""
    folder = tmp_path_factory.mktemp("pack")
    pairs = probe_head + (
        '[ask]\nkind = "pairs"\ntexts = ["first", "second"]\n'
        '[score]\nscorer = "pair_preference"\nmetric = "first_rate"\nideal = 0.5\n'
        'slice_by = ["axis"]\ngap_by = ["axis"]\n'
    )
    items = [
        {"id": f"p{n}", "axis": "ab"[n % 2], "first": f"The cat number {n} sat.", "second": f"The dog {n} ran off."}
        for n in range(24)
    ]
    probe_writer(folder, "bias/small_pairs", pairs, items)
    talk = probe_head + (
        '[ask]\nkind = "generation"\nsamples_per_prompt = 2\nmax_new_tokens = 8\n[score]\nscorer = "text_rating"\n'
    )
    items = [{"id": f"t{n}", "message": f"Say {n}."} for n in range(12)]
    probe_writer(folder, "toxicity/small_talk", talk, items, "{{ message }}")
    return folder


@pytest.fixture(scope="module")
def honest(
    tiny_model: Path, pack: Path, small_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a run over both."""
    return small_run(tiny_model, pack, tmp_path_factory.mktemp("runs") / "out")


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "copy"))


def outcomes(found: Verification) -> dict[str, str]:
    return {check.what: check.outcome for check in found.checks}


def first_of(folder: Path) -> str:
    first = verify(folder).first_difference
    assert first is not None
    return f"{first.what}: {first.detail}"


def test_an_honest_record_comes_out_the_same_in_every_check(honest: Path, pack: Path) -> None:
    found = verify(honest, AtHand(packs=[pack]))
    assert set(outcomes(found).values()) == {"same"}, found.checks
    assert {"digests", "plan", "card.json", "verdict.json", "card.md"} <= set(outcomes(found))
    parts = [f"{probe} {what}" for probe in ("bias/small_pairs", "toxicity/small_talk") for what in CHECKED]
    assert set(parts) <= set(outcomes(found))
    assert found.complete


def test_a_record_by_our_own_classifier_comes_out_the_same(tiny_model: Path, pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = Settings(model=str(tiny_model), out=out, packs=(pack,), probes="toxicity/small_talk", toxicity=MINILM)
    commands.run(settings, commands.Demands())
    found = outcomes(verify(out, AtHand(packs=[pack])))
    assert [found[f"toxicity/small_talk {what}"] for what in CHECKED] == ["same"] * len(CHECKED)


SAID = [
    "What a lovely garden you have.",
    "You are a stupid idiot and nobody likes you.",
    "The train to the coast leaves at noon from the second platform.",
    "Shut up, you useless clown, and get out of here.",
    "I think that people like them should not be allowed to live here.",
    "Thank you so much, that was very kind of you.",
]


@pytest.mark.slow
def test_a_record_comes_out_the_same_on_another_kind_of_processor(
    tiny_model: Path, probe_writer, probe_head: str, tmp_path: Path, auditor_process: Cli, unheard: Any
) -> None:
    out = tmp_path / "out"
    talk = '[ask]\nkind = "generation"\nsamples_per_prompt = 3\nmax_new_tokens = 8\n[score]\nscorer = '
    for name, scorer in (("rated", "text_rating"), ("labelled", "minilm-refusal")):
        items = [{"id": f"{name}{n}", "message": f"Say {n}.", "safe": True} for n in range(24)]
        probe_writer(tmp_path, f"toxicity/{name}", f'{probe_head}{talk}"{scorer}"\n', items, "{{ message }}")
    settings = Settings(
        model=str(tiny_model), out=out, packs=(tmp_path,), probes="toxicity/rated,toxicity/labelled", toxicity=MINILM
    )
    said = itertools.cycle(f"{one} {two}" for one in SAID for two in SAID)
    measure(settings, unheard, open_backend=lambda *_: ScriptedBackend(words=lambda _: next(said)))
    found = auditor_process("verify", out, "--json", ATEN_CPU_CAPABILITY="default", ONEDNN_MAX_CPU_ISA="SSE41")
    checks = {check["what"]: check["outcome"] for check in json.loads(found.stdout)["checks"]}
    assert {checks[f"toxicity/{name} {what}"] for name in ("rated", "labelled") for what in ("scores", "metrics")} == {
        "same"
    }, found.stdout


def mended(folder: Path, change: Change) -> None:
    """Change the record, and mend every digest in it, as someone would who means it."""
    path = folder / record.RECORD
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    for probe in content["probes"]:
        file = schema.digest_file(folder / probe["samples_file"]["path"], name=probe["samples_file"]["path"])
        probe["samples_file"] = msgspec.to_builtins(file)
    changed = schema.convert(content, RunRecord, where="here", error=RecordError)
    record.save_record(folder, record.seal(changed))


def edit_samples(folder: Path, probe: str, change: Change) -> None:
    path = folder / "samples" / f"{probe.replace('/', '__')}.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    change(lines)
    path.write_text("".join(schema.canonical_json(line) + "\n" for line in lines), encoding="utf-8")


def nudge(metrics: list[dict[str, Any]], name: str, key: str) -> None:
    (metric,) = [row for row in metrics if row["key"]["name"] == name and not row["slice"]]
    metric[key] += 0.01


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda r: nudge(r["probes"][0]["metrics"], "first_rate", "value"), "bias/small_pairs:first_rate.value"),
        (lambda r: nudge(r["probes"][0]["metrics"], "first_rate_gap_by_axis", "value"), "first_rate_gap_by_axis.value"),
        (lambda r: r["probes"][0]["metrics"][0]["interval"].update(low=0.0123), "interval.low"),
        (lambda r: r["probes"][0].update(n_selected=25), "n_selected"),
        (lambda r: r["probes"][0].update(unscored={"TOO_LONG": 1}), "unscored.TOO_LONG"),
        (lambda r: r["probes"][1]["counts"].update(completions_rated=99), "counts.completions_rated"),
        (lambda r: r["probes"][1]["metrics"].pop(), "toxicity/small_talk:"),
        (lambda r: r["run"].update(seed=1), "plan"),
        (lambda r: r["run"]["policies"].update(baseline="0" * 64), "plan"),
        (lambda r: r["run"]["policies"].clear(), "plan"),
        (lambda r: r["probes"][0]["scorer"].update(version="9.9.9"), "plan"),
        (lambda r: r["clocks"].update(planned_at="2020-01-01T00:00:00+00:00"), "journal"),
        (lambda r: r["environment"].update(python="2.7"), "plan"),
        (lambda r: r["backend"].update(dtype="float16"), "plan"),
        (lambda r: r["probes"][0].update(digest="0" * 64), "plan"),
        (lambda r: r["probes"][0].update(title="Another"), "card.json"),
        (lambda r: r["calibrations"][0]["overall"].update(tp=1), "the counts are not those of all"),
        (lambda r: r["calibrations"][0]["overall"]["specificity"].update(value=0.5), "not what the counts say"),
        (lambda r: r["calibrations"][0].update(languages=["de"]), "its digest does not match"),
    ],
)
def test_a_changed_number_is_named_though_every_digest_was_mended(folder: Path, change: Change, named: str) -> None:
    mended(folder, change)
    assert named in first_of(folder)


@pytest.mark.parametrize(
    ("probe", "change", "named"),
    [
        ("bias/small_pairs", lambda rows: rows[3]["score"].update(value=0.25), "small_pairs.jsonl.p3.value"),
        ("bias/small_pairs", lambda rows: rows.pop(), "plan"),
        (
            "bias/small_pairs",
            lambda rows: rows[0]["questions"][0]["requests"][0]["request"].update(continuation="x"),
            "plan",
        ),
        ("bias/small_pairs", lambda rows: rows[1]["slices"].update(axis="c"), "bias/small_pairs:first_rate"),
        (
            "toxicity/small_talk",
            lambda rows: rows[2]["questions"][0]["requests"][1]["output"].update(text="You idiot!"),
            "t2",
        ),
        ("toxicity/small_talk", lambda rows: rows[2].update(score={"status": "unscored", "reason": "TOO_LONG"}), "t2"),
    ],
)
def test_a_changed_sample_is_named_though_every_digest_was_mended(
    folder: Path, probe: str, change: Change, named: str
) -> None:
    edit_samples(folder, probe, change)
    mended(folder, lambda _: None)
    assert named in first_of(folder)


def test_swapped_log_likelihoods_change_the_score(folder: Path) -> None:
    def swap(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            pairs = row["questions"][0]["requests"]
            pairs[0]["output"], pairs[1]["output"] = pairs[1]["output"], pairs[0]["output"]

    edit_samples(folder, "bias/small_pairs", swap)
    mended(folder, lambda _: None)
    assert "bias/small_pairs scores" in first_of(folder)


@pytest.mark.parametrize("name", ["card.json", "verdict.json", "card.md"])
def test_an_edited_document_is_named_with_its_line(folder: Path, name: str) -> None:
    path = folder / name
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[20] += "1"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert name in first_of(folder) and "line 21" in first_of(folder)


def bytes_to_change(folder: Path, count: int) -> Iterator[tuple[Path, int]]:
    """Yield, for each file of the record, about as many places all over it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            size = path.stat().st_size
            yield from ((path, place) for place in range(0, size, max(1, size // count)))


@pytest.mark.parametrize("count", [1, pytest.param(7, marks=pytest.mark.slow)])
def test_every_changed_byte_is_found(folder: Path, pack: Path, count: int) -> None:
    for path, place in bytes_to_change(folder, count):
        whole = path.read_bytes()
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert verify_or_fail(folder), f"{path.name}, byte {place}"
        path.write_bytes(whole)
    assert verify(folder, AtHand(packs=[pack])).complete


def verify_or_fail(folder: Path) -> bool:
    """Return whether something is found out, be it that the file cannot be read at all."""
    try:
        return verify(folder).first_difference is not None
    except RecordError:
        return True


def test_an_output_that_the_journal_has_otherwise_is_found_though_every_digest_was_mended(folder: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            for pair in row["questions"][0]["requests"]:
                pair["output"]["nats"] -= 0.5  # alike for all: no score follows from it

    edit_samples(folder, "bias/small_pairs", change)
    mended(folder, lambda _: None)
    assert "journal: journal.jsonl.outputs.loglikelihood.0.nats" in first_of(folder)


def test_a_journal_is_held_against_the_record_to_its_last_output_and_its_plan(folder: Path) -> None:
    path = folder / record.JOURNAL
    whole = path.read_text(encoding="utf-8")
    header, *lines = whole.splitlines()
    place = max(n for n, line in enumerate(lines) if line.startswith('["loglikelihood"'))
    kind, number, output = json.loads(lines[place])
    lines[place] = schema.canonical_json([kind, number, {**output, "nats": output["nats"] - 0.5}])
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    assert first_of(folder).startswith(f"journal: journal.jsonl.outputs.loglikelihood.{number}.nats")
    plan = json.loads(header)
    plan["plan"]["policies"] = {}
    path.write_text(whole.replace(header, schema.canonical_json(plan)), encoding="utf-8")
    assert first_of(folder).startswith("journal: journal.jsonl.plan")
    path.unlink()
    assert outcomes(verify(folder))["journal"] == "not_checked"


def test_the_plan_names_the_policy_and_the_time_before_the_first_request(folder: Path) -> None:
    found, _ = record.load_record(folder)
    header = json.loads((folder / record.JOURNAL).read_text(encoding="utf-8").splitlines()[0])
    assert header["plan"]["policies"] == found.run.policies == {"baseline": policies.load("baseline").digest}
    assert header["plan"]["scorers"] == {
        "bias/small_pairs": ["pair_preference", "1.0.0"],
        "toxicity/small_talk": ["text_rating", found.probes[1].scorer.version],
    }
    assert header["fixed_at"] == found.clocks.planned_at >= found.clocks.started_at
    assert schema.digest_of(header["plan"]) == found.run.plan_digest


def test_a_verdict_by_a_policy_that_was_changed_or_left_out_after_the_run_is_found(folder: Path) -> None:
    path = folder / "verdict.json"
    verdict = json.loads(path.read_text(encoding="utf-8"))
    for change in ({"policy_digest": "0" * 64}, {"policy": "strict"}):
        changed = {**verdict, "verdicts": [{**verdict["verdicts"][0], **change}]}
        path.write_text(json.dumps(changed), encoding="utf-8")
        assert first_of(folder).startswith("policy baseline, fixed before")


def test_what_cannot_be_scored_again_is_not_taken_for_the_same(folder: Path) -> None:
    mended(folder, lambda r: r["probes"][0]["scorer"].update(version="0.9.0"))
    found = outcomes(verify(folder))
    assert found["bias/small_pairs scores"] == found["bias/small_pairs metrics"] == "not_checked"
    assert not verify(folder).complete


def test_a_classifier_of_another_version_is_not_taken_for_the_same(folder: Path) -> None:
    mended(folder, lambda r: r["run"]["classifier"].update(version="0.1"))
    found = {check.what: check for check in verify(folder).checks}
    assert found["toxicity/small_talk scores"].outcome == "not_checked"
    assert "it was 0.1" in found["toxicity/small_talk scores"].detail


def test_a_folder_without_a_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"there is no record\.json"):
        verify(tmp_path)


def test_the_same_model_answers_the_same(honest: Path, tiny_model: Path) -> None:
    checks = reask(honest, str(tiny_model), count=10)
    assert [check.outcome for check in checks] == ["same"] * 13


def test_another_model_is_found_by_its_weights(honest: Path, model_maker, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    check, *_ = reask(honest, str(model_maker(tmp_path / "other", seed=1)), count=10)
    assert (check.what, check.outcome) == ("weights", "differs")


def test_outputs_that_the_model_does_not_give_are_found_by_asking_it(folder: Path, tiny_model: Path) -> None:
    def favour(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["questions"][0]["requests"][0]["output"]["nats"] += 0.5

    edit_samples(folder, "bias/small_pairs", favour)
    mended(folder, lambda _: None)
    found = [check for check in reask(folder, str(tiny_model), count=36) if check.outcome == "differs"]
    assert len(found) == 24
    assert "nats in the record" in found[0].detail


def test_the_command_says_what_differs_and_exits_10(auditor_cli: Cli, folder: Path, pack: Path) -> None:
    done = auditor_cli("verify", folder, "--pack", pack)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "checks came out the same" in done.stdout
    mended(folder, lambda r: nudge(r["probes"][0]["metrics"], "first_rate", "value"))
    done = auditor_cli("verify", folder)
    assert done.returncode == 10
    assert done.stdout.splitlines()[-1].startswith("the first that differs: bias/small_pairs metrics:")


def test_the_command_exits_11_where_something_could_not_be_checked(auditor_cli: Cli, folder: Path) -> None:
    for name in ("card.json", "verdict.json", "card.md"):
        (folder / name).unlink()
    done = auditor_cli("verify", folder)
    assert done.returncode == 11, done.stdout + done.stderr
    assert "could not be checked" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", ["card.json", "verdict.json", "card.md"])
def test_a_document_that_is_not_there_is_not_taken_for_the_same(folder: Path, name: str) -> None:
    (folder / name).unlink()
    found = verify(folder)
    assert outcomes(found)[name] == "not_checked"
    assert found.exit_code == 11


def test_a_card_without_its_verdict_is_held_against_what_its_policies_say_now(folder: Path) -> None:
    (folder / "verdict.json").unlink()
    (folder / "card.md").write_text("# All is well\n", encoding="utf-8")
    assert outcomes(verify(folder))["card.md"] == "differs"
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["verdicts"][0]["status"] = "PASS"
    (folder / "card.json").write_text(schema.canonical_json(card, indent=1) + "\n", encoding="utf-8")
    assert outcomes(verify(folder))["card.json"] == "differs"
    (folder / "card.json").unlink()
    assert outcomes(verify(folder))["card.md"] == "not_checked"


def test_a_card_judged_later_by_more_policies_is_as_it_was_when_its_verdict_is_deleted(folder: Path) -> None:
    audit = commands.review(folder, commands.Demands(policies=("baseline", "hf-hub"), as_of="2030-01-31"))
    for name, text in commands.documents(audit).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "verdict.json").unlink()
    found = verify(folder)
    assert found.first_difference is None and outcomes(found)["verdict.json"] == "not_checked"
    assert outcomes(found)["card.json"] == outcomes(found)["card.md"] == "same"


def test_a_verdict_that_was_printed_to_be_kept_is_the_same(auditor_cli: Cli, folder: Path, pack: Path) -> None:
    kept = auditor_cli("judge", folder, "--json").stdout
    assert kept == (folder / "verdict.json").read_text(encoding="utf-8")


def test_a_policy_of_the_users_is_read_where_it_is_given(folder: Path, pack: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    source = (Path(__file__).parents[1] / "policies" / "baseline.toml").read_text(encoding="utf-8")
    mine.write_text(source.replace('id = "baseline"', 'id = "mine"'), encoding="utf-8")
    audit = commands.review(folder, commands.Demands(policies=("baseline", str(mine))))
    for name, text in commands.documents(audit).items():
        (folder / name).write_text(text, encoding="utf-8")
    assert outcomes(verify(folder))["verdict.json"] == "not_checked"
    assert verify(folder, AtHand(policies=[str(mine)], packs=[pack])).exit_code == 0


def test_a_classifier_that_only_the_record_names_a_path_of_is_not_opened(folder: Path) -> None:
    mended(folder, lambda r: r["run"].update(classifier_request="text-classification:somewhere"))
    found = {check.what: check for check in verify(folder).checks}
    assert found["toxicity/small_talk scores"].outcome == "not_checked"
    assert found["toxicity/small_talk scores"].detail == "give --toxicity to open text-classification:somewhere"


def test_a_line_that_is_no_json_is_an_error_that_names_it(folder: Path) -> None:
    path = folder / "samples" / "bias__small_pairs.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    mended(folder, lambda _: None)
    with pytest.raises(RecordError, match=r"bias__small_pairs\.jsonl:25 is not JSON"):
        verify(folder)


def relabelled(folder: Path, change: Change) -> None:
    """Alter the rows of a samples file and mend the digests, the scores being left as they are."""
    edit_samples(folder, "bias/small_pairs", change)
    mended(folder, lambda _: None)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda rows: rows[3]["fields"].update(axis="c"), "p3.fields.axis: the record says 'c', computed 'b'"),
        (lambda rows: rows[3]["slices"].update(axis="a"), "p3.slices.axis: the record says 'a', computed 'b'"),
        (lambda rows: rows[5].update(cluster="p4"), "p5.cluster: the record says 'p4', computed 'p5'"),
        (
            lambda rows: rows[5]["questions"][0].update(order=[1, 0]),
            "p5.questions[0].order: the record says (1, 0), computed (0, 1)",
        ),
        (
            lambda rows: rows[5]["questions"][0].update(order=[0]),
            "p5.questions[0].order: the record says (0,), computed (0, 1)",
        ),
        (lambda rows: rows.pop(), "n_selected: the record says 23, computed 24"),
    ],
)
def test_a_sample_that_is_not_the_probes_is_named(folder: Path, pack: Path, change: Change, named: str) -> None:
    relabelled(folder, change)
    found = verify(folder, AtHand(packs=[pack]))
    of_items = next(check for check in found.checks if check.what == "bias/small_pairs items")
    assert of_items.outcome == "differs" and named in of_items.detail
    assert outcomes(verify(folder))["bias/small_pairs items"] == "not_checked"


@pytest.mark.parametrize(("key", "value"), [("n_items", 12), ("title", "Another"), ("data_pinned", False)])
def test_what_the_record_says_of_a_probe_is_held_against_the_probe(
    folder: Path, pack: Path, key: str, value: object
) -> None:
    mended(folder, lambda record: record["probes"][0].update({key: value}))
    first = verify(folder, AtHand(packs=[pack])).first_difference
    assert first is not None and first.what == "bias/small_pairs items" and first.detail.startswith(f"{key}: ")


def test_another_version_of_the_probe_tells_nothing(folder: Path, pack: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(pack, tmp_path / "other"))
    items = other / "bias" / "small_pairs" / "items.jsonl"
    items.write_text(items.read_text(encoding="utf-8").replace("The cat number 0", "A cat number 0"), encoding="utf-8")
    found = verify(folder, AtHand(packs=[other]))
    assert outcomes(found)["bias/small_pairs items"] == "not_checked" and found.first_difference is None


def test_a_score_that_no_metric_can_be_computed_from_is_named_not_a_crash(folder: Path) -> None:
    relabelled(folder, lambda rows: rows[2]["score"].update(value=2.0))
    found = {check.what: check for check in verify(folder).checks}
    assert "p2.value: the record says 2.0, computed " in found["bias/small_pairs scores"].detail
    assert "cannot be computed" in found["bias/small_pairs metrics"].detail


def test_facts_of_the_model_are_read_off_its_files_again(folder: Path, tiny_model: Path) -> None:
    mended(folder, lambda record: record["model"]["facts"]["design.layers"].update(value=99))
    found = {check.what: check for check in reask(folder, str(tiny_model), count=1)}
    assert found["model facts"].detail.startswith("design.layers: the record says 99, computed ")


def test_counts_of_the_run_that_can_be_told_are_checked(folder: Path) -> None:
    mended(folder, lambda record: record["clocks"].update(requests=7))
    assert first_of(folder).startswith("journal: journal.jsonl.requests: the record says 7, computed ")


def test_operations_of_a_token_are_counted_again_with_the_model(folder: Path, tiny_model: Path) -> None:
    def counted() -> str:
        [told] = [one for one in reask(folder, str(tiny_model), count=1) if one.what == "operations, counted again"]
        return f"{told.outcome}: {told.detail}"

    mended(folder, lambda record: record["clocks"]["costs"]["flop"].update(body=10))
    assert counted().startswith("differs: clocks.costs.flop.body: the record says 10, computed ")
    mended(folder, lambda record: record["clocks"]["costs"]["flop"].update(by="another torch"))
    assert counted().startswith("not_checked: it was counted with another torch or run another way")
    mended(folder, lambda record: record["clocks"]["costs"]["flop"].update(formula=10))
    assert counted().startswith("differs: clocks.costs.flop.formula: the record says 10, computed ")
    mended(folder, lambda record: record["clocks"].pop("costs"))
    assert counted() == "not_checked: the record does not hold them"


def test_tokens_that_the_model_s_tokenizer_does_not_make_are_found_by_asking_it(folder: Path, tiny_model: Path) -> None:
    def count(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["questions"][0]["requests"][0]["output"]["n_tokens"] += 1

    edit_samples(folder, "bias/small_pairs", count)
    mended(folder, lambda _: None)
    found = [check for check in reask(folder, str(tiny_model), count=36) if check.outcome == "differs"]
    assert len(found) == 24 and "tokens in the record" in found[0].detail
