"""auditor: log-likelihoods through its `hf` backend, as a run asks for them."""

from __future__ import annotations

from typing import Any

from protocol import Pass, serve


def _open(job: dict[str, Any]) -> Pass:
    from auditor.backends.base import BackendOptions
    from auditor.backends.hf import open_backend
    from auditor.provenance.resolve import resolve
    from auditor.types import Loglikelihood, LoglikelihoodRequest

    backend = open_backend(resolve(job["model"], offline=True), BackendOptions(device="cpu"))

    def one_pass(part: slice) -> dict[str, Any]:
        asked = [LoglikelihoodRequest(context=context, continuation=answer) for context, answer in job["pairs"][part]]
        found = {number: out for pack in backend.loglikelihood(asked, done=set()) for number, out in pack.items()}
        outputs = [found[number] for number in range(len(asked))]
        return {"outputs": [out.nats if isinstance(out, Loglikelihood) else None for out in outputs]}

    return one_pass


if __name__ == "__main__":
    serve(_open)
