"""What was fixed before the first request, and whether the journal and the verdicts keep to it.

The journal's first line holds the plan and the time, and is on the disk before any request is sent. Whoever can write
the record's folder can write the journal, too: what proves the time to a stranger is a copy of the plan's digest, or of
the journal's first line, that was given away before the run ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auditor import record, schema
from auditor.checking import check
from auditor.errors import RecordError
from auditor.journal import Kind, WrittenJournal, read_journal
from auditor.types import Check, Comparison, Json, Output, RunRecord, Verdict


def journal_check(found: RunRecord, folder: Path, outputs: Mapping[Kind, Sequence[Output]]) -> Check:
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
    one = {kind: dict(enumerate(of)) for kind, of in outputs.items()}
    exact = _compared(found, written, _digests(one), _digests(written.outputs))
    if exact.outcome == "same":
        return exact
    place = _compared(found, written, _keyed(one), _keyed(written.outputs))
    return place if place.outcome == "differs" else exact


def _compared(found: RunRecord, written: WrittenJournal, said: Json, now: Json) -> Check:
    one = {"plan": found.run.plan_digest, "fixed_at": found.clocks.planned_at, "outputs": said}
    two = {"plan": schema.digest_of(written.plan), "fixed_at": written.fixed_at, "outputs": now}
    return check("journal", one, two, name=record.JOURNAL)


def _digests(outputs: Mapping[Kind, Mapping[int, Output]]) -> dict[str, str]:
    return {kind: schema.digest_of(_keyed({kind: of})) for kind, of in outputs.items()}


def _keyed(outputs: Mapping[Kind, Mapping[int, Output]]) -> dict[str, Json]:
    return {kind: {str(number): output for number, output in sorted(of.items())} for kind, of in outputs.items()}


def constants_checks(changed: Sequence[str]) -> Iterator[Check]:
    """Yield that what rests on constants cannot be checked where they have changed since a card was made."""
    for name in changed:
        detail = "they have changed since: what rests on them stands as it was; judge again to count with the new ones"
        yield Check(what=f"constants {name}", outcome="not_checked", detail=detail)


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
