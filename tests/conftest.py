"""Real small parts for tests: a tiny language model on disk, a pack of two probes, a folder of benchmark data."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from auditor.types import (
    Calibration,
    Errors,
    Fact,
    Figure,
    FileDigest,
    Interval,
    LabelledTexts,
    NoFigure,
    Reason,
    RunRecord,
    ScorerRef,
)

hypothesis.settings.register_profile("auditor", deadline=None)  # a slow machine is no fault
hypothesis.settings.load_profile("auditor")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parent.parent
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def save_tokenizer(folder: Path, *, chat: bool = True) -> None:
    """Write a byte-level tokenizer with 256 bytes and two special tokens; it needs no training."""
    from benchmarks.prepare import byte_tokenizer

    fast = byte_tokenizer()
    if chat:
        fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)


def save_model(folder: Path, *, seed: int = 0, chat: bool = True, context_length: int = 512) -> Path:
    """Write a random-weight Llama of 0.1 million parameters with its tokenizer, as a Hugging Face folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=258,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context_length,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    save_tokenizer(folder, chat=chat)
    return folder


CLASSIFIER_WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "you", "are", "kind", "or", "dull", "today"]
CLASSIFIER_READS = 32


def save_classifier(
    folder: Path, labels: list[str], *, kind: str = "Bert", problem: str | None = None, pickled: bool = False
) -> Path:
    """Write a tiny random sequence classifier with its tokenizer."""
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    roberta = {"pad_token_id": 0, "type_vocab_size": 1} if kind == "Roberta" else {}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=5 + len(CLASSIFIER_WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=CLASSIFIER_READS,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
        problem_type=problem,
        initializer_range=0.5,
        **roberta,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    model.save_pretrained(folder)
    if pickled:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join(special + CLASSIFIER_WORDS) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "model_max_length": 10000}')
    return folder


