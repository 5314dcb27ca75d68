"""Programs solved by HiGHS.

HiGHS (https://highs.dev, MIT) is a branch-and-cut solver. Its answers are proposals: callers confirm
plans by the evaluator, and bounds leave room for its tolerances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import highspy
import numpy as np

from poise.errors import Fault, InternalError
from poise.planning.problem import Floats
from poise.planning.program import Program

#: What HiGHS may leave unproven, relative to the value; below it a plan counts as optimal.
RELATIVE_GAP = 1e-7
#: Slack of a cap on disruption or exposure, of the cap or of one money, whichever is more: HiGHS' own
#: tolerance on a row (1e-7) and room for rounding.
CAP_TOLERANCE = 1e-6
#: A bound under a cap covers plans over it by this much, in the same units: sums of money may round.
CAP_ROUNDING = 1e-9
#: What HiGHS' dual simplex may err on each reduced cost, in the units that it sees; all of it is taken
#: off the bound.
DUAL_TOLERANCE = 1e-7
#: Rounding of the sums behind a bound, relative.
ROUNDING = 1e-10
_FEW: dict[str, bool | float] = {
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_shifting": True,
    "mip_allow_restart": False,
}
#: HiGHS' options for each choice of searches.
_SEARCHES: dict[str, dict[str, bool | float]] = {
    "all": {},
    "few": _FEW,
    "fewest": {**_FEW, "mip_heuristic_run_rins": False, "mip_rel_gap": 1e-3},
}


class _QuietHighs(highspy.Highs):
    """HiGHS without callbacks: setting them up prints a banner into the command's output (1.16)."""

    def enableCallbacks(self) -> None:  # noqa: N802
        """Leave them off."""


@dataclass(frozen=True)
class Limits:
    """Where a run stops.

    Parameters
    ----------
    seconds, max_nodes
        Time [s], and nodes of the search tree.
    searches
        Which of the root's searches for solutions to run. ``few`` leaves out a second root and the search
        near the rounded relaxation (RENS), on the sample company two thirds of the time for hardly worse
        plans; ``fewest`` also the one near the best solution (RINS), and ends at a gap of 0.1 %.
    """

    seconds: float
    max_nodes: int | None = None
    searches: Literal["all", "few", "fewest"] = "all"


@dataclass(frozen=True)
class Run:
    """What HiGHS found: values (None without a solution), a bound [money], steps, and why it stopped."""

    values: Floats | None
    bound: float
    work: int
    is_cut: bool
    is_infeasible: bool


def are_under(costs: tuple[float, float], caps: tuple[float, float]) -> bool:
    """Return whether both costs are within their caps, up to ``CAP_TOLERANCE``."""
    return all(
        cost <= cap + CAP_TOLERANCE * max(1.0, abs(cap)) for cost, cap in zip(costs, caps, strict=True)
    )


def run_program(
    program: Program,
    factors: tuple[float, float],
    caps: tuple[float, float],
    limits: Limits,
    *,
    start: Floats | None = None,
) -> Run:
    """Minimise ``factors[0] * exposure + factors[1] * disruption`` of a program, both within their caps.

    Parameters
    ----------
    start
        A solution to start from, shape ``(columns,)``.

    Raises
    ------
    InternalError
        When HiGHS refuses the program.
    """
    if not program.num_columns:  # HiGHS calls that an error; doing nothing is the only plan.
        return _nothing(program, factors, caps)
    cost = factors[0] * program.exposure + factors[1] * program.disruption
    constant = factors[0] * program.exposure_of_nothing + factors[1] * program.disruption_of_nothing
    unit = cost_unit(cost)
    solver = quiet_solver(limits.seconds)
    for name, setting in {
        "mip_rel_gap": RELATIVE_GAP,
        "mip_abs_gap": 1e-6,
        "mip_feasibility_tolerance": 1e-7,
        **({} if limits.max_nodes is None else {"mip_max_nodes": limits.max_nodes}),
        **_SEARCHES[limits.searches],
    }.items():
        solver.setOptionValue(name, setting)
    solver.passModel(highs_program(program, cost / unit, constant / unit, caps))
    if start is not None:
        warm = highspy.HighsSolution()
        warm.col_value = list(start)
        solver.setSolution(warm)
    status = solver.run()
    if status == highspy.HighsStatus.kError:
        raise InternalError(Fault("E900", "planning.highs", "HiGHS refused the program; expected an answer."))
    info, ending = solver.getInfo(), solver.getModelStatus()
    has_plan = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.round(solver.getSolution().col_value) if has_plan else None
    if start is not None and values is not None:
        claimed, true = info.objective_function_value, (float(cost @ values) + constant) / unit
        # HiGHS 1.16 can improve a start in presolve and then hand back the start itself. Out of time we
        # keep that; otherwise the solve was quick, and is so again without a start.
        is_done = ending == highspy.HighsModelStatus.kOptimal
        if is_done and true > claimed + 1e-6 * max(1.0, abs(claimed)):
            return run_program(program, factors, caps, limits)
    slack = DUAL_TOLERANCE * unit * program.num_columns + ROUNDING * constant
    return Run(
        values=values,
        bound=max(0.0, info.mip_dual_bound * unit - slack),
        work=max(0, info.simplex_iteration_count) + max(0, info.ipm_iteration_count),
        is_cut=ending == highspy.HighsModelStatus.kTimeLimit,
        is_infeasible=ending == highspy.HighsModelStatus.kInfeasible,
    )


