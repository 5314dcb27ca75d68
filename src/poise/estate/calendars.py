"""Occurrences of iCalendar files, strictly read.

Recurrence is expanded by recurring-ical-events; this module decides what is accepted, gives every
fault its line, and brings floating and all-day times into the calendar's declared zone.

An occurrence whose event crosses a clock change keeps its wall-clock end, as calendar programs
show it: a window 22:00 to 06:00 lasts seven or nine hours in that night.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import recurring_ical_events
from icalendar.timezone import tzp

from poise.errors import EstateError, Fault
from poise.estate.ics_text import EventLines, IcsText, scan_text
from poise.estate.model import Calendar, Window
from poise.estate.recurrence import (
    MAX_OCCURRENCES,
    MAX_STEPS,
    as_naive,
    matches_some_day,
    parse_rule,
    reaches_count,
    steps_between,
)
from poise.estate.text import read_text
from poise.strictyaml.faults import Faults, did_you_mean

#: What the two calendar libraries raise on values they cannot make sense of.
_LIBRARY_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
#: Properties that decide when an event takes place; others may be as odd as they like.
_TIMING = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SEQUENCE"})
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "SEQUENCE")
_MAX_EVENT_DAYS = 3660
#: A zone is at most 14 hours off UTC; what is asked for in UTC may stand a day off in the file.
_MARGIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of a calendar event; both ends carry a time zone."""

    start: datetime
    end: datetime
    summary: str
    uid: str
    is_cancelled: bool = False


def zone(name: str) -> ZoneInfo | None:
    """Return the IANA time zone of that name, None when there is none."""
    return _zone(name)


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def _zone_names() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def zone_hint(name: str) -> str:
    """Return a hint for an unknown time zone."""
    near = {known.lower(): known for known in _zone_names()}
    hint = did_you_mean(name, near) if name else ""
    for lower, known in near.items():
        if hint == f"did you mean {lower!r}?":
            return f"did you mean {known!r}?"
    return "use an IANA name such as Europe/Berlin, America/New_York or UTC."


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """An iCalendar file that passed every check that needs no date range."""

    name: str
    components: tuple[Any, ...]
    text: IcsText

    @property
    def display_timezone(self) -> str:
        """Return the file's ``X-WR-TIMEZONE``, "" when it states none that is known."""
        return self.text.display_timezone if zone(self.text.display_timezone or "?") else ""

    def occurrences(self, start: datetime, end: datetime, local: tzinfo) -> tuple[Occurrence, ...]:
        """Return the occurrences that overlap ``[start, end)``, by start, then end, then uid.

        Parameters
        ----------
        start, end
            With time zone.
        local
            Zone of floating and all-day times. Other times keep the zone of the file.

        Raises
        ------
        EstateError
            E103 (an occurrence ends before it starts), E133, E135 (repeats absurdly often).
        """
        self._bound(start, end)
        found: list[Occurrence] = []
        for component in self.components:
            try:
                events = recurring_ical_events.of(component).between(start - _MARGIN, end + _MARGIN)
                found.extend(self._occurrence(event, local) for event in events)
            except EstateError:
                raise
            except _LIBRARY_ERRORS as error:
                raise _unreadable(self.name, self.text, error) from error
        inside = [one for one in found if one.start < end and (one.end > start or one.start >= start)]
        return tuple(sorted(inside, key=lambda one: (one.start, one.end, one.uid, one.summary)))

    def _occurrence(self, event: Any, local: tzinfo) -> Occurrence:
        start = _aware(event["DTSTART"].dt, local)
        end = _aware(event["DTEND"].dt, local)
        summary = str(event.get("SUMMARY", ""))
        if end < start:
            line = min((one.line_of("RDATE") for one in self.text.events if one.first("RDATE")), default=1)
            raise EstateError(
                Fault(
                    "E103",
                    f"{self.name}:{line}",
                    f"the occurrence {summary!r} of {start.isoformat()} ends at {end.isoformat()}, "
                    "before it starts.",
                )
            )
        is_cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
        return Occurrence(start, end, summary, str(event.get("UID", "")), is_cancelled)

    def _bound(self, start: datetime, end: datetime) -> None:
        """Refuse rules that repeat absurdly often, and end those that would never stop searching."""
        total = 0.0
        first, last = as_naive(start.astimezone(UTC)), as_naive(end.astimezone(UTC)) + _MARGIN
        for event, lines in self._events():
            rules = []
            for line in lines.all("RRULE"):
                parts, _ = parse_rule(line.value)
                # Read afresh: an earlier call may have ended the rule at its own range.
                rule = icalendar.vRecur.from_ical(line.value)
                begin = as_naive(event["DTSTART"].dt)
                until = min(last - _MARGIN, as_naive(rule["UNTIL"][0])) + _MARGIN if "UNTIL" in rule else last
                total += steps_between(parts, max(begin, first), until)
                steps = steps_between(parts, begin, until)
                if total > MAX_OCCURRENCES or steps > MAX_STEPS:
                    raise EstateError(
                        Fault(
                            "E135",
                            f"{self.name}:{line.number}",
                            f"RRULE {line.value[:80]!r} repeats too often: at most {MAX_OCCURRENCES:,} "
                            "occurrences of a calendar are listed at once.",
                            "ask for a shorter range, or make the rule coarser.",
                        )
                    )
                if not matches_some_day(parts, begin, until):
                    continue
                rules.append(rule)
                if "COUNT" not in parts or not reaches_count(parts, begin, max(last, begin)):
                    _end_rule(rule, event["DTSTART"].dt, until)
            if rules:
                event["RRULE"] = rules
            else:
                event.pop("RRULE", None)

    def _events(self) -> list[tuple[Any, EventLines]]:
        events = [event for component in self.components for event in component.walk("VEVENT")]
        return list(zip(events, self.text.events, strict=True))


