"""What lies between two cards."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ChangeKind = Literal["escalated", "removed", "changed", "added"]
ChangeArea = Literal["model", "fact", "metric", "policy"]


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that differs: `before` and `after` in words, empty where it was not there.

    `escalated` is what a reader must look at before relying on the newer card; `why` says what makes it so, and for
    others what there is to know.
    """

    kind: ChangeKind
    area: ChangeArea
    key: str
    before: str = ""
    after: str = ""
    why: str = ""


class CardDiff(Struct, frozen=True, kw_only=True):
    """Two cards by the digests of their records, and all that differs, the worst first.

    `n_same` counts metrics that were compared and whose intervals overlap.
    """

    older: str
    newer: str
    changes: tuple[Change, ...]
    n_same: int

    def of(self, kind: ChangeKind) -> list[Change]:
        """Return the changes of a kind."""
        return [change for change in self.changes if change.kind == kind]

    @property
    def exit_code(self) -> int:
        """Return 10 where something is escalated, else 0."""
        return 10 if self.of("escalated") else 0
