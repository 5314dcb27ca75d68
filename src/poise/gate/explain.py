"""Why a finding got its answer: which rule, what made it old or new, who can lift it.

Everything here is told from a verdict and the policy that it rests on. The rules are asked again, from the
top, about what the verdict holds of the finding; a rule that is passed over says which of its conditions
did not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from poise.gate.baseline import MATCHERS, Baseline
from poise.gate.plain import counted
from poise.gate.policy import Condition, Policy, Role, Rule
from poise.gate.sentences import rule_sentence
from poise.gate.verdict import JudgedFinding, Verdict

_OUTCOMES: Final = {
    "block": "stops the delivery",
    "warn": "only warns",
    "later": "may wait for its fix time",
    "noted": "is only noted",
    "set_aside": "does not count",
}

#: A condition in words, whether it holds, and what holds.
_Answer = tuple[str, bool, str]


class RuleAnswer(msgspec.Struct, frozen=True):
    """One rule of the policy, asked about the finding."""

    rule: str
    sentence: str
    #: Whether it judged the finding.
    decides: bool
    #: Why it fits, or which of its conditions does not hold.
    why: str


class MatcherAnswer(msgspec.Struct, frozen=True):
    """One matcher, asked whether the finding was known."""

    matcher: str
    answer: str


class Lift(msgspec.Struct, frozen=True):
    """One way past a finding that stops a delivery."""

    who: str
    how: str
    limit: str


class Explanation(msgspec.Struct, frozen=True):
    """Why one finding got its answer."""

    id: str
    finding: str
    place: str
    outcome: str
    told: str
    rules: tuple[RuleAnswer, ...]
    newness: tuple[MatcherAnswer, ...]
    time: str
    lifts: tuple[Lift, ...]


def explain(
    finding: JudgedFinding, verdict: Verdict, policy: Policy, baseline: Baseline | None = None
) -> Explanation:
    """Return why a finding of a verdict got its answer.

    Parameters
    ----------
    policy, baseline
        Those that the verdict rests on; without the baseline less can be said of matchers that found nothing.
    """
    told = _OUTCOMES[finding.outcome]
    if finding.set_aside:
        told += f": {finding.set_aside}"
    return Explanation(
        id=finding.id,
        finding=f"{finding.severity} {finding.kind}: {finding.title}",
        place=f"{finding.component} {finding.version}".strip() or _at(finding),
        outcome=finding.outcome,
        told=told,
        rules=tuple(_rules(finding, policy)) if finding.rule or not finding.set_aside else (),
        newness=tuple(_matchers(finding, verdict, baseline)),
        time=_time(finding),
        lifts=tuple(_lifts(finding, verdict, policy)),
    )


def _at(finding: JudgedFinding) -> str:
    return f"{finding.path}:{finding.line}" if finding.line else finding.path or "(no place)"


def _rules(finding: JudgedFinding, policy: Policy) -> Iterator[RuleAnswer]:
    for rule in policy.rules:
        if rule.id == finding.rule:
            yield RuleAnswer(rule.id, rule_sentence(rule), True, _reached(finding, rule))
            return
        yield RuleAnswer(rule.id, rule_sentence(rule), False, misfit(rule.when, finding))


def _reached(finding: JudgedFinding, rule: Rule) -> str:
    if rule.then == "block" and finding.outcome == "warn":
        return (
            "it is the first that fits; the change did not bring the finding, so that for "
            f"{rule.grace_days:g} days from when it was first seen it only warns"
        )
    return "it is the first that fits"


def misfit(when: Condition, finding: JudgedFinding) -> str:
    """Return the first condition that does not hold for a finding, and what holds instead."""
    for wanted, holds, seen in (*_of_the_finding(when, finding), *_of_its_place(when, finding)):
        if not holds:
            return f"it asks for {wanted}; {seen}"
    # All words hold, and yet a later rule decided: what is left is the condition in CEL.
    return f"its condition `{when.cel}` does not hold"


def _of_the_finding(when: Condition, finding: JudgedFinding) -> tuple[_Answer, ...]:
    new = finding.newness == "new"
    overdue = finding.days_left is not None and finding.days_left < 0 and not new
    return (
        ("new" if when.new else "known", when.new in (None, new), "it is new" if new else "it is known"),
        (_any(when.kinds), not when.kinds or finding.kind in when.kinds, f"it is: {finding.kind}"),
        (
            f"severity {_any(when.severities)}",
            not when.severities or finding.severity in when.severities,
            f"it is rated {finding.severity} (by {finding.severity_from})",
        ),
        (
            f"known exploited: {_any(when.known_exploited)}",
            not when.known_exploited or finding.known_exploited in when.known_exploited,
            f"the answer is {finding.known_exploited}",
        ),
        (
            f"reachable: {_any(when.reachable)}",
            not when.reachable or finding.reachable in when.reachable,
            f"the answer is {finding.reachable}",
        ),
        (
            "a fix" if when.fixable else "no fix",
            when.fixable in (None, finding.fixable),
            "there is one" if finding.fixable else "none is known",
        ),
        (
            f"EPSS from {when.epss_from}",
            when.epss_from is None or (finding.epss is not None and finding.epss >= when.epss_from),
            "it has no score" if finding.epss is None else f"it has {finding.epss:g}",
        ),
        (
            "past its fix time" if when.overdue else "within its fix time",
            when.overdue in (None, overdue),
            _time(finding),
        ),
    )


def _of_its_place(when: Condition, finding: JudgedFinding) -> tuple[_Answer, ...]:
    return (
        (
            f"report {_any(when.reports)}",
            not when.reports or finding.report in when.reports,
            f"it is of {finding.report}",
        ),
        (
            f"scanner's rule {_any(when.rules)}",
            not when.rules or _matches(finding.scanner_rule, when.rules),
            f"it is of {finding.scanner_rule}",
        ),
        (
            f"path {_any(when.paths)}",
            not when.paths or _matches(finding.path, when.paths),
            f"it is in {finding.path or 'no file'}",
        ),
        (
            _any(when.cwes),
            not when.cwes or not set(when.cwes).isdisjoint(finding.cwes),
            f"it names {', '.join(finding.cwes) or 'no weakness'}",
        ),
    )


def _any(words: tuple[str, ...]) -> str:
    return " or ".join(words)


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _matchers(finding: JudgedFinding, verdict: Verdict, baseline: Baseline | None) -> Iterator[MatcherAnswer]:
    if not any(one.kind == "baseline" for one in verdict.inputs):
        yield MatcherAnswer("none", "there was no baseline, so that everything counts as new")
        return
    if finding.newness == "published":
        text = (
            "its component stood in the baseline's software list in the same version: the vulnerability "
            "was published since, and the change did not bring it"
        )
        yield MatcherAnswer("software list", text)
        return
    for level, matcher in enumerate(MATCHERS[:3]):
        if finding.newness == matcher:
            yield MatcherAnswer(matcher, f"known since {finding.first_seen.date()}: {finding.matched[level]}")
            return
        yield MatcherAnswer(matcher, _missed(finding, level, baseline))
    if finding.newness == MATCHERS[3]:
        text = f"known since {finding.first_seen.date()} under the path that the file had before"
        yield MatcherAnswer(MATCHERS[3], text)
        return
    yield MatcherAnswer(MATCHERS[3], "git names no earlier path under which it was known")


def _missed(finding: JudgedFinding, level: int, baseline: Baseline | None) -> str:
    key = finding.matched[level] if level < len(finding.matched) else ""
    if not key:
        if level < 2:
            return ("the tool gives none", "the report states none, and none was computed from --source")[
                level
            ]
        blacked_out = "the secret has no keyed hash (blacked out, or POISE_BASELINE_KEY was not set)"
        return blacked_out if finding.kind == "secret" else "there is none"
    if baseline is None:
        return "no known finding was left that has it"
    known = sum((entry.tool, entry.line, entry.content)[level] == key for entry in baseline.entries)
    if not known:
        return f"not in the baseline of {baseline.commit[:12]}: {key}"
    return f"{counted(known, 'known finding')} had it, and answered for others: {key}"


def _time(finding: JudgedFinding) -> str:
    if finding.days_left is None:
        return "it has no fix time"
    days = counted(abs(round(finding.days_left)), "day")
    first = finding.first_seen
    since = f"first seen {first.day} {first:%b %Y}"
    return (
        f"{since}, {days} past its fix time" if finding.days_left < 0 else f"{since}, {days} left to fix it"
    )


def _lifts(finding: JudgedFinding, verdict: Verdict, policy: Policy) -> Iterator[Lift]:
    if finding.outcome not in ("block", "warn"):
        return
    if finding.fixed_versions:
        yield Lift("anybody", f"update {finding.component} to {finding.fixed_versions[0]}", "for good")
    elif finding.kind != "vulnerability":
        yield Lift("anybody", finding.remedy or f"mend {_at(finding)}", "for good")
    if finding.kind == "vulnerability":
        yield Lift(
            "whoever knows the product",
            "a VEX statement that it cannot be exploited here, passed by --vex",
            "as long as it is true",
        )
    rule = next((one for one in policy.rules if one.id == finding.rule), None)
    people = _people(policy, rule.lifted_by if rule else ())
    if people:
        how = f"poise gate except {finding.id} --owner NAME --reason TEXT --until DATE --key FILE --out FILE"
        yield Lift(people, how, "until its end, for this service and finding alone")
    if policy.break_glass and finding.outcome == "block":
        glass = policy.break_glass
        how = (
            f"poise gate break-glass --service {verdict.service} --commit {verdict.commit} --person NAME "
            "--reason TEXT --key FILE --out FILE"
        )
        yield Lift(
            _people(policy, glass.by), how, f"for this commit alone, {glass.max_hours:g} hours, recorded"
        )


def _people(policy: Policy, names: tuple[str, ...]) -> str:
    roles: list[Role] = [role for role in policy.roles if role.name in names]
    return " or ".join(f"{role.person} ({role.name})" for role in roles)
