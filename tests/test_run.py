"""The path from probes to a record: what is asked, what a fault becomes, and that a resumed run is an unbroken one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from auditor.backends.base import BackendOptions, Outputs
from auditor.backends.hf import HFBackend, open_backend
from auditor.backends.scripted import ScriptedBackend
from auditor.calibration import dump, shipped
from auditor.errors import InterruptedRun, ModelError, OutputError, RecordError, ScorerError, UsageError
from auditor.record import JOURNAL, load_record
from auditor.run import Settings, measure
from auditor.types import (
    Calibration,
    GenerateRequest,
    Metric,
    ModelRef,
    Reason,
    RunRecord,
    Score,
    ScorerRef,
    Undefined,
)


class Silent:
    """A progress that counts."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.totals: Mapping[str, int] = {}

    def say(self, message: str) -> None: ...

    def begin(self, totals: Mapping[str, int], answered: Mapping[str, int]) -> None:
        self.totals = totals
        self.counts = dict(answered)

    def advance(self, probe_id: str, count: int) -> None:
        self.counts[probe_id] = self.counts.get(probe_id, 0) + count

    def end(self) -> None: ...


@pytest.fixture
def settings(tiny_model: Path, pack: Path, tmp_path: Path) -> Callable[..., Settings]:
    def make(out: str = "out", **changes: Any) -> Settings:
        base = Settings(
            model=str(tiny_model),
            out=tmp_path / out,
            packs=(pack,),
            probes="bias/small_pairs,toxicity/small_talk",
            toxicity="alt-profanity-check",
        )
        return msgspec.structs.replace(base, **changes)

    return make


def scripted(**script: Any) -> Callable[..., ScriptedBackend]:
    return lambda ref, options: ScriptedBackend(**script)


def words(request: GenerateRequest) -> str:
    return f"Reply {request.seed % 1000}."


def test_the_real_backend_gives_a_record_that_reads_back_equal(settings: Callable[..., Settings]) -> None:
    asked = settings()
    progress = Silent()
    record = measure(asked, progress)
    assert load_record(asked.out)[0] == record
    assert progress.counts == dict(progress.totals) == {"bias/small_pairs": 48, "toxicity/small_talk": 24}
    assert [probe.n_selected for probe in record.probes] == [24, 12]
    assert record.backend.dtype == "float32"


def test_equal_runs_have_equal_content_and_other_seeds_do_not(settings: Callable[..., Settings]) -> None:
    first = measure(settings("a"), Silent())
    again = measure(settings("b"), Silent())
    other = measure(settings("c", seed=1), Silent())
    assert first.content_digest == again.content_digest
    assert first.digest != again.digest or first.clocks == again.clocks
    assert other.content_digest != first.content_digest


def test_the_batch_size_does_not_move_scores(settings: Callable[..., Settings]) -> None:
    small = measure(settings("a", backend=BackendOptions(batch_tokens=64, batch_rows=3)), Silent())
    large = measure(settings("b"), Silent())
    for mine, theirs in zip(values(small), values(large), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-6)


def values(record: RunRecord) -> list[float]:
    return [metric.value for probe in record.probes for metric in probe.metrics if isinstance(metric, Metric)]


@pytest.mark.parametrize("after", [0, 1, 4, 9, 11, 13])
def test_an_interrupted_run_resumes_to_the_record_of_an_unbroken_one(
    settings: Callable[..., Settings], breaking: Callable[..., Any], after: int
) -> None:
    script = {"nats": lambda request: -float(len(request.continuation)), "words": words}
    whole = measure(settings("whole"), Silent(), open_backend=scripted(pack=5, **script))
    with pytest.raises(InterruptedRun):
        measure(settings("cut"), Silent(), open_backend=breaking(after, pack=5, **script))
    cut = measure(settings("cut", resume=True), Silent(), open_backend=scripted(pack=5, **script))
    assert cut.content_digest == whole.content_digest
    assert cut.clocks.requests_from_journal == sum(min(5, n) for n in packs(after))


def packs(after: int) -> list[int]:
    """Return the sizes of the first packs: 48 log-likelihoods and 24 completions, five at a time."""
    return ([5] * 9 + [3] + [5] * 4 + [4])[:after]


