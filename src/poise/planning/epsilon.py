"""The frontier of a small problem, exactly: least exposure under one cap on disruption after another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from poise.planning.choices import list_choices
from poise.planning.exact import objective, solve_exact
from poise.planning.problem import FrontierPoint, Plan, Problem, Solution

#: A cap this close to the least disruption, relative to the largest, asks for no new plan.
_NARROW = 1e-5
#: Exposure this close to its bound, relative to that of doing nothing, counts as proven best.
_PROVEN = 1e-6
#: Least time that a solve gets [s], so that the last ones are not starved to nothing.
_LEAST_SECONDS = 0.2


@dataclass(frozen=True)
class Sweep:
    """What an exact sweep found, by growing disruption.

    Every feasible plan with a disruption of at most ``caps[i]`` has an exposure plus late cost of at
    least ``bounds[i]`` (the last cap is ``inf``), and none has less disruption than
    ``least_disruption``. For each (weight, bound) of ``lines`` every feasible plan has exposure plus late
    cost plus weight times disruption of at least the bound. All of it is proven [money].
    """

    points: tuple[FrontierPoint, ...]
    caps: tuple[float, ...]
    bounds: tuple[float, ...]
    least_disruption: float
    lines: tuple[tuple[float, float], ...]
    work: int
    is_cut: bool


class _Runner:
    """Exact solves that share one limit of time."""

    def __init__(
        self, problem: Problem, seconds_left: Callable[[], float], solves: int, threads: int
    ) -> None:
        self.problem = problem
        self.seconds_left = seconds_left
        self.solves_left = solves
        self.threads = threads
        self.work = 0
        self.is_cut = False

    def least(
        self,
        weight: float,
        *,
        disruption_cap: float | None = None,
        exposure_cap: float | None = None,
        warm: Plan | None = None,
    ) -> Solution:
        """Solve, with an equal share of the time that is left."""
        seconds = max(_LEAST_SECONDS, self.seconds_left() / max(1, self.solves_left))
        solution = solve_exact(
            self.problem,
            weight,
            seconds=seconds,
            disruption_cap=disruption_cap,
            exposure_cap=exposure_cap,
            warm=warm,
            threads=self.threads,
        )
        self.solves_left -= 1
        self.work += solution.work
        self.is_cut |= solution.stopped_by == "time"
        return solution

    def cheapest_like(self, solution: Solution) -> Solution:
        """Return the plan of least disruption among those with no more exposure than this one."""
        exposure = objective(solution.evaluation, 0.0)
        return self.least(math.inf, exposure_cap=exposure, warm=solution.plan)


def sweep_exactly(
    problem: Problem,
    *,
    points: int,
    seconds_left: Callable[[], float],
    threads: int,
    advance: Callable[[str], None],
) -> Sweep:
    """Sweep the frontier by epsilon-constraint, from its dear end down.

    Where the plan found under a cap costs less than the cap, it is the best plan for every cap in
    between too, so the next cap goes below it and no solve is wasted.

    Parameters
    ----------
    problem
        A checked problem.
    points
        Most points wanted, >= 2.
    seconds_left
        Tells how much time is left [s].
    threads
        Of HiGHS.
    advance
        Called after each point with what was done.

    Raises
    ------
    NoFeasiblePlanError
        When the hard rules leave no plan at all, or the time was over before the first.
    """
    runner = _Runner(problem, seconds_left, 3 * points, threads)
    calm = runner.least(math.inf)
    bottom = calm.evaluation.disruption
    left = runner.least(0.0, disruption_cap=bottom, warm=calm.plan)
    advance("least disruption")
    safest = runner.least(0.0, warm=left.plan)
    found = [(math.inf, safest.bound, runner.cheapest_like(safest))]
    advance("least exposure")
    top = found[0][2].evaluation.disruption
    for remaining in range(points - 2, 0, -1):
        last = found[-1][2].evaluation.disruption
        cap = bottom + (last - bottom) * remaining / (remaining + 1)
        if cap - bottom <= _NARROW * max(1.0, top) or seconds_left() <= 0:
            break
        solution = runner.least(0.0, disruption_cap=cap, warm=left.plan)
        found.append((cap, solution.bound, runner.cheapest_like(solution)))
        advance(f"disruption up to {cap:,.0f}")
    found.append((bottom, left.bound, left))
    found.reverse()
    scale = max(1.0, float(list_choices(problem).never_exposure.sum()))
    return Sweep(
        points=tuple(_point(cap, bound, solution, scale) for cap, bound, solution in found),
        caps=tuple(cap for cap, _, _ in found),
        bounds=tuple(bound for _, bound, _ in found),
        least_disruption=calm.bound,
        lines=_lines(runner, [solution for _, _, solution in found]),
        work=runner.work,
        is_cut=runner.is_cut or (len(found) < points and seconds_left() <= 0),
    )


def _lines(runner: _Runner, solutions: list[Solution]) -> tuple[tuple[float, float], ...]:
    """Solve for the weights of the lower hull's edges; stop early when the time is over."""
    corners: list[tuple[float, float]] = []
    for solution in solutions:
        corner = (solution.evaluation.disruption, objective(solution.evaluation, 0.0))
        while len(corners) >= 2 and _is_above(corners[-1], corners[-2], corner):
            corners.pop()
        corners.append(corner)
    lines = []
    for (cheap, much), (dear, little) in pairwise(corners):
        if dear - cheap <= 0 or much - little <= 0 or runner.seconds_left() <= 0:
            continue
        weight = (much - little) / (dear - cheap)
        lines.append((weight, runner.least(weight).bound))
    return tuple(lines)


def _is_above(middle: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> bool:
    """Return whether the middle point lies on or above the line between the two others."""
    wide, high = right[0] - left[0], right[1] - left[1]
    return (middle[1] - left[1]) * wide >= high * (middle[0] - left[0])


def _point(cap: float, bound: float, solution: Solution, scale: float) -> FrontierPoint:
    exposure = objective(solution.evaluation, 0.0)
    return FrontierPoint(
        plan=solution.plan,
        evaluation=solution.evaluation,
        disruption_cap=solution.evaluation.disruption if math.isinf(cap) else cap,
        exposure_bound=min(bound, exposure),
        is_exact=exposure - bound <= _PROVEN * scale,
    )