def _end_rule(rule: Any, start: date | datetime, last: datetime) -> None:
    """Give a rule an UNTIL a year after the asked range, of the type that its DTSTART has.

    The year leaves room for occurrences that were moved forward by up to that much.
    """
    try:
        value = last + timedelta(days=366)
    except OverflowError:
        return
    if "UNTIL" in rule and as_naive(rule["UNTIL"][0]) <= value:
        return
    rule.pop("COUNT", None)
    if not isinstance(start, datetime):
        rule["UNTIL"] = [value.date()]
    else:
        rule["UNTIL"] = [value.replace(tzinfo=UTC) if start.tzinfo else value]


def _aware(value: date | datetime, local: tzinfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    aware = value if value.tzinfo else value.replace(tzinfo=local)
    # A wall-clock time that the spring change skips is given the hour that clocks then show.
    return aware.astimezone(UTC).astimezone(aware.tzinfo)


def _unreadable(name: str, text: IcsText, error: BaseException) -> EstateError:
    line = text.first_bad_line or (text.events[0].number if text.events else 1)
    reason = str(error).split("\n", maxsplit=1)[0][:160] or type(error).__name__
    return EstateError(Fault("E133", f"{name}:{line}", f"the event cannot be read: {reason}."))


def read_calendar(path: Path, name: str = "") -> CalendarFile:
    """Read an iCalendar file.

    Parameters
    ----------
    path
        The file.
    name
        How faults call it; the file's name when empty.

    Raises
    ------
    EstateError
        With every fault of the file: E100 to E103, E106, E130 to E134, E136.
    """
    name = name or path.name
    text = read_text(path, name)
    faults = Faults()
    found = scan_text(text, name, faults)
    faults.raise_if_any()
    for event in found.events:
        _check_lines(name, event, faults)
    faults.raise_if_any()
    # The library keeps zones of files that it read before under their TZID, and would use another
    # company's "Custom" zone for this file.
    tzp.use_default()
    try:
        parsed = icalendar.Calendar.from_ical(text, multiple=True)
    except _LIBRARY_ERRORS as error:
        raise _unreadable(name, found, error) from error
    calendar = CalendarFile(name, tuple(_wrapped(component) for component in parsed), found)
    for event, lines in calendar._events():
        _check_event(name, event, lines, found, faults)
    faults.raise_if_any()
    return calendar


def _wrapped(component: Any) -> Any:
    """Return a calendar; an event that stands alone is put into one."""
    if component.name == "VCALENDAR":
        return component
    calendar = icalendar.Calendar()
    calendar.add_component(component)
    return calendar


def _check_lines(name: str, event: EventLines, faults: Faults) -> None:
    """Check what the library would stumble over or never come back from."""
    if event.first("DTSTART") is None:
        faults.add(
            "E132",
            f"{name}:{event.number}",
            "the event has no DTSTART; expected when it starts.",
            "add a line such as DTSTART;TZID=Europe/Berlin:20260110T220000.",
        )
    for once in _ONCE:
        for line in event.all(once)[1:]:
            faults.add("E108", f"{name}:{line.number}", f"{once} is given twice in one event.")
    for line in event.all("RRULE"):
        _, problem = parse_rule(line.value)
        if problem:
            faults.add("E134", f"{name}:{line.number}", f"the recurrence rule cannot be read: {problem}.")
    for kind in ("RDATE", "EXDATE"):
        for line in event.all(kind):
            if line.value.count(",") >= MAX_OCCURRENCES:
                faults.add("E135", f"{name}:{line.number}", f"{kind} lists over {MAX_OCCURRENCES:,} dates.")


def _check_event(name: str, event: Any, lines: EventLines, text: IcsText, faults: Faults) -> None:
    """Check the values that the library read."""
    broken = [(prop, reason) for prop, reason in event.errors if prop in _TIMING]
    for prop, reason in broken:
        summary = str(reason).split("\n", maxsplit=1)[0][:160]
        faults.add("E133", f"{name}:{lines.line_of(prop)}", f"{prop} cannot be read: {summary}.")
    for line in lines.lines:
        if line.tzid and line.tzid not in text.timezones and tzp.timezone(line.tzid) is None:
            faults.add(
                "E136",
                f"{name}:{line.number}",
                f"{line.name} is in the time zone {line.tzid!r}, which the file does not define.",
                zone_hint(line.tzid),
            )
    if not broken:
        _check_length(name, event, lines, faults)


def _check_length(name: str, event: Any, lines: EventLines, faults: Faults) -> None:
    line = lines.line_of("DTEND" if "DTEND" in event else "DURATION")
    try:
        start = event["DTSTART"].dt
        length = _length(event, start)
    except _LIBRARY_ERRORS:
        faults.add("E133", f"{name}:{line}", "start, end and duration of the event do not fit together.")
        return
    if length < timedelta(0):
        faults.add(
            "E103",
            f"{name}:{line}",
            f"the window ends {start + length} before it starts {start}.",
            "put the end on the next day if the window runs past midnight.",
        )
    elif length > timedelta(days=_MAX_EVENT_DAYS):
        faults.add(
            "E133", f"{name}:{line}", f"the event lasts {length.days:,} days; expected at most ten years."
        )


def _length(event: Any, start: date | datetime) -> timedelta:
    if "DTEND" not in event:
        return event["DURATION"].dt if "DURATION" in event else timedelta(0)
    end = event["DTEND"].dt
    if isinstance(start, datetime) and isinstance(end, datetime) and start.tzinfo and end.tzinfo:
        return end.astimezone(UTC) - start.astimezone(UTC)
    return as_naive(end) - as_naive(start)


def windows(calendar: Calendar, start: datetime, end: datetime) -> tuple[Window, ...]:
    """Return the maintenance windows of a calendar that overlap ``[start, end)``.

    Cancelled occurrences (STATUS:CANCELLED) are left out. Times are in the calendar's zone.

    Raises
    ------
    EstateError
        When the file cannot be read; see :func:`read_calendar`.
    """
    local = zone(calendar.timezone)
    if local is None:
        raise EstateError(
            Fault(
                "E114",
                calendar.id,
                f"time zone {calendar.timezone!r} is not known.",
                zone_hint(calendar.timezone),
            )
        )
    return tuple(
        Window(calendar.id, one.start.astimezone(local), one.end.astimezone(local), one.summary)
        for one in read_calendar(Path(calendar.path)).occurrences(start, end, local)
        if not one.is_cancelled
    )