@pytest.fixture(scope="session")
def classifier_maker():  # type: ignore[no-untyped-def]
    """Return `save_classifier`: a folder and labels in, the folder with a tiny classifier out."""
    return save_classifier


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random-weight Llama and a chat template."""
    return save_model(tmp_path_factory.mktemp("tiny"))


def write_probe(pack: Path, probe_id: str, config: str, items: list[dict[str, object]], prompt: str = "") -> Path:
    """Write a probe into a pack."""
    folder = pack / probe_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "probe.toml").write_text(config, encoding="utf-8")
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    (folder / "README.md").write_text("# A probe for tests\n", encoding="utf-8")
    if prompt:
        (folder / "prompt.j2").write_text(prompt + "\n", encoding="utf-8")
    return folder


HEAD = """version = "1.0.0"
title = "For tests"
construct = "Nothing: it exists to be run in tests."
languages = ["en"]
license = "CC-BY-4.0"
source = "Own items for tests"
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack of two small probes: `bias/small_pairs` and `toxicity/small_talk`."""
    folder = tmp_path / "pack"
    pairs = HEAD + (
        '[ask]\nkind = "pairs"\ntexts = ["first", "second"]\n'
        '[score]\nscorer = "pair_preference"\nmetric = "first_rate"\nideal = 0.5\nslice_by = ["axis"]\n'
    )
    write_probe(
        folder,
        "bias/small_pairs",
        pairs,
        [
            {"id": f"p{n}", "axis": "ab"[n % 2], "first": f"The cat number {n} sat.", "second": f"The dog {n} ran off."}
            for n in range(24)
        ],
    )
    talk = HEAD + (
        '[ask]\nkind = "generation"\nchat = true\nsamples_per_prompt = 2\nmax_new_tokens = 8\n'
        '[score]\nscorer = "text_rating"\n'
    )
    items: list[dict[str, object]] = [
        {"id": f"t{n}", "message": f"Say something about the number {n}."} for n in range(12)
    ]
    write_probe(folder, "toxicity/small_talk", talk, items, "{{ message }}")
    return folder


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real benchmark files; without it the test is skipped."""
    folder = Path(os.environ.get("AUDITOR_DATA_DIR", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: set AUDITOR_DATA_DIR to the folder of benchmark files")
    return folder


def auditor_command(*words: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "auditor", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
        timeout=280,
    )


def auditor_here(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, where the libraries are loaded already."""
    from auditor.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    environment = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["auditor", *map(str, words)])
        try:
            with pytest.raises(SystemExit) as end:
                main()
        finally:
            os.environ.clear()
            os.environ.update(environment)
    said = []
    for stream in (out, err):
        stream.flush()
        said.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(words, int(end.value.code or 0), *said)


@pytest.fixture(scope="session")
def auditor_process():  # type: ignore[no-untyped-def]
    """Return `auditor_command`: words in, a finished process out."""
    return auditor_command


@pytest.fixture(scope="session")
def auditor_cli():  # type: ignore[no-untyped-def]
    """Return `auditor_here`: words in, its exit code and what it printed out."""
    return auditor_here


@pytest.fixture(scope="session")
def model_maker():  # type: ignore[no-untyped-def]
    """Return `save_model`: a folder in, the same folder with a tiny model out."""
    return save_model


@pytest.fixture(scope="session")
def tokenizer_maker():  # type: ignore[no-untyped-def]
    """Return `save_tokenizer`: writes the byte-level tokenizer into a folder."""
    return save_tokenizer


@pytest.fixture(scope="session")
def probe_writer():  # type: ignore[no-untyped-def]
    """Return `write_probe`, for packs that a test makes itself."""
    return write_probe


@pytest.fixture(scope="session")
def probe_head() -> str:
    """The first lines of a sound probe.toml."""
    return HEAD


@pytest.fixture(scope="session")
def finished(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRecord, Path]:
    """A finished run of the tiny model over four shipped probes, six samples each: the record and its folder."""
    from auditor.run import Settings, measure

    out = tmp_path_factory.mktemp("finished") / "run"
    chosen = "bias/stereotype_contrast,bias/ambiguous_questions,toxicity/provocation,toxicity/civility_pairs"
    settings = Settings(model=str(tiny_model), out=out, probes=chosen, limit=6, toxicity="alt-profanity-check")
    return measure(settings, Unheard()), out


class Unheard:
    """A progress that nobody looks at."""

    def say(self, message: str) -> None: ...

    def begin(self, totals: Mapping[str, int], answered: Mapping[str, int]) -> None: ...

    def advance(self, probe_id: str, count: int) -> None: ...

    def end(self) -> None: ...


@pytest.fixture(scope="session")
def small_run() -> Callable[[Path, Path, Path], Path]:
    """Return what runs the two small probes of a pack, with the classifier that opens fastest, and gives the folder."""

    def run(model: Path, pack: Path, out: Path) -> Path:
        from auditor import commands
        from auditor.run import Settings

        probes = "bias/small_pairs,toxicity/small_talk"
        settings = Settings(model=str(model), out=out, packs=(pack,), probes=probes, toxicity="alt-profanity-check")
        commands.run(settings, commands.Demands())
        return out

    return run


@pytest.fixture(scope="session")
def unheard() -> Unheard:
    """A progress that nobody looks at."""
    return Unheard()


@pytest.fixture(scope="session")
def breaking() -> Callable[..., Any]:
    """Return what opens a scripted backend that is interrupted (Ctrl-C) after so many packs."""
    from auditor.backends.base import Outputs
    from auditor.backends.scripted import ScriptedBackend
    from auditor.types import Output

    class Breaking(ScriptedBackend):
        def __init__(self, after: int, **script: Any) -> None:
            super().__init__(**script)
            self._left = after

        def _packs(self, outputs: Sequence[Output], done: Set[int]) -> Iterator[Outputs]:
            for pack in super()._packs(outputs, done):
                if self._left == 0:
                    raise KeyboardInterrupt
                self._left -= 1
                yield pack

    return lambda after, **script: lambda ref, options: Breaking(after, **script)


@pytest.fixture
def fact_maker() -> Callable[[], dict[str, Fact]]:
    """Return a function that makes the same declared facts anew each time."""
    return lambda: {"model.license": Fact(status="declared", value="mit", source="declared by us on 2026-11-01")}


def figure(value: float, low: float, high: float, *, n: int = 200, share: bool = False) -> Figure:
    """Return a figure; a share is worth as many texts as it has."""
    interval = Interval(low=low, high=high, level=0.95, method="given")
    return Figure(value=value, interval=interval, n=n, n_effective=float(n) if share else None)


def make_calibration(
    scorer: ScorerRef,
    construct: str = "hate",
    *,
    tp: int = 90,
    tn: int = 80,
    margin: float = 0.05,
    auc: float | None = 0.9,
    **changes: object,
) -> Calibration:
    """Return a sealed calibration over 100 positive and 100 negative texts; its intervals are `margin` to each side."""
    from msgspec.structs import replace

    from auditor import calibration

    def within(value: float, low: float = 0.0) -> tuple[float, float]:
        return max(low, value - margin), min(1.0, value + margin)

    sensitivity, specificity = tp / 100, tn / 100
    youden = sensitivity + specificity - 1
    balanced = (sensitivity + specificity) / 2
    errors = Errors(
        group={},
        tp=tp,
        fn=100 - tp,
        fp=100 - tn,
        tn=tn,
        sensitivity=figure(sensitivity, *within(sensitivity), n=100, share=True),
        specificity=figure(specificity, *within(specificity), n=100, share=True),
        balanced_accuracy=figure(balanced, *within(balanced)),
        youden=figure(youden, *within(youden, -1.0)),
        auc=NoFigure(reason=Reason.DECISION_ONLY, n=200) if auc is None else figure(auc, *within(auc)),
    )
    base = Calibration(
        schema=calibration.SCHEMA,
        scorer=scorer,
        construct=construct,
        threshold=None if auc is None else 0.5,
        data=FileDigest(path="cases.csv", sha256="c" * 64, bytes=9),
        source="HateCheck, Röttger et al. 2021",
        licence="CC BY 4.0",
        languages=("en",),
        texts=LabelledTexts(text=("text",), label="label", positive=("yes",)),
        n=200,
        n_unscored=0,
        n_left_out=0,
        overall=errors,
        subgroups=(replace(errors, group={"target": "women"}),),
    )
    return calibration.seal(replace(base, **changes))


@pytest.fixture(scope="session")
def calibration_maker():  # type: ignore[no-untyped-def]
    """Return `make_calibration`."""
    return make_calibration
