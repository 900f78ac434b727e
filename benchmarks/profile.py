"""Where the time goes: the share of each operator in scoring and in decoding, by PyTorch's profiler; other trees."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchmarks import prepare, work

_LEAST = 0.01  # of the time; operators below are summed up
_TREE_NODES = (128, 256, 512, 1024)
_N_TEXTS, _N_PROMPTS, _N_SAMPLES, _N_TOKENS = 120, 20, 5, 60


def shares() -> dict[str, dict[str, float]]:
    """Return each operator's share of the time in scoring CrowS-Pairs and in decoding 100 completions, and rates."""
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

    def score() -> object:
        return list(backend.loglikelihood(scored, done=set()))

    found = {
        "scoring": _profiled(score),
        "decoding": _profiled(lambda: list(backend.generate(written, done=set()))),
    }
    tokens = prepare.size_of(prepare.model_folder(), pairs).distinct_tokens
    rates = {}
    for nodes in _TREE_NODES:
        backend._nodes = nodes
        rates[str(nodes)] = tokens / statistics.median(_seconds(score) for _ in range(3))
    return {**found, "tokens per second by nodes of a tree": rates}


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _profiled(run: Callable[[], object]) -> dict[str, float]:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    times = {event.key: float(event.self_cpu_time_total) for event in found.key_averages()}
    whole = sum(times.values())
    named = {key: time / whole for key, time in times.items() if time >= _LEAST * whole}
    return {**dict(sorted(named.items(), key=lambda item: -item[1])), "others": 1 - sum(named.values())}
