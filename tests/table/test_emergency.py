"""Ways to keep the law that calendar and capacity do not allow for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.cases import all_plans, random_caps, random_problem
from poise.errors import NoFeasiblePlanError
from poise.planning.capped import find_any
from poise.planning.check import check
from poise.planning.edit import with_window
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan, Problem
from poise.table.binding import bind
from poise.table.emergency import NIGHTS, EmergencyWay, emergency_ways, way_words
from poise.table.ground import Ground
from poise.table.limits import Limit
from poise.table.repairing import repair_sheet
from poise.table.solving import Effort
from table.cases import small_ground

QUICK = Effort(seconds=10.0, threads=1)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_one_more_window_changes_no_plan_that_does_not_use_it(seed: int) -> None:
    """Costs, amounts and feasibility of every plan stay, its windows renumbered."""
    problem = random_problem(seed)
    caps = random_caps(problem, seed)
    none = np.zeros(0, dtype=np.int64)
    empty = np.zeros((0, problem.num_changes))
    caps = replace(caps, move_row=none, kept_window=empty.astype(np.int64), move_amount=empty)
    problem = replace(problem, caps=caps)
    cost, labour = np.full(problem.num_groups, 7.0), np.zeros(problem.num_groups)
    start = float(np.random.default_rng(seed).uniform(0, max(problem.horizon_days - 0.5, 0.0)))
    wider, night = with_window(problem, start, start + 0.25, cost, labour)
    check(wider)
    plans = all_plans(problem)
    for place in np.random.default_rng(seed).permutation(len(plans.window))[:20]:
        window = plans.window[place]
        moved = Plan(window + (window >= night))
        before, after = evaluate(problem, Plan(window)), evaluate(wider, moved)
        assert after.disruption == before.disruption
        assert after.exposure == before.exposure
        np.testing.assert_allclose(after.cap_amounts, before.cap_amounts)
        assert after.is_feasible == before.is_feasible


def test_law_that_the_calendar_cannot_keep_has_a_price() -> None:
    """A deadline by law before the first window: tonight does it, for the price of the groups it opens."""
    offered = 0
    for seed in range(80):
        ground = small_ground(seed)
        law = Limit(id="law", party="security", rule="deadline", amount=0.2, class_="law", owner="regulator")
        sheet = repair_sheet(ground, (law,), Plan(np.array(ground.default.windows)), effort=QUICK)
        if not sheet.is_needed:
            continue
        assert sheet.blocked_by
        assert sheet.emergency == emergency_ways(ground, (law,), QUICK)
        for way in sheet.emergency:
            if way.kind == "emergency":
                assert way.price == 100.0 * sum(map(len, way.nights))
                assert way.nights[-1]
                assert way.minutes == 0.0
                offered += 1
    assert offered > 3


def _possible(problem: Problem, ground: Ground, nights: int, longer_minutes: float) -> bool:
    """Return whether any plan keeps the law with so many further nights, each for everybody."""
    free = np.zeros(problem.num_groups)
    for night in range(nights):
        start, end = ground.days(ground.emergency_start) + night, ground.days(ground.emergency_end) + night
        problem, _ = with_window(problem, start, end, free, free)
    problem = replace(problem, capacity_minutes=problem.capacity_minutes + longer_minutes)
    try:
        return find_any(problem, QUICK.seconds) is not None
    except NoFeasiblePlanError:
        return False


def test_an_emergency_takes_as_few_nights_as_do() -> None:
    """Stages of rings and hosts that stand in for each other need nights of their own, and no more."""
    several = 0
    for seed in range(120):
        ground = small_ground(seed)
        law = Limit(id="law", party="security", rule="deadline", amount=5.2, class_="law", owner="regulator")
        problem = bind(ground, (law,)).problem
        ways = {way.kind: way for way in emergency_ways(ground, (law,), QUICK)}
        way = ways.get("emergency")
        last = min(problem.horizon_days, max(5.2, end := ground.days(ground.emergency_end)))
        within = [nights for nights in NIGHTS if end + nights - 1 <= last]
        if way is None:
            assert not within or not _possible(problem, ground, within[-1], 480.0)
            continue
        assert _possible(problem, ground, len(way.nights), 480.0 if way.minutes else 0.0)
        fewer = [nights for nights in NIGHTS if nights < len(way.nights)]
        assert not fewer or not _possible(problem, ground, fewer[-1], 480.0 if way.minutes else 0.0)
        several += len(way.nights) > 1
    assert several > 2, several


def test_a_way_is_said_by_night() -> None:
    """Who reads it opens the right groups in the right night; nights without work are not told."""
    way = EmergencyWay("emergency", 0.0, (("a", "b"), (), ("c",)), 1.0)
    assert way_words(way) == "emergency windows tonight for a, b; 2 nights from now for c"
    late = EmergencyWay("emergency", 90.0, (("a",),), 1.0)
    words = "an emergency window tonight for a; and overtime of up to 1.5 h in a window"
    assert way_words(late) == words
    assert way_words(EmergencyWay("overtime", 90.0, (), 1.0)) == "overtime of up to 1.5 h in a window"
