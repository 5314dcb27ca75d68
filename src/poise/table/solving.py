"""Best plans under sets of limits, for one goal at the other side's cost held equal.

Small companies are solved exactly. Beyond, bounds come from one linear relaxation, solved hot, whose
windows are then packed whole, and plans are put together from plans of parts
(:mod:`poise.planning.part_search`): the two ends of all comparisons, all limits and none, are solved from
nothing, and every other set from the nearer end, so that the order of sets and the threads change
nothing. Where the linear program would be too large, caps are charged for (:mod:`poise.planning.priced`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from threading import Lock

import numpy as np

from poise.bargain.value import Limits, Value
from poise.errors import Fault, NoFeasiblePlanError, TableError
from poise.planning.capped import EXACT_CHOICES, MANY_CHOICES, ROUNDS, solve_within
from poise.planning.choices import list_choices
from poise.planning.evaluate import evaluate
from poise.planning.highs import Limits as HighsLimits
from poise.planning.highs import Relaxed
from poise.planning.part_search import PartSearch
from poise.planning.priced import CappedByPrices
from poise.planning.problem import CappedSolution, Goal, Ints, Plan, Problem
from poise.planning.relaxation import Charged, Relaxation, Switches
from poise.table.binding import Board, Bound, bind, touched
from poise.table.ground import Ground, as_plan
from poise.table.limits import Limit

#: Told (steps done, steps there are at most, what is being done).
Progress = Callable[[int, int, str], None]
#: Longest that one solve may take [s]; its rounds end it long before.
SOLVE_SECONDS = 30.0
#: Ends the name of a limit that gives way by one step; no limit's id has a space.
LESS = " less"
#: No limit but those of class law.
NONE: Limits = frozenset()
#: At the ends of all comparisons columns are searched of which one more adds this part of the bound [1].
CHEAP = 1e-3
#: Up to so many choices of a change a brief search of the whole is quick, and every set gets one.
SMALL_CHOICES = 5_000
#: Two bounds of relaxations closer than this, relative, are the same.
_SAME_BOUND = 1e-8
#: Packings of windows behind the bound of an end, which bounds all sets beyond it, and of a set between.
_END_PACKINGS, _PACKINGS = 150, 20
#: Errors that prove that no plan exists; E504 only says that the time was over.
_PROOFS = frozenset({"E500", "E501", "E502", "E503", "E505"})


@dataclass(frozen=True)
class Effort:
    """How hard to look: seconds and rounds of one solve, and solves at the same time.

    ``stop`` is asked between solves; once it is true, E559 ends the whole computation.
    """

    seconds: float = SOLVE_SECONDS
    rounds: int = ROUNDS
    threads: int = 2
    seed: int = 0
    stop: Callable[[], bool] | None = None

    def go_on(self) -> None:
        """Raise E559 when the computation shall stop."""
        if self.stop is not None and self.stop():
            raise TableError(Fault("E559", "table", "The computation was stopped before it was done."))


@dataclass(frozen=True)
class Costs:
    """What a plan costs both sides [money]: exposure plus late cost, and disruption."""

    security: float
    operations: float


def costs_of(problem: Problem, plan: Plan) -> Costs:
    """Return what a plan costs both sides, whatever limits it breaks."""
    seen = evaluate(problem, plan)
    return Costs(seen.exposure + seen.late_cost, seen.disruption)


def is_proof(error: NoFeasiblePlanError) -> bool:
    """Return whether an error proves that no plan exists."""
    return all(fault.id in _PROOFS for fault in error.faults)


def split(limits: Sequence[Limit]) -> tuple[tuple[Limit, ...], dict[str, Limit]]:
    """Return the limits that always hold, and the negotiable ones by id."""
    always = tuple(limit for limit in limits if not limit.may_give_way)
    return always, {limit.id: limit for limit in limits if limit.may_give_way}


def moves_between(first: Plan, second: Plan) -> Ints:
    """Return the changes that two plans put into different windows."""
    return np.flatnonzero(first.window != second.window)


@dataclass
class LimitSets:
    """Sets of a table's limits around one draft, and what is known of the plans that keep each.

    Parameters
    ----------
    ground
        What the table stands on.
    always
        Limits that hold in every set: those of class law.
    limits
        Every other limit that a set may hold, by id; among them may be weaker forms of others.
    every
        The set in force.
    at, draft
        The plan under talk and its costs.
    """

    ground: Ground
    always: tuple[Limit, ...]
    limits: Mapping[str, Limit]
    every: Limits
    at: Costs
    draft: Plan
    effort: Effort

    def __post_init__(self) -> None:
        self._costs: dict[bytes, Costs] = {}
        self.num_choices = len(list_choices(self.ground.problem).change)
        self.is_relaxed = EXACT_CHOICES < self.num_choices <= MANY_CHOICES
        self.board = Board.of(self.ground, [*self.always, *self.limits.values()])

    def chosen(self, kept: Limits) -> list[Limit]:
        """Return the limits of a set, those of class law first."""
        return [*self.always, *(limit for name, limit in self.limits.items() if name in kept)]

    def bound(self, kept: Limits) -> Bound:
        """Return the problem with a set in force, and the limit behind each row of its caps."""
        return bind(self.ground, self.chosen(kept))

    def problem(self, kept: Limits) -> Problem:
        """Return the problem with a set in force."""
        return self.bound(kept).problem

    def costs(self, plan: Plan) -> Costs:
        """Return what a plan costs both sides, computed once."""
        key = plan.window.tobytes()
        if key not in self._costs:
            self._costs[key] = costs_of(self.ground.problem, plan)
        return self._costs[key]

    @cached_property
    def stored(self) -> list[Plan]:
        """The plans of the ground's frontier."""
        return [as_plan(stored.windows) for stored in self.ground.plans]

    @property
    def rate(self) -> float:
        """Return the weight of the proven line that is highest at the draft."""
        ground = self.ground
        lines = np.array(ground.line_bound) - np.array(ground.line_weight) * self.at.operations
        rate = float(ground.line_weight[int(np.argmax(lines))]) if len(lines) else 0.0
        return rate if rate > 0 else max(self.at.security, 1.0) / max(self.at.operations, 1.0)


