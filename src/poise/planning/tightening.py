"""Lines below the frontier from the linear relaxation, one cap on disruption after another.

A solve by prices proves the line of its own weight, so between two weights the proven hull sags, and its
bound per group is that of a dual ascent. The relaxation at a plan's own disruption finds the weight that
proves the most there. Only the cap moves from one solve to the next: each starts from the basis of
the last and takes some hundredths of a second (measured on the sample company: 31 caps in 2 s, the
widest gap 4.2 % instead of 6.7 %). From its prices a climb packs each window's minutes whole
(:mod:`poise.planning.packing`), which halves what is left of the gap.

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import highspy
import numpy as np

from poise.errors import Fault, InternalError
from poise.planning.choices import Choices
from poise.planning.highs import ROUNDING, cost_unit, highs_program, quiet_solver
from poise.planning.milp import Model, build_model
from poise.planning.packing import Packing
from poise.planning.problem import Floats, Problem
from poise.planning.program import Program

#: Relative to a plan's exposure, a gap this narrow is left as it is.
_NARROW = 5e-3
#: Weights closer than this ratio share one climb.
_ALIKE = 1.05
#: Packings of one climb at most, and cells of their tables that all climbs together may fill: some 10 s.
_STEPS, _TABLES = 120, 4e10


@dataclass(frozen=True)
class Lines:
    """What the relaxations prove.

    Parameters
    ----------
    lines
        (weight, bound): every feasible plan has an exposure plus late cost plus weight times disruption
        of at least the bound [money].
    work, is_cut
        Steps of the simplex and of climbs, and whether the clock ended it.
    """

    lines: tuple[tuple[float, float], ...]
    work: int
    is_cut: bool


def lines_under(
    problem: Problem,
    choices: Choices,
    points: Sequence[tuple[float, float]],
    seconds_left: Callable[[], float],
    *,
    threads: int = 1,
) -> Lines:
    """Return lines that prove much for plans of each disruption.

    Parameters
    ----------
    problem, choices
        A checked problem, and its choices of :func:`~poise.planning.choices.list_choices`; the program
        should have some 30,000 columns at most.
    points
        (exposure plus late cost, disruption) of known plans [money], at least one.
    seconds_left
        Tells how much time is left [s].
    threads
        Climbs at the same time; does not change the result.
    """
    model = build_model(problem, choices)
    caps = [disruption for _, disruption in points]
    priced, work, is_cut = _relax_under(model, caps, seconds_left)
    lines = [line_of(model, weight, price) for weight, price in priced]
    wide = _worth_climbing(lines, points)
    packing = Packing(problem, model)
    steps = min(_STEPS, int(_TABLES / max(1, packing.size * len(wide))))

    def climb(at: int) -> tuple[float, float]:
        weight, price = priced[at]
        target = min(exposure + weight * disruption for exposure, disruption in points)
        best, _ = packing.climb((1.0, weight), price, target, max(1, steps), lambda: seconds_left() <= 0)
        return weight, best

    with ThreadPoolExecutor(max(1, threads)) as executor:
        lines += executor.map(climb, wide)
    is_cut = is_cut or seconds_left() <= 0
    return Lines(tuple(lines), work + steps * len(wide), is_cut)


def _worth_climbing(lines: Sequence[tuple[float, float]], points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the lines of the widest gaps: not those whose neighbour's climb serves them as well."""
    values = {disruption: exposure for exposure, disruption in points}
    wide: list[int] = []
    for at, ((weight, bound), cap) in enumerate(zip(lines, sorted(values, reverse=True), strict=False)):
        is_wide = values[cap] - (bound - weight * cap) > _NARROW * values[cap]
        if is_wide and (not wide or weight > _ALIKE * lines[wide[-1]][0]):
            wide.append(at)
    return wide


def _relax_under(
    model: Model, caps: Sequence[float], seconds_left: Callable[[], float]
) -> tuple[list[tuple[float, Floats]], int, bool]:
    """Return the weight of each cap, from the loosest on, and the prices of all rows; work; whether cut."""
    if not model.num_columns:  # HiGHS calls that an error; doing nothing is the only plan.
        return [(0.0, np.zeros(len(model.row_upper)))], 0, False
    unit = cost_unit(model.exposure)
    cap_unit = max(1.0, max(caps))
    program = highs_program(
        model, model.exposure / unit, model.exposure_of_nothing / unit, (math.inf, cap_unit)
    )
    program.integrality_ = []
    solver = quiet_solver(max(0.0, seconds_left()))
    solver.passModel(program)
    last = np.array([program.num_row_ - 1], dtype=np.int32)
    priced: list[tuple[float, Floats]] = []
    work = 0
    # From the loosest cap on: the dual simplex goes on from where it was.
    for cap in sorted(set(caps), reverse=True):
        left = seconds_left()
        if left <= 0:
            return priced, work, True
        room = (cap - model.disruption_of_nothing) / cap_unit
        solver.changeRowsBounds(1, last, np.array([-np.inf]), np.array([room]))  # type: ignore[attr-defined]  # not in the stubs of 1.16
        solver.setOptionValue("time_limit", solver.getRunTime() + left)
        if solver.run() == highspy.HighsStatus.kError:
            text = "HiGHS refused the program; expected an answer."
            raise InternalError(Fault("E900", "planning.tightening", text))
        work += max(0, solver.getInfo().simplex_iteration_count)
        if solver.getModelStatus() == highspy.HighsModelStatus.kTimeLimit:
            return priced, work, True
        price = np.asarray(solver.getSolution().row_dual) * unit
        if len(price) != program.num_row_:
            price = np.zeros(program.num_row_)
        priced.append((max(0.0, -float(price[-1]) / cap_unit), price[:-1]))
    return priced, work, False


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
    row = program.entry_row
    cost = program.exposure + weight * program.disruption
    charged = np.bincount(program.column, price[row] * program.value, program.num_columns)
    rows = price * np.where(on_lower, program.row_lower, np.where(on_upper, program.row_upper, 0.0))
    nothing = program.exposure_of_nothing + weight * program.disruption_of_nothing
    columns = float(np.minimum(cost - charged, 0.0).sum())
    size = abs(nothing) + float(np.abs(rows).sum()) - columns
    return weight, max(0.0, nothing + float(rows.sum()) + columns - ROUNDING * size)
