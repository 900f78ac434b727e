"""lm-evaluation-harness: log-likelihoods through its `hf` model, as its tasks ask for them."""

from __future__ import annotations

from typing import Any

from protocol import Pass, serve


def _open(job: dict[str, Any]) -> Pass:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=job["model"], device="cpu", dtype="float32", batch_size=job["batch"])

    def one_pass(part: slice) -> dict[str, Any]:
        asked = [
            Instance(request_type="loglikelihood", doc={}, arguments=(context, continuation), idx=number)
            for number, (context, continuation) in enumerate(job["pairs"][part])
        ]
        return {"outputs": [nats for nats, _ in model.loglikelihood(asked, disable_tqdm=True)]}

    return one_pass


if __name__ == "__main__":
    serve(_open)
