"""The price decomposition: its bound is proven, its plans keep every rule, its runs repeat."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest

from planning.cases import all_plans, random_problem
from poise.errors import ModelError, NoFeasiblePlanError
from poise.planning.caps import CapRow, join_caps
from poise.planning.decomposition import Prices, solve
from poise.planning.decomposition.layout import lay_out
from poise.planning.decomposition.prices import Dual
from poise.planning.decomposition.workers import Workers
from poise.planning.evaluate import evaluate
from poise.planning.exact import solve_exact
from poise.planning.generate import generate
from poise.planning.problem import Plan, Problem

WEIGHTS = (0.0, 0.3, 1.0, 10.0, math.inf)


@pytest.mark.parametrize("block", range(8))
def test_bound_and_plan_enclose_the_best_of_all_plans(block: int) -> None:
    """Links, chains, exclusions, hard dates: the bound may not pass the optimum, nor the plan undercut it."""
    for seed in range(50 * block, 50 * (block + 1)):
        problem, weight = random_problem(seed), WEIGHTS[seed % len(WEIGHTS)]
        least = all_plans(problem).least(weight)
        try:
            solution = solve(problem, weight, work=12, seed=seed)
        except NoFeasiblePlanError:
            assert least is None, f"seed {seed}: a feasible plan exists."
            continue
        assert least is not None, f"seed {seed}"
        slack = 1e-7 * max(1.0, least)
        assert solution.evaluation.is_feasible, f"seed {seed}"
        assert solution.bound <= least + slack, f"seed {seed}"
        assert solution.value >= least - slack, f"seed {seed}"


def test_latest_days_bind_plans_and_bounds() -> None:
    """A limit's deadline lies beside a soft due date: plans keep it, and bounds stay below the optimum."""
    solved = 0
    for seed in range(60):
        problem = random_problem(seed, hard=False)
        rng = np.random.default_rng(seed)
        latest = np.where(rng.random(problem.num_changes) < 0.3, problem.horizon_days * 0.7, np.inf)
        problem = dataclasses.replace(problem, latest_days=latest)
        least = all_plans(problem).least(1.0)
        if least is None:
            continue
        solved += 1
        try:
            solution = solve(problem, 1.0, steps=24)
        except NoFeasiblePlanError:
            continue
        slack = 1e-7 * max(1.0, least)
        assert solution.bound - slack <= least <= solution.value + slack, f"seed {seed}"
    assert solved > 20


def test_caps_are_refused_and_not_passed_over() -> None:
    """A solver that ignores a limit would sign what the limit forbids."""
    problem = random_problem(3)
    caps = join_caps([CapRow(limit=1.0)], problem.num_changes)
    with pytest.raises(ModelError, match="E312"):
        solve(dataclasses.replace(problem, caps=caps), 1.0)


def test_most_tiny_problems_are_solved_to_the_optimum() -> None:
    """A search that is merely feasible would pass the enclosure; nearly all tiny optima must be hit."""
    hit = []
    for seed in range(1000, 1080):
        problem = random_problem(seed, hard=False)
        least = all_plans(problem).least(1.0)
        assert least is not None
        hit.append(solve(problem, 1.0, steps=40).value <= least * (1 + 1e-6) + 1e-9)
    assert np.mean(hit) > 0.93


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e6])
def test_bound_holds_under_any_prices(scale: float) -> None:
    """The proof may not lean on good prices: zero, random and huge ones must stay below the optimum."""
    for seed in range(80):
        problem = random_problem(seed)
        least = all_plans(problem).least(1.0)
        if least is None:
            continue
        layout = lay_out(problem, 1.0)
        rng = np.random.default_rng(seed)
        dual = Dual(layout, Workers(1))
        shapes = (dual.team.shape, dual.link.shape, dual.exclusion.shape, dual.fill.shape)
        prices = Prices(
            *(scale * rng.exponential(10.0, shape) * (rng.random(shape) < 0.7) for shape in shapes)
        )
        dual = Dual(layout, Workers(1), prices)
        dual.answer(with_bound=True)
        assert dual.bound <= least + 1e-7 * max(1.0, least), f"seed {seed}"


def test_result_does_not_depend_on_threads() -> None:
    """Plans go into signed agreements; another machine must come to the same bytes."""
    problem = generate("S", 5, links=0.3, exclusions=0.05)
    one = solve(problem, 1.0, steps=40, seed=3, threads=1)
    two = solve(problem, 1.0, steps=40, seed=3, threads=2)
    assert np.array_equal(one.plan.window, two.plan.window)
    assert (one.value, one.bound) == (two.value, two.bound)


def test_run_ended_by_the_clock_is_repeated_by_its_work() -> None:
    """A time limit may only decide how much is done, not what."""
    problem = generate("S", 6, links=0.2)
    timed = solve(problem, 1.0, seconds=0.4, seed=1)
    again = solve(problem, 1.0, work=timed.work, seed=1)
    assert timed.stopped_by == "time"
    assert np.array_equal(timed.plan.window, again.plan.window)
    assert timed.bound == again.bound


