"""What came of recomputing a record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Outcome = Literal["same", "differs", "not_checked"]
AlterationKind = Literal["byte", "number", "line", "score", "item", "clock", "forged"]


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was computed again: what it is, whether it came out the same, and if not, where or why."""

    what: str
    outcome: Outcome
    detail: str = ""


class Verification(Struct, frozen=True, kw_only=True):
    """All checks of a record, in the order in which one rests on the other."""

    record_digest: str
    checks: tuple[Check, ...]

    @property
    def first_difference(self) -> Check | None:
        """Return the first check that came out different."""
        return next((check for check in self.checks if check.outcome == "differs"), None)

    @property
    def complete(self) -> bool:
        """Return whether everything could be checked."""
        return all(check.outcome != "not_checked" for check in self.checks)

    def with_more(self, checks: Iterable[Check]) -> Verification:
        """Return these checks and then some more."""
        return Verification(record_digest=self.record_digest, checks=(*self.checks, *checks))

    def with_first(self, checks: Iterable[Check]) -> Verification:
        """Return some checks and then these."""
        return Verification(record_digest=self.record_digest, checks=(*checks, *self.checks))

    @property
    def exit_code(self) -> int:
        """Return 10 where something differs, 11 where something could not be checked, else 0."""
        if self.first_difference:
            return 10
        return 0 if self.complete else 11

    @property
    def summary(self) -> str:
        """Return in a line what came of it."""
        first = self.first_difference
        if first:
            return f"the first that differs: {first.what}: {first.detail}"
        missing = sum(check.outcome == "not_checked" for check in self.checks)
        rest = f", {missing} could not be checked" if missing else ""
        return f"{len(self.checks) - missing} checks came out the same{rest}"


class Mutation(Struct, frozen=True, kw_only=True):
    """One thing that was altered: in which file, what, and what verification named first (empty: it found nothing)."""

    target: str
    kind: AlterationKind
    change: str
    named: str

    @property
    def caught(self) -> bool:
        """Return whether verification found it."""
        return bool(self.named)


class SelfTest(Struct, frozen=True, kw_only=True):
    """What came of altering a record."""

    mutations: tuple[Mutation, ...]

    @property
    def missed(self) -> list[Mutation]:
        """Return what verification did not find."""
        return [one for one in self.mutations if not one.caught]

    @property
    def needs_probes(self) -> bool:
        """Return whether something was not found that only a probe shows, or its files do."""
        return any(one.kind in {"item", "forged"} for one in self.missed)

    @property
    def exit_code(self) -> int:
        """Return 10 where something was not found, 11 where nothing was altered, else 0."""
        if self.missed:
            return 10
        return 0 if self.mutations else 11
