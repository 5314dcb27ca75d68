"""What follows from an estate, for the people who wrote it to check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from poise.errors import EstateError
from poise.estate.calendars import windows
from poise.estate.model import Estate, Window
from poise.estate.window_slots import GroupWindows, calendar_windows, group_windows

#: How far ahead capacity and missing windows are looked for [d]; a plan's usual horizon.
HORIZON_DAYS = 182
#: How many dates of each calendar are listed, and how far ahead they are searched [d].
NUM_DATES = 10
_SEARCH_DAYS = (HORIZON_DAYS, 730, 3650)


@dataclass(frozen=True, slots=True)
class DateLine:
    """One window of a calendar, and the freezes that strike it out for groups of the calendar."""

    window: Window
    #: Freeze id -> how many of the calendar's groups it strikes out.
    struck: dict[str, int]
    num_groups: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What ``poise estate check`` shows.

    Parameters
    ----------
    dates
        Per calendar the next windows, in local time.
    capacity_hours
        Team -> month (``"2026-12"``) -> (usable windows, hours of work in them).
    without_window
        Group -> why it has no window within the horizon.
    assumed
        What stands in for figures nobody gave -> how many records rest on it.
    unused
        Sentences about what is defined and used by nothing.
    """

    dates: dict[str, tuple[DateLine, ...]]
    capacity_hours: dict[str, dict[str, tuple[int, float]]]
    without_window: dict[str, str]
    assumed: dict[str, int]
    unused: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the overview as the JSON object that ``--json`` prints."""
        return {
            "calendars": [
                {"id": id, "windows": [_date_dict(line) for line in lines]}
                for id, lines in self.dates.items()
            ],
            "capacity": [
                {"team": team, "month": month, "windows": count, "hours": hours}
                for team, months in self.capacity_hours.items()
                for month, (count, hours) in months.items()
            ],
            "groups_without_window": [{"group": id, "why": why} for id, why in self.without_window.items()],
            "assumed": [{"what": what, "records": count} for what, count in self.assumed.items()],
            "unused": list(self.unused),
        }


def _date_dict(line: DateLine) -> dict[str, Any]:
    return {
        "start": line.window.start.isoformat(),
        "end": line.window.end.isoformat(),
        "weekday": f"{line.window.start:%A}",
        "summary": line.window.summary,
        "frozen": [
            {"freeze": id, "groups": count, "of": line.num_groups} for id, count in line.struck.items()
        ],
    }


def overview(estate: Estate, now: datetime) -> Overview:
    """Return what follows from an estate at a point in time.

    Raises
    ------
    EstateError
        When a calendar cannot be read.
    """
    end = now + timedelta(days=HORIZON_DAYS)
    slots = group_windows(estate, now, end, calendar_windows(estate, now, end))
    return Overview(
        dates={id: _dates(estate, id, now) for id in estate.calendars},
        capacity_hours=_capacity(estate, slots),
        without_window={id: _why(estate, found) for id, found in slots.items() if not found.windows},
        assumed=assumptions(estate),
        unused=tuple(_unused(estate)),
    )


def _dates(estate: Estate, calendar: str, now: datetime) -> tuple[DateLine, ...]:
    """Return the next windows of a calendar; looks further ahead only as far as it must."""
    found: tuple[Window, ...] = ()
    for days in _SEARCH_DAYS:
        try:
            ahead = windows(estate.calendars[calendar], now, now + timedelta(days=days))
        except EstateError:
            if not found:
                raise
            break
        found = tuple(islice((window for window in ahead if window.start >= now), NUM_DATES))
        if len(found) == NUM_DATES:
            break
    if not found:
        return ()
    own = {id: group for id, group in estate.groups.items() if group.calendar == calendar}
    sketch = Estate(estate.name, estate.currency, estate.timezone, {}, own, {}, {}, freezes=estate.freezes)
    slots = group_windows(sketch, now, max(one.end for one in found), {calendar: found})
    struck: dict[tuple[datetime, datetime], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for slot in slots.values():
        for window, freeze in slot.frozen:
            struck[window.start, window.end][freeze.id] += 1
    return tuple(DateLine(one, dict(struck.get((one.start, one.end), {})), len(own)) for one in found)


def _capacity(estate: Estate, slots: dict[str, GroupWindows]) -> dict[str, dict[str, tuple[int, float]]]:
    usable: dict[str, set[tuple[str, datetime, datetime]]] = {id: set() for id in estate.teams}
    for group in estate.groups.values():
        usable[group.team].update((one.calendar, one.start, one.end) for one in slots[group.id].windows)
    found: dict[str, dict[str, tuple[int, float]]] = {}
    for team, spans in usable.items():
        months: dict[str, int] = defaultdict(int)
        for _, start, _ in sorted(spans):
            months[f"{start:%Y-%m}"] += 1
        hours = estate.teams[team].capacity_minutes / 60.0
        found[team] = {month: (months[month], months[month] * hours) for month in sorted(months)}
    return found


def _why(estate: Estate, found: GroupWindows) -> str:
    group = estate.groups[found.group]
    if found.frozen and not found.too_short:
        names = ", ".join(sorted({freeze.id for _, freeze in found.frozen}))
        return f"all {len(found.frozen)} windows of {group.calendar} are frozen ({names})"
    if found.too_short:
        return f"windows of {group.calendar} are shorter than its {group.reboot_minutes:g} min of downtime"
    return f"calendar {group.calendar} has no window in the next {HORIZON_DAYS} days"


def assumptions(estate: Estate) -> dict[str, int]:
    """Return what stands in for figures nobody gave, with the number of records that rest on it."""
    found: dict[str, int] = defaultdict(int)
    for field in sorted(estate.assumed):
        found[f"{field} of the estate"] += 1
    records: tuple[tuple[str, Any], ...] = (
        ("services", estate.services),
        ("groups", estate.groups),
        ("teams", estate.teams),
    )
    for kind, owners in records:
        for owner in owners.values():
            for field in owner.assumed:
                tier = f" (tier {owner.tier})" if kind == "services" and field != "owner" else ""
                found[f"{field} of {kind}{tier}"] += 1
    return dict(sorted(found.items()))


def _unused(estate: Estate) -> list[str]:
    used = {
        "service": {id for group in estate.groups.values() for id in group.services},
        "team": {group.team for group in estate.groups.values()},
        "calendar": {group.calendar for group in estate.groups.values()},
    }
    declared: dict[str, Iterable[str]] = {
        "service": estate.services,
        "team": estate.teams,
        "calendar": estate.calendars,
    }
    return [
        f"{kind} {id} has no patch group"
        for kind, ids in declared.items()
        for id in ids
        if id not in used[kind]
    ]
