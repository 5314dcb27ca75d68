"""Knapsacks of windows: packed exactly, and bounds that no plan contradicts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from planning.cases import all_plans, random_caps, random_problem
from poise.planning.choices import list_choices
from poise.planning.highs import Limits, relax_program, run_program
from poise.planning.milp import Model, build_model
from poise.planning.packing import Packing
from poise.planning.problem import Floats, Problem
from poise.planning.program import Program
from poise.planning.tightening import line_of, lines_under


def crowded(seed: int) -> Problem:
    """Return twelve groups of two teams whose five windows hold about half of what is wanted."""
    rng = np.random.default_rng([seed, 77])
    groups, windows = 12, 5
    count = rng.integers(1, 5, groups)
    changes = int(count.sum())
    slots = groups * windows
    start = 3.0 + 7.0 * np.arange(windows)
    before = np.flatnonzero(rng.random(changes - 1) < 0.15)
    pairs = rng.choice(groups, size=(2, 2), replace=False)
    return Problem(
        horizon_days=60.0,
        settle_days=10.0,
        window_start_days=start,
        window_end_days=start + 0.25,
        group_team=rng.integers(0, 2, groups),
        capacity_minutes=rng.integers(80, 130, (2, windows)).astype(float),
        slot_ptr=windows * np.arange(groups + 1),
        slot_window=np.tile(np.arange(windows), groups),
        slot_cost=rng.uniform(1.0, 20.0, slots),
        slot_labour_minutes=rng.integers(10, 40, slots).astype(float),
        change_ptr=np.concatenate(([0], np.cumsum(count))),
        release_days=rng.uniform(0.0, 10.0, changes),
        available_days=np.zeros(changes),
        exposure_per_day=rng.lognormal(1.0, 1.0, changes),
        deferral_cost_per_day=rng.uniform(0.0, 0.1, changes),
        change_cost=rng.uniform(0.0, 3.0, changes),
        early_cost=np.zeros(changes),
        labour_minutes=rng.integers(5, 30, changes).astype(float),
        due_days=np.full(changes, np.inf),
        late_cost=np.zeros(changes),
        hard_due=np.zeros(changes, dtype=bool),
        link_before=before,
        link_after=before + 1,
        link_soak_days=np.full(len(before), 5.0),
        exclusion_a=pairs[:, 0],
        exclusion_b=pairs[:, 1],
    )


def random_charges(packing: Packing, model: Model, seed: int) -> Floats:
    """Return charges of the size of the costs."""
    rng = np.random.default_rng(seed)
    size = float(np.abs(model.exposure).mean()) if model.num_columns else 1.0
    return packing.charges(size * rng.normal(size=len(model.row_upper)))


def packed_by_highs(model: Model, weight: float, charge: Floats) -> float:
    """Return the least cost of the packed rows alone, all others charged for, by branch and cut."""
    row = np.repeat(np.arange(len(model.row_upper)), np.diff(model.start))
    cost = model.exposure + weight * model.disruption
    cost = cost - np.bincount(model.column, charge[row] * model.value, model.num_columns)
    rows = model.packed_rows
    first, last = model.start[rows.start], model.start[rows.stop]
    alone = Program(
        exposure=cost,
        disruption=np.zeros(model.num_columns),
        exposure_of_nothing=-float(np.minimum(cost, 0.0).sum()),  # HiGHS' bounds are those of sums above 0
        disruption_of_nothing=0.0,
        start=model.start[rows.start : rows.stop + 1] - first,
        column=model.column[first:last],
        value=model.value[first:last],
        row_lower=model.row_lower[rows],
        row_upper=model.row_upper[rows],
    )
    found = run_program(alone, (1.0, 0.0), (math.inf, math.inf), Limits(60.0))
    assert found.values is not None
    charged = np.where(charge > 0, model.row_lower, 0.0) + np.where(charge < 0, model.row_upper, 0.0)
    nothing = model.exposure_of_nothing + weight * model.disruption_of_nothing
    return nothing + float((charge * charged).sum()) + float((cost * found.values).sum())


def test_no_plan_contradicts_a_bound() -> None:
    """Whatever the charges, with links, exclusions, hard dates and caps."""
    held = 0
    for seed in range(5_000, 5_080):
        problem = random_problem(seed, most_plans=1_500)
        if seed % 2:
            problem = replace(problem, caps=random_caps(problem, seed))
        plans, model = all_plans(problem), build_model(problem, list_choices(problem))
        if not plans.is_feasible.any():
            continue
        exposure, disruption = plans.exposure[plans.is_feasible], plans.disruption[plans.is_feasible]
        packing = Packing(problem, model)
        for weight in (0.0, 0.5, 3.0):
            least = (exposure + weight * disruption).min()
            charge = random_charges(packing, model, seed)
            for charges in (np.zeros_like(charge), 0.1 * charge, charge, 100.0 * charge):
                assert packing.bound((1.0, weight), charges)[0] <= least + 1e-9
            climbed, _ = packing.climb((1.0, weight), charge, least, 30, lambda: False)
            assert packing.bound((1.0, weight), charge)[0] <= climbed <= least + 1e-9
            held += 1
    assert held > 100


@pytest.mark.parametrize("minutes", ["whole", "fractions"])
def test_knapsacks_are_packed_as_branch_and_cut_packs_them(minutes: str) -> None:
    """Exactly for whole minutes, never above for fractions of them."""
    for seed in range(25):
        problem = crowded(seed)
        if minutes == "fractions":
            problem = replace(problem, labour_minutes=problem.labour_minutes + 0.3)
        model = build_model(problem, list_choices(problem))
        packing = Packing(problem, model)
        charge = random_charges(packing, model, seed)
        found, true = packing.bound((1.0, 0.7), charge)[0], packed_by_highs(model, 0.7, charge)
        assert found <= true + 1e-6 * abs(true)
        if minutes == "whole":
            assert found == pytest.approx(true, rel=1e-6)


def test_the_slope_leads_up() -> None:
    """A bound is concave in its charges: nowhere is it above what a slope foretells."""
    problem = crowded(3)
    packing = Packing(problem, model := build_model(problem, list_choices(problem)))
    charge = np.minimum(random_charges(packing, model, 0), 0.0)
    bound, slope = packing.bound((1.0, 1.0), charge)
    for seed in range(1, 30):
        other = np.minimum(random_charges(packing, model, seed), 0.0)
        assert (
            packing.bound((1.0, 1.0), other)[0]
            <= bound + float((slope * (other - charge)).sum()) + 1e-6 * bound
        )


def test_packing_proves_more_than_the_relaxation() -> None:
    """At the relaxation's own prices no less, and after a climb much of what the relaxation leaves open."""
    closed = []
    for seed in range(5):
        problem = crowded(seed)
        choices = list_choices(problem)
        model = build_model(problem, choices)
        exact = run_program(model, (1.0, 0.0), (math.inf, math.inf), Limits(60.0))
        assert exact.values is not None
        best = model.exposure_of_nothing + float((model.exposure * exact.values).sum())
        relaxed = relax_program(model, (1.0, 0.0), (math.inf, math.inf), 60.0).bound
        dear = model.disruption_of_nothing + float((model.disruption * exact.values).sum())
        lines = lines_under(problem, choices, [(best, 2.0 * dear)], lambda: math.inf).lines
        proven = max(bound - weight * 2.0 * dear for weight, bound in lines)
        assert relaxed - 1e-6 * relaxed <= proven <= best + 1e-6 * best
        if best - relaxed > 5e-3 * best:
            closed.append((proven - relaxed) / (best - relaxed))
    assert len(closed) >= 3
    assert np.median(closed) > 0.3


