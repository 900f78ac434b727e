from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.errors import OfflineError, ScorerError
from auditor.scorers.detoxify import open_classifier

CLASSES = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "you", "are", "kind", "or", "dull", "today"]
TEXTS = [
    "the cat sat on a mat",
    "you",
    "you are dull today and the cat sat on a mat and you are kind or dull",
    "",
    "are you kind today or dull and on a mat",
    "unknown wörds 雨",
]
READS = 32


def write_bert(folder: Path, *, seed: int = 0, spread: float = 0.5) -> dict:
    """Write config and tokenizer of a random Bert, and return a checkpoint's content in Detoxify's format."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    config = BertConfig(
        vocab_size=5 + len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=READS,
        num_labels=len(CLASSES),
        initializer_range=spread,
    )
    config.save_pretrained(folder)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join(special + WORDS) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        state = BertForSequenceClassification(config).state_dict()
    return checkpoint_of(state, model_type="bert-base-uncased", model="Bert")


def checkpoint_of(state: dict, *, model_type: str, model: str) -> dict:
    arguments = {
        "num_classes": len(CLASSES),
        "model_type": model_type,
        "model_name": f"{model}ForSequenceClassification",
        "tokenizer_name": f"{model}Tokenizer",
    }
    config = {"arch": {"args": arguments}, "dataset": {"args": {"classes": CLASSES}}}
    return {"config": config, "state_dict": state}


def save(content: object, path: Path) -> Path:
    import torch

    torch.save(content, path)
    return path


def opened(path: Path | str, *, offline: bool = True, allow_pickle: bool = False):
    return open_classifier(str(path), offline=offline, allow_pickle=allow_pickle)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a small checkpoint with its config and tokenizer beside it."""
    folder = tmp_path_factory.mktemp("bert")
    return save(write_bert(folder), folder / "toxic.ckpt")


@pytest.fixture
def content(tmp_path: Path) -> dict:
    """A checkpoint's content; config and tokenizer lie in the test's own folder."""
    return write_bert(tmp_path)


def test_ratings_equal_detoxifys_own_text_by_text(bert, tmp_path) -> None:
    import torch
    from detoxify import Detoxify

    content = torch.load(bert, weights_only=True)
    content["config"]["arch"]["args"]["model_type"] = str(bert.parent)  # its first look is for the Hub's, else
    path = save(content, tmp_path / "own.ckpt")
    own = Detoxify(checkpoint=str(path), huggingface_config_path=str(bert.parent))
    expected = [own.predict(text)["toxicity"] for text in TEXTS]
    assert len({round(value, 3) for value in expected}) == len(TEXTS)
    classifier = opened(bert)
    assert [rating.value for rating in classifier.rate(TEXTS)] == pytest.approx(expected, abs=1e-6)
    for text, value in zip(TEXTS, expected, strict=True):
        [rating] = classifier.rate([text])
        assert rating.value == pytest.approx(value, abs=1e-6)


def test_ratings_do_not_depend_on_the_batch(bert, monkeypatch) -> None:
    classifier = opened(bert)
    texts = TEXTS * 5
    together = classifier.rate(texts)
    assert [r.value for r in classifier.rate(texts[::-1])[::-1]] == pytest.approx([r.value for r in together], abs=1e-6)
    monkeypatch.setattr("auditor.scorers.detoxify._BATCH_TOKENS", 40)
    assert [r.value for r in classifier.rate(texts)] == pytest.approx([r.value for r in together], abs=1e-6)
    assert classifier.rate([]) == []


def test_a_text_longer_than_the_model_reads_is_counted_and_rated_by_its_beginning(bert) -> None:
    classifier = opened(bert)
    fits, long = " ".join(["cat"] * (READS - 2)), " ".join(["cat"] * (READS - 2) + ["dull"] * 40)
    whole, cut, other = classifier.rate([fits, long, "you are kind"])
    assert (whole.truncated, cut.truncated, other.truncated) == (False, True, False)
    assert cut.value == pytest.approx(whole.value, abs=1e-6)
    assert f"reads {READS} tokens" in classifier.notes


def test_it_says_which_checkpoint_rates_and_that_it_measures_toxicity(bert) -> None:
    classifier = opened(bert)
    assert classifier.ref.name == "detoxify"
    assert classifier.ref.checkpoint == hashlib.sha256(bert.read_bytes()).hexdigest()
    assert classifier.measures == "toxicity"


