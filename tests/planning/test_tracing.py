"""Traces, the relaxation solved hot and mixtures of plans, against every plan of small problems."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from planning.cases import all_plans
from poise.planning.choices import list_choices
from poise.planning.evaluate import evaluate
from poise.planning.highs import Limits, relax_program, run_program
from poise.planning.milp import build_model
from poise.planning.mixing import best_mix, fewest_moves
from poise.planning.problem import Plan
from poise.planning.relaxation import Relaxation, Switches
from poise.planning.tracing import trace
from poise.table.binding import Board, bind
from table.cases import AllKept, random_limits, small_ground

FREE = (math.inf, math.inf)


@pytest.mark.parametrize("seed", range(20))
def test_no_plan_lies_below_a_line_and_every_spot_keeps_all(seed: int) -> None:
    """Whatever prices the caps had: lines and bounds hold for all plans that keep the caps."""
    ground = small_ground(seed, plans=False)
    limits = random_limits(ground, seed)
    problem = bind(ground, limits).problem
    every = AllKept(ground, limits)
    ok = every.meets({limit.id for limit in limits})
    middle = float(np.median(every.operations))
    found = trace(problem, middle, 1.0, plans=[Plan(every.window[0])])
    for weight, bound in found.lines:
        least = (every.security + weight * every.operations)[ok].min(initial=math.inf)
        assert bound <= least + 1e-6 * max(1.0, abs(bound))
    for spot in found.spots:
        seen = evaluate(problem, spot.plan)
        assert seen.is_feasible
        assert (spot.exposure, spot.disruption) == (seen.exposure + seen.late_cost, seen.disruption)
    bound, best = found.least_exposure(middle)
    exact = every.security[ok & (every.operations <= middle + 1e-9)].min(initial=math.inf)
    assert bound <= exact + 1e-6 * max(1.0, bound)
    assert best is None or best.exposure >= exact - 1e-6 * exact


def test_a_trace_finds_plans_on_most_problems() -> None:
    """A bound alone is no plan: where plans keep the limits, one is found nearly always."""
    possible = found = 0
    for seed in range(20):
        ground = small_ground(seed, plans=False)
        limits = random_limits(ground, seed)
        ok = AllKept(ground, limits).meets({limit.id for limit in limits})
        if ok.any():
            possible += 1
            found += bool(trace(bind(ground, limits).problem, 1e9, 1.0).spots)
    assert possible > 5
    assert found >= 0.6 * possible


@pytest.mark.parametrize("seed", range(15))
def test_hot_solves_prove_what_cold_ones_do(seed: int) -> None:
    """Any set of limits, in any order, from either anchor: the bound of the set's own relaxation."""
    ground = small_ground(seed, plans=False)
    limits = random_limits(ground, seed, count=4)
    board = Board.of(ground, limits)
    anchors = [board.switches(ground, some) for some in (limits, ())]
    hot = Relaxation(board.problem, (1.0, 0.0), FREE, anchors, seconds=10.0)
    if not hot.model.num_columns:
        return
    sets = [limits[:k] for k in range(5)] + [limits[k:] for k in range(1, 4)]
    bounds = {}
    for some in sets:
        own = bind(ground, some).problem
        model = build_model(own, list_choices(own))
        cold = relax_program(model, (1.0, 0.0), FREE, 10.0)
        stuck = np.isfinite(own.last_days) & (np.diff(model.choices.ptr) == 0)
        warm = hot.under(board.switches(ground, some))
        bounds[tuple(limit.id for limit in some)] = warm.bound
        if stuck.any() or math.isinf(cold.bound):
            assert math.isinf(warm.bound)
        else:
            assert warm.bound <= cold.bound + 1e-6 * max(1.0, cold.bound)
            assert warm.bound >= cold.bound - 1e-3 * max(1.0, cold.bound)
            # A search among all columns is exact, whatever limits the program holds beside these.
            found = hot.search(board.switches(ground, some), warm, [], 1e9, Limits(10.0))
            best = run_program(model, (1.0, 0.0), FREE, Limits(10.0))
            assert (found is None) == (best.values is None)
            packed = hot.packed(board.switches(ground, some), warm, math.inf, 30)
            assert packed.bound >= warm.bound
            if best.values is not None:
                assert packed.bound <= best.bound + 1e-4 * max(1.0, best.bound)
            if found is not None:
                seen = evaluate(own, found)
                assert seen.is_feasible
                assert seen.exposure + seen.late_cost == pytest.approx(best.bound, rel=1e-4, abs=1e-3)
    for some in reversed(sets):
        again = hot.under(board.switches(ground, some)).bound
        assert again == bounds[tuple(limit.id for limit in some)]


