"""Moments as people read them in an incident's sentences: the day in words, and what is in UTC says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo


def in_utc(moment: datetime) -> str:
    """Return a moment in UTC to the minute, as "25 Nov 2026, 12:30 UTC"."""
    there = moment.astimezone(UTC)
    return f"{day(there)}, {there:%H:%M} UTC"


def at_place(moment: datetime, zone: tzinfo, *, is_exact: bool = False) -> str:
    """Return a moment at a place and, where that differs, in UTC.

    Parameters
    ----------
    moment, zone
        Which, and where; the day stands again in UTC only where it is another there.
    is_exact
        Whether seconds that are not zero are told: a clock of the law may end at 23:59:59.
    """
    there, utc = moment.astimezone(zone), moment.astimezone(UTC)
    clock = "%H:%M:%S" if is_exact and moment.second else "%H:%M"
    if not there.utcoffset():
        return f"{day(utc)}, {utc:{clock}} UTC"
    other = "" if there.date() == utc.date() else f"{day(utc)}, "
    return f"{day(there)}, {there:{clock}} {there:%Z} ({other}{utc:{clock}} UTC)"


def day(value: date) -> str:
    """Return a day, as "25 Nov 2026"."""
    return f"{value.day} {value:%b %Y}"
