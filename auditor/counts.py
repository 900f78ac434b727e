"""Whether what a record counts is what its samples hold: samples, requests, completions, tokens, operations of a token.

A process that was broken off may have written down less than it did: how many completions it lacks, nobody knows. What
is told then is that the processes had no more of them than there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from auditor.backends.base import COUNTED_TOKENS, by_formula
from auditor.checking import check
from auditor.samples import AskedSample
from auditor.types import Check, Completion, Costs, FlopCount, ProbeResult, RunRecord, Span, Unscored

_NO_COSTS = "the record does not hold what its processes did"


class _Held(Struct, frozen=True, kw_only=True):
    """What the samples of a probe hold."""

    samples: int
    unscored: dict[str, int]
    requests: int
    completions: int
    tokens: int  # of completions


def checks(found: RunRecord, lines: Mapping[str, Sequence[AskedSample]]) -> Iterator[Check]:
    """Yield whether the counts of each probe, of the run and of its processes are those of the samples."""
    held = {probe.id: _held(lines[probe.id]) for probe in found.probes}
    yield from (_of_probe(found, probe, held[probe.id]) for probe in found.probes)
    yield _of_requests(found, sum(one.requests for one in held.values()))
    if found.clocks.costs is None:
        yield Check(what="completions", outcome="not_checked", detail=_NO_COSTS)
        yield Check(what="operations", outcome="not_checked", detail=_NO_COSTS)
        return
    completions, tokens = (sum(getattr(one, key) for one in held.values()) for key in ("completions", "tokens"))
    yield _of_completions(found, found.clocks.costs, completions=completions, tokens=tokens)
    yield _of_operations(found, found.clocks.costs)


def _held(lines: Sequence[AskedSample]) -> _Held:
    requests = completions = tokens = 0
    unscored: Counter[str] = Counter()
    for line in lines:
        if isinstance(line.score, Unscored):
            unscored[line.score.reason.value] += 1
        for pair in line.pairs:
            requests += 1
            if isinstance(pair.output, Completion):
                completions += 1
                tokens += pair.output.n_tokens
    return _Held(samples=len(lines), unscored=dict(unscored), requests=requests, completions=completions, tokens=tokens)


def _of_probe(found: RunRecord, probe: ProbeResult, held: _Held) -> Check:
    what = f"{probe.id} counts"
    same = check(
        what,
        {"n_selected": probe.n_selected, "unscored": probe.unscored},
        {"n_selected": held.samples, "unscored": held.unscored},
    )
    if same.outcome == "differs":
        return same
    whole = found.run.limit is None or found.run.limit >= probe.n_items
    if held.samples > probe.n_items or (whole and held.samples < probe.n_items):
        limit = "no limit" if found.run.limit is None else f"the limit {found.run.limit}"
        detail = f"n_items: the record says {probe.n_items}, and has {held.samples} samples at {limit}"
        return Check(what=what, outcome="differs", detail=detail)
    return same


def _of_requests(found: RunRecord, held: int) -> Check:
    """Return whether so many requests were answered, and no more of them than that stood in the journal before."""
    clocks = found.clocks
    same = check("requests", clocks.requests, held, name="clocks.requests")
    if same.outcome == "same" and not 0 <= clocks.requests_from_journal <= held:
        detail = f"clocks.requests_from_journal: {clocks.requests_from_journal} of {held} requests"
        return Check(what="requests", outcome="differs", detail=detail)
    return same


def _of_completions(found: RunRecord, costs: Costs, *, completions: int, tokens: int) -> Check:
    """Return whether the processes wrote the completions, and their tokens, that the samples hold."""
    said = {
        "completions": sum(span.completions for span in costs.spans),
        "tokens": sum(span.completion_tokens for span in costs.spans),
    }
    held = {"completions": completions, "tokens": tokens}
    fault = next(filter(None, map(_less_than_nothing, costs.spans)), "") or _of_last(found, costs.spans[-1:], held)
    more = [key for key in said if said[key] > held[key]]
    if more and not fault:
        fault = f"clocks.costs.spans: {said[more[0]]} {more[0]}, and the samples hold {held[more[0]]}"
    if fault:
        return Check(what="completions", outcome="differs", detail=fault)
    lacking = f"{said['tokens']} of {held['tokens']} tokens: a process that was broken off counts short"
    return Check(what="completions", outcome="same", detail=lacking if said != held else "")


def _less_than_nothing(span: Span) -> str:
    if min(span.completions, span.completion_tokens) < 0:
        return f"a process wrote {span.completions} completions of {span.completion_tokens} tokens"
    return ""


def _of_last(found: RunRecord, last: Sequence[Span], held: Mapping[str, int]) -> str:
    """Return why the last process cannot have written so much: it answered all that was not in the journal yet."""
    before, asked = found.clocks.requests_from_journal, found.clocks.requests
    for span in last:
        least, most = held["completions"] - before, min(held["completions"], asked - before)
        if not least <= span.completions <= most:
            place = f"the last process wrote {span.completions} completions"
            return f"{place}: it answered {asked - before} of {asked} requests, {held['completions']} of them with one"
        if not before and span.completion_tokens != held["tokens"]:
            return f"the last process answered all, by {span.completion_tokens} tokens, and there are {held['tokens']}"
        if not span.completions and span.completion_tokens:
            return f"the last process wrote {span.completion_tokens} tokens in no completion"
    return ""


def _of_operations(found: RunRecord, costs: Costs) -> Check:
    """Return whether the operations of a token rest on what the record says of the model, and suffice for its work."""
    what, flop = "operations", costs.flop
    if flop.method == "formula":
        said, now = flop, by_formula(found.backend.parameters)
    else:
        said, now = flop, _counted(found, flop)
    same = check(what, said, now, name="clocks.costs.flop")
    if same.outcome == "differs":
        return same
    fault = next((told for n, span in enumerate(costs.spans) if (told := _of_work(span, n))), "")
    if not fault and flop.method == "counted" and (flop.body <= 0 or flop.head < 0):
        fault = f"clocks.costs.flop: {flop.body} operations a token and {flop.head} a prediction"
    return Check(what=what, outcome="differs" if fault else "same", detail=fault)


def _counted(found: RunRecord, flop: FlopCount) -> FlopCount:
    """Return a count with what follows from the record: over how many tokens it was, and 2·N."""
    tokens, formula = min(COUNTED_TOKENS, found.backend.context_length), by_formula(found.backend.parameters).formula
    return FlopCount(method="counted", by=flop.by, tokens=tokens, body=flop.body, head=flop.head, formula=formula)


def _of_work(span: Span, number: int) -> str:
    """Return why a process cannot have run so little: all tokens of a completion but its first took a pass each."""
    if span.work is None:
        return ""
    place, work = f"clocks.costs.spans[{number}].work", span.work
    least = max(0, span.completion_tokens - span.completions)
    if min(work.tokens, work.predictions) < least:
        return f"{place}: {work.tokens} tokens, {work.predictions} predictions, and {least} were written one by one"
    return ""