def test_the_number_of_classes_is_the_checkpoints_not_that_of_the_config_beside_it(bert, content, tmp_path) -> None:
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    plain = {key: value for key, value in config.items() if key not in {"id2label", "label2id"}}
    (tmp_path / "config.json").write_text(json.dumps(plain), encoding="utf-8")
    found = opened(save(content, tmp_path / "toxic.ckpt")).rate(TEXTS)
    assert [r.value for r in found] == pytest.approx([r.value for r in opened(bert).rate(TEXTS)], abs=1e-6)


@pytest.mark.parametrize("name", ["classifier.weight", "bert.encoder.layer.1.output.dense.bias"])
def test_a_checkpoint_that_lacks_a_tensor_is_refused(name, content, tmp_path) -> None:
    del content["state_dict"][name]
    with pytest.raises(ScorerError, match=f"lacks 1 tensors, such as {name}"):
        opened(save(content, tmp_path / "toxic.ckpt"))


def test_a_checkpoint_with_a_tensor_of_another_shape_is_refused(content, tmp_path) -> None:
    content["state_dict"]["classifier.bias"] = content["state_dict"]["classifier.bias"][:2].clone()
    with pytest.raises(ScorerError, match="cannot build Detoxify from"):
        opened(save(content, tmp_path / "toxic.ckpt"))


@pytest.mark.parametrize("classes", [["insult"] * 6, ["insult"] * 6 + ["toxic"]])
def test_a_checkpoint_without_the_class_toxicity_is_refused(classes, content, tmp_path) -> None:
    content["config"]["dataset"]["args"]["classes"] = classes
    with pytest.raises(ScorerError, match="has no class 'toxicity'"):
        opened(save(content, tmp_path / "toxic.ckpt"))


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "the code ran")


def test_pickled_code_is_refused_and_not_run_without_the_flag(content, tmp_path) -> None:
    touched = tmp_path / "touched"
    path = save({**content, "extra": Trap(touched)}, tmp_path / "toxic.ckpt")
    with pytest.raises(ScorerError, match="cannot be read as plain tensors") as caught:
        opened(path)
    assert "--allow-pickle" in caught.value.hint
    assert hashlib.sha256(path.read_bytes()).hexdigest() in caught.value.message
    assert not touched.exists()


def test_pickled_code_runs_with_the_flag(bert, content, tmp_path) -> None:
    touched = tmp_path / "touched"
    path = save({**content, "extra": Trap(touched)}, tmp_path / "toxic.ckpt")
    found = opened(path, allow_pickle=True).rate(TEXTS)
    assert touched.read_text(encoding="utf-8") == "the code ran"
    assert [r.value for r in found] == pytest.approx([r.value for r in opened(bert).rate(TEXTS)], abs=1e-6)


def test_a_file_whose_digest_begins_like_a_releases_is_not_trusted_for_that(content, tmp_path, monkeypatch) -> None:
    touched = tmp_path / "touched"
    path = save({**content, "extra": Trap(touched)}, tmp_path / "toxic.ckpt")
    prefix = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(releases(), "original", f"http://127.0.0.1:1/toxic-{prefix}.ckpt")
    with pytest.raises(ScorerError, match="cannot be read as plain tensors"):
        opened(path)
    assert not touched.exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("allow_pickle", [False, True])
def test_a_truncated_file_is_refused(share, allow_pickle, bert, tmp_path) -> None:
    whole = bert.read_bytes()
    path = tmp_path / "toxic.ckpt"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ScorerError, match="cannot"):
        opened(path, allow_pickle=allow_pickle)


@pytest.mark.parametrize(
    "data", [b"{}", b"\x80\x02}q\x00.", b"\x80\x02K\x01.", b"PK\x03\x04junk", b"c", b"\x80\x02\x8c\xff", b"(" * 9]
)
@pytest.mark.parametrize("allow_pickle", [False, True])
def test_a_file_of_another_kind_is_refused(data, allow_pickle, tmp_path) -> None:
    path = tmp_path / "toxic.ckpt"
    path.write_bytes(data)
    with pytest.raises(ScorerError):
        opened(path, allow_pickle=allow_pickle)


@pytest.mark.parametrize(
    "other", [{"weights": {}}, [1, 2], {"config": {}, "state_dict": {}}, {"config": None, "state_dict": None}]
)
def test_a_checkpoint_of_another_tool_is_refused(other, tmp_path) -> None:
    with pytest.raises(ScorerError, match=r"not a Detoxify checkpoint|cannot build Detoxify"):
        opened(save(other, tmp_path / "toxic.ckpt"))


