"""The frontier against every plan there is, and what it promises on larger problems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import AllPlans, all_plans, random_problem
from poise.errors import NoFeasiblePlanError
from poise.planning import frontier as frontier_module
from poise.planning.blend import blend, tie_groups
from poise.planning.choices import group_costs
from poise.planning.decomposition import solve
from poise.planning.evaluate import evaluate
from poise.planning.exact import objective
from poise.planning.frontier import sweep
from poise.planning.generate import generate
from poise.planning.hull import hull_corners
from poise.planning.problem import Frontier, Plan, Problem, Solution
from poise.planning.schedule import hazard_per_minute, schedule_by_priority
from poise.planning.solvers import exact_solver, price_solver


def assert_sound(problem: Problem, frontier: Frontier) -> None:
    """Hold what must be true of any frontier: confirmed, growing, above its bounds."""
    before = (-np.inf, np.inf)
    for point in frontier.points:
        seen = evaluate(problem, point.plan)
        assert seen.is_feasible
        assert seen.disruption == point.evaluation.disruption <= point.disruption_cap * (1 + 1e-9)
        exposure = objective(seen, 0.0)
        assert point.exposure_bound <= exposure
        assert point.exposure_bound >= min(frontier.exposure_bound_at(seen.disruption), exposure) - 1e-6
        assert seen.disruption > before[0]
        assert exposure < before[1]
        before = (seen.disruption, exposure)


def assert_bounds_hold(plans: AllPlans, frontier: Frontier) -> None:
    """Hold every proven number against all plans."""
    exposure, disruption = plans.exposure[plans.is_feasible], plans.disruption[plans.is_feasible]
    for weight, bound in zip(frontier.hull_weight, frontier.hull_bound, strict=True):
        assert (exposure + weight * disruption).min() >= bound - 1e-9
    drawn = np.array(hull_corners(frontier, float(disruption.max()))).T
    assert (exposure >= np.interp(disruption, *drawn) - 1e-9 * exposure.max()).all()
    for point in frontier.points:
        under = disruption <= point.disruption_cap + 1e-9
        assert exposure[under].min() >= point.exposure_bound - 1e-9


@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(-10, 100)), max_size=8),
    st.floats(1, 50),
)
@settings(deadline=None)
def test_a_drawn_bound_is_what_is_proven_and_no_more(lines: list[tuple[float, float]], span: float) -> None:
    """Straight lines between the corners are the envelope itself, also where it reaches zero."""
    weight, bound = np.array([line[0] for line in lines]), np.array([line[1] for line in lines])
    found = Frontier((), weight, bound)
    places, heights = np.array(hull_corners(found, span)).T
    assert (places[0], places[-1]) == (0.0, span)
    for place in np.linspace(0.0, span, 60):
        assert np.interp(place, places, heights) == pytest.approx(found.exposure_bound_at(place), abs=1e-6)


def test_exact_sweeps_find_the_frontier() -> None:
    """Each point is the best plan of its disruption, both ends are there, and it says so."""
    swept = 0
    for seed in range(60):
        problem = random_problem(seed, most_plans=1_500)
        plans = all_plans(problem)
        if not plans.is_feasible.any():
            with pytest.raises(NoFeasiblePlanError):
                sweep(problem, points=7, seconds=60)
            continue
        frontier = sweep(problem, points=7, seconds=60)
        exposure, disruption = plans.exposure[plans.is_feasible], plans.disruption[plans.is_feasible]
        assert_sound(problem, frontier)
        assert_bounds_hold(plans, frontier)
        first, last = frontier.points[0].evaluation, frontier.points[-1].evaluation
        assert first.disruption <= disruption.min() + 1e-5 * max(1.0, disruption.min())
        assert objective(last, 0.0) <= exposure.min() + 1e-5 * max(1.0, exposure.min())
        for point in frontier.points:
            best = exposure[disruption <= point.evaluation.disruption + 1e-9].min()
            assert objective(point.evaluation, 0.0) <= best + 1e-5 * max(1.0, best)
            assert point.is_exact
        assert frontier.stopped_by == "work"
        swept += 1
    assert swept > 40


def test_sweeps_by_weight_prove_only_what_is_true() -> None:
    """The large-problem path, driven by exact solves, on problems where the truth is known."""
    for seed in range(1_000, 1_030):
        problem = random_problem(seed, hard=False, most_plans=1_500)
        frontier = sweep(problem, points=7, seconds=60, solver=exact_solver)
        assert_sound(problem, frontier)
        assert_bounds_hold(all_plans(problem), frontier)


def test_threads_do_not_change_the_result() -> None:
    """The same bytes on a laptop and on a server."""
    problem = generate("tiny", 3, links=0.5)
    one, two = (
        sweep(problem, points=9, seconds=60, threads=threads, solver=exact_solver) for threads in (1, 2)
    )
    assert one.work == two.work
    np.testing.assert_array_equal(one.hull_bound, two.hull_bound)
    for first, second in zip(one.points, two.points, strict=True):
        np.testing.assert_array_equal(first.plan.window, second.plan.window)


def test_progress_is_told() -> None:
    """Anything over a second shows that it moves."""
    told: list[tuple[int, int, str]] = []
    sweep(
        generate("tiny", 1),
        points=5,
        seconds=60,
        progress=lambda done, total, text: told.append((done, total, text)),
    )
    assert told
    assert all(done <= total == 5 and text for done, total, text in told)


def test_blends_keep_the_rules_and_the_caps() -> None:
    """A plan put together from two must be as sound as both."""
    problem = generate("S", 1, links=0.3, exclusions=0.2)
    low = Plan(np.full(problem.num_changes, -1))
    high = schedule_by_priority(problem, hazard_per_minute(problem))
    ends = [evaluate(problem, plan) for plan in (low, high)]
    caps = np.linspace(ends[0].disruption, ends[1].disruption, 12)[1:-1]
    blends = [evaluate(problem, plan) for plan in blend(problem, tie_groups(problem), low, high, caps)]
    before = objective(ends[0], 0.0)
    for cap, seen in zip(caps, blends, strict=True):
        assert seen.is_feasible
        assert seen.disruption <= cap * (1 + 1e-9)
        assert objective(seen, 0.0) <= before
        before = objective(seen, 0.0)
    halfway = ends[0].exposure + ends[0].late_cost
    assert objective(blends[5], 0.0) < 0.5 * halfway + 0.5 * objective(ends[1], 0.0)


def test_costs_by_group_add_up() -> None:
    """Blends choose by group costs; they must be the evaluator's costs, split."""
    problem = generate("S", 1, links=0.3, exclusions=0.2)
    plan = schedule_by_priority(problem, hazard_per_minute(problem))
    exposure, disruption = group_costs(problem, plan.window)
    seen = evaluate(problem, plan)
    assert exposure.sum() == pytest.approx(objective(seen, 0.0))
    assert disruption.sum() == pytest.approx(seen.disruption)


