"""From reports to a verdict: one pass over every report, one place where an exception counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from poise.errors import ScanFormatError
from poise.gate.alike import Alike, Key, can_be_alike, key_of
from poise.gate.baseline import Entry, Known, Matcher, Waiting, entry_of
from poise.gate.documents import Exemption
from poise.gate.evidence import absent, judge_report, unreadable
from poise.gate.facts import Facts, facts_of, fix_days, overdue_days
from poise.gate.pending import Later, Mark
from poise.gate.policy import Expected
from poise.gate.rules import NOTED, Table
from poise.gate.setting import NEW, OUTCOMES, GivenReport, Judged, Rates, Setting
from poise.gate.showing import SHOWN, Kept, Room, shown, worst_of
from poise.gate.verdict import JudgedReport
from poise.scans.finding import Finding

_CODES: Final = {outcome: number for number, outcome in enumerate(OUTCOMES)}


class Judge:
    """Judges the reports of one delivery.

    Parameters
    ----------
    setting
        Policy, clock, baseline and what else counts.
    keep_entries
        Whether to gather baseline entries of everything that was found.
    """

    def __init__(self, setting: Setting, *, keep_entries: bool = False) -> None:
        self._set = setting
        self._table = Table(setting.policy)
        self._matcher = Matcher(setting.baseline.entries if setting.baseline else (), setting.identifier)
        self._keep_entries = keep_entries
        self._later: list[Later] = []
        self._kept = 0
        self._by_us = 0.0
        self._without_fix = 0.0
        self._room = Room()
        self._kept_findings: list[Kept] = []
        self._facts: dict[tuple[object, ...], Facts] = {}
        self._alike: dict[tuple[Key, datetime | None], Alike] = {}
        self._foreseen_of: dict[Key, tuple[int, int, int, bool]] = {}
        self._exemptions: dict[str, list[Exemption]] = {}
        for one in setting.exemptions:
            for key in one.finding:
                self._exemptions.setdefault(key, []).append(one)
        self.judged = Judged(identifier=setting.identifier)
        #: Whether a finding's key tells all that the answer rests on.
        self._can_count = self._table.is_plain and not keep_entries

    def run(self, given: Iterable[GivenReport]) -> Judged:
        """Read and judge all reports."""
        by_name: dict[str, list[GivenReport]] = {}
        for one in given:
            by_name.setdefault(one.name, []).append(one)
        for expected in self._set.policy.reports:
            files = by_name.get(expected.name, [])
            skipped = self._set.skips.get(expected.name, "")
            if not files:
                self.judged.reports.append(_skipped(expected, skipped) if skipped else absent(expected))
            for file in files:
                self.judged.reports.append(self._read(expected, file))
        self._settle()
        self.judged.rates = Rates(self._by_us, self._without_fix)
        self.judged.gone = self._matcher.gone
        self.judged.findings = [shown(one, self._set) for one in worst_of(self._kept_findings)]
        return self.judged

    def _read(self, expected: Expected, given: GivenReport) -> JudgedReport:
        report = given.report
        if isinstance(report, ScanFormatError):
            return unreadable(expected, given.file, report)
        count, name, take = 0, expected.name, self._take_alike if self._can_count else self._take
        before = self._mark()
        self._alike.clear()
        try:
            for finding in report:
                count += 1
                take(finding, name)
        except ScanFormatError as error:
            self._return_to(before)
            return unreadable(expected, given.file, error)
        self._count_alike()
        self.judged.read.append(given)
        self.judged.sizes.append(len(self.judged.codes) - before.codes)
        return judge_report(
            expected,
            report,
            given.sha256,
            count,
            commit=self._set.commit,
            now=self._set.now,
            record=given.record,
        )

    def _mark(self) -> Mark:
        found = self.judged
        return Mark(
            len(found.codes),
            len(self._kept_findings),
            len(found.entries),
            len(self._later),
            (Counter(found.counts), Counter(found.severities)),
            self._room.copy(),
            (found.new, found.exploited_reachable, self._by_us, self._without_fix),
        )

    def _return_to(self, mark: Mark) -> None:
        """Discard what was taken of a report that turned out to be cut off: nothing of it counts."""
        found = self.judged
        del found.codes[mark.codes :], self._kept_findings[mark.findings :], found.entries[mark.entries :]
        del self._later[mark.later :]
        found.counts, found.severities = mark.counters
        self._room = mark.room
        found.new, found.exploited_reachable, self._by_us, self._without_fix = mark.sums

    def _take(self, finding: Finding, report: str) -> None:
        """Judge one finding, or put it off until the weaker matchers have been asked."""
        if finding.kind == "statement":
            return
        if finding.status == "fixed":
            self._count("fixed")
            return
        facts = self._facts_of(finding)
        reason = self._set_aside(finding)
        if reason:
            if self._set.baseline is not None:
                self._matcher.forget(finding)
            self._count("set_aside")
            self._keep(finding, report, facts, "set_aside", NOTED, None, reason)
            return
        self._judge(finding, report, facts, self._ask(finding))

    def _ask(self, finding: Finding) -> Known | Waiting | None:
        """Ask whether a finding is known; without a baseline it is new."""
        return self._matcher.ask(len(self._later), finding) if self._set.baseline is not None else None

    def _judge(self, finding: Finding, report: str, facts: Facts, answer: Known | Waiting | None) -> None:
        known = answer if isinstance(answer, Known) else None
        if self._keep_entries:
            seen = known.first_seen if known else self._set.now
            self.judged.entries.append(entry_of(finding, self._set.identifier.keys(finding), seen))
        if isinstance(answer, Waiting):
            self._put_off(finding, report, facts, answer)
        elif known is not None:
            self._decide(finding, report, facts, self._rule_of_known(finding, report, facts, known), known)
        else:
            published = self._is_published(finding)
            rule = self._rule(finding, report, facts, new=not published, overdue=False)
            self._decide(finding, report, facts, rule, None, published=published)

    def _is_published(self, finding: Finding) -> bool:
        """Say whether a vulnerability that nobody knew is of a component that was there before."""
        listed = self._set.components
        return self._set.baseline is not None and listed is not None and listed.has(finding)

    def _take_alike(self, finding: Finding, report: str) -> None:
        """Judge one finding as the first was judged that the policy cannot tell from it."""
        if not can_be_alike(finding):
            self._take(finding, report)
            return
        answer = self._ask(finding)
        if isinstance(answer, Waiting):
            self._put_off(finding, report, self._facts_of(finding), answer)
            return
        key = (key_of(finding), answer.first_seen if answer else None)
        alike = self._alike.get(key)
        if alike is None:
            alike = self._alike[key] = self._first_of(finding, report, answer)
        if alike.outcome in ("block", "warn") and (
            self._exemptions or self._room.has(alike.outcome, alike.facts.severity)
        ):
            self._judge(finding, report, alike.facts, answer)
            return
        alike.count += 1
        self.judged.codes.append(alike.code)

    def _first_of(self, finding: Finding, report: str, known: Known | None) -> Alike:
        """Return how all findings are judged that the policy cannot tell from this one."""
        facts = self._facts_of(finding)
        if known is None:
            rule = self._rule(finding, report, facts, new=True, overdue=False)
        else:
            rule = self._rule_of_known(finding, report, facts, known)
        outcome = self._with_grace(rule, known.first_seen if known else None)
        return Alike(facts, outcome, known, _CODES[outcome] + (NEW if known is None else 0))

    def _count_alike(self) -> None:
        """Add up what :meth:`_take_alike` counted in a report, once it was read to its end."""
        found = self.judged
        for one in self._alike.values():
            found.counts[one.outcome] += one.count
            found.severities[one.facts.severity] += one.count
            found.new += one.count if one.known is None else 0
            self._burn(one.facts, one.known, one.count)
        self._alike.clear()

    def _facts_of(self, finding: Finding) -> Facts:
        if finding.kind == "vulnerability":
            self.judged.asks_threats = True
            return facts_of(finding, self._set.policy, self._set.threats)
        key = (finding.severity, finding.cvss_score, finding.reachable)
        found = self._facts.get(key)
        if found is None:
            found = self._facts[key] = facts_of(finding, self._set.policy, self._set.threats)
        return found

    def _rule(self, finding: Finding, report: str, facts: Facts, *, new: bool, overdue: bool) -> int:
        return self._table.rule_for(finding, report, facts, new=new, overdue=overdue)

    def _set_aside(self, finding: Finding) -> str:
        if finding.status != "open":
            words = finding.justification or finding.status.replace("_", " ")
            return f"set aside in the report: {words}"
        return self._set.vex.answer(finding)

    def _rule_of_known(self, finding: Finding, report: str, facts: Facts, known: Known) -> int:
        over = overdue_days(known.first_seen, self._set.now, fix_days(facts, self._set.policy))
        return self._rule(finding, report, facts, new=False, overdue=over > 0)

    def _put_off(self, finding: Finding, report: str, facts: Facts, waiting: Waiting) -> None:
        published = self._is_published(finding)
        if_new, if_known, if_overdue, wanted = self._foreseen(finding, report, facts, published)
        kept = (finding, report) if wanted and self._kept < SHOWN * 4 else None
        self._kept += kept is not None
        self.judged.codes.append(0)
        place = len(self.judged.codes) - 1
        entry_at = len(self.judged.entries) - 1 if self._keep_entries else None
        self._later.append(
            Later(waiting, place, facts, if_new, if_known, if_overdue, published, kept, entry_at)
        )

    def _foreseen(
        self, finding: Finding, report: str, facts: Facts, published: bool
    ) -> tuple[int, int, int, bool]:
        """Return the rules that fit when it is new, known, and overdue; and whether any blocks or warns."""
        key = (key_of(finding), report, published)
        found = self._foreseen_of.get(key)
        if found is None:
            rules = (
                self._rule(finding, report, facts, new=not published, overdue=False),
                self._rule(finding, report, facts, new=False, overdue=False),
                self._rule(finding, report, facts, new=False, overdue=True),
            )
            found = (*rules, any(self._outcome_of(rule) in ("block", "warn") for rule in rules))
            if self._table.is_plain and can_be_alike(finding):
                self._foreseen_of[key] = found
        return found

    def _settle(self) -> None:
        """Decide what was put off."""
        found = self._matcher.rest([one.waiting for one in self._later]) if self._later else {}
        for number, one in enumerate(self._later):
            known = found.get(number)
            published = one.published and known is None
            rule = one.if_new
            if known is not None:
                over = overdue_days(known.first_seen, self._set.now, fix_days(one.facts, self._set.policy))
                rule = one.if_overdue if over > 0 else one.if_known
            if known is not None and one.entry_at is not None:
                entry = self.judged.entries[one.entry_at]
                first_seen = min(known.first_seen, entry.first_seen)
                self.judged.entries[one.entry_at] = Entry(entry.tool, entry.line, entry.content, first_seen)
            if one.kept:
                self._decide(*one.kept, one.facts, rule, known, published=published, code_at=one.code_at)
            else:
                self._tally(self._outcome_of(rule), one.facts, known, published, one.code_at)

    def _outcome_of(self, rule: int) -> str:
        return "noted" if rule == NOTED else self._set.policy.rules[rule].then

    def _with_grace(self, rule: int, seen: datetime | None) -> str:
        """Return what becomes of a finding by a rule; what was seen before may have a while left."""
        outcome = self._outcome_of(rule)
        if outcome != "block" or seen is None:
            return outcome
        grace = timedelta(days=self._set.policy.rules[rule].grace_days)
        return "warn" if self._set.now - seen < grace else "block"

    def _decide(
        self,
        finding: Finding,
        report: str,
        facts: Facts,
        rule: int,
        known: Known | None,
        *,
        published: bool = False,
        code_at: int | None = None,
    ) -> None:
        seen = known.first_seen if known else self._set.now if published else None
        outcome, reason = self._with_grace(rule, seen), ""
        if outcome in ("block", "warn") and self._exemptions:
            exemption = self._exemption(finding, self._set.policy.rules[rule].id)
            if exemption is not None:
                outcome, reason = (
                    "set_aside",
                    f"exception {exemption.id} by {exemption.owner}: {exemption.reason}",
                )
        self._tally(outcome, facts, known, published, code_at)
        if outcome in ("block", "warn") or reason:
            self._keep(finding, report, facts, outcome, rule, known, reason, published=published)

    def _exemption(self, finding: Finding, rule: str) -> Exemption | None:
        """Return the exception that lifts a rule for a finding; this is the only place that asks."""
        for key in self._set.identifier.exemption_keys(finding):
            for one in self._exemptions.get(key, ()):
                if one.rule == rule and one.starts <= self._set.now < one.ends:
                    self.judged.used_exemptions.add(one.id)
                    return one
        return None

    def _count(self, outcome: str, code_at: int | None = None, *, new: bool = False) -> None:
        code = _CODES[outcome] + (NEW if new else 0)
        self.judged.counts[outcome] += 1
        if code_at is None:
            self.judged.codes.append(code)
        else:
            self.judged.codes[code_at] = code

    def _tally(
        self, outcome: str, facts: Facts, known: Known | None, published: bool, code_at: int | None
    ) -> None:
        new = known is None and not published
        self._count(outcome, code_at, new=new)
        if outcome == "set_aside":
            return
        self.judged.new += new
        self.judged.severities[facts.severity] += 1
        self.judged.exploited_reachable += facts.exploited == "yes" and facts.reachable == "yes"
        self._burn(facts, known)

    def _burn(self, facts: Facts, known: Known | None, count: int = 1) -> None:
        """Add what known findings burn that are past their fix time."""
        budget = self._set.policy.budget
        if budget is None or known is None:
            return
        if overdue_days(known.first_seen, self._set.now, fix_days(facts, self._set.policy)) <= 0:
            return
        weight = budget.weights.get(facts.severity, 0.0) * count
        weight *= budget.known_exploited_factor if facts.exploited == "yes" else 1.0
        if facts.fixable:
            self._by_us += weight
        else:
            self._without_fix += weight

    def _keep(
        self,
        finding: Finding,
        report: str,
        facts: Facts,
        outcome: str,
        rule: int,
        known: Known | None,
        reason: str,
        *,
        published: bool = False,
    ) -> None:
        if self._room.has(outcome, facts.severity):
            self._room.take(outcome, facts.severity)
            self._kept_findings.append(
                Kept(
                    finding=finding,
                    report=report,
                    facts=facts,
                    outcome=outcome,
                    rule="" if rule == NOTED else self._set.policy.rules[rule].id,
                    newness=known.matcher if known else "published" if published else "new",
                    first_seen=known.first_seen if known else self._set.now,
                    set_aside=reason,
                )
            )


def _skipped(expected: Expected, reason: str) -> JudgedReport:
    return JudgedReport(expected.name, "", "", "", "", "", "", "", None, 0, 0, skipped=reason)
