"""Recurrence rules (RRULE): refuse what cannot be read, and bound what never ends.

Rules are expanded by recurring-ical-events and dateutil, not here. But these count every second
of a century when told to, and never return from ``INTERVAL=0``, so each rule is read strictly
first (RFC 5545, section 3.3.10).
"""

from __future__ import annotations

import math
import re
from calendar import isleap, monthrange
from datetime import date, datetime
from itertools import islice

from dateutil.rrule import rrule, rrulestr

#: Most occurrences that one calendar may have in the asked range, and most steps in which the
#: rules may get there from their start. The densest honest calendar known (hourly backups of a
#: decade) stays below; every second of one day does not.
MAX_OCCURRENCES = 100_000
MAX_STEPS = 1_000_000

_SECONDS = {
    "SECONDLY": 1.0,
    "MINUTELY": 60.0,
    "HOURLY": 3600.0,
    "DAILY": 86_400.0,
    "WEEKLY": 604_800.0,
    "MONTHLY": 2_629_800.0,
    "YEARLY": 31_557_600.0,
}
#: Smallest and largest absolute value of each list, and whether it may be negative.
_LISTS = {
    "BYSECOND": (0, 60, False),
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
}
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")
Parts = dict[str, list[str]]


def parse_rule(text: str) -> tuple[Parts, str]:
    """Split a rule into its parts.

    Returns
    -------
    tuple
        The parts by upper-case name, and what is wrong ("" when nothing is).
    """
    parts: Parts = {}
    for token in text.strip().upper().split(";"):
        if not token:
            continue
        key, equals, value = token.partition("=")
        if not equals or not value:
            return parts, f"part {token[:40]!r} is not NAME=VALUE"
        if key in parts:
            return parts, f"{key} is given twice"
        parts[key] = value.split(",")
        problem = _problem(key, parts[key])
        if problem:
            return parts, problem
    if "FREQ" not in parts:
        return parts, "FREQ is missing"
    if "COUNT" in parts and "UNTIL" in parts:
        return parts, "it has both COUNT and UNTIL, of which only one is allowed"
    return parts, _contradiction(parts, parts["FREQ"][0])


#: Parts that RFC 5545 forbids with some frequencies; a rule that has both mostly matches nothing.
_FORBIDDEN = {
    "BYWEEKNO": ("MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"),
    "BYYEARDAY": ("MONTHLY", "WEEKLY", "DAILY"),
    "BYMONTHDAY": ("WEEKLY",),
}


def _contradiction(parts: Parts, frequency: str) -> str:
    if frequency not in ("MONTHLY", "YEARLY") and any(day[:-2] for day in parts.get("BYDAY", ())):
        return "BYDAY counts days (such as 2TU), which only MONTHLY and YEARLY rules can"
    for key, frequencies in _FORBIDDEN.items():
        if key in parts and frequency in frequencies:
            return f"{key} cannot stand in a {frequency} rule"
    if "BYSETPOS" in parts and frequency in ("DAILY", "HOURLY", "MINUTELY", "SECONDLY"):
        times = [key for key in ("BYHOUR", "BYMINUTE", "BYSECOND") if key in parts]
        size = math.prod(len(parts[key]) for key in times)
        if min(abs(int(position)) for position in parts["BYSETPOS"]) > size:
            return f"BYSETPOS={','.join(parts['BYSETPOS'])[:40]} picks from {size} times of day only"
    return ""


def _problem(key: str, values: list[str]) -> str:
    if key == "FREQ":
        if values[0] not in _SECONDS or len(values) != 1:
            return f"FREQ={','.join(values)[:40]} is not one of {', '.join(_SECONDS)}"
    elif key in ("INTERVAL", "COUNT"):
        if len(values) != 1 or not values[0].isdecimal() or not int(values[0][:9]) >= 1 or len(values[0]) > 9:
            return f"{key}={','.join(values)[:40]} is not a whole number from 1"
    elif key == "UNTIL":
        if len(values) != 1 or not _UNTIL.fullmatch(values[0]):
            return f"UNTIL={','.join(values)[:40]} is not a date (YYYYMMDD) or time (YYYYMMDDTHHMMSSZ)"
    elif key == "BYDAY":
        bad = [value for value in values if not _is_day(value)]
        if bad:
            return f"BYDAY={bad[0][:40]} is not a weekday such as TU, 2TU or -1FR"
    elif key == "WKST":
        if not _DAY.fullmatch(values[0]):
            return f"WKST={values[0][:40]} is not a weekday"
    elif key in _LISTS:
        bad = [value for value in values if not _in_range(key, value)]
        if bad:
            low, high, _ = _LISTS[key]
            return f"{key}={bad[0][:40]} is not in {low} to {high}"
    else:
        return f"{key[:40]} is not a part of a recurrence rule that Poise knows"
    return ""


