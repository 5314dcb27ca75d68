"""Plans put together from plans of parts, and impossibility carried from one set of limits to another."""

from __future__ import annotations

import math
from itertools import product

import msgspec
import numpy as np
import pytest

from planning.cases import all_plans
from poise.planning.choices import list_choices
from poise.planning.decomposition.parts import split
from poise.planning.evaluate import evaluate
from poise.planning.highs import Limits
from poise.planning.milp import build_model
from poise.planning.part_pool import PartPool
from poise.planning.part_search import PartSearch
from poise.planning.problem import Plan
from poise.planning.relaxation import Relaxation
from poise.table.binding import Board, bind
from poise.table.ground import Ground
from poise.table.limits import Limit
from poise.table.solving import LESS
from table.cases import AllKept, random_limits, small_ground

FREE = (math.inf, math.inf)


def relaxation_of(ground: Ground, limits: tuple[Limit, ...], cap: float, *, is_exposure: bool) -> Relaxation:
    """Return the relaxation of all limits with one cost capped and the other minimised."""
    board = Board.of(ground, limits)
    factors = (1.0, 0.0) if is_exposure else (0.0, 1.0)
    caps = (math.inf, cap) if is_exposure else (cap, math.inf)
    anchors = [board.switches(ground, some) for some in (limits, ())]
    return Relaxation(board.problem, factors, caps, anchors, seconds=10.0)


def test_the_chosen_plan_is_the_best_mixture_that_keeps_all() -> None:
    """Every mixture of a few plans, part by part: none that keeps limits and cap costs less."""
    several = chosen = 0
    for seed in range(150):
        ground = small_ground(seed, plans=False)
        limits = random_limits(ground, seed)
        board, problem = Board.of(ground, limits), bind(ground, limits).problem
        model = build_model(board.problem, list_choices(board.problem))
        if not model.num_columns:
            continue
        every = all_plans(ground.problem)
        rng = np.random.default_rng([seed, 3])
        rows = rng.permutation(np.flatnonzero(every.is_feasible))[:4]
        plans = [every.window[row] for row in rows]
        pool = PartPool(board.problem, model)
        for window in plans:
            pool.add(Plan(window), "known")
        pool.add(Plan(every.window[0]), "other")
        parts = split(ground.problem)
        several += len(parts) > 1
        cap = float(np.median(every.disruption[rows]))
        hot = relaxation_of(ground, limits, cap, is_exposure=True)
        found = pool.choose(
            ["known"], hot.bounds(board.switches(ground, limits)), (1.0, 0.0), hot.caps, Limits(10.0)
        )
        least = math.inf
        for picks in product(range(len(plans)), repeat=len(parts)):
            window = plans[0].copy()
            for part, pick in zip(parts, picks, strict=True):
                window[part.changes] = plans[pick][part.changes]
            seen = evaluate(problem, Plan(window))
            if seen.is_feasible and seen.disruption <= cap:
                least = min(least, seen.exposure + seen.late_cost)
        if found is None:
            assert math.isinf(least)
            continue
        seen = evaluate(problem, found)
        assert seen.is_feasible
        assert seen.exposure + seen.late_cost == pytest.approx(least, rel=1e-4, abs=1e-3)
        chosen += 1
    assert several > 5
    assert chosen > 15


@pytest.mark.parametrize("is_exposure", [True, False])
def test_sets_solved_from_another_find_plans_near_the_best(is_exposure: bool) -> None:
    """On small companies nearly always the best one, and never one that breaks what was asked."""
    possible = found = best = 0
    for seed in range(25):
        ground = small_ground(seed, plans=False)
        limits = random_limits(ground, seed)
        every = AllKept(ground, limits)
        own, other = every.security, every.operations
        if not is_exposure:
            own, other = other, own
        cap = float(np.quantile(other, 0.6))
        hot = relaxation_of(ground, limits, cap, is_exposure=is_exposure)
        if not hot.model.num_columns:
            continue
        board = Board.of(ground, limits)
        search = PartSearch(hot, board.row_like(LESS), 1.0)
        for name, kept, anchor in (("all", limits, ""), ("less", limits[1:], "all"), ("none", (), "")):
            switches = board.switches(ground, kept)
            solved = hot.under(switches)
            ok = every.meets({limit.id for limit in kept}) & (other <= cap + 1e-9)
            if math.isinf(solved.bound):
                assert not ok.any()
                continue
            if anchor:
                search.go_on(name, switches, solved, anchor)
            else:
                search.begin(name, switches, solved, [Plan(every.window[0])])
            plan = search.whole(["all", name], switches)
            possible += bool(ok.any())
            if plan is None:
                continue
            seen = evaluate(bind(ground, kept).problem, plan)
            costs = (seen.exposure + seen.late_cost, seen.disruption)
            assert seen.is_feasible
            assert costs[1 if is_exposure else 0] <= cap * (1 + 1e-6)
            found += 1
            best += costs[0 if is_exposure else 1] <= own[ok].min() * 1.001 + 1e-6
    assert possible > 30
    assert found >= 0.85 * possible
    assert best >= 0.6 * possible


def test_what_proved_one_set_impossible_refutes_others_and_never_a_possible_one() -> None:
    """Known impossible sets refute stricter ones without a solve; no set that has a plan is refuted."""
    carried = 0
    for seed in range(60):
        ground = small_ground(seed, plans=False)
        limits = random_limits(ground, seed, count=4)
        every = AllKept(ground, limits)
        cap = float(np.quantile(every.operations, 0.2))
        hot = relaxation_of(ground, limits, cap, is_exposure=True)
        if not hot.model.num_columns:
            continue
        board = Board.of(ground, limits)
        for some in ([], *([one] for one in limits), limits[:2], limits[2:], limits[1:], limits):
            switches = board.switches(ground, some)
            relaxed_under = hot.under(switches)
            ok = every.meets({limit.id for limit in some}) & (every.operations <= cap + 1e-9)
            if ok.any():
                assert math.isfinite(relaxed_under.bound)
            elif math.isinf(relaxed_under.bound) and relaxed_under.work == 0:
                carried += 1
    assert carried > 10


def test_a_weaker_form_of_a_limit_is_charged_like_the_limit() -> None:
    """Rows are matched by what they count, whatever rows the other form has."""
    matched = 0
    for seed in range(30):
        ground = small_ground(seed, plans=False)
        limits = random_limits(ground, seed)
        weaker = [msgspec.structs.replace(limit, id=limit.id + LESS) for limit in limits]
        board = Board.of(ground, [*limits, *weaker])
        like = board.row_like(LESS)
        names = board.limit_of_row
        for row, other in enumerate(like):
            assert names[other] == names[row].removesuffix(LESS)
            matched += int(other != row)
        own = np.flatnonzero([not name.endswith(LESS) for name in names])
        assert (like[own] == own).all()
    assert matched > 10
