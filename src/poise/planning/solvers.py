"""Solvers for one weight, in the one form that the frontier drives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from poise.planning.decomposition.lagrangian import PricedSolution
from poise.planning.decomposition.lagrangian import solve as solve_by_prices
from poise.planning.exact import solve_exact
from poise.planning.problem import Plan, Problem, Solution

#: Steps of the price decomposition for one weight: up to so many groups, and beyond. The first plan is there
#: after 18 steps; small problems gain from more, and take a second or two for them (measured).
SMALL_GROUPS, SMALL_STEPS, PRICE_STEPS = 1_000, 120, 19

#: Prices of another weight are a start only within this ratio; from further off the bound climbs slower
#: than from nothing (measured on the sample company: 27 % instead of 4 % at ten times the weight).
NEAR = 1.5


class Solver(Protocol):
    """A solver for one weight."""

    def __call__(
        self,
        problem: Problem,
        weight: float,
        *,
        seconds: float,
        seed: int,
        warm: Plan | None,
        near: Solution | None,
    ) -> Solution:
        """Return a feasible plan for this weight with a proven bound.

        ``warm`` is the best plan known for this weight, ``near`` the solution of the nearest weight.
        """
        ...


def exact_solver(
    problem: Problem, weight: float, *, seconds: float, seed: int, warm: Plan | None, near: Solution | None
) -> Solution:
    """Solve one weight by HiGHS: a :class:`Solver` that needs no seed."""
    del seed, near
    return solve_exact(problem, weight, seconds=seconds, warm=warm)


def by_prices(solve: Callable[..., PricedSolution], **more: object) -> Solver:
    """Return the :class:`Solver` that runs the price decomposition by ``solve``, here or on a cluster.

    ``more`` goes to every solve, such as ``gap`` and ``stop``.
    """

    def solver(
        problem: Problem,
        weight: float,
        *,
        seconds: float,
        seed: int,
        warm: Plan | None,
        near: Solution | None,
    ) -> Solution:
        is_near = near is not None and max(weight, near.weight) <= NEAR * min(weight, near.weight)
        return solve(
            problem,
            weight,
            seconds=seconds,
            steps=SMALL_STEPS if problem.num_groups <= SMALL_GROUPS else PRICE_STEPS,
            seed=seed,
            warm=warm,
            prices=near.prices if is_near and isinstance(near, PricedSolution) else (),
            **more,
        )

    return solver


#: Solves one weight by price decomposition: the :class:`Solver` of all but small problems.
price_solver = by_prices(solve_by_prices)
