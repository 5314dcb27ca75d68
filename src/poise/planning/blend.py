"""Plans between two plans.

Two good plans that differ in disruption differ in many groups. Groups that no link or exclusion ties
together can each follow either plan, so between the two lie many others: we walk from the cheaper to
the dearer one, taking the groups with the most exposure saved per disruption first, as far as a cap
on disruption, the teams' minutes and the problem's own caps allow. This finds plans that no single
weight finds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.choices import group_costs, opened_slots, sum_by
from poise.planning.components import lowest_connected
from poise.planning.decomposition.jit import kernel
from poise.planning.evaluate import evaluate
from poise.planning.problem import CAPACITY_TOLERANCE_MINUTES, Floats, Goal, Ints, Plan, Problem

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


def blend(
    problem: Problem,
    ties: Ties,
    low: Plan,
    high: Plan,
    caps: Floats,
    goal: Goal = "exposure",
) -> list[Plan]:
    """Return, for each cap, a plan between two plans with at most that disruption.

    Parameters
    ----------
    problem
        A checked problem; caps on moves away from a plan are not kept.
    ties
        From :func:`tie_groups`.
    low, high
        Plans that keep all rules, ``low`` the problem's caps as well; the walk starts there, and its
        disruption should be within the caps.
    caps
        Caps on disruption by growing size [money].
    goal
        What to save; with ``"disruption"``, the caps are on exposure plus late cost.

    Returns
    -------
    list of Plan
        One per cap, feasible; ``low`` itself where nothing of ``high`` helps within the cap.
    """
    costs = [group_costs(problem, plan.window) for plan in (low, high)]
    wanted, capped = (0, 1) if goal == "exposure" else (1, 0)
    saved = sum_by(ties.unit, costs[1][wanted] - costs[0][wanted], ties.count)
    paid = sum_by(ties.unit, costs[1][capped] - costs[0][capped], ties.count)
    helps = np.flatnonzero(saved < 0)
    per_money = saved[helps] / np.maximum(paid[helps], 1e-9)
    order = helps[np.argsort(per_money, kind="stable")]
    ptr, cell, amounts = _use_changes(problem, ties, low, high)
    room = _room(problem, low)
    takes_high = np.zeros(ties.count, dtype=np.bool_)
    spent = float(costs[0][capped].sum())
    plans = []
    for cap in caps:
        for _ in range(_ROUNDS):
            before = spent
            spent = _walk(order, takes_high, ptr, cell, amounts, room, paid, spent, float(cap))
            if spent == before:
                break
        chosen = takes_high[ties.unit][problem.change_group]
        plans.append(Plan(np.where(chosen, high.window, low.window)))
    return plans


def _room(problem: Problem, plan: Plan) -> Floats:
    """Return what a plan leaves of each cell: minutes of ``team * W + window``, then the rows of caps."""
    seen = evaluate(problem, plan)
    minutes = problem.capacity_minutes - seen.usage_minutes + CAPACITY_TOLERANCE_MINUTES / 2
    rows = problem.caps.limit - seen.cap_amounts + problem.caps.slack / 2
    return np.concatenate((minutes.ravel(), rows))


def _entries(problem: Problem, plan: Plan) -> tuple[Ints, Ints, Floats]:
    """Return (group, cell, amount) of all that a plan uses.

    A unit of several slots in a row of caps counts for every slot that is open, which is too much where
    groups share it: a walk then takes fewer, and never too many.
    """
    done = np.flatnonzero(plan.window >= 0)
    opened = opened_slots(problem, plan.window)
    slot_group = np.searchsorted(problem.slot_ptr, opened, side="right") - 1
    group = np.concatenate((problem.change_group[done], slot_group))
    window = np.concatenate((plan.window[done], problem.slot_window[opened]))
    minutes = np.concatenate((problem.labour_minutes[done], problem.slot_labour_minutes[opened]))
    cell = problem.group_team[group] * problem.num_windows + window
    caps, first = problem.caps, problem.capacity_minutes.size
    if not caps.num_rows:
        return group, cell, minutes
    unit = caps.entry_unit
    used = np.isin(caps.unit_slot, opened)
    unit_group = np.searchsorted(problem.slot_ptr, caps.unit_slot[used], side="right") - 1
    end = np.where(plan.window >= 0, problem.window_end_days[plan.window], problem.horizon_days)
    waited = (end - problem.release_days)[caps.share_change]
    row = caps.share_row
    return (
        np.concatenate((group, unit_group, problem.change_group[caps.share_change])),
        np.concatenate((cell, first + caps.unit_row[unit[used]], first + row)),
        np.concatenate(
            (
                minutes,
                caps.unit_amount[unit[used]],
                caps.share * problem.exposure_per_day[caps.share_change] * waited,
            )
        ),
    )


def _use_changes(problem: Problem, ties: Ties, low: Plan, high: Plan) -> tuple[Ints, Ints, Floats]:
    """Return, as lists per unit, the cells whose use changes from ``low`` to ``high`` and by how much."""
    cells = problem.capacity_minutes.size + problem.caps.num_rows
    keys, values = [], []
    for plan, sign in ((low, -1.0), (high, 1.0)):
        group, cell, amount = _entries(problem, plan)
        keys.append(ties.unit[group] * cells + cell)
        values.append(sign * amount)
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
    amount: Floats,
    room: Floats,
    paid: Floats,
    spent: float,
    cap: float,
) -> float:
    """Let units follow ``high`` in order, where cap and room allow; return what is spent then."""
    for unit in order:
        if takes_high[unit] or spent + paid[unit] > cap:
            continue
        fits = True
        for k in range(ptr[unit], ptr[unit + 1]):
            if amount[k] > 0 and amount[k] > room[cell[k]]:
                fits = False
                break
        if fits:
            takes_high[unit] = True
            spent += paid[unit]
            for k in range(ptr[unit], ptr[unit + 1]):
                room[cell[k]] -= amount[k]
    return spent
