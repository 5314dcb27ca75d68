"""Exact plans for small problems, with a proven bound, by HiGHS.

HiGHS (https://highs.dev, MIT) is a branch-and-cut solver. Its answer is only a proposal here: the
plan that leaves is confirmed by :func:`~poise.planning.evaluate.evaluate`, and its numbers are the
evaluator's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import highspy
import numpy as np

from poise.errors import Fault, InternalError, NoFeasiblePlanError
from poise.planning.choices import Choices, list_choices
from poise.planning.evaluate import evaluate
from poise.planning.milp import Model, build_model
from poise.planning.problem import Caps, Evaluation, Floats, Plan, Problem, Solution

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


def solve_exact(
    problem: Problem,
    weight: float,
    *,
    seconds: float,
    disruption_cap: float | None = None,
    exposure_cap: float | None = None,
    warm: Plan | None = None,
    max_nodes: int | None = None,
) -> Solution:
    """Return the plan with the least ``exposure + late cost + weight * disruption``.

    With a ``disruption_cap`` and weight 0 this is the epsilon-constraint form, which also finds the
    plans of the frontier that no weight finds.

    Parameters
    ----------
    problem
        A checked problem.
    weight
        Money of exposure that one money of disruption is worth, >= 0; ``inf`` minimises disruption alone.
    seconds
        Time limit [s]. Within it the result depends on the input only.
    disruption_cap
        Largest disruption allowed [money].
    exposure_cap
        Largest exposure plus late cost allowed [money].
    warm
        A plan to start from; ignored when it breaks a rule or a cap.
    max_nodes
        Limit on branch-and-cut nodes, for a run that stops on work and not on the clock.

    Returns
    -------
    Solution
        ``bound`` holds for all plans within the caps; ``work`` counts simplex and interior-point steps.

    Raises
    ------
    NoFeasiblePlanError
        E500 or E501 for hard due dates, E502 and E503 for caps on the two costs, E505 for caps on other
        amounts, E504 when the time was over first.
    """
    choices = list_choices(problem)
    check_hard_due(problem, choices)
    model = build_model(problem, choices)
    factors = (0.0, 1.0) if math.isinf(weight) else (1.0, weight)
    caps = (
        math.inf if exposure_cap is None else exposure_cap,
        math.inf if disruption_cap is None else disruption_cap,
    )
    limits = _Limits(seconds, max_nodes)
    nothing = Plan(np.full(problem.num_changes, -1, dtype=np.int64))
    starts = [plan for plan in (warm, nothing) if plan and _is_within(evaluate(problem, plan), caps)]
    given = warm if any(plan is warm for plan in starts) else None
    run = _run(model, factors, caps, limits, start=given)
    if run.values is None and not starts:
        raise _no_plan(problem, caps, run, seconds)
    plans = [*starts] if run.values is None else [_confirmed(problem, model, run.values, caps), *starts]
    evaluations = [evaluate(problem, plan) for plan in plans]
    values = [objective(evaluation, weight) for evaluation in evaluations]
    best = values.index(min(values))
    return Solution(
        plans[best],
        evaluations[best],
        weight,
        values[best],
        min(run.bound, values[best]),
        run.work,
        "time" if run.is_cut else "work",
    )


def objective(evaluation: Evaluation, weight: float) -> float:
    """Return ``exposure + late cost + weight * disruption`` [money]; disruption alone for weight ``inf``."""
    if math.isinf(weight):
        return evaluation.disruption
    return evaluation.exposure + evaluation.late_cost + weight * evaluation.disruption


class _QuietHighs(highspy.Highs):
    """HiGHS without callbacks: setting them up prints a banner into the command's output (1.16)."""

    def enableCallbacks(self) -> None:  # noqa: N802
        """Leave them off."""


@dataclass(frozen=True)
class _Limits:
    seconds: float
    max_nodes: int | None = None


@dataclass(frozen=True)
class _Run:
    """What HiGHS found: values (None without a solution), a bound [money], steps, and why it stopped."""

    values: Floats | None
    bound: float
    work: int
    is_cut: bool
    is_infeasible: bool


def _is_within(evaluation: Evaluation, caps: tuple[float, float]) -> bool:
    costs = (evaluation.exposure + evaluation.late_cost, evaluation.disruption)
    return evaluation.is_feasible and _are_under(costs, caps)


def _are_under(costs: tuple[float, float], caps: tuple[float, float]) -> bool:
    return all(
        cost <= cap + CAP_TOLERANCE * max(1.0, abs(cap)) for cost, cap in zip(costs, caps, strict=True)
    )


