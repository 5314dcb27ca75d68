"""What two parties agreed about testing and delivery, as plain records.

A policy is a table of rules, read from the top: the first rule whose conditions all hold judges a finding.
What no rule meets is *noted*: counted and shown, and never in the way.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec

Outcome = Literal["block", "warn", "later", "noted"]
Answer = Literal["yes", "no", "unknown"]
SeveritySource = Literal["cvss", "scanner"]
Layout = Literal["required", "if_stated"]

SEVERITIES: Final = ("critical", "high", "medium", "low", "info", "unknown")
KINDS: Final = (
    "vulnerability",
    "code",
    "secret",
    "misconfiguration",
    "web",
    "licence",
    "test",
    "information",
)
ANSWERS: Final = ("yes", "no", "unknown")
#: Fix time [d] by severity where a policy names none: BOD 19-02 gives 15 days for critical and 30 for high;
#: 90 and 180 are what the parties of many published programmes agree for the rest.
FIX_DAYS: Final = {"critical": 15.0, "high": 30.0, "medium": 90.0, "low": 180.0}


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a rule applies. Everything that is given must hold; empty means "whatever it is"."""

    new: bool | None = None
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    known_exploited: tuple[Answer, ...] = ()
    reachable: tuple[Answer, ...] = ()
    fixable: bool | None = None
    #: EPSS probability at or above which the rule applies [0, 1]; an unscored CVE does not meet it.
    epss_from: float | None = None
    overdue: bool | None = None
    #: Shell patterns over the scanner's rule, the path and the report's name in the policy.
    rules: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    cwes: tuple[str, ...] = ()
    #: A condition in CEL (https://cel.dev), for what the words above cannot say.
    cel: str = ""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the policy's table."""

    id: str
    when: Condition
    then: Outcome
    because: str
    lifted_by: tuple[str, ...] = ()
    #: Days for which a finding that the change did not bring only warns, from when it was first seen.
    grace_days: float = 0.0


class Expected(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report that the pipeline must bring."""

    name: str
    formats: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    max_age_hours: float = 24.0
    commit: Layout = "required"
    #: Roles that may sign that this test does not apply to a commit.
    skipped_by: tuple[str, ...] = ()
    #: Most age [h] of the database that the scanner used, where the report states it.
    max_database_age_hours: float | None = None


class Role(msgspec.Struct, frozen=True):
    """Somebody who may lift a rule."""

    name: str
    person: str
    keys: tuple[str, ...]


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much overdue risk a service may carry, in risk-days over a window."""

    risk_days: float
    window_days: float = 28.0
    weights: dict[str, float] = msgspec.field(
        default_factory=lambda: {"critical": 10.0, "high": 4.0, "medium": 1.0, "low": 0.2, "unknown": 1.0}
    )
    #: How much heavier a vulnerability weighs that is known to be exploited.
    known_exploited_factor: float = 3.0


class BreakGlass(msgspec.Struct, frozen=True):
    """Who may let one commit through, and for how long [h] the word stands."""

    by: tuple[str, ...]
    max_hours: float = 24.0


class Policy(msgspec.Struct, frozen=True):
    """A policy as both parties read it."""

    id: str
    version: int
    title: str
    valid_from: date
    valid_until: date
    services: tuple[str, ...]
    rules: tuple[Rule, ...]
    reports: tuple[Expected, ...]
    roles: tuple[Role, ...] = ()
    severity_from: tuple[SeveritySource, ...] = ("cvss", "scanner")
    fix_days: dict[str, float] = msgspec.field(default_factory=lambda: dict(FIX_DAYS))
    known_exploited_fix_days: float = 3.0
    budget: Budget | None = None
    break_glass: BreakGlass | None = None
    pipeline_minutes: float | None = None

    @property
    def needs_baseline(self) -> bool:
        """Whether any rule asks what is new."""
        return any(rule.when.new is not None for rule in self.rules)

    @property
    def needs_threats(self) -> bool:
        """Whether any rule asks what is known about exploitation."""
        return any(rule.when.known_exploited or rule.when.epss_from is not None for rule in self.rules)

    def role(self, name: str) -> Role | None:
        """Return a role by its name."""
        return next((role for role in self.roles if role.name == name), None)

    def keys_of(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        """Return the key ids of some roles."""
        return tuple(key for role in self.roles if role.name in roles for key in role.keys)
