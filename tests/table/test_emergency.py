"""Ways to keep the law that calendar and capacity do not allow for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import all_plans, random_caps, random_problem
from poise.planning.check import check
from poise.planning.edit import with_window
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan
from poise.table.emergency import emergency_ways
from poise.table.limits import Limit
from poise.table.repairing import repair_sheet
from poise.table.solving import Effort
from table.cases import small_ground

QUICK = Effort(seconds=10.0, threads=1)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_one_more_window_changes_no_plan_that_does_not_use_it(seed: int) -> None:
    """Costs, amounts and feasibility of every plan stay, its windows renumbered."""
    problem = random_problem(seed)
    caps = random_caps(problem, seed)
    none = np.zeros(0, dtype=np.int64)
    empty = np.zeros((0, problem.num_changes))
    caps = replace(caps, move_row=none, kept_window=empty.astype(np.int64), move_amount=empty)
    problem = replace(problem, caps=caps)
    cost, labour = np.full(problem.num_groups, 7.0), np.zeros(problem.num_groups)
    start = float(np.random.default_rng(seed).uniform(0, max(problem.horizon_days - 0.5, 0.0)))
    wider, night = with_window(problem, start, start + 0.25, cost, labour)
    check(wider)
    plans = all_plans(problem)
    for place in np.random.default_rng(seed).permutation(len(plans.window))[:20]:
        window = plans.window[place]
        moved = Plan(window + (window >= night))
        before, after = evaluate(problem, Plan(window)), evaluate(wider, moved)
        assert after.disruption == before.disruption
        assert after.exposure == before.exposure
        np.testing.assert_allclose(after.cap_amounts, before.cap_amounts)
        assert after.is_feasible == before.is_feasible


def test_law_that_the_calendar_cannot_keep_has_a_price() -> None:
    """A deadline by law before the first window: tonight does it, for the price of the groups it opens."""
    offered = 0
    for seed in range(80):
        ground = small_ground(seed)
        law = Limit(id="law", party="security", rule="deadline", amount=0.2, class_="law", owner="regulator")
        sheet = repair_sheet(ground, (law,), Plan(np.array(ground.default.windows)), effort=QUICK)
        if not sheet.is_needed:
            continue
        assert sheet.blocked_by
        assert sheet.emergency == emergency_ways(ground, (law,), QUICK)
        for way in sheet.emergency:
            if way.kind == "emergency":
                assert way.price == 100.0 * len(way.groups)
                assert way.groups
                offered += 1
    assert offered > 3
