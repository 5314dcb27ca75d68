"""Caps on amounts: judged by every plan there is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import all_plans, random_caps, random_latest, random_problem
from poise.errors import NoFeasiblePlanError
from poise.planning.caps import CapRow, join_caps
from poise.planning.check import check
from poise.planning.choices import list_choices
from poise.planning.epsilon import sweep_exactly
from poise.planning.evaluate import evaluate
from poise.planning.exact import solve_exact
from poise.planning.generate import generate
from poise.planning.highs import relax_program
from poise.planning.milp import build_model
from poise.planning.problem import Caps, Plan, Problem


def capped_problem(seed: int, *, hard: bool = True) -> Problem:
    problem = random_problem(seed, hard=hard)
    latest = random_latest(problem, seed) if hard and seed % 3 == 0 else None
    return replace(problem, caps=random_caps(problem, seed), latest_days=latest)


@pytest.mark.parametrize("block", range(6))
def test_exact_equals_brute_force_under_caps(block: int) -> None:
    """Every kind of row, alone and mixed, with and without a start and a cap on disruption."""
    solved = refused = 0
    for seed in range(100 * block, 100 * (block + 1)):
        problem = capped_problem(seed)
        check(problem)
        plans = all_plans(problem)
        rng = np.random.default_rng(seed)
        feasible = np.flatnonzero(plans.is_feasible)
        start = Plan(plans.window[rng.choice(feasible)]) if len(feasible) and seed % 2 else None
        weight = float(rng.choice([0.0, 0.3, 1.0, 20.0]))
        cap = float(plans.disruption[rng.choice(feasible)]) if len(feasible) and seed % 4 == 0 else math.inf
        least = plans.least(weight, disruption_cap=cap + 1e-9)
        try:
            solution = solve_exact(
                problem,
                weight,
                seconds=60,
                warm=start,
                disruption_cap=None if math.isinf(cap) else cap,
            )
        except NoFeasiblePlanError:
            assert least is None
            refused += 1
        else:
            assert least is not None
            assert solution.value == pytest.approx(least, rel=1e-5, abs=1e-5)
            assert solution.bound <= least + 1e-9
            assert evaluate(problem, solution.plan).is_feasible
            solved += 1
    assert solved > 30
    assert refused > 5


@given(st.integers(0, 10**6), st.data())
@settings(max_examples=300, deadline=None)
def test_the_evaluator_agrees_with_the_enumeration(seed: int, data: st.DataObject) -> None:
    """The brute force that judges solvers and the evaluator that confirms plans share no line."""
    problem = capped_problem(seed)
    plans = all_plans(problem)
    place = data.draw(st.integers(0, len(plans.window) - 1))
    seen = evaluate(problem, Plan(plans.window[place]))
    assert seen.is_feasible == plans.is_feasible[place]
    assert len(seen.cap_amounts) == problem.caps.num_rows
    over = {violation.index for violation in seen.violations if violation.rule == "cap"}
    assert over == set(np.flatnonzero(seen.cap_amounts > problem.caps.limit + problem.caps.slack))


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_plan_is_a_solution_of_the_program(seed: int) -> None:
    """A start that HiGHS would reject is a start lost: every feasible plan must satisfy every row."""
    problem = capped_problem(seed, hard=False)
    plans = all_plans(problem)
    model = build_model(problem, list_choices(problem))
    for place in np.flatnonzero(plans.is_feasible)[:40]:
        values = model.values_of(plans.window[place])
        sums = np.array(
            [
                model.value[a:b] @ values[model.column[a:b]]
                for a, b in zip(model.start[:-1], model.start[1:], strict=True)
            ]
        )
        assert (sums <= model.row_upper + 1e-7).all()
        assert (sums >= model.row_lower - 1e-7).all()


def test_half_a_weekend_has_half_its_minutes() -> None:
    """The relaxation may split one weekend over two, but not do in their halves what fills both.

    Two changes of 60 minutes, weekends of 100, one weekend allowed: at most 100 minutes are spent, best all
    on the first. Without the minutes within units both changes would be done, half on each.
    """
    two = np.zeros(2)
    problem = Problem(
        horizon_days=10.0,
        settle_days=1.0,
        window_start_days=np.array([1.0, 3.0]),
        window_end_days=np.array([2.0, 4.0]),
        group_team=np.array([0, 0]),
        capacity_minutes=np.array([[100.0, 100.0]]),
        slot_ptr=np.array([0, 2, 4]),
        slot_window=np.array([0, 1, 0, 1]),
        slot_cost=np.zeros(4),
        slot_labour_minutes=np.zeros(4),
        change_ptr=np.array([0, 1, 2]),
        release_days=two,
        available_days=two,
        exposure_per_day=np.array([10.0, 10.0]),
        deferral_cost_per_day=two,
        change_cost=two,
        early_cost=two,
        labour_minutes=np.array([60.0, 60.0]),
        due_days=np.full(2, np.inf),
        late_cost=two,
        hard_due=np.zeros(2, dtype=np.bool_),
        link_before=np.zeros(0, dtype=np.int64),
        link_after=np.zeros(0, dtype=np.int64),
        link_soak_days=np.zeros(0),
        exclusion_a=np.zeros(0, dtype=np.int64),
        exclusion_b=np.zeros(0, dtype=np.int64),
        caps=join_caps([CapRow(1.0, units=((np.array([0, 2]), 1.0), (np.array([1, 3]), 1.0)))], 2),
    )
    check(problem)
    model = build_model(problem, list_choices(problem))
    found = relax_program(model, (1.0, 0.0), (math.inf, math.inf), 10.0)
    assert found.bound == pytest.approx(200.0 - 100.0 / 60.0 * 80.0, rel=1e-6)
    assert solve_exact(problem, 0.0, seconds=10).value == pytest.approx(120.0)


def test_an_exact_sweep_keeps_the_caps() -> None:
    """Both ends and every step of a frontier under caps must be within them, its bounds below every plan."""
    swept = 0
    for seed in range(60):
        problem = capped_problem(seed, hard=False)
        plans = all_plans(problem)
        if not plans.is_feasible.any():
            continue
        sweep = sweep_exactly(problem, [], points=6, seconds_left=lambda: 60.0, advance=lambda _: None)
        assert all(evaluate(problem, plan).is_feasible for plan in sweep.plans)
        for cap, bound in sweep.steps:
            assert bound <= (plans.least(0.0, disruption_cap=cap) or math.inf) + 1e-6
        for weight, bound in sweep.lines:
            assert bound <= (plans.least(weight) or 0.0) + 1e-6
        swept += 1
    assert swept > 20


def test_no_caps_change_nothing() -> None:
    """A problem without caps, and one whose caps cannot bind, must give the same value."""
    for seed in range(30):
        problem = random_problem(seed, hard=False)
        slots = np.arange(problem.num_slots)
        kept = np.zeros(problem.num_changes, dtype=np.int64)
        row = CapRow(1e6, units=((slots, 1.0),), kept_window=kept, move_amount=np.ones(len(kept)))
        loose = replace(problem, caps=join_caps([row], problem.num_changes))
        assert solve_exact(loose, 1.0, seconds=60).value == pytest.approx(
            solve_exact(problem, 1.0, seconds=60).value, rel=1e-6, abs=1e-6
        )


def test_caps_that_cannot_hold_are_told_as_such() -> None:
    """Hard dates are not to blame where caps are."""
    problem = generate("tiny", 3)
    all_changes = np.arange(problem.num_changes)
    row = CapRow(0.0, shares=(all_changes, np.ones(problem.num_changes)))
    capped = replace(problem, caps=join_caps([row], problem.num_changes))
    with pytest.raises(NoFeasiblePlanError, match="no plan keeps all 1 caps") as caught:
        solve_exact(capped, 1.0, seconds=60)
    assert [fault.id for fault in caught.value.faults] == ["E505"]


def test_joined_rows_are_the_rows() -> None:
    """The arrays of a problem say what the rows said."""
    rows = [
        CapRow(2.0, units=((np.array([0, 1]), 1.0), (np.array([2]), 0.5))),
        CapRow(3.0, shares=(np.array([1]), np.array([0.5]))),
        CapRow(1.0, kept_window=np.array([-1, 0]), move_amount=np.array([1.0, 3.0])),
    ]
    caps = join_caps(rows, 2)
    assert caps.limit.tolist() == [2.0, 3.0, 1.0]
    assert caps.unit_ptr.tolist() == [0, 2, 3]
    assert caps.unit_slot.tolist() == [0, 1, 2]
    assert caps.unit_row.tolist() == [0, 0]
    assert caps.share_ptr.tolist() == [0, 0, 1, 1]
    assert caps.move_row.tolist() == [2]
    assert caps.kept_window.tolist() == [[-1, 0]]
    assert join_caps([], 2).num_rows == Caps().num_rows == 0
