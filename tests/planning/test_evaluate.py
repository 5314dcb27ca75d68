"""The evaluator: the judge that everything else is measured by."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import all_plans, random_problem
from poise.errors import ModelError
from poise.planning.evaluate import check, evaluate
from poise.planning.generate import generate
from poise.planning.problem import Plan, Problem


def slow_evaluation(problem: Problem, window: list[int]) -> dict[str, object]:
    """Evaluate a plan with plain loops, straight from the words of the problem's documentation."""
    exposure = opening = failure = deferral = late_cost = 0.0
    rules: set[tuple[str, int]] = set()
    usage: dict[int, float] = {}
    opened: set[tuple[int, int]] = set()
    for group in range(problem.num_groups):
        own = list(range(problem.slot_ptr[group], problem.slot_ptr[group + 1]))
        slot_of = {int(problem.slot_window[slot]): slot for slot in own}
        team = int(problem.group_team[group])
        for change in range(problem.change_ptr[group], problem.change_ptr[group + 1]):
            w = window[change]
            end = problem.horizon_days if w < 0 else float(problem.window_end_days[w])
            waited = end - problem.release_days[change]
            exposure += problem.exposure_per_day[change] * waited
            deferral += problem.deferral_cost_per_day[change] * waited
            due = float(problem.due_days[change])
            if due != math.inf and (w < 0 or end > due):
                late_cost += problem.late_cost[change]
                if problem.hard_due[change]:
                    rules.add(("due", change))
            if w < 0:
                continue
            age = end - problem.available_days[change]
            fading = math.exp(-age / problem.settle_days)
            failure += problem.change_cost[change] + problem.early_cost[change] * fading
            if problem.window_start_days[w] < problem.release_days[change]:
                rules.add(("release", change))
            cell = team * problem.num_windows + w
            usage[cell] = usage.get(cell, 0.0) + problem.labour_minutes[change]
            if w not in slot_of:
                rules.add(("window", change))
            elif (group, w) not in opened:
                opening += problem.slot_cost[slot_of[w]]
                usage[cell] += problem.slot_labour_minutes[slot_of[w]]
            opened.add((group, w))
    for cell, minutes in usage.items():
        if minutes > problem.capacity_minutes.ravel()[cell]:
            rules.add(("capacity", cell))
    for k in range(len(problem.link_before)):
        early, late = window[problem.link_before[k]], window[problem.link_after[k]]
        if late < 0:
            continue
        ready = math.inf if early < 0 else problem.window_end_days[early] + problem.link_soak_days[k]
        if problem.window_start_days[late] < ready:
            rules.add(("link", k))
    for x in range(len(problem.exclusion_a)):
        for first, u in opened:
            for second, v in opened:
                is_pair = (first, second) == (problem.exclusion_a[x], problem.exclusion_b[x])
                starts = max(problem.window_start_days[u], problem.window_start_days[v])
                if is_pair and starts < min(problem.window_end_days[u], problem.window_end_days[v]):
                    rules.add(("exclusion", x))
    return {
        "exposure": exposure,
        "opening_cost": opening,
        "failure_cost": failure,
        "deferral_cost": deferral,
        "late_cost": late_cost,
        "rules": rules,
        "openings": len(opened),
        "usage": usage,
    }


@given(st.integers(0, 10**6), st.data())
@settings(max_examples=400, deadline=None)
def test_two_evaluators_agree(seed: int, data: st.DataObject) -> None:
    """Two programs that share no line must see the same costs and the same broken rules in any plan."""
    problem = random_problem(seed)
    last = problem.num_windows - 1
    window = data.draw(
        st.lists(st.integers(-1, last), min_size=problem.num_changes, max_size=problem.num_changes)
    )
    seen = evaluate(problem, Plan(np.array(window, dtype=np.int64)))
    expected = slow_evaluation(problem, window)
    for name in ("exposure", "opening_cost", "failure_cost", "deferral_cost", "late_cost"):
        assert getattr(seen, name) == pytest.approx(expected[name], abs=1e-9)
    parts = seen.opening_cost + seen.failure_cost + seen.deferral_cost
    assert seen.disruption == pytest.approx(parts)
    assert {(violation.rule, violation.index) for violation in seen.violations} == expected["rules"]
    assert seen.num_openings == expected["openings"]
    usage = np.zeros(problem.capacity_minutes.size)
    for cell, minutes in expected["usage"].items():
        usage[cell] = minutes
    np.testing.assert_allclose(seen.usage_minutes.ravel(), usage)


