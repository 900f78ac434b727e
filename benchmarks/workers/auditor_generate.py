"""auditor: completions through its `hf` backend, as a run asks for them."""

from __future__ import annotations

from typing import Any

from protocol import Pass, serve


def _open(job: dict[str, Any]) -> Pass:
    from auditor.backends.base import BackendOptions
    from auditor.backends.hf import open_backend
    from auditor.provenance.resolve import resolve
    from auditor.types import Completion, GenerateRequest, Sampling

    backend = open_backend(resolve(job["model"], offline=True), BackendOptions(device="cpu"))
    sampling = Sampling(max_new_tokens=job["tokens"], min_new_tokens=job["tokens"])

    def one_pass(part: slice) -> dict[str, Any]:
        asked = [
            GenerateRequest(prompt=prompt, chat=False, sampling=sampling, seed=job["samples"] * number + sample)
            for number, prompt in enumerate(job["prompts"][part])
            for sample in range(job["samples"])
        ]
        outputs = [out for pack in backend.generate(asked, done=set()) for out in pack.values()]
        return {"tokens": sum(out.n_tokens for out in outputs if isinstance(out, Completion))}

    return one_pass


if __name__ == "__main__":
    serve(_open)