def test_windows_of_many_minutes_are_rounded_towards_more_room() -> None:
    """Beyond the grid's size a bound gets weaker, not wrong."""
    problem = crowded(5)
    model = build_model(problem, list_choices(problem))
    fine = Packing(problem, model)
    large = replace(
        problem,
        labour_minutes=1_003.7 * problem.labour_minutes,
        slot_labour_minutes=1_003.7 * problem.slot_labour_minutes,
        capacity_minutes=1_003.7 * problem.capacity_minutes,
    )
    coarse = Packing(large, build_model(large, list_choices(large)))
    charge = random_charges(fine, model, 1)
    weaker, own = coarse.bound((1.0, 1.0), charge)[0], fine.bound((1.0, 1.0), charge)[0]
    assert own - 0.02 * abs(own) < weaker <= own + 1e-9 * abs(own)


def test_a_line_at_no_prices_is_doing_everything_that_helps() -> None:
    """Without charges the bound is that of windows, and never below that of single columns."""
    problem = crowded(2)
    model = build_model(problem, list_choices(problem))
    nothing = np.zeros(len(model.row_upper))
    packed, single = Packing(problem, model).bound((1.0, 1.0), nothing)[0], line_of(model, 1.0, nothing)[1]
    assert max(0.0, packed) >= single - 1e-6
