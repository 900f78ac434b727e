from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from auditor.engine.encoder import Encoder, Heads, pad
from training.calibrate import platt
from training.example import KINDS, Example
from training.fit import Settings, fit, logits_of

WIDTH = 384


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Return a random encoder of two layers and 40 tokens, under the names of the published file."""
    rng = torch.Generator().manual_seed(0)
    shapes = {
        "embeddings.word_embeddings.weight": (40, WIDTH),
        "embeddings.position_embeddings.weight": (64, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for number in range(2):
        for name, rows, columns in (
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", 4 * WIDTH, WIDTH),
            ("output.dense", WIDTH, 4 * WIDTH),
            ("attention.output.LayerNorm", WIDTH, 0),
            ("output.LayerNorm", WIDTH, 0),
        ):
            shapes[f"encoder.layer.{number}.{name}.weight"] = (rows, columns) if columns else (rows,)
            shapes[f"encoder.layer.{number}.{name}.bias"] = (rows,)
    return {
        name: 1 + 0 * torch.zeros(shape)
        if name.endswith("LayerNorm.weight")
        else torch.randn(shape, generator=rng) * 0.05
        for name, shape in shapes.items()
    }


def examples() -> list[Example]:
    """Return texts of three tokens that are toxic where the second is."""
    return [
        Example(
            text=f"1 {word} {other} 2",
            targets=dict.fromkeys(KINDS, float(word >= 20)),
            source="ours",
            part="train" if other % 4 else "calibration",
            cluster=f"{word} {other}",
        )
        for word in range(10, 30)
        for other in range(3, 11)
    ]


def tokens(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def test_the_encoder_equals_transformers_bert(weights) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=40,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=12,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=64,
    )
    bert = BertModel(config, add_pooling_layer=False).eval()
    bert.load_state_dict(weights, strict=False)
    ids = pad([[1, 5, 9, 2], [1, 7, 2]])
    with torch.inference_mode():
        expected = bert(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state
        found = Encoder(weights)(ids)
    there = ids != 0
    assert torch.allclose(found[there], expected[there], atol=1e-5)


def test_training_learns_and_merged_adapters_give_the_same_logits(weights) -> None:
    settings = Settings(adapted=(1,), rank=4, epochs=6, batch=16, threads=1)
    encoder = Encoder(weights)
    model, read = fit(encoder, tokens, examples(), settings)
    logits = logits_of(model, read)
    positive = np.array([example.targets["toxicity"] > 0.5 for example in examples()])
    assert ((logits[:, 0] > 0) == positive).mean() > 0.9
    merged = Encoder(weights)
    merged.merge({name: value.detach() for name, value in model.adapters.items()})
    heads = Heads(len(KINDS)).eval()
    heads.load_state_dict(model.heads.state_dict())
    ids = pad([tokens(example.text) for example in examples()])
    with torch.inference_mode():
        again = heads(merged(ids), ids).numpy()
    assert np.abs(again - logits).max() < 0.02, "half precision of what is kept costs no more"


def test_the_same_seed_gives_the_same_scores_and_leaves_the_global_generator_alone(weights) -> None:
    settings = Settings(adapted=(1,), rank=2, epochs=1, batch=16, threads=1)
    state = torch.random.get_rng_state()
    first, second = (logits_of(*fit(Encoder(weights), tokens, examples(), settings)) for _ in range(2))
    assert np.array_equal(first, second)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_text_is_read_as_another_that_stands_for_it_so_often(weights) -> None:
    never = Settings(adapted=(1,), rank=2, epochs=1, batch=16, threads=1)
    always = msgspec.structs.replace(never, renamed=1)
    rows = [msgspec.structs.replace(one, others=("1 5 5 2",)) if one.part == "train" else one for one in examples()]
    same = [msgspec.structs.replace(one, others=(one.text,)) if one.part == "train" else one for one in examples()]
    alone, instead, itself = (
        logits_of(*fit(Encoder(weights), tokens, used, how))
        for used, how in ((rows, never), (rows, always), (same, always))
    )
    assert not np.allclose(alone, instead, atol=0.01)
    assert np.allclose(alone, itself, atol=0.01)


def test_tokens_are_left_out_in_the_sources_that_are_named(weights) -> None:
    whole = Settings(adapted=(1,), rank=2, epochs=1, batch=16, threads=1)
    for sources, alike in (((), True), (("theirs",), True), (("theirs", "ours"), False)):
        less = msgspec.structs.replace(whole, unread=0.5, unread_in=sources)
        first, second = (logits_of(*fit(Encoder(weights), tokens, examples(), how)) for how in (whole, less))
        assert np.array_equal(first, second) is alike


def test_the_weights_of_the_last_steps_are_averaged(weights) -> None:
    two_steps = Settings(adapted=(1,), rank=2, epochs=1, batch=80, threads=1)
    last, second, both = (
        logits_of(*fit(Encoder(weights), tokens, examples(), msgspec.structs.replace(two_steps, averaged=share)))
        for share in (0, 0.5, 1)
    )
    assert np.array_equal(last, second), "the second of two steps is the last half"
    assert not np.allclose(last, both, atol=1e-6)


def test_texts_that_an_earlier_fit_read_are_not_read_again_and_give_the_same(weights) -> None:
    settings = Settings(adapted=(1,), rank=2, epochs=1, batch=16, threads=1)
    first, read = fit(Encoder(weights), tokens, examples(), settings)
    second, again = fit(Encoder(weights), lambda text: [], examples(), settings, read)
    assert again is read
    assert np.array_equal(logits_of(first, read), logits_of(second, read))


def neutral_mentions(templates: list[str]) -> list[Example]:
    """Return a neutral mention of some group for each template that is named, as often as it is named."""
    targets = dict.fromkeys(KINDS, 0.0)
    return [
        Example(text=f"{n}", targets=targets, source="identity_templates", part="calibration", cluster=template)
        for n, template in enumerate(templates)
    ]


def test_platt_recovers_a_scale_and_shift_and_keeps_neutral_mentions_below_the_operating_point() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, len(KINDS)))
    flags = rng.random(4000) < 1 / (1 + np.exp(-(2 * logits[:, 0] - 1)))
    rows = [
        Example(
            text=str(n), targets=dict.fromkeys(KINDS, float(flag)), source="ours", part="calibration", cluster=str(n)
        )
        for n, flag in enumerate(flags)
    ]
    scale, shift = platt(logits, rows)
    assert (scale[0], shift[0]) == pytest.approx((2, -1), abs=0.2)
    neutral = neutral_mentions([str(n) for n in range(200)])
    high = np.linspace(0, 3, 200)[:, None].repeat(len(KINDS), axis=1)
    scale, shift = platt(np.concatenate([logits, high]), [*rows, *neutral])
    assert (high[:, 0] * scale[0] + shift[0] >= 0).mean() <= 0.02


@pytest.mark.parametrize(("n_templates", "lowered"), [(100, False), (40, True)])
def test_how_often_a_template_was_filled_does_not_lower_the_operating_point(n_templates: int, lowered: bool) -> None:
    rng = np.random.default_rng(1)
    toxic = [msgspec.structs.replace(one, targets=dict.fromkeys(KINDS, 1.0)) for one in neutral_mentions(["t"] * 200)]
    neutral = neutral_mentions([f"{n}" for n in range(n_templates - 1)] + ["filled with many groups"] * 20)
    logits = np.concatenate([rng.normal(2, 1, 200), rng.normal(-3, 0.1, n_templates - 1), np.full(20, 2.0)])
    scale, shift = platt(logits[:, None].repeat(len(KINDS), axis=1), [*toxic, *neutral])
    assert (2.0 * scale[0] + shift[0] < 0) == lowered
