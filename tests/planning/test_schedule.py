"""Plans by rule, and repair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import random_problem
from poise.planning.evaluate import evaluate
from poise.planning.generate import generate
from poise.planning.problem import Plan, Problem
from poise.planning.schedule import hazard_per_minute, make_feasible, schedule_by_priority


def broken_rules(problem: Problem, plan: Plan) -> set[str]:
    return {violation.rule for violation in evaluate(problem, plan).violations} - {"due"}


@given(st.integers(0, 10**6), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_rule_gives_a_plan_that_keeps_the_hard_rules(seed: int, fill: bool, some: bool) -> None:
    """A dot on the chart for a plan that cannot be carried out would be a lie about that rule."""
    problem = random_problem(seed)
    rng = np.random.default_rng(seed)
    allowed = rng.random(problem.num_windows) < 0.6 if some else None
    plan = schedule_by_priority(
        problem, rng.normal(size=problem.num_changes), allowed_windows=allowed, fill=fill
    )
    assert not broken_rules(problem, plan)
    if allowed is not None:
        assert allowed[plan.window[plan.window >= 0]].all()


@given(st.integers(0, 10**6))
@settings(max_examples=300, deadline=None)
def test_repair_mends_any_plan_and_leaves_sound_ones_alone(seed: int) -> None:
    """Repair that moves what was not broken would undo what a solver or a person chose."""
    problem = random_problem(seed)
    rng = np.random.default_rng(seed)
    wild = Plan(rng.integers(-1, problem.num_windows, problem.num_changes))
    mended = make_feasible(problem, wild)
    assert not broken_rules(problem, mended)
    np.testing.assert_array_equal(make_feasible(problem, mended).window, mended.window)


def test_the_first_in_order_goes_first() -> None:
    """Priority means that nobody of lower priority takes the room away."""
    problem = generate("S", 4)
    for change in range(0, problem.num_changes, 300):
        priority = np.zeros(problem.num_changes)
        priority[change] = 1.0
        plan = schedule_by_priority(problem, priority)
        group = problem.change_group[change]
        own = problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]
        chances = own[problem.window_start_days[own] >= problem.release_days[change]]
        need = problem.labour_minutes[change] + problem.slot_labour_minutes[problem.slot_ptr[group]]
        fits = problem.capacity_minutes[problem.group_team[group], chances] >= need
        assert plan.window[change] == (chances[fits][0] if fits.any() else -1)


def test_a_change_lends_its_priority_to_what_it_waits_for() -> None:
    """Otherwise an urgent production change starves behind its own test stage."""
    problem = generate("M", 1, links=0.4)
    after = problem.link_after[np.argmax(problem.exposure_per_day[problem.link_after])]
    priority = np.zeros(problem.num_changes)
    priority[after] = 1.0
    plan = schedule_by_priority(problem, priority)
    (before,) = problem.link_before[problem.link_after == after]
    group = problem.change_group[before]
    own = problem.slot_window[problem.slot_ptr[group] : problem.slot_ptr[group + 1]]
    first = own[problem.window_start_days[own] >= problem.release_days[before]][0]
    assert plan.window[before] == first
    assert plan.window[after] > first


def test_what_opens_nothing_only_rides_along() -> None:
    """With ``fill`` off, changes of no priority never cost an opening."""
    problem = generate("S", 4)
    urgent = np.isfinite(problem.due_days)
    priority = np.where(urgent, 1.0, 0.0)
    ride = schedule_by_priority(problem, priority, fill=False)
    alone = schedule_by_priority(problem, np.where(urgent, 1.0, -np.inf))
    assert (alone.window[~urgent] == -1).all()
    np.testing.assert_array_equal(ride.window[urgent], alone.window[urgent])
    assert evaluate(problem, ride).num_openings == evaluate(problem, alone).num_openings
    assert (ride.window[~urgent] >= 0).any()


def test_just_in_time_waits() -> None:
    """A rule that patches two weeks before the deadline must not patch today."""
    problem = generate("S", 4)
    wait = problem.release_days + 50.0
    plan = schedule_by_priority(problem, hazard_per_minute(problem), not_before_days=wait)
    done = plan.window >= 0
    assert done.any()
    assert (problem.window_start_days[plan.window[done]] >= wait[done] - 1e-6).all()


def test_hazard_first_beats_index_order() -> None:
    """The honest baseline must be better than no rule, or something is upside down."""
    problem = generate("M", 2, links=0.2, exclusions=0.1)
    good = evaluate(problem, schedule_by_priority(problem, hazard_per_minute(problem)))
    naive = evaluate(problem, schedule_by_priority(problem, np.zeros(problem.num_changes)))
    assert good.exposure < 0.5 * naive.exposure
    assert good.is_feasible


@pytest.mark.parametrize("size", ["tiny", "S", "M"])
def test_made_up_problems_repeat(size: str) -> None:
    """Figures measured on a made-up problem must be measured on the same one again."""
    first, again, other = (generate(size, seed, links=0.3, exclusions=0.1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.exposure_per_day, again.exposure_per_day)
    np.testing.assert_array_equal(first.link_after, again.link_after)
    assert first.num_changes != other.num_changes
