"""The price decomposition: a plan of any size with a proven bound.

A problem falls into parts that nothing couples (:mod:`.parts`); each is worked on by itself
(:mod:`.part_run`), in steps whose order depends on nothing but their number. So the same problem, seed
and number of steps give the same plan on any machine and any number of threads; the clock only decides
how many steps there are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from poise.errors import Fault, ModelError, NoFeasiblePlanError
from poise.planning.decomposition.part_run import PartRun
from poise.planning.decomposition.parts import Part, extract, split
from poise.planning.decomposition.prices import Prices
from poise.planning.decomposition.workers import Workers
from poise.planning.evaluate import evaluate
from poise.planning.problem import Evaluation, Ints, Plan, Problem, Solution

#: Steps of each part when neither time nor work is given: enough for a gap below 1 % on most problems.
DEFAULT_STEPS = 40


@dataclass(frozen=True)
class Progress:
    """How far a run has come: steps done, value and bound [money], seconds since its start."""

    work: int
    value: float
    bound: float
    seconds: float


@dataclass(frozen=True)
class PricedSolution(Solution):
    """A solution with the prices of each part that prove its bound, to start a like problem from."""

    prices: tuple[Prices, ...] = field(default=(), repr=False)


def solve(
    problem: Problem,
    weight: float,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    work: int | None = None,
    seed: int = 0,
    warm: Plan | None = None,
    prices: tuple[Prices, ...] = (),
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
    seconds, steps, work
        Limits on time [s], on the steps of each part, and on the steps of all parts together; without any of
        them, :data:`DEFAULT_STEPS` of each part. A run that the clock ended took ``Solution.work``
        steps and is repeated bit by bit by asking for as many ``work``.
    seed
        Of the random choices, >= 0.
    warm
        A plan to start from; the result is never dearer. Ignored when it breaks a rule.
    prices
        Of a former solution of a like problem; those of a part whose shapes do not fit are ignored.
    threads
        Computing at a time, >= 1; has no influence on the result.
    progress
        Called after every round of steps.
    stop
        Asked before every step; true ends the run like an interrupt from the keyboard, with the best
        plan and bound so far.

    Raises
    ------
    ModelError
        E312 when the problem caps amounts of the whole plan, which no part sees alone.
    NoFeasiblePlanError
        E504 when hard due dates were not met within the limits; whether they can be is not decided here.
    """
    if problem.caps.num_rows:
        text = f"has {problem.caps.num_rows} caps on the whole plan; expected none."
        hint = "use poise.planning.capped, which keeps caps exactly."
        raise ModelError(Fault("E312", "problem.caps", text, hint))
    limits = _Limits(seconds, steps, work, stop)
    start = warm if warm is not None and evaluate(problem, warm).is_feasible else None
    workers = Workers(threads)
    try:
        run = _Run(problem, weight, workers, seed, start, prices)
        stopped_by = run.go(limits, progress)
        run.finish()
    finally:
        workers.close()
    found = run.found()
    del run  # the evaluator needs room of its own
    return _confirmed(problem, weight, found, stopped_by)


class _Limits:
    """When a run ends."""

    def __init__(
        self, seconds: float | None, steps: int | None, work: int | None, stop: Callable[[], bool] | None
    ) -> None:
        self.start = time.perf_counter()
        self._seconds, self._stop = seconds, stop
        is_free = seconds is None and steps is None and work is None and stop is None
        self.steps = DEFAULT_STEPS if is_free else steps
        self.work = work

    def is_time_up(self, step_seconds: float) -> bool:
        """Return whether the run ends now, before a step that takes about so long."""
        if self._seconds is not None and self.elapsed() + step_seconds > self._seconds:
            return True
        return self._stop is not None and self._stop()

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self.start


