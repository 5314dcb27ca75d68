"""Business days by named calendars, from the ``holidays`` library.

A name is a country's code (``US``), with a part of it (``DE-BE``), or ``financial:`` and a market's code
(``financial:NYSE``, ``financial:ECB`` for TARGET).
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from poise.errors import Fault, IncidentError

if TYPE_CHECKING:
    from holidays import HolidayBase

_FINANCIAL: Final = "financial:"


@cache
def calendar_of(name: str) -> HolidayBase:
    """Return the holidays of a calendar.

    Raises
    ------
    IncidentError
        E834 when there is none of this name.
    """
    import holidays

    try:
        if name.startswith(_FINANCIAL):
            return holidays.financial_holidays(name.removeprefix(_FINANCIAL))
        country, _, part = name.partition("-")
        return holidays.country_holidays(country, subdiv=part or None)
    except (NotImplementedError, AttributeError, TypeError, KeyError) as error:
        hint = "Names are those of the holidays library: US, DE-BE, financial:ECB."
        raise IncidentError(Fault("E834", "calendar", f"{name[:40]!r} is not known.", hint)) from error


def is_business_day(day: date, name: str) -> bool:
    """Return whether a day is neither a weekend's nor a holiday of the calendar."""
    return bool(calendar_of(name).is_working_day(day))


def business_days_after(day: date, count: int, name: str) -> date:
    """Return the ``count``-th business day after a day; the day itself never counts."""
    while count:
        day += timedelta(days=1)
        count -= is_business_day(day, name)
    return day


def next_business_day(day: date, name: str) -> date:
    """Return the day itself if it is a business day, else the next one."""
    return day if is_business_day(day, name) else business_days_after(day, 1, name)
