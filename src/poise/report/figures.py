"""How numbers are written: rounded to what they can bear, with their unit each time.

Money is rounded to three significant digits, the ends of a range to two: the ranges of the owners'
losses span a factor of ten, and more digits would claim what nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

#: No-break space, minus and narrow signs.
NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
UNKNOWN = "not known"

_MILLION = 1e6
# Not strftime: a locale that a host program sets would change the bytes of the report.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def significant(value: float, digits: int) -> float:
    """Return a value rounded to so many significant digits; 0 stays 0."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def amount(value: float, digits: int = 3) -> str:
    """Return a bare number with separated thousands: ``"291,000"``, ``"12.4 million"``, ``"0.61"``."""
    if not math.isfinite(value):
        return UNKNOWN
    rounded = significant(value, digits)
    sign = MINUS if rounded < 0 else ""
    size = abs(rounded)
    if size >= 10 * _MILLION:
        return f"{sign}{_plain(size / _MILLION, digits)}{NBSP}million"
    return sign + _plain(size, digits)


def _plain(size: float, digits: int) -> str:
    if size == 0 or size >= 10 ** (digits - 1):
        return f"{size:,.0f}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return f"{size:,.{min(decimals, 2 if size >= 0.1 else decimals)}f}"


@dataclass(frozen=True)
class Money:
    """Writes money of one currency."""

    currency: str

    def __call__(self, value: float, digits: int = 3) -> str:
        """Return ``"EUR 291,000"``."""
        if 0 < value < 0.01:
            return f"under {self.currency}{NBSP}0.01"
        written = amount(value, digits)
        return written if written == UNKNOWN else f"{self.currency}{NBSP}{written}"

    def range(self, low: float, high: float) -> str:
        """Return ``"EUR 100,000 to 670,000"``."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return UNKNOWN
        return f"{self.currency}{NBSP}{amount(low, 2)} to{NBSP}{amount(high, 2)}"


def count(value: int) -> str:
    """Return a count with separated thousands."""
    return f"{value:,}"


def plural(value: int, one: str, many: str = "") -> str:
    """Return ``"1 change"`` or ``"2 changes"``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def hours(value: float) -> str:
    """Return hours: ``"43 h"``, ``"2.5 h"``, ``"0 h"``."""
    if not math.isfinite(value):
        return UNKNOWN
    written = f"{value:,.0f}" if value == 0 or value >= 10 else f"{value:.1f}".removesuffix(".0")
    return f"{written}{NBSP}h"


def minutes(value: float) -> str:
    """Return minutes below two hours, hours from there: ``"45 min"``, ``"2.5 h"``."""
    return f"{value:,.0f}{NBSP}min" if value < 120 else hours(value / 60)


def percent(fraction: float | None, unknown: str = UNKNOWN) -> str:
    """Return ``"71 %"``; two digits below ten, ``"under 0.1 %"`` for what is small but not nothing."""
    if fraction is None or not math.isfinite(fraction):
        return unknown
    value = fraction * 100
    if value == 0:
        return f"0{NBSP}%"
    if 0 < value < 0.1:
        return f"under 0.1{NBSP}%"
    written = f"{abs(value):,.0f}" if abs(value) >= 10 else f"{abs(value):.1f}".removesuffix(".0")
    return f"{MINUS if value < 0 else ''}{written}{NBSP}%"


def day(value: date) -> str:
    """Return ``"5 Jan 2026"``."""
    return f"{value.day}{NBSP}{month(value)}{NBSP}{value.year}"


def month(value: date) -> str:
    """Return ``"Jan"``."""
    return _MONTHS[value.month - 1]


def days(values: Iterable[date]) -> str:
    """Return dates by month: ``"Jan 2026: 10, 17, 24; Feb 2026: 7"``."""
    months: dict[tuple[int, int], list[date]] = {}
    for value in sorted(values):
        months.setdefault((value.year, value.month), []).append(value)
    return "; ".join(
        f"{month(dates[0])}{NBSP}{year}: {', '.join(str(value.day) for value in dates)}"
        for (year, _), dates in months.items()
    )


def moment(value: datetime, zone: ZoneInfo) -> str:
    """Return ``"Sat 10 Jan 2026, 22:00"`` on the company's clock."""
    local = value.astimezone(zone)
    return f"{_WEEKDAYS[local.weekday()]}{NBSP}{day(local)}, {local:%H:%M}"


def span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Return ``"Sat 10 Jan 2026, 22:00 to 04:00"``; the end's day is told where it is not the next."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if (last.date() - first.date()).days <= 1:
        return f"{moment(first, zone)} to{NBSP}{last:%H:%M}"
    return f"{moment(first, zone)} to {moment(last, zone)}"