def _confirmed(problem: Problem, model: Model, values: Floats, caps: tuple[float, float]) -> Plan:
    """Return the plan behind HiGHS' solution, once the evaluator has agreed that it keeps every rule."""
    plan = Plan(model.plan_windows(values))
    evaluation = evaluate(problem, plan)
    if not _is_within(evaluation, caps):
        broken = evaluation.violations[:3] or f"caps {caps}"
        text = f"proposed a plan that breaks {broken}; expected none."
        raise InternalError(Fault("E900", "planning.exact", text))
    return plan


def _run(
    model: Model,
    factors: tuple[float, float],
    caps: tuple[float, float],
    limits: _Limits,
    *,
    start: Plan | None = None,
) -> _Run:
    if not model.num_columns:  # HiGHS calls that a model error; doing nothing is the only plan.
        return _nothing(model, factors, caps)
    cost = factors[0] * model.exposure + factors[1] * model.disruption
    constant = factors[0] * model.exposure_of_nothing + factors[1] * model.disruption_of_nothing
    # Money comes in any size; HiGHS' tolerances are absolute. The largest cost becomes 1,000.
    unit = max(float(np.abs(cost).max(initial=0.0)), 1e-9) / 1_000.0
    solver = _QuietHighs()  # type: ignore[no-untyped-call]
    for name, setting in {
        "output_flag": False,
        # HiGHS fixes its threads for the whole process at the first solve; ours run beside each other.
        "threads": 1,
        "random_seed": 1,
        "time_limit": max(limits.seconds, 0.1),
        "mip_rel_gap": RELATIVE_GAP,
        "mip_abs_gap": 1e-6,
        "mip_feasibility_tolerance": 1e-7,
        "primal_feasibility_tolerance": 1e-8,
        **({} if limits.max_nodes is None else {"mip_max_nodes": limits.max_nodes}),
    }.items():
        solver.setOptionValue(name, setting)
    solver.passModel(_as_highs(model, cost / unit, constant / unit, caps))
    if start is not None:
        warm = highspy.HighsSolution()
        warm.col_value = list(model.values_of(start.window))
        solver.setSolution(warm)
    status = solver.run()
    if status == highspy.HighsStatus.kError:
        raise InternalError(Fault("E900", "planning.exact", "HiGHS refused the program; expected an answer."))
    info, ending = solver.getInfo(), solver.getModelStatus()
    has_plan = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.round(solver.getSolution().col_value) if has_plan else None
    if start is not None and values is not None:
        claimed, true = info.objective_function_value, (float(cost @ values) + constant) / unit
        # HiGHS 1.16 can improve a start in presolve and then hand back the start itself. Out of time we
        # keep that; otherwise the solve was quick, and is so again without a start.
        is_done = ending == highspy.HighsModelStatus.kOptimal
        if is_done and true > claimed + 1e-6 * max(1.0, abs(claimed)):
            return _run(model, factors, caps, limits)
    slack = DUAL_TOLERANCE * unit * model.num_columns + ROUNDING * constant
    return _Run(
        values=values,
        bound=max(0.0, info.mip_dual_bound * unit - slack),
        work=max(0, info.simplex_iteration_count) + max(0, info.ipm_iteration_count),
        is_cut=ending == highspy.HighsModelStatus.kTimeLimit,
        is_infeasible=ending == highspy.HighsModelStatus.kInfeasible,
    )


def _nothing(model: Model, factors: tuple[float, float], caps: tuple[float, float]) -> _Run:
    costs = (model.exposure_of_nothing, model.disruption_of_nothing)
    is_within = _are_under(costs, caps) and bool(np.all((model.row_lower <= 0) & (model.row_upper >= 0)))
    bound = (factors[0] * costs[0] + factors[1] * costs[1]) * (1.0 - ROUNDING)
    return _Run(np.zeros(0) if is_within else None, bound, 0, is_cut=False, is_infeasible=not is_within)


def _as_highs(model: Model, cost: Floats, constant: float, caps: tuple[float, float]) -> highspy.HighsLp:
    """Return the program for HiGHS, with a row for each finite cap, in units of the cap."""
    start, column, value = [model.start], [model.column], [model.value]
    lower, upper = [model.row_lower], [model.row_upper]
    every = np.arange(model.num_columns)
    end = int(model.start[-1])
    for cap, of_nothing, row in (
        (caps[0], model.exposure_of_nothing, model.exposure),
        (caps[1], model.disruption_of_nothing, model.disruption),
    ):
        if math.isfinite(cap):
            end += model.num_columns
            unit = max(1.0, abs(cap))
            start.append(np.array([end]))
            column.append(every)
            value.append(row / unit)
            lower.append(np.array([-np.inf]))
            upper.append(np.array([(cap + CAP_ROUNDING * unit - of_nothing) / unit]))
    lp = highspy.HighsLp()
    lp.num_col_ = model.num_columns
    lp.num_row_ = sum(len(part) for part in upper)
    lp.col_cost_ = cost
    lp.offset_ = constant
    lp.col_lower_ = np.zeros(model.num_columns)
    lp.col_upper_ = np.ones(model.num_columns)
    lp.row_lower_ = np.concatenate(lower)
    lp.row_upper_ = np.concatenate(upper)
    lp.integrality_ = [highspy.HighsVarType.kInteger] * model.num_columns
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.concatenate(start)
    lp.a_matrix_.index_ = np.concatenate(column)
    lp.a_matrix_.value_ = np.concatenate(value)
    return lp


