"""When law meets hard capacity: overtime, or an emergency window, each with its price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poise.errors import NoFeasiblePlanError
from poise.planning.capped import find_any, solve_within
from poise.planning.edit import with_window
from poise.planning.evaluate import evaluate
from poise.planning.problem import Problem
from poise.table.binding import bind
from poise.table.ground import Ground
from poise.table.limits import Limit
from poise.table.solving import Effort

#: Overtime is asked for in steps of an hour a window, up to a night's work more.
STEP_MINUTES, MOST_STEPS = 60.0, 8


@dataclass(frozen=True)
class EmergencyWay:
    """A way to keep the law that the calendar and capacity do not allow for.

    Parameters
    ----------
    kind
        ``overtime``: every team may work this much longer in a window. ``emergency``: groups are opened
        in the night after now, outside the calendar.
    minutes
        Most that any team works beyond its capacity in one window [min]; 0 for an emergency window.
    groups
        Opened in the emergency window.
    price
        Of the overtime used, or of the emergency openings [money].
    """

    kind: str
    minutes: float
    groups: tuple[str, ...]
    price: float


def emergency_ways(ground: Ground, law: Sequence[Limit], effort: Effort) -> tuple[EmergencyWay, ...]:
    """Return ways to keep the law, cheapest first; none where neither overtime nor one night helps."""
    problem = bind(ground, law).problem
    ways = [way for way in (_overtime(ground, problem, effort), _emergency(ground, problem, effort)) if way]
    return tuple(sorted(ways, key=lambda way: way.price))


def _overtime(ground: Ground, problem: Problem, effort: Effort) -> EmergencyWay | None:
    for step in range(1, MOST_STEPS + 1):
        longer = replace(problem, capacity_minutes=problem.capacity_minutes + step * STEP_MINUTES)
        try:
            plan = find_any(longer, effort.seconds)
        except NoFeasiblePlanError:
            continue
        if plan is None:
            continue
        best = solve_within(longer, 1.0, seconds=effort.seconds, warm=plan, rounds=effort.rounds)
        over = np.maximum(0.0, best.evaluation.usage_minutes - problem.capacity_minutes)
        price = float((over * np.array(ground.overtime_per_minute)[:, None]).sum())
        return EmergencyWay("overtime", float(over.max(initial=0.0)), (), price)
    return None


def _emergency(ground: Ground, problem: Problem, effort: Effort) -> EmergencyWay | None:
    labour = np.zeros(problem.num_groups)
    cost = np.array(ground.emergency_cost)
    end = ground.days(ground.emergency_end)
    if end > problem.horizon_days:
        return None
    wider, night = with_window(problem, ground.days(ground.emergency_start), end, cost, labour)
    try:
        plan = find_any(wider, effort.seconds)
    except NoFeasiblePlanError:
        return None
    if plan is None:
        return None
    # An emergency is asked for where nothing else does it: its price counts many times over in the search.
    rare, _ = with_window(problem, ground.days(ground.emergency_start), end, 1e3 * (1.0 + cost), labour)
    best = solve_within(rare, np.inf, seconds=effort.seconds, warm=plan, rounds=effort.rounds).plan
    if not evaluate(wider, best).is_feasible:
        best = plan
    groups = np.unique(wider.change_group[best.window == night])
    names = tuple(ground.groups[group].id for group in groups)
    return EmergencyWay("emergency", 0.0, names, float(cost[groups].sum()))