class LimitSolver:
    """The least cost of one side under any set of limits, the other side's cost held at the draft's.

    Parameters
    ----------
    sets
        The sets and the draft.
    goal
        Whose cost is minimised.
    """

    def __init__(self, sets: LimitSets, goal: Goal) -> None:
        self.sets, self.goal = sets, goal
        self.is_exposure = goal == "exposure"
        self.cap = sets.at.operations if self.is_exposure else sets.at.security
        self._caps = (math.inf, self.cap) if self.is_exposure else (self.cap, math.inf)
        self._lock = Lock()
        self._ends: dict[Limits, Value] = {}
        self._proofs: dict[Limits, Charged] = {}
        self._known: dict[Limits, Relaxed] = {}
        self._parts: PartSearch | None = None
        #: The limit behind each row of caps and the charges under all limits, of the largest companies.
        self._charged: tuple[tuple[str, ...], CappedByPrices] | None = None
        self._is_small = sets.num_choices <= SMALL_CHOICES
        if sets.is_relaxed:
            board = sets.board
            anchors = [board.switches(sets.ground, sets.chosen(some)) for some in (sets.every, NONE)]
            factors = (1.0, 0.0) if self.is_exposure else (0.0, 1.0)
            relaxation = Relaxation(board.problem, factors, self._caps, anchors, seconds=sets.effort.seconds)
            self._parts = PartSearch(relaxation, board.row_like(LESS), sets.rate, seed=sets.effort.seed)

    def __call__(self, kept: Limits, warm: Plan | None) -> Value:
        """Solve under these limits: a :data:`poise.bargain.value.Solve`."""
        self.sets.effort.go_on()
        if self._parts is None:
            return self._solved(kept, warm)
        with self._lock:
            if not self._ends:
                ends = (self.sets.every, NONE)
                with ThreadPoolExecutor(max(1, self.sets.effort.threads)) as executor:
                    found = list(executor.map(partial(self._end, self._parts), ends))
                self._ends = dict(zip(ends, found, strict=True))
        return self._ends[kept] if kept in self._ends else self._between(self._parts, kept)

    def _end(self, search: PartSearch, kept: Limits) -> Value:
        """Solve an end of all comparisons: worth a search for any plan, and one of each part in the whole."""
        relaxed = self._relaxed(search.relaxation, kept)
        if math.isinf(relaxed.bound):
            return Value(math.inf, math.inf)
        switches, plans = self._switches(kept), [self.sets.draft, *self.sets.stored]
        search.begin(kept, switches, relaxed, plans)
        self.sets.effort.go_on()
        whole = search.whole([kept], switches)
        best = self._best(kept, plans if whole is None else [*plans, whole])
        if best is None:
            best = self._any_plan(search.relaxation, kept, relaxed, plans)
        # Without limits the frontier of a large ground was searched already.
        if best is not None and (kept or self._is_small):
            self.sets.effort.go_on()
            best = self._polished(search, kept, relaxed, best)
            search.pool.add(best, kept)
        return self._value(search.relaxation, kept, relaxed, best, _END_PACKINGS)

    def _between(self, search: PartSearch, kept: Limits) -> Value:
        """Solve a set between the ends, from the nearer one."""
        relaxed = self._relaxed(search.relaxation, kept)
        if math.isinf(relaxed.bound):
            return Value(math.inf, math.inf)
        switches = self._switches(kept)
        plans = [*self.sets.stored, *(value.witness for value in self._ends.values() if value.is_known)]
        best = self._best(kept, plans)
        if best is None or not self._is_settled(search.relaxation, kept, relaxed, self._cost(best)):
            search.go_on(kept, switches, relaxed, self._nearer(kept))
            self.sets.effort.go_on()
            whole = search.whole([self.sets.every, NONE, kept], switches)
            best = best if whole is None else self._best(kept, [*plans, whole])
            if self._is_small:
                best = (
                    self._any_plan(search.relaxation, kept, relaxed, plans)
                    if best is None
                    else self._searched(search.relaxation, kept, relaxed, best, plans)
                )
        return self._value(search.relaxation, kept, relaxed, best, _PACKINGS)

    def _searched(
        self, relaxation: Relaxation, kept: Limits, relaxed: Relaxed, best: Plan, plans: Sequence[Plan]
    ) -> Plan:
        """Return a plan searched for in the whole, among what the relaxation and known plans use."""
        limits = HighsLimits(self.sets.effort.seconds, 1, "fewest")
        found = relaxation.search(self._switches(kept), relaxed, [*plans, best], 0.0, limits, start=best)
        return best if found is None else self._best(kept, [best, found]) or best

    def _nearer(self, kept: Limits) -> Limits:
        return self.sets.every if len(kept) * 2 > len(self.sets.every) else NONE

    def _any_plan(
        self, relaxation: Relaxation, kept: Limits, relaxed: Relaxed, plans: Sequence[Plan]
    ) -> Plan | None:
        """Return any plan that keeps a set and the cap, made better; None where none was found."""
        effort, switches = self.sets.effort, self._switches(kept)
        other = (0.0, 1.0) if self.is_exposure else (1.0, 0.0)
        limits = HighsLimits(effort.seconds, 1, "few")
        # With as little of what is capped as can be.
        found = relaxation.search(switches, relaxed, plans, CHEAP, limits, factors=other)
        start = None if found is None else self._best(kept, [found])
        if start is None:
            return None
        effort.go_on()
        better = relaxation.search(switches, relaxed, plans, CHEAP, limits, start=start)
        return start if better is None else self._best(kept, [start, better])

    def _polished(self, search: PartSearch, kept: Limits, relaxed: Relaxed, plan: Plan) -> Plan:
        """Return a plan with each part in turn searched among its cheap columns, the others held."""
        switches, limits = self._switches(kept), HighsLimits(self.sets.effort.seconds, 1, "few")
        for part in range(search.pool.num_parts):
            self.sets.effort.go_on()
            within = search.pool.columns_of(part)
            found = search.relaxation.search(
                switches, relaxed, [plan], CHEAP, limits, start=plan, within=within
            )
            if found is not None:
                plan = self._best(kept, [plan, found]) or plan
        return plan

    def _value(
        self, relaxation: Relaxation, kept: Limits, relaxed: Relaxed, best: Plan | None, steps: int
    ) -> Value:
        """Return what is proven of a set, by so many packings, and the best plan found that keeps it."""
        cost = math.inf if best is None else self._cost(best)
        near = self._proofs.get(self._nearer(kept))
        proof = relaxation.packed(self._switches(kept), relaxed, cost, steps, near)
        if not self._ends:
            self._proofs[kept] = proof
        return Value(min(cost, proof.bound), cost, best)

    def _best(self, kept: Limits, plans: Sequence[Plan]) -> Plan | None:
        """Return the best of some plans that keeps a set and the cap; None without one."""
        priced = []
        for plan in plans:
            costs = self.sets.costs(plan)
            own, other = (costs.security, costs.operations)[:: 1 if self.is_exposure else -1]
            if other <= self.cap:
                priced.append((own, plan))
        # What limits ask is looked at from the cheapest on: most plans need no look.
        problem = self.sets.problem(kept) if priced else None
        for _, plan in sorted(priced, key=lambda one: one[0]):
            if problem is not None and evaluate(problem, plan).is_feasible:
                return plan
        return None

    def _is_settled(self, relaxation: Relaxation, kept: Limits, relaxed: Relaxed, cost: float) -> bool:
        """Return whether a search promises nothing: the set costs what an end does, by all that is known.

        Either the best plan without limits keeps these, or dropping the missing ones does not move the
        relaxation.
        """
        if cost <= self._ends[NONE].best:
            return True
        whole = self._relaxed(relaxation, self.sets.every)
        return kept < self.sets.every and relaxed.bound >= whole.bound * (1 - _SAME_BOUND)

    def _cost(self, plan: Plan) -> float:
        costs = self.sets.costs(plan)
        return costs.security if self.is_exposure else costs.operations

    def _relaxed(self, relaxation: Relaxation, kept: Limits) -> Relaxed:
        if kept not in self._known:
            self._known[kept] = relaxation.under(self._switches(kept))
        return self._known[kept]

    def _switches(self, kept: Limits) -> Switches:
        return self.sets.board.switches(self.sets.ground, self.sets.chosen(kept))

    def _solved(self, kept: Limits, warm: Plan | None) -> Value:
        """Search exactly, or where the linear program would be too large by charges."""
        sets = self.sets
        gone = [limit for name, limit in sets.limits.items() if name not in kept]
        # From a plan that meets more limits, what the missing ones held up; from none, what these ask.
        focus = touched(sets.ground, gone if warm is not None else sets.chosen(kept))
        try:
            found = self._search(sets.bound(kept), warm or sets.draft, focus)
        except NoFeasiblePlanError as error:
            return Value(math.inf if is_proof(error) else 0.0, math.inf)
        return Value(found.bound, found.value, found.plan)

    def _search(self, bound: Bound, warm: Plan, focus: Ints) -> CappedSolution:
        effort, near = self.sets.effort, self._near(bound)
        found = solve_within(
            bound.problem,
            0.0 if self.is_exposure else math.inf,
            seconds=effort.seconds,
            disruption_cap=self._caps[1],
            exposure_cap=self._caps[0],
            warm=warm,
            focus=focus,
            rounds=effort.rounds,
            seed=effort.seed,
            near=near,
        )
        if isinstance(found, CappedByPrices) and self._charged is None:
            self._charged = bound.limit_of_row, found
        return found

    def _near(self, bound: Bound) -> CappedByPrices | None:
        """Return the charges under all limits for the rows that a problem has; None where they do not fit."""
        if self._charged is None:
            return None
        names, solution = self._charged
        wanted = [name.removesuffix(LESS) for name in bound.limit_of_row]
        kept = np.isin(names, wanted)
        return solution.with_rows(kept) if kept.sum() == len(wanted) else None
