"""What people wrote into a form or an address: times in the reader's zone, days, numbers; else E878."""

from __future__ import annotations

import math
from datetime import date, datetime

from django.utils import timezone

from poise.errors import DeskError, Fault
from poise.table.limits import FIRST_YEAR, LAST_YEAR


def moment(text: str, name: str) -> datetime:
    """Return a time; in the reader's zone where it names none.

    Raises
    ------
    DeskError
        E878 when it is no time, or of a year that no calendar of the desk needs.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _unreadable(name, text, "no time", "For example 2026-01-09T16:00.") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        # At the ends of the calendar a time has no equal in other zones.
        raise _unreadable(name, text, f"no time of the years {FIRST_YEAR} to {LAST_YEAR}")
    return found if found.tzinfo else timezone.make_aware(found)


def day(text: str, name: str) -> date:
    """Return a day; E878 when it is none, or of a year as in :func:`moment`."""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise _unreadable(name, text, "no day", "For example 2026-01-09.") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise _unreadable(name, text, f"no day of the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def number(text: str, name: str) -> float:
    """Return a number; E878 when it is none, or not finite."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise _unreadable(name, text, "no number", "For example 1.5.")
    return found


def _unreadable(name: str, text: str, what: str, hint: str = "") -> DeskError:
    return DeskError(Fault("E878", name, f"{text[:40]!r} is {what}.", hint))
