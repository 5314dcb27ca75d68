"""A plan as services by weeks: planned downtime, what moved against another plan, and freezes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

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


def weeks_grid(
    visits: Sequence[Visit],
    frozen: Iterable[Frozen],
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
    *,
    name: str,
    unit: str,
    most: float | None = None,
) -> Markup:
    """Return the grid; the fullest cell, or ``most``, is drawn full.

    A cell's number is its visits, with a dot where one of them is new.
    """
    first, last = (_monday(moment.astimezone(zone)) for moment in span)
    weeks = [first + timedelta(weeks=k) for k in range((last - first).days // 7 + 1)]
    amount: dict[tuple[str, date], float] = defaultdict(float)
    count: dict[tuple[str, date], int] = defaultdict(int)
    moved: set[tuple[str, date]] = set()
    for one in visits:
        key = (one.row, _monday(one.start.astimezone(zone)))
        amount[key] += one.amount
        count[key] += 1
        if one.is_new:
            moved.add(key)
    top = most or max(amount.values(), default=0.0) or 1.0
    closed = {(row, week) for one in frozen for week in weeks for row in _rows(one, visits, week, zone)}
    rows = [
        GridRow(
            row,
            tuple(
                Cell(
                    words=f"{count[row, week]}{'•' if (row, week) in moved else ''}"
                    if count[row, week]
                    else "",
                    level=amount[row, week] / top,
                    title=f"{row}, week of {day(week)}: {plural(count[row, week], 'visit')}, "
                    f"{amount[row, week]:,.0f} {unit}"
                    + (", moved" if (row, week) in moved else "")
                    + (", change freeze" if (row, week) in closed else ""),
                    is_frozen=(row, week) in closed,
                )
                for week in weeks
            ),
        )
        for row in sorted({one.row for one in visits})
    ]
    return grid_chart(weeks, rows, f"{plural(len(visits), 'visit')} of {len(rows)} rows by week.", name)


def _monday(moment: datetime) -> date:
    return moment.date() - timedelta(days=moment.weekday())


def _rows(one: Frozen, visits: Sequence[Visit], week: date, zone: ZoneInfo) -> set[str]:
    start, end = one.start.astimezone(zone).date(), one.end.astimezone(zone)
    if week > (end - timedelta(seconds=1)).date() or week + timedelta(days=7) <= start:
        return set()
    return set(one.rows) or {visit.row for visit in visits}
