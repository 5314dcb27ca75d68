"""Limits bound to a problem: what each of them takes out of it, moves in it, or caps.

A freeze takes slots out; a deadline sets the latest day of its changes; the others are rows of caps.
A limit whose scope holds nothing that is planned binds nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from poise.planning.caps import CapRow, join_caps
from poise.planning.edit import without_slots
from poise.planning.evaluate import evaluate
from poise.planning.problem import Caps, Floats, Ints, Plan, Problem
from poise.planning.relaxation import Switches
from poise.table.ground import Ground
from poise.table.limits import Limit


@dataclass(frozen=True)
class Bound:
    """A problem under limits, and the limit behind each row of its caps."""

    problem: Problem
    limit_of_row: tuple[str, ...]


def bind(ground: Ground, limits: Iterable[Limit], *, problem: Problem | None = None) -> Bound:
    """Return a problem with these limits in force.

    Parameters
    ----------
    limits
        Checked against the ground's names.
    problem
        Another than the ground's own, with the same groups, changes, windows and slots; its caps stay.
    """
    base = ground.problem if problem is None else problem
    limits = tuple(limits)
    rows: list[tuple[str, CapRow]] = []
    frozen = np.zeros(base.num_slots, dtype=np.bool_)
    for limit in limits:
        if limit.rule == "freeze":
            frozen |= slots_in(ground, limit)
        elif limit.rule != "deadline":
            rows += [(limit.id, row) for row in _rows(ground, limit)]
    caps = join_caps([*rows_of(base.caps), *(row for _, row in rows)], base.num_changes)
    bound = replace(base, latest_days=latest_days(ground, limits, base), caps=caps)
    names = ("",) * base.caps.num_rows + tuple(name for name, _ in rows)
    return Bound(without_slots(bound, frozen) if frozen.any() else bound, names)


@dataclass(frozen=True)
class Board:
    """All limits of a table in one problem, whose sets are then a matter of bounds.

    Parameters
    ----------
    problem
        The ground's, with the rows of caps of every limit.
    limit_of_row
        The limit behind each row.
    """

    problem: Problem
    limit_of_row: tuple[str, ...]

    @classmethod
    def of(cls, ground: Ground, limits: Iterable[Limit]) -> Board:
        """Return the board of these limits."""
        rows = [limit for limit in limits if limit.rule not in ("freeze", "deadline")]
        bound = bind(ground, rows)
        return cls(bound.problem, bound.limit_of_row)

    def switches(self, ground: Ground, limits: Sequence[Limit]) -> Switches:
        """Return what holds when these limits of the board do and no others."""
        closed = np.zeros(self.problem.num_slots, dtype=np.bool_)
        for limit in limits:
            if limit.rule == "freeze":
                closed |= slots_in(ground, limit)
        names = {limit.id for limit in limits}
        has_row = np.array([name in names for name in self.limit_of_row], dtype=np.bool_)
        return Switches(closed, latest_days(ground, limits, self.problem), has_row)

    def row_like(self, ending: str) -> Ints:
        """Return for each row the one that counts the same for the limit whose name lacks an ending.

        A row without such another is its own; shape ``(R,)``.
        """
        rows = {(name, _counted(self.problem.caps, row)): row for row, name in enumerate(self.limit_of_row)}
        return np.array(
            [
                rows.get((name.removesuffix(ending), _counted(self.problem.caps, row)), row)
                for row, name in enumerate(self.limit_of_row)
            ],
            dtype=np.int64,
        )


def _counted(caps: Caps, row: int) -> tuple[bytes, bytes]:
    """Return the slots and changes that a row counts."""
    slots = caps.unit_slot[caps.unit_row[caps.entry_unit] == row]
    return slots.tobytes(), caps.share_change[caps.share_row == row].tobytes()


def latest_days(ground: Ground, limits: Iterable[Limit], problem: Problem) -> Floats:
    """Return by which day each change must be done by deadlines and the problem itself, shape ``(J,)``."""
    none = problem.latest_days is None
    latest = np.full(problem.num_changes, np.inf) if none else np.array(problem.latest_days)
    for limit in limits:
        if limit.rule == "deadline":
            changes = changes_in(ground, limit)
            latest[changes] = np.minimum(latest[changes], limit.amount or 0.0)
    return latest


def slots_in(ground: Ground, limit: Limit) -> npt.NDArray[np.bool_]:
    """Return which slots lie in a limit's scope and overlap its time, shape ``(S,)``."""
    is_scope = np.zeros(len(ground.groups), dtype=np.bool_)
    is_scope[ground.groups_in(limit.scope)] = True
    start = -np.inf if limit.start is None else ground.days(limit.start)
    end = np.inf if limit.end is None else ground.days(limit.end)
    window = ground.problem.slot_window
    overlaps = (ground.problem.window_start_days[window] < end) & (
        ground.problem.window_end_days[window] > start
    )
    return is_scope[ground.slot_group] & overlaps


def changes_in(ground: Ground, limit: Limit) -> Ints:
    """Return the changes that a limit is about: those of its groups, of the class it affects."""
    members = np.isin(ground.problem.change_group, ground.groups_in(limit.scope))
    return np.array(
        [
            number
            for number in np.flatnonzero(members)
            if limit.affected == "all"
            or (limit.affected == "kev" and ground.changes[number].is_kev)
            or (limit.affected == "ransomware" and ground.changes[number].is_ransomware)
            or limit.affected == ground.changes[number].severity
            or (limit.affected == "high" and ground.changes[number].severity == "critical")
        ],
        dtype=np.int64,
    )


