"""Fair points before and after negotiable limits, with what is proven about all other plans.

An equal share of the best rewards whoever posts limits: one that does not bind at the fair plan still
cuts the other side's best. So the points before negotiable limits stand beside those after them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from poise.bargain import Bargain, Stakes, bargain
from poise.bargain.certify import BoundLines, Certificate, certify
from poise.errors import NoFeasiblePlanError
from poise.planning.capped import EXACT_CHOICES, solve_within
from poise.planning.caps import CapRow, join_caps
from poise.planning.choices import list_choices
from poise.planning.epsilon import sweep_exactly
from poise.planning.evaluate import evaluate
from poise.planning.problem import Ints, Plan, Problem
from poise.planning.tracing import Trace, trace
from poise.table.binding import bind, rows_of, touched
from poise.table.ground import Ground, as_plan
from poise.table.limits import Limit
from poise.table.solving import Costs, Effort, Progress, costs_of, moves_between

#: Weights around the exchange rate of the fair point before limits, for the frontier after them.
_WEIGHTS = (0.2, 0.5, 1.0, 2.0, 5.0)
#: The plan of fewest moves gives both sides at least this part of the equal share [1].
FEWEST_MOVES_SHARE = 0.5
#: Points of the frontier after limits where it is swept exactly, and time for it in solves.
_EXACT_POINTS, _EXACT_SOLVES = 101, 4
#: Times that the number of moves is halved in search of the fewest.
_HALVINGS = 5
#: Steps that progress counts: every weight, the trace, the neighbours of the equal share, the fewest moves.
_STEPS = len(_WEIGHTS) + 3


@dataclass(frozen=True)
class Landmark:
    """One named plan, its costs, and each side's share of its best gain over the default."""

    key: str
    label: str
    plan: Plan
    costs: Costs
    share_security: float | None
    share_operations: float | None
    #: Moves from the plan in force: the signed one, else the default.
    moves: int


@dataclass(frozen=True)
class Landmarks:
    """Fair points on one set of plans.

    ``certificate`` is None where a side has nothing to gain over the default.
    """

    default: Costs
    points: tuple[Landmark, ...]
    certificate: Certificate | None

    def point(self, key: str) -> Landmark:
        """Return a landmark; KeyError when there is none of that key."""
        return next(point for point in self.points if point.key == key)


@dataclass(frozen=True)
class DraftPlan:
    """The plan under talk: the last proposal, else the fair point after limits, else the one before."""

    label: str
    plan: Plan
    costs: Costs


def landmarks_before(ground: Ground, in_force: Plan) -> Landmarks:
    """Return the fair points before negotiable limits, from the frontier of the ground."""
    plans = [as_plan(stored.windows) for stored in ground.plans]
    lines = BoundLines(np.array(ground.line_weight), np.array(ground.line_bound), np.zeros(0), np.zeros(0))
    return _landmarks(ground, plans, lines, in_force)