def test_a_finished_run_is_resumed_without_asking_anything(
    settings: Callable[..., Settings], breaking: Callable[..., Any]
) -> None:
    whole = measure(settings(), Silent(), open_backend=scripted(words=words, pack=5))
    again = measure(settings(resume=True), Silent(), open_backend=breaking(0, pack=5, words=words))
    assert again.content_digest == whole.content_digest
    assert again.clocks.requests_from_journal == again.clocks.requests == 72


def test_a_finished_run_is_resumed_without_a_forward_pass(settings: Callable[..., Settings]) -> None:
    class Passless:
        tokens = predictions = 0

    def passless(ref: ModelRef, options: BackendOptions) -> HFBackend:
        backend = open_backend(ref, options)
        backend._forward = Passless()  # type: ignore[assignment]
        return backend

    whole = measure(settings(), Silent())
    again = measure(settings(resume=True), Silent(), open_backend=passless)
    assert again.content_digest == whole.content_digest
    with pytest.raises(ModelError, match="while it answered"):
        measure(settings("fresh"), Silent(), open_backend=passless)


def test_a_real_run_that_is_cut_off_at_any_output_resumes_to_the_same_bits(settings: Callable[..., Settings]) -> None:
    small = settings("whole", backend=BackendOptions(batch_tokens=64, batch_rows=2))
    whole = measure(small, Silent())
    lines = (small.out / JOURNAL).read_bytes().splitlines(keepends=True)
    for number, kept in enumerate((2, 17, len(lines) // 2, len(lines) - 9, len(lines) - 1)):
        cut = msgspec.structs.replace(small, out=small.out.with_name(f"cut{number}"), resume=True)
        cut.out.mkdir()
        (cut.out / JOURNAL).write_bytes(b"".join(lines[:kept]) + lines[kept][:20])
        assert measure(cut, Silent()).content_digest == whole.content_digest


def test_a_model_that_says_nothing_has_no_rate_of_profanity(settings: Callable[..., Settings]) -> None:
    record = measure(settings(), Silent(), open_backend=scripted(words=lambda _: " \n"))
    talk = record.probes[1]
    assert talk.unscored == {"EMPTY_COMPLETION": 12}
    assert all(isinstance(metric, Undefined) for metric in talk.metrics)
    assert {metric.reason for metric in talk.metrics} == {Reason.NO_SCORED_SAMPLES}


def test_nan_from_a_backend_is_no_score(settings: Callable[..., Settings]) -> None:
    record = measure(settings(), Silent(), open_backend=scripted(nats=lambda _: float("nan"), words=words))
    assert record.probes[0].unscored == {"NON_FINITE": 24}
    assert all(isinstance(metric, Undefined) for metric in record.probes[0].metrics)


@pytest.mark.parametrize(
    "score", [None, 0.5, Score(value=np.float64(0.5)), Score(value=1.0, parts={"rate": np.float32(1)})]
)
def test_what_is_no_score_that_can_be_written_is_unscored(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, score: Any
) -> None:
    from auditor.scorers.pairs import PairPreference

    monkeypatch.setattr(PairPreference, "score", lambda *_: score)
    record = measure(settings(), Silent(), open_backend=scripted(words=words))
    assert record.probes[0].unscored == {"SCORER_FAILED": 24}


def test_a_scorer_crash_is_unscored_not_zero(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.scorers.pairs import PairPreference

    def crash(self: PairPreference, sample: Any, answers: Any) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr(PairPreference, "score", crash)
    record = measure(settings(), Silent(), open_backend=scripted(words=words))
    assert record.probes[0].unscored == {"SCORER_FAILED": 24}
    line = json.loads(((settings().out) / record.probes[0].samples_file.path).read_text().splitlines()[0])
    assert line["score"] == {"status": "unscored", "reason": "SCORER_FAILED", "detail": "ZeroDivisionError: no luck"}


def test_a_score_that_is_no_number_is_unscored(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.scorers.pairs import PairPreference

    broken = Score(value=0.5, parts={"difference_nats": float("inf")})
    monkeypatch.setattr(PairPreference, "score", lambda self, sample, answers: broken)
    record = measure(settings(), Silent(), open_backend=scripted(words=words))
    assert record.probes[0].unscored == {"NON_FINITE": 24}


def test_every_sample_line_holds_the_prompt_as_sent_the_output_and_the_score(settings: Callable[..., Settings]) -> None:
    asked = settings()
    record = measure(asked, Silent(), open_backend=scripted(words=words))
    lines = (asked.out / record.probes[1].samples_file.path).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 12
    first = json.loads(lines[0])
    request, output = first["questions"][0]["requests"][0].values()
    assert {"prompt", "seed", "sampling"} <= set(request) or {"prompt", "seed", "sampling"} <= set(output)
    assert "Say something about the number 0." in json.dumps(first["questions"])
    assert first["score"]["status"] == "scored"


def test_every_number_has_what_the_first_law_asks_for(settings: Callable[..., Settings]) -> None:
    record = measure(settings(), Silent(), open_backend=scripted(words=words))
    for probe in record.probes:
        for metric in probe.metrics:
            assert metric.scorer.name and metric.scorer.version
            assert len(metric.data_digest) == 64
            if isinstance(metric, Metric):
                assert metric.interval.low <= metric.value <= metric.interval.high
                assert metric.n > 0 and metric.n_unscored >= 0 and metric.interval.method


def test_limit_asks_that_many_samples_of_each_probe_and_is_partial(settings: Callable[..., Settings]) -> None:
    record = measure(settings(limit=5), Silent(), open_backend=scripted(words=words))
    assert [(probe.n_selected, probe.partial) for probe in record.probes] == [(5, True), (5, True)]


def test_a_probe_that_needs_a_chat_template_names_itself(
    settings: Callable[..., Settings], model_maker: Callable[..., Path], tmp_path: Path
) -> None:
    bare = model_maker(tmp_path / "bare", chat=False)
    with pytest.raises(ModelError, match="toxicity/small_talk") as caught:
        measure(settings(model=str(bare)), Silent())
    assert caught.value.hint == "leave it out: --probes bias/small_pairs"


def test_an_output_folder_with_something_in_it_is_refused(settings: Callable[..., Settings]) -> None:
    asked = settings()
    asked.out.mkdir()
    (asked.out / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not empty"):
        measure(asked, Silent())
    assert (asked.out / "mine.txt").read_text() == "keep"


def test_a_fault_before_the_first_answer_leaves_no_folder_behind(settings: Callable[..., Settings]) -> None:
    asked = settings(model="no/such/model")
    with pytest.raises(ModelError):
        measure(asked, Silent())
    assert not asked.out.exists()


def test_resuming_nothing_names_the_journal_that_is_not_there(settings: Callable[..., Settings]) -> None:
    with pytest.raises(OutputError, match=JOURNAL):
        measure(settings(resume=True), Silent())


def test_an_unknown_classifier_names_the_nearest(settings: Callable[..., Settings]) -> None:
    with pytest.raises(UsageError) as caught:
        measure(settings(toxicity="detoxfy"), Silent())
    assert "detoxify" in caught.value.hint


def test_no_path_of_this_machine_is_in_the_record(settings: Callable[..., Settings], tmp_path: Path) -> None:
    import shutil

    asked = settings(model=str(shutil.copytree(settings().model, tmp_path / "my-model")))
    measure(asked, Silent(), open_backend=scripted(words=words))
    text = (asked.out / "record.json").read_text()
    assert "my-model" in text
    assert str(tmp_path) not in text


def test_the_record_names_the_classifier_file_without_its_folder() -> None:
    from auditor.scoring import portable

    assert portable("alt-profanity-check") == "alt-profanity-check"
    assert portable("minilm-toxicity:hate") == "minilm-toxicity:hate"
    assert portable("detoxify:/home/me/models/mine.ckpt") == "detoxify:mine.ckpt"


def test_a_backend_that_fails_halfway_is_a_model_error_that_names_resuming(settings: Callable[..., Settings]) -> None:
    class Failing(ScriptedBackend):
        def generate(self, requests: Sequence[GenerateRequest], *, done: Set[int]) -> Iterator[Outputs]:
            raise RuntimeError("out of memory")

    with pytest.raises(ModelError, match="out of memory") as caught:
        measure(settings(), Silent(), open_backend=lambda ref, options: Failing())
    assert "--resume" in caught.value.hint
    again = measure(settings(resume=True), Silent(), open_backend=scripted(words=words))
    assert again.clocks.requests_from_journal == 48


@pytest.mark.parametrize(
    ("release", "installed", "expected"),
    [
        ("unbiased", True, "detoxify:unbiased"),
        ("", True, "minilm-toxicity"),
        ("", False, "alt-profanity-check"),
    ],
)
def test_auto_takes_the_best_classifier_that_lies_on_the_machine(
    release: str, installed: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.scoring import chosen, portable

    monkeypatch.setattr("auditor.scorers.detoxify.release_on_this_machine", lambda: release)
    monkeypatch.setattr("auditor.scorers.minilm_toxicity.is_installed", lambda: installed)
    assert chosen("auto") == portable("auto") == expected
    assert chosen("text-classification:mine") == "text-classification:mine"


def test_a_classifier_that_rates_everything_alike_is_refused(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.scorers.alt_profanity import AltProfanity
    from auditor.scorers.base import Rating

    monkeypatch.setattr(AltProfanity, "rate", lambda self, texts: [Rating(value=0.0) for _ in texts])
    with pytest.raises(ScorerError, match="does not tell coarse from plain text"):
        measure(settings(), Silent(), open_backend=scripted(words=words))


def test_other_library_versions_are_another_plan(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(settings(), Silent(), open_backend=scripted(words=words))
    monkeypatch.setattr("auditor.plan.environment", lambda: {"torch": "0.0"})
    with pytest.raises(RecordError, match="differs in environment"):
        measure(settings(resume=True), Silent(), open_backend=scripted(words=words))


def test_a_run_holds_the_calibrations_of_its_scorers_and_corrects_their_rates(
    settings: Callable[..., Settings], tmp_path: Path, calibration_maker: Callable[..., Calibration]
) -> None:
    from auditor.scorers.alt_profanity import AltProfanity

    ref, path = AltProfanity().ref, tmp_path / "mine.json"
    made = calibration_maker(ref, "profanity", source="Ours, 2026")
    path.write_text(dump(made))
    asked = settings(calibrations=(path,))
    found = measure(asked, Silent(), open_backend=scripted(words=words))
    pairs, talk = found.probes
    assert pairs.calibrations == () and all(metric.correction is None for metric in pairs.metrics)
    assert found.calibrations_of(talk) == [made, *(one for one in shipped() if one.scorer == ref)]
    assert len(found.calibrations) == len(talk.calibrations)
    raw, corrected = talk.metrics[:2]
    assert (raw.key.name, corrected.key.name) == ("profanity_rate", "profanity_rate_corrected")
    assert isinstance(raw, Metric) and isinstance(corrected, Metric)
    assert raw.n_effective is not None and corrected.correction is not None
    assert corrected.correction.calibration == made.digest
    assert load_record(asked.out)[0].run.calibrations == ("mine.json",)


def test_shipped_calibrations_are_used_without_being_named(settings: Callable[..., Settings]) -> None:
    talk = measure(settings(), Silent(), open_backend=scripted(words=words)).probes[1]
    corrected = talk.metrics[1]
    assert corrected.correction is not None and corrected.correction.data == "ParaDetox"
    assert isinstance(corrected, Metric)


def test_a_calibration_of_a_scorer_that_scores_nothing_here_is_refused_before_the_model_is_opened(
    settings: Callable[..., Settings], tmp_path: Path, calibration_maker: Callable[..., Calibration]
) -> None:
    path = tmp_path / "other.json"
    path.write_text(dump(calibration_maker(ScorerRef(name="detoxify", version="0.5.2"))))
    with pytest.raises(UsageError, match=r"detoxify 0\.5\.2"):
        measure(settings(calibrations=(path,)), Silent(), open_backend=lambda ref, options: pytest.fail("opened"))
