"""The verdict: what was judged, by what, and what follows. A function of its inputs and the clock alone."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

SCHEMA: Final = "poise-verdict/1"

Decision = Literal["pass", "block", "incomplete", "lifted"]
#: Exit codes: a pass is 0, also by break-glass.
EXIT_CODES: Final[dict[str, int]] = {"pass": 0, "lifted": 0, "block": 1, "incomplete": 3}


class InputFile(msgspec.Struct, frozen=True):
    """A file that the verdict rests on."""

    kind: str
    name: str
    sha256: str


class JudgedReport(msgspec.Struct, frozen=True):
    """One report and what it proves."""

    name: str
    file: str
    sha256: str
    format: str
    tool: str
    tool_version: str
    database: str
    commit: str
    finished: datetime | None
    findings: int
    faults: int
    #: Why it proves nothing; empty for a good report.
    problems: tuple[str, ...] = ()
    #: Fault ids of the problems, in their order.
    problem_ids: tuple[str, ...] = ()
    #: Who signed that the report does not apply, and why; empty for a report that was brought.
    skipped: str = ""


class JudgedFinding(msgspec.Struct, frozen=True):
    """One finding and what the policy says of it."""

    id: str
    report: str
    outcome: str
    #: Rule of the policy, empty where none fits.
    rule: str
    kind: str
    title: str
    scanner_rule: str
    severity: str
    severity_from: str
    path: str
    line: int | None
    vulnerabilities: tuple[str, ...]
    component: str
    version: str
    fixed_versions: tuple[str, ...]
    known_exploited: str
    reachable: str
    epss: float | None
    #: ``new``, or by what it is known.
    newness: str
    first_seen: datetime
    #: Days until the agreed fix time ends; below zero when it is over. ``None`` where there is none.
    days_left: float | None
    remedy: str
    #: Why it does not count: a suppression, a VEX statement or an exception; empty where it does.
    set_aside: str
    keys: tuple[str, ...]
    exemption_keys: tuple[str, ...]
    #: The same keys by matcher (tool, line hash, content), empty where there is none.
    matched: tuple[str, ...] = ()
    fixable: bool | None = None
    cwes: tuple[str, ...] = ()


class BudgetState(msgspec.Struct, frozen=True):
    """The service's risk budget at the moment of the verdict, in risk-days over the window."""

    allowed: float
    window_days: float
    burned_by_us: float
    without_fix: float
    #: Burn per day from now on, our own and without a fix [risk-days per day].
    rate_by_us: float
    rate_without_fix: float
    spent: bool
    #: Whether this delivery lowers the rate: security work, which always passes.
    is_fix: bool


class Untested(msgspec.Struct, frozen=True):
    """A test that did not run in this pipeline."""

    test: str
    until: str
    why: str


class Verdict(msgspec.Struct, frozen=True):
    """Everything that a pipeline, a person and an auditor need."""

    schema: str
    decision: Decision
    exit_code: int
    service: str
    commit: str
    now: datetime
    policy: str
    policy_version: int
    policy_digest: str
    signers: tuple[str, ...]
    inputs: tuple[InputFile, ...]
    reports: tuple[JudgedReport, ...]
    #: Findings by outcome: block, warn, later, noted, set_aside, fixed.
    counts: dict[str, int]
    new: int
    #: Findings by severity among those that count.
    severities: dict[str, int]
    #: What blocks, warns or was lifted, worst first; at most `shown_limit` of them.
    findings: tuple[JudgedFinding, ...]
    not_shown: int
    #: Reasons why nobody can say that it passes.
    incomplete: tuple[str, ...]
    #: Fault ids of these reasons.
    incomplete_ids: tuple[str, ...]
    budget: BudgetState | None
    untested: tuple[Untested, ...]
    #: The deputy's word that let a blocked commit pass; empty for none.
    broken_glass: str
    unused_exceptions: tuple[str, ...]
    unmatched_vex: tuple[str, ...]
    gone: int
    notices: tuple[str, ...]


def encode(verdict: Verdict) -> bytes:
    """Return the verdict as JSON, one space of indent, keys in the order of the fields, a line end."""
    return msgspec.json.format(msgspec.json.encode(verdict), indent=1) + b"\n"


def decode(content: bytes) -> Verdict:
    """Return the verdict of a JSON text; raises ``msgspec.DecodeError`` for anything else."""
    return msgspec.json.decode(content, type=Verdict)
