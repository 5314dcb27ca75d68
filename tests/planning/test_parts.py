"""Parts that nothing couples are found, cut out whole, and cost together what the problem costs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from poise.planning.check import check
from poise.planning.decomposition import solve
from poise.planning.decomposition.parts import extract, split
from poise.planning.decomposition.rounds import share_work
from poise.planning.evaluate import evaluate
from poise.planning.generate import generate
from poise.planning.problem import Plan
from poise.planning.schedule import hazard_per_minute, schedule_by_priority


@pytest.mark.parametrize("links", [0.0, 0.3])
def test_every_group_change_and_slot_is_in_one_part(links: float) -> None:
    """What two parts hold would be planned twice, what none holds never."""
    problem = generate("S", 3, links=links, exclusions=0.05)
    parts = split(problem)
    for name, count in (
        ("groups", problem.num_groups), ("changes", problem.num_changes), ("slots", problem.num_slots),
    ):  # fmt: skip
        together = np.sort(np.concatenate([getattr(part, name) for part in parts]))
        assert np.array_equal(together, np.arange(count))


def test_parts_of_unlinked_teams_are_the_teams() -> None:
    """Teams that nothing ties are planned side by side; a tie between two makes them one."""
    problem = generate("S", 3)
    assert [part.teams.tolist() for part in split(problem)] == [[0], [1], [2], [3]]
    first, last = (int(np.flatnonzero(problem.group_team == team)[0]) for team in (0, 3))
    tied = dataclasses.replace(problem, exclusion_a=np.array([first]), exclusion_b=np.array([last]))
    assert [part.teams.tolist() for part in split(tied)] == [[0, 3], [1], [2]]


def test_parts_cost_together_what_the_problem_costs() -> None:
    """The evaluator must see the same plan in the whole and in its parts."""
    problem = dataclasses.replace(generate("S", 4), latest_days=None)
    plan = schedule_by_priority(problem, hazard_per_minute(problem))
    whole = evaluate(problem, plan)
    seen = []
    for part in split(problem):
        alone = extract(problem, part)
        check(alone)
        seen.append(evaluate(alone, Plan(plan.window[part.changes])))
    assert sum(one.exposure for one in seen) == pytest.approx(whole.exposure)
    assert sum(one.disruption for one in seen) == pytest.approx(whole.disruption)
    assert sum(one.late_cost for one in seen) == pytest.approx(whole.late_cost)
    assert sum(one.usage_minutes.sum() for one in seen) == pytest.approx(whole.usage_minutes.sum())
    assert all(one.is_feasible for one in seen)


@pytest.mark.parametrize(("work", "shares"), [(0, [0, 0, 0]), (2, [1, 1, 0]), (7, [3, 2, 2])])
def test_work_is_shared_as_rounds_would(work: int, shares: list[int]) -> None:
    """A run on several machines must come to the same steps as one that takes turns."""
    assert list(share_work(work, 3)) == shares


def test_steps_can_be_given_part_by_part() -> None:
    """A run whose parts ended at different times is repeated by the steps that each of them took."""
    problem = generate("S", 3)
    whole = solve(problem, 1.0, steps=[12, 3, 9, 0], seed=4)
    assert whole.part_work == (12, 3, 9, 0)
    again = solve(problem, 1.0, steps=whole.part_work, seed=4)
    assert np.array_equal(whole.plan.window, again.plan.window)


def test_a_run_goes_on_from_what_it_kept() -> None:
    """Whoever resumes keeps plan, bound and count of steps, and gains by what is added."""
    problem = generate("S", 3, links=0.2)
    first = solve(problem, 1.0, steps=20, seed=2)
    same = solve(problem, 1.0, steps=20, seed=2, resume=first.parts)
    assert np.array_equal(same.plan.window, first.plan.window)
    assert (same.bound, same.work) == (first.bound, first.work)
    more = solve(problem, 1.0, steps=40, seed=2, resume=first.parts)
    assert more.value <= first.value
    assert more.bound >= first.bound
    assert more.gap < first.gap
    assert more.part_work == (40,) * len(first.parts)


def test_a_run_ends_at_the_gap_that_is_good_enough() -> None:
    """Who asks for two percent should not wait for more; and asking again gives the same plan."""
    problem = generate("S", 3)
    first, second = (solve(problem, 1.0, steps=200, gap=0.02, seed=4) for _ in range(2))
    assert first.gap <= 0.02
    assert first.work < 200 * len(first.parts)
    assert first.stopped_by == "work"
    assert np.array_equal(first.plan.window, second.plan.window)
