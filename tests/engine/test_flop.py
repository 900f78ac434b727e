"""Operations are those that can be counted by hand, whatever lays out the weights or computes attention."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from auditor.backends.base import by_formula
from auditor.engine.fill import Fill
from auditor.engine.flop import count_causal, count_masked
from auditor.engine.forward import Forward
from auditor.engine.packed import pack_linears

TOKENS, IDS = 24, [5, 6, 7, 8, 9]


def by_hand(config: Any, tokens: int) -> tuple[int, int]:
    """Return the operations a token of a Llama's body and head: its matrices, and scores and sums of attention."""
    width, heads, kept = config.hidden_size, config.num_attention_heads, config.num_key_value_heads
    each = width // heads
    projections = width * heads * each * 2 + width * kept * each * 2
    attention = 2 * heads * each * tokens
    layer = projections + 3 * width * config.intermediate_size + attention
    return 2 * config.num_hidden_layers * layer, 2 * width * config.vocab_size


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_llama_is_counted_as_by_hand(llama: Any, attention: str, packed: bool) -> None:
    model = copy.deepcopy(llama)
    model.set_attn_implementation(attention)
    if packed and not pack_linears(model):
        pytest.skip("this build of torch packs no weights")
    formula = by_formula(sum(one.numel() for one in model.parameters()))
    found = count_causal(Forward(model), IDS, tokens=TOKENS, formula=formula)
    assert (found.method, found.tokens, found.formula) == ("counted", TOKENS, formula.body)
    assert found.by.startswith("torch.utils.flop_counter of torch 2.")
    assert (found.body, found.head) == by_hand(model.config, TOKENS)


def test_a_model_that_cannot_choose_its_logits_has_its_head_in_its_body(llama: Any) -> None:
    forward = Forward(copy.deepcopy(llama))
    forward._keeps = False
    found = count_causal(forward, IDS, tokens=TOKENS, formula=by_formula(1))
    body, head = by_hand(llama.config, TOKENS)
    assert (found.body, found.head) == (body + head, 0)


def test_a_text_of_one_token_can_be_counted(llama: Any) -> None:
    found = count_causal(Forward(llama), IDS, tokens=1, formula=by_formula(1))
    assert found.written == sum(by_hand(llama.config, 1))


def test_a_model_that_fails_or_multiplies_nothing_has_the_formula() -> None:
    formula = by_formula(10)

    class Broken(torch.nn.Module):
        device = torch.device("cpu")
        config = copy.copy(type("Config", (), {"get_text_config": lambda self: self})())

        def forward(self, input_ids: Any, attention_mask: Any = None) -> Any:
            raise RuntimeError("no")

    assert count_causal(Forward(Broken()), IDS, tokens=4, formula=formula) == formula


def test_a_layer_whose_operations_torch_does_not_see_leaves_the_formula(llama: Any) -> None:
    class Own(torch.nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return (inputs.unsqueeze(-2) * self.weight).sum(-1)

    model = copy.deepcopy(llama)
    layer = model.model.layers[0].mlp
    plain = layer.gate_proj
    layer.gate_proj = Own(plain.in_features, plain.out_features, bias=False)
    formula = by_formula(10)
    assert count_causal(Forward(model), IDS, tokens=TOKENS, formula=formula) == formula
    layer.gate_proj = plain
    assert count_causal(Forward(model), IDS, tokens=TOKENS, formula=formula).method == "counted"


@pytest.mark.parametrize("narrow", [False, True])
def test_a_masked_model_is_counted_with_and_without_a_narrow_head(narrow: bool) -> None:
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fill = Fill(BertForMaskedLM(config).eval())
    fill.narrow = narrow
    found = count_masked(fill, IDS, tokens=TOKENS, formula=by_formula(1))
    layer = 4 * 16 * 16 + 2 * 16 * 32 + 2 * 16 * TOKENS
    assert found.written == 2 * (2 * layer + 16 * 16 + 16 * 50)
    assert found.head == (2 * (16 * 16 + 16 * 50) if narrow else 0)
    assert fill.narrow == narrow


def test_what_was_run_is_counted_with_its_padding(llama: Any) -> None:
    from auditor.engine.plan import Row, Target
    from auditor.engine.score import score_rows

    forward = Forward(llama)
    target = Target(number=0, start=1, continuation=(7, 8))
    rows = [Row(ids=(5, 6, 7), targets=(target,)), Row(ids=(5,) * 9, targets=())]
    score_rows(forward, rows, pad=0)
    assert (forward.tokens, forward.predictions) == (18, 4)
