"""The closed form: against an evaluator that enumerates every way events can turn out, and its laws."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.risk.simulation.expectation import expect, linear_exposure
from poise.risk.simulation.knowledge import Ranges, as_planned, draw, event_rates, mean_loss
from poise.risk.simulation.model import RiskModel
from risk.simulation.worlds import model


def enumerated(world: RiskModel, plan: int, number: int | None) -> tuple[float, float]:
    """Return expected loss and chance of an incident by listing where each event may strike, or not."""
    knowledge = as_planned(world) if number is None else draw(world, Ranges(), number)
    rates, losses = event_rates(world, knowledge), mean_loss(world, knowledge)
    ways = []
    for event, rate in enumerate(rates):
        struck: dict[int | None, float] = {}
        for entry in np.flatnonzero(world.events.entry_event == event):
            change = world.events.entry_change[entry]
            chance = world.events.entry_share[entry] * -math.expm1(
                -rate * world.plans.open_days[plan, change]
            )
            service = int(world.work.service[change])
            struck[service] = struck.get(service, 0.0) + chance
        struck[None] = 1.0 - math.fsum(struck.values())
        ways.append(list(struck.items()))
    loss = incident = 0.0
    for way in itertools.product(*ways):
        chance = math.prod(one[1] for one in way)
        worst: dict[int, float] = {}
        for event, (service, _) in enumerate(way):
            if service is not None:
                factor = world.inputs.ransomware_loss_factor if world.events.is_ransomware[event] else 1.0
                worst[service] = max(worst.get(service, 0.0), factor)
        incident += chance * bool(worst)
        loss += chance * sum(losses[service] * factor for service, factor in worst.items())
    return loss, incident


@pytest.mark.parametrize("number", [None, 3])
@pytest.mark.parametrize("seed", range(6))
def test_closed_form_is_what_enumeration_gives(seed: int, number: int | None) -> None:
    """The formula for services that many events reach is easy to get wrong and hard to see."""
    world = model(seed, changes=4)
    found = expect(world, as_planned(world) if number is None else draw(world, Ranges(), number))
    for plan in range(3):
        loss, incident = enumerated(world, plan, number)
        assert found.loss[plan] == pytest.approx(loss, rel=1e-9)
        assert found.incident[plan] == pytest.approx(incident, rel=1e-9)


@given(st.integers(0, 500), st.floats(0.01, 3.0))
def test_the_linear_sum_never_understates(seed: int, rate: float) -> None:
    """A service is lost once and a wave comes first once, so adding hazards can only be too much."""
    world = model(seed, rate=rate)
    assert np.all(linear_exposure(world) >= expect(world, as_planned(world)).loss * (1 - 1e-12))


@given(st.integers(0, 500))
def test_the_linear_sum_is_exact_for_rare_events(seed: int) -> None:
    """Its error is of second order: a thousandth of the rate, a thousandth of the error."""
    errors = []
    for rate in (1e-4, 1e-5):
        world = model(seed, rate=rate)
        errors.append(linear_exposure(world) / expect(world, as_planned(world)).loss - 1)
    assert np.all(errors[0] < 2e-2)
    assert np.all(errors[1] < 0.2 * errors[0] + 1e-12)


@given(st.integers(0, 500), st.integers(0, 5))
def test_earlier_never_costs_more_loss(seed: int, change: int) -> None:
    """Doing one change earlier lowers expected loss and the chance of an incident, under any knowledge."""
    world = model(seed)
    open_days = world.plans.open_days.copy()
    open_days[0, change] *= 0.5
    sooner = replace(world, plans=replace(world.plans, open_days=open_days))
    for knowledge in (as_planned(world), draw(world, Ranges(), seed)):
        before, after = expect(world, knowledge), expect(sooner, knowledge)
        assert after.loss[0] <= before.loss[0] * (1 + 1e-12)
        assert after.incident[0] <= before.incident[0] * (1 + 1e-12)


def test_the_backlog_keeps_its_base_rate() -> None:
    """An error that all scores share moves risk between vulnerabilities; it does not make more of it."""
    world = model(1)
    share = np.bincount(world.events.entry_event, world.events.entry_share, len(world.events.probability))
    planned = share @ event_rates(world, as_planned(world))
    shifted = replace(as_planned(world), epss_shift=1.0, reach=np.array([2.0, 0.3]))
    assert share @ event_rates(world, shifted) == pytest.approx(planned, rel=1e-12)
    doubled = replace(shifted, base_rate=2.0)
    assert share @ event_rates(world, doubled) == pytest.approx(2 * planned, rel=1e-12)


def test_mean_loss_is_the_owners_mean() -> None:
    """However an owner's variance is split between ignorance and chance, its mean stays."""
    world = model(2)
    sigma = np.log(world.loss_high / world.loss_low) / 3.2897072539029435
    mean = np.sqrt(world.loss_low * world.loss_high) * np.exp(sigma**2 / 2)
    for share in (0.0, 0.3, 1.0):
        ranges = Ranges(loss_knowledge_share=share)
        assert mean_loss(world, as_planned(world, ranges)) == pytest.approx(mean, rel=1e-12)
        drawn = np.mean([mean_loss(world, draw(world, ranges, number)) for number in range(4000)], axis=0)
        assert drawn == pytest.approx(mean, rel=0.1)


def test_draws_lie_within_their_ranges_nine_times_in_ten() -> None:
    """A 90 % range means that."""
    world = model(3)
    ranges = Ranges()
    drawn = [draw(world, ranges, number) for number in range(3000)]
    for name, values in (
        ("base_rate", [one.base_rate for one in drawn]),
        ("kev_floor", [one.kev_floor for one in drawn]),
        ("costs", [one.costs for one in drawn]),
        ("reach", [one.reach[1] for one in drawn]),
        ("epss_error", [math.exp(one.epss_error[2]) for one in drawn]),
    ):
        low, high = getattr(ranges, name)
        inside = np.mean([low <= value <= high for value in values])
        assert inside == pytest.approx(0.9, abs=0.025), name
    failure = np.array([one.failure for one in drawn])
    assert failure.mean(axis=0) == pytest.approx([3.5 / 70, 1.5 / 50], rel=0.05)
