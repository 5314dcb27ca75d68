"""Findings that a policy cannot tell apart are judged once and counted.

Of twenty-five thousand findings of a code scanner a policy sees a few hundred combinations of kind, severity
and score, each new or known since one of a few days. Where nothing else matters (no exception, no pattern
over rules or paths), the answer of the first is the answer of all.
"""

from __future__ import annotations

from poise.gate.baseline import Known
from poise.gate.facts import Facts
from poise.scans.finding import Finding

Key = tuple[object, ...]


class Alike:
    """One combination, its answer, and how many findings had it."""

    __slots__ = ("code", "count", "facts", "known", "outcome")

    def __init__(self, facts: Facts, outcome: str, known: Known | None, code: int) -> None:
        self.facts = facts
        self.outcome = outcome
        self.known = known
        self.code = code
        self.count = 0


def key_of(finding: Finding) -> Key:
    """Return everything that the answer to an open finding of our own rests on, besides its report."""
    return (finding.kind, finding.status, finding.severity, finding.cvss_score, finding.reachable)


def can_be_alike(finding: Finding) -> bool:
    """Say whether the key tells all: of a vulnerability rules ask for its id, component and exploitation."""
    return finding.status == "open" and finding.kind not in ("vulnerability", "statement")
