"""When a stage is due: pure arithmetic on anchors."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from poise.incident.clocks.calendars import business_days_after, is_business_day, next_business_day
from poise.incident.clocks.regime import Rule, Stage, Term

#: Moments outside of these years are no incident's, and calendars of holidays do not reach them.
FIRST_YEAR, LAST_YEAR = 1990, 2100
_LAST_SECOND: Final = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Due:
    """What can be said about a stage's limit.

    Parameters
    ----------
    at
        The limit (UTC); None when it cannot be said yet, or never in a number.
    missing
        Anchors and filings that must be known first.
    bound
        The limit that holds already whatever the missing anchors turn out to be (UTC), or None.
    because
        One sentence for each term that counted.
    """

    at: datetime | None
    missing: tuple[str, ...] = ()
    bound: datetime | None = None
    because: tuple[str, ...] = ()


def due_of(rule: Rule, stage: Stage, anchors: Mapping[str, datetime], calendar: str = "") -> Due:
    """Return when a stage is due.

    Parameters
    ----------
    anchors
        Moments by anchor, and by ``sent:STAGE`` for what was filed; each with a time zone.
    calendar
        Business days that count in place of the rule's own.
    """
    names = [name for term in stage.due for name in (term.after, term.void_before) if name is not None]
    missing = tuple(dict.fromkeys(name for name in names if name not in anchors))
    name = calendar or rule.calendar
    zone = ZoneInfo(rule.timezone)
    ends: list[tuple[datetime, Term]] = []
    for term in stage.due:
        if term.after in anchors:
            end = _roll(stage, _end_of(term, anchors[term.after], zone, name), zone, name)
            voided_by = anchors.get(term.void_before) if term.void_before else None
            if voided_by is None or end >= voided_by:
                ends.append((end.astimezone(UTC), term))
    if not ends:
        return Due(None, missing)
    pick = min if stage.combine == "earliest" else max
    at, _ = pick(ends, key=lambda pair: pair[0])
    because = tuple(_words(term, rule, name) for _, term in ends)
    if not missing:
        return Due(at, because=because)
    # Of several limits the earliest counts: one that is known already holds whatever comes, unless it may
    # still be void.
    firm = [end for end, term in ends if term.void_before is None or term.void_before in anchors]
    bound = min(firm) if firm and stage.combine == "earliest" else None
    return Due(None, missing, bound, because)


def _end_of(term: Term, start: datetime, zone: ZoneInfo, calendar: str) -> datetime:
    if term.hours is not None:
        return start.astimezone(UTC) + timedelta(hours=term.hours)
    local = start.astimezone(zone)
    day, clock = local.date(), local.time().replace(tzinfo=None)
    if term.from_year_end:
        day, clock = date(day.year, 12, 31), _LAST_SECOND
    if term.business_days is not None:
        day = business_days_after(day, term.business_days, calendar)
    elif term.days is not None:
        day += timedelta(days=term.days)
    else:
        day = add_months(day, term.months or 0)
    return wall_time(day, clock if term.ends == "same-time" else _LAST_SECOND, zone)


def _roll(stage: Stage, end: datetime, zone: ZoneInfo, calendar: str) -> datetime:
    local = end.astimezone(zone)
    if stage.roll == "none" or is_business_day(local.date(), calendar):
        return end
    day = next_business_day(local.date(), calendar)
    is_noon = stage.roll == "noon-next-business-day"
    return wall_time(day, time(12) if is_noon else _LAST_SECOND, zone)


def add_months(day: date, months: int) -> date:
    """Return the same day some months later; the month's last where it lacks that day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def wall_time(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return a time of day at a place, in UTC; the earlier of its readings where clocks repeat or skip it."""
    early = datetime.combine(day, clock, zone)
    late = early.replace(fold=1)
    # In UTC: Python finds a time that comes twice equal to none of another zone.
    return min(early.astimezone(UTC), late.astimezone(UTC))


def _words(term: Term, rule: Rule, calendar: str) -> str:
    count, unit = next(
        (count, unit)
        for count, unit in (
            (term.hours, "hour"),
            (term.days, "day"),
            (term.business_days, "business day"),
            (term.months, "month"),
        )
        if count is not None
    )
    start = anchor_words(term.after)
    if term.from_year_end:
        start = f"the end of the year of {start}"
    text = f"{count} {unit}{'s' if count > 1 else ''} after {start}"
    return f"{text}, by the calendar {calendar}" if term.business_days else text


def anchor_words(name: str) -> str:
    """Return an anchor or filing in words."""
    stage = name.removeprefix("sent:")
    return f"the filing '{stage}'" if stage != name else f"'{name}'"
