"""Lines below the frontier from the linear relaxation, one cap on disruption after another.

A solve by prices proves the line of its own weight, so between two weights the proven hull sags, and its
bound per group is that of a dual ascent. The relaxation at a plan's own disruption finds the weight that
proves the most there. Only the cap moves from one solve to the next: each starts from the basis of
the last and takes some hundredths of a second (measured on the sample company: 31 caps in 2 s, the
widest gap 4.2 % instead of 6.7 %).

The numbers of HiGHS are not believed: a line is computed anew from the prices of its rows, and holds
for whatever prices these are (weak duality [1]_).

References
----------
.. [1] A. Neumaier, O. Shcherbina, Safe bounds in linear and mixed-integer linear programming, Mathematical
   Programming 99, 2004, 283-296.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from poise.errors import Fault, InternalError
from poise.planning.choices import Choices
from poise.planning.highs import ROUNDING, highs_program, quiet_solver
from poise.planning.milp import build_model
from poise.planning.problem import Floats, Problem
from poise.planning.program import Program


@dataclass(frozen=True)
class Lines:
    """What the relaxations prove.

    Parameters
    ----------
    lines
        (weight, bound): every feasible plan has an exposure plus late cost plus weight times disruption
        of at least the bound [money].
    work, is_cut
        Simplex steps, and whether the clock ended it.
    """

    lines: tuple[tuple[float, float], ...]
    work: int
    is_cut: bool


def lines_under(
    problem: Problem, choices: Choices, caps: Sequence[float], seconds_left: Callable[[], float]
) -> Lines:
    """Return the line that proves the most for plans of each disruption.

    Parameters
    ----------
    problem, choices
        A checked problem, and its choices of :func:`~poise.planning.choices.list_choices`; the program
        should have some 50,000 columns at most.
    caps
        Disruptions [money], at least one.
    seconds_left
        Tells how much time is left [s].
    """
    model = build_model(problem, choices)
    if not model.num_columns:  # HiGHS calls that an error; doing nothing is the only plan.
        return Lines((line_of(model, 0.0, np.zeros(len(model.row_upper))),), 0, is_cut=False)
    cost_unit = max(float(np.abs(model.exposure).max(initial=0.0)), 1e-9) / 1_000.0
    cap_unit = max(1.0, max(caps))
    program = highs_program(
        model, model.exposure / cost_unit, model.exposure_of_nothing / cost_unit, (math.inf, cap_unit)
    )
    program.integrality_ = []
    solver = quiet_solver(max(0.0, seconds_left()))
    solver.passModel(program)
    last = np.array([program.num_row_ - 1], dtype=np.int32)
    lines, work = [], 0
    # From the loosest cap on: the dual simplex goes on from where it was.
    for cap in sorted(caps, reverse=True):
        left = seconds_left()
        if left <= 0:
            return Lines(tuple(lines), work, is_cut=True)
        room = (cap - model.disruption_of_nothing) / cap_unit
        solver.changeRowsBounds(1, last, np.array([-np.inf]), np.array([room]))  # type: ignore[attr-defined]  # not in the stubs of 1.16
        solver.setOptionValue("time_limit", solver.getRunTime() + left)
        if solver.run() == highspy.HighsStatus.kError:
            text = "HiGHS refused the program; expected an answer."
            raise InternalError(Fault("E900", "planning.tightening", text))
        work += max(0, solver.getInfo().simplex_iteration_count)
        if solver.getModelStatus() == highspy.HighsModelStatus.kTimeLimit:
            return Lines(tuple(lines), work, is_cut=True)
        price = np.asarray(solver.getSolution().row_dual) * cost_unit
        if len(price) == program.num_row_:
            lines.append(line_of(model, max(0.0, -float(price[-1]) / cap_unit), price[:-1]))
    return Lines(tuple(lines), work, is_cut=False)


def line_of(program: Program, weight: float, price: Floats) -> tuple[float, float]:
    """Return a line that no solution of a program lies below, whatever the prices are.

    Parameters
    ----------
    weight
        What one money of disruption counts, >= 0.
    price
        What one more unit of each row's bound costs [money], shape ``(rows,)``: at best the optimal dual of
        the relaxation, below 0 for an upper bound. A price on a bound that a row does not have counts
        as 0.
    """
    on_lower = (price > 0) & np.isfinite(program.row_lower)
    on_upper = (price < 0) & np.isfinite(program.row_upper)
    price = np.where(on_lower | on_upper, price, 0.0)
    row = np.repeat(np.arange(len(price)), np.diff(program.start))
    cost = program.exposure + weight * program.disruption
    charged = np.bincount(program.column, price[row] * program.value, program.num_columns)
    rows = price * np.where(on_lower, program.row_lower, np.where(on_upper, program.row_upper, 0.0))
    nothing = program.exposure_of_nothing + weight * program.disruption_of_nothing
    parts = (nothing, float(rows.sum()), float(np.minimum(cost - charged, 0.0).sum()))
    size = abs(nothing) + float(np.abs(rows).sum()) + float(np.abs(np.minimum(cost - charged, 0.0)).sum())
    return weight, max(0.0, sum(parts) - ROUNDING * size)
