"""Hub names, against a small server on loopback that speaks the part of the Hub's API that a download needs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy
import pytest
from safetensors.numpy import save

COMMIT = "0123456789abcdef0123456789abcdef01234567"
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


class SmallHub(BaseHTTPRequestHandler):
    """Serves `org/tiny` at `main` and at its commit.

    `org/closed` lists its files and gives none, `org/hidden` does not even list them.
    """

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []
    downloaded: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        match parts:
            case ["api", "models", "org", "tiny" | "closed", "revision", "main"]:
                self._send(json.dumps({"id": "org/tiny", "sha": COMMIT, "siblings": []}).encode(), body=body)
            case ["api", "models", "org", "tiny" | "closed", "tree", _]:
                self._send(json.dumps([_tree_entry(name) for name in FILES]).encode(), body=body)
            case ["org", "tiny", "resolve", _, *place] if "/".join(place) in FILES:
                self.downloaded += ["/".join(place)] if body else []
                self._send(FILES["/".join(place)], body=body)
            case ["api", "models", "org", "tiny", *_]:
                self._refuse(404, "RevisionNotFound")
            case ["org", "closed", *_]:
                self._refuse(403, "GatedRepo")
            case ["api", "models", "org", "hidden", *_]:
                self._refuse(401, "GatedRepo")
            case _:
                self._refuse(404, "RepoNotFound")

    def _send(self, content: bytes, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _tree_entry(name: str) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(FILES[name]), "oid": hashlib.sha1(FILES[name]).hexdigest()}


class Hub:
    """The running server, and the cache of the user who asks it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), SmallHub)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        SmallHub.asked.clear()
        SmallHub.downloaded.clear()

    def stop(self) -> None:
        """Stop listening: from then on a connection is refused."""
        self.server.shutdown()
        self.server.server_close()

    def resolve(self, *names: str, **options: bool) -> list[dict[str, Any]]:
        """Resolve names in a process of its own; an answer is a ModelRef, or an error's class, message and hint."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        where = {"HF_ENDPOINT": f"http://127.0.0.1:{self.server.server_port}", "HF_HOME": str(self.home)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps([names, options])],
            env={**kept, **where, "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
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
    assert set(SmallHub.downloaded) == PLAIN
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
    assert SmallHub.asked == []


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
    assert SmallHub.downloaded == []


@pytest.mark.slow
def test_code_and_pickles_come_only_with_the_flags_that_allow_them(hub: Hub) -> None:
    [answer] = hub.resolve("org/tiny", offline=False, trust_remote_code=True, allow_pickle=True)
    assert set(SmallHub.downloaded) == PLAIN | {"modeling_tiny.py", "pytorch_model.bin"}
    assert answer["format"] == "safetensors"