def test_an_unknown_name_names_the_nearest_release() -> None:
    with pytest.raises(ScorerError, match="'unbaised'") as caught:
        opened("unbaised")
    assert "unbiased" in caught.value.hint
    with pytest.raises(ScorerError, match="needs a checkpoint"):
        opened("")


def releases() -> dict[str, str]:
    import detoxify.detoxify as library

    return library.MODEL_URLS


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of PyTorch's; returns the folder for checkpoints in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def test_a_release_that_is_not_here_is_an_error_offline(hub_cache) -> None:
    with pytest.raises(OfflineError, match="'original' is not on this machine"):
        opened("original")
    assert not hub_cache.exists()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server on loopback: its address and the folder that it serves."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments) -> None:  # type: ignore[no-untyped-def]
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def publish(content: dict, site: tuple[str, Path], monkeypatch, *, prefix: str = "") -> str:
    """Put a checkpoint onto the server as the release `original`; return its file's name."""
    address, folder = site
    path = save(content, folder / "new.ckpt")
    digits = prefix or hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    name = path.rename(folder / f"toxic_original-{digits}.ckpt").name
    monkeypatch.setitem(releases(), "original", f"{address}/{name}")
    return name


def test_a_release_is_downloaded_once_and_then_found_offline(content, site, hub_cache, monkeypatch, bert) -> None:
    name = publish(content, site, monkeypatch)
    hub_cache.mkdir(parents=True)
    for beside in ("config.json", "vocab.txt", "tokenizer_config.json"):
        (hub_cache / beside).write_bytes((bert.parent / beside).read_bytes())
    online = opened("original", offline=False)
    (site[1] / name).unlink()
    assert opened("original", offline=True).rate(TEXTS) == online.rate(TEXTS)
    assert [path.name for path in hub_cache.glob("*.ckpt")] == [name]


def test_a_release_that_is_not_what_its_name_says_is_refused(content, site, hub_cache, monkeypatch) -> None:
    touched = hub_cache.parent / "touched"
    name = publish({**content, "extra": Trap(touched)}, site, monkeypatch, prefix="0123abcd")
    with pytest.raises(ScorerError, match="cannot download"):
        opened("original", offline=False)
    assert not (hub_cache / name).exists()
    (hub_cache / name).write_bytes((site[1] / name).read_bytes())
    with pytest.raises(ScorerError, match="is not the release"):
        opened("original")
    assert not touched.exists()


def test_a_release_that_is_gone_is_an_error(content, site, hub_cache, monkeypatch) -> None:
    (site[1] / publish(content, site, monkeypatch)).unlink()
    with pytest.raises(ScorerError, match="cannot download"):
        opened("original", offline=False)


def test_a_base_model_that_is_not_here_is_an_error_offline(content, tmp_path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    content["config"]["arch"]["args"]["model_type"] = "no-such-org/no-such-model"
    with pytest.raises(OfflineError, match="no-such-org/no-such-model are not on this machine"):
        opened(save(content, bare / "toxic.ckpt"))


def test_roberta_reads_two_tokens_fewer_than_it_has_positions(tmp_path) -> None:
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification

    letters = [*"abcdefgh", "Ġ"]
    vocabulary = {word: place for place, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}', encoding="utf-8")
    config = RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=20,
        num_labels=len(CLASSES),
        initializer_range=0.5,
    )
    config.save_pretrained(tmp_path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = RobertaForSequenceClassification(config).state_dict()
    content = checkpoint_of(state, model_type="roberta-base", model="Roberta")
    classifier = opened(save(content, tmp_path / "toxic.ckpt"))
    fits, long = classifier.rate(["abcdefgh" * 2, "abcdefgh" * 9])
    assert (fits.truncated, long.truncated) == (False, True)
    assert long.value == pytest.approx(fits.value, abs=1e-6)
    assert "reads 18 tokens" in classifier.notes


def test_a_release_is_on_this_machine_only_with_its_base_model(tmp_path, monkeypatch) -> None:
    from auditor.scorers.detoxify import release_on_this_machine

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert release_on_this_machine() == ""
    checkpoints = tmp_path / "torch" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "toxic_original-c1212f89.ckpt").write_bytes(b"x")
    assert release_on_this_machine() == "", "without the base model's config opening it would download"
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda base, name: f"/{base}/{name}")
    assert release_on_this_machine() == "original"
    (checkpoints / "toxic_debiased-c7548aa0.ckpt").write_bytes(b"x")
    assert release_on_this_machine() == "unbiased"
