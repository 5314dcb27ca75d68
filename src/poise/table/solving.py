"""Best plans under sets of limits, for one goal at the other side's cost held equal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from poise.bargain.value import Limits, Value
from poise.errors import NoFeasiblePlanError
from poise.planning.capped import ROUNDS, solve_within
from poise.planning.evaluate import evaluate
from poise.planning.priced import CappedByPrices
from poise.planning.problem import CappedSolution, Ints, Plan, Problem
from poise.table.binding import Bound, bind, touched
from poise.table.ground import Ground
from poise.table.limits import Limit

#: What is minimised, the other being held at most at a cap.
Goal = Literal["exposure", "disruption"]
#: Longest that one solve may take [s]; its rounds end it long before.
SOLVE_SECONDS = 30.0
#: Errors that prove that no plan exists; E504 only says that the time was over.
_PROOFS = frozenset({"E500", "E501", "E502", "E503", "E505"})


@dataclass(frozen=True)
class Effort:
    """How hard to look: seconds and rounds of one solve, and solves at the same time."""

    seconds: float = SOLVE_SECONDS
    rounds: int = ROUNDS
    threads: int = 2
    seed: int = 0


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


@dataclass(frozen=True)
class LimitSolver:
    """The least cost of one side under any set of limits, the other side's cost capped.

    Parameters
    ----------
    limits
        Every limit that a set may hold, by id.
    always
        Limits that hold in every set: those of class law.
    cap
        Of the cost that is not minimised [money].
    start
        A plan to start from when a solve has none.
    """

    ground: Ground
    limits: Mapping[str, Limit]
    always: tuple[Limit, ...]
    goal: Goal
    cap: float
    start: Plan
    effort: Effort = Effort()
    #: Bound of the relaxation under all limits, once it is known.
    whole: list[float] = field(default_factory=list)
    #: The limit behind each row of caps and the charges under all limits, once known, of large problems.
    charged: list[tuple[tuple[str, ...], CappedByPrices]] = field(default_factory=list)

    def __call__(self, kept: Limits, warm: Plan | None) -> Value:
        """Solve under these limits: a :data:`poise.bargain.value.Solve`."""
        chosen = [self.limits[name] for name in sorted(kept)]
        gone = [limit for name, limit in self.limits.items() if name not in kept]
        # From a plan that meets more limits, what the missing ones held up; from none, what these ask.
        focus = touched(self.ground, gone if warm is not None else chosen)
        try:
            seen = self.whole[0] if self.whole and warm is not None else None
            found = self.solve([*self.always, *chosen], warm or self.start, focus, seen)
        except NoFeasiblePlanError as error:
            return Value(math.inf if is_proof(error) else 0.0, math.inf)
        if len(kept) == len(self.limits) and not self.whole:
            self.whole.append(found.bound_of_relaxation)
        return Value(found.bound, found.value, found.plan)

    def solve(
        self, limits: Iterable[Limit], warm: Plan | None, focus: Ints | None, seen_bound: float | None = None
    ) -> CappedSolution:
        """Return the best plan found under limits.

        Raises
        ------
        NoFeasiblePlanError
            When there is none, or none was found in time.
        """
        is_exposure = self.goal == "exposure"
        bound = bind(self.ground, limits)
        found = solve_within(
            bound.problem,
            0.0 if is_exposure else math.inf,
            seconds=self.effort.seconds,
            disruption_cap=self.cap if is_exposure else math.inf,
            exposure_cap=math.inf if is_exposure else self.cap,
            warm=warm,
            focus=focus,
            rounds=self.effort.rounds,
            seed=self.effort.seed,
            seen_bound=seen_bound,
            near=self._near(bound),
        )
        if isinstance(found, CappedByPrices) and not self.charged:
            self.charged.append((bound.limit_of_row, found))
        return found

    def _near(self, bound: Bound) -> CappedByPrices | None:
        """Return the charges of the first solve for the rows that a problem still has."""
        if not self.charged:
            return None
        names, solution = self.charged[0]
        return solution.with_rows(np.isin(names, bound.limit_of_row))


def split(limits: Sequence[Limit]) -> tuple[tuple[Limit, ...], dict[str, Limit]]:
    """Return the limits that always hold, and the negotiable ones by id."""
    always = tuple(limit for limit in limits if not limit.may_give_way)
    return always, {limit.id: limit for limit in limits if limit.may_give_way}


def moves_between(first: Plan, second: Plan) -> Ints:
    """Return the changes that two plans put into different windows."""
    return np.flatnonzero(first.window != second.window)
