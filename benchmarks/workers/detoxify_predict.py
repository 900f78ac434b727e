"""Detoxify: `predict` on a list of texts."""

from __future__ import annotations

from typing import Any

from protocol import Pass, serve


def _open(job: dict[str, Any]) -> Pass:
    from detoxify import Detoxify

    tool = Detoxify(checkpoint=job["checkpoint"], huggingface_config_path=job["folder"])

    def one_pass(part: slice) -> dict[str, Any]:
        return {"outputs": tool.predict(job["texts"][part])["toxicity"]}

    return one_pass


if __name__ == "__main__":
    serve(_open)
