"""The frontier of a small problem, exactly: least exposure under one cap on disruption after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from poise.planning.evaluate import evaluate
from poise.planning.exact import objective, solve_exact
from poise.planning.problem import Plan, Problem, Solution

#: A step between caps this narrow, relative to the frontier's width, asks for no new plan.
_NARROW = 1e-4
#: Least time that a solve gets [s], so that the last ones are not starved to nothing.
_LEAST_SECONDS = 0.2
#: Share of the time kept for the weighted solves at the end.
_LINES_SHARE = 0.25
#: A solve may take this many times its equal share of the time: most need far less than theirs.
_PATIENCE = 4.0


@dataclass(frozen=True)
class Sweep:
    """What an exact sweep found and proved; all bounds are in money.

    Parameters
    ----------
    plans
        In no order; some may be dominated.
    steps
        (cap, bound): every feasible plan with a disruption of at most the cap has an exposure plus late
        cost of at least the bound. By growing caps, the last one ``inf``.
    least_disruption
        No feasible plan has less.
    lines
        (weight, bound): every feasible plan has exposure plus late cost plus weight times disruption of
        at least the bound.
    work, is_cut
        Steps of the solver, and whether the clock stopped it before it was done.
    """

    plans: tuple[Plan, ...]
    steps: tuple[tuple[float, float], ...]
    least_disruption: float
    lines: tuple[tuple[float, float], ...]
    work: int
    is_cut: bool


@dataclass(frozen=True)
class _Spot:
    """A plan on the frontier."""

    plan: Plan
    exposure: float
    disruption: float


@dataclass(frozen=True)
class _Gap:
    """Caps from ``floor``, up to which ``low`` is the answer, to ``dear``'s disruption."""

    floor: float
    low: _Spot
    dear: _Spot

    def size(self, low_end: _Spot, dear_end: _Spot) -> float:
        """Return how much of the frontier's width and height lies in this gap."""
        wide = max(dear_end.disruption - low_end.disruption, 1e-12)
        high = max(low_end.exposure - dear_end.exposure, 1e-12)
        width = (self.dear.disruption - self.floor) / wide
        return width + (self.low.exposure - self.dear.exposure) / high if width > _NARROW else 0.0


class _Runner:
    """Exact solves that share one limit of time and the plans found so far."""

    def __init__(
        self,
        problem: Problem,
        known: Sequence[Plan],
        seconds_left: Callable[[], float],
        solves: int,
    ) -> None:
        self.problem = problem
        self.spots = [_spot(problem, plan) for plan in known]
        self.seconds_left = seconds_left
        self.solves_left = solves
        self.work = 0
        self.is_cut = False

    def least(
        self, weight: float, *, disruption_cap: float = math.inf, exposure_cap: float = math.inf
    ) -> Solution:
        """Solve from the best plan known within the caps, with a few shares of the time that is left."""
        left = self.seconds_left()
        seconds = max(_LEAST_SECONDS, min(left, _PATIENCE * left / max(1, self.solves_left)))
        within = [
            spot for spot in self.spots if spot.disruption <= disruption_cap and spot.exposure <= exposure_cap
        ]
        warm = min(within, key=lambda spot: _cost(spot, weight), default=None)
        solution = solve_exact(
            self.problem,
            weight,
            seconds=seconds,
            disruption_cap=None if math.isinf(disruption_cap) else disruption_cap,
            exposure_cap=None if math.isinf(exposure_cap) else exposure_cap,
            warm=None if warm is None else warm.plan,
        )
        self.solves_left -= 1
        self.work += solution.work
        self.is_cut |= solution.stopped_by == "time"
        self.spots.append(_spot(self.problem, solution.plan))
        return solution

    def under(self, cap: float) -> tuple[_Spot, float]:
        """Return the plan of least exposure under a cap, then of least disruption, and the bound."""
        solution = self.least(0.0, disruption_cap=cap)
        self.least(math.inf, exposure_cap=solution.value)
        return self.spots[-1], solution.bound


