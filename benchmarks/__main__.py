"""`python -m benchmarks NAME`: measure one of them and write its row into README.md."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks import work
from benchmarks.measure import alternate, largest_gap, ratios
from benchmarks.sides import model_folder, opened

_BATCH = {"crows-pairs": 32, "stereoset": 32, "truthfulqa": 16, "truthfulqa-40": 16, "bbq-religion": 16}
_REFERENCE = {
    "crows-pairs": "smollm2_crows_pairs_loglikelihood.jsonl",
    "truthfulqa-40": "smollm2_truthfulqa_mc2_first40_loglikelihood.jsonl",
}


def loglikelihood(name: str, rounds: int, limit: int | None) -> dict[str, Any]:
    """Compare log-likelihoods with lm-evaluation-harness."""
    pairs = work.LOGLIKELIHOOD[name]()[:limit]
    job = {"model": str(model_folder()), "pairs": pairs, "batch": _BATCH[name]}
    with (
        opened("auditor_loglikelihood", job, peer=False) as ours,
        opened("lm_eval_loglikelihood", job, peer=True) as theirs,
    ):
        our, their = alternate(ours, theirs, rounds=rounds)
    gaps = {"largest difference from the peer (nats)": largest_gap(our[-1]["outputs"], their[-1]["outputs"])}
    if name in _REFERENCE:
        known = work.reference(_REFERENCE[name])[: len(pairs)]
        gaps["largest difference from the reference (nats)"] = largest_gap(our[-1]["outputs"], known)
    return {
        "peer": f"lm-evaluation-harness 0.4.13, hf, batch {job['batch']}",
        "work": f"{len(pairs):,} log-likelihoods",
        **_times(our, their),
        **gaps,
    }


def _times(our: list[dict[str, Any]], their: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "seconds": statistics.median(found["seconds"] for found in our),
        "seconds of the peer": statistics.median(found["seconds"] for found in their),
        "ratios": [round(ratio, 3) for ratio in ratios(our, their)],
        "ratio": statistics.median(ratios(our, their)),
    }
