"""A plan made under other facts loses what they forbid, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import random_problem
from poise.planning.decomposition import solve
from poise.planning.decomposition.mending import keep_rules
from poise.planning.evaluate import evaluate
from poise.planning.generate import generate
from poise.planning.problem import Plan


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), plan_seed=st.integers(0, 10**6))
def test_only_time_and_due_dates_may_still_be_broken(seed: int, plan_seed: int) -> None:
    """What is left is loaded as it is; a broken link or exclusion in it would never be found again."""
    problem = random_problem(seed)
    rng = np.random.default_rng(plan_seed)
    window = rng.integers(-1, problem.num_windows, problem.num_changes)
    kept = keep_rules(problem, window)
    assert ((kept == window) | (kept == -1)).all()
    broken = {violation.rule for violation in evaluate(problem, Plan(kept)).violations}
    assert broken <= {"capacity", "due"}


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_a_plan_that_keeps_all_rules_stays(seed: int) -> None:
    """A warm start must not lose what was good."""
    problem = generate("tiny", seed, links=0.5, exclusions=0.5)
    plan = solve(problem, 1.0, steps=20).plan
    assert np.array_equal(keep_rules(problem, plan.window), plan.window)


def test_only_the_team_whose_facts_changed_is_planned_again() -> None:
    """After one team's change the others' announced windows stay, and what is proven of them too."""
    problem = generate("S", 2)
    first = solve(problem, 1.0, steps=60, seed=3)
    capacity = problem.capacity_minutes.copy()
    capacity[1, 3:9] *= 0.4
    changed = replace(problem, capacity_minutes=capacity)
    again = solve(changed, 1.0, steps=60, seed=3, resume=first.parts)
    of_team = changed.group_team[changed.change_group] == 1
    assert np.array_equal(again.plan.window[~of_team], first.plan.window[~of_team])
    for k, (new, old) in enumerate(zip(again.parts, first.parts, strict=True)):
        assert (new is old) == (k != 1)
    assert again.evaluation.is_feasible
    cold = solve(changed, 1.0, steps=60, seed=3)
    assert again.bound <= cold.value
    assert cold.bound <= again.value
    assert again.gap < 0.02