@pytest.mark.parametrize(("links", "exclusions"), [(0.0, 0.0), (0.3, 0.05), (0.8, 0.3)])
def test_small_company_is_planned_within_two_percent(links: float, exclusions: float) -> None:
    """The frontier of a company needs 21 such solves; each must be good after a second or two of work."""
    steps = 40 if links < 0.5 else 400
    solution = solve(generate("S", 2, links=links, exclusions=exclusions), 1.0, steps=steps, threads=2)
    assert solution.evaluation.is_feasible
    assert solution.gap < 0.02


def test_warm_start_is_never_worse_and_prices_help() -> None:
    """A frontier walks from weight to weight; what it has may not be lost on the way."""
    problem = generate("S", 4, links=0.3, exclusions=0.05)
    first = solve(problem, 1.0, steps=20)
    weight = 1.2
    value = first.evaluation.exposure + first.evaluation.late_cost + weight * first.evaluation.disruption
    for steps in (1, 10):
        warm = solve(problem, weight, steps=steps, warm=first.plan, prices=first.prices)
        assert warm.value <= value * (1 + 1e-12)
        assert warm.bound > 0.9 * warm.value


def test_exact_solver_agrees_on_a_larger_problem() -> None:
    """Brute force ends at a few changes; HiGHS, which shares no code, must lie between bound and value."""
    problem = _first_groups(generate("S", 9), 14)
    ours = solve(problem, 1.0, steps=40)
    exact = solve_exact(problem, 1.0, seconds=20)
    assert ours.bound <= exact.value * (1 + 1e-9)
    assert ours.value >= exact.bound * (1 - 1e-9)
    assert ours.value <= exact.value * 1.01


def test_stop_returns_a_confirmed_plan_and_bound() -> None:
    """Whoever loses patience keeps what was reached."""
    problem = generate("S", 1, links=0.3)
    calls: list[int] = []
    solution = solve(problem, 1.0, progress=lambda p: calls.append(p.work), stop=lambda: len(calls) >= 7)
    assert len(calls) == 7
    assert solution.stopped_by == "time"
    assert solution.evaluation.is_feasible
    assert 0 < solution.bound <= solution.value


def test_keyboard_interrupt_returns_the_best_so_far() -> None:
    """Ctrl-C in a long run may not throw the run away, not even before the first plan."""
    problem = generate("S", 1)
    for rounds in (1, 6, 20):

        def interrupt(progress: object, at: int = 4 * rounds) -> None:
            if getattr(progress, "work", 0) == at:
                raise KeyboardInterrupt

        solution = solve(problem, 1.0, seconds=60, progress=interrupt, threads=2)
        assert solution.work == 4 * rounds
        assert solution.evaluation.is_feasible
        assert solution.bound > 0


def test_infeasible_warm_plan_is_ignored() -> None:
    """A plan from before a freeze may break today's rules; it may not leak into the result."""
    problem = generate("S", 3)
    everything_at_once = Plan(np.zeros(problem.num_changes, dtype=np.int64))
    assert not evaluate(problem, everything_at_once).is_feasible
    assert solve(problem, 1.0, steps=6, warm=everything_at_once).evaluation.is_feasible


def test_problem_without_changes_costs_nothing() -> None:
    """A clean scan is a plan too."""
    solution = solve(_first_groups(generate("tiny", 1), 0), 1.0)
    assert (solution.value, solution.bound) == (0.0, 0.0)
    assert len(solution.plan.window) == 0


def test_kernels_are_cached_elsewhere_when_the_package_cannot_be_written(tmp_path: object) -> None:
    """An installation owned by root must work for its users, without a word."""
    code = (
        "import pathlib, poise.planning.decomposition.jit as jit\n"
        "jit._is_writable = lambda folder: False\n"
        "folder = jit._cache_folder()\n"
        "assert folder.is_dir() and 'poise-kernels' in folder.name\n"
        "folder.rmdir()\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def _first_groups(problem: Problem, groups: int) -> Problem:
    """Return the first groups alone, without links and exclusions, with as much time a group."""
    slots, changes = int(problem.slot_ptr[groups]), int(problem.change_ptr[groups])
    cut = {
        name: getattr(problem, name)[:changes]
        for name in (
            "release_days", "available_days", "exposure_per_day", "deferral_cost_per_day", "change_cost",
            "early_cost", "labour_minutes", "due_days", "late_cost", "hard_due",
        )
    }  # fmt: skip
    share = groups / problem.num_groups
    return dataclasses.replace(
        problem,
        **cut,
        group_team=np.zeros(groups, dtype=np.int64),
        capacity_minutes=problem.capacity_minutes.sum(axis=0, keepdims=True) * share,
        slot_ptr=problem.slot_ptr[: groups + 1],
        slot_window=problem.slot_window[:slots],
        slot_cost=problem.slot_cost[:slots],
        slot_labour_minutes=problem.slot_labour_minutes[:slots],
        change_ptr=problem.change_ptr[: groups + 1],
        link_before=np.zeros(0, dtype=np.int64),
        link_after=np.zeros(0, dtype=np.int64),
        link_soak_days=np.zeros(0),
        exclusion_a=np.zeros(0, dtype=np.int64),
        exclusion_b=np.zeros(0, dtype=np.int64),
    )
