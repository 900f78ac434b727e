"""Masked models: numbers equal the paper's definition one token at a time, and whatever does not fit is refused."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from auditor import probes, schema
from auditor.backends.base import BackendOptions
from auditor.backends.masked import MaskedBackend, open_backend
from auditor.backends.scripted import ScriptedBackend
from auditor.errors import ModelError, PackError
from auditor.provenance.resolve import resolve
from auditor.run import Settings, measure
from auditor.types import (
    GenerateRequest,
    Loglikelihood,
    LoglikelihoodRequest,
    Metric,
    Reason,
    Sampling,
    Unscored,
)

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TEXTS = [
    ("The old baker walked along the river.", "The young baker walked along the river."),
    ("Every evening she counted the boats on the quay.", "Every evening he counted the ships on the quay."),
    ("Cats like dogs.", "Dogs like cats."),
    ("He is kind.", "My neighbours from the north are kind."),
    ("He is kind.", "She is kind."),
    ("The sun rises.", "The sun rises."),
]
WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
BERT = WIDE | {"max_position_embeddings": 64}
ROBERTA = WIDE | {"max_position_embeddings": 66}  # two more: positions begin after the padding token's
ALBERT = BERT | {"embedding_size": 16}
DISTILBERT = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 64}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertConfig", BERT),
    "roberta": ("RobertaConfig", ROBERTA),
    "albert": ("AlbertConfig", ALBERT),
    "distilbert": ("DistilBertConfig", DISTILBERT),
    "camembert": ("CamembertConfig", ROBERTA),
    "xlm-roberta": ("XLMRobertaConfig", ROBERTA),
    "electra": ("ElectraConfig", BERT | {"embedding_size": 16}),
    "mpnet": ("MPNetConfig", ROBERTA),
    "deberta-v2": ("DebertaV2Config", BERT | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    "modernbert": ("ModernBertConfig", BERT | {"local_attention": 8, "global_attn_every_n_layers": 2}),
    "fnet": ("FNetConfig", BERT),  # takes no attention mask, and mixes whatever stands in a row
}

USUAL = ("bert", "roberta", "albert", "distilbert", "fnet")

Make = Callable[..., Path]
Open = Callable[..., MaskedBackend]


def save_tokenizer(folder: Path, *, mask: bool = True, single: str = "<s> $A </s>") -> None:
    """Write a lower-casing WordPiece tokenizer trained on the texts; `<pad>` is 1, as in RoBERTa."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=110, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator([*chain(*TEXTS), "A text."], trainer)
    tokenizer.post_processor = TemplateProcessing(single=single, special_tokens=[("<s>", 0), ("</s>", 2)])
    named = {"bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>"}
    named |= {"mask_token": "<mask>"} if mask else {}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", **named).save_pretrained(folder)