def sweep_exactly(
    problem: Problem,
    known: Sequence[Plan],
    *,
    points: int,
    seconds_left: Callable[[], float],
    advance: Callable[[str], None],
) -> Sweep:
    """Sweep the frontier by epsilon-constraint, always in the middle of its largest gap.

    Where the plan found under a cap costs less than the cap, it is the best plan for every cap in
    between too, and the next cap goes above.

    Parameters
    ----------
    problem
        A checked problem.
    known
        Feasible plans to start from; may be empty.
    points
        Most points wanted, >= 2.
    seconds_left
        Tells how much time is left [s].
    advance
        Called after each point with what was done.

    Raises
    ------
    NoFeasiblePlanError
        When the hard rules leave no plan at all, or the time was over before the first.
    """
    runner = _Runner(problem, known, seconds_left, 3 * points)
    reserve = _LINES_SHARE * seconds_left()
    calm = runner.least(math.inf)
    low_end, bound = runner.under(calm.value)
    steps = [(calm.value, bound)]
    advance("least disruption")
    dear_end, bound = runner.under(math.inf)
    steps.append((math.inf, bound))
    advance("least exposure")
    spots = [low_end, dear_end]
    gaps = [_Gap(calm.value, low_end, dear_end)]
    while len(spots) < points:
        gap = max(gaps, key=lambda gap: gap.size(low_end, dear_end))
        if gap.size(low_end, dear_end) <= 0:
            break
        if seconds_left() <= reserve:
            runner.is_cut = True
            break
        cap = 0.5 * (gap.floor + gap.dear.disruption)
        spot, bound = runner.under(cap)
        steps.append((cap, bound))
        gaps.remove(gap)
        if spot.disruption > gap.floor and spot.exposure < gap.low.exposure:
            spots.append(spot)
            gaps += [_Gap(gap.floor, gap.low, spot), _Gap(cap, spot, gap.dear)]
            advance(f"disruption up to {cap:,.0f}")
        else:
            gaps.append(_Gap(cap, gap.low, gap.dear))
    lines = _lines(runner, spots)
    return Sweep(
        plans=tuple(spot.plan for spot in runner.spots),
        steps=tuple(sorted(steps)),
        least_disruption=calm.bound,
        lines=lines,
        work=runner.work,
        is_cut=runner.is_cut,
    )


def _lines(runner: _Runner, spots: list[_Spot]) -> tuple[tuple[float, float], ...]:
    """Solve for the weights of the lower hull's edges; stop early when the time is over."""
    corners: list[_Spot] = []
    for spot in sorted(spots, key=lambda spot: (spot.disruption, spot.exposure)):
        while len(corners) >= 2 and _is_above(corners[-1], corners[-2], spot):
            corners.pop()
        corners.append(spot)
    lines = []
    for cheap, dear in pairwise(corners):
        wide, high = dear.disruption - cheap.disruption, cheap.exposure - dear.exposure
        if runner.seconds_left() <= 0:
            runner.is_cut = True
        elif wide > 0 and high > 0:
            lines.append((high / wide, runner.least(high / wide).bound))
    return tuple(lines)


def _is_above(middle: _Spot, left: _Spot, right: _Spot) -> bool:
    """Return whether the middle lies on or above the line between the two others."""
    wide, high = right.disruption - left.disruption, right.exposure - left.exposure
    return (middle.exposure - left.exposure) * wide >= high * (middle.disruption - left.disruption)


def _spot(problem: Problem, plan: Plan) -> _Spot:
    evaluation = evaluate(problem, plan)
    return _Spot(plan, objective(evaluation, 0.0), evaluation.disruption)


def _cost(spot: _Spot, weight: float) -> float:
    return spot.disruption if math.isinf(weight) else spot.exposure + weight * spot.disruption
