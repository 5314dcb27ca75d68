"""Exact solves against every plan there is."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import AllPlans, all_plans, random_problem
from poise.errors import NoFeasiblePlanError
from poise.planning.evaluate import evaluate
from poise.planning.exact import CAP_TOLERANCE, solve_exact
from poise.planning.generate import generate
from poise.planning.problem import Plan, Problem, Solution
from poise.planning.schedule import hazard_per_minute, schedule_by_priority

SECONDS = 60.0


def assert_optimal(
    problem: Problem, plans: AllPlans, solution: Solution, caps: tuple[float, float] = (math.inf, math.inf)
) -> None:
    """Hold ``bound <= optimum <= value``, both ends tight; caps are (exposure, disruption)."""
    loose = tuple(cap + 1.1 * CAP_TOLERANCE * max(1.0, cap) for cap in caps)
    best = plans.least(solution.weight, disruption_cap=caps[1] + 1e-9, exposure_cap=caps[0] + 1e-9)
    best_loose = plans.least(solution.weight, disruption_cap=loose[1], exposure_cap=loose[0])
    assert best is not None
    assert best_loose is not None
    assert solution.bound <= best
    assert best_loose - 1e-6 <= solution.value <= best + 1e-5 * max(1.0, best)
    assert solution.bound >= best_loose - 1e-4 * max(1.0, best)
    assert solution.stopped_by == "work"
    seen = evaluate(problem, solution.plan)
    assert seen.is_feasible
    assert seen.exposure == solution.evaluation.exposure
    assert seen.disruption <= loose[1]
    assert seen.exposure + seen.late_cost <= loose[0]


def solve_or_none(
    problem: Problem, plans: AllPlans, weight: float, caps: tuple[float, float], warm: Plan | None
) -> Solution | None:
    """Solve, and hold that a refusal is right."""
    cap = {"exposure_cap": caps[0], "disruption_cap": caps[1]}
    given_caps = {name: value for name, value in cap.items() if math.isfinite(value)}
    try:
        return solve_exact(problem, weight, seconds=SECONDS, warm=warm, **given_caps)
    except NoFeasiblePlanError:
        assert plans.least(weight, disruption_cap=caps[1], exposure_cap=caps[0]) is None
        return None


@pytest.mark.parametrize("block", range(10))
def test_exact_equals_brute_force(block: int) -> None:
    """Weighted, least disruption and both epsilon-constraint forms, on 1,500 tiny problems in all."""
    solved = refused = 0
    for seed in range(150 * block, 150 * (block + 1)):
        problem = random_problem(seed)
        plans = all_plans(problem)
        rng = np.random.default_rng(seed)
        feasible = np.flatnonzero(plans.is_feasible)
        pick = rng.choice(feasible) if len(feasible) else None
        warm = None if pick is None or seed % 3 else Plan(plans.window[pick])
        tight = rng.choice([1.0, 1.0, 0.97])
        exposure = 10.0 if pick is None else float(plans.exposure[pick]) * tight
        disruption = 10.0 if pick is None else float(plans.disruption[pick]) * tight
        for weight, caps in (
            (float(rng.choice([0.0, 0.1, 1.0, 30.0])), (math.inf, math.inf)),
            (0.0, (math.inf, disruption)),
            (math.inf, (exposure, math.inf)),
        ):
            solution = solve_or_none(problem, plans, weight, caps, warm)
            if solution is None:
                refused += 1
            else:
                assert_optimal(problem, plans, solution, caps)
                solved += 1
    assert solved > 300
    assert refused > 5


@given(st.integers(10**6, 10**7), st.floats(0, 100))
@settings(max_examples=150, deadline=None)
def test_no_weight_is_wrong(seed: int, weight: float) -> None:
    """Any weight, not only round ones, must give the best plan."""
    problem = random_problem(seed, hard=False)
    plans = all_plans(problem)
    assert_optimal(problem, plans, solve_exact(problem, weight, seconds=SECONDS))


def test_scale_of_money_does_not_matter() -> None:
    """A company that counts in yen or in millions must get the same plan's worth."""
    money = (
        "slot_cost",
        "exposure_per_day",
        "deferral_cost_per_day",
        "change_cost",
        "early_cost",
        "late_cost",
    )
    for seed in range(40):
        problem = random_problem(seed, hard=False)
        value = solve_exact(problem, 1.0, seconds=SECONDS).value
        for factor in (1e-3, 1e6):
            scaled = replace(problem, **{name: getattr(problem, name) * factor for name in money})
            solution = solve_exact(scaled, 1.0, seconds=SECONDS)
            assert solution.value == pytest.approx(value * factor, rel=1e-5, abs=1e-5 * factor)
            assert solution.bound <= value * factor * (1 + 1e-9)


