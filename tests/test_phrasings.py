"""An item asked in several phrasings: what is asked, what counts as independent, and that the spread is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor.backends.scripted import ScriptedBackend
from auditor.errors import PackError
from auditor.exporters.phrasings import spreads
from auditor.plan import make_plan
from auditor.probes import Probe, load_all
from auditor.run import Settings, measure
from auditor.types import LoglikelihoodRequest, Metric, ModelInfo, RunRecord

CONFIG = """
[ask]
kind = "choice"
choices = ["True", "False"]
phrasings = ["plain", "quiz"]
[score]
scorer = "claim_verdict"
cluster_by = "pair"
slice_by = ["topic"]
"""
PROMPT = '{% if phrasing == "plain" %}Is this true? {{ claim }}{% else %}Quiz: {{ claim }}{% endif %}'
ITEMS: list[dict[str, object]] = [
    {"id": f"{n}{side}", "pair": str(n), "topic": "t", "claim": f"{side} claim {n}.", "is_true": side == "true"}
    for n in range(20)
    for side in ("true", "false")
]

Load = Callable[..., Probe]


@pytest.fixture
def load(probe_writer, probe_head: str, tmp_path: Path) -> Load:  # type: ignore[no-untyped-def]
    def make(*, items: list[dict[str, object]] = ITEMS, prompt: str = PROMPT) -> Probe:
        probe_writer(tmp_path / "pack", "misinformation/words", probe_head + CONFIG, items, prompt)
        (probe,) = load_all(["misinformation/words"], (tmp_path / "pack",))
        return probe

    return make


def knows_in_plain_words(request: LoglikelihoodRequest) -> float:
    """A model that answers right when asked plainly, and always says True in a quiz."""
    right = "true" if "true claim" in request.context else "false"
    wanted = right if request.context.startswith("Is this") else "true"
    return -1.0 if request.continuation.strip().lower() == wanted else -2.0


@pytest.fixture
def record(load: Load, tiny_model: Path, tmp_path: Path, unheard) -> Callable[..., RunRecord]:  # type: ignore[no-untyped-def]
    def run(out: str = "out", limit: int | None = None) -> RunRecord:
        load()
        settings = Settings(
            model=str(tiny_model),
            out=tmp_path / out,
            packs=(tmp_path / "pack",),
            probes="misinformation/words",
            limit=limit,
        )
        return measure(settings, unheard, open_backend=lambda *_: ScriptedBackend(nats=knows_in_plain_words))

    return run


def metric(record: RunRecord, name: str, **where: str) -> Metric:
    found = record.metric(f"misinformation/words:{name}", where)
    assert isinstance(found, Metric)
    return found


def test_every_item_is_a_sample_in_each_phrasing_and_one_cluster(load: Load) -> None:
    samples = load().samples
    assert [sample.id for sample in samples[:4]] == ["0true#plain", "0true#quiz", "0false#plain", "0false#quiz"]
    assert {sample.cluster for sample in samples[:4]} == {"0"}
    assert samples[1].slices == {"topic": "t", "phrasing": "quiz"}


def test_the_metric_is_the_mean_over_phrasings_and_its_interval_counts_items_not_phrasings(record) -> None:  # type: ignore[no-untyped-def]
    found = record()
    plain, quiz = (metric(found, "accuracy", phrasing=name) for name in ("plain", "quiz"))
    assert (plain.value, quiz.value) == (1.0, 0.5)
    whole = metric(found, "accuracy")
    assert whole.value == pytest.approx((plain.value + quiz.value) / 2)
    assert (whole.n, whole.n_clusters) == (80, 20)


def test_a_pair_is_right_or_wrong_within_one_phrasing(record) -> None:  # type: ignore[no-untyped-def]
    whole = metric(record(), "pair_accuracy")
    assert (whole.value, whole.n, whole.n_clusters) == (0.5, 40, 20)


def test_the_spread_is_told_and_said_to_be_wider_than_the_interval_only_where_it_is(record) -> None:  # type: ignore[no-untyped-def]
    (probe,) = record().probes
    lines = {line.partition(" ")[0]: line for line in spreads(probe)}
    assert lines["accuracy"] == (
        "accuracy over phrasings: 0.500 (quiz) to 1.000 (plain); moves more with the phrasing than its interval is wide"
    )
    wide = [
        replace(row, interval=replace(row.interval, low=-1.0, high=1.0)) if not row.slice else row
        for row in probe.metrics
        if isinstance(row, Metric)
    ]
    assert not any("moves more" in line for line in spreads(replace(probe, metrics=tuple(wide))))


def test_a_probe_without_phrasings_tells_no_spread(finished: tuple[RunRecord, Path]) -> None:
    assert not any(spreads(probe) for probe in finished[0].probes)


def test_the_card_and_the_console_show_the_spread(record) -> None:  # type: ignore[no-untyped-def]
    from auditor import policies
    from auditor.card import build_card, with_verdicts
    from auditor.exporters import console, markdown
    from auditor.judge import judge

    found = record()
    card = build_card(found, {})
    verdict = judge(found, card, policies.load("baseline"))
    for text in (markdown.render(with_verdicts(card, verdict)), console.render(found, card, [verdict])):
        assert "accuracy over phrasings: 0.500 (quiz) to 1.000 (plain)" in text.replace("\\", "")


@pytest.mark.parametrize("limit", [1, 7, 30])
def test_a_limit_takes_whole_items_in_all_their_phrasings(load: Load, limit: int) -> None:
    backend = ScriptedBackend(nats=knows_in_plain_words)
    model = ModelInfo(
        requested="x", format="safetensors", repository="", revision="", files=(), weights_digest="", facts={}
    )
    (part,) = make_plan([load()], backend, model, seed=0, limit=limit).parts
    items = [sample.id.partition("#")[0] for sample in part.samples]
    assert len(items) == 2 * max(1, limit // 2)
    assert items[::2] == items[1::2]
    assert len(set(items)) == len(items) // 2


def test_a_template_that_does_not_use_the_phrasing_is_refused(load: Load) -> None:
    with pytest.raises(PackError, match="does not use phrasing"):
        load(prompt="Is this true? {{ claim }}")


def test_an_item_cannot_have_a_field_of_that_name(load: Load) -> None:
    with pytest.raises(PackError, match="the name is taken"):
        load(items=[{**ITEMS[0], "phrasing": "mine"}])