def check_hard_due(problem: Problem, choices: Choices) -> None:
    """Raise E500 for every change that must be done by a date and fits no window before it."""
    stuck = np.flatnonzero(problem.hard_due & (np.diff(choices.ptr) == 0))
    if not len(stuck):
        return
    relaxed = list_choices(problem, keep_hard_late=True)
    faults = []
    for change in stuck:
        options = relaxed.window[relaxed.ptr[change] : relaxed.ptr[change + 1]]
        due = problem.due_days[change]
        if len(options):
            first = problem.window_end_days[options].min()
            text = f"must be done by day {due:.2f}, but its first possible window ends on day {first:.2f}."
            hint = "move the date, or open an earlier window for its group."
        else:
            text = f"must be done by day {due:.2f}, but no window of the horizon fits it at all."
            hint = "give its group a window after its release that is long enough for its team."
        faults.append(Fault("E500", f"change {change} of group {problem.change_group[change]}", text, hint))
    raise NoFeasiblePlanError(faults)


def _no_plan(problem: Problem, caps: tuple[float, float], run: _Run, seconds: float) -> NoFeasiblePlanError:
    if not run.is_infeasible:
        text = f"found no feasible plan within {seconds:g} s."
        return NoFeasiblePlanError(Fault("E504", "plan", text, "give it more time or a plan to start from."))
    if math.isfinite(caps[0]) or math.isfinite(caps[1]):
        faults = []
        if math.isfinite(caps[1]):
            text = f"no plan has a disruption of at most {caps[1]:,.2f}"
            text += "." if math.isinf(caps[0]) else f" and an exposure of at most {caps[0]:,.2f}."
            faults.append(Fault("E502", "plan", text, "raise the limit on disruption."))
        else:
            text = f"no plan has an exposure and late cost of at most {caps[0]:,.2f}."
            faults.append(Fault("E503", "plan", text, "raise the limit on exposure."))
        return NoFeasiblePlanError(faults)
    if problem.caps.num_rows and _exists(replace(problem, caps=Caps()), seconds):
        text = f"no plan keeps all {problem.caps.num_rows} caps together."
        return NoFeasiblePlanError(Fault("E505", "plan", text, "raise or drop at least one of them."))
    return NoFeasiblePlanError(_joint_faults(replace(problem, caps=Caps()), seconds))


def _exists(problem: Problem, seconds: float) -> bool:
    """Return whether any plan keeps the hard rules of a problem, as far as the time allows to tell."""
    try:
        solve_exact(problem, 0.0, seconds=seconds, max_nodes=1)
    except NoFeasiblePlanError as error:
        return all(fault.id == "E504" for fault in error.faults)
    return True


def _joint_faults(problem: Problem, seconds: float) -> list[Fault]:
    """Name the fewest hard due dates that must give way for the others to hold, with their new dates."""
    choices = list_choices(problem, keep_hard_late=True)
    model = build_model(problem, choices, force_hard=False)
    hard = problem.hard_due[choices.change]
    end = problem.window_end_days[choices.window]
    # One more date met is worth more than all late ones being earlier, but that counts too.
    earlier = (1.0 - 0.9 * end / problem.horizon_days) / (1 + problem.hard_due.sum())
    gain = np.where(hard, np.where(choices.is_late, earlier, 1.0), 0.0)
    fewest = Model(
        **{**vars(model), "exposure": np.concatenate((-gain, np.zeros(model.num_columns - len(gain))))}
    )
    run = _run(fewest, (1.0, 0.0), (math.inf, math.inf), _Limits(seconds))
    hint = "move these dates, or give the team more minutes or windows before them."
    if run.values is None:
        text = "hard due dates cannot all be met together."
        return [Fault("E501", "plan", text, hint)]
    window = model.plan_windows(run.values)
    evaluation = evaluate(problem, Plan(window))
    faults = []
    for change in np.flatnonzero(evaluation.late & problem.hard_due):
        done = window[change]
        when = f"day {problem.window_end_days[done]:.2f}" if done >= 0 else "never"
        text = f"must be done by day {problem.due_days[change]:.2f}; beside the other hard dates: {when}."
        faults.append(Fault("E501", f"change {change} of group {problem.change_group[change]}", text, hint))
    return faults
