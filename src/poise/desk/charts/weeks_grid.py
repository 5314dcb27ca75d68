"""A plan as services by weeks: planned downtime, what moved against another plan, and freezes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from poise.report.figures import day, plural
from poise.report.grid_chart import Cell, GridRow, grid_chart
from poise.report.markup import Markup


@dataclass(frozen=True)
class Visit:
    """One opening of a group, as it shows in the row of a service or a team.

    Parameters
    ----------
    row
        Whose row.
    start
        Of the window.
    amount
        What it adds to the cell: minutes of downtime or of labour.
    is_new
        Whether the plan compared with does not open it.
    """

    row: str
    start: datetime
    amount: float
    is_new: bool


@dataclass(frozen=True)
class Frozen:
    """A change freeze over some rows; none named means all."""

    rows: frozenset[str]
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Room:
    """What a row has to give in one window, such as a team's minutes of work."""

    row: str
    start: datetime
    amount: float


def weeks_grid(
    visits: Sequence[Visit],
    frozen: Iterable[Frozen],
    span: tuple[datetime, datetime],
    zone: tzinfo,
    *,
    name: str,
    unit: str,
    rooms: Iterable[Room] = (),
) -> Markup:
    """Return the grid.

    Without ``rooms`` a cell's number is its visits and the fullest cell is drawn full; with them it is the
    hours of work, and a cell is full where all that the row has in that week is used. A dot tells that one
    of the visits is new.
    """
    first, last = (_monday(moment.astimezone(zone)) for moment in span)
    weeks = [first + timedelta(weeks=k) for k in range((last - first).days // 7 + 1)]
    amount, count, moved = _sums(visits, zone)
    room: dict[tuple[str, date], float] = defaultdict(float)
    for one in rooms:
        room[one.row, _monday(one.start.astimezone(zone))] += one.amount
    top = max(amount.values(), default=0.0) or 1.0
    closed = {(row, week) for one in frozen for week in weeks for row in _rows(one, visits, week, zone)}

    def cell(row: str, week: date) -> Cell:
        key = (row, week)
        has, dot = room.get(key, 0.0), "•" if key in moved else ""
        number = _hours(amount[key]) if room else str(count[key])
        of = f" of {has:,.0f}" if room else ""
        return Cell(
            words=f"{number}{dot}" if count[key] else "",
            level=amount[key] / (has if room and has else top),
            title=f"{row}, week of {day(week)}: {plural(count[key], 'visit')}, {amount[key]:,.0f}{of} {unit}"
            + (", moved" if dot else "")
            + (", change freeze" if key in closed else ""),
            is_frozen=key in closed,
        )

    names = sorted({one.row for one in visits})
    rows = [GridRow(row, tuple(cell(row, week) for week in weeks)) for row in names]
    return grid_chart(weeks, rows, f"{plural(len(visits), 'visit')} of {len(rows)} rows by week.", name)


def _sums(
    visits: Sequence[Visit], zone: tzinfo
) -> tuple[dict[tuple[str, date], float], dict[tuple[str, date], int], set[tuple[str, date]]]:
    """Return amounts, counts and what moved, by row and week."""
    amount: dict[tuple[str, date], float] = defaultdict(float)
    count: dict[tuple[str, date], int] = defaultdict(int)
    moved: set[tuple[str, date]] = set()
    for one in visits:
        key = (one.row, _monday(one.start.astimezone(zone)))
        amount[key] += one.amount
        count[key] += 1
        if one.is_new:
            moved.add(key)
    return amount, count, moved


def _hours(minutes: float) -> str:
    """Return hours in what a cell has room for."""
    return f"{minutes / 60:.0f}" if minutes >= 60 else "<1"


def _monday(moment: datetime) -> date:
    return moment.date() - timedelta(days=moment.weekday())


def _rows(one: Frozen, visits: Sequence[Visit], week: date, zone: tzinfo) -> set[str]:
    start, end = one.start.astimezone(zone).date(), one.end.astimezone(zone)
    if week > (end - timedelta(seconds=1)).date() or week + timedelta(days=7) <= start:
        return set()
    return set(one.rows) or {visit.row for visit in visits}
