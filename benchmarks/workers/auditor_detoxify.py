"""auditor: its classifier of the same checkpoint."""

from __future__ import annotations

from typing import Any

from protocol import Pass, serve


def _open(job: dict[str, Any]) -> Pass:
    from auditor.scorers.detoxify import open_classifier

    classifier = open_classifier(job["checkpoint"], offline=True, allow_pickle=False)

    def one_pass(part: slice) -> dict[str, Any]:
        return {"outputs": [rating.value for rating in classifier.rate(job["texts"][part])]}

    return one_pass


if __name__ == "__main__":
    serve(_open)
