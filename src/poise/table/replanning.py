"""A new plan with the fewest moves from the one that was signed, and the whole re-plan beside it.

People were told windows, and some work is done. So a re-plan first asks what few moves recover; moves
of announced windows weigh more, and what was executed never moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from poise.errors import Fault, NoFeasiblePlanError, TableError
from poise.planning.capped import solve_within
from poise.planning.evaluate import evaluate
from poise.planning.mixing import best_mix, fewest_moves
from poise.planning.problem import CappedSolution, Ints, Plan, Problem
from poise.table.agreement import agreed_plan
from poise.table.binding import bind
from poise.table.ground import Ground
from poise.table.landmarks import with_moves
from poise.table.limits import Limit
from poise.table.session import Session
from poise.table.solving import Costs, Effort, Progress, costs_of, moves_between

Tell = Callable[[int, str], None]

#: What moving an announced window counts, where moving another counts 1.
ANNOUNCED_WEIGHT = 3
#: More than any limit on moves: what is done stays done.
EXECUTED_WEIGHT = 10**6
#: Ways offered between the fewest moves and the whole re-plan.
STEPS = 6
#: Two total costs closer than this, relative, are the same.
SAME_TOTAL = 1e-9
#: A way recovers at least this part more of the gain than the one before [1].
LEAST_GAIN = 0.005


@dataclass(frozen=True)
class Replan:
    """One way on from the signed plan.

    Parameters
    ----------
    budget
        Weighted moves allowed; None for the whole re-plan.
    moves
        Weighted moves made.
    recovered
        Part of what the whole re-plan gains in total cost over keeping the plan, or over the fewest moves
        where it cannot be kept [1].
    bound
        No plan of this budget has a lower total cost; proven [money].
    """

    budget: int | None
    plan: Plan
    costs: Costs
    moved: Ints
    moves: int
    recovered: float
    bound: float


@dataclass(frozen=True)
class Replans:
    """Ways on, fewest moves first, the whole re-plan last.

    ``kept`` tells what keeping the signed plan costs now; ``is_possible`` whether it still can be kept. No
    plan that keeps everything makes fewer weighted moves than ``least_moves``; proven. Changes that were
    agreed count as not done where their window is ``lost``, or is past while the reports still have them
    (``overdue``).
    """

    kept: Costs
    is_possible: bool
    ways: tuple[Replan, ...]
    least_moves: int
    lost: tuple[int, ...] = ()
    overdue: tuple[int, ...] = ()


def replan_agreement(at: Session, effort: Effort | None = None, progress: Progress | None = None) -> Replans:
    """Return the ways on from the last agreement, in force or re-opened, on the table's data.

    People were told every agreed window; what lies before now is executed.

    Raises
    ------
    NoFeasiblePlanError
        As in :func:`replan`.
    TableError
        E557 when nothing was agreed yet.
    """
    if at.negotiation.last is None:
        raise TableError(Fault("E557", "agreement", "There is no agreement to re-plan from."))
    ground, (_, body) = at.ground, at.negotiation.last
    signed = agreed_plan(ground, body)
    done = signed.window >= 0
    ends = np.append(ground.problem.window_end_days, np.inf)[signed.window]
    found = replan(
        ground,
        at.limits,
        signed,
        announced=np.flatnonzero(done),
        executed=np.flatnonzero(done & (ends <= ground.days(at.now))),
        effort=effort,
        progress=progress,
    )
    agreed = {
        number: datetime.fromisoformat(start)
        for number in np.flatnonzero(~done).tolist()
        if (start := body["plan"].get(ground.changes[number].id))
    }
    overdue = tuple(number for number, start in agreed.items() if start < ground.now)
    lost = tuple(number for number, start in agreed.items() if start >= ground.now)
    return replace(found, lost=lost, overdue=overdue)


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
    done = with_moves(problem, signed, EXECUTED_WEIGHT - 1.0, amount)

    def tell(number: int, text: str) -> None:
        effort.go_on()
        if progress:
            progress(number, STEPS + 3, text)

    def whole(warm: Plan) -> CappedSolution:
        return solve_within(
            done,
            1.0,
            seconds=effort.seconds,
            warm=warm,
            focus=np.unique(problem.change_group),
            rounds=effort.rounds,
            seed=effort.seed,
        )

    tell(0, "whole re-plan")
    found = whole(signed)
    tell(1, "fewest moves")
    few, least = fewest_moves(done, signed, amount.astype(np.float64), [found.plan], effort.seconds)
    scale = _Scale(ground, signed, amount, costs_of(ground.problem, signed))
    ways = [] if few is None else _between(scale, done, few, found.plan, effort, tell)
    tell(STEPS + 2, "whole re-plan from the best of these")
    best = min((way.plan for way in ways), key=lambda plan: _total(scale.costs(plan)), default=found.plan)
    if _total(scale.costs(best)) < found.value:
        found = whole(best)
    last = scale.way(found.plan, None, found.bound)
    kept = evaluate(problem, signed).is_feasible
    base = _total(scale.kept) if kept or not ways else _total(ways[0].costs)
    return Replans(scale.kept, kept, _worth_it([*ways, last], base), min(least, last.moves))


@dataclass(frozen=True)
class _Scale:
    """What every way on is measured by."""

    ground: Ground
    signed: Plan
    amount: Ints
    kept: Costs

    def costs(self, plan: Plan) -> Costs:
        """Return what a plan costs both sides."""
        return costs_of(self.ground.problem, plan)

    def way(self, plan: Plan, budget: int | None, bound: float) -> Replan:
        """Return a way, measured; what it recovers is not known yet."""
        costs, moved = self.costs(plan), moves_between(plan, self.signed)
        moves = int(self.amount[moved].sum())
        return Replan(budget, plan, costs, moved, moves, math.nan, min(bound, _total(costs)))


def _worth_it(ways: Sequence[Replan], base: float) -> tuple[Replan, ...]:
    """Return the ways with what they recover of the last one's gain, least effort first."""
    most = base - _total(ways[-1].costs)
    shown: list[Replan] = []
    for way in ways:
        recovered = (base - _total(way.costs)) / most if most > 1e-9 else 1.0
        least = max(LEAST_GAIN * abs(most), SAME_TOTAL * abs(base))
        if way.budget is None or not shown or _total(shown[-1].costs) - _total(way.costs) > least:
            shown.append(replace(way, recovered=recovered))
    return tuple(shown)


