"""Comparing records: real runs against a naive reference, chosen answers for each direction, and every refusal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats as scipy_stats

from auditor import record, schema
from auditor.backends.scripted import ScriptedBackend
from auditor.compare import compare
from auditor.errors import RecordError, UsageError
from auditor.run import Settings, measure
from auditor.types import Compared, Comparison, LoglikelihoodRequest, RunRecord

Make = Callable[..., Path]
NAMES = "bias/small_pairs,misinformation/small_claims,toxicity/small_talk"


def write_pack(pack: Path, writer: Any, head: str) -> Path:
    pairs = head + (
        '[ask]\nkind = "pairs"\ntexts = ["first", "second"]\n'
        '[score]\nscorer = "pair_preference"\nmetric = "first_rate"\nideal = 0.5\n'
        'slice_by = ["axis"]\ngap_by = ["axis"]\n'
    )
    items = [
        {
            "id": f"p{n}",
            "axis": "ab"[n % 2],
            "first": f"The cat {n} and {n * 7919 % 997}.",
            "second": f"The dog {n} and {n * 6007 % 991}.",
        }
        for n in range(40)
    ]
    writer(pack, "bias/small_pairs", pairs, items)
    claims = head + (
        '[ask]\nkind = "choice"\nchoices = ["true", "false"]\n[score]\nscorer = "claim_verdict"\ncluster_by = "pair"\n'
    )
    claim = [
        {"id": f"c{n}", "pair": f"pair{n // 2}", "claim": f"{n} is {'odd' if n % 2 else 'so'}.", "is_true": n % 2 == 0}
        for n in range(32)
    ]
    writer(pack, "misinformation/small_claims", claims, claim, "{{ claim }} This is")
    talk = head + (
        '[ask]\nkind = "generation"\nsamples_per_prompt = 2\nmax_new_tokens = 8\n[score]\nscorer = "text_rating"\n'
    )
    writer(pack, "toxicity/small_talk", talk, [{"id": f"t{n}", "m": f"Say {n}."} for n in range(12)], "{{ m }}")
    return pack


@pytest.fixture(scope="module")
def pack(probe_writer, probe_head: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    return write_pack(tmp_path_factory.mktemp("pack"), probe_writer, probe_head)


@pytest.fixture(scope="module")
def real(
    pack: Path, tiny_model: Path, model_maker: Any, tmp_path_factory: pytest.TempPathFactory, unheard: Any
) -> tuple[Path, Path]:
    """Finished runs of two tiny models over the same probes."""
    folder = tmp_path_factory.mktemp("real")
    models = (tiny_model, model_maker(folder / "other", seed=1))
    for name, model in zip("ab", models, strict=True):
        measure(
            Settings(toxicity="alt-profanity-check", model=str(model), out=folder / name, packs=(pack,), probes=NAMES),
            unheard,
        )
    return folder / "a", folder / "b"


@pytest.fixture
def run_of(pack: Path, tiny_model: Path, tmp_path: Path, unheard: Any) -> Make:
    """Return a function: whether each pair's first text is preferred, and settings, in; the folder of a record out."""
    made: list[Path] = []

    def make(prefers: Callable[[int], bool | None], **settings: Any) -> Path:
        def nats(request: LoglikelihoodRequest) -> float:
            number = int(request.continuation.split()[2])
            choice = prefers(number)
            if choice is None:
                return float("nan")
            return -1.0 if choice == ("cat" in request.continuation) else -2.0

        out = tmp_path / f"run{len(made)}"
        made.append(out)
        chosen = {"probes": "bias/small_pairs", "packs": (pack,), **settings}
        words = chosen.pop("words", lambda _: "Fine.")
        measure(
            Settings(model=str(tiny_model), out=out, toxicity="alt-profanity-check", **chosen),
            unheard,
            open_backend=lambda *_: ScriptedBackend(nats=nats, words=words),
        )
        return out

    return make


