"""One input at a time: its ends, its threshold, and that a threshold is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poise.risk.simulation.expectation import expect
from poise.risk.simulation.knowledge import Ranges, as_planned
from poise.risk.simulation.sensitivity import thresholds, tornado, unknown_inputs
from risk.simulation.worlds import model


def test_every_input_starts_where_the_plan_does() -> None:
    """The middle of a symmetric range is the plan's own value, so bars grow from the printed figure."""
    world = model(1)
    ranges = Ranges(kev_floor=(0.2, 0.8))
    planned = expect(world, as_planned(world, ranges))
    for one in unknown_inputs(world, ranges):
        assert expect(world, one.at(0.0)).total == pytest.approx(planned.total, rel=1e-9), one.key


def test_the_base_rate_only_scales() -> None:
    """For rare events, three times the rate is three times the loss; the bar says so."""
    world = model(2, rate=1e-4)
    (bar,) = [bar for bar in tornado(world, Ranges(), 1, 0) if bar.input.key == "base-rate"]
    assert bar.loss[1] / bar.loss[0] == pytest.approx(9.0, rel=0.02)
    assert bar.value == pytest.approx((0.01, 0.09))


def test_a_threshold_is_where_the_plans_change_places() -> None:
    """At the value that is named, both plans cost the same."""
    world = model(3, rate=0.01)
    plan, rival = 1, 2
    advantage = expect(world, as_planned(world)).total
    fixed = world.plans.fixed_cost.copy()
    # The plan is a little dearer than its rival in loss, and a little cheaper in work.
    fixed[rival] += advantage[plan] - advantage[rival] + 0.3 * abs(advantage[plan])
    world = replace(world, plans=replace(world.plans, fixed_cost=fixed))
    reached = [one for one in thresholds(world, Ranges(), plan, rival) if one.value is not None]
    assert reached
    for one in reached:
        places = np.linspace(-8, 8, 4001)
        values = np.array([one.input.value(z) for z in places])
        at = places[np.argmin(np.abs(values - (one.value or 0.0)))]
        total = [expect(world, one.input.at(z)).total for z in (at - 0.01, at + 0.01)]
        signs = {bool(each[rival] > each[plan]) for each in total}
        assert signs == {True, False}, one.input.key


def test_widest_swing_first() -> None:
    """A tornado is read from the top."""
    bars = tornado(model(4), Ranges(), 0, 1)
    swings = [abs(bar.advantage[1] - bar.advantage[0]) for bar in bars]
    assert swings == sorted(swings, reverse=True)
