"""Problems with less in them, or with one more window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from poise.planning.problem import Floats, Problem


def without_slots(problem: Problem, is_gone: npt.NDArray[np.bool_]) -> Problem:
    """Return a problem in which groups may not use some of their slots.

    Windows and changes keep their numbers, so a plan means the same in both.

    Parameters
    ----------
    is_gone
        Shape ``(S,)``.
    """
    kept = ~is_gone
    before = np.concatenate(([0], np.cumsum(kept)))
    caps = problem.caps
    stays = kept[caps.unit_slot]
    return replace(
        problem,
        slot_ptr=before[problem.slot_ptr],
        slot_window=problem.slot_window[kept],
        slot_cost=problem.slot_cost[kept],
        slot_labour_minutes=problem.slot_labour_minutes[kept],
        caps=replace(
            caps,
            unit_ptr=np.concatenate(([0], np.cumsum(stays)))[caps.unit_ptr],
            unit_slot=before[caps.unit_slot[stays]],
        ),
    )


def with_window(
    problem: Problem, start_days: float, end_days: float, slot_cost: Floats, labour_minutes: Floats
) -> tuple[Problem, int]:
    """Return a problem with one more window that every group may use, and the window's number.

    Windows after it count one more; caps on single slots keep meaning theirs. Caps on moves are not carried
    over a renumbering, so there may be none.

    Parameters
    ----------
    start_days, end_days
        Of the window [d], within the horizon.
    slot_cost, labour_minutes
        Of opening each group then, shapes ``(G,)`` [money], [min].
    """
    place = int(np.searchsorted(problem.window_end_days, end_days))
    groups = np.arange(problem.num_groups)
    window = problem.slot_window + (problem.slot_window >= place)
    owner = np.repeat(groups, np.diff(problem.slot_ptr))
    all_window = np.concatenate((window, np.full(len(groups), place)))
    all_owner = np.concatenate((owner, groups))
    order = np.lexsort((all_window, all_owner))
    moved = np.argsort(order)[: problem.num_slots]
    most = problem.capacity_minutes.max(axis=1, initial=0.0)
    edited = replace(
        problem,
        window_start_days=np.insert(problem.window_start_days, place, start_days),
        window_end_days=np.insert(problem.window_end_days, place, end_days),
        capacity_minutes=np.insert(problem.capacity_minutes, place, most, axis=1),
        slot_ptr=problem.slot_ptr + np.arange(len(problem.slot_ptr)),
        slot_window=all_window[order],
        slot_cost=np.concatenate((problem.slot_cost, slot_cost))[order],
        slot_labour_minutes=np.concatenate((problem.slot_labour_minutes, labour_minutes))[order],
        caps=replace(problem.caps, unit_slot=moved[problem.caps.unit_slot]),
    )
    return edited, place