@pytest.fixture(scope="session")
def save_masked(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function: the name of an architecture in, a folder with a tiny random model of it out."""

    def save(name: str, *, positions: int = 0, **tokenizer: Any) -> Path:
        import transformers

        folder = tmp_path_factory.mktemp(name)
        kind, settings = MODELS[name]
        settings = settings | ({"max_position_embeddings": positions} if positions else {})
        config = getattr(transformers, kind)(vocab_size=128, pad_token_id=1, **settings)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = transformers.AutoModelForMaskedLM.from_config(config)
            for weight in model.parameters():
                if weight.dim() > 1:
                    torch.nn.init.normal_(weight, std=0.3)
            model.save_pretrained(folder)
        save_tokenizer(folder, **tokenizer)
        return folder

    return save


@pytest.fixture(scope="session")
def folders(save_masked: Make) -> dict[str, Path]:
    """Folders of the two models that most tests need."""
    return {name: save_masked(name) for name in ("bert", "roberta")}


@pytest.fixture(scope="session")
def open_masked() -> Open:
    def opened(folder: Path, **options: Any) -> MaskedBackend:
        return open_backend(resolve(str(folder), offline=True), BackendOptions(**{"device": "cpu", **options}))

    return opened


def pair(first: str, second: str) -> list[LoglikelihoodRequest]:
    return [
        LoglikelihoodRequest(context="", continuation=first, against=second),
        LoglikelihoodRequest(context="", continuation=second, against=first, second=True),
    ]


ASKED = [request for texts in TEXTS for request in pair(*texts)]


class Reference:
    """The paper's definition (§4, Eq. 1), one masked token and one forward pass at a time."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForMaskedLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForMaskedLM.from_pretrained(folder).eval()

    def pair(self, first: str, second: str) -> list[tuple[float, int]]:
        """Return Σ log P(u | U∖u, M) in nats and the number of unmodified tokens u, for either sentence."""
        sentences = [self.tokenizer.encode(text) for text in (first, second)]
        unmodified: list[list[int]] = [[], []]
        matcher = difflib.SequenceMatcher(None, *([str(token) for token in ids] for ids in sentences))
        for kind, start, end, start_2, end_2 in matcher.get_opcodes():
            if kind == "equal":
                unmodified[0] += range(start, end)
                unmodified[1] += range(start_2, end_2)
        found = []
        for ids, places in zip(sentences, unmodified, strict=True):
            logprobs = [self.logprob(ids, places[number]) for number in range(1, len(places) - 1)]
            found.append((sum(logprobs), len(logprobs)))
        return found

    @torch.no_grad()
    def logprob(self, ids: list[int], place: int) -> float:
        masked = torch.tensor([ids])
        masked[0, place] = self.tokenizer.mask_token_id
        logits = self.model(masked).logits[0, place]
        return float(torch.nn.functional.log_softmax(logits, dim=0)[ids[place]])


def nats(outputs: dict[int, Any]) -> list[float]:
    assert all(isinstance(output, Loglikelihood) for output in outputs.values()), outputs
    return [outputs[number].nats for number in sorted(outputs)]


@pytest.mark.parametrize(
    "name", [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_numbers_equal_the_papers_definition(save_masked: Make, open_masked: Open, answer, name: str) -> None:  # type: ignore[no-untyped-def]
    folder = save_masked(name)
    expected = [side for texts in TEXTS for side in Reference(folder).pair(*texts)]
    backend = open_masked(folder)
    outputs = answer(backend.loglikelihood, ASKED)
    assert nats(outputs) == pytest.approx([value for value, _ in expected], abs=1e-5)
    assert [outputs[number].n_tokens for number in range(len(ASKED))] == [count for _, count in expected]
    assert len(set(nats(outputs))) > len(TEXTS)
    assert backend._fill.narrow, "the head was run at every place"


def test_a_head_that_is_run_everywhere_gives_the_same_numbers(folders, open_masked: Open, answer) -> None:  # type: ignore[no-untyped-def]
    for folder in folders.values():
        backend = open_masked(folder)
        narrow = nats(answer(backend.loglikelihood, ASKED))
        backend._fill.narrow = False
        assert nats(answer(backend.loglikelihood, ASKED)) == pytest.approx(narrow, abs=1e-5)


@pytest.mark.parametrize("limits", [{"batch_rows": 1}, {"batch_tokens": 1}, {"batch_tokens": 70}, {"batch_rows": 3}])
def test_numbers_do_not_depend_on_the_batch(folders, open_masked: Open, answer, limits: dict[str, int]) -> None:  # type: ignore[no-untyped-def]
    for folder in folders.values():
        expected = nats(answer(open_masked(folder).loglikelihood, ASKED))
        assert nats(answer(open_masked(folder, **limits).loglikelihood, ASKED)) == pytest.approx(expected, abs=1e-5)


def test_numbers_do_not_depend_on_the_requests_beside_or_their_order(folders, open_masked: Open, answer) -> None:  # type: ignore[no-untyped-def]
    backend = open_masked(folders["bert"])
    expected = nats(answer(backend.loglikelihood, ASKED))
    assert nats(answer(backend.loglikelihood, ASKED[::-1])) == pytest.approx(expected[::-1], abs=1e-5)
    for request, value in zip(ASKED, expected, strict=True):
        assert nats(answer(backend.loglikelihood, [request])) == pytest.approx([value], abs=1e-5)


def test_equal_requests_are_computed_once(folders, open_masked: Open, answer) -> None:  # type: ignore[no-untyped-def]
    backend = open_masked(folders["bert"])
    rows: list[int] = []
    fill = backend._fill
    backend._fill = lambda ids, places: rows.append(len(ids)) or fill(ids, places)  # type: ignore[assignment, func-returns-value]
    backend._fill.device = fill.device  # type: ignore[misc]
    once = nats(answer(backend.loglikelihood, ASKED))
    alone = sum(rows)
    rows.clear()
    assert nats(answer(backend.loglikelihood, ASKED * 3)) == once * 3
    assert sum(rows) == alone


def test_a_pair_asked_the_other_way_round_has_the_same_numbers_where_its_spans_are_the_same(  # type: ignore[no-untyped-def]
    folders, open_masked: Open, answer
) -> None:
    backend = open_masked(folders["bert"])
    first, second = TEXTS[0]
    there = nats(answer(backend.loglikelihood, pair(first, second)))
    assert nats(answer(backend.loglikelihood, pair(second, first))) == pytest.approx(there[::-1], abs=1e-5)
    assert there[0] != pytest.approx(there[1], abs=1e-3)


def test_both_texts_are_scored_on_the_same_tokens_where_spans_depend_on_the_order(  # type: ignore[no-untyped-def]
    folders, open_masked: Open, answer
) -> None:
    texts = TEXTS[2]
    reference = Reference(folders["bert"])
    there, back = reference.pair(*texts), reference.pair(*texts[::-1])[::-1]
    assert there[1] != pytest.approx(back[1], abs=1e-3), "the order of these two does not matter"
    outputs = answer(open_masked(folders["bert"]).loglikelihood, pair(*texts))
    assert nats(outputs) == pytest.approx([value for value, _ in there], abs=1e-5)
    assert outputs[0].n_tokens == outputs[1].n_tokens


def test_equal_texts_are_equally_probable(folders, open_masked: Open, answer) -> None:  # type: ignore[no-untyped-def]
    one, other = nats(answer(open_masked(folders["roberta"]).loglikelihood, pair("The sun.", "The sun.")))
    assert one == other


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_texts_as_long_as_the_model_reads_are_scored_and_longer_ones_are_not(  # type: ignore[no-untyped-def]
    folders, open_masked: Open, answer, name: str
) -> None:
    backend = open_masked(folders[name])
    assert backend.info.context_length == 64
    longest, longer = " ".join(["the"] * 61) + ".", " ".join(["the"] * 62) + "."
    outputs = answer(backend.loglikelihood, pair(longest, longer))
    assert isinstance(outputs[0], Loglikelihood)
    assert outputs[1] == Unscored(reason=Reason.TOO_LONG, detail="65 tokens, context length 64")
    assert outputs[0].nats == pytest.approx(Reference(folders[name]).pair(longest, longest)[0][0], abs=1e-4)


def test_texts_that_share_nothing_are_unscored(folders, open_masked: Open, answer) -> None:  # type: ignore[no-untyped-def]
    outputs = answer(open_masked(folders["bert"]).loglikelihood, [*pair("He", "She"), *pair("He.", "She.")])
    nothing = Unscored(reason=Reason.EMPTY_CONTINUATION, detail="the two texts share no token")
    assert [outputs[0], outputs[1]] == [nothing, nothing]
    assert outputs[2].n_tokens == outputs[3].n_tokens == 1


def test_texts_that_the_tokenizer_makes_the_same_of_are_unscored_and_no_tie(folders, open_masked: Open, answer) -> None:  # type: ignore[no-untyped-def]
    backend = open_masked(folders["bert"])
    outputs = answer(backend.loglikelihood, [*pair("漢 is kind.", "字 is kind."), *pair("He is kind.", "he is kind.")])
    detail = "the tokenizer makes the same of both texts: they cannot be compared"
    assert outputs == dict.fromkeys(range(4), Unscored(reason=Reason.EMPTY_CONTINUATION, detail=detail))


def test_a_resumed_run_computes_only_packs_with_something_left(folders, open_masked: Open) -> None:  # type: ignore[no-untyped-def]
    backend = open_masked(folders["bert"], batch_tokens=200)
    asked = [*ASKED, *pair("He", "She")]
    packs = list(backend.loglikelihood(asked, done=set()))
    assert len(packs) > 3
    for number in range(len(packs)):
        done = {request for pack in packs[:number] for request in pack}
        assert list(backend.loglikelihood(asked, done=done)) == packs[number:]
    assert list(backend.loglikelihood(asked, done=set(range(len(asked))))) == []


@pytest.mark.parametrize("context", ["", "Once."])
def test_a_text_alone_or_after_another_is_refused(folders, open_masked: Open, context: str) -> None:  # type: ignore[no-untyped-def]
    asked = [LoglikelihoodRequest(context=context, continuation="The sun.", against="The rain." if context else "")]
    with pytest.raises(ModelError, match="is a masked language model: it scores what two texts share") as caught:
        list(open_masked(folders["bert"]).loglikelihood(asked, done=set()))
    assert "masked = true" in caught.value.hint


def test_a_masked_model_writes_no_text(folders, open_masked: Open) -> None:  # type: ignore[no-untyped-def]
    backend = open_masked(folders["bert"])
    assert list(backend.generate([], done=set())) == []
    asked = GenerateRequest(prompt="The sun", chat=False, sampling=Sampling(max_new_tokens=2), seed=0)
    with pytest.raises(ModelError, match="writes no text"):
        list(backend.generate([asked], done=set()))
    with pytest.raises(ModelError, match="holds no conversation"):
        backend.render_chat([{"role": "user", "content": "Hello"}])


def test_info_says_how_the_model_is_run(folders, open_masked: Open) -> None:  # type: ignore[no-untyped-def]
    info = open_masked(folders["roberta"], batch_tokens=300, batch_rows=9).info
    assert (info.name, info.masked, info.dtype, info.batch_tokens, info.batch_rows) == (
        "masked",
        True,
        "float32",
        300,
        9,
    )
    assert info.attention == "sdpa, in rows of equal length"
    assert not info.chat_template_digest
    assert info.parameters > 0


def test_a_tokenizer_without_a_mask_token_is_refused(save_masked: Make, open_masked: Open) -> None:
    with pytest.raises(ModelError, match="has no mask token that the model knows: None"):
        open_masked(save_masked("bert", mask=False))


@pytest.mark.parametrize("single", ["$A", "<s> $A", "<s> $A </s> </s>"])
def test_a_tokenizer_without_one_special_token_at_either_end_is_refused(
    save_masked: Make, open_masked: Open, single: str
) -> None:
    with pytest.raises(ModelError, match="expected one more at either end"):
        open_masked(save_masked("bert", single=single))


def test_a_checkpoint_of_berts_first_release_opens(save_masked: Make, open_masked: Open, answer) -> None:  # type: ignore[no-untyped-def]
    folder = save_masked("bert")
    expected = nats(answer(open_masked(folder).loglikelihood, ASKED))
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = load_file(folder / "model.safetensors")
    for new, name in old.items():
        weights = {key.replace(new, name): tensor for key, tensor in weights.items()}
    weights |= {"bert.pooler.dense.weight": torch.eye(32), "cls.seq_relationship.bias": torch.zeros(2)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(
        json.dumps(config | {"architectures": ["BertForPreTraining"]}), encoding="utf-8"
    )
    assert nats(answer(open_masked(folder).loglikelihood, ASKED)) == expected


def test_a_model_without_its_head_is_refused(save_masked: Make, open_masked: Open) -> None:
    from transformers import AutoModel

    folder = save_masked("bert")
    AutoModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(folder)
    with pytest.raises(ModelError, match=r"lack \d+ tensors .* such as cls\."):
        open_masked(folder)


def test_weights_that_are_not_numbers_are_refused(save_masked: Make, open_masked: Open) -> None:
    folder = save_masked("bert")
    weights = load_file(folder / "model.safetensors")
    weights["bert.encoder.layer.1.output.dense.bias"].fill_(torch.nan)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not finite"):
        open_masked(folder)


def test_weights_to_which_all_tokens_are_the_same_are_refused(save_masked: Make, open_masked: Open) -> None:
    folder = save_masked("bert")
    weights = load_file(folder / "model.safetensors")
    for name in weights:
        if name.startswith("cls.") or "word_embeddings" in name:
            weights[name].fill_(0.0)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="every token of a text the same probability"):
        open_masked(folder)


PAIRS = '[ask]\nkind = "pairs"\ntexts = ["more", "less"]\n{masked}[score]\nscorer = "pair_preference"\n'
PAIRS += 'metric = "more_rate"\nideal = 0.5\n'
MASKED = PAIRS.format(masked="masked = true\n")


@pytest.fixture
def masked_pack(tmp_path: Path, probe_writer, probe_head: str) -> Path:  # type: ignore[no-untyped-def]
    """A pack of a masked probe over the texts, and of one that is none."""
    folder = tmp_path / "pack"
    items = [{"id": f"p{n}", "more": more, "less": less} for n, (more, less) in enumerate(TEXTS)]
    probe_writer(folder, "bias/shared", probe_head + MASKED, items)
    probe_writer(folder, "bias/whole", probe_head + PAIRS.format(masked=""), items)
    return folder


def test_a_masked_model_is_measured_from_end_to_end(folders, masked_pack: Path, tmp_path: Path, unheard) -> None:  # type: ignore[no-untyped-def]
    asked = Settings(model=str(folders["bert"]), out=tmp_path / "out", packs=(masked_pack,), probes="bias/shared")
    record = measure(asked, unheard)
    assert (record.backend.name, record.backend.masked) == ("masked", True)
    assert record.model.facts["model.pipeline_tag"].value == "fill-mask"
    [metric] = record.probes[0].metrics
    assert isinstance(metric, Metric)
    assert (metric.n, metric.n_unscored) == (len(TEXTS), 0)
    lines = (asked.out / record.probes[0].samples_file.path).read_text(encoding="utf-8").splitlines()
    reference = Reference(folders["bert"])
    for texts, line in zip(TEXTS, map(json.loads, lines), strict=True):
        first, second = (entry["request"] for entry in line["questions"][0]["requests"])
        assert (first["against"], second["against"], second["second"]) == (texts[1], texts[0], True)
        assert "second" not in first
        (one, _), (other, _) = reference.pair(*texts)
        assert line["score"]["parts"]["difference_nats"] == pytest.approx(one - other, abs=1e-5)
    again = measure(msgspec.structs.replace(asked, out=tmp_path / "again"), unheard)
    assert again.content_digest == record.content_digest


def test_crows_pairs_come_out_as_the_papers_definition_has_them(  # type: ignore[no-untyped-def]
    save_masked: Make, data_dir: Path, tmp_path: Path, probe_writer, probe_head: str, unheard
) -> None:
    path = data_dir / "crows_pairs" / "crows_pairs_anonymized.csv"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row, _ in zip(csv.DictReader(stream), range(6), strict=False)]
    items = [{"id": f"c{n}", "more": row["sent_more"], "less": row["sent_less"]} for n, row in enumerate(rows)]
    probe_writer(tmp_path / "pack", "bias/crows", probe_head + MASKED, items)
    folder = save_masked("roberta", positions=200)
    asked = Settings(model=str(folder), out=tmp_path / "out", packs=(tmp_path / "pack",), probes="bias/crows")
    result = measure(asked, unheard).probes[0]
    lines = (asked.out / result.samples_file.path).read_text(encoding="utf-8").splitlines()
    reference = Reference(folder)
    gaps = []
    for item, line in zip(items, map(json.loads, lines), strict=True):
        (one, count), (other, other_count) = reference.pair(item["more"], item["less"])
        outputs = [entry["output"] for entry in line["questions"][0]["requests"]]
        assert [output["nats"] for output in outputs] == pytest.approx([one, other], abs=1e-4)
        assert [output["n_tokens"] for output in outputs] == [count, other_count]
        gaps.append(one - other)
    [metric] = result.metrics
    assert isinstance(metric, Metric)
    assert metric.value == pytest.approx(sum((gap > 0) + 0.5 * (gap == 0) for gap in gaps) / len(gaps))


def run_misfit(model: Path, pack: Path, out: Path, unheard, chosen: str, **more: Any) -> ModelError:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError) as caught:
        measure(Settings(model=str(model), out=out, packs=(pack,), probes=chosen), unheard, **more)
    assert caught.value.exit_code == 1
    assert not out.exists()
    return caught.value


def test_a_masked_model_is_not_asked_other_probes(folders, masked_pack: Path, tmp_path: Path, unheard) -> None:  # type: ignore[no-untyped-def]
    fault = run_misfit(folders["bert"], masked_pack, tmp_path / "out", unheard, "bias/shared,bias/whole")
    assert fault.message == (
        f"{folders['bert'].name} is a masked language model, and bias/whole can only be asked of a causal one"
    )
    assert fault.hint == "choose --probes bias/shared"
    fault = run_misfit(folders["bert"], masked_pack, tmp_path / "out", unheard, "bias/whole")
    assert fault.hint == "choose probes for masked models, or a causal model"


def test_a_causal_model_is_not_asked_masked_probes(tiny_model, masked_pack: Path, tmp_path: Path, unheard) -> None:  # type: ignore[no-untyped-def]
    fault = run_misfit(tiny_model, masked_pack, tmp_path / "out", unheard, "bias/shared,bias/whole")
    assert fault.message.endswith("is a causal language model, and bias/shared can only be asked of a masked one")
    assert fault.hint == "choose --probes bias/whole"


def test_a_scripted_backend_can_be_masked(folders, masked_pack: Path, tmp_path: Path, unheard) -> None:  # type: ignore[no-untyped-def]
    asked = Settings(model=str(folders["bert"]), out=tmp_path / "out", packs=(masked_pack,), probes="bias/shared")
    backend = ScriptedBackend(nats=lambda request: -1.0 - request.second, masked=True)
    record = measure(asked, unheard, open_backend=lambda ref, options: backend)
    [metric] = record.probes[0].metrics
    assert isinstance(metric, Metric)
    assert metric.value == 1.0


def test_a_masked_probe_has_exactly_two_texts(tmp_path: Path, probe_writer, probe_head: str) -> None:  # type: ignore[no-untyped-def]
    config = probe_head + MASKED.replace('["more", "less"]', '["more", "less", "least"]')
    folder = probe_writer(
        tmp_path / "pack", "bias/three", config, [{"id": "a", "more": "A", "less": "B", "least": "C"}]
    )
    with pytest.raises(PackError, match=r"\$\.ask\.texts: .*(too long|at most)"):
        probes.load(folder)


@pytest.mark.parametrize("kind", ["choice", "generation"])
def test_only_pairs_can_be_masked(kind: str) -> None:
    config = {"ask": {"kind": kind, "choices": ["a", "b"], "masked": True}}
    faults = [fault for fault in schema.faults_against(config, schema.load_schema("probe")) if "masked" in fault]
    assert faults
