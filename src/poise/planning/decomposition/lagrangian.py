"""The price decomposition: a plan of any size with a proven bound.

Work goes on in steps of three kinds, in an order that depends on nothing but their number: climbs
of the prices (:mod:`.prices`), one pass that puts every group in, and rounds of ruin and recreate
(:mod:`.plans`). So the same problem, seed and number of steps give the same plan on any machine
and any number of threads; the clock only decides how many steps there are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from poise.errors import Fault, NoFeasiblePlanError
from poise.planning.decomposition.layout import Layout, lay_out
from poise.planning.decomposition.plans import WorkingPlan
from poise.planning.decomposition.prices import Dual, Prices, Workers
from poise.planning.evaluate import evaluate
from poise.planning.problem import Evaluation, Plan, Problem, Solution

#: Steps when neither time nor work is given: enough for a gap below 1 % on most problems.
DEFAULT_WORK = 60
#: Price steps by factors before the first plan; half of it when started from known prices.
_FIRST_CLIMB = 40
#: Ruins per group in one round.
_EFFORT = 2.0
#: First temperature, as a share of the bound per group; Boltzmann acceptance.
_TEMPERATURE = 0.05
#: What rounding may add to a bound, relative.
_ROUNDING = 1e-9
#: A gap that counts as closed.
_CLOSED = 1e-6


@dataclass(frozen=True)
class Progress:
    """How far a run has come: steps done, value and bound [money], seconds since its start."""

    work: int
    value: float
    bound: float
    seconds: float


@dataclass(frozen=True)
class PricedSolution(Solution):
    """A solution with the prices that prove its bound, to start a like problem from."""

    prices: Prices | None = field(default=None, repr=False)


def solve(
    problem: Problem,
    weight: float,
    *,
    seconds: float | None = None,
    work: int | None = None,
    seed: int = 0,
    warm: Plan | None = None,
    prices: Prices | None = None,
    threads: int = 1,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> PricedSolution:
    """Return a plan with little ``exposure + late cost + weight * disruption``, and a bound on the least.

    Parameters
    ----------
    problem
        A checked problem.
    weight
        Money of exposure that one money of disruption is worth, >= 0; ``inf`` minimises disruption alone.
    seconds, work
        Limits on time [s] and on steps; with neither, :data:`DEFAULT_WORK` steps. A run that the
        clock ended took ``Solution.work`` steps and is repeated bit by bit by asking for as many.
    seed
        Of the random choices, >= 0.
    warm
        A plan to start from; the result is never dearer. Ignored when it breaks a rule.
    prices
        Of a former solution of a like problem; ignored when their shapes do not fit.
    threads
        Computing at a time, >= 1; has no influence on the result.
    progress
        Called after every step.
    stop
        Asked after every step; true ends the run like an interrupt from the keyboard, with the best
        plan and bound so far.

    Raises
    ------
    NoFeasiblePlanError
        E504 when hard due dates were not met within the limits; whether they can be is not decided here.
    """
    layout = lay_out(problem, weight)
    workers = Workers(threads)
    try:
        run = _Run(problem, weight, layout, workers, seed, warm, prices)
        stopped_by = run.go(_Limits(seconds, work, stop), progress)
        run.finish()
    finally:
        workers.close()
    return run.solution(stopped_by)


class _Limits:
    """When a run ends."""

    def __init__(self, seconds: float | None, work: int | None, stop: Callable[[], bool] | None) -> None:
        self.start = time.perf_counter()
        self._seconds, self._stop = seconds, stop
        self._work = DEFAULT_WORK if work is None and seconds is None and stop is None else work

    def reached(self, work: int, step_seconds: float) -> Literal["work", "time"] | None:
        """Return why the run ends now, before a step that takes about so long; None when it goes on."""
        if self._work is not None and work >= self._work:
            return "work"
        if self._seconds is not None and self.elapsed() + step_seconds > self._seconds:
            return "time"
        return "time" if self._stop is not None and self._stop() else None

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self.start


class _Run:
    """One run of :func:`solve`."""

    def __init__(
        self, problem: Problem, weight: float, layout: Layout, workers: Workers, seed: int,
        warm: Plan | None, prices: Prices | None,
    ) -> None:  # fmt: skip
        self.problem, self.weight, self.layout = problem, weight, layout
        self.dual = Dual(layout, workers, prices)
        self.plan = WorkingPlan(layout, workers, seed)
        self.work = 0
        self._first_climb = _FIRST_CLIMB // 2 if self.dual.is_warm else _FIRST_CLIMB
        self._rounds = 0
        self._cycle_start, self._cycle_length = 0, 8
        self.is_filled = False
        if warm is not None and evaluate(problem, warm).is_feasible:
            self.plan.load(np.asarray(warm.window, dtype=np.int64))
            self.is_filled = True

    def go(self, limits: _Limits, progress: Callable[[Progress], None] | None) -> Literal["work", "time"]:
        """Take steps until a limit is reached, the gap is closed or the keyboard interrupts."""
        slowest = 0.0
        try:
            while self.layout.num_parts:
                reason = limits.reached(self.work, slowest)
                if reason is not None:
                    return reason
                before = limits.elapsed()
                self.step()
                slowest = max(0.5 * slowest, limits.elapsed() - before)
                if progress is not None:
                    progress(Progress(self.work, self.value, self.bound, limits.elapsed()))
                if self.value - self.bound <= _CLOSED * abs(self.value):
                    break
        except KeyboardInterrupt:
            return "time"
        return "work"

    def step(self) -> None:
        """Take the next step."""
        if self.dual.steps < self._first_climb:
            self._first_prices()
        elif not self.is_filled:
            self._fill()
        elif self._rounds % 4 == 0 and self._rounds < 200:
            self._climb()
            self._rounds += 1
        else:
            self._improve()
            self._rounds += 1
        self.work += 1

    def finish(self) -> None:
        """Make sure that there are a plan and a bound, however early the run ended."""
        if self.layout.num_parts and not self.is_filled:
            self._fill()
        if not np.isfinite(self.dual.bound).all():
            self.dual.answer(with_bound=True)

    @property
    def value(self) -> float:
        """Cost of the best plan so far, by the solver's own count [money]."""
        return float(self.plan.best_cost.sum())

    @property
    def bound(self) -> float:
        """Return what is proven so far [money]."""
        bound = float(self.dual.bound.sum())
        return max(0.0, bound - _ROUNDING * abs(bound)) if math.isfinite(bound) else 0.0

    def _first_prices(self) -> None:
        offset = 10 if self.dual.is_warm else 0
        for _ in range(10):
            if self.dual.steps == 0:
                self.dual.answer(with_bound=self.dual.is_warm)
            self.dual.multiply(self.dual.steps + offset)
            is_last = self.dual.steps == self._first_climb
            if is_last:
                self.dual.settle()
            self.dual.answer(with_bound=is_last)

    def _climb(self) -> None:
        best, proven = self.plan.best_cost, self.dual.bound
        target = np.minimum(best, proven + np.maximum(0.02 * np.abs(proven), 0.1 * (best - proven)))
        for _ in range(10 if self._rounds < 16 else 5):
            self.dual.climb(target)
            self.dual.answer(with_bound=True)

    def _fill(self) -> None:
        order = np.argsort(self.dual.value - self.plan.group_cost, kind="stable")
        self.plan.improve(self.dual.team, 0.0, effort=1.0, low=self.dual.low, first_order=order)
        self.is_filled = True

    def _improve(self) -> None:
        done = (self.plan.rounds - self._cycle_start) / self._cycle_length
        if done >= 1.0:
            self._cycle_start, self._cycle_length = self.plan.rounds, 2 * self._cycle_length
            self.plan.return_to_best()
            done = 0.0
        share = max(0.0, 1.0 - done / 0.8) ** 2
        heat = _TEMPERATURE * share * abs(self.bound) / max(len(self.layout.group_part), 1)
        self.plan.improve(self.dual.best.team, heat, effort=_EFFORT, low=self.dual.value)

    def solution(self, stopped_by: Literal["work", "time"]) -> PricedSolution:
        """Return the best plan with the evaluator's numbers."""
        plan = Plan(self.plan.best_window())
        evaluation = evaluate(self.problem, plan)
        if not evaluation.is_feasible:
            broken = evaluation.violations[0]
            text = f"the best plan breaks {len(evaluation.violations)} rules, first {broken}; expected none."
            hint = "give it more time, or check the hard due dates with the exact solver."
            raise NoFeasiblePlanError(Fault("E504", "plan", text, hint))
        value = weighted_value(evaluation, self.weight)
        bound = min(self.bound, value) if self.layout.num_parts else value
        return PricedSolution(
            plan, evaluation, self.weight, value, bound, self.work, stopped_by, prices=self.dual.best
        )


def weighted_value(evaluation: Evaluation, weight: float) -> float:
    """Return ``exposure + late cost + weight * disruption`` [money]; disruption alone for weight ``inf``."""
    if math.isinf(weight):
        return evaluation.disruption
    return evaluation.exposure + evaluation.late_cost + weight * evaluation.disruption
