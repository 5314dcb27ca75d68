"""A stretch of the frontier under caps, at any size: plans around one point, and lines that none lies below.

Caps of the whole plan couple everything, and the price decomposition sees no part whole. So they become
prices too: what a row counts is charged in the objective, and a row that the answer breaks gets dearer until
it holds (Lagrangian relaxation [1]_). Every answer proves a line for all plans that keep the caps,
whatever the prices were; every plan is confirmed by the evaluator with the caps as they are.

References
----------
.. [1] M. Fisher, The Lagrangian relaxation method for solving integer programming problems, Management
   Science 27(1), 1981, 1-18.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from poise.errors import NoFeasiblePlanError
from poise.planning.blend import blend, tie_groups
from poise.planning.decomposition.lagrangian import PricedSolution, solve
from poise.planning.decomposition.rounds import PartResult
from poise.planning.evaluate import evaluate
from poise.planning.problem import Caps, Floats, Ints, Plan, Problem

#: Steps of each part for one weight: up to so many changes, and beyond.
SMALL_CHANGES, SMALL_STEPS, STEPS = 5_000, 40, 19
#: Weights solved beside those to start from, and the ratio of one to the next.
_MORE, _APART = 4, 1.5
#: Weights on both sides of the point closer than this ratio are close enough.
_CLOSE = 1.25
#: Times that prices of broken rows are raised for one weight, and by what factor.
_RAISES, _RAISE = 6, 3.0
#: Plans between two neighbours.
_BLENDS = 6
#: What rounding may put between a bound and a plan, relative.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Spot:
    """A plan that keeps everything, with what it costs both sides; exposure includes late cost [money]."""

    plan: Plan
    exposure: float
    disruption: float


@dataclass(frozen=True)
class Solved:
    """One solve: the weight and the prices of caps that it was made for, and its state to start from."""

    weight: float
    prices: Floats
    solution: PricedSolution = field(repr=False)


@dataclass(frozen=True)
class Trace:
    """What is known around a point of the frontier.

    Parameters
    ----------
    lines
        (weight, bound): every plan that keeps the caps has exposure plus late cost plus weight times
        disruption of at least the bound.
    spots
        Plans that keep all rules and caps, in no order.
    solved
        The solves behind them.
    """

    lines: tuple[tuple[float, float], ...]
    spots: tuple[Spot, ...]
    solved: tuple[Solved, ...]

    def least_exposure(self, cap: float) -> tuple[float, Spot | None]:
        """Return a bound on the exposure of plans of at most this disruption, and the best of them."""
        under = [spot for spot in self.spots if spot.disruption <= cap * (1 + _ROUNDING)]
        best = min(under, key=lambda spot: spot.exposure, default=None)
        bound = max((bound - weight * cap for weight, bound in self.lines), default=0.0)
        return _settled(bound, None if best is None else best.exposure), best


def _settled(bound: float, best: float | None) -> float:
    bound = max(0.0, bound)
    return bound if best is None else min(bound, best)


def trace(
    problem: Problem,
    disruption: float,
    weight: float,
    *,
    start: Trace | None = None,
    known: Sequence[Trace] = (),
    plans: Sequence[Plan] = (),
    seed: int = 0,
    threads: int = 1,
    stop: Callable[[], bool] | None = None,
) -> Trace:
    """Explore plans whose disruption is near one figure.

    Parameters
    ----------
    problem
        A checked problem; its caps must not count moves.
    disruption
        Around which to look [money].
    weight
        Money of exposure that one money of disruption is worth there, about.
    start
        Of a like problem, at the same point: its weights, prices and plans are started from.
    known
        Of like problems: parts with the same facts are not solved again.
    plans
        To start from and to choose among.
    seed
        Of the solver.
    threads
        Computing at a time; has no influence on the result.
    stop
        Asked between steps; true ends the run with what there is.

    Returns
    -------
    Trace
        Without spots where no plan that keeps everything was found.
    """
    tracer = _Tracer(problem, seed, threads, stop, tuple(known))
    for plan in plans:
        tracer.offer(plan)
    if start is not None and start.solved:
        for solved in start.solved[-2:]:
            tracer.solve(solved.weight, solved)
    else:
        tracer.solve(weight, None)
    tracer.straddle(disruption)
    tracer.fill(disruption)
    return Trace(tuple(tracer.lines), tuple(tracer.spots), tuple(tracer.bracket(disruption)))


@dataclass
class _Tracer:
    problem: Problem
    seed: int
    threads: int
    stop: Callable[[], bool] | None
    known: tuple[Trace, ...]
    spots: list[Spot] = field(default_factory=list)
    lines: list[tuple[float, float]] = field(default_factory=list)
    solved: list[Solved] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return SMALL_STEPS if self.problem.num_changes <= SMALL_CHANGES else STEPS

    @cached_property
    def _shared(self) -> Ints:
        """Rows with units of several slots, whose prices prove nothing (:func:`with_prices`)."""
        caps = self.problem.caps
        return np.unique(caps.unit_row[np.diff(caps.unit_ptr) > 1])

    def offer(self, plan: Plan) -> Spot | None:
        """Keep a plan if it keeps everything."""
        seen = evaluate(self.problem, plan)
        if not seen.is_feasible:
            return None
        self.spots.append(Spot(plan, seen.exposure + seen.late_cost, seen.disruption))
        return self.spots[-1]

    def solve(self, weight: float, near: Solved | None) -> None:
        """Solve for one weight; raise the prices of rows that the answer breaks, until none is."""
        prices = np.zeros(self.problem.caps.num_rows) if near is None else near.prices
        if len(prices) != self.problem.caps.num_rows:
            prices = np.zeros(self.problem.caps.num_rows)
        warm = min(self.spots, key=lambda spot: spot.exposure + weight * spot.disruption, default=None)
        former = near.solution if near is not None else None
        for _ in range(_RAISES):
            charged = with_prices(self.problem, prices, weight)
            try:
                found = solve(
                    charged,
                    weight,
                    steps=self.steps,
                    seed=self.seed,
                    warm=former.plan if former is not None else None if warm is None else warm.plan,
                    prices=former.prices if former is not None else (),
                    resume=self._resumable(weight),
                    threads=self.threads,
                    stop=self.stop,
                )
            except NoFeasiblePlanError:
                return
            self._draw(weight, prices, found)
            self.solved.append(Solved(weight, prices, found))
            amounts = evaluate(self.problem, found.plan).cap_amounts
            broken = amounts > self.problem.caps.limit + self.problem.caps.slack
            if self.offer(found.plan) is not None or not broken.any() or self._is_stopped():
                return
            prices = np.where(broken, np.maximum(_RAISE * prices, self._first_prices(weight)), prices)
            former = found

    def _draw(self, weight: float, prices: Floats, found: PricedSolution) -> None:
        if not prices[self._shared].any():
            rows = float(prices @ self.problem.caps.limit)
            self.lines.append((weight, found.bound * (1 - _ROUNDING) - rows))

    def _is_stopped(self) -> bool:
        return self.stop is not None and self.stop()

    def _resumable(self, weight: float) -> list[PartResult]:
        results = [part for one in self.solved if one.weight == weight for part in one.solution.parts]
        for other in self.known:
            results += [part for one in other.solved if one.weight == weight for part in one.solution.parts]
        return results

    def _first_prices(self, weight: float) -> Floats:
        """Return a first price for each row: a tenth of what its amount is worth in the objective."""
        caps = self.problem.caps
        prices = np.full(caps.num_rows, 0.1)
        unit = caps.entry_unit
        worth = np.bincount(unit, self.problem.slot_cost[caps.unit_slot], len(caps.unit_row))
        slots = np.maximum(1, np.diff(caps.unit_ptr))
        for row in np.unique(caps.unit_row):
            own = caps.unit_row == row
            amount = float(caps.unit_amount[own].mean())
            if amount > 0:
                prices[row] = 0.1 * weight * float((worth[own] / slots[own]).mean()) / amount
        least: Floats = np.maximum(prices, 1e-9)
        return least

    def straddle(self, disruption: float) -> None:
        """Add weights until answers lie on both sides of a disruption, close to each other."""
        for _ in range(_MORE):
            # Where raised prices found nothing for one weight they will not for others.
            if not self.solved or not self.spots or self._is_stopped():
                return
            last = {one.weight: one for one in self.solved}.values()
            calm = [one.weight for one in last if self._spent(one) <= disruption]
            dear = [one.weight for one in last if self._spent(one) > disruption]
            if not dear:
                weight = min(calm) / _APART
            elif not calm:
                weight = max(dear) * _APART
            elif min(calm) <= max(dear) * _CLOSE:
                return
            else:
                weight = math.sqrt(min(calm) * max(dear))
            near = min(last, key=lambda one: abs(math.log(one.weight / weight)))
            if near.weight == weight:
                return
            self.solve(weight, near)

    def _spent(self, one: Solved) -> float:
        return one.solution.evaluation.disruption

    def bracket(self, disruption: float) -> list[Solved]:
        """Return the last solves on both sides of a disruption, the nearest weights."""
        last = {one.weight: one for one in self.solved}
        ordered = sorted(last.values(), key=lambda one: abs(self._spent(one) - disruption))
        return sorted(ordered[:2], key=lambda one: one.weight)

    def fill(self, disruption: float) -> None:
        """Blend plans below a disruption with plans above it."""
        calm = sorted((s for s in self.spots if s.disruption <= disruption), key=lambda s: -s.disruption)[:4]
        dear = sorted((s for s in self.spots if s.disruption > disruption), key=lambda s: s.disruption)[:2]
        ties = tie_groups(self.problem)
        bare = replace(self.problem, caps=Caps())
        for low in calm:
            for high in [*dear, *(s for s in calm if s.disruption > low.disruption)]:
                if high.exposure >= low.exposure:
                    continue
                top = max(high.disruption, disruption)
                caps = np.unique([*np.linspace(low.disruption, top, _BLENDS + 2)[1:-1], disruption])
                for plan in blend(bare, ties, low.plan, high.plan, caps):
                    self.offer(plan)


def with_prices(problem: Problem, prices: Floats, weight: float) -> Problem:
    """Return a problem without caps that charges what they count.

    Then a bound of this problem less ``prices @ limit`` is one of the other. Not so with a price on a unit of
    several slots: each of them is charged all of it, which leads to good plans but counts it more than once.
    """
    caps = problem.caps
    if not caps.num_rows or not prices.any():
        return replace(problem, caps=Caps())
    size = np.diff(caps.unit_ptr)
    unit = np.repeat(np.arange(len(size)), size)
    charge: Floats = prices[caps.unit_row] * caps.unit_amount / weight
    slot_cost = problem.slot_cost + np.bincount(caps.unit_slot, charge[unit], problem.num_slots)
    row = caps.share_row
    share = np.bincount(caps.share_change, prices[row] * caps.share, problem.num_changes)
    return replace(
        problem,
        caps=Caps(),
        slot_cost=slot_cost,
        exposure_per_day=problem.exposure_per_day * (1.0 + share),
    )
