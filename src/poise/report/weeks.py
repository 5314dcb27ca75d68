"""The weeks of the shown plan: downtime by service, labour by team, and freezes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from poise.patching.document import FreezeEntry
from poise.patching.lookup import Lookup
from poise.report.figures import (
    NBSP,
    count,
    day,
    hours,
    minutes,
    month,
    percent,
    plural,
    span,
)
from poise.report.grid_chart import Cell, GridRow, grid_chart
from poise.report.markup import Child, Markup, element
from poise.report.tables import Column, disclosure, scrolling, table, under

#: Services drawn in the grid; the table behind it has all.
_MOST_ROWS = 40
#: Visits of one window told one by one.
_MOST_VISITS = 300


def week_of(moment_: datetime) -> date:
    """Return the Monday of a moment's week on its own clock."""
    return moment_.date() - timedelta(days=moment_.weekday())


def weeks_of(lookup: Lookup) -> list[date]:
    """Return the Mondays of all weeks from ``now`` to the end of the horizon."""
    first = week_of(lookup.local(lookup.document.now))
    last = week_of(lookup.local(lookup.document.horizon_end))
    return [first + timedelta(weeks=index) for index in range((last - first).days // 7 + 1)]


def freezes(lookup: Lookup) -> Markup:
    """Return the change freezes that touch the horizon."""
    entries = lookup.document.freezes
    if not entries:
        return element("p", "No change freeze touches the horizon.")
    return element(
        "div",
        element("p", "Hatched weeks are touched by a change freeze; nothing in its scope is changed then:"),
        element("ul", [element("li", _freeze_words(lookup, freeze)) for freeze in entries]),
    )


def _freeze_words(lookup: Lookup, freeze: FreezeEntry) -> str:
    scope = ", ".join(lookup.service_name(name) for name in freeze.scope) or "everything"
    reason = freeze.reason or freeze.id
    return f"{span(freeze.start, freeze.end, lookup.zone)}: {reason} ({freeze.kind}; {scope})."


def _frozen_weeks(lookup: Lookup, names: Iterable[str]) -> set[date]:
    """Return the weeks in which a freeze touches one of the named things."""
    known = set(names)
    weeks: set[date] = set()
    for freeze in lookup.document.freezes:
        if freeze.scope and not known.intersection(freeze.scope):
            continue
        start, end = lookup.local(freeze.start), lookup.local(freeze.end)
        weeks.update(
            week
            for week in weeks_of(lookup)
            if week <= (end - timedelta(seconds=1)).date() and week + timedelta(days=7) > start.date()
        )
    return weeks


def service_weeks(lookup: Lookup) -> Markup:
    """Return the grid of planned downtime by service and week, with its table."""
    weeks = weeks_of(lookup)
    down: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    reduced: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    visits: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for placed in lookup.placed:
        week = week_of(lookup.local(placed.window.start))
        for service in placed.group.services:
            # One half of a cluster down is less capacity, not a service down.
            into = reduced if placed.group.redundant_with else down
            into[service][week] += placed.visit.downtime_minutes
            visits[service][week] += 1
    totals = {service: sum(down[service].values()) for service in visits}
    names = sorted(visits, key=lambda service: (-totals[service], service))
    most = max((value for row in down.values() for value in row.values()), default=0.0) or 1.0
    rows = []
    for service in names[:_MOST_ROWS]:
        groups = {group.id for group in lookup.document.groups if service in group.services}
        frozen = _frozen_weeks(lookup, {service} | groups)
        cells = []
        for week in weeks:
            number, off, less = visits[service][week], down[service][week], reduced[service][week]
            cells.append(
                Cell(
                    words=_downtime_words(number, off, less),
                    level=off / most,
                    title=f"{lookup.service_name(service)}, week of {day(week)}: {plural(number, 'visit')}, "
                    f"{minutes(off)} down, {minutes(less)} with less capacity"
                    + (", change freeze" if week in frozen else ""),
                    is_frozen=week in frozen,
                )
            )
        rows.append(GridRow(lookup.service_name(service), tuple(cells)))
    caption = (
        "Minutes of planned downtime per service and week. A number in brackets is time with one half of a "
        "cluster down: less capacity, not an outage. 0 is a visit without downtime."
    )
    return element(
        "figure",
        scrolling(
            grid_chart(weeks, rows, f"Planned downtime of {len(rows)} services by week.", "services"),
            "Planned downtime by week",
        ),
        element("figcaption", caption),
        disclosure("The numbers by service", _service_table(lookup, names, visits, down, reduced)),
    )


def _downtime_words(number: int, off: float, less: float) -> str:
    if number == 0:
        return ""
    if off == 0 and less > 0:
        return f"({less:.0f})"
    return f"{off:.0f}" if off < 1000 else f"{off / 60:.0f}h"


def _service_table(
    lookup: Lookup,
    names: list[str],
    visits: dict[str, dict[date, int]],
    down: dict[str, dict[date, float]],
    reduced: dict[str, dict[date, float]],
) -> Markup:
    columns = (
        Column("Service"),
        Column("Visits", is_number=True),
        Column("Down", is_number=True),
        Column("With less capacity", is_number=True),
        Column("Weeks with visits"),
    )
    rows: list[list[Child]] = [
        [
            lookup.service_name(service),
            count(sum(visits[service].values())),
            minutes(sum(down[service].values())),
            minutes(sum(reduced[service].values())),
            ", ".join(
                f"{week.day}{NBSP}{month(week)} ({plural(number, 'visit')}, {minutes(down[service][week])})"
                for week, number in sorted(visits[service].items())
                if number
            ),
        ]
        for service in names
    ]
    return table("Visits and planned downtime by service and week.", columns, rows)


def team_weeks(lookup: Lookup) -> Markup:
    """Return the grid of labour by team and week, with its table."""
    weeks = weeks_of(lookup)
    used: dict[tuple[str, int], float] = defaultdict(float)
    for placed in lookup.placed:
        used[placed.group.team, placed.window.id] += placed.visit.labour_minutes
    fullest: dict[str, dict[date, float]] = defaultdict(dict)
    total: dict[str, float] = defaultdict(float)
    for (team, window), labour in used.items():
        week = week_of(lookup.local(lookup.windows[window].start))
        fullest[team][week] = max(fullest[team].get(week, 0.0), labour)
        total[team] += labour
    rows = []
    for team in sorted(fullest):
        capacity = lookup.teams[team].capacity_minutes if team in lookup.teams else 0.0
        frozen = _frozen_weeks(lookup, {team})
        name = lookup.team_name(team)
        cells = [
            _labour_cell(name, week, fullest[team].get(week), capacity, week in frozen) for week in weeks
        ]
        rows.append(GridRow(name, tuple(cells)))
    caption = (
        "Labour used in the fullest window of each week, in per cent of what the team can do in one window."
    )
    chart = grid_chart(weeks, rows, f"Labour of {len(rows)} teams by week.", "teams")
    return element(
        "figure",
        scrolling(chart, "Labour by week"),
        element("figcaption", caption),
        disclosure("The numbers by team", _team_table(lookup, fullest, total)),
    )


def _team_table(lookup: Lookup, fullest: dict[str, dict[date, float]], total: dict[str, float]) -> Markup:
    columns = (
        Column("Team"),
        Column("Labour in the plan", is_number=True),
        Column("Capacity per window", is_number=True),
        Column("Fullest window"),
        Column("Changes that fail", under="and where that is from"),
    )
    rows: list[list[Child]] = []
    for team in sorted(fullest):
        entry = lookup.teams.get(team)
        peak = max(fullest[team], key=lambda week: fullest[team][week])
        capacity = entry.capacity_minutes if entry else 0.0
        rows.append(
            [
                lookup.team_name(team),
                hours(total[team] / 60),
                minutes(capacity) if entry else "not known",
                f"{_fill_words(fullest[team][peak], capacity)}, week of {day(peak)}",
                [percent(entry.failure_probability), under(entry.failure_source)] if entry else "not known",
            ]
        )
    return table("Labour by team.", columns, rows)


def _labour_cell(name: str, week: date, used: float | None, capacity: float, is_frozen: bool) -> Cell:
    freeze = ", change freeze" if is_frozen else ""
    if used is None:
        return Cell("", 0.0, f"{name}, week of {day(week)}: no visit{freeze}", is_frozen)
    share = used / capacity if capacity > 0 else 0.0
    title = (
        f"{name}, week of {day(week)}: {minutes(used)} of {minutes(capacity)} in the fullest window{freeze}"
    )
    return Cell(f"{share * 100:.0f}" if capacity > 0 else "?", share, title, is_frozen)


def _fill_words(used: float, capacity: float) -> str:
    return f"{percent(used / capacity)} of capacity" if capacity > 0 else "no capacity stated"
