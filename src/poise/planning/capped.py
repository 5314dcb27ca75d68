"""Plans under caps, at any size.

Small problems are solved exactly. On larger ones HiGHS solves the linear relaxation, which proves a
bound, and improves a plan by exact solves over a few columns, all others held: first those on which
the plan and the relaxation differ (RINS [1]_), then those of a few groups at a time (large
neighbourhood search [2]_). All caps, also those on the two costs, stay exact in every step. Where that
program would be too large, caps are charged for (:mod:`poise.planning.priced`).

References
----------
.. [1] E. Danna, E. Rothberg, C. Le Pape, Exploring relaxation induced neighborhoods to improve MIP
   solutions, Mathematical Programming 102, 2005, 71-90.
.. [2] P. Shaw, Using constraint programming and local search methods to solve vehicle routing problems,
   CP 1998, 417-431.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.blend import tie_groups
from poise.planning.choices import Choices, list_choices
from poise.planning.evaluate import evaluate
from poise.planning.exact import check_hard_due, is_within, no_plan, objective, solve_exact
from poise.planning.highs import Limits, relax_program, run_program
from poise.planning.milp import Model, build_model
from poise.planning.priced import CappedByPrices, solve_by_charges
from poise.planning.problem import CappedSolution, Evaluation, Floats, Goal, Ints, Plan, Problem, Solution

#: Up to so many choices of a change a problem is solved exactly: a solve then takes well under a second.
EXACT_CHOICES = 400
#: Beyond so many choices of a change the linear program takes minutes, and caps are charged for instead.
MANY_CHOICES = 40_000
#: Neighbourhoods tried when nobody says: on the sample company about a second.
ROUNDS = 2
#: Choices that the first neighbourhood of groups frees, and the least and most that later ones do.
_FREED, _LEAST_FREED, _MOST_FREED = 500, 200, 6_000
#: Simplex steps of an easy neighbourhood, after which the next one is larger, and of a hard one.
_EASY, _HARD = 300, 3_000
#: Nodes of the search tree that one neighbourhood may take, and its share of the time that is left.
_NODES = 1
_SHARE = 0.5
#: Longest that mending a plan may take before another is looked for [s].
_MEND_SECONDS = 3.0


def solve_within(
    problem: Problem,
    weight: float,
    *,
    seconds: float,
    disruption_cap: float = math.inf,
    exposure_cap: float = math.inf,
    warm: Plan | None = None,
    focus: Ints | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    exact_choices: int = EXACT_CHOICES,
    is_local: bool = False,
    near: CappedByPrices | None = None,
) -> CappedSolution:
    """Return a good plan under caps with a proven bound; the best one where the problem is small.

    Parameters
    ----------
    problem, weight, disruption_cap, exposure_cap, warm
        As in :func:`~poise.planning.exact.solve_exact`.
    seconds
        Limit [s]; within it the result depends on the other arguments only.
    focus
        Groups that the first neighbourhoods free, such as those a dropped limit was about.
    rounds
        Neighbourhoods to try.
    exact_choices
        Up to so many choices of a change the problem is solved exactly.
    is_local
        Whether to give up, on a larger problem, when no plan was found that differs from ``warm`` in the
        groups in focus only; otherwise one is looked for everywhere.
    near
        Solution of a problem with like caps, where charges were used: a problem of more than
        :data:`MANY_CHOICES` choices with one cost capped and the other minimised is solved by
        :func:`~poise.planning.priced.solve_by_charges`, because its linear program would take too long.

    Raises
    ------
    NoFeasiblePlanError
        As in ``solve_exact``; E504 only says that none was found in time.
    """
    choices = list_choices(problem)
    check_hard_due(problem, choices)
    capped = disruption_cap if weight == 0 else exposure_cap if math.isinf(weight) else math.inf
    if len(choices.change) > MANY_CHOICES and math.isfinite(capped) and not len(problem.caps.move_row):
        goal: Goal = "exposure" if weight == 0 else "disruption"
        return solve_by_charges(problem, goal, capped, seconds=seconds, seed=seed, warm=warm, near=near)
    deadline = time.monotonic() + seconds
    caps, factors = (exposure_cap, disruption_cap), (0.0, 1.0) if math.isinf(weight) else (1.0, weight)
    model = build_model(problem, choices)
    relaxed = relax_program(model, factors, caps, seconds)
    if math.isinf(relaxed.bound):
        # Naming the dates to blame is a search of its own: worth it where it is quick.
        naming = seconds if len(choices.change) <= EXACT_CHOICES else 0.0
        raise no_plan(problem, caps, naming, is_infeasible=True)
    if len(choices.change) <= exact_choices:
        found = solve_exact(
            problem,
            weight,
            seconds=max(0.1, deadline - time.monotonic()),
            disruption_cap=None if math.isinf(disruption_cap) else disruption_cap,
            exposure_cap=None if math.isinf(exposure_cap) else exposure_cap,
            warm=warm,
        )
        return _priced(found, relaxed.weight, relaxed.bound)
    search = _Neighbourhoods(problem, model, factors, caps, np.random.default_rng([seed, 23]))
    start = _start(search, warm, focus, deadline, is_local=is_local)
    window, work, is_cut = search.improve(start.window, relaxed.values, focus, rounds, deadline)
    plan, seen = _within(problem, caps, Plan(window), start)
    value = objective(seen, weight)
    bound, work = min(relaxed.bound, value), work + relaxed.work
    solution = Solution(plan, seen, weight, value, bound, work, "time" if is_cut else "work")
    return _priced(solution, relaxed.weight, relaxed.bound)


def _within(problem: Problem, caps: tuple[float, float], plan: Plan, start: Plan) -> tuple[Plan, Evaluation]:
    """Return a plan and its costs, or the start where rounding put the plan a hair above a cap."""
    seen = evaluate(problem, plan)
    return (plan, seen) if is_within(seen, caps) else (start, evaluate(problem, start))


def _start(
    search: _Neighbourhoods, warm: Plan | None, focus: Ints | None, deadline: float, *, is_local: bool
) -> Plan:
    """Return a plan within the caps: the one given, it mended, or any."""
    problem, caps = search.problem, search.caps
    start = warm if warm is None or is_within(evaluate(problem, warm), caps) else search.mend(warm, focus)
    if start is not None:
        return start
    left = max(0.5, deadline - time.monotonic())
    if is_local:
        raise no_plan(problem, caps, left, is_infeasible=False)
    run = run_program(search.model, (0.0, 0.0), caps, Limits(left))
    if run.values is None:
        raise no_plan(problem, caps, 0.0, is_infeasible=run.is_infeasible)
    return Plan(search.model.plan_windows(run.values))


def find_any(problem: Problem, seconds: float, naming_seconds: float = 0.0) -> Plan | None:
    """Return some feasible plan; None when none was found in time.

    Raises
    ------
    NoFeasiblePlanError
        When it is proven that there is none; with time for it, hard dates that clash are named.
    """
    choices = list_choices(problem)
    check_hard_due(problem, choices)
    model = build_model(problem, choices)
    caps = (math.inf, math.inf)
    run = run_program(model, (0.0, 0.0), caps, Limits(seconds))
    if run.is_infeasible:
        raise no_plan(problem, caps, naming_seconds, is_infeasible=True)
    return None if run.values is None else Plan(model.plan_windows(run.values))


def mended(problem: Problem, plan: Plan, focus: Ints) -> Plan | None:
    """Return a feasible plan that differs from one only in the groups in focus; None if none was found.

    Groups that links or exclusions tie to those in focus may change too. A small program, solved in its root.
    """
    search = _Neighbourhoods(
        problem,
        build_model(problem, list_choices(problem)),
        (1.0, 1.0),
        (math.inf, math.inf),
        np.random.default_rng(0),
    )
    return search.mend(plan, focus)


def _priced(found: Solution, line_weight: float, bound: float) -> CappedSolution:
    return CappedSolution(**vars(found), line_weight=line_weight, bound_of_relaxation=min(bound, found.value))


@dataclass
class _Neighbourhoods:
    """Exact solves over the changes of a few groups, one set of groups after another."""

    problem: Problem
    model: Model
    factors: tuple[float, float]
    caps: tuple[float, float]
    random: np.random.Generator

    def mend(self, plan: Plan, focus: Ints | None) -> Plan | None:
        """Return a feasible plan that differs from one only in the groups in focus; None if not found."""
        if focus is None or not len(focus):
            return None
        ties = tie_groups(self.problem)
        columns = _columns_of(self.problem, self.model, np.isin(ties.unit, ties.unit[focus]))
        values = self.model.values_of(plan.window)
        program = self.model.restricted(columns, values)
        run = run_program(program, self.factors, self.caps, Limits(_MEND_SECONDS, max_nodes=_NODES))
        if run.values is None:
            return None
        values[columns] = run.values
        mended = Plan(self.model.plan_windows(values))
        return mended if is_within(evaluate(self.problem, mended), self.caps) else None

    def improve(
        self, window: Ints, relaxed: Floats, focus: Ints | None, rounds: int, deadline: float
    ) -> tuple[Ints, int, bool]:
        """Return the windows of a plan at least as good, the steps taken, and whether time was short."""
        if rounds and len(relaxed):
            differs = np.abs(relaxed - self.model.values_of(window)) > 1e-6
            window, work = self._solve(window, differs, deadline)
        else:
            work = 0
        sizes = np.bincount(
            self.problem.change_group[self.model.choices.change], minlength=self.problem.num_groups
        )
        ties = tie_groups(self.problem)
        size = np.bincount(ties.unit, sizes, ties.count)
        order, first, wanted = self._order(ties.unit, focus), 0, float(_FREED)
        for _ in range(rounds - 1):
            if time.monotonic() >= deadline:
                return window, work, True
            if first >= len(order):
                order, first = self._order(ties.unit, None), 0
            last = first + 1 + int(np.searchsorted(np.cumsum(size[order[first + 1 :]]), wanted))
            is_free = np.isin(ties.unit, order[first:last])
            window, steps = self._solve(window, _columns_of(self.problem, self.model, is_free), deadline)
            first, work = last, work + steps
            factor = 1.5 if steps < _EASY else 0.6 if steps > _HARD else 1.0
            wanted = min(max(wanted * factor, _LEAST_FREED), _MOST_FREED)
        return window, work, False

    def _order(self, unit: Ints, focus: Ints | None) -> Ints:
        """Return tied units in the order to free them: those in focus, their teams' others, the rest."""
        count = int(unit.max(initial=-1)) + 1
        order = self.random.permutation(count)
        team = self.problem.group_team
        if focus is None or not len(focus):
            teams = self.random.permutation(self.problem.num_teams)
            rank = np.full(count, len(teams))
            np.minimum.at(rank, unit, np.argsort(teams)[team])
        else:
            rank = np.full(count, 2)
            near = np.isin(team, team[focus])
            rank[unit[near]] = 1
            rank[unit[focus]] = 0
        return order[np.argsort(rank[order], kind="stable")]

    def _solve(self, window: Ints, columns: npt.NDArray[np.bool_], deadline: float) -> tuple[Ints, int]:
        """Solve over some columns; return the plan's windows, changed only for the better."""
        values = self.model.values_of(window)
        program = self.model.restricted(columns, values)
        limits = Limits(max(0.1, _SHARE * (deadline - time.monotonic())), max_nodes=_NODES)
        run = run_program(program, self.factors, self.caps, limits, start=values[columns])
        if run.values is None:
            return window, run.work
        cost = self.factors[0] * program.exposure + self.factors[1] * program.disruption
        if float(cost @ run.values) >= float(cost @ values[columns]):
            return window, run.work
        values[columns] = run.values
        return self.model.plan_windows(values), run.work


def _columns_of(problem: Problem, model: Model, is_free: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which columns belong to free groups; units of caps are always free."""
    choices: Choices = model.choices
    slot_group = problem.slot_group
    return np.concatenate(
        (
            is_free[problem.change_group[choices.change]],
            is_free[slot_group[model.open_slot]],
            np.ones(model.units.count, dtype=bool),
        )
    )
