"""A small BERT that reads texts for a classifier: MiniLM's six layers in plain PyTorch, with low-rank adapters.

The layers can be run in two parts, so that training computes what lies under its adapters once. For use, adapters are
added into the weights they adapt, and cost nothing.

Source: Devlin et al. 2019, "BERT" (post-norm layers); Wang et al. 2020, "MiniLM"; Hu et al. 2022, "LoRA", §4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

ADAPTED = ("query", "key", "value", "attention_out", "widen", "narrow")
_HEADS = 12
_EPS = 1e-12
_WIDTH = 384
_STORED = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "norm": "output.LayerNorm",
}


class Adapted(nn.Module):
    """A frozen linear layer and the low-rank change to it that is trained: `W x + B A x`, where B starts at 0."""

    def __init__(self, linear: nn.Linear, rank: int, rng: torch.Generator) -> None:
        super().__init__()
        self.linear = linear
        self.a = nn.Parameter(torch.randn(rank, linear.in_features, generator=rng) / linear.in_features**0.5)
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs [..., out features] of inputs [..., in features]."""
        outputs: Tensor = self.linear(inputs) + (inputs @ self.a.T) @ self.b.T
        return outputs


class Layer(nn.Module):
    """Self-attention and a feed-forward network, each added to its input and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.attention_out = (nn.Linear(_WIDTH, _WIDTH) for _ in range(4))
        self.widen = nn.Linear(_WIDTH, 4 * _WIDTH)
        self.narrow = nn.Linear(4 * _WIDTH, _WIDTH)
        self.attention_norm = nn.LayerNorm(_WIDTH, eps=_EPS)
        self.norm = nn.LayerNorm(_WIDTH, eps=_EPS)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return hidden states [texts, tokens, width] after the layer; `mask` [texts, 1, 1, tokens]."""
        n_texts, n_tokens, width = hidden.shape
        query, key, value = (
            projection(hidden).view(n_texts, n_tokens, _HEADS, width // _HEADS).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        seen = seen.transpose(1, 2).reshape(n_texts, n_tokens, width)
        hidden = self.attention_norm(hidden + self.attention_out(seen))
        found: Tensor = self.norm(hidden + self.narrow(nn.functional.gelu(self.widen(hidden))))
        return found


class Encoder(nn.Module):
    """Hidden states of texts, given as token ids padded with 0."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights under the names of the published file; raise KeyError or RuntimeError where they differ."""
        super().__init__()
        self.word_embeddings = _table(weights, "word_embeddings")
        self.position_embeddings = _table(weights, "position_embeddings")
        self.token_type_embeddings = _table(weights, "token_type_embeddings")
        self.embedding_norm = nn.LayerNorm(_WIDTH, eps=_EPS)
        self.embedding_norm.load_state_dict(_part(weights, "embeddings.LayerNorm"))
        n_layers = len({name.split(".")[2] for name in weights if name.startswith("encoder.layer.")})
        with torch.device("meta"):  # to draw weights that are overwritten would take longer than all the rest
            self.layers = nn.ModuleList(Layer() for _ in range(n_layers))
        for number, layer in enumerate(self.layers):
            for name, stored in _STORED.items():
                part = _part(weights, f"encoder.layer.{number}.{stored}")
                part = {key: one.to(torch.float32, copy=True) for key, one in part.items()}
                getattr(layer, name).load_state_dict(part, assign=True)  # what is not assigned stays unusable
        self.requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Return where the weights are."""
        return self.word_embeddings.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Return the weights' type."""
        return self.word_embeddings.weight.dtype

    def embed(self, ids: Tensor) -> Tensor:
        """Return hidden states [texts, tokens, width] before the first layer."""
        places = torch.arange(ids.shape[1])
        words = self.word_embeddings(ids) + self.token_type_embeddings(torch.zeros_like(ids))
        found: Tensor = self.embedding_norm(words + self.position_embeddings(places))
        return found

    def run_layers(self, hidden: Tensor, ids: Tensor, numbers: Sequence[int]) -> Tensor:
        """Return hidden states after some layers, in order."""
        mask = (ids != 0)[:, None, None, :]
        for number in numbers:
            hidden = self.layers[number](hidden, mask)
        return hidden

    def forward(self, ids: Tensor) -> Tensor:
        """Return hidden states [texts, tokens, width] after the last layer."""
        return self.run_layers(self.embed(ids), ids, range(len(self.layers)))

    def adapt(self, numbers: Sequence[int], rank: int, rng: torch.Generator) -> dict[str, nn.Parameter]:
        """Give the linear layers of some layers adapters, and return these by name: `LAYER.NAME.a` and `.b`."""
        found: dict[str, nn.Parameter] = {}
        for number in numbers:
            for name in ADAPTED:
                adapted = Adapted(getattr(self.layers[number], name), rank, rng)
                setattr(self.layers[number], name, adapted)
                found |= {f"{number}.{name}.a": adapted.a, f"{number}.{name}.b": adapted.b}
        return found

    @torch.no_grad()
    def merge(self, adapters: Mapping[str, Tensor]) -> None:
        """Add adapters, named as `adapt` names them, into the weights that they adapt."""
        for stem in sorted(name.removesuffix(".a") for name in adapters if name.endswith(".a")):
            number, name = stem.split(".")
            weight = getattr(self.layers[int(number)], name).weight
            weight += adapters[f"{stem}.b"].float() @ adapters[f"{stem}.a"].float()


class Heads(nn.Module):
    """Several yes-or-no questions about a text, answered from its hidden states by one small network."""

    def __init__(self, n_questions: int, hidden: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.first = nn.Linear(2 * _WIDTH, hidden)
        self.second = nn.Linear(hidden, n_questions)

    def forward(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """Return logits [texts, questions] from the mean and the maximum of the hidden states over the tokens."""
        there = (ids != 0)[:, :, None]
        mean = (hidden * there).sum(1) / there.sum(1)
        most = hidden.masked_fill(~there, -1e9).amax(1)
        seen = torch.cat([mean, most], dim=1)
        logits: Tensor = self.second(self.dropout(nn.functional.gelu(self.first(self.dropout(seen)))))
        return logits


def pad(batch: Sequence[Sequence[int]]) -> Tensor:
    """Return token ids [texts, tokens] of texts, shorter ones filled up with 0."""
    longest = max(map(len, batch))
    return torch.tensor([[*ids, *[0] * (longest - len(ids))] for ids in batch])


def _table(weights: Mapping[str, Tensor], name: str) -> nn.Embedding:
    values = weights[f"embeddings.{name}.weight"].float()
    n_rows, width = values.shape
    return nn.Embedding(n_rows, width, _weight=values)


def _part(weights: Mapping[str, Tensor], stem: str) -> dict[str, Tensor]:
    return {kind: weights[f"{stem}.{kind}"].float() for kind in ("weight", "bias")}
