"""Causal language models through transformers: Hugging Face folders and GGUF files, on CPU or GPU."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence, Set
from itertools import chain, cycle, islice
from typing import Any

from msgspec.structs import replace

from auditor.backends.base import COUNTED_TOKENS, BackendOptions, Outputs, by_formula
from auditor.backends.hf_config import (
    cached_bytes_of,
    end_tokens,
    switch_of,
    window_of,
)
from auditor.backends.hf_encode import Encoder, spans
from auditor.backends.hf_load import info_of, load
from auditor.engine.plan import Encoded, Prompt, pack_prompts, pack_rows, plan_rows
from auditor.engine.trees import plan_forests, plan_trees
from auditor.errors import ModelError, foreign_faults
from auditor.types import (
    Completion,
    GenerateRequest,
    Loglikelihood,
    LoglikelihoodRequest,
    ModelRef,
    Output,
    Reason,
    Unscored,
    Work,
)

_LOGITS_BUDGET = 400_000_000  # bytes of float32 logits that one pack may need
_PLAIN_TEXTS = (
    "The sun rises in the east.",
    "Yes, it is.",
    "Every evening the old baker walked along the river, counted the boats and told his dog how the day had gone.",
)
_CACHE_BUDGET = 4 * 2**30  # bytes of keys and values that a batch of completions may need
_PREFILL = 4  # prompts leave no logits but their last, so more of their tokens fit than of those that are scored
_REFILLS = 4  # times the rows of a batch that one pack of completions holds
_PROVED_WINDOW = 256  # tokens; whether trees hold beyond a wider window would take too long to show at every opening
_TREE_NODES = 192  # at most; beyond, attention between strangers in a tree costs more than is saved on a CPU
_CLOCK = "strftime_now"  # with it a template tells the date, which can change while a run plans, asks and scores
_FOREST_NODES = 1024  # of trees in one pass, which reads all weights once


def open_backend(ref: ModelRef, options: BackendOptions) -> HFBackend:
    """Return a backend for a resolved model, after a few short texts have shown that its numbers hold.

    Raises:
        ModelError: the model does not load, its logits are not finite, or it does not read from left to right.
        MissingPackageError: the model's format needs a package that is not installed.
    """
    hint = "is it a causal language model that transformers knows, with all its files?"
    model, tokenizer = load(ref, options, auto="AutoModelForCausalLM", hint=hint)
    with foreign_faults(f"cannot run {ref.requested}", ModelError, hint=hint):
        backend = HFBackend(model, tokenizer, options, name=ref.requested)
        backend.prove_numbers()
        backend.prove_batches()
        backend.count_flop()
    return backend


class HFBackend:
    """A transformers model and its tokenizer behind the `Backend` seam."""

    def __init__(self, model: Any, tokenizer: Any, options: BackendOptions, *, name: str) -> None:
        from auditor.engine.forward import Forward
        from auditor.engine.packed import pack_linears, two_layouts

        info = info_of(model, tokenizer, options, name="hf")
        self._told: dict[tuple[str, ...], str] = {}  # conversations as a template wrote them that knows the time
        self._forward = Forward(model)
        self._retelling = Forward(model, caches=False)
        self._tokenizer = tokenizer
        self._name = name
        vocabulary = model.config.get_text_config().vocab_size
        self._ends = frozenset(end for end in end_tokens(model, tokenizer) if end < vocabulary)
        pad = tokenizer.pad_token_id  # a tokenizer may have gained one that the model has no embedding for
        self._pad = pad if pad is not None and pad < vocabulary else min(self._ends, default=0)
        self._max_tokens = max(1, min(options.batch_tokens, _LOGITS_BUDGET // (4 * vocabulary)))
        self._batch_tokens = options.batch_tokens  # where logits need little memory
        self._max_rows = options.batch_rows
        self._window = window_of(model)
        self._switch = switch_of(model)
        self._cached_bytes = cached_bytes_of(model)
        self._prefill_tokens = _PREFILL * options.batch_tokens if self._forward.takes_trees else self._max_tokens
        self._tree_depth = 0  # until trees have proved themselves
        self._stems = False
        self.info = replace(info, batch_tokens=self._max_tokens, packed=pack_linears(model))
        self._two_layouts = two_layouts(model)
        self.flop = by_formula(info.parameters)
        self._encoder = Encoder(tokenizer, ends=self._ends, context_length=self.info.context_length)
        self._nodes = min(self._max_tokens, _TREE_NODES, self.info.context_length)

    @property
    def work(self) -> Work:
        """What was run since the model was opened."""
        used = (self._forward, self._retelling)
        return Work(tokens=sum(one.tokens for one in used), predictions=sum(one.predictions for one in used))

    def render_chat(self, messages: list[dict[str, str]]) -> str:
        """Return a conversation as the model's chat template writes it, up to where the assistant begins.

        The same conversation is written the same way as long as the backend is open.
        """
        if not self._tokenizer.chat_template:
            raise ModelError(f"the tokenizer of {self._name} has no chat template", hint="")
        said = tuple(text for message in messages for text in (message["role"], message["content"]))
        if said in self._told:
            return self._told[said]
        fails, hint = f"the chat template of {self._name} fails", "mend chat_template.jinja"
        with foreign_faults(fails, ModelError, hint=hint), _same_draws():
            text = str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        return self._told.setdefault(said, text) if _CLOCK in self._tokenizer.chat_template else text

    @property
    def tells_date(self) -> bool:
        """Whether the same conversation can be written another way on another day."""
        return _CLOCK in (self._tokenizer.chat_template or "")

    def loglikelihood(self, requests: Sequence[LoglikelihoodRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Yield the log-likelihood of each request that is not done, tree by tree, then in packs of rows."""
        for layer in self._two_layouts:
            layer.lay_out(many=True)
        for numbers in spans(len(requests), done):
            encoded, refused = self._encoder.encode(numbers, requests)
            if any(number not in done for number in refused):
                yield refused
            yield from self._score(encoded, done)

    def _score(self, encoded: Sequence[Encoded], done: Set[int]) -> Iterator[Outputs]:
        from auditor.engine.score import score_rows, score_trees

        read: tuple[int, ...] = ()
        stem = None
        near = [request for request in encoded if len(request.ids) - 1 <= min(self._tree_depth, self._window)]
        far = [request for request in encoded if self._window < len(request.ids) - 1 <= self._tree_depth]
        trees = [
            *plan_trees(near, max_nodes=self._nodes, stems=self._stems),
            *plan_trees(far, max_nodes=self._nodes, stems=False),
        ]
        small = [tree for tree in trees if len(tree.ids) <= self._nodes]
        most = self._batch_tokens if self._forward.head_apart else self._max_tokens
        for forest in plan_forests(small, max_nodes=min(most, _FOREST_NODES)):
            if {leaf.number for tree in forest for leaf in tree.targets} - done:
                if forest[0].stem != read:
                    read = forest[0].stem
                    stem = self._forward.read(read) if read else None
                yield score_trees(self._forward, forest, pad=self._pad, stem=stem)
        # a tree of one long sequence shares nothing, and its mask grows with the square
        alone = {leaf.number for tree in trees if len(tree.ids) > self._nodes for leaf in tree.targets}
        long = [request for request in encoded if len(request.ids) - 1 > self._tree_depth or request.number in alone]
        for beyond in (False, True):
            rows = plan_rows(request for request in long if (len(request.ids) - 1 > self._switch) == beyond)
            for pack in pack_rows(rows, max_tokens=self._max_tokens):
                if {target.number for row in pack for target in row.targets} - done:
                    yield score_rows(self._forward, pack, pad=self._pad)

    def generate(self, requests: Sequence[GenerateRequest], *, done: Set[int]) -> Iterator[Outputs]:
        """Yield the completion of each request that is not done as it is finished, longest prompts first."""
        for layer in self._two_layouts:
            layer.lay_out(many=False)
        for numbers in spans(len(requests), done):
            prompts, refused = self._encoder.prompts(numbers, requests)
            if any(number not in done for number in refused):
                yield refused
            for side in (-1, 1, 0):
                alike = [prompt for prompt in prompts if self._side(prompt) == side]
                for pack in pack_prompts(alike, max_draws=_REFILLS * self._max_rows):
                    if {number for prompt in pack for number, _ in prompt.draws} - done:
                        yield from self._decode(pack, crosses=side == 0)

    def _side(self, prompt: Prompt) -> int:
        """Return whether completions stay before where positions switch (−1), cross that (0) or begin beyond it (1)."""
        first, last = len(prompt.ids), len(prompt.ids) + prompt.sampling.max_new_tokens - 1
        return (first > self._switch) - (last <= self._switch)

    def _decode(self, pack: Sequence[Prompt], *, crosses: bool) -> Iterator[Outputs]:
        from auditor.engine.decode import Limits, decode_prompts

        limits = Limits(
            rows=1 if crosses else self._max_rows,
            prefill_tokens=self._prefill_tokens,
            cached_tokens=_CACHE_BUDGET // max(1, self._cached_bytes),
        )
        forward = self._retelling if crosses else self._forward  # a cache would hold what was turned before
        for drawn in decode_prompts(forward, pack, pad=self._pad, ends=self._ends, limits=limits):
            yield {number: self._completion(draw) for number, draw in drawn.items()}

    def count_flop(self) -> None:
        """Count what a token costs; where that cannot be done, the formula stands."""
        from auditor.engine.flop import count_causal

        [ids] = self._encoder.tokenize([_PLAIN_TEXTS[-1]])
        tokens = min(COUNTED_TOKENS, self.info.context_length)
        self.flop = count_causal(self._forward, ids, tokens=tokens, formula=self.flop)

    def prove_numbers(self) -> None:
        """Raise ModelError unless the model gives finite log-likelihoods to a plain text, not all tokens the same."""
        from auditor.engine.check import tells_tokens_apart

        asked = LoglikelihoodRequest(context="", continuation="The sun rises in the east.")
        outputs = [output for pack in self.loglikelihood([asked], done=set()) for output in pack.values()]
        if not all(isinstance(output, Loglikelihood) for output in outputs):
            raise ModelError(
                f"{self._name} gives logits that are not finite ({self.info.dtype} on {self.info.device}): "
                f"{outputs[0].detail if isinstance(outputs[0], Unscored) else outputs[0]}",
                hint="the weights are damaged, or the dtype is too narrow: try --dtype float32",
            )
        [ids] = self._encoder.tokenize([_PLAIN_TEXTS[-1]])
        if not tells_tokens_apart(self._forward, ids[: self.info.context_length]):
            raise ModelError(
                f"{self._name} gives every token of a text the same probability",
                hint="the weights are damaged: every choice would be a tie, and look free of bias",
            )

    def prove_batches(self) -> None:
        """Show that a text's numbers are the same alone, in a padded batch and step by step, or do without padding.

        Raises:
            ModelError: they differ even without padding.
        """
        import torch

        from auditor.engine.check import batch_difference, tolerance

        most = tolerance(getattr(torch, self.info.dtype))
        texts = [ids[: self.info.context_length] for ids in self._encoder.tokenize(list(_PLAIN_TEXTS))]
        how = "in padded rows"
        if self._forward.takes_trees and self._any_trees_hold(texts, most):
            self._stems = self._trees_hold(texts, most, stem=texts[-1])
            how = "in trees on stems" if self._stems else "in trees"
            beyond = list(islice(cycle(chain(*texts)), self._window + 8)) if self._window <= _PROVED_WINDOW else []
            far = bool(beyond) and self._trees_hold([beyond, *texts], most, stem=[])
            self._tree_depth = min(self._switch, self.info.context_length if far else self._window)
        if batch_difference(self._forward, texts, pad=self._pad, together=True) <= most:
            self.info = replace(self.info, attention=f"{self.info.attention}, {how}")
            return
        alone = batch_difference(self._forward, texts, pad=self._pad, together=False)
        if not alone <= most:
            raise ModelError(
                f"{self._name} gives a text other log-probabilities at once than step by step (they differ by "
                f"{alone:.2g} nats, expected at most {most:.2g}): it does not read from left to right",
                hint="name a causal language model, not a masked or an encoder model",
            )
        self._max_tokens = self._max_rows = 1
        self._tree_depth = 0
        self.info = replace(self.info, batch_tokens=1, batch_rows=1, attention=f"{self.info.attention}, never padded")

    def _any_trees_hold(self, texts: list[list[int]], most: float) -> bool:
        if self._trees_hold(texts, most, stem=[]):
            return True
        apart, self._forward.head_apart = self._forward.head_apart, False  # the model may do more to its logits
        return apart and self._trees_hold(texts, most, stem=[])

    def _trees_hold(self, texts: list[list[int]], most: float, stem: list[int]) -> bool:
        from auditor.engine.check import tree_difference

        try:
            return tree_difference(self._forward, texts, pad=self._pad, nodes=self._nodes, stem=stem) <= most
        except (RuntimeError, ValueError, TypeError, IndexError):  # the architecture takes no mask of four axes
            return False

    def _completion(self, drawn: Any) -> Output:
        if not drawn.finite:
            return Unscored(reason=Reason.NON_FINITE, detail=f"logits not finite after {len(drawn.ids)} tokens")
        text = self._tokenizer.decode(drawn.ids, skip_special_tokens=True)
        return Completion(text=text, n_tokens=len(drawn.ids), finish="stop" if drawn.stopped else "length")


@contextlib.contextmanager
def _same_draws() -> Iterator[None]:
    """Have Jinja's `random` and `lipsum` draw the same each time: a request is made more than once."""
    state = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)
