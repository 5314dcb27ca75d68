"""The shown plan for the tools of others: a calendar and change requests.

Every function takes a :class:`~poise.patching.document.PlanDocument` and returns the bytes of
one file; the same document gives the same bytes. ``docs/outputs.md`` says how to import each.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

import icalendar

from poise.patching.document import ChangeEntry, PlanDocument
from poise.patching.lookup import Lookup, Placed, failure_probability_of, vulnerabilities_of

#: Vulnerability ids told per change in a text; a kernel update can remove hundreds.
MAX_IDS_IN_TEXT = 40

PLAN_COLUMNS = (
    "short_description",
    "description",
    "assignment_group",
    "planned_start",
    "planned_end",
    "cmdb_ci",
    "services",
    "type",
    "risk",
    "downtime_minutes",
    "labour_minutes",
    "changes",
    "vulnerabilities",
    "backout",
    "poise_visit",
    "poise_plan",
)

CHANGE_COLUMNS = (
    "change",
    "planned",
    "planned_start",
    "planned_end",
    "group",
    "team",
    "services",
    "remedy",
    "vulnerabilities",
    "num_assets",
    "severity",
    "cvss_max",
    "epss_max",
    "known_exploited",
    "ransomware",
    "deadline",
    "deadline_source",
    "late",
    "exposure_per_day",
    "currency",
    "needs_reboot",
    "assumed",
)

#: First characters that make a spreadsheet read a cell as a formula, with their wide forms.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def plan_ics(document: PlanDocument) -> bytes:
    """Return ``plan.ics``: one event per visit of the shown plan.

    Start and end carry the document's time zone, ``DTSTAMP`` is ``document.now``. The UID
    depends on company, group and start only, so that importing a newer plan updates the visits that stayed.
    """
    lookup = Lookup(document)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Poise//Patch plan//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _one_line(f"Patch plan of {document.company}"))
    calendar.add("x-wr-timezone", lookup.zone.key)
    for placed in lookup.placed:
        calendar.add_component(_event(lookup, placed))
    calendar.add_missing_timezones(
        first_date=(document.now - timedelta(days=366)).date(),
        last_date=(document.horizon_end + timedelta(days=366)).date(),
    )
    return bytes(calendar.to_ical())


def plan_csv(document: PlanDocument) -> bytes:
    """Return ``plan.csv``: one change request per visit of the shown plan, in UTF-8."""
    lookup = Lookup(document)
    return _table(PLAN_COLUMNS, (_request(lookup, placed) for placed in lookup.placed))


def changes_csv(document: PlanDocument) -> bytes:
    """Return ``changes.csv``: one row per change, planned or not, in UTF-8."""
    lookup = Lookup(document)
    late = {entry.change for entry in lookup.schedule.late}
    return _table(CHANGE_COLUMNS, (_change_row(lookup, change, late) for change in document.changes))


def visit_id(document: PlanDocument, placed: Placed) -> str:
    """Return the stable id of a visit: a UUID of company, group and start of the window in UTC."""
    moment = placed.window.start.timestamp()
    return str(uuid5(NAMESPACE_URL, f"poise:visit:{document.company}:{placed.group.id}:{moment:.0f}"))


def backout_of(placed: Placed) -> str:
    """Return what to prepare so that a visit can be undone."""
    reboot = any(change.needs_reboot for change in placed.changes)
    steps = [
        "Before the start: snapshot or back up each host and note the installed versions.",
        f"If a check fails: reinstall the noted versions{', restart' if reboot else ''} and check again.",
    ]
    if placed.group.redundant_with:
        steps.append(f"Load stays on {', '.join(placed.group.redundant_with)} until the check has passed.")
    return " ".join(steps)


def _event(lookup: Lookup, placed: Placed) -> icalendar.Event:
    document, window = lookup.document, placed.window
    event = icalendar.Event()
    event.add("uid", visit_id(document, placed))
    event.add("dtstamp", document.now)
    event.add("dtstart", lookup.local(window.start))
    event.add("dtend", lookup.local(window.end))
    event.add("summary", _summary(placed))
    event.add("description", _description(lookup, placed))
    categories = ["Patch", _one_line(lookup.team_name(placed.group.team))]
    event.add("categories", [*categories, "Emergency"] if window.is_emergency else categories)
    event.add("status", "TENTATIVE")  # nothing is agreed before both parties have signed
    event.add("transp", "OPAQUE")
    return event


def _summary(placed: Placed) -> str:
    count = len(placed.changes)
    text = f"Patch {placed.group.id}: {count:,} change{'s' if count != 1 else ''}"
    return _one_line(f"Emergency: {text}" if placed.window.is_emergency else text)


def _description(lookup: Lookup, placed: Placed) -> str:
    visit, group = placed.visit, placed.group
    services = ", ".join(lookup.service_name(service) for service in group.services) or "none named"
    lines = [
        "Emergency window, outside the calendar." if placed.window.is_emergency else "",
        f"Services: {services}",
        f"Team: {lookup.team_name(group.team)}",
        f"Hosts: {_some(group.hosts)}",
        f"Planned downtime: {visit.downtime_minutes:,.0f} min. Labour: {visit.labour_minutes:,.0f} min.",
        f"Rollout ring: {group.ring}, stage {group.ring_stage}" if group.ring else "",
        "Changes:",
        *(f"- {change.remedy} ({change.id}): {_some(change.vulnerabilities)}" for change in placed.changes),
        f"Rollback: {backout_of(placed)}",
    ]
    return "\n".join(_one_line(line) for line in lines if line)


def _request(lookup: Lookup, placed: Placed) -> list[str]:
    visit, group = placed.visit, placed.group
    chance = failure_probability_of(placed)
    return [
        _summary(placed),
        _description(lookup, placed),
        lookup.team_name(group.team),
        lookup.local(placed.window.start).isoformat(),
        lookup.local(placed.window.end).isoformat(),
        group.id,
        "; ".join(lookup.service_name(service) for service in group.services),
        "emergency" if placed.window.is_emergency else "normal",
        f"{chance:.0%} chance that at least one of {len(placed.changes):,} changes fails",
        f"{visit.downtime_minutes:.0f}",
        f"{visit.labour_minutes:.0f}",
        "; ".join(visit.changes),
        "; ".join(vulnerabilities_of(placed)),
        backout_of(placed),
        visit_id(lookup.document, placed),
        lookup.document.shown,
    ]


def _change_row(lookup: Lookup, change: ChangeEntry, late: set[str]) -> list[str]:
    placed = lookup.placed_of_change.get(change.id)
    group = lookup.groups[change.group]
    return [
        change.id,
        "yes" if placed else "not in the horizon",
        lookup.local(placed.window.start).isoformat() if placed else "",
        lookup.local(placed.window.end).isoformat() if placed else "",
        group.id,
        lookup.team_name(group.team),
        "; ".join(lookup.service_name(service) for service in group.services),
        change.remedy,
        "; ".join(change.vulnerabilities),
        str(change.num_assets),
        change.severity,
        "" if change.cvss_max is None else f"{change.cvss_max:g}",
        "" if change.epss_max is None else f"{change.epss_max:g}",
        "yes" if change.is_kev else "no",
        "yes" if change.is_ransomware else "no",
        change.deadline.isoformat() if change.deadline else "",
        change.deadline_source,
        "yes" if change.id in late else "no",
        f"{change.exposure_per_day:.4g}",
        lookup.document.currency,
        "yes" if change.needs_reboot else "no",
        "; ".join(change.assumed),
    ]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_inert(cell) for cell in row])
    return text.getvalue().encode("utf-8", errors="replace")


def _inert(cell: str) -> str:
    """Quote a cell that a spreadsheet would run as a formula, also behind spaces."""
    text = cell.replace("\x00", "�")
    starts = text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)
    return f"'{text}" if starts else text


def _one_line(text: str) -> str:
    """Return text without line breaks and control characters, which some calendars do not survive."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _some(names: Sequence[str]) -> str:
    told = ", ".join(names[:MAX_IDS_IN_TEXT])
    more = len(names) - MAX_IDS_IN_TEXT
    return f"{told} and {more:,} more (plan.json)" if more > 0 else told or "none named"
