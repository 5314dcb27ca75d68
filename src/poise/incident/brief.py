"""Briefs: one set of statements, laid out for a reader. No brief has a fact that another lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from poise.incident.base import PARTIES
from poise.incident.known import view
from poise.incident.moments import at_place
from poise.incident.profile import DEFAULTS, Audience, Profile
from poise.incident.state import Decision, Incident, Promise, Told
from poise.incident.statements import KINDS, duty, sentence, source_words
from poise.incident.tlp import UNMARKED, Mark, Watcher, label, strictest

#: Headings of each brief, and the topics under them; what fits none stands under the last.
LAYOUT: Final[Mapping[Audience, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "operations": (
        ("Services", ("services",)),
        ("Customers", ("customers",)),
        ("Workarounds", ("workaround",)),
        ("Time to restore", ("restore",)),
        ("Behind it", ("scope", "exposure", "containment", "evidence")),
        ("More", ("other",)),
    ),
    "security": (
        ("Scope", ("scope",)),
        ("Exposure", ("exposure",)),
        ("Containment", ("containment",)),
        ("Evidence and its gaps", ("evidence",)),
        ("Services, customers, workarounds, restoring", ("services", "customers", "workaround", "restore")),
        ("More", ("other",)),
    ),
    "board": (
        ("What is hit", ("services", "customers", "exposure")),
        ("What is done", ("containment", "workaround", "restore")),
        ("What it rests on", ("scope", "evidence", "other")),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A statement in a brief."""

    statement: str
    text: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Brief:
    """A brief at one moment.

    Parameters
    ----------
    mark
        The strictest mark of what is in it; it travels in the subject and on every page.
    sections
        Headings with their lines.
    wanted
        Open decisions.
    updates
        What each side has promised.
    timezone
        In which it tells moments, beside UTC.
    """

    incident: str
    title: str
    audience: Audience
    at: datetime
    mark: Mark
    is_drill: bool
    is_privileged: bool
    sections: tuple[tuple[str, tuple[Line, ...]], ...]
    wanted: tuple[str, ...]
    updates: tuple[str, ...]
    timezone: str = "UTC"

    @property
    def statements(self) -> frozenset[str]:
        """Ids of the statements in it."""
        return frozenset(line.statement for _, lines in self.sections for line in lines)

    @property
    def subject(self) -> str:
        """Return the line under which it travels."""
        drill = "[DRILL] " if self.is_drill else ""
        return f"{drill}[{label(self.mark)}] {self.title}"

    def text(self) -> str:
        """Return it as plain text."""
        drill = ["DRILL. Nothing here is real.", ""] if self.is_drill else []
        privileged = ["Marked by counsel as privileged.", ""] if self.is_privileged else []
        lines = [
            *drill,
            label(self.mark),
            f"{self.title}, as known {at_place(self.at, ZoneInfo(self.timezone))}",
            *privileged,
        ]
        for heading, content in (("Decisions wanted", self.wanted), ("Next updates", self.updates)):
            if content:
                lines += ["", heading, *(f"- {one}" for one in content)]
        for heading, found in self.sections:
            lines += ["", heading]
            for line in found:
                lines += [f"- {line.text} [{line.statement[:8]}]", *(f"    {one}" for one in line.details)]
        return "\n".join(lines) + "\n"


def brief(
    incident: Incident,
    audience: Audience,
    at: datetime,
    watcher: Watcher,
    profile: Profile | None = None,
    currency: str = "",
) -> Brief:
    """Return a brief of everything that stood at a moment and that the watcher may see.

    Parameters
    ----------
    profile
        The reader's own form; that of :data:`~poise.incident.profile.DEFAULTS` without one.
    currency
        In which the estate counts what waiting costs; empty where that is not known.
    """
    form = profile or DEFAULTS[audience]
    seen = view(incident, watcher, at)
    zone = ZoneInfo(form.timezone)
    sections = []
    for heading, topics in LAYOUT[audience]:
        told = _ordered((one for one in seen.standing if one.act.topic in topics), form)
        if told:
            sections.append((heading, tuple(_line(one, form, zone) for one in told)))
    updates = tuple(_updates(incident.promises_for(watcher), at, zone))
    asked = [one for one in seen.decisions if one.state(at) in ("open", "overdue")]
    marks = [
        *(one.act.tlp for one in seen.standing),
        *(one.act.tlp for one in asked),
        *([UNMARKED] * bool(updates)),
    ]
    return Brief(
        incident.id,
        incident.head.title,
        audience,
        at,
        strictest(marks),
        incident.is_drill,
        any(one.act.is_privileged for one in seen.standing),
        tuple(sections),
        tuple(wanted(one, zone, currency) for one in asked),
        updates,
        form.timezone,
    )


