"""An item asked in several orders of its options: what is asked, what is independent, and that the spread is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from auditor.backends.scripted import ScriptedBackend
from auditor.definition import Ask
from auditor.errors import PackError
from auditor.exporters.phrasings import spreads
from auditor.items import faults_of_orders
from auditor.plan import limited
from auditor.probes import Probe, load_all
from auditor.run import Settings, measure
from auditor.scorers.base import Estimate
from auditor.scorers.claim_verdict import ClaimVerdict
from auditor.stats import proportion_interval
from auditor.types import Answer, LoglikelihoodRequest, Metric, RunRecord, Sample, ScoredSample

ORDERS = [[0, 1, 2], [2, 1, 0], [1, 2, 0]]
NAMES = ["-".join(map(str, order)) for order in ORDERS]
ASK = 'kind = "choice"\nchoices_from = ["correct", "incorrect"]\nletters = true\norders = {}\n'
SCORE = '[score]\nscorer = "multiple_choice"\n'
PROMPT = "{{ asked }}\n{% for option in options %}{{ letters[loop.index0] }}. {{ option }}\n{% endfor %}Answer:"
ITEMS: list[dict[str, object]] = [
    {"id": f"q{n}", "asked": f"How many is {n}?", "correct": [f"it is {n}"], "incorrect": [f"it is {n + 1}", "none"]}
    for n in range(14)
]

Load = Callable[..., Probe]


@pytest.fixture
def load(probe_writer, probe_head: str, tmp_path: Path) -> Load:  # type: ignore[no-untyped-def]
    def make(
        orders: object = ORDERS, *, more: str = "", score: str = SCORE, items: object = ITEMS, prompt: str = PROMPT
    ) -> Probe:
        config = f"{probe_head}[ask]\n{ASK.format(orders)}{more}{score}"
        probe_writer(tmp_path / "pack", "misinformation/counts", config, items, prompt)
        (probe,) = load_all(["misinformation/counts"], (tmp_path / "pack",))
        return probe

    return make


def run(probe: Probe, model: Path, tmp_path: Path, progress, **options) -> RunRecord:  # type: ignore[no-untyped-def]
    settings = Settings(model=str(model), out=tmp_path / "out", packs=(tmp_path / "pack",), probes=probe.id)
    return measure(settings, progress, **options)


def metric(record: RunRecord, name: str, **where: str) -> Metric:
    found = record.metric(f"misinformation/counts:{name}", where)
    assert isinstance(found, Metric)
    return found


def naive_nats(model, text: str, letter: str) -> float:  # type: ignore[no-untyped-def]
    """The log-probability of the two bytes of " A" after a text, by one plain pass over single bytes."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.name_or_path)
    ids = tokenizer(f"{text} {letter}", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logprobs = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return sum(float(logprobs[place - 1, ids[place]]) for place in range(len(ids) - 2, len(ids)))


def naive_order(model, item: dict[str, object], order: list[int]) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Return MC1 and MC2 of one item whose first option is right, asked in one order."""
    options = [*item["correct"], *item["incorrect"]]  # type: ignore[misc]
    listed = "".join(f"{letter}. {options[option]}\n" for letter, option in zip("ABC", order, strict=True))
    nats = {
        option: naive_nats(model, f"{item['asked']}\n{listed}Answer:", letter)
        for letter, option in zip("ABC", order, strict=True)
    }
    mass = sum(math.exp(value) for value in nats.values())
    return float(nats[0] > max(nats[1], nats[2])), math.exp(nats[0]) / mass


def test_a_real_model_is_asked_each_item_in_each_order_and_scored_as_by_hand(  # type: ignore[no-untyped-def]
    load: Load, tiny_model: Path, tmp_path: Path, unheard
) -> None:
    from transformers import AutoModelForCausalLM

    record = run(load(), tiny_model, tmp_path, unheard)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    found = {
        name: [naive_order(model, item, order) for item in ITEMS] for name, order in zip(NAMES, ORDERS, strict=True)
    }
    for name, rows in found.items():
        assert metric(record, "mc1_accuracy", option_order=name).value == pytest.approx(fmean(mc1 for mc1, _ in rows))
        assert metric(record, "mc2_mass", option_order=name).value == pytest.approx(
            fmean(mc2 for _, mc2 in rows), abs=1e-5
        )
    whole, mass = metric(record, "mc1_accuracy"), metric(record, "mc2_mass")
    assert whole.value == pytest.approx(fmean(mc1 for rows in found.values() for mc1, _ in rows))
    assert mass.value == pytest.approx(fmean(mc2 for rows in found.values() for _, mc2 in rows), abs=1e-5)
    assert (whole.n, whole.n_clusters) == (len(ITEMS) * len(ORDERS), len(ITEMS))
    told = spreads(record.probes[0])
    low, high = sorted((fmean(mc1 for mc1, _ in rows), name) for name, rows in found.items())[:: len(ORDERS) - 1]
    assert told[0].startswith(
        f"mc1_accuracy over orders of options: {low[0]:.3f} ({low[1]}) to {high[0]:.3f} ({high[1]})"
    )


def first_letter(request: LoglikelihoodRequest) -> float:
    """A model that always takes the option that is listed first."""
    return -1.0 if request.continuation == " A" else -2.0


def test_a_model_that_takes_the_first_option_is_right_by_place_alone_and_the_card_says_so(  # type: ignore[no-untyped-def]
    load: Load, tiny_model: Path, tmp_path: Path, unheard
) -> None:
    from auditor import policies
    from auditor.card import build_card, with_verdicts
    from auditor.exporters import console, markdown
    from auditor.judge import judge

    record = run(load(), tiny_model, tmp_path, unheard, open_backend=lambda *_: ScriptedBackend(nats=first_letter))
    assert [metric(record, "mc1_accuracy", option_order=name).value for name in NAMES] == [1.0, 0.0, 0.0]
    whole = metric(record, "mc1_accuracy")
    assert whole.value == pytest.approx(1 / 3)
    clusters = [str(item["id"]) for item in ITEMS for _ in ORDERS]
    by_hand = proportion_interval(np.array([1.0, 0.0, 0.0] * len(ITEMS)), clusters)
    assert (whole.interval.low, whole.interval.high) == (by_hand.low, by_hand.high)
    card = build_card(record, {})
    verdict = judge(record, card, policies.load("baseline"))
    line = "mc1_accuracy over orders of options: 0.000 (1-2-0) to 1.000 (0-1-2); moves more with the order of options"
    for text in (markdown.render(with_verdicts(card, verdict)), console.render(record, card, [verdict])):
        assert line in text.replace("\\", "")


def test_every_item_is_a_sample_in_each_order_and_phrasing_and_one_cluster(load: Load) -> None:
    prompt = "{% if phrasing == 'plain' %}" + PROMPT + "{% else %}Quiz: " + PROMPT + "{% endif %}"
    probe = load([[0, 1, 2], [2, 1, 0]], more='phrasings = ["plain", "quiz"]\n', prompt=prompt)
    assert [sample.id for sample in probe.samples[:4]] == [
        "q0#plain#0-1-2",
        "q0#plain#2-1-0",
        "q0#quiz#0-1-2",
        "q0#quiz#2-1-0",
    ]
    assert {sample.cluster for sample in probe.samples[:4]} == {"q0"}
    assert probe.samples[1].slices == {"phrasing": "plain", "option_order": "2-1-0"}
    assert probe.n_items == 4 * len(ITEMS)
    items = [sample.id.partition("#")[0] for sample in limited(probe, seed=0, limit=9)]
    assert len(items) == 8
    assert len(set(items)) == 2


def test_claims_are_paired_within_one_order() -> None:
    scorer = ClaimVerdict()
    rows = [
        ScoredSample(sample=sample, score=scorer.score(sample, [Answer(nats=nats)]))
        for order, nats in (("0-1", (-1.0, -2.0)), ("1-0", (-2.0, -1.0)))
        for side in (True, False)
        for sample in [
            Sample(id=f"{side}#{order}", cluster="a", slices={"option_order": order}, fields={"is_true": side})
        ]
    ]
    (pairs,) = [row for row in scorer.estimate(rows, np.random.default_rng(0)) if row.key.name == "pair_accuracy"]
    assert isinstance(pairs, Estimate)
    assert (pairs.value, pairs.n, pairs.n_clusters) == (0.0, 2, 1)


@pytest.mark.parametrize(
    ("orders", "told"),
    [
        ([[0, 1, 2], [0, 1]], r"\$\.ask\.orders\[1\]: expected 3 options, as the first order has, got 2: \[0, 1\]"),
        ([[0, 1, 2], [0, 1, 1]], r"\$\.ask\.orders\[1\]: expected each option from 0 to 2 once, got \[0, 1, 1\]"),
        ([[1, 2, 3], [3, 2, 1]], r"\$\.ask\.orders\[0\]: expected each option from 0 to 2 once, got \[1, 2, 3\]"),
        ([[0, 1, 2], [2, 1, 0], [0, 1, 2]], r"\$\.ask\.orders\[2\]: the order \[0, 1, 2\] stands in .*\[0\] already"),
        ([[0, 1], [1, 0]], r"items\.jsonl:1: \$: the probe's orders are of 2 options, got 3"),
        ([[0, 1, 2]], r"\$\.ask\.orders: .*at least 2"),
        ([[0, 1, 2], [2, "b", 0]], r"\$\.ask\.orders\[1\]\[1\]: "),
        ([[0, 1, 2], [-1, 1, 0]], r"\$\.ask\.orders\[1\]\[0\]: "),
    ],
)
def test_an_order_that_is_none_is_refused_by_its_place(load: Load, orders: list[list[int]], told: str) -> None:
    with pytest.raises(PackError, match=told):
        load(orders)


def test_orders_of_fixed_choices_must_have_their_number() -> None:
    ask = Ask(kind="choice", choices=("Yes", "No"), orders=((0, 1, 2), (1, 0)))
    (fault,) = faults_of_orders(ask)
    assert fault == "probe.toml: $.ask.orders[0]: expected 2 options, as choices has, got 3: [0, 1, 2]"


def test_orders_and_rotations_are_not_asked_together(load: Load) -> None:
    with pytest.raises(PackError, match=r"\$\.ask\.rotate: asks every rotation"):
        load(more="rotate = true\n")


def test_a_template_that_does_not_list_the_options_is_refused(load: Load) -> None:
    with pytest.raises(PackError, match="does not use options"):
        load(prompt="{{ asked }} Answer:")


def test_an_item_cannot_have_a_field_of_that_name(load: Load) -> None:
    with pytest.raises(PackError, match="option_order: the name is taken"):
        load(items=[{**ITEMS[0], "option_order": "mine"}])
