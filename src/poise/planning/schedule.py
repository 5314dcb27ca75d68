"""Plans that follow a rule: changes in order of priority, each into the first window with room.

What people's rules do ("highest CVSS first", "known exploited, then EPSS", "deadlines in order") is a
priority and perhaps a choice of windows; the caller turns rules into these numbers. The same
placing repairs plans that break rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.decomposition.jit import kernel
from poise.planning.problem import (
    CAPACITY_TOLERANCE_MINUTES,
    TIME_TOLERANCE_DAYS,
    Floats,
    Ints,
    Plan,
    Problem,
)

Bools = npt.NDArray[np.bool_]


def schedule_by_priority(
    problem: Problem,
    priority: Floats,
    *,
    allowed_windows: Bools | None = None,
    not_before_days: Floats | None = None,
    fill: bool = True,
) -> Plan:
    """Put changes in order of priority into the first window of their group that has room.

    Parameters
    ----------
    problem
        A checked problem.
    priority
        Shape ``(J,)``: higher goes first, equal ones by index; ``-inf`` is never done, NaN not allowed.
        A change lends its priority to those it waits for.
    allowed_windows
        Shape ``(W,)``: windows that the rule uses; all by default.
    not_before_days
        Shape ``(J,)`` [d]: a change waits until then even when it could go earlier ("just in time").
    fill
        Whether every change may open its group. When not, those of priority <= 0 open nothing and
        only join openings that others made.

    Returns
    -------
    Plan
        Keeps capacity, releases, links and exclusions. Hard due dates are not looked at: a rule that
        misses one shows so in the plan's evaluation.
    """
    board = _Board(problem, allowed_windows)
    rank = _lent_priority(problem, np.asarray(priority, dtype=np.float64))
    order = _in_order(problem, rank)
    order = order[rank[order] > -np.inf]
    opens = np.ones(len(order), dtype=bool) if fill else rank[order] > 0
    board.place(order[opens], not_before_days)
    board.place(order[~opens], not_before_days, may_open=False)
    return Plan(board.window)


def make_feasible(problem: Problem, plan: Plan, priority: Floats | None = None) -> Plan:
    """Keep of a plan what keeps the rules and move the rest to the first window with room, or to never.

    Parameters
    ----------
    problem
        A checked problem.
    plan
        Any plan; windows that a group has no slot for count as broken.
    priority
        Who keeps its place first when not all can, shape ``(J,)``; exposure and late cost per minute of
        labour by default, hard due dates before all.

    Returns
    -------
    Plan
        Keeps capacity, releases, links and exclusions; a plan that did so already comes back equal.
    """
    if priority is None:
        priority = hazard_per_minute(problem)
    board = _Board(problem, None)
    order = _in_order(problem, _lent_priority(problem, priority))
    wanted = order[plan.window[order] >= 0]
    board.place(wanted, None, only_window=plan.window)
    board.place(wanted[board.window[wanted] < 0], None)
    return Plan(board.window)


def hazard_per_minute(problem: Problem) -> Floats:
    """Return exposure per day per minute of labour, hard and then soft due dates first, as a priority."""
    days = max(problem.horizon_days, 1.0)
    worth = problem.exposure_per_day + problem.late_cost / days
    density = worth / np.maximum(problem.labour_minutes, 1.0)
    priority: Floats = density + problem.hard_due * (1.0 + density.max(initial=0.0))
    return priority


def _lent_priority(problem: Problem, priority: Floats) -> Floats:
    rank = priority.copy()
    for _ in range(len(problem.link_before)):
        lent = rank.copy()
        np.maximum.at(lent, problem.link_before, rank[problem.link_after])
        if np.array_equal(lent, rank):
            break
        rank = lent
    return rank


def _in_order(problem: Problem, rank: Floats) -> Ints:
    """Return the changes by falling rank, each after those that it waits for."""
    depth = np.zeros(problem.num_changes, dtype=np.int64)
    for _ in range(len(problem.link_before)):
        deeper = depth.copy()
        np.maximum.at(deeper, problem.link_after, depth[problem.link_before] + 1)
        if np.array_equal(deeper, depth):
            break
        depth = deeper
    return np.lexsort((depth, -rank))


@dataclass(frozen=True)
class _Lists:
    """Lists of different lengths in two arrays: list i is ``item[ptr[i]:ptr[i+1]]``."""

    ptr: Ints
    item: Ints

    @classmethod
    def by_key(cls, key: Ints, item: Ints, count: int) -> _Lists:
        order = np.argsort(key, kind="stable")
        return cls(np.searchsorted(key[order], np.arange(count + 1)), item[order])


class _Board:
    """A plan in the making: where each change is, what is open, and how many minutes are left."""

    def __init__(self, problem: Problem, allowed_windows: Bools | None) -> None:
        self.problem = problem
        self.window = np.full(problem.num_changes, -1, dtype=np.int64)
        self.is_open = np.zeros(problem.num_slots, dtype=np.bool_)
        self.room = problem.capacity_minutes + CAPACITY_TOLERANCE_MINUTES
        self.allowed = (
            np.ones(problem.num_windows, dtype=np.bool_) if allowed_windows is None else allowed_windows
        )
        link = np.arange(len(problem.link_after))
        self.waits_for = _Lists.by_key(problem.link_after, link, problem.num_changes)
        self.excluded = _Lists.by_key(
            np.concatenate((problem.exclusion_a, problem.exclusion_b)),
            np.concatenate((problem.exclusion_b, problem.exclusion_a)),
            problem.num_groups,
        )

    def place(
        self,
        order: Ints,
        not_before_days: Floats | None,
        *,
        may_open: bool = True,
        only_window: Ints | None = None,
    ) -> None:
        """Place the changes in this order, each at its first chance, or only in its own window."""
        problem = self.problem
        earliest = problem.release_days
        if not_before_days is not None:
            earliest = np.maximum(earliest, not_before_days)
        any_window = np.full(0, -1, dtype=np.int64)
        _place(
            order,
            self.window,
            self.is_open,
            self.room,
            self.allowed,
            any_window if only_window is None else only_window,
            may_open,
            earliest,
            problem.labour_minutes,
            problem.change_group,
            problem.group_team,
            problem.slot_ptr,
            problem.slot_window,
            problem.slot_labour_minutes,
            problem.window_start_days,
            problem.window_end_days,
            self.waits_for.ptr,
            self.waits_for.item,
            problem.link_before,
            problem.link_soak_days,
            self.excluded.ptr,
            self.excluded.item,
        )


@kernel
def _place(
    order: Ints,
    window: Ints,
    is_open: Bools,
    room: Floats,
    allowed: Bools,
    only_window: Ints,
    may_open: bool,
    earliest: Floats,
    labour: Floats,
    change_group: Ints,
    group_team: Ints,
    slot_ptr: Ints,
    slot_window: Ints,
    slot_labour: Floats,
    start: Floats,
    end: Floats,
    wait_ptr: Ints,
    wait_link: Ints,
    link_before: Ints,
    link_soak: Floats,
    excluded_ptr: Ints,
    excluded_group: Ints,
) -> None:
    for change in order:
        group = change_group[change]
        team = group_team[group]
        ready = earliest[change]
        for k in range(wait_ptr[change], wait_ptr[change + 1]):
            before = window[link_before[wait_link[k]]]
            ready = np.inf if before < 0 else max(ready, end[before] + link_soak[wait_link[k]])
        for slot in range(slot_ptr[group], slot_ptr[group + 1]):
            w = slot_window[slot]
            if not allowed[w] or start[w] < ready - TIME_TOLERANCE_DAYS:
                continue
            if len(only_window) and only_window[change] != w:
                continue
            need = labour[change]
            if not is_open[slot]:
                need += slot_labour[slot]
                if not may_open:
                    continue
            if need > room[team, w]:
                continue
            if not is_open[slot] and _is_blocked(
                group, w, is_open, slot_ptr, slot_window, start, end, excluded_ptr, excluded_group
            ):
                continue
            is_open[slot] = True
            room[team, w] -= need
            window[change] = w
            break


@kernel
def _is_blocked(
    group: int,
    window: int,
    is_open: Bools,
    slot_ptr: Ints,
    slot_window: Ints,
    start: Floats,
    end: Floats,
    excluded_ptr: Ints,
    excluded_group: Ints,
) -> bool:
    """Return whether an excluded group is open in a window that shares time with this one."""
    for k in range(excluded_ptr[group], excluded_ptr[group + 1]):
        other = excluded_group[k]
        for slot in range(slot_ptr[other], slot_ptr[other + 1]):
            w = slot_window[slot]
            shared = min(end[w], end[window]) - max(start[w], start[window])
            if is_open[slot] and shared > TIME_TOLERANCE_DAYS:
                return True
    return False
