"""What was fixed before the first request, and whether the journal and the verdicts keep to it.

The journal's first line holds the plan and the time, and is on the disk before any request is sent. Whoever can write
the record's folder can write the journal, too: what proves the time to a stranger is a copy of the plan's digest, or of
the journal's first line, that was given away before the run ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from auditor import record, schema
from auditor.checking import check
from auditor.errors import RecordError
from auditor.journal import Kind, read_journal
from auditor.policies import kept_in
from auditor.types import Check, Comparison, Output, RunRecord, Verdict


def journal_check(found: RunRecord, folder: Path, outputs: Mapping[Kind, Iterable[Output]]) -> Check:
    """Return whether the journal holds the record's plan, the time at which it was fixed, and the same outputs.

    `outputs` are the record's, in the order in which the journal numbers them.
    """
    path = folder / record.JOURNAL
    if not path.is_file():
        return Check(what="journal", outcome="not_checked", detail="it is not there")
    try:
        written = read_journal(path)
    except RecordError as fault:
        return Check(what="journal", outcome="differs", detail=fault.message)
    one = {"plan": found.run.plan_digest, "fixed_at": found.clocks.planned_at, "requests": found.clocks.requests}
    count = sum(map(len, written.outputs.values()))
    two = {"plan": schema.digest_of(written.plan), "fixed_at": written.fixed_at, "requests": count}
    same = check("journal", one, two, name=record.JOURNAL)
    if same.outcome == "differs":
        return same
    places = (_other_output(kind, of, written.outputs[kind]) for kind, of in outputs.items())
    place = next(filter(None, places), "")
    return Check(what="journal", outcome="differs", detail=place) if place else same


def _other_output(kind: Kind, said: Iterable[Output], now: Mapping[int, Output]) -> str:
    """Return where the record's outputs of a kind and the journal's first differ, in any digit, or nothing."""
    count = 0
    for count, output in enumerate(said, start=1):
        number = count - 1
        if output != now.get(number):
            place = f"{record.JOURNAL}.outputs.{kind}.{number}"
            told = check("journal", output, now.get(number), name=place).detail
            return told or f"{place}: the record says {output}, the journal {now[number]}"
    return "" if len(now) == count else f"{record.JOURNAL} has {len(now)} outputs of {kind}, the record {count}"


def constants_checks(changed: Sequence[str]) -> Iterator[Check]:
    """Yield that what rests on constants cannot be checked where they have changed since a card was made."""
    for name in changed:
        detail = "they have changed since: what rests on them stands as it was; judge again to count with the new ones"
        yield Check(what=f"constants {name}", outcome="not_checked", detail=detail)


def kept_checks(found: RunRecord, folder: Path) -> Iterator[Check]:
    """Yield whether the policies kept in the folder are, to the byte, those fixed before the first request."""
    for policy, digest in found.run.policies.items():
        path = kept_in(folder, policy)
        if path is not None:
            yield check(f"{path.parent.name}/{path.name}", digest, schema.digest_file(path).sha256)


def policy_checks(found: RunRecord, verdicts: Sequence[Verdict]) -> Iterator[Check]:
    """Yield, for each policy fixed before the first request, whether there is a verdict by it, unchanged."""
    told = {verdict.policy: verdict.policy_digest for verdict in verdicts}
    for policy, digest in found.run.policies.items():
        what = f"policy {policy}, fixed before"
        if policy in told:
            yield check(what, digest, told[policy])
        else:
            yield Check(what=what, outcome="differs", detail="there is no verdict by it")


def previous_checks(found: RunRecord, comparison: Comparison | None) -> Iterator[Check]:
    """Yield whether changes are counted from the earlier record that was fixed before the first request, if one was."""
    if found.run.previous:
        what = "earlier record, fixed before"
        if comparison is None:
            yield Check(what=what, outcome="differs", detail="the record is compared with none")
        else:
            yield check(what, found.run.previous, comparison.baseline.digest)
