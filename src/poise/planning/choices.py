"""Every (change, slot) that a plan may choose, with its costs: what all solvers search in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.problem import CAPACITY_TOLERANCE_MINUTES, TIME_TOLERANCE_DAYS, Floats, Ints, Problem


@dataclass(frozen=True)
class Choices:
    """What each change may choose, sorted by change and then by window.

    Parameters
    ----------
    ptr
        Choices of change j are ``ptr[j]:ptr[j+1]``; shape ``(J+1,)``.
    change, slot, window
        Shape ``(C,)``.
    exposure, disruption
        Exposure plus late cost, and disruption without the opening, of each choice [money].
    is_late
        Shape ``(C,)`` bool: the window ends after the due date.
    never_exposure, never_disruption
        The same costs of never doing each change; shape ``(J,)`` [money].
    """

    ptr: Ints
    change: Ints
    slot: Ints
    window: Ints
    exposure: Floats
    disruption: Floats
    is_late: npt.NDArray[np.bool_]
    never_exposure: Floats
    never_disruption: Floats


def list_choices(problem: Problem, *, keep_hard_late: bool = False) -> Choices:
    """List the choices that no rule about a single change or its chain of links forbids.

    A choice goes when its window starts before the release or before the change's predecessors can
    be done (each in its own earliest slot), when the team could not do it even alone in that
    window, or, unless ``keep_hard_late``, when it would come after the last day on which it must be done.
    """
    counts = np.diff(problem.slot_ptr)[problem.change_group]
    change = np.repeat(np.arange(problem.num_changes), counts)
    offset = np.arange(len(change)) - np.repeat(np.cumsum(counts) - counts, counts)
    slot = problem.slot_ptr[problem.change_group[change]] + offset
    window = problem.slot_window[slot]
    end = problem.window_end_days[window]
    late = end > problem.due_days[change] + TIME_TOLERANCE_DAYS
    room = problem.capacity_minutes[problem.group_team[problem.change_group[change]], window]
    need = problem.labour_minutes[change] + problem.slot_labour_minutes[slot]
    allowed = need <= room + CAPACITY_TOLERANCE_MINUTES
    if not keep_hard_late:
        allowed &= end <= problem.last_days[change] + TIME_TOLERANCE_DAYS
    ready = _ready_days(problem, change, window, allowed)
    allowed &= problem.window_start_days[window] >= ready[change] - TIME_TOLERANCE_DAYS
    change, slot, window = change[allowed], slot[allowed], window[allowed]
    late, end = late[allowed], end[allowed]
    waited = end - problem.release_days[change]
    age = end - problem.available_days[change]
    never = problem.horizon_days - problem.release_days
    has_due = np.isfinite(problem.due_days)
    return Choices(
        ptr=np.searchsorted(change, np.arange(problem.num_changes + 1)),
        change=change,
        slot=slot,
        window=window,
        exposure=problem.exposure_per_day[change] * waited + problem.late_cost[change] * late,
        disruption=problem.change_cost[change]
        + problem.early_cost[change] * np.exp(-age / problem.settle_days)
        + problem.deferral_cost_per_day[change] * waited,
        is_late=late,
        never_exposure=problem.exposure_per_day * never + problem.late_cost * has_due,
        never_disruption=problem.deferral_cost_per_day * never,
    )


def group_costs(problem: Problem, window: Ints) -> tuple[Floats, Floats]:
    """Return exposure plus late cost, and disruption, of each group under a plan; shapes ``(G,)`` [money]."""
    is_done = window >= 0
    end = np.where(is_done, problem.window_end_days[window], problem.horizon_days)
    waited = end - problem.release_days
    late = np.isfinite(problem.due_days) & (~is_done | (end > problem.due_days + TIME_TOLERANCE_DAYS))
    age = end - problem.available_days
    failure = problem.change_cost + problem.early_cost * np.exp(-age / problem.settle_days)
    exposure = problem.exposure_per_day * waited + problem.late_cost * late
    disruption = problem.deferral_cost_per_day * waited + np.where(is_done, failure, 0.0)
    opened = opened_slots(problem, window)
    slot_group = np.searchsorted(problem.slot_ptr, opened, side="right") - 1
    openings = sum_by(slot_group, problem.slot_cost[opened], problem.num_groups)
    group, count = problem.change_group, problem.num_groups
    return sum_by(group, exposure, count), sum_by(group, disruption, count) + openings


def opened_slots(problem: Problem, window: Ints) -> Ints:
    """Return the slots that a plan opens, in growing order; it uses only windows that its groups have."""
    slot_group = problem.slot_group
    used = np.zeros(problem.num_groups * problem.num_windows, dtype=np.bool_)
    done = np.flatnonzero(window >= 0)
    used[problem.change_group[done] * problem.num_windows + window[done]] = True
    return np.flatnonzero(used[slot_group * problem.num_windows + problem.slot_window])


def slots_of(problem: Problem, window: Ints) -> Ints:
    """Return the slot of each change under a plan, -1 for never and where its group has no such window."""
    pairs = problem.slot_group * problem.num_windows + problem.slot_window
    if not len(pairs):
        return np.full(len(window), -1, dtype=np.int64)
    wanted = problem.change_group * problem.num_windows + window
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    return np.where((window >= 0) & (pairs[place] == wanted), place, -1)


def sum_by(key: Ints, value: Floats, count: int) -> Floats:
    """Return the sum of the values of each key in [0, count)."""
    return np.bincount(key, value, count).astype(np.float64)


def _ready_days(problem: Problem, change: Ints, window: Ints, allowed: npt.NDArray[np.bool_]) -> Floats:
    """Return the first day each change can start: its release, or later through its chain of links.

    Shape ``(J,)`` [d]; ``inf`` where a predecessor can never be done. Each round carries dates one
    link further, so a chain of n links needs n rounds.
    """
    ready = problem.release_days.copy()
    if not len(problem.link_before):
        return ready
    start, end = problem.window_start_days[window], problem.window_end_days[window]
    while True:
        fits = allowed & (start >= ready[change] - TIME_TOLERANCE_DAYS)
        first_end = np.full(problem.num_changes, np.inf)
        np.minimum.at(first_end, change[fits], end[fits])
        later = ready.copy()
        np.maximum.at(later, problem.link_after, first_end[problem.link_before] + problem.link_soak_days)
        if np.array_equal(later, ready):
            return ready
        ready = later