@pytest.mark.parametrize("is_exposure", [True, False])
def test_no_plan_contradicts_what_packing_proves_under_limits_and_caps(is_exposure: bool) -> None:
    """Either cost capped and the other minimised, any set of limits: against all plans."""
    held = 0
    for seed in range(12):
        ground = small_ground(seed, plans=False)
        limits = random_limits(ground, seed, count=3)
        board = Board.of(ground, limits)
        factors = (1.0, 0.0) if is_exposure else (0.0, 1.0)
        for some in (limits, limits[:1], ()):
            plans = all_plans(bind(ground, some).problem)
            own, other = (
                costs[plans.is_feasible]
                for costs in ((plans.exposure, plans.disruption)[:: 1 if is_exposure else -1])
            )
            if not len(own):
                continue
            cap = float(np.quantile(other, 0.3))
            caps = (math.inf, cap) if is_exposure else (cap, math.inf)
            switches = board.switches(ground, some)
            hot = Relaxation(board.problem, factors, caps, [switches], seconds=10.0)
            if not hot.model.num_columns:
                continue
            least = own[other <= cap + 1e-9].min()
            relaxed = hot.under(switches)
            packed = hot.packed(switches, relaxed, least, 40)
            assert relaxed.bound <= packed.bound <= least + 1e-6 * max(1.0, least)
            held += 1
    assert held > 15


def test_a_closed_slot_and_a_row_switched_off_change_the_relaxation() -> None:
    """Switches do something: closing all slots leaves only doing nothing."""
    problem = next(p for seed in range(50) if (p := small_ground(seed, plans=False).problem).num_slots > 6)
    none = np.zeros(0, dtype=np.bool_)
    latest = np.full(problem.num_changes, np.inf)
    opened = Switches(np.zeros(problem.num_slots, dtype=np.bool_), latest, none)
    closed = replace(opened, closed=np.ones(problem.num_slots, dtype=np.bool_))
    hot = Relaxation(problem, (1.0, 0.0), FREE, [opened], seconds=10.0)
    nothing = evaluate(problem, Plan(np.full(problem.num_changes, -1)))
    assert hot.under(closed).bound == pytest.approx(nothing.exposure + nothing.late_cost, rel=1e-6)
    assert hot.under(opened).bound < hot.under(closed).bound


@pytest.mark.parametrize("seed", range(20))
def test_fewest_moves_are_the_fewest_and_mixtures_are_best(seed: int) -> None:
    """Small problems: exact against every plan; the proven number is never above it."""
    ground = small_ground(seed, plans=False)
    limits = random_limits(ground, seed, count=2)
    problem = bind(ground, limits).problem
    found = all_plans(problem)
    if not found.is_feasible.any():
        return
    windows = found.window[found.is_feasible]
    rng = np.random.default_rng(seed)
    kept = Plan(found.window[int(rng.integers(0, len(found.window)))])
    amount = rng.integers(1, 4, problem.num_changes).astype(np.float64)
    exact = int(((windows != kept.window) * amount).sum(axis=1).min())
    plan, least = fewest_moves(problem, kept, amount, [], 10.0)
    assert plan is not None
    assert int(amount[plan.window != kept.window].sum()) == exact
    assert least <= exact
    first, second = (Plan(windows[int(rng.integers(0, len(windows)))]) for _ in range(2))
    mixed = best_mix(problem, [first, second], 1.0, 10.0)
    assert mixed is not None
    costs = found.exposure + found.disruption
    of_two = ((found.window == first.window) | (found.window == second.window)).all(
        axis=1
    ) & found.is_feasible
    seen = evaluate(problem, mixed)
    total = seen.exposure + seen.late_cost + seen.disruption
    # Mixtures may also leave out what either does.
    assert total <= float(costs[of_two].min()) + 1e-6 * max(1.0, total)


def test_limits_of_nothing_do_not_rule_out_doing_nothing() -> None:
    """A presolve of HiGHS calls some of these programs infeasible; impossible is only what weights prove."""
    held = 0
    for seed in range(80):
        ground = small_ground(seed, plans=False)
        limits = random_limits(ground, seed)
        problem = bind(ground, limits).problem
        nothing = evaluate(problem, Plan(np.full(problem.num_changes, -1)))
        model = build_model(problem, list_choices(problem))
        if not nothing.is_feasible or not model.num_columns:
            continue
        caps = (math.inf, nothing.disruption)
        cold = relax_program(model, (1.0, 0.0), caps, 10.0)
        board = Board.of(ground, limits)
        hot = Relaxation(board.problem, (1.0, 0.0), caps, [], seconds=10.0)
        for bound in (cold.bound, hot.under(board.switches(ground, limits)).bound):
            assert bound <= (nothing.exposure + nothing.late_cost) * (1 + 1e-6) + 1e-6
        held += 1
    assert held > 15