def test_sweeps_by_price_repeat() -> None:
    """Stopped by work and not by the clock, the same seed gives the same plans and bounds."""
    problem = generate("tiny", 4, links=0.5, exclusions=0.5)
    one, two = (
        sweep(problem, points=5, seconds=120, seed=3, threads=threads, solver=price_solver)
        for threads in (1, 2)
    )
    assert one.stopped_by == two.stopped_by == "work"
    assert one.work == two.work
    np.testing.assert_array_equal(one.hull_bound, two.hull_bound)
    for first, second in zip(one.points, two.points, strict=True):
        np.testing.assert_array_equal(first.plan.window, second.plan.window)


def test_sweeps_by_price_prove_only_what_is_true() -> None:
    """The path of real companies, on problems where the truth is known."""
    for seed in range(2_000, 2_025):
        problem = random_problem(seed, hard=False, most_plans=1_500)
        frontier = sweep(problem, points=5, seconds=60, solver=price_solver)
        assert_sound(problem, frontier)
        assert_bounds_hold(all_plans(problem), frontier)


def test_an_impossible_date_is_named_on_any_size() -> None:
    """Large problems too must say which date cannot be met, not only that none was found."""
    problem = generate("S", 1)
    hard = np.isfinite(problem.due_days)
    due = np.where(hard, problem.release_days + 0.01, np.inf)
    with pytest.raises(NoFeasiblePlanError, match="must be done by day") as caught:
        sweep(replace(problem, hard_due=hard, due_days=due), seconds=60)
    assert {fault.id for fault in caught.value.faults} == {"E500"}


