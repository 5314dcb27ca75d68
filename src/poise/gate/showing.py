"""The findings that a verdict shows: as many as people can use, the worst of each outcome."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final, NamedTuple

from poise.gate.facts import Facts, fix_days
from poise.gate.identity import path_of, short_id
from poise.gate.setting import Setting
from poise.gate.verdict import JudgedFinding
from poise.scans.finding import Finding

#: Findings that a verdict holds in full; the others are counted.
SHOWN: Final = 1_000
_OUTCOME_ORDER: Final = ("block", "warn", "set_aside", "later", "noted")
_SEVERITY_ORDER: Final = ("critical", "high", "medium", "unknown", "low", "info")


class Room:
    """How much a verdict still has room for.

    Every outcome and severity has room of its own, so that a thousand suppressed findings in front of one
    that blocks do not hide it.
    """

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, str]] = Counter()

    def has(self, outcome: str, severity: str) -> bool:
        """Say whether a finding like this would still be shown."""
        return self._taken[outcome, severity] < SHOWN

    def take(self, outcome: str, severity: str) -> None:
        """Count one that is shown."""
        self._taken[outcome, severity] += 1

    def copy(self) -> Room:
        """Return another of the same state."""
        room = Room()
        room._taken = self._taken.copy()
        return room


class Kept(NamedTuple):
    """A finding that a verdict may show, and its answer."""

    finding: Finding
    report: str
    facts: Facts
    outcome: str
    #: Rule of the policy, empty where none fits.
    rule: str
    #: ``new``, ``published``, or the matcher by which it is known.
    newness: str
    first_seen: datetime
    #: Why it does not count; empty where it does.
    set_aside: str


def worst_of(kept: list[Kept]) -> list[Kept]:
    """Return at most :data:`SHOWN` findings, what blocks first, then the most severe, then by place."""
    return sorted(kept, key=_worst_first)[:SHOWN]


def _worst_first(one: Kept) -> tuple[object, ...]:
    place = one.finding.place
    return (
        _OUTCOME_ORDER.index(one.outcome),
        one.facts.exploited != "yes",
        _SEVERITY_ORDER.index(one.facts.severity),
        path_of(one.finding),
        (place.line if place else None) or 0,
        one.finding.identity,
    )


def shown(kept: Kept, setting: Setting) -> JudgedFinding:
    """Return a finding as the verdict shows it."""
    finding, facts = kept.finding, kept.facts
    allowed = fix_days(facts, setting.policy)
    age = (setting.now - kept.first_seen).total_seconds() / 86_400
    matched = setting.identifier.keys(finding)
    keys = tuple(key for key in matched if key)
    return JudgedFinding(
        id=short_id(keys, finding),
        report=kept.report,
        outcome=kept.outcome,
        rule=kept.rule,
        kind=finding.kind,
        title=finding.title,
        scanner_rule=finding.rule,
        severity=facts.severity,
        severity_from=facts.severity_from,
        path=path_of(finding),
        line=finding.place.line if finding.place else None,
        vulnerabilities=(*finding.cves, *finding.aliases),
        component=finding.component.name,
        version=finding.component.installed_version,
        fixed_versions=finding.component.fixed_versions,
        known_exploited=facts.exploited,
        reachable=facts.reachable,
        epss=facts.epss,
        newness=kept.newness,
        first_seen=kept.first_seen,
        days_left=None if allowed == float("inf") else round(allowed - age, 2),
        remedy=finding.remedy[:400],
        set_aside=kept.set_aside,
        keys=keys,
        exemption_keys=setting.identifier.exemption_keys(finding),
        matched=matched,
        fixable=facts.fixable,
        cwes=finding.cwes,
    )