def touched(ground: Ground, limits: Iterable[Limit]) -> Ints:
    """Return the groups that limits are about: where a plan changes first when they go."""
    groups = [ground.groups_in(limit.scope) for limit in limits]
    return np.unique(np.concatenate(groups)) if groups else np.zeros(0, dtype=np.int64)


def amount_of(ground: Ground, limit: Limit, plan: Plan) -> float | None:
    """Return what a plan needs of a limit, in the limit's unit: what the limit would have to grow to.

    For a freeze the days by which a plan enters it, counted from its nearer end; None where a plan
    leaves a change undone that a deadline asks for.
    """
    problem = ground.problem
    if limit.rule == "freeze":
        return _days_inside(ground, limit, plan)
    if limit.rule == "deadline":
        changes = changes_in(ground, limit)
        if (plan.window[changes] < 0).any():
            return None
        return float(problem.window_end_days[plan.window[changes]].max(initial=0.0))
    rows = list(_rows(ground, msgspec.structs.replace(limit, amount=0.0)))
    seen = evaluate(replace(problem, caps=join_caps(rows, problem.num_changes)), plan)
    return float(seen.cap_amounts.max(initial=0.0))


def _days_inside(ground: Ground, limit: Limit, plan: Plan) -> float:
    problem = ground.problem
    if limit.start is None or limit.end is None:
        return 0.0
    frozen = slots_in(ground, limit)
    pair = ground.slot_group * problem.num_windows + problem.slot_window
    done = np.flatnonzero(plan.window >= 0)
    used = np.isin(pair, problem.change_group[done] * problem.num_windows + plan.window[done])
    windows = problem.slot_window[frozen & used]
    from_start = problem.window_end_days[windows] - ground.days(limit.start)
    from_end = ground.days(limit.end) - problem.window_start_days[windows]
    return float(np.minimum(from_start, from_end).max(initial=0.0))


def rows_of(caps: Caps) -> Iterator[CapRow]:
    """Yield the rows of caps one by one."""
    for row in range(caps.num_rows):
        a, b = caps.share_ptr[row], caps.share_ptr[row + 1]
        moves = np.flatnonzero(caps.move_row == row)
        more: dict[str, Any] = {}
        if len(moves):
            more = {"kept_window": caps.kept_window[moves[0]], "move_amount": caps.move_amount[moves[0]]}
        yield CapRow(
            limit=float(caps.limit[row]),
            units=tuple(
                (caps.unit_slot[caps.unit_ptr[unit] : caps.unit_ptr[unit + 1]], float(caps.unit_amount[unit]))
                for unit in np.flatnonzero(caps.unit_row == row)
            ),
            shares=(caps.share_change[a:b], caps.share[a:b]) if b > a else None,
            **more,
        )


def _rows(ground: Ground, limit: Limit) -> Iterator[CapRow]:
    amount = limit.amount or 0.0
    slots = np.flatnonzero(slots_in(ground, limit))
    if limit.rule == "hours":
        hours = np.array(ground.group_downtime_minutes)[ground.slot_group[slots]] / 60.0
        yield CapRow(
            amount, units=tuple((np.array([s]), float(h)) for s, h in zip(slots, hours, strict=True) if h > 0)
        )
    elif limit.rule == "weekends":
        yield CapRow(amount, units=tuple((members, 1.0) for members in _weekends(ground, slots)))
    elif limit.rule == "services":
        for units in _services_by_week(ground, limit, slots):
            if len(units) > amount:
                yield CapRow(amount, units=tuple((members, 1.0) for members in units))
    elif limit.rule == "exposure":
        services = _services_of(ground, limit)
        behind = np.array([service in services for service in ground.group_service])
        changes = np.flatnonzero(behind[ground.problem.change_group])
        yield CapRow(amount, shares=(changes, np.ones(len(changes))))


def _services_of(ground: Ground, limit: Limit) -> frozenset[str]:
    """Return the services in scope: those named, and those of the groups and teams named."""
    services = {service.id for service in ground.services}
    if not limit.scope:
        return frozenset(services)
    named = services & set(limit.scope)
    others = [name for name in limit.scope if name not in services]
    reached = ground.groups_in(tuple(others)) if others else np.zeros(0, dtype=np.int64)
    return frozenset(named | {ground.group_service[group] for group in reached})


def _local_day(ground: Ground, window: int) -> date:
    return ground.windows[window].start.astimezone(ZoneInfo(ground.timezone)).date()


def _weekends(ground: Ground, slots: Ints) -> list[Ints]:
    """Return the slots of each team on each weekend, Saturday and Sunday of company time."""
    together: dict[tuple[str, date], list[int]] = defaultdict(list)
    for slot in slots:
        day = _local_day(ground, int(ground.problem.slot_window[slot]))
        if day.weekday() >= 5:
            team = ground.groups[ground.slot_group[slot]].team
            together[team, day - timedelta(days=day.weekday())].append(int(slot))
    return [np.array(members) for _, members in sorted(together.items())]


def _services_by_week(ground: Ground, limit: Limit, slots: Ints) -> list[list[Ints]]:
    """Return, for each calendar week, the slots of each service in scope."""
    services = _services_of(ground, limit)
    weeks: dict[date, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for slot in slots:
        day = _local_day(ground, int(ground.problem.slot_window[slot]))
        for service in ground.groups[ground.slot_group[slot]].services:
            if service in services:
                weeks[day - timedelta(days=day.weekday())][service].append(int(slot))
    return [[np.array(own) for _, own in sorted(week.items())] for _, week in sorted(weeks.items())]