def _is_day(value: str) -> bool:
    match = _DAY.fullmatch(value)
    return match is not None and (match[1] is None or 1 <= abs(int(match[1])) <= 53)


def _in_range(key: str, value: str) -> bool:
    low, high, may_be_negative = _LISTS[key]
    if not re.fullmatch(r"[+-]?\d{1,3}", value):
        return False
    number = int(value)
    return low <= (abs(number) if may_be_negative else number) <= high


def steps_between(parts: Parts, start: datetime, end: datetime) -> float:
    """Return an upper bound on the occurrences of a rule in a span without zone."""
    days = max(0.0, (end - start).total_seconds() / 86_400.0) + 1.0
    interval = int(parts.get("INTERVAL", ["1"])[0])
    seconds = _SECONDS[parts["FREQ"][0]]
    sizes = {key: len(parts.get(key, ["0"])) for key in ("BYHOUR", "BYMINUTE", "BYSECOND")}
    if seconds >= 86_400.0:
        spread = any(key.startswith("BY") and key not in sizes for key in parts)
        dates = (
            days / (interval if seconds == 86_400.0 else 1) if spread else days * 86_400 / seconds / interval
        )
        bound = (dates + 1) * sizes["BYHOUR"] * sizes["BYMINUTE"] * sizes["BYSECOND"]
    else:
        bound = days * 86_400.0 / seconds / interval
        if seconds >= 3600.0:
            bound *= sizes["BYMINUTE"]
        if seconds >= 60.0:
            bound *= sizes["BYSECOND"]
    is_filtered = any(key.startswith("BY") for key in parts)
    if "COUNT" in parts and (seconds >= 86_400.0 or not is_filtered):
        return min(bound, float(parts["COUNT"][0]))
    return bound


def reaches_count(parts: Parts, start: datetime, end: datetime) -> bool:
    """Return whether a rule with COUNT has used it up by ``end`` (both without zone).

    A rule that matches no day at all would be searched to the year 9999.
    """
    count = int(parts["COUNT"][0])
    text = ";".join(f"{key}={','.join(values)}" for key, values in parts.items() if key != "COUNT")
    unbounded = rrulestr(text, dtstart=start)
    assert isinstance(unbounded, rrule), "One rule without dates makes one rule."
    bounded = unbounded.replace(until=end)
    return sum(1 for _ in islice(bounded, count)) == count


#: Every combination of weekday, day of month and leap year comes up within so many days, 1900 and
#: 2100 apart, which are no leap years [d].
_CYCLE_DAYS = 40 * 366


def matches_some_day(parts: Parts, start: datetime, end: datetime) -> bool:
    """Return whether any day up to ``end`` can be one of the rule's; may say yes wrongly, never no.

    dateutil looks for the next match of a rule such as 30 February until the year 9999, whatever
    its UNTIL, which takes seconds for each rule.
    """
    months = {int(month) for month in parts.get("BYMONTH", ())}
    month_days = {int(day) for day in parts.get("BYMONTHDAY", ())}
    year_days = {int(day) for day in parts.get("BYYEARDAY", ())}
    weekdays = {_WEEKDAYS.index(day[-2:]) for day in parts.get("BYDAY", ())}
    if not (months or month_days or year_days or weekdays):
        return True
    step = int(parts.get("INTERVAL", ["1"])[0]) if parts["FREQ"][0] == "DAILY" else 1
    first = start.toordinal()
    last = min(max(end.toordinal(), first + _CYCLE_DAYS), date.max.toordinal() - 366)
    for ordinal in range(first, last + 1, step):
        day = date.fromordinal(ordinal)
        if months and day.month not in months:
            continue
        if weekdays and day.weekday() not in weekdays:
            continue
        length = monthrange(day.year, day.month)[1]
        if month_days and not {day.day, day.day - length - 1} & month_days:
            continue
        if year_days:
            number = day.timetuple().tm_yday
            if not {number, number - (366 if isleap(day.year) else 365) - 1} & year_days:
                continue
        return True
    return False


def as_naive(value: date | datetime) -> datetime:
    """Return wall-clock time without zone; a date is its midnight."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - wall-clock time on purpose
