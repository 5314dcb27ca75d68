"""The policy's table, made ready to judge many findings."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from typing import Final

from poise.gate.facts import Facts
from poise.gate.identity import path_of
from poise.gate.policy import Condition, Policy, Rule
from poise.scans.finding import Finding

#: What no rule fits.
NOTED: Final = -1


class Table:
    """The rules of a policy, as functions.

    Parameters
    ----------
    policy
        The policy; conditions in CEL are compiled here.

    Raises
    ------
    PolicyError
        E806 for a condition in CEL that cannot be read.
    """

    def __init__(self, policy: Policy) -> None:
        self.rules = policy.rules
        self._tests = [_Test(rule) for rule in policy.rules]
        self._remembered: dict[tuple[object, ...], int] = {}
        #: Whether the rules ask for nothing but the facts and the kind, so that answers can be remembered.
        self.is_plain = not any(test.looks_closer for test in self._tests)

    def rule_for(self, finding: Finding, report: str, facts: Facts, *, new: bool, overdue: bool) -> int:
        """Return the number of the first rule that fits, or :data:`NOTED`."""
        key = (finding.kind, report, facts, new, overdue)
        if self.is_plain and key in self._remembered:
            return self._remembered[key]
        found = NOTED
        for number, test in enumerate(self._tests):
            if test.fits(finding, report, facts, new, overdue):
                found = number
                break
        if self.is_plain:
            self._remembered[key] = found
        return found


class _Test:
    """One rule's conditions."""

    def __init__(self, rule: Rule) -> None:
        when = rule.when
        self._when = when
        self._rules = _pattern(when.rules)
        self._paths = _pattern(when.paths)
        self._cel = _program(rule) if when.cel else None
        self.looks_closer = bool(when.rules or when.paths or when.cwes or when.cel)

    def fits(self, finding: Finding, report: str, facts: Facts, new: bool, overdue: bool) -> bool:
        when = self._when
        return (
            (when.new is None or when.new == new)
            and (not when.kinds or finding.kind in when.kinds)
            and (not when.severities or facts.severity in when.severities)
            and (not when.known_exploited or facts.exploited in when.known_exploited)
            and (not when.reachable or facts.reachable in when.reachable)
            and (when.fixable is None or when.fixable == facts.fixable)
            and (when.epss_from is None or (facts.epss is not None and facts.epss >= when.epss_from))
            and (when.overdue is None or when.overdue == overdue)
            and (not when.reports or report in when.reports)
            and (not self.looks_closer or self._fits_closely(finding, report, facts, new, overdue))
        )

    def _fits_closely(self, finding: Finding, report: str, facts: Facts, new: bool, overdue: bool) -> bool:
        when: Condition = self._when
        return (
            (self._rules is None or self._rules(finding.rule))
            and (self._paths is None or self._paths(path_of(finding)))
            and (not when.cwes or not set(when.cwes).isdisjoint(finding.cwes))
            and (self._cel is None or self._cel(cel_variables(finding, report, facts, new, overdue)))
        )


def _pattern(patterns: tuple[str, ...]) -> Callable[[str], bool] | None:
    if not patterns:
        return None
    joined = re.compile("|".join(translate(pattern) for pattern in patterns))
    return lambda text: joined.match(text) is not None


def _program(rule: Rule) -> Callable[[dict[str, object]], bool]:
    from poise.gate.cel import compile_condition  # only a policy that uses CEL waits for its engine

    return compile_condition(rule.when.cel, f"rule {rule.id!r}")


def cel_variables(finding: Finding, report: str, facts: Facts, new: bool, overdue: bool) -> dict[str, object]:
    """Return what a condition in CEL may ask, by name."""
    return {
        "new": new,
        "overdue": overdue,
        "kind": finding.kind,
        "severity": facts.severity,
        "known_exploited": facts.exploited,
        "reachable": facts.reachable,
        "fixable": facts.fixable,
        # CEL has no null to compare with: -1 is "not scored".
        "epss": -1.0 if facts.epss is None else facts.epss,
        "cvss": -1.0 if finding.cvss_score is None else finding.cvss_score,
        "rule": finding.rule,
        "path": path_of(finding),
        "report": report,
        "title": finding.title,
        "component": finding.component.name,
        "version": finding.component.installed_version,
        "ecosystem": finding.component.ecosystem,
        "vulnerability": finding.vulnerability_ids[0],
        "cwes": list(finding.cwes),
    }
