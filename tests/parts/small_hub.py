"""A small server on loopback that speaks the part of the Hub's API that a download needs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Files = Mapping[str, bytes]


class SmallHub:
    """Serves repositories by their kind and name, such as `models/org/tiny`, at `main` and at one commit.

    Those in `gated` list their files and give none; those in `hidden` do not even list them. `asked` are the paths that
    were asked for, `downloaded` the names of the files whose content was. `home` is the cache of the user who asks.
    """

    def __init__(
        self,
        home: Path,
        repositories: Mapping[str, Files],
        *,
        gated: tuple[str, ...] = (),
        hidden: tuple[str, ...] = (),
    ) -> None:
        self.home = home
        self.repositories = dict(repositories)
        self.gated, self.hidden = gated, hidden
        self.asked: list[str] = []
        self.downloaded: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop listening: from then on a connection is refused."""
        self._server.shutdown()
        self._server.server_close()

    def run(self, code: str, *arguments: str) -> str:
        """Return what Python code prints in a process of its own, whose Hub is this one."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        where = {"HF_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}", "HF_HOME": str(self.home)}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**kept, **where, "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: SmallHub

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        self.hub.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        listing = parts[0] == "api"
        kind = parts.pop(1) if listing else "datasets" if parts[0] == "datasets" else "models"
        rest = parts[1:] if listing or kind == "datasets" else parts
        name, what = "/".join([kind, *rest[:2]]), rest[2:]
        files, path = self.hub.repositories.get(name, {}), "/".join(what[2:])
        if name in self.hub.hidden:
            self._refuse(401, "GatedRepo")
        elif not files:
            self._refuse(404, "RepoNotFound")
        elif len(what) > 1 and what[1] not in {"main", COMMIT}:
            self._refuse(404, "RevisionNotFound")
        elif listing:
            self._send(json.dumps(_listed(name, files, tree=what[0] == "tree")).encode(), body=body)
        elif name in self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif path not in files:
            self._refuse(404, "EntryNotFound")
        else:
            self.hub.downloaded += [path] if body else []
            self._send(files[path], body=body)

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


def _listed(name: str, files: Files, *, tree: bool) -> Any:
    """Return a repository's tree of files, or what it is and the names of its files."""
    if not tree:
        identity = {"id": name.partition("/")[2], "sha": COMMIT}
        return {**identity, "siblings": [{"rfilename": file} for file in files]}
    return [
        {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        for file, content in files.items()
    ]
