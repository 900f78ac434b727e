"""`python -m benchmarks NAME`: measure, write `results/NAME.json` and the table in README.md."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from typing import Any

from benchmarks import prepare, table, work
from benchmarks.measure import alternate, farthest, largest_gap, matmul_peak, save
from benchmarks.sides import opened

_LM_EVAL = "lm-evaluation-harness 0.4.13, `hf`"
_BATCH = {"crows-pairs": 32, "stereoset": 32}  # 16 for texts with a long context
_REFERENCE = {
    "crows-pairs": "smollm2_crows_pairs_loglikelihood.jsonl",
    "truthfulqa-40": "smollm2_truthfulqa_mc2_first40_loglikelihood.jsonl",
}
_N_PROMPTS, _N_SAMPLES, _N_TOKENS = 20, 5, 150
_N_COMMENTS = 2000
_N_WORST = 20  # requests that are computed in float64, too


def loglikelihood(name: str, rounds: int, limit: int | None) -> dict[str, Any]:
    """Compare log-likelihoods with lm-evaluation-harness."""
    pairs = work.LOGLIKELIHOOD[name]()
    asked = pairs[:limit]
    folder = prepare.model_folder()
    size = prepare.size_of(folder, asked)
    job = {"model": str(folder), "pairs": asked, "batch": _BATCH.get(name, 16)}
    with (
        opened("auditor_loglikelihood", job, peer=False) as ours,
        opened("lm_eval_loglikelihood", job, peer=True) as theirs,
    ):
        peak = matmul_peak()
        our, their = alternate(ours, theirs, rounds=rounds)
        peak = statistics.mean([peak, matmul_peak()])
    flops = 2 * size.parameters * size.distinct_tokens / statistics.median(found["seconds"] for found in our)
    share = {"share of the matrix-product peak": flops / peak} if all(not context for context, _ in asked) else {}
    known = work.reference(_REFERENCE[name])[: len(asked)] if name in _REFERENCE else []
    our_nats, their_nats = our[-1]["outputs"], their[-1]["outputs"]
    worst = farthest(our_nats, their_nats, count=_N_WORST)
    exact = prepare.in_double(folder, [asked[place] for place in worst])
    return {
        "peer": f"{_LM_EVAL}, batch {job['batch']}",
        "work": f"{len(asked):,} log-likelihoods" + (f" of {len(pairs):,}" if len(asked) < len(pairs) else ""),
        "tokens": size.distinct_tokens,
        "tokens without sharing": size.tokens,
        **_times(our, their),
        "opening (s)": ours.opening,
        "opening of the peer (s)": theirs.opening,
        **share,
        "matrix-product peak (GFLOP/s)": peak / 1e9,
        "largest difference from the peer (nats)": largest_gap(our_nats, their_nats),
        **({"largest difference from the reference (nats)": largest_gap(our_nats, known)} if known else {}),
        **({"of the peer from the reference (nats)": largest_gap(their_nats, known)} if known else {}),
        "off float64 where they differ most (nats)": largest_gap([our_nats[place] for place in worst], exact),
        "the peer off float64 there (nats)": largest_gap([their_nats[place] for place in worst], exact),
    }


def generation(name: str, rounds: int, limit: int | None) -> dict[str, Any]:
    """Compare sampled completions with garak; both sides draw exactly as many tokens."""
    job = {
        "model": str(prepare.model_folder()),
        "prompts": work.prompts(limit or _N_PROMPTS),
        "samples": _N_SAMPLES,
        "tokens": _N_TOKENS,
    }
    with opened("auditor_generate", job, peer=False) as ours, opened("garak_generate", job, peer=True) as theirs:
        our, their = alternate(ours, theirs, rounds=rounds)
    wanted = len(job["prompts"]) * _N_SAMPLES * _N_TOKENS
    drawn = {found["tokens"] for found in our + their}
    if drawn != {wanted}:
        raise SystemExit(f"error: {wanted} tokens were asked for, and {drawn} came; the sides are not comparable")
    return {
        "peer": "garak 0.17.1, `huggingface.Model`, float32",
        "work": f"{len(job['prompts'])} prompts × {_N_SAMPLES} completions × {_N_TOKENS} tokens",
        **_times(our, their),
        "opening (s)": ours.opening,
        "opening of the peer (s)": theirs.opening,
        "tokens per second": wanted / statistics.median(found["seconds"] for found in our),
    }


def detoxify(name: str, rounds: int, limit: int | None) -> dict[str, Any]:
    """Compare toxicity scores with Detoxify's own `predict`, on its architecture with random weights."""
    texts = work.comments(limit or _N_COMMENTS)
    checkpoint = prepare.detoxify_checkpoint()
    job = {"checkpoint": str(checkpoint), "folder": str(checkpoint.parent), "texts": texts}
    with opened("auditor_detoxify", job, peer=False) as ours, opened("detoxify_predict", job, peer=True) as theirs:
        our, their = alternate(ours, theirs, rounds=rounds)
    return {
        "peer": "Detoxify 0.5.4, `predict` on the list, bert-base with random weights",
        "work": f"{len(texts):,} comments",
        **_times(our, their),
        "opening (s)": ours.opening,
        "opening of the peer (s)": theirs.opening,
        "lowest score": min(our[-1]["outputs"]),
        "highest score": max(our[-1]["outputs"]),
        "largest difference from the peer (probability)": largest_gap(our[-1]["outputs"], their[-1]["outputs"]),
    }


def _times(our: list[dict[str, Any]], their: list[dict[str, Any]]) -> dict[str, Any]:
    ratios = sorted(theirs["seconds"] / ours["seconds"] for ours, theirs in zip(our, their, strict=True))
    return {
        "seconds": statistics.median(found["seconds"] for found in our),
        "seconds of the peer": statistics.median(found["seconds"] for found in their),
        "ratios": ratios,
        "ratio": statistics.median(ratios),
    }


BENCHMARKS: dict[str, Callable[[str, int, int | None], dict[str, Any]]] = {
    **dict.fromkeys(work.LOGLIKELIHOOD, loglikelihood),
    "generation": generation,
    "detoxify": detoxify,
}


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "table"])
    parser.add_argument("--rounds", type=int, default=3, help="passes of each side, in turn")
    parser.add_argument("--limit", type=int, help="only the first requests, prompts or texts")
    asked = parser.parse_args()
    if asked.rounds < 1 or (asked.limit is not None and asked.limit < 1):
        parser.error("--rounds and --limit are at least 1")
    if asked.name != "table":
        save(asked.name, BENCHMARKS[asked.name](asked.name, asked.rounds, asked.limit))
    table.write()


if __name__ == "__main__":
    main()
