"""Plans between two plans.

Two good plans that differ in disruption differ in many groups. Groups that no link or exclusion ties
together can each follow either plan, so between the two lie many others: we walk from the cheaper to
the dearer one, taking the groups with the most exposure saved per disruption first, as far as a cap
on disruption and the teams' minutes allow. This finds plans that no single weight finds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.choices import group_costs, opened_slots, sum_by
from poise.planning.components import lowest_connected
from poise.planning.decomposition.jit import kernel
from poise.planning.problem import CAPACITY_TOLERANCE_MINUTES, Floats, Ints, Plan, Problem

#: Rounds over the groups; a later round takes what a full team held up in an earlier one.
_ROUNDS = 3


@dataclass(frozen=True)
class Ties:
    """Which groups must follow the same plan: ``unit`` has shape ``(G,)``, values in [0, count)."""

    unit: Ints
    count: int


def tie_groups(problem: Problem) -> Ties:
    """Tie groups that links and exclusions connect, directly or through others."""
    group = problem.change_group
    a = np.concatenate((group[problem.link_before], problem.exclusion_a))
    b = np.concatenate((group[problem.link_after], problem.exclusion_b))
    roots, unit = np.unique(lowest_connected(problem.num_groups, a, b), return_inverse=True)
    return Ties(unit.astype(np.int64), len(roots))


def blend(problem: Problem, ties: Ties, low: Plan, high: Plan, caps: Floats) -> list[Plan]:
    """Return, for each cap, a plan between two plans with at most that disruption.

    Parameters
    ----------
    problem
        A checked problem.
    ties
        From :func:`tie_groups`.
    low, high
        Feasible plans; the walk starts at ``low``, whose disruption should be within the caps.
    caps
        Caps on disruption by growing size [money].

    Returns
    -------
    list of Plan
        One per cap, feasible; ``low`` itself where nothing of ``high`` helps within the cap.
    """
    costs = [group_costs(problem, plan.window) for plan in (low, high)]
    exposure = sum_by(ties.unit, costs[1][0] - costs[0][0], ties.count)
    disruption = sum_by(ties.unit, costs[1][1] - costs[0][1], ties.count)
    helps = np.flatnonzero(exposure < 0)
    per_money = exposure[helps] / np.maximum(disruption[helps], 1e-9)
    order = helps[np.argsort(per_money, kind="stable")]
    ptr, cell, minutes = _labour_changes(problem, ties, low, high)
    room = problem.capacity_minutes.ravel() - _minutes(problem, low) + CAPACITY_TOLERANCE_MINUTES / 2
    takes_high = np.zeros(ties.count, dtype=np.bool_)
    spent = float(costs[0][1].sum())
    plans = []
    for cap in caps:
        for _ in range(_ROUNDS):
            before = spent
            spent = _walk(order, takes_high, ptr, cell, minutes, room, disruption, spent, float(cap))
            if spent == before:
                break
        chosen = takes_high[ties.unit][problem.change_group]
        plans.append(Plan(np.where(chosen, high.window, low.window)))
    return plans


def _minutes(problem: Problem, plan: Plan) -> Floats:
    """Return minutes used per cell ``team * W + window``."""
    _, cell, minutes = _entries(problem, plan)
    return sum_by(cell, minutes, problem.capacity_minutes.size)


def _entries(problem: Problem, plan: Plan) -> tuple[Ints, Ints, Floats]:
    """Return (group, cell, minutes) of every change done and every opening."""
    done = np.flatnonzero(plan.window >= 0)
    opened = opened_slots(problem, plan.window)
    slot_group = np.searchsorted(problem.slot_ptr, opened, side="right") - 1
    every_group = np.concatenate((problem.change_group[done], slot_group))
    every_window = np.concatenate((plan.window[done], problem.slot_window[opened]))
    minutes = np.concatenate((problem.labour_minutes[done], problem.slot_labour_minutes[opened]))
    return every_group, problem.group_team[every_group] * problem.num_windows + every_window, minutes


def _labour_changes(problem: Problem, ties: Ties, low: Plan, high: Plan) -> tuple[Ints, Ints, Floats]:
    """Return, as lists per unit, the cells whose use changes from ``low`` to ``high`` and by how much."""
    cells = problem.capacity_minutes.size
    keys, values = [], []
    for plan, sign in ((low, -1.0), (high, 1.0)):
        group, cell, minutes = _entries(problem, plan)
        keys.append(ties.unit[group] * cells + cell)
        values.append(sign * minutes)
    key, place = np.unique(np.concatenate(keys), return_inverse=True)
    total = sum_by(place, np.concatenate(values), len(key))
    unit, cell = np.divmod(key, max(cells, 1))
    return np.searchsorted(unit, np.arange(ties.count + 1)), cell, total


@kernel
def _walk(
    order: Ints,
    takes_high: npt.NDArray[np.bool_],
    ptr: Ints,
    cell: Ints,
    minutes: Floats,
    room: Floats,
    disruption: Floats,
    spent: float,
    cap: float,
) -> float:
    """Let units follow ``high`` in order, where cap and room allow; return the disruption then."""
    for unit in order:
        if takes_high[unit] or spent + disruption[unit] > cap:
            continue
        fits = True
        for k in range(ptr[unit], ptr[unit + 1]):
            if minutes[k] > 0 and minutes[k] > room[cell[k]]:
                fits = False
                break
        if fits:
            takes_high[unit] = True
            spent += disruption[unit]
            for k in range(ptr[unit], ptr[unit + 1]):
                room[cell[k]] -= minutes[k]
    return spent