def _between(
    scale: _Scale,
    problem: Problem,
    few: Plan,
    whole: Plan,
    effort: Effort,
    tell: Tell,
) -> list[Replan]:
    """Return the way of fewest moves, and those of growing budgets up to the whole re-plan.

    Each is the best mixture of the signed plan, the whole re-plan and the ways before it, searched on around
    the groups that differ.
    """
    first = int(scale.amount[moves_between(few, scale.signed)].sum())
    last = int(scale.amount[moves_between(whole, scale.signed)].sum())
    plans = [scale.signed, whole, few]
    focus = np.unique(problem.change_group[moves_between(scale.signed, whole)])
    ways: list[Replan] = []
    for number, budget in enumerate(_budgets(first, last)):
        tell(number + 2, f"at most {budget} weighted moves")
        narrow = with_moves(problem, scale.signed, float(budget), scale.amount)
        mixed = best_mix(narrow, plans, 1.0, effort.seconds / 4)
        try:
            found = solve_within(
                narrow,
                1.0,
                seconds=effort.seconds / 4,
                warm=mixed or few,
                focus=focus,
                rounds=effort.rounds,
                seed=effort.seed,
                is_local=True,
            )
        except NoFeasiblePlanError:
            continue
        ways.append(scale.way(found.plan, budget, found.bound))
        plans.append(found.plan)
    return ways


def _budgets(first: int, last: int) -> list[int]:
    """Return at most so many budgets from the fewest moves to just below all, each a like factor more."""
    if last <= first:
        return [first]
    start = max(first, 1)
    steps = np.geomspace(start, last, STEPS + 1)[:-1]
    return sorted({first, *(max(first, round(step)) for step in steps)})


def _total(costs: Costs) -> float:
    return costs.security + costs.operations