def test_however_short_the_time_what_is_told_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of time there is still a plan, and nothing is claimed that is not proven."""
    monkeypatch.setattr(frontier_module, "EXACT_CHOICES", 100_000)
    problem = generate("S", 2, links=0.2, exclusions=0.1)
    frontier = sweep(problem, points=6, seconds=3)
    assert_sound(problem, frontier)
    assert frontier.points
    assert frontier.stopped_by == "time"


def test_a_sweep_that_is_stopped_tells_what_it_knows() -> None:
    """Whoever presses Ctrl-C gets sound plans."""
    problem, told = generate("S", 2, links=0.2), []
    stopped = sweep(
        problem,
        points=9,
        seconds=600,
        progress=lambda *what: told.append(what),
        stop=lambda: len(told) >= 2,
    )
    assert_sound(problem, stopped)
    assert stopped.stopped_by == "interrupt"
    assert len(told) < 9
    assert all("; proven within " in text for _, _, text in told)


def test_a_gap_is_enough() -> None:
    """Solves end as soon as they are proven so close, with less work."""
    problem = generate("S", 2)
    loose, tight = (sweep(problem, points=4, seconds=600, gap=gap) for gap in (0.05, 0.0))
    assert loose.work < tight.work
    assert_sound(problem, loose)
    for weight, bound in zip(loose.hull_weight, loose.hull_bound, strict=True):
        best = min(objective(point.evaluation, weight) for point in loose.points)
        assert best - bound <= 0.05 * best * (1 + 1e-9)


def test_no_stretch_of_the_frontier_is_left_unproven() -> None:
    """Every weight proves its line: a start from far-off prices once left most bounds at zero."""
    problem = generate("S", seed=1, links=0.3, exclusions=0.05)
    found = sweep(problem, points=8, seconds=600.0)
    for point in found.points:
        cost = point.evaluation.exposure + point.evaluation.late_cost
        assert point.exposure_bound >= 0.85 * cost


def test_hard_dates_are_kept_or_shown_to_be_impossible() -> None:
    """A date that no calendar can meet is a fact about the calendar; "not found in time" is no answer."""
    outcomes = []
    for seed in range(60):
        problem = random_problem(seed)
        if not problem.hard_due.any():
            continue
        is_possible = bool(all_plans(problem).is_feasible.any())
        if is_possible:
            assert_sound(problem, sweep(problem, points=4, seconds=60.0))
            outcomes.append("plan")
            continue
        with pytest.raises(NoFeasiblePlanError, match=r"E50[01]") as caught:
            sweep(problem, points=4, seconds=60.0)
        outcomes.append("none")
        for date in caught.value.dates:
            assert date.possible_days is None or date.possible_days > date.due_days
    assert {"plan", "none"} == set(outcomes)


@pytest.mark.parametrize("is_possible", [True, False])
def test_hard_dates_of_a_larger_problem(is_possible: bool) -> None:
    """Prices alone neither find a tight plan surely nor tell that there is none."""
    problem = generate("S", 6)
    window = schedule_by_priority(problem, hazard_per_minute(problem)).window
    if is_possible:  # half of what a rule does, as late as it does it
        hard = (window >= 0) & (np.arange(problem.num_changes) % 2 == 0)
        due = np.where(hard, np.append(problem.window_end_days, np.inf)[window], np.inf)
    else:  # the whole backlog within five weeks
        hard = problem.release_days == 0.0
        due = np.where(hard, problem.window_end_days[4], np.inf)
    tight = replace(problem, due_days=due, hard_due=hard)

    def quick(problem: Problem, weight: float, **more: Any) -> Solution:
        return solve(problem, weight, steps=18, warm=more["warm"])

    if is_possible:
        assert_sound(tight, sweep(tight, points=2, seconds=120.0, solver=quick))
        return
    with pytest.raises(NoFeasiblePlanError, match="E501") as caught:
        sweep(tight, points=2, seconds=120.0, solver=quick)
    assert caught.value.faults
