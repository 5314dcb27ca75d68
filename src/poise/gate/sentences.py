"""A policy as plain sentences, which both parties read and sign."""

from __future__ import annotations

import difflib
from typing import Final

from poise.gate.policy import Answer, Condition, Expected, Policy, Rule

_KIND_WORDS: Final = {
    "vulnerability": "known vulnerability in a component",
    "code": "weakness in our code",
    "secret": "secret in the source",
    "misconfiguration": "misconfiguration",
    "web": "weakness that the running application shows",
    "licence": "licence finding",
    "test": "failed security test",
    "information": "note without a problem",
}
_THEN: Final = {
    "block": "stops the delivery",
    "warn": "is shown as a warning and lets the delivery pass",
    "later": "lets the delivery pass and must be fixed within its fix time",
}
_SEVERITY_FROM: Final = {"cvss": "the CVSS base score", "scanner": "the scanner's own word"}


def sentences(policy: Policy) -> tuple[str, ...]:
    """Return the policy as sentences, in a fixed order: the same policy gives the same text."""
    order = ", else ".join(_SEVERITY_FROM[word] for word in policy.severity_from)
    fix = ", ".join(f"{word} {_days(days)}" for word, days in policy.fix_days.items())
    lines = [
        f"Policy {policy.id}, version {policy.version}: {policy.title.rstrip('.')}.",
        f"It holds for {_listed(policy.services)} from {policy.valid_from} to {policy.valid_until}.",
        f"How severe a finding is, is judged by {order}, else it is unknown.",
        f"Agreed fix times: {fix}; known exploited vulnerabilities {_days(policy.known_exploited_fix_days)}.",
    ]
    lines += [_report(report) for report in policy.reports]
    lines += ["A finding is judged by the first of these rules that fits; what fits none is only noted."]
    lines += [f"{number}. {rule_sentence(rule)}" for number, rule in enumerate(policy.rules, start=1)]
    lines += _budget(policy)
    glass = policy.break_glass
    if glass:
        lines.append(
            f"In an emergency {_listed(glass.by, 'or')} may let one commit pass, with a reason, for at most "
            f"{glass.max_hours:g} hours; that is recorded."
        )
    if policy.pipeline_minutes:
        lines.append(f"Security tests get {policy.pipeline_minutes:g} minutes of each pipeline run.")
    lines += [f"{role.name} is {role.person} (key {', '.join(role.keys)})." for role in policy.roles]
    return tuple(lines)


def rule_sentence(rule: Rule) -> str:
    """Return one rule as a sentence or two."""
    text = f"{_subject(rule.when)} {_THEN[rule.then]}, because {rule.because.rstrip('.')}."
    if rule.grace_days:
        text += f" For {_days(rule.grace_days)} from when it was first seen,"
        text += " one that the change did not bring only warns."
    if rule.lifted_by:
        text += f" {_listed(rule.lifted_by, 'or').capitalize()} may lift this by a signed exception."
    return f"[{rule.id}] {text}"


def sentence_diff(old: Policy, new: Policy) -> tuple[str, ...]:
    """Return what changed between two policies: sentences that went ("-"), came ("+")."""
    changes = difflib.ndiff(_unnumbered(old), _unnumbered(new))
    return tuple(line for line in changes if line.startswith(("- ", "+ ")))


def _unnumbered(policy: Policy) -> list[str]:
    """Return the sentences; a rule's number is its place, which the diff shows by itself."""
    return [line.partition(". ")[2] if line[:1].isdigit() else line for line in sentences(policy)]


def _report(report: Expected) -> str:
    what = _listed(report.formats, "or") if report.formats else "in any format that Poise reads"
    by = f" by {_listed(report.tools, 'or')}" if report.tools else ""
    commit = (
        "made for the commit that is delivered" if report.commit == "required" else "not of another commit"
    )
    text = f"Every delivery brings the report {report.name!r} ({what}{by}), {commit}, at most "
    text += f"{_hours(report.max_age_hours)} old"
    if report.max_database_age_hours is not None:
        text += f", by a database at most {_hours(report.max_database_age_hours)} old"
    text += "; without it there is no pass."
    if report.skipped_by:
        text += (
            f" {_listed(report.skipped_by, 'or').capitalize()} may sign that it does not apply to a commit."
        )
    return text


def _budget(policy: Policy) -> list[str]:
    budget = policy.budget
    if budget is None:
        return []
    weights = ", ".join(f"{word} {weight:g}" for word, weight in budget.weights.items())
    return [
        f"Risk budget: each service may burn {budget.risk_days:g} risk-days in {_days(budget.window_days)}.",
        f"A finding burns its weight for every day past its fix time ({weights}; known exploited times "
        f"{budget.known_exploited_factor:g}). Findings without any fix are shown and do not burn.",
        "When the budget is spent, security work goes first; fixes always pass, and a reachable known "
        "exploited vulnerability is stopped whatever is left.",
    ]


def _subject(when: Condition) -> str:
    adjectives = [] if when.new is None else ["new" if when.new else "long known"]
    if when.severities:
        adjectives.append(_listed(when.severities, "or"))
    nouns = _listed(tuple(_KIND_WORDS[kind] for kind in when.kinds), "or") if when.kinds else "finding"
    text = f"Any {' '.join([*adjectives, nouns])}"
    details = []
    if when.known_exploited:
        details.append(_answered("known to be exploited", when.known_exploited))
    if when.reachable:
        details.append(_answered("reachable", when.reachable))
    if when.fixable is not None:
        details.append("that has a fix" if when.fixable else "that has no fix yet")
    if when.epss_from is not None:
        details.append(f"with an EPSS probability of at least {when.epss_from:g}")
    if when.overdue is not None:
        details.append("past its fix time" if when.overdue else "within its fix time")
    for words, label in (
        (when.rules, "of the scanner's rule"),
        (when.paths, "in"),
        (when.reports, "of the report"),
        (when.cwes, "of"),
    ):
        if words:
            details.append(f"{label} {_listed(words, 'or')}")
    if when.cel:
        details.append(f"for which `{when.cel}` holds")
    return f"{text} {', '.join(details)}" if details else text


def _answered(what: str, answers: tuple[Answer, ...]) -> str:
    words = {"yes": what, "no": f"not {what}", "unknown": f"of which nobody knows whether it is {what}"}
    return _listed(tuple(words[answer] for answer in answers), "or")


def _listed(words: tuple[str, ...], last: str = "and") -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _days(days: float) -> str:
    return f"{days:g} {'day' if days == 1 else 'days'}"


def _hours(hours: float) -> str:
    return _days(hours / 24) if hours > 48 and hours % 24 == 0 else f"{hours:g} hours"
