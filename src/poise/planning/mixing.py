"""Plans made of plans: the best mixture, and the fewest moves away from one.

Where each change may only go where one of a few plans has it, the program is so small that it is solved
exactly even on large companies. What no plan can beat is proven over all
plans, by the linear relaxation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from poise.planning.capped import EXACT_CHOICES
from poise.planning.choices import list_choices
from poise.planning.evaluate import evaluate
from poise.planning.highs import Limits, relax_program, run_program
from poise.planning.milp import Model, build_model
from poise.planning.problem import Floats, Plan, Problem

_FREE = (math.inf, math.inf)
#: A number of moves this far below a whole one is that one: HiGHS' tolerances.
_WHOLE = 1e-4


def best_mix(problem: Problem, plans: Sequence[Plan], weight: float, seconds: float) -> Plan | None:
    """Return the plan with the least ``exposure + late cost + weight * disruption`` made of some plans.

    Parameters
    ----------
    problem
        A checked problem; its caps hold.
    plans
        Need not be feasible.
    seconds
        Limit [s].

    Returns
    -------
    Plan or None
        Feasible; None where no mixture is, or none was found in time.
    """
    model = build_model(problem, list_choices(problem))
    return _solved(problem, model, columns_of(model, plans), (1.0, weight), seconds)


def fewest_moves(
    problem: Problem, kept: Plan, amount: Floats, plans: Sequence[Plan], seconds: float
) -> tuple[Plan | None, int]:
    """Return a feasible plan with few moves away from one, and how many every feasible plan has at least.

    Parameters
    ----------
    kept
        The plan to stay near.
    amount
        What each change's move counts, shape ``(J,)``, whole numbers >= 0.
    plans
        Larger problems are searched among mixtures of these and ``kept``; small ones whole.
    """
    model = build_model(problem, list_choices(problem))
    counted = counting_moves(model, kept, amount)
    bound = relax_program(counted, (1.0, 0.0), _FREE, seconds).bound
    least = 0 if math.isinf(bound) else max(0, math.ceil(bound - _WHOLE))
    columns = columns_of(model, [kept, *plans])
    if len(model.choices.change) <= EXACT_CHOICES:
        columns = np.ones(model.num_columns, dtype=np.bool_)
    return _solved(problem, counted, columns, (1.0, 0.0), seconds), least


def counting_moves(model: Model, kept: Plan, amount: Floats) -> Model:
    """Return a program whose exposure is how many moves a plan makes away from one; it disrupts nothing.

    Parameters
    ----------
    amount
        What each change's move counts, shape ``(J,)``.
    """
    stays = model.choices.window == kept.window[model.choices.change]
    was_done = (kept.window >= 0)[model.choices.change]
    cost = amount[model.choices.change] * np.where(was_done, np.where(stays, -1.0, 0.0), 1.0)
    return replace(
        model,
        exposure=np.concatenate((cost, np.zeros(model.num_columns - len(cost)))),
        disruption=np.zeros(model.num_columns),
        exposure_of_nothing=float(amount[kept.window >= 0].sum()),
        disruption_of_nothing=0.0,
    )


def columns_of(model: Model, plans: Sequence[Plan]) -> npt.NDArray[np.bool_]:
    """Return the columns that any of the plans uses, and all units of caps."""
    used = np.zeros(model.num_columns, dtype=np.bool_)
    used[model.num_columns - model.units.count :] = True
    for plan in plans:
        used |= model.values_of(plan.window) > 0
    return used


def _solved(
    problem: Problem,
    model: Model,
    columns: npt.NDArray[np.bool_],
    factors: tuple[float, float],
    seconds: float,
) -> Plan | None:
    values = np.zeros(model.num_columns)
    run = run_program(model.restricted(columns, values), factors, _FREE, Limits(seconds))
    if run.values is None:
        return None
    values[columns] = run.values
    plan = Plan(model.plan_windows(values))
    return plan if evaluate(problem, plan).is_feasible else None
