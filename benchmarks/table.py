"""The table in README.md, from the saved results."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.sides import HERE

_START, _END = "<!-- results -->", "<!-- end of results -->"
_HEADER = """| benchmark | work | peer | peer (s) | auditor (s) | ratio: median [lowest, highest] | rounds | agreement |
|---|---|---|---|---|---|---|---|"""


def write() -> None:
    """Replace the table between the markers of README.md."""
    path = HERE / "README.md"
    before, rest = path.read_text(encoding="utf-8").split(_START)
    after = rest.split(_END)[1]
    results = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(HERE.glob("results/*.json"))}
    rows = [_row(name, result) for name, result in results.items()]
    notes = [f"- `{name}`: {note}" for name, result in results.items() for note in [_notes(result)] if note]
    table = "\n".join([_HEADER, *rows, "", *notes])
    path.write_text(f"{before}{_START}\n{table}\n{_END}{after}", encoding="utf-8")


def _row(name: str, result: dict[str, Any]) -> str:
    gaps = [f"{value:.1e} {key[key.index('(') + 1 : -1]}" for key, value in result.items() if key.startswith("largest")]
    ratios = result["ratios"]
    cells = [
        f"`{name}`",
        result["work"],
        result["peer"],
        f"{result['seconds of the peer']:.1f}",
        f"{result['seconds']:.1f}",
        f"**{result['ratio']:.2f}** [{min(ratios):.2f}, {max(ratios):.2f}]",
        str(len(ratios)),
        ", ".join(sorted(set(gaps))) or "–",
    ]
    return f"| {' | '.join(cells)} |"


def _notes(result: dict[str, Any]) -> str:
    parts = []
    if "tokens" in result:
        parts.append(f"{result['tokens without sharing']:,} tokens, {result['tokens']:,} of them different")
    if "share of the matrix-product peak" in result:
        peak = result["matrix-product peak (GFLOP/s)"]
        parts.append(f"model FLOPs {result['share of the matrix-product peak']:.0%} of {peak:.0f} GFLOP/s")
    if "off float64 where they differ most (nats)" in result:
        ours, theirs = result["off float64 where they differ most (nats)"], result["the peer off float64 there (nats)"]
        parts.append(f"where they differ most auditor is off float64 by {ours:.1e} nats, the peer by {theirs:.1e}")
    if "of the peer from the reference (nats)" in result:
        parts.append(f"the peer differs from the reference by {result['of the peer from the reference (nats)']:.1e}")
    if "tokens per second" in result:
        parts.append(f"{result['tokens per second']:.0f} tokens/s")
    if "lowest score" in result:
        parts.append(f"scores from {result['lowest score']:.3f} to {result['highest score']:.3f}")
    parts.append(
        f"opening, not part of the time: {result['opening (s)']:.0f} s, peer {result['opening of the peer (s)']:.0f} s"
    )
    return "; ".join([*parts, f"torch {result['torch']}, {result['machine']}, {result['date']}"])