def is_urgent(incident: Incident, watcher: Watcher, at: datetime) -> bool:
    """Return whether a clock runs for this watcher: a decision is wanted, or an update is promised."""
    asked = (one for one in incident.decisions.values() if one.asked.time <= at and one.is_for(watcher))
    is_wanted = any(one.state(at) in ("open", "overdue") for one in asked)
    return is_wanted or any(_updates(incident.promises_for(watcher), at, ZoneInfo("UTC")))


def next_wanted(
    incident: Incident, audience: Audience, at: datetime, watcher: Watcher, profile: Profile
) -> datetime | None:
    """Return by when a reader wants the next brief: their cadence after the last one that was sent.

    None before the first that this watcher may know of, and once the incident is closed.
    """
    if incident.closed is not None and incident.closed.time <= at:
        return None
    sent = (one for one in incident.messages.values() if one.act.audience == audience and one.is_for(watcher))
    last = max((one.queued for one in sent if one.queued <= at), default=None)
    return None if last is None else last + timedelta(minutes=profile.cadence_minutes)


def differences(briefs: Iterable[Brief]) -> dict[str, tuple[str, ...]]:
    """Return every statement that one brief has and another lacks, with the audiences that lack it."""
    found = list(briefs)
    every = frozenset().union(*(one.statements for one in found)) if found else frozenset()
    lacking = {
        record: tuple(one.audience for one in found if record not in one.statements)
        for record in sorted(every)
    }
    return {record: audiences for record, audiences in lacking.items() if audiences}


def wanted(decision: Decision, zone: ZoneInfo, currency: str = "") -> str:
    """Return a decision request in a sentence or two."""
    act = decision.act
    cost = "What waiting costs is not known."
    if act.cost_low_per_hour is not None and act.cost_high_per_hour is not None:
        low, high = act.cost_low_per_hour, act.cost_high_per_hour
        amount = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
        priced = f"{currency} {amount}".strip()
        cost = f"Waiting costs {priced} an hour: {act.basis.rstrip('.')}."
    options = "; ".join(one.text for one in act.options)
    undo = "can be undone" if act.is_reversible else "cannot be undone"
    return (
        f"{act.question} Needed by {at_place(act.needed_by, zone)}. Options: {options}. "
        f"Recommended: {act.words_of(act.recommendation)}; it {undo}. {cost}"
    )


def _line(told: Told, form: Profile, zone: ZoneInfo) -> Line:
    act = told.act
    details = []
    doing = duty(act)
    if doing:
        details.append(f"{doing[0]} {doing[1]} until {at_place(doing[2], zone)}.")
    if form.detail == "full":
        if act.true_from:
            details.append(f"True from {at_place(act.true_from, zone)}.")
        details.append(f"Known from {at_place(act.known_from, zone)}, recorded {at_place(told.time, zone)}.")
        if act.source:
            details.append(f"Source: {source_words(act)}.")
    return Line(told.record, sentence(act), tuple(details))


def _ordered(found: Iterable[Told], form: Profile) -> list[Told]:
    told = list(found)
    if form.order == "newest":
        return told[::-1]
    if form.order == "uncertain":
        return sorted(told, key=lambda one: KINDS.index(one.act.kind))
    return sorted(told, key=lambda one: -KINDS.index(one.act.kind))


def _updates(promises: list[Promise], at: datetime, zone: ZoneInfo) -> Iterable[str]:
    for party in PARTIES:
        made = [one for one in promises if one.party == party and one.made <= at]
        if made and made[-1].state(at) in ("open", "late"):
            late = ", which is over" if made[-1].state(at) == "late" else ""
            yield f"{party}: by {at_place(made[-1].due_at(at), zone)}{late}."