class _Run:
    """One run of :func:`solve`."""

    def __init__(
        self, problem: Problem, weight: float, workers: Workers, seed: int, warm: Plan | None,
        prices: tuple[Prices, ...],
    ) -> None:  # fmt: skip
        self.problem, self.weight, self.workers = problem, weight, workers
        self.parts = split(problem)
        # Threads work on parts when there are several, and inside the only one when there is not.
        inner = workers if len(self.parts) == 1 else Workers(1)
        self.runs: list[PartRun] = []
        self._step_seconds = 0.0

        def begin(k: int, part: Part) -> PartRun:
            window = None if warm is None else np.asarray(warm.window, dtype=np.int64)[part.changes]
            known = prices[k] if len(prices) == len(self.parts) else None
            return PartRun(extract(problem, part), weight, inner, _seed_of(seed, k), window, known)

        self.runs = [begin(k, part) for k, part in enumerate(self.parts)]

    @property
    def work(self) -> int:
        """Steps of all parts so far."""
        return sum(run.work for run in self.runs)

    def go(self, limits: _Limits, progress: Callable[[Progress], None] | None) -> Literal["work", "time"]:
        """Take steps in rounds over all parts until a limit, closed gaps or the keyboard end it."""
        try:
            rounds = 0
            while not all(run.is_closed for run in self.runs):
                if limits.steps is not None and rounds >= limits.steps:
                    return "work"
                runs = self.runs
                if limits.work is not None:
                    runs = runs[: max(0, limits.work - self.work)]
                    if not runs:
                        return "work"
                started = self.workers.run(
                    [lambda run=run: self._step(run, limits) for run in runs],  # type: ignore[misc]
                    lambda: not limits.is_time_up(self._step_seconds),
                )
                if progress is not None and started:
                    value, bound = self.value_and_bound()
                    progress(Progress(self.work, value, bound, limits.elapsed()))
                if started < len(runs):
                    return "time"
                rounds += 1
        except KeyboardInterrupt:
            return "time"
        return "work"

    def _step(self, run: PartRun, limits: _Limits) -> None:
        if run.is_closed:
            run.rest()
            return
        before = limits.elapsed()
        run.step()
        self._step_seconds = max(0.5 * self._step_seconds, limits.elapsed() - before)

    def value_and_bound(self) -> tuple[float, float]:
        """Return the cost of the best plan so far, by the solver's own count, and what is proven [money]."""
        return sum(run.value for run in self.runs), sum(run.bound for run in self.runs)

    def finish(self) -> None:
        """Make sure that every part has a plan and a bound, however early the run ended."""
        self.workers.run([run.finish for run in self.runs])

    def found(self) -> _Found:
        """Return the best plan of every part and what is proven."""
        window = np.full(self.problem.num_changes, -1, dtype=np.int64)
        for part, run in zip(self.parts, self.runs, strict=True):
            window[part.changes] = run.plan.best_window()
        prices = tuple(run.dual.best for run in self.runs)
        return _Found(window, sum(run.bound for run in self.runs), prices, self.work)


@dataclass(frozen=True)
class _Found:
    """What a run leaves behind."""

    window: Ints
    bound: float
    prices: tuple[Prices, ...]
    work: int


def _confirmed(
    problem: Problem, weight: float, found: _Found, stopped_by: Literal["work", "time"]
) -> PricedSolution:
    """Return the plan with the evaluator's numbers."""
    plan = Plan(found.window)
    evaluation = evaluate(problem, plan)
    if not evaluation.is_feasible:
        broken = evaluation.violations[0]
        text = f"the best plan breaks {len(evaluation.violations)} rules, first {broken}; expected none."
        hint = "give it more time, or check the hard due dates with the exact solver."
        raise NoFeasiblePlanError(Fault("E504", "plan", text, hint))
    value = weighted_value(evaluation, weight)
    bound = min(found.bound, value) if found.prices else value
    return PricedSolution(plan, evaluation, weight, value, bound, found.work, stopped_by, found.prices)


def _seed_of(seed: int, part: int) -> int:
    """Return a seed for each part, the same wherever the part is worked on."""
    return int(np.random.SeedSequence([seed, part]).generate_state(1, np.uint64)[0] >> np.uint64(2))


def weighted_value(evaluation: Evaluation, weight: float) -> float:
    """Return ``exposure + late cost + weight * disruption`` [money]; disruption alone for weight ``inf``."""
    if math.isinf(weight):
        return evaluation.disruption
    return evaluation.exposure + evaluation.late_cost + weight * evaluation.disruption