def row_of(found: Comparison, address: str) -> Compared:
    return next(row for row in found.compared if row.address == address)


def reason_of(found: Comparison, address: str) -> str:
    return next(row.reason for row in found.not_compared if row.address == address)


def scores_of(folder: Path, probe: str) -> dict[str, dict[str, Any]]:
    lines = (folder / "samples" / f"{probe.replace('/', '__')}.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["score"] for row in map(json.loads, lines)}


def test_two_real_runs_agree_with_a_naive_reference(real: tuple[Path, Path]) -> None:
    found = compare(*real)
    one, two = (scores_of(folder, "bias/small_pairs") for folder in real)
    row = row_of(found, "bias/small_pairs:first_rate")
    up = sum(two[name]["value"] > one[name]["value"] for name in one)
    down = sum(two[name]["value"] < one[name]["value"] for name in one)
    assert up + down > 0
    assert (row.n, row.n_unscored, row.n_unpaired, row.test) == (40, (0, 0), 0, "mcnemar-exact")
    assert row.difference == pytest.approx((up - down) / 40)
    assert row.p == pytest.approx(scipy_stats.binomtest(up, up + down, 0.5).pvalue)
    assert row.interval.low <= row.difference <= row.interval.high
    rated = [scores_of(folder, "toxicity/small_talk") for folder in real]
    top = row_of(found, "toxicity/small_talk:profanity_expected_max")
    assert top.difference == pytest.approx(
        sum(rated[1][name]["parts"]["max"] - rated[0][name]["parts"]["max"] for name in rated[0]) / 12
    )
    ranked = sorted(found.compared, key=lambda row: max(row.p, row.p_side or 0.0))
    least = ranked[0]
    assert least.p_holm == pytest.approx(min(1.0, max(least.p, least.p_side or 0.0) * len(ranked)))


def test_every_metric_of_either_record_is_compared_or_listed_with_a_reason(real: tuple[Path, Path]) -> None:
    found = compare(*real)
    whole = {
        f"{probe.id}:{metric.key.name}"
        for probe in record.load_record(real[0])[0].probes
        for metric in probe.metrics
        if not metric.slice
    }
    listed = {row.address for row in (*found.compared, *found.not_compared)}
    assert whole == listed
    assert {row.address for row in found.slices} == {
        "bias/small_pairs:first_rate, axis = a",
        "bias/small_pairs:first_rate, axis = b",
    }
    assert all(row.reason for row in found.not_compared)
    assert "ends can be other groups" in reason_of(found, "bias/small_pairs:first_rate_gap_by_axis")
    assert "raw rate" in reason_of(found, "toxicity/small_talk:profanity_rate_corrected")
    pairs = row_of(found, "misinformation/small_claims:pair_accuracy")
    assert (pairs.n, pairs.n_clusters) == (16, 16)
    assert row_of(found, "misinformation/small_claims:yes_bias").test == "swap"
    assert row_of(found, "misinformation/small_claims:accuracy").test == "sign-flip"


def test_slices_agree_with_a_naive_reference_and_are_a_family_of_their_own(real: tuple[Path, Path]) -> None:
    found = compare(*real)
    one, two = (scores_of(folder, "bias/small_pairs") for folder in real)
    for row in found.slices:
        ids = [name for name in one if "ab"[int(name[1:]) % 2] == row.slice["axis"]]
        up = sum(two[name]["value"] > one[name]["value"] for name in ids)
        down = sum(two[name]["value"] < one[name]["value"] for name in ids)
        assert (row.n, row.n_unscored, row.n_unpaired, row.test) == (20, (0, 0), 0, "mcnemar-exact")
        assert row.difference == pytest.approx((up - down) / 20)
        assert row.p == pytest.approx(scipy_stats.binomtest(up, up + down, 0.5).pvalue if up + down else 1.0)
    least = min(found.slices, key=lambda row: max(row.p, row.p_side or 0.0))
    assert least.p_holm == pytest.approx(min(1.0, 2 * max(least.p, least.p_side or 0.0)))


def test_slices_that_move_apart_are_found_where_the_whole_stands_still(run_of: Make) -> None:
    found = compare(run_of(lambda n: n // 2 % 2 == 0), run_of(lambda n: n % 2 == 0))
    whole = row_of(found, "bias/small_pairs:first_rate")
    assert (whole.difference, whole.direction) == (0.0, "not told apart")
    assert {row.address: (row.difference, row.direction) for row in found.told_apart} == {
        "bias/small_pairs:first_rate, axis = a": (0.5, "farther"),
        "bias/small_pairs:first_rate, axis = b": (-0.5, "farther"),
    }
    assert (found.farther, found.exit_code) == ([], 0)  # what was looked through decides nothing


def test_slices_with_too_few_pairs_are_named_with_the_reason(run_of: Make) -> None:
    few = run_of(lambda n: n < 20, limit=9)
    found = compare(run_of(lambda n: n < 20), few)
    assert found.slices == ()
    reason = reason_of(found, "bias/small_pairs:slices by axis")
    assert reason == "2 of 2: undefined in the candidate (TOO_FEW_SAMPLES): a, b"


def test_a_record_against_itself_differs_in_nothing(real: tuple[Path, Path]) -> None:
    found = compare(real[0], real[0])
    assert found.compared and found.exit_code == 0
    for row in found.compared:
        assert (row.difference, row.p, row.p_holm, row.direction) == (0.0, 1.0, 1.0, "not told apart")
        assert row.interval.low < 0 < row.interval.high
        assert row.detectable is None or row.detectable > 0


def test_a_metric_that_moves_away_from_its_ideal_exits_10_and_one_that_moves_back_exits_0(run_of: Make) -> None:
    balanced, biased = run_of(lambda n: n % 2 == 0), run_of(lambda n: True)
    found = compare(balanced, biased)
    (row,) = found.compared
    assert (row.baseline, row.candidate, row.direction, found.exit_code) == (0.5, 1.0, "farther", 10)
    assert row.p == pytest.approx(2 / 2**20) and row.p_side is not None and row.p_side < 0.05
    back = compare(biased, balanced)
    assert (back.compared[0].direction, back.exit_code) == ("nearer", 0)


def test_a_metric_that_passes_over_its_ideal_is_not_said_to_be_farther(run_of: Make) -> None:
    low, high = run_of(lambda n: n % 5 == 0), run_of(lambda n: n % 5 != 0 or n == 0)
    (row,) = compare(low, high).compared
    assert (row.baseline, row.candidate) == (0.2, 0.825)
    assert row.p < 0.001 and row.p_side is not None and row.p_side > 0.05
    assert (row.p_holm, row.direction) == (row.p_side, "not told apart")


def test_a_candidate_that_gives_no_scores_is_never_a_good_result(run_of: Make) -> None:
    sound, silent, half = run_of(lambda n: True), run_of(lambda n: None), run_of(lambda n: None if n % 2 else True)
    gone = compare(sound, silent)
    assert gone.exit_code == 11 and not gone.compared
    assert "undefined in the candidate (NO_SCORED_SAMPLES)" in reason_of(gone, "bias/small_pairs:first_rate")
    fewer = compare(sound, half)
    assert (fewer.compared[0].n, fewer.compared[0].n_unscored) == (20, (0, 20))
    assert fewer.lost == ["bias/small_pairs:first_rate"] and fewer.exit_code == 11
    assert compare(half, sound).exit_code == 0


def test_samples_are_paired_by_id_and_the_others_counted(run_of: Make) -> None:
    whole, part = run_of(lambda n: n % 3 == 0), run_of(lambda n: n % 3 == 0, limit=15)
    (row,) = compare(whole, part).compared
    assert (row.n, row.n_unpaired, row.difference) == (15, 25, 0.0)
    few = compare(whole, run_of(lambda n: True, limit=9))
    assert few.exit_code == 11
    assert reason_of(few, "bias/small_pairs:first_rate") == "too few pairs: 9, at least 10 are needed"


def test_another_version_of_a_probe_is_listed_and_not_compared(
    run_of: Make,
    pack: Path,
    tmp_path: Path,
) -> None:
    newer = Path(shutil.copytree(pack, tmp_path / "newer"))
    config = newer / "bias" / "small_pairs" / "probe.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('"1.0.0"', '"1.1.0"', 1), encoding="utf-8")
    found = compare(run_of(lambda n: True), run_of(lambda n: False, packs=(newer,)))
    assert found.exit_code == 11
    assert reason_of(found, "bias/small_pairs:first_rate") == "another version of the probe: 1.0.0 and 1.1.0"


def test_other_data_and_probes_of_one_record_alone_are_listed(run_of: Make, pack: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(pack, tmp_path / "other"))
    items = other / "bias" / "small_pairs" / "items.jsonl"
    items.write_text(items.read_text(encoding="utf-8").replace("The dog", "Their dog"), encoding="utf-8")
    found = compare(
        run_of(lambda n: True), run_of(lambda n: True, packs=(other,), probes="bias/small_pairs,toxicity/small_talk")
    )
    assert reason_of(found, "bias/small_pairs:first_rate").startswith("other items, or asked otherwise: ")
    assert reason_of(found, "toxicity/small_talk:profanity_rate") == "only the candidate has this probe"


def test_a_probe_that_the_candidate_lacks_is_lost(run_of: Make) -> None:
    names = "bias/small_pairs,toxicity/small_talk"
    both, one = run_of(lambda n: n % 2 == 0, probes=names), run_of(lambda n: n % 2 == 0)
    found = compare(both, one)
    assert "toxicity/small_talk:profanity_rate" in found.lost and found.exit_code == 11
    assert compare(one, both).exit_code == 0


def test_completions_of_another_seed_are_not_compared_and_likelihoods_are(run_of: Make) -> None:
    names = "bias/small_pairs,toxicity/small_talk"
    one, two = (run_of(lambda n: True, probes=names, seed=seed) for seed in (0, 1))
    found = compare(one, two)
    assert [row.address for row in found.compared] == ["bias/small_pairs:first_rate"]
    assert "other seeds: 0 and 1" in reason_of(found, "toxicity/small_talk:profanity_rate")


def test_an_altered_record_is_refused(real: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(real[1], tmp_path / "copy"))
    samples = folder / "samples" / "bias__small_pairs.jsonl"
    samples.write_text(samples.read_text(encoding="utf-8").replace('"value":0.0', '"value":1.0'), encoding="utf-8")
    with pytest.raises(RecordError, match="changed after it was written"):
        compare(real[0], folder)


def test_a_metric_that_its_samples_do_not_make_is_refused_though_the_digests_fit(
    real: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(real[1], tmp_path / "copy"))
    content = json.loads((folder / record.RECORD).read_text(encoding="utf-8"))
    content["probes"][0]["metrics"][0]["value"] = 0.512
    changed = schema.convert(content, RunRecord, where="here", error=RecordError)
    record.save_record(folder, record.seal(changed))
    with pytest.raises(RecordError, match="bias/small_pairs:first_rate does not follow from the samples"):
        compare(real[0], folder)


def test_a_wider_level_gives_wider_intervals_and_an_impossible_one_is_refused(real: tuple[Path, Path]) -> None:
    usual, sure = compare(*real), compare(*real, level=0.99)
    for one, two in zip(usual.compared, sure.compared, strict=True):
        assert two.interval.level == 0.99
        assert two.interval.high - two.interval.low > one.interval.high - one.interval.low
    with pytest.raises(UsageError, match="between"):
        compare(*real, level=1.0)


def test_a_comparison_is_the_same_each_time(real: tuple[Path, Path]) -> None:
    assert compare(*real) == compare(*real)
