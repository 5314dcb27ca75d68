"""Exact plans for small problems, with a proven bound, by HiGHS.

HiGHS (https://highs.dev, MIT) is a branch-and-cut solver. Its answer is only a proposal here: the
plan that leaves is confirmed by :func:`~poise.planning.evaluate.evaluate`, and its numbers are the
evaluator's.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from poise.errors import Fault, InternalError, MissedDate, NoFeasiblePlanError
from poise.planning.choices import Choices, list_choices
from poise.planning.evaluate import evaluate
from poise.planning.highs import CAP_ROUNDING, CAP_TOLERANCE, Limits, are_under, relax_program, run_program
from poise.planning.milp import Model, build_model
from poise.planning.problem import TIME_TOLERANCE_DAYS, Caps, Evaluation, Floats, Plan, Problem, Solution

__all__ = ["CAP_ROUNDING", "CAP_TOLERANCE", "check_hard_due", "objective", "solve_exact"]

#: Longest that finding the fewest dates to blame may take [s].
_NAMING_SECONDS = 10.0


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
    limits = Limits(seconds, max_nodes)
    nothing = Plan(np.full(problem.num_changes, -1, dtype=np.int64))
    starts = [plan for plan in (warm, nothing) if plan and is_within(evaluate(problem, plan), caps)]
    given = warm if any(plan is warm for plan in starts) else None
    start = None if given is None else model.values_of(given.window)
    run = run_program(model, factors, caps, limits, start=start)
    if run.values is None and not starts:
        raise no_plan(problem, caps, seconds, is_infeasible=run.is_infeasible)
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


def is_within(evaluation: Evaluation, caps: tuple[float, float]) -> bool:
    """Return whether a plan keeps every rule and the caps on (exposure plus late cost, disruption)."""
    costs = (evaluation.exposure + evaluation.late_cost, evaluation.disruption)
    return evaluation.is_feasible and are_under(costs, caps)


def _confirmed(problem: Problem, model: Model, values: Floats, caps: tuple[float, float]) -> Plan:
    """Return the plan behind HiGHS' solution, once the evaluator has agreed that it keeps every rule."""
    plan = Plan(model.plan_windows(values))
    evaluation = evaluate(problem, plan)
    if not is_within(evaluation, caps):
        broken = evaluation.violations[:3] or f"caps {caps}"
        text = f"proposed a plan that breaks {broken}; expected none."
        raise InternalError(Fault("E900", "planning.exact", text))
    return plan


def check_hard_due(problem: Problem, choices: Choices) -> None:
    """Raise E500 for every change that must be done by a date and fits no window before it."""
    stuck = np.flatnonzero(np.isfinite(problem.last_days) & (np.diff(choices.ptr) == 0))
    if not len(stuck):
        return
    relaxed = list_choices(problem, keep_hard_late=True)
    faults, dates = [], []
    for change in stuck:
        options = relaxed.window[relaxed.ptr[change] : relaxed.ptr[change + 1]]
        due = problem.last_days[change]
        first = None
        if len(options):
            first = float(problem.window_end_days[options].min())
            text = f"must be done by day {due:.2f}, but its first possible window ends on day {first:.2f}."
            hint = "move the date, or open an earlier window for its group."
        else:
            text = f"must be done by day {due:.2f}, but no window of the horizon fits it at all."
            hint = "give its group a window after its release that is long enough for its team."
        faults.append(Fault("E500", f"change {change} of group {problem.change_group[change]}", text, hint))
        dates.append(MissedDate(int(change), float(due), first))
    raise NoFeasiblePlanError(faults, dates)


def no_plan(
    problem: Problem, caps: tuple[float, float], seconds: float, *, is_infeasible: bool
) -> NoFeasiblePlanError:
    """Return why there is no plan: proven so, or only none found in time.

    Without seconds, hard due dates that clash are not named one by one.
    """
    if not is_infeasible:
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
    if seconds <= 0 and np.isfinite(problem.last_days).any():
        text = "hard due dates, and caps where there are any, cannot all be met together."
        return NoFeasiblePlanError(Fault("E501", "plan", text, "move dates, or raise caps."))
    if problem.caps.num_rows and _exists(replace(problem, caps=Caps()), seconds):
        text = f"no plan keeps all {problem.caps.num_rows} caps together."
        return NoFeasiblePlanError(Fault("E505", "plan", text, "raise or drop at least one of them."))
    return _joint_error(replace(problem, caps=Caps()), min(seconds, _NAMING_SECONDS))


def _exists(problem: Problem, seconds: float) -> bool:
    """Return whether any plan keeps the hard rules of a problem, as far as its linear relaxation tells."""
    if not np.isfinite(problem.last_days).any():
        return True
    model = build_model(problem, list_choices(problem))
    return math.isfinite(relax_program(model, (1.0, 0.0), (math.inf, math.inf), seconds).bound)


def _joint_error(problem: Problem, seconds: float) -> NoFeasiblePlanError:
    """Name the fewest hard due dates that must give way for the others to hold, with their new dates."""
    choices = list_choices(problem, keep_hard_late=True)
    model = build_model(problem, choices, force_hard=False)
    last = problem.last_days[choices.change]
    hard = np.isfinite(last)
    end = problem.window_end_days[choices.window]
    # One more date met is worth more than all late ones being earlier, but that counts too.
    earlier = (1.0 - 0.9 * end / problem.horizon_days) / (1 + np.isfinite(problem.last_days).sum())
    gain = np.where(hard, np.where(end > last + TIME_TOLERANCE_DAYS, earlier, 1.0), 0.0)
    fewest = Model(
        **{**vars(model), "exposure": np.concatenate((-gain, np.zeros(model.num_columns - len(gain))))}
    )
    run = run_program(fewest, (1.0, 0.0), (math.inf, math.inf), Limits(seconds))
    hint = "move these dates, or give the team more minutes or windows before them."
    if run.values is None:
        text = "hard due dates cannot all be met together."
        return NoFeasiblePlanError(Fault("E501", "plan", text, hint))
    window = model.plan_windows(run.values)
    seen = evaluate(problem, Plan(window))
    faults, dates = [], []
    for change in sorted(broken.index for broken in seen.violations if broken.rule == "due"):
        done = window[change]
        when = f"day {problem.window_end_days[done]:.2f}" if done >= 0 else "never"
        text = f"must be done by day {problem.last_days[change]:.2f}; beside the other hard dates: {when}."
        faults.append(Fault("E501", f"change {change} of group {problem.change_group[change]}", text, hint))
        possible = float(problem.window_end_days[done]) if done >= 0 else None
        dates.append(MissedDate(change, float(problem.last_days[change]), possible))
    return NoFeasiblePlanError(faults, dates)