def test_enumeration_agrees_with_the_evaluator() -> None:
    """The brute force that judges solvers must itself be judged."""
    for seed in range(60):
        problem = random_problem(seed)
        plans = all_plans(problem)
        for place in np.random.default_rng(seed).integers(0, len(plans.window), 5):
            seen = evaluate(problem, Plan(plans.window[place]))
            assert seen.is_feasible == plans.is_feasible[place]
            assert seen.exposure + seen.late_cost == pytest.approx(plans.exposure[place])
            assert seen.disruption == pytest.approx(plans.disruption[place])


def test_random_problems_hold_what_they_promise() -> None:
    """The test problems must contain every hard feature, or the tests below prove nothing."""
    problems = [random_problem(seed) for seed in range(300)]
    for problem in problems:
        check(problem)
    assert any(len(problem.link_before) >= 2 for problem in problems)
    assert any(len(problem.exclusion_a) for problem in problems)
    assert any(problem.hard_due.any() for problem in problems)
    assert any((np.diff(problem.slot_ptr) == 0).any() for problem in problems)
    assert any((np.diff(problem.change_ptr) == 0).any() for problem in problems)
    assert any((problem.release_days > problem.window_start_days.max()).any() for problem in problems)
    assert any(not problem.slot_cost.any() for problem in problems)
    overlaps = [problem.window_start_days[1:] < problem.window_end_days[:-1] for problem in problems]
    assert any(overlap.any() for overlap in overlaps)


def test_exactly_on_time_is_on_time() -> None:
    """Sums of days in floating point must not break a soak that is kept to the second."""
    problem = random_problem(0)
    for seed in range(1, 200):
        if len(problem.link_before):
            break
        problem = random_problem(seed)
    early, late = 0, problem.num_windows
    problem = replace(
        problem,
        window_start_days=np.array([*problem.window_start_days, 100.3]),
        window_end_days=np.array([*problem.window_end_days, 100.4]),
        capacity_minutes=np.full((problem.num_teams, late + 1), 1e9),
        horizon_days=101.0,
        link_soak_days=np.full(len(problem.link_before), 100.3 - problem.window_end_days[0] + 1e-12),
    )
    window = np.full(problem.num_changes, -1)
    window[problem.link_before[0]], window[problem.link_after[0]] = early, late
    rules = {violation.rule for violation in evaluate(problem, Plan(window)).violations}
    assert "link" not in rules


def test_a_plan_for_another_problem_is_refused() -> None:
    """A plan of the wrong length, type or range would give numbers about nothing."""
    problem = generate("tiny", 1)
    cases = (
        (np.zeros(3, dtype=np.int64), "E300"),
        (np.zeros(problem.num_changes), "E301"),
        (np.full(problem.num_changes, 99), "E307"),
        (np.full(problem.num_changes, -2), "E307"),
    )
    for window, fault in cases:
        with pytest.raises(ModelError) as caught:
            evaluate(problem, Plan(window))
        assert [fault_.id for fault_ in caught.value.faults] == [fault]


def test_doing_nothing_costs_exposure_until_the_horizon() -> None:
    """The default that everybody starts from has a value one can write down."""
    problem = generate("S", 3)
    seen = evaluate(problem, Plan(np.full(problem.num_changes, -1)))
    waited = problem.horizon_days - problem.release_days
    assert seen.exposure == pytest.approx(float(problem.exposure_per_day @ waited))
    assert seen.opening_cost == seen.failure_cost == seen.num_openings == 0
    assert seen.num_late == np.isfinite(problem.due_days).sum()
    assert seen.is_feasible
