"""A real browser for what is shown in one: Chromium, headless, spoken to through its own driver (W3C WebDriver)."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Browser:
    """A page in a window. `requested` are the addresses that it asked for since it was opened, its own among them."""

    def __init__(self, driver: str, binary: str) -> None:
        self._base = driver
        options = {"binary": binary, "args": list(_QUIET)}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._base = f"{driver}/session/{session['sessionId']}"

    def open(self, path: Path, *, width: int = 1280, dark: bool = False, height: int = 900) -> None:
        """Show a file in a window of so many pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.requested()
        self._call("POST", "/url", {"url": path.as_uri()})

    def run(self, script: str) -> Any:
        """Return what a script returns; it is the test's own, and the page's rules do not bind it."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def requested(self) -> list[str]:
        """Return the addresses that were asked for since this was last called and not stopped by the page."""
        entries = self._call("POST", "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        failed = [one["params"] for one in messages if one["method"] == "Network.loadingFailed"]
        stopped = {one["requestId"] for one in failed if one.get("blockedReason") == "csp"}
        sent = [one["params"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent if one["requestId"] not in stopped]

    def picture(self, path: Path) -> None:
        """Write what is shown as a PNG file."""
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def devtools(self, command: str, params: dict[str, Any]) -> Any:
        """Return what a command of the browser's own protocol returns."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def close(self) -> None:
        """End the session, and the browser with it."""
        self._call("DELETE", "")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._base}{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as fault:
            raise AssertionError(f"{path}: {fault.read().decode()[:500]}") from fault


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, ready to show files; without it and its driver the test is skipped."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no chromium with its chromedriver here (Debian: apt-get install chromium chromium-driver)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("chromedriver") / "log"
    server = subprocess.Popen([driver, f"--port={port}", f"--log-path={log}"], stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        shown = Browser(f"http://127.0.0.1:{port}", binary)
        yield shown
        shown.close()
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"chromedriver does not listen on port {port}")
