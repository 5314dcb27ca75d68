"""Plans under caps beyond what is solved exactly: bounds and plans judged by every plan there is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from planning.cases import all_plans, random_caps, random_problem
from poise.errors import NoFeasiblePlanError
from poise.planning.capped import solve_within
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan


@pytest.mark.parametrize("exact_choices", [0, 2_000])
@pytest.mark.parametrize("block", range(3))
def test_bounds_lie_below_and_plans_above_the_best(block: int, exact_choices: int) -> None:
    """Both paths, all kinds of caps: bound <= best <= value, and the lines hold for every plan."""
    solved = refused = tight = 0
    for seed in range(80 * block, 80 * (block + 1)):
        problem = random_problem(seed, hard=seed % 2 == 0)
        problem = replace(problem, caps=random_caps(problem, seed))
        plans = all_plans(problem)
        feasible = np.flatnonzero(plans.is_feasible)
        rng = np.random.default_rng(seed)
        pick = rng.choice(feasible) if len(feasible) else None
        cap = 50.0 if pick is None else float(plans.disruption[pick])
        warm = Plan(plans.window[pick]) if pick is not None and seed % 3 else None
        best = plans.least(0.0, disruption_cap=cap + 1e-9)
        try:
            found = solve_within(
                problem, 0.0, seconds=30, disruption_cap=cap, warm=warm, exact_choices=exact_choices
            )
        except NoFeasiblePlanError:
            assert best is None
            refused += 1
            continue
        assert best is not None
        assert found.bound <= best + 1e-6
        assert best - 1e-5 * max(1.0, best) <= found.value
        assert evaluate(problem, found.plan).is_feasible
        line = found.bound_of_relaxation + found.line_weight * cap
        everywhere = plans.least(found.line_weight)
        assert everywhere is not None
        assert line <= everywhere + 1e-6 * max(1.0, everywhere)
        if warm is not None:
            start = evaluate(problem, warm)
            assert found.value <= start.exposure + start.late_cost + 1e-6
        tight += found.value <= best + 1e-5 * max(1.0, best)
        solved += 1
    assert solved > 30
    assert refused > 0
    assert tight > 0.8 * solved


def test_disruption_alone_under_an_exposure_cap() -> None:
    """The other epsilon-constraint form: least disruption at equal exposure."""
    for seed in range(40):
        problem = random_problem(seed, hard=False)
        plans = all_plans(problem)
        cap = float(np.median(plans.exposure[plans.is_feasible]))
        best = plans.least(math.inf, exposure_cap=cap + 1e-9)
        found = solve_within(problem, math.inf, seconds=30, exposure_cap=cap, exact_choices=0)
        assert best is not None
        assert found.bound <= best + 1e-6
        assert found.value >= best - 1e-5 * max(1.0, best)