def landmarks_after(
    ground: Ground,
    limits: Sequence[Limit],
    before: Landmarks,
    in_force: Plan,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Landmarks:
    """Return the fair points of plans that keep all limits.

    Raises
    ------
    NoFeasiblePlanError
        When no plan keeps them all, or none was found in time.
    TableError
        E559 when the computation was stopped.
    """
    effort = effort or Effort()
    tell = progress or (lambda done, total, text: None)
    if not limits:
        return before
    problem = bind(ground, limits).problem
    tell(0, _STEPS, "a plan that keeps all limits")
    if len(list_choices(problem).change) <= EXACT_CHOICES:
        plans, lines = _exact_frontier(problem, effort)
        return _landmarks(ground, plans, lines, in_force, problem=problem, effort=effort)
    start = before.point("kalai-smorodinsky")
    rate = _exchange_rate(ground, start.costs)
    focus = touched(ground, limits)
    first = _solve(problem, rate, start.plan, focus, effort)
    weights = [factor * rate for factor in _WEIGHTS if factor != 1.0]
    found = [first]
    with ThreadPoolExecutor(max(1, effort.threads)) as executor:
        for other in executor.map(lambda weight: _solve(problem, weight, first[0], focus, effort), weights):
            tell(len(found), _STEPS, "the frontier under all limits")
            found.append(other)
    lines = BoundLines(
        np.array([rate, *weights]), np.array([bound for _, bound in found]), np.zeros(0), np.zeros(0)
    )
    plans = [plan for plan, _ in found]
    plans += [
        plan for stored in ground.plans if evaluate(problem, plan := as_plan(stored.windows)).is_feasible
    ]
    fair = _landmarks(ground, plans, lines, in_force).point("kalai-smorodinsky")
    tell(len(_WEIGHTS), _STEPS, "what no plan can be better than")
    seen = _trace(problem, fair.costs.operations, rate, plans, effort)
    plans, lines = [*plans, *(spot.plan for spot in seen.spots)], _more_lines(lines, seen)
    tell(len(_WEIGHTS) + 1, _STEPS, "plans around the equal share")
    plans += _between(problem, _landmarks(ground, plans, lines, in_force), plans, effort)
    tell(len(_WEIGHTS) + 2, _STEPS, "the plan of fewest moves")
    return _landmarks(ground, plans, lines, in_force, problem=problem, effort=effort)


def _trace(problem: Problem, disruption: float, rate: float, plans: Sequence[Plan], effort: Effort) -> Trace:
    effort.go_on()
    return trace(
        problem,
        disruption,
        rate,
        plans=plans,
        seed=effort.seed,
        threads=effort.threads,
        stop=effort.stop,
    )


def _more_lines(lines: BoundLines, seen: Trace) -> BoundLines:
    weights, bounds = (np.array([line[part] for line in seen.lines]) for part in (0, 1))
    return replace(
        lines,
        weight=np.concatenate((lines.weight, weights)),
        bound=np.concatenate((lines.bound, bounds)),
    )


def _exact_frontier(problem: Problem, effort: Effort) -> tuple[list[Plan], BoundLines]:
    """Return the plans of a small problem's frontier, and the lines and steps that prove it."""
    end = time.monotonic() + _EXACT_SOLVES * effort.seconds
    exact = sweep_exactly(
        problem, [], points=_EXACT_POINTS, seconds_left=lambda: end - time.monotonic(), advance=lambda _: None
    )
    return list(exact.plans), BoundLines(
        np.array([weight for weight, _ in exact.lines]),
        np.array([bound for _, bound in exact.lines]),
        np.array([cap for cap, _ in exact.steps]),
        np.array([bound for _, bound in exact.steps]),
        exact.least_disruption,
    )


def _solve(problem: Problem, weight: float, warm: Plan, focus: Ints, effort: Effort) -> tuple[Plan, float]:
    effort.go_on()
    found = solve_within(
        problem,
        weight,
        seconds=effort.seconds,
        warm=warm,
        focus=focus,
        rounds=effort.rounds,
        seed=effort.seed,
    )
    return found.plan, found.bound


def _between(problem: Problem, coarse: Landmarks, plans: Sequence[Plan], effort: Effort) -> list[Plan]:
    """Return plans around the equal share that no weight finds: caps half-way to its neighbours."""
    fair = coarse.point("kalai-smorodinsky")
    disruptions = sorted({costs_of(problem, plan).operations for plan in plans})
    place = int(np.searchsorted(disruptions, fair.costs.operations))
    found = []
    for neighbour in disruptions[max(0, place - 1) : place] + disruptions[place + 1 : place + 2]:
        effort.go_on()
        cap = 0.5 * (neighbour + fair.costs.operations)
        warm = min(
            (plan for plan in plans if costs_of(problem, plan).operations <= cap),
            key=lambda plan: costs_of(problem, plan).security,
            default=None,
        )
        if warm is None:
            continue
        try:
            solution = solve_within(
                problem, 0.0, seconds=effort.seconds, disruption_cap=cap, warm=warm, rounds=effort.rounds
            )
        except NoFeasiblePlanError:
            continue
        found.append(solution.plan)
    return found


def _exchange_rate(ground: Ground, at: Costs) -> float:
    """Return the weight of the proven line that is highest at a point: exposure per money of disruption."""
    lines = np.array(ground.line_bound) - np.array(ground.line_weight) * at.operations
    return max(float(ground.line_weight[int(np.argmax(lines))]), 1e-3) if len(lines) else 1.0


def _landmarks(
    ground: Ground,
    plans: Sequence[Plan],
    lines: BoundLines,
    in_force: Plan,
    *,
    problem: Problem | None = None,
    effort: Effort | None = None,
) -> Landmarks:
    costs = [costs_of(ground.problem, plan) for plan in plans]
    default = costs_of(ground.problem, in_force)
    # The default breaks no law but may break limits; it is what happens if nobody signs all the same.
    stakes = [
        *(Stakes(one.security, one.operations) for one in costs),
        Stakes(default.security, default.operations),
    ]
    found = bargain(stakes, stakes[-1])
    every = [*plans, in_force]
    all_costs = [*costs, default]
    named = [
        ("nash", "Largest product of gains", found.nash[0]),
        ("kalai-smorodinsky", "Equal share of the best", found.kalai_smorodinsky[0]),
        ("least-total", "Least total cost", found.least_total),
    ]
    points = [
        _point(key, label, every[place], all_costs[place], found, in_force) for key, label, place in named
    ]
    if problem is not None:
        calm = fewest_moves(problem, found, default, points[1], in_force, effort or Effort())
        if calm is not None:
            stake = costs_of(ground.problem, calm)
            points.append(_point("fewest-moves", "Fewest moves", calm, stake, found, in_force))
    certificate = certify(found, [(one.security, one.operations) for one in all_costs], lines)
    return Landmarks(default, tuple(points), certificate)


def _point(key: str, label: str, plan: Plan, costs: Costs, found: Bargain, in_force: Plan) -> Landmark:
    security, operations = (
        None if math.isnan(share) else share
        for share in found.shares(Stakes(costs.security, costs.operations))
    )
    return Landmark(
        key,
        label,
        plan,
        costs,
        security,
        operations,
        len(moves_between(plan, in_force)),
    )


def fewest_moves(
    problem: Problem, found: Bargain, default: Costs, fair: Landmark, in_force: Plan, effort: Effort
) -> Plan | None:
    """Return the plan nearest to the one in force that gives both sides half of the equal share.

    The number of moves is narrowed by halving between what is proven impossible and what was found; so
    the plan may take more moves than the least where a solve ran out of time.
    """
    shares = (fair.share_security, fair.share_operations)
    if None in shares:
        return None
    part = FEWEST_MOVES_SHARE * min(share for share in shares if share is not None)
    caps = (
        default.security - part * (default.security - found.security_ideal),
        default.operations - part * (default.operations - found.operations_ideal),
    )
    best, most = fair.plan, len(moves_between(fair.plan, in_force))
    least = -1
    for _ in range(_HALVINGS):
        effort.go_on()
        if most - least <= 1:
            break
        try:
            solution = solve_within(
                with_moves(problem, in_force, float((least + most) // 2)),
                1.0,
                seconds=effort.seconds / 6,
                disruption_cap=caps[1],
                exposure_cap=caps[0],
                warm=in_force,
                focus=np.unique(problem.change_group[moves_between(fair.plan, in_force)]),
                rounds=1,
                is_local=True,
            )
        except NoFeasiblePlanError:
            least = (least + most) // 2
            continue
        best, most = solution.plan, len(moves_between(solution.plan, in_force))
    return best


def with_moves(problem: Problem, kept: Plan, most: float, amount: Ints | None = None) -> Problem:
    """Return a problem whose plans make at most so many moves away from one.

    Parameters
    ----------
    amount
        What each change's move counts, shape ``(J,)``; 1 each by default.
    """
    weight = np.ones(problem.num_changes) if amount is None else amount.astype(np.float64)
    row = CapRow(most, kept_window=kept.window, move_amount=weight)
    return replace(problem, caps=join_caps([*rows_of(problem.caps), row], problem.num_changes))


def ideals(ground: Ground, default: Costs, talked_of: Sequence[Costs] = ()) -> Costs:
    """Return each side's least cost among known plans that leave neither worse off than the default.

    Parameters
    ----------
    talked_of
        Costs of plans that came onto the table later, such as one solved under limits: between two points of
        the frontier it may give a side more than either.
    """
    frontier = (costs_of(ground.problem, as_plan(stored.windows)) for stored in ground.plans)
    costs = [*frontier, *talked_of, default]
    stakes = [Stakes(one.security, one.operations) for one in costs]
    found = bargain(stakes, stakes[-1])
    return Costs(found.security_ideal, found.operations_ideal)


def shares_of(costs: Costs, default: Costs, ideal: Costs) -> tuple[float, float]:
    """Return (security's, operations') share of its largest gain over the default [1]; 0 without any."""

    def share(worst: float, own: float, best: float) -> float:
        return (worst - own) / (worst - best) if worst - best > 1e-9 else 0.0

    return (
        share(default.security, costs.security, ideal.security),
        share(default.operations, costs.operations, ideal.operations),
    )
