"""A new plan with the fewest moves from the one that was signed, and the whole re-plan beside it.

People were told windows, and some work is done. So a re-plan first asks what few moves recover; moves
of announced windows weigh more, and what was executed never moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from poise.errors import NoFeasiblePlanError
from poise.planning.capped import solve_within
from poise.planning.evaluate import evaluate
from poise.planning.problem import Ints, Plan
from poise.table.binding import bind
from poise.table.ground import Ground
from poise.table.landmarks import with_moves
from poise.table.limits import Limit
from poise.table.solving import Costs, Effort, costs_of, moves_between

Progress = Callable[[int, int, str], None]

#: What moving an announced window counts, where moving another counts 1.
ANNOUNCED_WEIGHT = 3
#: More than any limit on moves: what is done stays done.
EXECUTED_WEIGHT = 10**6
#: Numbers of moves tried.
BUDGETS = (1, 2, 3, 5, 8, 12, 20, 32)
#: Stop when another move gains less than this part of what a whole re-plan gains [1].
LEAST_GAIN_PER_MOVE = 0.01


@dataclass(frozen=True)
class Replan:
    """One way on from the signed plan.

    Parameters
    ----------
    budget
        Weighted moves allowed; None for the whole re-plan.
    recovered
        Part of what the whole re-plan gains in total cost over keeping the plan [1].
    """

    budget: int | None
    plan: Plan
    costs: Costs
    moved: Ints
    recovered: float


@dataclass(frozen=True)
class Replans:
    """Ways on, fewest moves first, the whole re-plan last.

    ``kept`` tells what keeping the signed plan costs now; ``is_possible`` whether it still can be kept.
    """

    kept: Costs
    is_possible: bool
    ways: tuple[Replan, ...]


def replan(
    ground: Ground,
    limits: Sequence[Limit],
    signed: Plan,
    *,
    announced: Ints,
    executed: Ints,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Replans:
    """Return plans with growing numbers of moves from a signed one, and the whole re-plan.

    Parameters
    ----------
    signed
        In the windows of this ground; need not be possible any more.
    announced, executed
        Changes whose windows people were told, and those that are done.

    Raises
    ------
    NoFeasiblePlanError
        When no plan keeps the limits with what is executed.
    """
    effort = effort or Effort()
    problem = bind(ground, limits).problem
    amount = np.ones(problem.num_changes, dtype=np.int64)
    amount[announced] = ANNOUNCED_WEIGHT
    amount[executed] = EXECUTED_WEIGHT
    kept = costs_of(ground.problem, signed)
    is_possible = evaluate(problem, signed).is_feasible
    done = with_moves(problem, signed, EXECUTED_WEIGHT - 1.0, amount)
    focus = np.unique(problem.change_group)
    whole = solve_within(
        done, 1.0, seconds=effort.seconds, warm=signed, focus=focus, rounds=effort.rounds, seed=effort.seed
    )
    whole_costs = costs_of(ground.problem, whole.plan)
    total_gain = _total(kept) - _total(whole_costs)
    differing = np.unique(problem.change_group[moves_between(signed, whole.plan)])
    ways: list[Replan] = []
    for number, budget in enumerate(BUDGETS):
        if progress:
            progress(number, len(BUDGETS), f"at most {budget} moves")
        try:
            found = solve_within(
                with_moves(problem, signed, float(budget), amount),
                1.0,
                seconds=effort.seconds / 4,
                warm=ways[-1].plan if ways else signed,
                focus=differing,
                rounds=effort.rounds,
                seed=effort.seed,
                is_local=True,
            )
        except NoFeasiblePlanError:
            continue
        way = _way(ground, signed, found.plan, budget, kept, total_gain)
        if ways and way.recovered - ways[-1].recovered < LEAST_GAIN_PER_MOVE * (
            budget - (ways[-1].budget or 0)
        ):
            break
        ways.append(way)
    ways.append(_way(ground, signed, whole.plan, None, kept, total_gain))
    return Replans(kept, is_possible, tuple(ways))


def _way(
    ground: Ground, signed: Plan, plan: Plan, budget: int | None, kept: Costs, total_gain: float
) -> Replan:
    costs = costs_of(ground.problem, plan)
    gain = _total(kept) - _total(costs)
    recovered = gain / total_gain if total_gain > 1e-9 else 1.0
    return Replan(budget, plan, costs, moves_between(plan, signed), recovered)


def _total(costs: Costs) -> float:
    return costs.security + costs.operations
