"""Options carry the costs and the minutes that the evaluator would find, and come apart again unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from poise.planning.choices import group_costs
from poise.planning.decomposition.annealing import anneal, book_options
from poise.planning.decomposition.layout import lay_out
from poise.planning.decomposition.menu import (
    NO_PLAN,
    Menu,
    cluster,
    empty_menu,
    extend_menu,
    match_options,
    plan_windows,
    priced_costs,
    prune,
)
from poise.planning.decomposition.plans import WorkingPlan
from poise.planning.decomposition.workers import Workers
from poise.planning.evaluate import evaluate
from poise.planning.generate import generate
from poise.planning.problem import Ints, Plan, Problem


def _answers(problem: Problem, count: int) -> Ints:
    """Return so many answers that put each change into any window of its group, or nowhere."""
    rng = np.random.default_rng(5)
    answers = np.full((count, problem.num_changes), -1, dtype=np.int16)
    for j, g in enumerate(problem.change_group):
        windows = problem.slot_window[problem.slot_ptr[g] : problem.slot_ptr[g + 1]]
        windows = windows[problem.window_start_days[windows] >= problem.release_days[j]]
        if len(windows):
            answers[:, j] = rng.choice(np.append(windows, -1), count)
    return answers


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Return a company with rings and clusters, so that some options span groups."""
    return generate("S", 7, links=0.3, exclusions=0.1)


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_options_cost_and_use_what_the_evaluator_says(problem: Problem, weight: float) -> None:
    """A plan is composed by these sums; a wrong one would steer it and its fit."""
    layout = lay_out(problem, weight)
    clusters = cluster(layout.ties, problem.num_groups)
    answers = _answers(problem, 3)
    menu = extend_menu(layout.groups, clusters, empty_menu(len(clusters.ptr) - 1), answers)
    for answer in answers:
        chosen = match_options(menu, clusters, layout.groups, answer)
        assert (chosen >= 0).all()
        exposure, disruption = group_costs(problem, answer.astype(np.int64))
        expected = np.bincount(clusters.of_group, exposure + weight * disruption)
        assert menu.cost[chosen] == pytest.approx(expected)
        usage = np.zeros(problem.capacity_minutes.size)
        book_options(menu, chosen, usage)
        seen = evaluate(problem, Plan(answer.astype(np.int64))).usage_minutes.ravel()
        assert usage == pytest.approx(seen, rel=1e-6, abs=1e-3)  # single precision
        window = np.zeros(problem.num_changes, dtype=np.int64)
        plan_windows(menu, clusters, layout.groups, chosen, window)
        assert np.array_equal(window, answer)


def _menu(problem: Problem, answers: Ints) -> tuple[Menu, Ints]:
    layout = lay_out(problem, 1.0)
    clusters = cluster(layout.ties, problem.num_groups)
    menu = extend_menu(layout.groups, clusters, empty_menu(len(clusters.ptr) - 1), answers)
    return menu, clusters.ptr


def test_an_answer_is_listed_once_and_no_plan_never(problem: Problem) -> None:
    """Doubles would only slow the walk; a marker taken for a plan would break it."""
    answers = _answers(problem, 2)
    once, _ = _menu(problem, answers)
    twice, _ = _menu(problem, np.concatenate([answers, answers]))
    assert np.array_equal(once.ptr, twice.ptr)
    none, _ = _menu(problem, np.full_like(answers, NO_PLAN))
    assert len(none.cost) == 0


def test_pruning_keeps_the_cheapest_first(problem: Problem) -> None:
    """The first option of a cluster is where a cycle starts; it must be the cheapest at the prices."""
    menu, _ = _menu(problem, _answers(problem, 6))
    price = np.random.default_rng(1).uniform(0.0, 5.0, problem.capacity_minutes.size)
    few = prune(menu, price, 2)
    assert np.diff(few.ptr).max() == 2
    before, after = priced_costs(menu, price), priced_costs(few, price)
    for c in range(len(menu.ptr) - 1):
        expected = np.sort(before[menu.ptr[c] : menu.ptr[c + 1]])[:2]
        assert after[few.ptr[c] : few.ptr[c + 1]] == pytest.approx(expected)


def test_annealing_lowers_cost_and_fines_and_keeps_its_books(problem: Problem) -> None:
    """After a million exchanges the minutes must still be those of the options chosen."""
    menu, _ = _menu(problem, _answers(problem, 8))
    chosen = menu.ptr[:-1].copy()
    usage = np.zeros(problem.capacity_minutes.size)
    book_options(menu, chosen, usage)
    capacity, fine = problem.capacity_minutes.ravel(), np.full(len(usage), 20.0)

    def total() -> float:
        return float(menu.cost[chosen].sum() + (fine * np.maximum(0.0, usage - capacity)).sum())

    before = total()
    anneal(menu, np.arange(len(chosen)), chosen, usage, capacity, fine, 200_000, 500.0, 1.0, 3)
    assert total() < before
    assert (chosen >= menu.ptr[:-1]).all()
    assert (chosen < menu.ptr[1:]).all()
    again = np.zeros(len(usage))
    book_options(menu, chosen, again)
    assert usage == pytest.approx(again, rel=1e-6, abs=1e-3)  # single precision


def test_relief_leaves_no_team_overdrawn(problem: Problem) -> None:
    """Everything at once fits no team; what is left must be a plan, links included."""
    layout = lay_out(problem, 1.0)
    clusters = cluster(layout.ties, problem.num_groups)
    plan = WorkingPlan(layout, clusters, Workers(1), 0)
    linked = np.union1d(problem.link_before, problem.link_after)
    window = _answers(problem, 1)[0].astype(np.int64)
    window[linked] = -1
    crowded = evaluate(problem, Plan(window)).violations
    assert any(one.rule == "capacity" for one in crowded)
    hurt = plan.load_overdrawn(window)
    assert len(hurt)
    left = evaluate(problem, Plan(plan.window())).violations
    assert not [one for one in left if one.rule in ("capacity", "link", "window")]
