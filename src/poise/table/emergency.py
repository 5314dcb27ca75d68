"""When law meets hard capacity: overtime, or emergency windows, each with its price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poise.errors import NoFeasiblePlanError
from poise.planning.capped import find_any, solve_within
from poise.planning.edit import with_window
from poise.planning.evaluate import evaluate
from poise.planning.problem import Floats, Plan, Problem
from poise.table.binding import bind
from poise.table.ground import Ground
from poise.table.limits import Limit
from poise.table.solving import Effort

#: Overtime is asked for in steps of an hour a window, up to a night's work more.
STEP_MINUTES, MOST_STEPS = 60.0, 8
#: How many nights in a row may be emergency windows: rollout rings need days between their stages.
NIGHTS = (1, 2, 3, 5, 7)
#: What is said where there is no way.
NO_WAY = "none found: neither overtime nor a week of emergency windows was seen to do it"


@dataclass(frozen=True)
class EmergencyWay:
    """A way to keep the law that the calendar and capacity do not allow for.

    Parameters
    ----------
    kind
        ``overtime``: every team may work this much longer in a window. ``emergency``: groups are opened
        in nights after now, outside the calendar.
    minutes
        Most that any team works beyond its capacity in one window [min].
    nights
        Groups opened in each emergency window, from the night after now on; none for overtime.
    price
        Of the overtime used and the emergency openings, each night priced as the first [money].
    """

    kind: str
    minutes: float
    nights: tuple[tuple[str, ...], ...]
    price: float


def emergency_ways(ground: Ground, law: Sequence[Limit], effort: Effort) -> tuple[EmergencyWay, ...]:
    """Return ways to keep the law, cheapest first; none where neither overtime nor a week of nights helps."""
    problem = bind(ground, law).problem
    ways = [way for way in (_overtime(ground, problem, effort), _emergency(ground, problem, effort)) if way]
    return tuple(sorted(ways, key=lambda way: way.price))


def way_words(way: EmergencyWay) -> str:
    """Return a way as a phrase, without its price."""
    longer = f"overtime of up to {way.minutes / 60:.1f} h in a window"
    if way.kind == "overtime":
        return longer
    when = ("tonight", "the night after", *(f"{number} nights from now" for number in range(2, max(NIGHTS))))
    nights = [
        f"{night} for {', '.join(groups)}" for night, groups in zip(when, way.nights, strict=False) if groups
    ]
    windows = "an emergency window" if len(nights) == 1 else "emergency windows"
    return f"{windows} {'; '.join(nights)}" + (f"; and {longer}" if way.minutes > 0 else "")


def _any(problem: Problem, effort: Effort) -> Plan | None:
    """Return a plan; None where there is none, or none was found."""
    effort.go_on()
    try:
        return find_any(problem, effort.seconds)
    except NoFeasiblePlanError:
        return None


def _longer(problem: Problem, steps: int) -> Problem:
    """Return a problem in which every team may work so many steps longer in each window."""
    return replace(problem, capacity_minutes=problem.capacity_minutes + steps * STEP_MINUTES)


def _beyond(ground: Ground, problem: Problem, usage_minutes: Floats) -> tuple[float, float]:
    """Return the most that a team works beyond its capacity in a window [min], and the price of it all."""
    over = np.maximum(0.0, usage_minutes - problem.capacity_minutes)
    price = float((over * np.array(ground.overtime_per_minute)[:, None]).sum())
    return float(over.max(initial=0.0)), price


def _overtime(ground: Ground, problem: Problem, effort: Effort) -> EmergencyWay | None:
    for step in range(1, MOST_STEPS + 1):
        longer = _longer(problem, step)
        plan = _any(longer, effort)
        if plan is not None:
            best = solve_within(longer, 1.0, seconds=effort.seconds, warm=plan, rounds=effort.rounds)
            minutes, price = _beyond(ground, problem, best.evaluation.usage_minutes)
            return EmergencyWay("overtime", minutes, (), price)
    return None


def _emergency(ground: Ground, problem: Problem, effort: Effort) -> EmergencyWay | None:
    """Return the way of fewest nights, without overtime if that does; a night's price counts many times over.

    An emergency is asked for where nothing else does it.
    """
    cost = np.array(ground.emergency_cost)
    start, end = ground.days(ground.emergency_start), ground.days(ground.emergency_end)
    last = problem.last_days[np.isfinite(problem.last_days)].max(initial=0.0)
    counts = [nights for nights in NIGHTS if end + nights - 1 <= min(problem.horizon_days, max(last, end))]
    for steps in (0, MOST_STEPS):
        # What the most nights cannot do, fewer cannot: told by one solve.
        most = _opened(problem, start, end, max(counts, default=0), cost)[0]
        if _any(_longer(most, steps), effort) is None:
            continue
        for nights in counts:
            plain, windows = _opened(problem, start, end, nights, cost)
            wider = _longer(plain, steps)
            plan = _any(wider, effort)
            if plan is None:
                continue
            rare = _longer(_opened(problem, start, end, nights, 1e3 * (1.0 + cost))[0], steps)
            best = solve_within(rare, np.inf, seconds=effort.seconds, warm=plan, rounds=effort.rounds).plan
            seen = evaluate(wider, best)
            if not seen.is_feasible:
                best, seen = plan, evaluate(wider, plan)
            minutes, price = _beyond(ground, plain, seen.usage_minutes)
            opened = [np.unique(wider.change_group[best.window == window]) for window in windows]
            names = tuple(tuple(ground.groups[group].id for group in groups) for groups in opened)
            price += sum(float(cost[groups].sum()) for groups in opened)
            return EmergencyWay("emergency", minutes, names, price)
    return None


def _opened(
    problem: Problem, start: float, end: float, nights: int, cost: Floats
) -> tuple[Problem, tuple[int, ...]]:
    """Return a problem with so many nights as further windows, and their numbers; times in days from now."""
    labour, windows = np.zeros(problem.num_groups), []
    for night in range(nights):
        problem, window = with_window(problem, start + night, end + night, cost, labour)
        windows.append(window)
    return problem, tuple(windows)