@dataclass(frozen=True)
class Relaxed:
    """What the linear relaxation proves.

    ``bound`` [money] holds for every plan within the caps, ``inf`` when there is none. ``weight`` is the
    price of the cap on disruption: every plan, whatever its disruption, has a cost plus ``weight *
    disruption`` of at least ``bound + weight * cap``. ``values`` is its solution, empty without one;
    ``reduced`` what one more of each column would add to the cost, and ``price`` what one more unit of each
    row's bound would, caps last [money]; both where they were asked for.
    """

    bound: float
    weight: float
    work: int
    values: Floats
    reduced: Floats = field(default_factory=lambda: np.zeros(0))
    price: Floats = field(default_factory=lambda: np.zeros(0))


def relax_program(
    program: Program, factors: tuple[float, float], caps: tuple[float, float], seconds: float
) -> Relaxed:
    """Solve the linear relaxation of a program; arguments as in :func:`run_program`.

    Raises
    ------
    InternalError
        When HiGHS refuses the program.
    """
    if not program.num_columns:
        run = _nothing(program, factors, caps)
        return Relaxed(math.inf if run.is_infeasible else run.bound, 0.0, 0, np.zeros(0))
    cost = factors[0] * program.exposure + factors[1] * program.disruption
    constant = factors[0] * program.exposure_of_nothing + factors[1] * program.disruption_of_nothing
    unit = cost_unit(cost)
    solver = quiet_solver(seconds)
    lp = highs_program(program, cost / unit, constant / unit, caps)
    lp.integrality_ = []
    solver.passModel(lp)
    if solver.run() == highspy.HighsStatus.kError:
        raise InternalError(Fault("E900", "planning.highs", "HiGHS refused the program; expected an answer."))
    if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        # HiGHS 1.16 calls some programs infeasible in presolve in which a row allows next to nothing.
        solver.setOptionValue("presolve", "off")
        solver.run()
    info, ending = solver.getInfo(), solver.getModelStatus()
    work = max(0, info.simplex_iteration_count)
    if ending == highspy.HighsModelStatus.kInfeasible:
        return Relaxed(math.inf, 0.0, work, np.zeros(0))
    if ending != highspy.HighsModelStatus.kOptimal:
        return Relaxed(0.0, 0.0, work, np.zeros(0))
    solution, weight = solver.getSolution(), 0.0
    if math.isfinite(caps[1]):
        dual = solution.row_dual[lp.num_row_ - 1]
        weight = max(0.0, -dual * unit / max(1.0, abs(caps[1])))
    slack = DUAL_TOLERANCE * unit * program.num_columns + ROUNDING * constant
    bound = max(0.0, info.objective_function_value * unit - slack)
    return Relaxed(bound, weight, work, np.asarray(solution.col_value))


@dataclass(frozen=True)
class Answer:
    """Values of the columns of a small program, and what one more unit of each row's bound costs."""

    values: Floats
    row_dual: Floats