def test_an_impossible_date_is_named_with_the_first_possible_one() -> None:
    """A reader can act on "day 12.25 is the first possible", not on "infeasible"."""
    problem = generate("tiny", 1)
    first = problem.window_end_days[problem.slot_window[0]]
    hard = np.zeros(problem.num_changes, dtype=bool)
    hard[0] = True
    due = problem.due_days.copy()
    due[0] = first - 1.0
    release = problem.release_days.copy()
    release[0] = problem.available_days[0]
    problem = replace(problem, hard_due=hard, due_days=due, release_days=release)
    with pytest.raises(
        NoFeasiblePlanError, match=rf"first possible window ends on day {first:.2f}"
    ) as caught:
        solve_exact(problem, 1.0, seconds=SECONDS)
    assert [fault.id for fault in caught.value.faults] == ["E500"]
    assert caught.value.faults[0].where == f"change 0 of group {problem.change_group[0]}"


def test_dates_that_only_clash_together_name_the_fewest_that_must_move() -> None:
    """Two hard dates in a window with room for one: one of the two gives way, and it says when."""
    problem = two_changes_room_for_one()
    with pytest.raises(NoFeasiblePlanError) as caught:
        solve_exact(problem, 1.0, seconds=SECONDS)
    (fault,) = caught.value.faults
    assert fault.id == "E501"
    assert "beside the other hard dates: day 8.00" in fault.message


def two_changes_room_for_one() -> Problem:
    one = np.ones(2)
    return Problem(
        horizon_days=10.0,
        settle_days=1.0,
        window_start_days=np.array([0.0, 7.0]),
        window_end_days=np.array([1.0, 8.0]),
        group_team=np.array([0]),
        capacity_minutes=np.array([[15.0, 15.0]]),
        slot_ptr=np.array([0, 2]),
        slot_window=np.array([0, 1]),
        slot_cost=one,
        slot_labour_minutes=np.zeros(2),
        change_ptr=np.array([0, 2]),
        release_days=np.zeros(2),
        available_days=np.zeros(2),
        exposure_per_day=one,
        deferral_cost_per_day=np.zeros(2),
        change_cost=np.zeros(2),
        early_cost=np.zeros(2),
        labour_minutes=10.0 * one,
        due_days=2.0 * one,
        late_cost=np.zeros(2),
        hard_due=np.array([True, True]),
        link_before=np.zeros(0, dtype=np.int64),
        link_after=np.zeros(0, dtype=np.int64),
        link_soak_days=np.zeros(0),
        exclusion_a=np.zeros(0, dtype=np.int64),
        exclusion_b=np.zeros(0, dtype=np.int64),
    )


def test_caps_nobody_can_keep_are_named() -> None:
    """The two sides ask for limits; the one that is impossible must be said."""
    problem = two_changes_room_for_one()
    problem = replace(problem, hard_due=np.zeros(2, dtype=bool))
    for caps, expected in (
        ({"disruption_cap": -1.0}, "E502"),
        ({"exposure_cap": 1.0}, "E503"),
        ({"exposure_cap": 9.5, "disruption_cap": 0.5}, "E502"),
    ):
        with pytest.raises(NoFeasiblePlanError) as caught:
            solve_exact(problem, 1.0, seconds=SECONDS, **caps)
        assert [fault.id for fault in caught.value.faults] == [expected]


def test_a_solve_cut_short_still_gives_an_honest_bound() -> None:
    """Out of time, the bound may be weak but never wrong, and the start is never lost."""
    problem = generate("S", 2, links=0.1)
    start = schedule_by_priority(problem, hazard_per_minute(problem))
    cut = solve_exact(problem, 1.0, seconds=1.0, warm=start)
    assert cut.stopped_by == "time"
    seen = evaluate(problem, start)
    assert cut.bound <= cut.value <= seen.exposure + seen.late_cost + seen.disruption + 1e-6


def test_the_same_input_gives_the_same_plan() -> None:
    """A signed plan must be found again by whoever checks it."""
    problem = generate("tiny", 5, links=0.5)
    first = solve_exact(problem, 0.7, seconds=SECONDS)
    again = solve_exact(problem, 0.7, seconds=SECONDS)
    assert first.work == again.work
    np.testing.assert_array_equal(first.plan.window, again.plan.window)


def test_nothing_is_printed() -> None:
    """The solver's own banner would break ``--json``."""
    code = (
        "from poise.planning.generate import generate; from poise.planning.exact import solve_exact;"
        "solve_exact(generate('tiny', 1), 1.0, seconds=10)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
