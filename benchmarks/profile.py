"""Where the time goes: the share of each operator in scoring and in decoding, by PyTorch's profiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import prepare, work

_LEAST = 0.01  # of the time; operators below are summed up
_N_TEXTS, _N_PROMPTS, _N_SAMPLES, _N_TOKENS = 120, 20, 5, 60


def shares() -> dict[str, dict[str, float]]:
    """Return each operator's share of the time in scoring CrowS-Pairs and in decoding 100 completions."""
    from auditor.backends.base import BackendOptions
    from auditor.backends.hf import open_backend
    from auditor.provenance.resolve import resolve
    from auditor.types import GenerateRequest, LoglikelihoodRequest, Sampling

    backend = open_backend(resolve(str(prepare.model_folder()), offline=True), BackendOptions(device="cpu"))
    pairs = work.crows_pairs()[:_N_TEXTS]
    scored = [LoglikelihoodRequest(context=context, continuation=text) for context, text in pairs]
    sampling = Sampling(max_new_tokens=_N_TOKENS, min_new_tokens=_N_TOKENS)
    written = [
        GenerateRequest(prompt=prompt, chat=False, sampling=sampling, seed=_N_SAMPLES * number + sample)
        for number, prompt in enumerate(work.prompts(_N_PROMPTS))
        for sample in range(_N_SAMPLES)
    ]
    return {
        "scoring": _profiled(lambda: list(backend.loglikelihood(scored, done=set()))),
        "decoding": _profiled(lambda: list(backend.generate(written, done=set()))),
    }


def _profiled(run: Callable[[], Any]) -> dict[str, float]:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    times = {event.key: float(event.self_cpu_time_total) for event in found.key_averages()}
    whole = sum(times.values())
    named = {key: time / whole for key, time in times.items() if time >= _LEAST * whole}
    return {**dict(sorted(named.items(), key=lambda item: -item[1])), "others": 1 - sum(named.values())}
