"""Reading a policy: strict YAML with a closed vocabulary, every fault told together."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final, cast

from poise.errors import Fault, PolicyError
from poise.gate.fields import Fields
from poise.gate.policy import (
    ANSWERS,
    FIX_DAYS,
    KINDS,
    SEVERITIES,
    Answer,
    BreakGlass,
    Budget,
    Condition,
    Expected,
    Layout,
    Outcome,
    Policy,
    Role,
    Rule,
    SeveritySource,
)
from poise.strictyaml.faults import Faults, did_you_mean
from poise.strictyaml.tree import Block, parse_yaml

#: Largest policy [bytes]; a page of rules has four thousand.
MAX_BYTES: Final = 256 * 1024
_KEY_ID = re.compile(r"ed25519:[0-9a-f]{64}")
_YEARS: Final = 10 * 365 * 24.0
_TOP: Final = (
    *("policy", "version", "title", "valid_from", "valid_until", "services", "severity_from", "fix_time"),
    *("reports", "rules", "roles", "budget", "break_glass", "pipeline_minutes"),
)
_RULE: Final = ("id", "when", "then", "lifted_by", "grace", "because")
_WHEN: Final = (
    *("new", "kind", "severity", "known_exploited", "reachable", "fixable", "epss_from", "overdue"),
    *("rule", "path", "report", "cwe", "cel"),
)
_REPORT: Final = ("format", "tool", "max_age", "max_database_age", "commit", "skipped_by")


def read_policy(path: Path) -> tuple[Policy, str]:
    """Return the policy of a YAML file, and the text that it was read from.

    Raises
    ------
    PolicyError
        With every fault of the file.
    """
    return parse_policy(text := read_text(path), str(path)), text


def read_text(path: Path) -> str:
    """Return a small UTF-8 file.

    Raises
    ------
    PolicyError
        E800.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror or error}."
        raise PolicyError(Fault("E800", str(path), message)) from error
    if len(content) > MAX_BYTES:
        raise PolicyError(Fault("E800", str(path), f"The file is larger than {MAX_BYTES:,} bytes."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"Byte {error.start:,} is not UTF-8."
        raise PolicyError(Fault("E800", str(path), message, "Save the file as UTF-8.")) from error


def parse_policy(text: str, name: str) -> Policy:
    """Return the policy of a YAML text.

    Raises
    ------
    PolicyError
        With every fault: E104-E108 for the YAML itself, E801-E805 for what it says.
    """
    faults = Faults(error=PolicyError)
    root = parse_yaml(text, name, faults, "'policy:' and 'rules:'")
    policy = _policy(root, faults) if root is not None else None
    faults.raise_if_any()
    if policy is None:  # parse_yaml notes a fault whenever it gives nothing
        raise PolicyError(Fault("E800", name, "The file is no policy."))
    return policy


def _policy(root: Block, faults: Faults) -> Policy | None:
    top = Fields(root, "the policy", _TOP, faults)
    roles = tuple(_role(name, block, faults) for name, block in top.blocks("roles"))
    reports = tuple(_report(name, block, faults) for name, block in top.blocks("reports"))
    rules = tuple(_rule(block, faults) for _, block in top.blocks("rules"))
    severity_from = top.words("severity_from", ("cvss", "scanner")) or ("cvss", "scanner")
    fix = Fields(top.block_of("fix_time"), "fix_time", (*FIX_DAYS, "known_exploited"), faults)
    fix_hours = {word: fix.hours(word, "d", _YEARS) for word in (*FIX_DAYS, "known_exploited")}
    first, last = top.day("valid_from", required=True), top.day("valid_until", required=True)
    version, minutes = top.number("version", 1, 10**6), top.number("pipeline_minutes", 0.1, 10_000)
    title, identifier = top.text("title", required=True), top.id("policy")
    services = top.texts("services")
    if not services:
        faults.add("E802", root.where, "the policy: services is missing.", "add such as 'services: [shop]'.")
    if not rules:
        faults.add(
            "E802", root.where, "the policy: it has no rules.", "a policy without rules lets all pass."
        )
    if not reports:
        hint = "a policy that asks for no report would pass an empty pipeline."
        faults.add("E802", root.where, "the policy: it asks for no reports.", hint)
    if first and last and last < first:
        top.refuse("valid_until", "lies before valid_from.")
    budget, glass = _budget(top, faults), _break_glass(top, faults)
    _check_names(top, roles, reports, rules, glass)
    if faults.found:
        return None
    return Policy(
        id=identifier,
        version=int(version or 1),
        title=title,
        valid_from=cast(date, first),
        valid_until=cast(date, last),
        services=services,
        rules=rules,
        reports=reports,
        roles=roles,
        severity_from=cast(tuple[SeveritySource, ...], severity_from),
        fix_days={word: _days(fix_hours[word], FIX_DAYS[word]) for word in FIX_DAYS},
        known_exploited_fix_days=_days(fix_hours["known_exploited"], 3.0),
        budget=budget,
        break_glass=glass,
        pipeline_minutes=minutes,
    )


def _days(hours: float | None, otherwise: float) -> float:
    return otherwise if hours is None else hours / 24


def _role(name: str, block: Block, faults: Faults) -> Role:
    fields = Fields(block, f"role {name!r}", ("person", "key"), faults)
    keys = fields.texts("key")
    if not keys:
        hint, web = "poise key list prints key ids.", "The draft's page lists the keys to name as roles."
        faults.add("E802", block.where, f"role {name!r}: key is missing.", hint, web)
    for key in keys:
        if not _KEY_ID.fullmatch(key):
            fields.refuse("key", f"{key[:40]!r} is no key id; expected ed25519: and 64 hexadecimal digits.")
    return Role(name, fields.text("person", required=True), keys)


def _report(name: str, block: Block, faults: Faults) -> Expected:
    fields = Fields(block, f"report {name!r}", _REPORT, faults)
    if not name:
        faults.add("E802", block.where, "reports: a report has no name.", "write 'reports: {code: {...}}'.")
    age = fields.hours("max_age", "h", _YEARS)
    return Expected(
        name=name,
        formats=fields.texts("format"),
        tools=fields.texts("tool"),
        max_age_hours=24.0 if age is None else age,
        commit=cast(Layout, fields.word("commit", ("required", "if_stated"), "required")),
        skipped_by=fields.texts("skipped_by"),
        max_database_age_hours=fields.hours("max_database_age", "h", _YEARS),
    )


def _rule(block: Block, faults: Faults) -> Rule:
    name = Fields(block, "rule", _RULE, Faults()).text("id")
    fields = Fields(block, f"rule {name!r}" if name else "a rule", _RULE, faults)
    when = Fields(fields.block_of("when"), fields.subject, _WHEN, faults)
    grace = fields.hours("grace", "d", _YEARS)
    then = fields.word("then", ("block", "warn", "later"))
    if then != "block" and grace:
        fields.refuse("grace", "only a rule that blocks gives grace.")
    return Rule(
        id=fields.id("id"),
        when=Condition(
            new=when.flag("new"),
            kinds=when.words("kind", KINDS),
            severities=when.words("severity", SEVERITIES),
            known_exploited=cast(tuple[Answer, ...], when.words("known_exploited", ANSWERS)),
            reachable=cast(tuple[Answer, ...], when.words("reachable", ANSWERS)),
            fixable=when.flag("fixable"),
            epss_from=when.number("epss_from", 0, 1),
            overdue=when.flag("overdue"),
            rules=when.texts("rule"),
            paths=when.texts("path"),
            reports=when.texts("report"),
            cwes=tuple(text.upper() for text in when.texts("cwe")),
            cel=when.text("cel"),
        ),
        then=cast(Outcome, then or "warn"),
        because=fields.text("because", required=True),
        lifted_by=fields.texts("lifted_by"),
        grace_days=(grace or 0.0) / 24,
    )


def _budget(top: Fields, faults: Faults) -> Budget | None:
    block = top.block_of("budget")
    if block is None:
        return None
    known = ("risk_days", "window", "weights", "known_exploited_factor")
    fields = Fields(block, "budget", known, faults)
    weights = Fields(fields.block_of("weights"), "budget weights", SEVERITIES, faults)
    allowed = fields.number("risk_days", 0, 10**9)
    if allowed is None and not fields.has("risk_days"):
        faults.add("E802", block.where, "budget: risk_days is missing.")
    default = Budget(0.0)
    window = fields.hours("window", "d", _YEARS)
    factor = fields.number("known_exploited_factor", 0, 1_000)
    given = {word: weights.number(word, 0, 10**6) for word in SEVERITIES if weights.has(word)}
    return Budget(
        risk_days=allowed or 0.0,
        window_days=_days(window, default.window_days),
        weights=default.weights | {word: value for word, value in given.items() if value is not None},
        known_exploited_factor=default.known_exploited_factor if factor is None else factor,
    )


def _break_glass(top: Fields, faults: Faults) -> BreakGlass | None:
    block = top.block_of("break_glass")
    if block is None:
        return None
    fields = Fields(block, "break_glass", ("by", "max_time"), faults)
    hours = fields.hours("max_time", "h", 24.0 * 14)
    if not fields.texts("by"):
        faults.add("E802", block.where, "break_glass: by is missing.", "name the roles that may break it.")
    return BreakGlass(fields.texts("by"), 24.0 if hours is None else hours)


def _check_names(
    top: Fields,
    roles: tuple[Role, ...],
    reports: tuple[Expected, ...],
    rules: tuple[Rule, ...],
    glass: BreakGlass | None,
) -> None:
    """Note names that point to nothing, and rules of one name."""
    known, named = {role.name for role in roles}, {report.name for report in reports}
    seen: set[str] = set()
    asked = [(f"rule {rule.id!r}: lifted_by", rule.lifted_by, known) for rule in rules]
    asked += [(f"rule {rule.id!r}: report", rule.when.reports, named) for rule in rules]
    asked += [(f"report {report.name!r}: skipped_by", report.skipped_by, known) for report in reports]
    asked += [("break_glass: by", glass.by if glass else (), known)]
    for subject, words, defined in asked:
        for word in words:
            if word not in defined:
                message = f"{subject}: {word[:40]!r} is not defined in this policy."
                top.faults.add("E805", top.block.where, message, did_you_mean(word, defined))
    for rule in rules:
        if rule.id in seen:
            top.faults.add("E108", top.where("rules"), f"rule {rule.id!r} is given twice.")
        seen.add(rule.id)
        if rule.then == "block" and not rule.lifted_by:
            message = f"rule {rule.id!r} blocks, and nobody may lift it."
            top.faults.add("E802", top.where("rules"), message, "add lifted_by with a role of this policy.")