def solve_dense(
    cost: Floats,
    matrix: Floats,
    lower: Floats,
    upper: Floats,
    column_upper: Floats,
    *,
    whole: bool,
    seconds: float,
) -> Answer | None:
    """Minimise ``cost @ v`` with ``lower <= matrix @ v <= upper`` and ``0 <= v <= column_upper``.

    Parameters
    ----------
    matrix
        Shape ``(rows, columns)``; meant for hundreds of columns, not for a plan's.
    whole
        Whether all columns are whole numbers; ``row_dual`` then says nothing.
    seconds
        Limit [s].

    Returns
    -------
    Answer or None
        None when no solution was found.
    """
    scale = max(float(np.abs(cost).max(initial=0.0)), 1e-12)
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost / scale, np.zeros(len(cost)), column_upper
    lp.row_lower_, lp.row_upper_ = lower, upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.arange(lp.num_row_ + 1) * lp.num_col_
    lp.a_matrix_.index_ = np.tile(np.arange(lp.num_col_), lp.num_row_)
    lp.a_matrix_.value_ = matrix.ravel()
    if whole:
        lp.integrality_ = [highspy.HighsVarType.kInteger] * lp.num_col_
    solver = quiet_solver(seconds)
    solver.passModel(lp)
    solver.run()
    if solver.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    solution = solver.getSolution()
    return Answer(np.asarray(solution.col_value), np.asarray(solution.row_dual) * scale)


def cost_unit(cost: Floats) -> float:
    """Return what to divide costs by [money]: they come in any size, and HiGHS' tolerances are absolute.

    The largest becomes 1,000.
    """
    return max(float(np.abs(cost).max(initial=0.0)), 1e-9) / 1_000.0


def quiet_solver(seconds: float) -> highspy.Highs:
    """Return HiGHS set up as every run here wants it: one thread, a fixed seed, nothing printed."""
    solver = _QuietHighs()  # type: ignore[no-untyped-call]
    for name, setting in {
        "output_flag": False,
        # HiGHS fixes its threads for the whole process at the first solve; ours run beside each other.
        "threads": 1,
        "random_seed": 1,
        "time_limit": max(seconds, 0.1),
        "primal_feasibility_tolerance": 1e-8,
    }.items():
        solver.setOptionValue(name, setting)
    return solver


def _nothing(program: Program, factors: tuple[float, float], caps: tuple[float, float]) -> Run:
    costs = (program.exposure_of_nothing, program.disruption_of_nothing)
    is_within = are_under(costs, caps) and bool(np.all((program.row_lower <= 0) & (program.row_upper >= 0)))
    bound = (factors[0] * costs[0] + factors[1] * costs[1]) * (1.0 - ROUNDING)
    return Run(np.zeros(0) if is_within else None, bound, 0, is_cut=False, is_infeasible=not is_within)


def highs_program(
    program: Program, cost: Floats, constant: float, caps: tuple[float, float]
) -> highspy.HighsLp:
    """Return the program for HiGHS, with a row for each finite cap, in units of the cap."""
    start, column, value = [program.start], [program.column], [program.value]
    lower, upper = [program.row_lower], [program.row_upper]
    every = np.arange(program.num_columns)
    end = int(program.start[-1])
    for cap, of_nothing, row in (
        (caps[0], program.exposure_of_nothing, program.exposure),
        (caps[1], program.disruption_of_nothing, program.disruption),
    ):
        if math.isfinite(cap):
            end += program.num_columns
            unit = max(1.0, abs(cap))
            start.append(np.array([end]))
            column.append(every)
            value.append(row / unit)
            lower.append(np.array([-np.inf]))
            upper.append(np.array([(cap + CAP_ROUNDING * unit - of_nothing) / unit]))
    lp = highspy.HighsLp()
    lp.num_col_ = program.num_columns
    lp.num_row_ = sum(len(part) for part in upper)
    lp.col_cost_ = cost
    lp.offset_ = constant
    lp.col_lower_ = np.zeros(program.num_columns)
    lp.col_upper_ = np.ones(program.num_columns)
    lp.row_lower_ = np.concatenate(lower)
    lp.row_upper_ = np.concatenate(upper)
    lp.integrality_ = [highspy.HighsVarType.kInteger] * program.num_columns
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.concatenate(start)
    lp.a_matrix_.index_ = np.concatenate(column)
    lp.a_matrix_.value_ = np.concatenate(value)
    return lp
