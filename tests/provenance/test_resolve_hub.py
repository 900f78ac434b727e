"""Hub names, against a small server on loopback that speaks the part of the Hub's API that a download needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save
from small_hub import COMMIT, SmallHub

WEIGHTS = save({"a": numpy.arange(8, dtype=numpy.float32)})
FILES = {
    ".gitattributes": b"*.safetensors filter=lfs",
    "README.md": b"---\nlicense: mit\n---\n# tiny\n",
    "LICENSE": b"MIT",
    "config.json": json.dumps({"architectures": ["LlamaForCausalLM"]}).encode(),
    "tokenizer.json": b"{}",
    "qwen.tiktoken": b"YQ== 0\n",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"\x80\x04N.",
    "pytorch_model.bin.index.json": json.dumps({"weight_map": {"a": "pytorch_model.bin"}}).encode(),
    "modeling_tiny.py": b"x = 1\n",
    "onnx/model.safetensors": save({"b": numpy.arange(4, dtype=numpy.float32)}),
}
PLAIN = {
    "README.md",
    "LICENSE",
    "config.json",
    "tokenizer.json",
    "qwen.tiktoken",
    "model.safetensors",
    "pytorch_model.bin.index.json",
}


class Hub(SmallHub):
    """The small Hub with `org/tiny`, the gated `org/closed`, and `org/hidden`."""

    def __init__(self, home: Path) -> None:
        models = {"models/org/tiny": FILES, "models/org/closed": FILES}
        super().__init__(home, models, gated=("models/org/closed",), hidden=("models/org/hidden",))

    def resolve(self, *names: str, **options: bool) -> list[dict[str, Any]]:
        """Resolve names in a process of its own; an answer is a ModelRef, or an error's class, message and hint."""
        answers: list[dict[str, Any]] = json.loads(self.run(SCRIPT, json.dumps([names, options])))
        return answers


SCRIPT = """
import json, sys
import huggingface_hub.constants  # it reads HF_HUB_OFFLINE but once, and others may have loaded it before us
import msgspec
from auditor.errors import AuditorError
from auditor.provenance.resolve import resolve
names, options = json.loads(sys.argv[1])
answers = []
for name in names:
    try:
        answers.append(msgspec.to_builtins(resolve(name, **options)))
    except AuditorError as fault:
        answers.append({"error": type(fault).__name__, "message": fault.message, "hint": fault.hint})
print(json.dumps(answers))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    running = Hub(tmp_path / "home")
    yield running
    running.stop()


def test_a_hub_name_gives_plain_files_at_their_commit_online_and_later_from_the_cache(hub: Hub) -> None:
    [online] = hub.resolve("org/tiny@main", offline=False)
    assert "error" not in online, online
    assert (online["requested"], online["repository"], online["revision"]) == ("org/tiny@main", "org/tiny", COMMIT)
    assert set(hub.downloaded) == PLAIN
    assert {file["path"]: file["sha256"] for file in online["files"]} == {
        name: hashlib.sha256(FILES[name]).hexdigest() for name in PLAIN if not name.startswith(("README", "LICENSE"))
    }
    hub.stop()
    by_branch, by_commit, other = hub.resolve("org/tiny@main", f"org/tiny@{COMMIT}", "org/other", offline=True)
    assert by_branch == online
    assert by_commit == {**online, "requested": f"org/tiny@{COMMIT}"}
    assert other["error"] == "OfflineError"


@pytest.mark.slow
def test_where_the_hub_is_down_the_cache_serves_and_what_it_lacks_is_an_error(hub: Hub) -> None:
    [online] = hub.resolve("org/tiny@main", offline=False)
    hub.stop()
    cached, other = hub.resolve("org/tiny@main", "org/other", offline=False)
    assert cached == online
    assert other["error"] == "ModelError"
    assert "cannot get org/other from the Hub" in other["message"]


def test_offline_with_an_empty_cache_is_an_offline_error_and_asks_nobody(hub: Hub) -> None:
    [answer] = hub.resolve("org/tiny", offline=True)
    assert answer["error"] == "OfflineError"
    assert "org/tiny is not in the local cache" in answer["message"]
    assert hub.asked == []


def test_what_the_hub_does_not_give_is_an_error_of_the_model(hub: Hub) -> None:
    names = ("org/nothing", "org/tiny@nowhere", "org/closed", "org/hidden")
    answers = hub.resolve(*names, offline=False)
    assert [(answer["error"], answer["message"]) for answer in answers] == [
        ("ModelError", "the Hub gives no org/nothing: RepositoryNotFoundError"),
        ("ModelError", "the Hub gives no org/tiny@nowhere: RevisionNotFoundError"),
        ("ModelError", "the Hub gives no org/closed: GatedRepoError"),
        ("ModelError", "the Hub gives no org/hidden: GatedRepoError"),
    ]
    assert all("hf auth login" in answer["hint"] for answer in answers)
    assert hub.downloaded == []


@pytest.mark.slow
def test_code_and_pickles_come_only_with_the_flags_that_allow_them(hub: Hub) -> None:
    [answer] = hub.resolve("org/tiny", offline=False, trust_remote_code=True, allow_pickle=True)
    assert set(hub.downloaded) == PLAIN | {"modeling_tiny.py", "pytorch_model.bin"}
    assert answer["format"] == "safetensors"
