"""What is demanded, and what was found: policies, waivers and verdicts."""

from __future__ import annotations

import enum
from typing import Literal

from msgspec import Struct

from auditor.types.asking import Json

Basis = Literal["law", "standard", "organisation"]
Severity = Literal["error", "warning", "note"]
Audience = Literal["ai-office", "authorities", "downstream", "public"]

ANSWERS = "answers"  # the section of the facts that answer policies' questions
WHEN = ".when"  # ends the name of the $defs entry that says when a duty applies
ASKED = ".asked"  # ends the name of the one that says whether that can be told
CONTRADICTION = "contradiction-"  # begins the id of the finding on a contradiction; the fact's key follows
UNDECIDED = ".undecided"  # ends the name of the one that says when a duty that is not met is undecided


class Status(enum.StrEnum):
    """The outcome of a rule, a duty or a whole policy, worst first. Only a finding is ever WAIVED."""

    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    WAIVED = "WAIVED"
    PASS = "PASS"


class Source(Struct, frozen=True, kw_only=True):
    """What a policy's clauses stand in: a law, a standard, or the organisation's own reasons.

    `checked_against` says what they were held against on `checked_on`, where that is not the source itself. `clauses`
    are those that can be cited, where they are listed.
    """

    title: str
    basis: Basis
    checked_on: str
    checked_against: str = ""
    clauses: tuple[str, ...] = ()
    url: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """A bound on a metric's interval: `min` ≤ interval ≤ `max`. `scorer` names the classifier it was written for.

    With a `construct` the rule is decided only if a calibration shows that the metric's scorer finds it. With `against`
    the bound is on how far the metric moved since an earlier record. Only a rule of severity *error* moves the verdict.
    """

    id: str
    metric: str
    rationale: str
    owner: str
    title: str = ""
    clause: str = ""
    basis: Basis = "organisation"
    severity: Severity = "error"
    audience: tuple[Audience, ...] = ("public",)
    source: str = ""
    checked_on: str = ""
    min: float | None = None
    max: float | None = None
    against: Literal["", "previous"] = ""
    slice: dict[str, str] = {}
    scorer: str = ""
    construct: str = ""
    min_n: int = 1
    max_unscored_share: float = 0.05


class Duty(Struct, frozen=True, kw_only=True):
    """A documentation duty: the `$defs` entry of the same id in the policy's JSON Schema over the card.

    One that is not `automatable` is a `question` to a person: undecided until the card holds the answer. `note` says
    how the duty is meant and what it accepts, `unchecked` what of it was not held against its source.
    """

    id: str
    title: str
    rationale: str
    clause: str = ""
    basis: Basis = "organisation"
    severity: Severity = "error"
    audience: tuple[Audience, ...] = ("public",)
    source: str = ""
    checked_on: str = ""
    automatable: bool = True
    question: str = ""
    note: str = ""
    unchecked: str = ""
    weight: float = 1.0


class Scale(Struct, frozen=True, kw_only=True):
    """How the weights of documented duties are told: under which title, and from which percentage on as which grade."""

    title: str
    grades: dict[str, float] = {}


class Policy(Struct, frozen=True, kw_only=True):
    """Documentation duties and bounds on metrics. `card_schema` is a JSON Schema over the card."""

    id: str
    version: str
    title: str
    owner: str
    description: str
    digest: str
    rules: tuple[Rule, ...]
    duties: tuple[Duty, ...]
    card_schema: dict[str, Json]
    sources: dict[str, Source] = {}
    coverage: Scale | None = None


class Waiver(Struct, frozen=True, kw_only=True):
    """Somebody's decision to live with a finding of one policy about one model, until a date.

    `scope` is the weights' digest; `expires` is the last day (YYYY-MM-DD) on which it holds.
    """

    id: str
    policy: str
    scope: str
    reason: str
    compensating_measure: str
    approver: str
    expires: str
    ticket: str


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a policy found about one rule, duty or waiver. A duty that does not apply (`applies` false) is PASS.

    `looks_at` names the facts, and the paths under `computed`, that a duty was decided by. Only findings of severity
    *error* move the verdict. Under a `waiver`, `was` is the status that it covers.
    """

    id: str
    kind: Literal["rule", "duty", "waiver"]
    status: Status
    severity: Severity
    basis: Basis
    clause: str
    title: str
    audience: tuple[Audience, ...]
    subject: str
    bound: str
    message: str
    rationale: str
    owner: str
    applies: bool = True
    looks_at: tuple[str, ...] = ()
    was: Status | None = None
    waiver: Waiver | None = None

    @property
    def required(self) -> bool:
        """Return whether the finding moves the verdict."""
        return self.severity == "error"

    @property
    def is_contradiction(self) -> bool:
        """Return whether it is that two sources of a fact contradict each other, which no policy needs to ask for."""
        return self.kind == "duty" and self.id.startswith(CONTRADICTION)


class Coverage(Struct, frozen=True, kw_only=True):
    """How much of what applies is documented: the weights of the duties met, `of` those that apply and are decided.

    `undecided` is the weight of the questions that nobody has answered.
    """

    title: str
    points: float
    of: float
    undecided: float
    percent: float
    grade: str = ""


class Verdict(Struct, frozen=True, kw_only=True):
    """A policy's judgement of a record and its card. `as_of` (YYYY-MM-DD) is the date at which waivers were judged."""

    schema: str
    status: Status
    policy: str
    policy_title: str
    policy_version: str
    policy_digest: str
    record_digest: str
    facts_digest: str
    as_of: str
    findings: tuple[Finding, ...]
    coverage: Coverage | None = None

    @property
    def deciding(self) -> tuple[Finding, ...]:
        """Return the findings that decide the verdict: those that are required and apply. They are what is counted."""
        return tuple(finding for finding in self.findings if finding.required and finding.applies)


class Verdicts(Struct, frozen=True, kw_only=True):
    """Every verdict on one record and card, and the worst of their statuses."""

    schema: str
    status: Status
    verdicts: tuple[Verdict, ...]
