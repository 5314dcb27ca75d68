"""Smallest bundles of moves: how few changes must go elsewhere for both costs to come into a band.

On larger problems bundles of one move and many of two and three are looked at first
(:mod:`poise.planning.few_moves`). Else HiGHS minimises the number of moves over the whole program, so its
bound is a proof: no bundle of fewer moves does it, found or not. Where branching ends before that, the
bound says how far it got.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.capped import EXACT_CHOICES
from poise.planning.choices import list_choices
from poise.planning.evaluate import evaluate
from poise.planning.few_moves import Band, few_moves
from poise.planning.highs import Limits, Run, run_program
from poise.planning.milp import Model, build_model
from poise.planning.mixing import columns_of, counting_moves
from poise.planning.problem import Floats, Ints, Plan, Problem
from poise.planning.program import Program

Mask = npt.NDArray[np.bool_]

_FREE = (math.inf, math.inf)
#: A number of moves this far above a whole one still is that one: HiGHS' tolerances.
_WHOLE = 1e-4


@dataclass(frozen=True)
class Bundle:
    """A bundle of moves.

    Parameters
    ----------
    plan
        With the bundle done.
    moved
        Changes that move.
    least_moves
        No bundle that does it has fewer moves; proven. Equal to ``len(moved)`` when this one is smallest.
    """

    plan: Plan
    moved: Ints
    least_moves: int

    @property
    def is_smallest(self) -> bool:
        """Return whether it is proven that no such bundle has fewer moves."""
        return len(self.moved) <= self.least_moves


def smallest_bundle(
    problem: Problem,
    kept: Plan,
    bands: tuple[Band, Band],
    rate: float,
    held: Mask,
    plans: Sequence[Plan],
    limits: Limits,
) -> Bundle | None:
    """Return the bundle of fewest moves that brings both costs into their bands; of several the best.

    Parameters
    ----------
    problem
        A checked problem.
    kept
        A plan that keeps all its rules; moves are counted from it.
    bands
        Of exposure plus late cost, and of disruption.
    rate
        Of bundles with as few moves one with little ``exposure + rate * disruption`` is wanted; of single
        moves, and on small problems, the one with the least.
    held
        Changes that stay, shape ``(J,)``.
    plans
        To start from: their mixtures with the kept plan are tried first.
    limits
        Of each of two solves; nodes of the search tree stop one at the same place on every machine.

    Returns
    -------
    Bundle or None
        None where none was found.
    """
    least = 1
    if len(list_choices(problem).change) > EXACT_CHOICES:
        few = few_moves(problem, kept, bands, rate, held)
        least = few.least_moves
        if few.plan is not None:
            return Bundle(few.plan, _moved(few.plan, kept), least)
    search = _Search(problem, kept, bands, held, limits)
    start = search.first(plans)
    values = search.model.values_of(kept.window) if start is None else start
    run = search.run(search.counted, (1.0, 0.0), search.free, values, is_start=start is not None)
    if run.values is None and start is None:
        return None
    if run.values is not None:
        values = _with(values, search.free, run.values)
    plan = search.plan(search.best(values, rate))
    if plan is None:
        return None
    moved = _moved(plan, kept)
    return Bundle(plan, moved, min(len(moved), max(least, math.ceil(run.bound - _WHOLE))))


def _moved(plan: Plan, kept: Plan) -> Ints:
    return np.flatnonzero(plan.window != kept.window)


class _Search:
    """The program of a problem with a row for each band, and what its columns count as moves."""

    def __init__(
        self, problem: Problem, kept: Plan, bands: tuple[Band, Band], held: Mask, limits: Limits
    ) -> None:
        self.problem, self.kept, self.bands, self.limits = problem, kept, bands, limits
        self.model = _banded(build_model(problem, list_choices(problem)), bands)
        self.counted = counting_moves(self.model, kept, np.ones(problem.num_changes))
        self.free = np.ones(self.model.num_columns, dtype=np.bool_)
        self.free[: len(self.model.choices.change)] = ~held[self.model.choices.change]

    def first(self, plans: Sequence[Plan]) -> Floats | None:
        """Return the smallest bundle among mixtures of the kept plan and others; None without one."""
        used = self.free & columns_of(self.model, [self.kept, *plans])
        values = self.model.values_of(self.kept.window)
        run = self.run(self.counted, (1.0, 0.0), used, values, is_start=False)
        if run.values is None:
            return None
        values = _with(values, used, run.values)
        return None if self.plan(values) is None else values

    def best(self, values: Floats, rate: float) -> Floats:
        """Return the best bundle of no more moves than one."""
        most = round(float(self.counted.exposure @ values) + self.counted.exposure_of_nothing)
        narrow = self.model.with_row(
            self.counted.exposure, -math.inf, most - self.counted.exposure_of_nothing
        )
        run = self.run(narrow, (1.0, rate), self.free, values, is_start=True)
        return values if run.values is None else _with(values, self.free, run.values)

    def plan(self, values: Floats) -> Plan | None:
        """Return the plan of a solution once the evaluator agrees that it does what it shall."""
        plan = Plan(self.model.plan_windows(values))
        seen = evaluate(self.problem, plan)
        costs = (seen.exposure + seen.late_cost, seen.disruption)
        is_good = seen.is_feasible and all(
            band.holds(cost) for band, cost in zip(self.bands, costs, strict=True)
        )
        return plan if is_good else None

    def run(
        self, program: Program, factors: tuple[float, float], free: Mask, values: Floats, *, is_start: bool
    ) -> Run:
        """Solve over the free columns, the others held at their values."""
        start = values[free] if is_start else None
        return run_program(program.restricted(free, values), factors, _FREE, self.limits, start=start)


def _banded(model: Model, bands: tuple[Band, Band]) -> Model:
    """Return a program with a row for each cost's band, in units of the cost."""
    for band, cost, of_nothing in zip(
        bands,
        (model.exposure, model.disruption),
        (model.exposure_of_nothing, model.disruption_of_nothing),
        strict=True,
    ):
        unit = max(1.0, abs(band.high))
        model = model.with_row(cost / unit, (band.low - of_nothing) / unit, (band.high - of_nothing) / unit)
    return model if math.isinf(bands[1].low) else _opened_by_use(model)


def _opened_by_use(model: Model) -> Model:
    """Return a program in which no slot is open that no change uses: a cost must not be made up."""
    slots, choices = len(model.open_slot), model.choices
    first = len(choices.change)
    return model.with_rows(
        np.concatenate((np.arange(slots), np.searchsorted(model.open_slot, choices.slot))),
        np.concatenate((first + np.arange(slots), np.arange(first))),
        np.concatenate((np.ones(slots), -np.ones(first))),
        np.full(slots, -np.inf),
        np.zeros(slots),
    )


def _with(values: Floats, free: Mask, found: Floats) -> Floats:
    together = values.copy()
    together[free] = found
    return together
