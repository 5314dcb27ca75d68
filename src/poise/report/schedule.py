"""The calendar of the shown plan: weeks, windows, weekends, what is late, what could be done tonight."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from poise.patching.document import EmergencyOption, LateChange
from poise.patching.lookup import Lookup, Placed, failure_probability_of
from poise.report.figures import (
    Money,
    count,
    day,
    days,
    minutes,
    moment,
    percent,
    plural,
    span,
)
from poise.report.markup import Child, Markup, element
from poise.report.tables import Column, disclosure, long_table, table, tag, under
from poise.report.weeks import freezes, service_weeks, team_weeks, weeks_of

#: Services drawn in the grid; the table behind it has all.
_MOST_ROWS = 40
#: Visits of one window told one by one.
_MOST_VISITS = 300


def calendar(lookup: Lookup) -> Markup:
    """Return the weeks of services and teams, the weekends and the windows one by one."""
    if not lookup.placed:
        return element("p", "The shown plan opens no window: nothing is changed within the horizon.")
    return element(
        "div",
        freezes(lookup),
        element("h3", "Planned downtime by service"),
        service_weeks(lookup),
        element("h3", "Labour by team"),
        team_weeks(lookup),
        element("h3", "Weekends"),
        _weekends(lookup),
        element("h3", "Window by window"),
        _windows(lookup),
    )


def _weekends(lookup: Lookup) -> Markup:
    by_team: dict[str, set[date]] = defaultdict(set)
    for placed in lookup.placed:
        start = lookup.local(placed.window.start)
        if start.weekday() >= 5:
            by_team[placed.group.team].add(start.date() - timedelta(days=start.weekday() - 5))
    if not by_team:
        return element("p", "No visit starts on a weekend.")
    columns = (Column("Team"), Column("Weekends", is_number=True), Column("Saturdays"))
    rows: list[list[Child]] = [
        [lookup.team_name(team), count(len(dates)), days(dates)] for team, dates in sorted(by_team.items())
    ]
    together = sum(len(dates) for dates in by_team.values())
    words = (
        f"Counted for each team, {plural(together, 'weekend')}; somebody works on "
        f"{plural(len(set().union(*by_team.values())), 'weekend')} of {len(weeks_of(lookup))}."
    )
    return element(
        "div",
        element("p", words),
        table("Weekends on which a team starts at least one visit.", columns, rows),
    )


def _windows(lookup: Lookup) -> Markup:
    by_window: dict[int, list[Placed]] = defaultdict(list)
    for placed in lookup.placed:
        by_window[placed.window.id].append(placed)
    columns = (
        Column("Window", holds="span"),
        Column("Visits", is_number=True),
        Column("Changes", is_number=True),
        Column("Downtime", is_number=True),
        Column("Labour against capacity"),
    )
    rows: list[list[Child]] = []
    for visits in by_window.values():
        window = visits[0].window
        rows.append(
            [
                [
                    span(window.start, window.end, lookup.zone),
                    [" ", tag("emergency")] if window.is_emergency else None,
                    under(window.calendar),
                ],
                count(len(visits)),
                count(sum(len(placed.changes) for placed in visits)),
                minutes(sum(placed.visit.downtime_minutes for placed in visits)),
                _labour_of(lookup, visits),
            ]
        )
    return element(
        "div",
        long_table("Windows that the plan opens, by date.", columns, rows, "plan.csv"),
        disclosure(f"All {plural(len(lookup.placed), 'visit')}, one by one", _visits(lookup)),
    )


def _labour_of(lookup: Lookup, visits: list[Placed]) -> str:
    labour: dict[str, float] = defaultdict(float)
    for placed in visits:
        labour[placed.group.team] += placed.visit.labour_minutes
    parts = []
    for team, used in sorted(labour.items()):
        entry = lookup.teams.get(team)
        capacity = minutes(entry.capacity_minutes) if entry else "not known"
        parts.append(f"{lookup.team_name(team)} {minutes(used)} of {capacity}")
    return "; ".join(parts)


def _visits(lookup: Lookup) -> Markup:
    money = Money(lookup.document.currency)
    columns = (
        Column("Patch group"),
        Column("Window", holds="date"),
        Column("What is changed"),
        Column("Downtime", is_number=True),
        Column("Labour", is_number=True),
        Column("A change fails", is_number=True),
        Column("Cost", is_number=True),
    )
    rows: list[list[Child]] = [
        [
            [
                placed.group.id,
                under(", ".join(lookup.service_name(name) for name in placed.group.services) or "no service"),
            ],
            moment(placed.window.start, lookup.zone),
            "; ".join(change.remedy for change in placed.changes),
            minutes(placed.visit.downtime_minutes),
            minutes(placed.visit.labour_minutes),
            percent(failure_probability_of(placed)),
            money(placed.visit.cost),
        ]
        for placed in lookup.placed[:_MOST_VISITS]
    ]
    left_out = len(lookup.placed) - len(rows)
    more = element("p", f"{count(left_out)} more are in plan.csv.", class_="quiet") if left_out else None
    return element("div", table("Visits by date.", columns, rows), more)


def late(lookup: Lookup) -> Markup:
    """Return what misses its deadline under the shown plan, why, and its earliest possible date."""
    entries = lookup.schedule.late
    if not entries:
        return element("p", "No change misses a deadline under the shown plan.")
    today = lookup.local(lookup.document.now).date()
    overdue = sum(entry.deadline < today for entry in entries)
    missed = len(entries) - overdue
    never = sum(entry.done is None for entry in entries)
    impossible = sum(entry.earliest is None for entry in entries)
    words = f"{plural(missed, 'deadline')} to come {'is' if missed == 1 else 'are'} missed."
    if overdue:
        words += (
            f" {plural(overdue, 'change')} more {'was' if overdue == 1 else 'were'} overdue already, and "
            "this plan leaves them open past their second clock."
        )
    if never:
        words += f" {count(never)} of all these are not done within the horizon."
    if impossible:
        words += f" For {count(impossible)}, no window exists in which it could be done."
    columns = (
        Column("Change"),
        Column("Deadline", holds="date"),
        Column("Done in this plan", holds="date"),
        Column("Earliest possible", holds="date"),
        Column("Why"),
    )
    ahead = sorted((entry for entry in entries if entry.deadline >= today), key=_by_deadline)
    behind = sorted((entry for entry in entries if entry.deadline < today), key=_by_deadline)
    parts = [element("p", words)]
    for caption, part in (
        ("Deadlines to come that are missed.", ahead),
        ("Overdue before the plan began, oldest first.", behind),
    ):
        if part:
            rows = [_late_row(lookup, entry) for entry in part]
            parts.append(long_table(caption, columns, rows, "changes.csv"))
    return element("div", parts)


def _by_deadline(entry: LateChange) -> tuple[date, str]:
    return entry.deadline, entry.change


def _late_row(lookup: Lookup, entry: LateChange) -> list[Child]:
    change = lookup.changes.get(entry.change)
    name: Child = entry.change
    if change is not None:
        name = [change.remedy, [" ", tag("known exploited")] if change.is_kev else None]
        name = [name, under(f"{change.group}, {entry.change}")]
    done: Child = "not within the horizon"
    if entry.done is not None:
        local = lookup.local(entry.done)
        num_days = (local.date() - entry.deadline).days
        done = [day(local), under(f"{plural(num_days, 'day')} late")]
    return [
        name,
        [day(entry.deadline), under(entry.deadline_source)],
        done,
        moment(entry.earliest, lookup.zone) if entry.earliest else "no window at all",
        entry.why,
    ]


def tonight(lookup: Lookup) -> Markup:
    """Return the emergency windows on offer, each with what it saves and what it costs."""
    options = lookup.document.emergency
    if not options:
        return element(
            "p", "No emergency window is on offer: none would save what it costs, or none is possible."
        )
    money = Money(lookup.document.currency)
    columns = (
        Column("Patch group"),
        Column("When", holds="date"),
        Column("Expected loss saved", is_number=True),
        Column("Extra cost", is_number=True),
        Column("What it is"),
    )
    rows = [_option_row(lookup, option, money) for option in options]
    return element(
        "div",
        element(
            "p",
            "Outside the calendar, and never chosen by Poise: an emergency window is an option with a price. "
            "Both figures are against the calendar shown here.",
        ),
        long_table("Emergency windows on offer.", columns, rows, "plan.json"),
    )


def _option_row(lookup: Lookup, option: EmergencyOption, money: Money) -> list[Child]:
    remedies = [lookup.changes[name].remedy if name in lookup.changes else name for name in option.changes]
    return [
        [option.group, under("; ".join(remedies))],
        span(option.start, option.end, lookup.zone),
        money(option.exposure_saved),
        money(option.extra_cost),
        option.sentence,
    ]
