"""What of a plan is over when people sign it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.planning.problem import Plan
from poise.table.agreement import Terms, agreement_body
from poise.table.ground import Ground, as_plan
from poise.table.past import num_over_when_signed, past
from table.cases import NOW, small_ground


def busiest(seed: int) -> tuple[Ground, Plan]:
    """Return a ground and that of its plans which does most."""
    ground = small_ground(seed)
    plans = [as_plan(stored.windows) for stored in ground.plans]
    return ground, max(plans, key=lambda plan: int(np.count_nonzero(plan.window >= 0)))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 30), hours=st.integers(-24, 24 * 15))
def test_what_is_over_is_counted_by_hand(seed: int, hours: int) -> None:
    """Each change of a window that has ended is told once, with its group; none of what lies ahead."""
    ground, plan = busiest(seed)
    moment = NOW + timedelta(hours=hours)
    found = past(ground, plan, moment)
    expected = {
        change.id
        for change, window in zip(ground.changes, plan.window.tolist(), strict=True)
        if window >= 0 and ground.windows[window].end <= moment
    }
    assert {one for visit in found.visits for one in visit.changes} == expected
    assert found.num_changes == len(expected)
    assert all(visit.end <= moment for visit in found.visits)
    assert bool(found.sentence) == bool(found.visits)
    body = agreement_body(ground, [], plan, Terms(), default=plan, bound={})
    assert num_over_when_signed(body, moment) == len(found.visits)
    assert found.num_visits == len(body["windows"])


def test_nothing_is_over_before_the_first_window_and_all_after_the_last() -> None:
    """Both ends are said as what they are."""
    ground, plan = busiest(26)
    done = [ground.windows[w] for w in plan.window.tolist() if w >= 0]
    before = past(ground, plan, min(one.end for one in done) - timedelta(minutes=1))
    assert (before.visits, before.sentence, before.is_all) == ((), "", False)
    after = past(ground, plan, max(one.end for one in done))
    assert after.is_all
    assert after.num_changes == int(np.count_nonzero(plan.window >= 0))
    nothing = Plan(np.full(len(plan.window), -1))
    assert not past(ground, nothing, NOW + timedelta(days=99)).is_all, "a plan without visits is not over"


def test_what_somebody_recorded_is_no_change_without_a_record() -> None:
    """Who has entered an outcome already is not told that nobody did."""
    ground, plan = busiest(26)
    everything = [one.id for one in ground.changes]
    late = NOW + timedelta(days=99)
    some = past(ground, plan, late, everything[:1])
    assert some.num_changes == past(ground, plan, late).num_changes - (plan.window[0] >= 0)
    known = past(ground, plan, late, everything)
    assert known.num_changes == 0
    assert "is recorded" in known.sentence
    assert "nobody" not in known.sentence
