"""The verdict as one page of at most sixty lines, for whoever waits for the delivery."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from poise.gate.plain import counted, plain
from poise.gate.policy import Policy
from poise.gate.verdict import JudgedFinding, JudgedReport, Verdict

#: The page ends here, whatever there is to say.
MAX_LINES: Final = 60


class _Room(NamedTuple):
    """How many findings that block and that warn are shown, and lines of each other section."""

    blocks: int
    warnings: int
    other: int


_WIDE: Final = _Room(5, 4, 8)
#: Every section at its fullest, with titles and blanks between, has 55 lines.
_TIGHT: Final = _Room(3, 3, 4)
_TITLES: Final = {
    "pass": "PASSES",
    "block": "IS BLOCKED",
    "incomplete": "CANNOT BE JUDGED: evidence is missing",
    "lifted": "PASSES BY BROKEN GLASS",
}
_KINDS: Final = {"code": "weakness in code", "web": "web weakness", "test": "failed test"}
_NUMBERS = re.compile(r"\d+")


def page(verdict: Verdict, policy: Policy) -> str:
    """Return the page, with a line end behind each line."""
    lines = _lines(verdict, policy, _WIDE)
    if len(lines) > MAX_LINES:
        lines = _lines(verdict, policy, _TIGHT)
    return "\n".join(lines) + "\n"


def _lines(verdict: Verdict, policy: Policy, room: _Room) -> list[str]:
    lines = _heading(verdict)
    untested = [
        f"- {plain(one.test, 60)}: {plain(one.why, 100)}; {plain(one.until, 60)}" for one in verdict.untested
    ]
    lines += _section(
        "Why nobody can say that it passes",
        [f"- {plain(text, 230)}" for text in verdict.incomplete],
        room.other,
    )
    lines += _section("What blocks", _blocking(verdict, policy, room.blocks), 5 * room.blocks + 1)
    lines += _section("Warnings", _warnings(verdict, room.warnings), room.warnings + 1)
    for title, part in (
        ("Reports", [_report(report) for report in verdict.reports]),
        ("Risk budget", _budget(verdict)),
        ("Not tested", untested),
        ("Also", _notes(verdict)),
    ):
        lines += _section(title, part, room.other)
    return lines


def _section(title: str, part: list[str], most: int) -> list[str]:
    if not part:
        return []
    if len(part) > most:
        part = [*part[: most - 1], f"- ... and {len(part) - most + 1} more; the JSON verdict holds all."]
    return ["", f"{title}:", *part]


def _heading(verdict: Verdict) -> list[str]:
    signed = "signed by both sides" if len(verdict.signers) > 1 else "NOT SIGNED"
    counts = verdict.counts
    outcomes = ", ".join(
        f"{counts[word]:,} {told}"
        for word, told in (
            ("block", "block"),
            ("warn", "warn"),
            ("later", "wait for their fix time"),
            ("noted", "are only noted"),
            ("set_aside", "are set aside"),
        )
        if counts.get(word)
    )
    return [
        f"{plain(verdict.service, 60)} {_TITLES[verdict.decision]}  (exit {verdict.exit_code})",
        f"commit {plain(verdict.commit, 45)}, judged {verdict.now.isoformat()} by policy {verdict.policy} "
        f"version {verdict.policy_version} ({signed})",
        f"{counted(sum(counts.values()) - counts.get('fixed', 0), 'finding')}: {outcomes or 'none counts'}; "
        f"{verdict.new:,} new, {verdict.gone:,} gone.",
    ]


def _blocking(verdict: Verdict, policy: Policy, shown: int) -> list[str]:
    blocking = [one for one in verdict.findings if one.outcome == "block"]
    has_baseline = any(one.kind == "baseline" for one in verdict.inputs)
    lines = []
    for one in blocking[:shown]:
        lines += _block(one, policy, has_baseline)
    rest = verdict.counts.get("block", 0) - min(len(blocking), shown)
    if rest > 0:
        lines.append(f"- ... and {counted(rest, 'more finding')} that block; the JSON verdict holds them.")
    return lines


def _block(one: JudgedFinding, policy: Policy, has_baseline: bool) -> list[str]:
    rule = next(rule for rule in policy.rules if rule.id == one.rule)
    people = " or ".join(
        f"{role.person} ({role.name})" for role in policy.roles if role.name in rule.lifted_by
    )
    marks = ", known exploited" if one.known_exploited == "yes" else ""
    marks += ", reachable" if one.reachable == "yes" else ""
    return [
        f"- [{one.rule}] {one.severity} {_KINDS.get(one.kind, one.kind)}{marks}: {plain(one.title, 90)}",
        f"    in {_place(one)} (id {one.id})",
        f"    why: {plain(rule.because, 90)}. {_newness(one, has_baseline)}",
        f"    fix: {_fix(one)}",
        f"    else: {plain(people, 90)} can lift it: poise gate except {one.id} --until DATE --key FILE",
    ]


def _place(one: JudgedFinding) -> str:
    if one.component:
        return plain(f"{one.component} {one.version}".strip(), 60)
    return plain(f"{one.path}:{one.line}" if one.line else one.path or "(no place)", 70)


def _newness(one: JudgedFinding, has_baseline: bool) -> str:
    if one.newness == "new" and not has_baseline:
        return "New: there is no baseline, so all counts as new."
    if one.newness == "new":
        return "New: neither fingerprint, line hash, content nor rename is in the baseline."
    if one.newness == "published":
        return "Not ours: the component was there before; the vulnerability was published since."
    return f"Known since {one.first_seen.date()} by its {one.newness}{_left(one)}."


def _left(one: JudgedFinding) -> str:
    if one.days_left is None:
        return ""
    days = counted(abs(round(one.days_left)), "day")
    return f", {days} past its fix time" if one.days_left < 0 else f", {days} left of its fix time"


def _fix(one: JudgedFinding) -> str:
    if one.fixed_versions:
        step = version_step(one.version, one.fixed_versions[0])
        return f"update {plain(one.component, 50)} to {plain(one.fixed_versions[0], 40)} ({step})."
    if one.kind == "vulnerability":
        return "none is published yet; replace the component or ask for an exception."
    if one.kind == "secret":
        return "revoke the secret, then take it out of the source and its history."
    return (
        plain(one.remedy, 140)
        or f"mend {_place(one)}; the scanner's rule {plain(one.scanner_rule, 60)} says how."
    )


def version_step(installed: str, fixed: str) -> str:
    """Return how large an update is, as a first measure of what a fix costs.

    The first number that differs decides: a new first number is a major, a new second one a minor update,
    as in semantic versioning; versions of other schemes come out as "size unknown".
    """
    old, new = _NUMBERS.findall(installed)[:3], _NUMBERS.findall(fixed)[:3]
    if len(old) < 2 or len(new) < 2:
        return "size of the update unknown"
    for word, first, second in zip(("a major", "a minor", "a patch"), old, new, strict=False):
        if int(first[:9]) != int(second[:9]):
            return f"{word} update"
    return "a small update"


def _warnings(verdict: Verdict, shown: int) -> list[str]:
    warned = [one for one in verdict.findings if one.outcome == "warn"]
    lines = [_warning(one) for one in warned[:shown]]
    rest = verdict.counts.get("warn", 0) - len(lines)
    return [*lines, f"- ... and {counted(rest, 'more warning')}."] if rest > 0 else lines


def _warning(one: JudgedFinding) -> str:
    kind = _KINDS.get(one.kind, one.kind)
    return f"- [{one.rule}] {one.severity} {kind}: {plain(one.title, 80)} in {_place(one)}{_left(one)}"


def _report(report: JudgedReport) -> str:
    if report.skipped:
        return f"- {report.name}: {plain(report.skipped, 150)}"
    tool = plain(f"{report.tool} {report.tool_version}".strip() or report.format or "nothing", 60)
    state = "proves nothing" if report.problems else counted(report.findings, "finding")
    return f"- {report.name}: {tool}, {state}"


def _budget(verdict: Verdict) -> list[str]:
    state = verdict.budget
    if state is None:
        return []
    left = state.allowed - state.burned_by_us
    return [
        f"- {state.burned_by_us:,.1f} of {state.allowed:,.1f} risk-days burned in {state.window_days:g} days "
        f"by our delay, {max(left, 0):,.1f} left; {state.without_fix:,.1f} more burned without any fix.",
        f"- it burns {state.rate_by_us:,.2f} a day"
        + ("; this delivery lowers that, and fixes always pass." if state.is_fix else "."),
    ]


def _notes(verdict: Verdict) -> list[str]:
    notes = [plain(text, 200) for text in verdict.notices]
    if verdict.broken_glass:
        notes.insert(0, f"broken glass, recorded: {plain(verdict.broken_glass, 200)}")
    if verdict.unused_exceptions:
        notes.append(f"exceptions that nothing needed: {plain(', '.join(verdict.unused_exceptions), 150)}")
    if verdict.unmatched_vex:
        notes.append(
            f"{counted(len(verdict.unmatched_vex), 'VEX statement')} matched nothing, such as "
            f"{plain(verdict.unmatched_vex[0], 100)}"
        )
    return [f"- {note}" for note in notes]
