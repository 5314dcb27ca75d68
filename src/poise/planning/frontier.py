"""The frontier of exposure against disruption: plans, and what is proven about all other plans.

Small problems are swept exactly (:mod:`poise.planning.epsilon`). Larger ones are solved for one weight
after another by a solver that proves a bound; each bound is a line that no plan lies below, and
together the lines are the proven hull. Stretches that no weight reaches are filled with blends of
neighbouring plans (:mod:`poise.planning.blend`). Where the linear relaxation is quick, it raises the hull
below each plan (:mod:`poise.planning.tightening`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from poise.errors import Fault, InternalError
from poise.planning.blend import blend, tie_groups
from poise.planning.capped import find_any
from poise.planning.checkpoint import Checkpoint
from poise.planning.choices import Choices, list_choices
from poise.planning.decomposition.lagrangian import solve as solve_by_prices
from poise.planning.decomposition.warm_up import warm_up
from poise.planning.epsilon import sweep_exactly
from poise.planning.evaluate import evaluate
from poise.planning.exact import CAP_ROUNDING, check_hard_due, objective
from poise.planning.front import (
    Candidate,
    arc_of,
    lines_of_steps,
    non_dominated,
    spread,
    widest_gaps,
    without_steep_start,
)
from poise.planning.problem import Frontier, FrontierPoint, Plan, Problem, Solution
from poise.planning.schedule import hazard_per_minute, schedule_by_priority
from poise.planning.solvers import Solver, by_prices
from poise.planning.tightening import lines_under

#: Called with (points done, points in all, what was done last).
Progress = Callable[[int, int, str], None]

#: Up to so many choices of a change the exact sweep closes in seconds (measured: 200 choices 0.1 s a
#: point, 1,800 choices 3 s to more than 20 s).
EXACT_CHOICES = 2_000
#: Up to so many choices exact solves take milliseconds, and nothing else is needed.
_TINY_CHOICES = 150
#: Up to so many choices the linear relaxation of each plan's cap takes hundredths of a second, and raises the
#: proven hull; on size S (23,000 to 36,000 choices) it takes seconds each, where prices prove 1 % without.
_RELAXED_CHOICES = 20_000
#: Share of the time kept for that.
_RELAXED_SHARE = 0.1
#: Exposure this close to its bound, relative to that of doing nothing, counts as proven best.
_PROVEN = 1e-6
#: Weights solved at the same time. Fixed, so that the number of threads does not change the result.
_BATCH = 4
#: The weights of the two ends, relative to (exposure of doing nothing) / (disruption of doing all).
_CALM, _SAFE = 1e3, 1e-4
#: Blends tried for each point wanted.
_BLENDS = 4
#: Up to so many choices HiGHS looks for a first plan that keeps hard dates; on more it overruns its time.
_FIRST_CHOICES = 100_000
#: Share of the time for a first plan that keeps hard dates, and time to name those that clash [s].
_FIRST_SHARE, _NAMING_SECONDS = 0.3, 10.0
#: What rounding may put between a bound and a plan that meets it, relative.
_ROUNDING = 1e-7


def sweep(
    problem: Problem,
    *,
    points: int = 21,
    seconds: float,
    seed: int = 0,
    progress: Progress | None = None,
    threads: int = 2,
    solver: Solver | None = None,
    priced: Solver | None = None,
    checkpoint: Checkpoint | None = None,
    gap: float = 0.0,
    stop: Callable[[], bool] | None = None,
) -> Frontier:
    """Compute the frontier.

    Parameters
    ----------
    problem
        A checked problem.
    points
        Most points wanted, >= 2; the two ends are among them.
    seconds
        Time limit [s], kept to within one solve; compiling the kernels, once per machine, comes on top.
        The same problem, seed and amount of work give the same
        frontier; ``Frontier.stopped_by`` says whether the clock cut in.
    seed
        For the solver.
    progress
        Told what is done.
    threads
        Solves at the same time; does not change the result.
    solver
        For one weight; by default an exact sweep where that is quick, and prices elsewhere.
    priced
        Solves by prices in place of this process, where the default would: a cluster.
    checkpoint
        Where solves by prices are kept as they end, and taken from; exact ones are quick enough to repeat.
    gap
        A solve by prices in this process ends once ``(value - bound) / value`` is no more than this, >= 0.
    stop
        Asked all the time; true ends the sweep like the clock, with the plans and bounds found so far.

    Returns
    -------
    Frontier
        Non-dominated plans by growing disruption, each confirmed by the evaluator, each with a proven
        bound on the exposure plus late cost of all plans of no more disruption.

    Raises
    ------
    NoFeasiblePlanError
        E500 when a hard due date fits no window, E501 when they clash (small problems), E504 when
        a larger problem's hard due dates were not met in time.
    """
    choices = list_choices(problem)
    check_hard_due(problem, choices)
    size = len(choices.change)
    is_small = solver is None and size <= EXACT_CHOICES
    is_relaxed = not is_small and size <= _RELAXED_CHOICES
    share = 1.0 if not is_small else 0.3 if size > _TINY_CHOICES else 0.0
    if solver is None and share > 0:
        warm_up()
    deadline = time.monotonic() + seconds
    told = _Told(progress, points)

    def seconds_left() -> float:
        return 0.0 if is_stopped() else deadline - time.monotonic()

    is_stopped = stop or _never
    by_weight = solver or priced or by_prices(solve_by_prices, gap=gap, stop=is_stopped)
    if checkpoint is not None:
        by_weight = checkpoint.remember(by_weight, is_stopped)
    search = _Search(problem, choices, by_weight, points, seconds_left, seed, threads, told)
    search.try_rules()
    if not search.pool and size <= _FIRST_CHOICES:
        search.find_first()
    if share > 0:
        search.by_weights(seconds * (share - _RELAXED_SHARE if is_relaxed else share))
    if is_relaxed:
        search.tighten()
    if is_small and not (is_stopped() and search.lines):
        search.exactly()
    if is_stopped():
        search.stopped_by = "interrupt"
    return search.frontier()


def _never() -> bool:
    return False


@dataclass
class _Told:
    """Passes on progress."""

    progress: Progress | None
    total: int
    done: int = 0

    def advance(self, text: str) -> None:
        self.done = min(self.done + 1, self.total)
        if self.progress is not None:
            self.progress(self.done, self.total, text)


@dataclass
class _Search:
    """A sweep by weights and blends."""

    problem: Problem
    choices: Choices
    solver: Solver
    points: int
    seconds_left: Callable[[], float]
    seed: int
    threads: int
    told: _Told
    pool: list[Candidate] = field(default_factory=list)
    lines: list[tuple[float, float]] = field(default_factory=list)
    solutions: list[Solution] = field(default_factory=list)
    steps: tuple[tuple[float, float], ...] = ()
    work: int = 0
    stopped_by: Literal["work", "time", "interrupt"] = "work"

    @cached_property
    def scale(self) -> float:
        """Exposure of doing nothing [money], which proofs are measured against."""
        return max(1.0, float(self.choices.never_exposure.sum()))

    def try_rules(self) -> None:
        """Start from doing nothing and from the best simple rule."""
        self._add(Plan(np.full(self.problem.num_changes, -1, dtype=np.int64)))
        self._add(schedule_by_priority(self.problem, hazard_per_minute(self.problem)))

    def find_first(self) -> None:
        """Look for a plan that keeps hard dates, where neither doing nothing nor a rule does.

        The solver by prices might not find one, and cannot tell whether there is one.
        """
        plan = find_any(self.problem, _FIRST_SHARE * self.seconds_left(), naming_seconds=_NAMING_SECONDS)
        if plan is not None:
            self._add(plan)

    def by_weights(self, seconds: float) -> None:
        """Solve both ends, then the weights of the widest gaps, then blend."""
        solves = max(2, self.points)
        share = 0.9 * seconds * self.threads / (solves + 2)
        end = self.seconds_left() - seconds
        self._solve_ends(min(share, 0.45 * seconds))
        closed: set[tuple[float, float]] = set()
        done = 2
        while done < solves:
            gaps = widest_gaps(non_dominated(self.pool), closed)[: min(_BATCH, solves - done)]
            if not gaps:
                break
            if self.seconds_left() <= end:
                self.stopped_by = "time"
                break
            self._solve_gaps(gaps, closed, share)
            done += len(gaps)
        self._fill()

    def tighten(self) -> None:
        """Raise the proven hull below the plans that will be shown."""
        points = [(item.exposure, item.disruption) for item in self._shown()]
        found = lines_under(self.problem, self.choices, points, self.seconds_left, threads=self.threads)
        self.lines += found.lines
        self.work += found.work
        if found.is_cut:
            self.stopped_by = "time"

    def exactly(self) -> None:
        """Sweep by epsilon-constraint, starting from the plans found so far."""
        exact = sweep_exactly(
            self.problem,
            [item.plan for item in non_dominated(self.pool)],
            points=self.points,
            seconds_left=self.seconds_left,
            advance=self.told.advance,
        )
        for plan in exact.plans:
            self._add(plan)
        self.steps = exact.steps
        self.lines += exact.lines
        self.lines += lines_of_steps(exact, non_dominated(self.pool))
        self.work += exact.work
        self.stopped_by = "time" if exact.is_cut else "work"

    def _add(self, plan: Plan) -> Candidate | None:
        """Confirm a plan and keep it if it breaks no rule."""
        evaluation = evaluate(self.problem, plan)
        if not evaluation.is_feasible:
            return None
        candidate = Candidate(plan, evaluation)
        self.pool.append(candidate)
        return candidate

    def _solve_ends(self, seconds: float) -> None:
        choices = self.choices
        cheapest = np.full(self.problem.num_changes, np.inf)
        np.minimum.at(cheapest, choices.change, choices.disruption)
        all_cost = float(cheapest[np.isfinite(cheapest)].sum()) + _cheapest_openings(self.problem)
        ratio = max(float(choices.never_exposure.sum()), 1e-9) / max(all_cost, 1e-9)
        self._solve_all([_CALM * ratio, _SAFE * ratio], seconds)

    def _solve_all(self, weights: Sequence[float], seconds: float) -> list[Candidate]:
        """Solve for each weight from the best plan known for it, keeping the plans and the lines."""
        known, near = non_dominated(self.pool), tuple(self.solutions)

        def solve_one(weight: float) -> Solution:
            warm = min(known, key=lambda item: item.exposure + weight * item.disruption, default=None)
            return self.solver(
                self.problem,
                weight,
                seconds=seconds,
                seed=self.seed,
                warm=None if warm is None else warm.plan,
                near=min(near, key=lambda other: abs(math.log(other.weight / weight)), default=None),
            )

        with ThreadPoolExecutor(max(1, self.threads)) as executor:
            solutions = list(executor.map(solve_one, weights))
        found = []
        for weight, solution in zip(weights, solutions, strict=True):
            candidate = self._add(solution.plan)
            if candidate is None:
                raise _unsound(f"the solver's plan for weight {weight:g} breaks a rule")
            if solution.bound > objective(candidate.evaluation, weight) * (1.0 + _ROUNDING):
                raise _unsound(f"the bound for weight {weight:g} lies above the plan that it is about")
            self.lines.append((weight, solution.bound))
            self.solutions.append(solution)
            self.work += solution.work
            if solution.stopped_by == "time":
                self.stopped_by = "time"
            found.append(candidate)
            here = f"exposure {candidate.exposure:,.0f}, disruption {candidate.disruption:,.0f}"
            self.told.advance(f"{here}; proven within {self._widest():.1%}")
        return found

    def _widest(self) -> float:
        """Return how far any plan found is above its proven bound, of the exposure of doing nothing [1]."""
        weights, bounds = (np.array(part) for part in zip(*self.lines, strict=True))
        hull = Frontier((), weights, bounds)
        front = non_dominated(self.pool)
        above = (item.exposure - hull.exposure_bound_at(item.disruption) for item in front)
        return max(0.0, max(above, default=0.0)) / self.scale

    def _solve_gaps(
        self,
        gaps: list[tuple[Candidate, Candidate]],
        closed: set[tuple[float, float]],
        seconds: float,
    ) -> None:
        """Solve each gap at the weight of its chord, for which both ends are equally good."""
        weights = [(low.exposure - dear.exposure) / (dear.disruption - low.disruption) for low, dear in gaps]
        for (low, dear), found in zip(gaps, self._solve_all(weights, seconds), strict=True):
            margin = 0.02 * (dear.disruption - low.disruption)
            if not low.disruption + margin < found.disruption < dear.disruption - margin:
                closed.add((low.disruption, dear.disruption))

    def _fill(self) -> None:
        """Blend neighbours, with more caps where the front has wider gaps."""
        ties = tie_groups(self.problem)
        for reach in (1, 2):
            front = non_dominated(self.pool)
            arc = arc_of(front)
            for place, (low, dear) in enumerate(zip(front, front[reach:], strict=False)):
                if self.seconds_left() <= 0:
                    self.stopped_by = "time"
                    return
                share = (arc[place + reach] - arc[place]) / 2.0
                inside = int(np.ceil(share * _BLENDS * self.points))
                caps = np.linspace(low.disruption, dear.disruption, inside + 2)[1:-1]
                for plan in blend(self.problem, ties, low.plan, dear.plan, caps):
                    self._add(plan)
                self.work += inside

    def frontier(self) -> Frontier:
        """Return non-dominated plans, evenly spread, each with the best bound proven for it."""
        lines = sorted(self.lines)
        hull_weight = np.array([weight for weight, _ in lines])
        hull_bound = np.array([bound for _, bound in lines])
        hull = Frontier((), hull_weight, hull_bound)
        points = []
        for item in self._shown():
            bound = max(hull.exposure_bound_at(item.disruption), self._step_bound(item.disruption))
            if bound > item.exposure + _ROUNDING * max(self.scale, item.exposure):
                raise _unsound(f"a bound of {bound:g} lies above the exposure of a plan, {item.exposure:g}")
            points.append(
                FrontierPoint(
                    plan=item.plan,
                    evaluation=item.evaluation,
                    disruption_cap=item.disruption,
                    exposure_bound=min(bound, item.exposure),
                    is_exact=item.exposure - bound <= _PROVEN * self.scale,
                )
            )
        return Frontier(tuple(points), hull_weight, hull_bound, self.work, self.stopped_by)

    def _shown(self) -> list[Candidate]:
        """Return the plans of the frontier: some of the non-dominated ones, evenly spread."""
        return spread(without_steep_start(non_dominated(self.pool)), self.points)

    def _step_bound(self, disruption: float) -> float:
        """Return the best exposure bound of the caps that this disruption is within."""
        return max(
            (bound for cap, bound in self.steps if disruption <= cap + CAP_ROUNDING * max(1.0, abs(cap))),
            default=0.0,
        )


def _unsound(text: str) -> InternalError:
    return InternalError(Fault("E900", "planning.frontier", f"{text}; nothing of this sweep is reported."))


def _cheapest_openings(problem: Problem) -> float:
    """Return the disruption of opening every group once, where that is cheapest [money]."""
    cheapest = np.full(problem.num_groups, np.inf)
    np.minimum.at(cheapest, problem.slot_group, problem.slot_cost)
    return float(cheapest[np.isfinite(cheapest)].sum())
