"""When each patch group may be opened, and what an hour of downtime then costs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from poise.errors import EstateError
from poise.estate.calendars import windows
from poise.estate.model import Estate, Freeze, PatchGroup, Service, Window
from poise.strictyaml.faults import Faults


@dataclass(frozen=True, slots=True)
class GroupWindows:
    """The concrete windows of one patch group between now and the horizon.

    Parameters
    ----------
    windows
        Those that may be used, by start; no two have the same start and end.
    frozen
        Those that a freeze strikes out, with the freeze.
    too_short
        Those that are shorter than the group's planned downtime.
    """

    group: str
    windows: tuple[Window, ...]
    frozen: tuple[tuple[Window, Freeze], ...] = ()
    too_short: tuple[Window, ...] = ()


def calendar_windows(estate: Estate, start: datetime, end: datetime) -> dict[str, tuple[Window, ...]]:
    """Return the windows of every calendar that start at or after ``start`` and end by ``end``.

    A window in progress at ``start`` is too late to plan for. Occurrences that several events of a
    calendar give with the same start and end are one window.

    Raises
    ------
    EstateError
        With the faults of every calendar that cannot be read.
    """
    found: dict[str, tuple[Window, ...]] = {}
    faults = Faults()
    for calendar in estate.calendars.values():
        try:
            inside = (
                window
                for window in windows(calendar, start, end)
                if window.start >= start and window.end <= end
            )
            distinct = {(window.start, window.end): window for window in inside}
            found[calendar.id] = tuple(distinct.values())
        except EstateError as error:
            faults.extend(error.faults)
    faults.raise_if_any()
    return found


def group_windows(
    estate: Estate,
    now: datetime,
    horizon_end: datetime,
    by_calendar: Mapping[str, tuple[Window, ...]] | None = None,
) -> dict[str, GroupWindows]:
    """Return for every patch group the windows in which it may be opened.

    A window that overlaps a freeze at all is out: half a window is not a plan. A freeze touches a
    group when its scope is empty or names the group, its team or one of its services.

    Parameters
    ----------
    now, horizon_end
        With time zone.
    by_calendar
        What :func:`calendar_windows` returned, when the caller has it already.

    Raises
    ------
    EstateError
        When a calendar cannot be read.
    """
    if by_calendar is None:
        by_calendar = calendar_windows(estate, now, horizon_end)
    index = _FreezeIndex(
        freeze for freeze in estate.freezes if freeze.end > now and freeze.start < horizon_end
    )
    found: dict[str, GroupWindows] = {}
    for group in estate.groups.values():
        usable: list[Window] = []
        frozen: list[tuple[Window, Freeze]] = []
        too_short: list[Window] = []
        for window in by_calendar.get(group.calendar, ()):
            freeze = index.over(group, window)
            if freeze is not None:
                frozen.append((window, freeze))
            elif _length(window) < timedelta(minutes=group.reboot_minutes) or _length(window) <= timedelta(0):
                too_short.append(window)
            else:
                usable.append(window)
        found[group.id] = GroupWindows(group.id, tuple(usable), tuple(frozen), tuple(too_short))
    return found


def _length(window: Window) -> timedelta:
    return window.end.astimezone(UTC) - window.start.astimezone(UTC)


class _FreezeIndex:
    """Finds the first freeze over a window; 5,000 groups ask for each of their windows."""

    def __init__(self, freezes: Iterable[Freeze]) -> None:
        self._by_scope: dict[str, list[Freeze]] = {}
        for freeze in sorted(freezes, key=lambda one: one.start):
            for name in freeze.scope or ("",):
                self._by_scope.setdefault(name, []).append(freeze)
        self._starts = {
            name: [freeze.start for freeze in freezes] for name, freezes in self._by_scope.items()
        }

    def over(self, group: PatchGroup, window: Window) -> Freeze | None:
        """Return the earliest freeze that overlaps the window, None when there is none."""
        for name in ("", group.id, group.team, *group.services):
            for freeze in self._by_scope.get(name, ())[: bisect_left(self._starts.get(name, ()), window.end)]:
                if freeze.end > window.start:
                    return freeze
        return None


def downtime_cost(service: Service, start: datetime, minutes: float) -> float:
    """Return what the downtime of a service costs [money].

    The integral of ``downtime_cost_per_hour`` over the service's local hours. Clock changes count
    as they happen: the day that springs forward has 23 hours, the one that falls back 25.

    Parameters
    ----------
    start
        With time zone.
    minutes
        Length of the downtime [min], >= 0.
    """
    if minutes < 0:
        raise ValueError(f"Expected minutes >= 0, got {minutes}.")
    local = ZoneInfo(service.timezone)
    at = start.astimezone(UTC)
    left = minutes
    cost = 0.0
    while left > 0.0:
        clock = at.astimezone(local)
        to_next_hour = 60.0 - clock.minute - (clock.second + clock.microsecond / 1e6) / 60.0
        step = min(left, to_next_hour)
        cost += float(service.downtime_cost_per_hour[clock.weekday(), clock.hour]) * step / 60.0
        left -= step
        if left > 0.0:
            # Whole microseconds, so that the next step starts on the hour.
            at += timedelta(microseconds=round(step * 6e7))
    return cost
