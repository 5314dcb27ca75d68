"""Chance: what happens in many possible horizons, the same waves and failures for every plan.

Waves are drawn for the company, not for a plan: when each comes, through which entry, and what it costs.
A plan only decides whether the entry is still open then. Likewise each change has one draw of whether it
would fail, with one repair time. So two plans differ in an outcome only where they differ in what they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.risk.simulation.expectation import failure_probability
from poise.risk.simulation.knowledge import CHANCE, Knowledge, event_rates, mean_loss
from poise.risk.simulation.model import Floats, Ints, RiskModel

#: Spread of one repair time around its mean: 90 % within half and double (Poise's choice).
REPAIR_SIGMA = float(np.log(4.0) / 3.2897072539029435)


@dataclass(frozen=True)
class Outcomes:
    """One number per plan and draw: loss [money], incidents, unplanned hours [h]; shapes ``(A, draws)``."""

    loss: Floats
    incidents: Ints
    unplanned_hours: Floats


def play(model: RiskModel, knowledge: Knowledge, number: int, num_draws: int) -> Outcomes:
    """Return outcomes of every plan under one knowledge draw.

    Parameters
    ----------
    number
        Of the knowledge draw; with the model's seed it fixes every chance draw.
    num_draws
        Possible horizons to play, >= 1.
    """
    rng = np.random.default_rng(np.random.SeedSequence([model.seed, CHANCE, number]))
    waves, failures = rng.spawn(2)
    loss, incidents = _losses(model, knowledge, waves, num_draws)
    return Outcomes(loss, incidents, _hours(model, knowledge, failures, num_draws))


def _losses(
    model: RiskModel, knowledge: Knowledge, rng: np.random.Generator, num_draws: int
) -> tuple[Floats, Ints]:
    shape = (len(model.plans), num_draws)
    draw, entry, days = _first_waves(model, event_rates(model, knowledge), rng, num_draws)
    if not len(draw):
        return np.zeros(shape), np.zeros(shape, dtype=np.int64)
    change, event = model.events.entry_change[entry], model.events.entry_event[entry]
    service = model.work.service[change]
    place, pair = np.unique(draw * len(model.services) + service, return_inverse=True)
    lost_service = place % len(model.services)
    size = mean_loss(model, knowledge)[lost_service] * _incident_size(model, knowledge, rng, lost_service)
    raised = np.where(model.events.is_ransomware[event], model.inputs.ransomware_loss_factor, 1.0)
    loss, incidents = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    for plan, open_days in enumerate(model.plans.open_days):
        struck = days < open_days[change]
        worst = np.zeros(len(place))
        np.maximum.at(worst, pair[struck], raised[struck])
        where = place // len(model.services)
        loss[plan] = np.bincount(where, worst * size, num_draws)
        incidents[plan] = np.bincount(where, worst > 0, num_draws)
    return loss, incidents


def _incident_size(model: RiskModel, knowledge: Knowledge, rng: np.random.Generator, service: Ints) -> Floats:
    """Return the loss of single incidents over their mean: lognormal with mean 1."""
    sigma = np.log(model.loss_high / model.loss_low) / 3.2897072539029435 * np.sqrt(knowledge.chance_share)
    spread = sigma[service]
    size: Floats = np.exp(spread * rng.standard_normal(len(service)) - spread**2 / 2)
    return size


def _first_waves(
    model: RiskModel, rate: Floats, rng: np.random.Generator, num_draws: int
) -> tuple[Ints, Ints, Floats]:
    """Return draw, entry and day of every first wave that gets in within the horizon.

    All events together are one Poisson process; of repeated waves of one event only the first counts,
    which makes its time exponential.
    """
    events, horizon = model.events, model.horizon_days
    total = float(rate.sum())
    count = int(rng.poisson(total * horizon * num_draws)) if total > 0 else 0
    draw = rng.integers(0, num_draws, count)
    event = np.searchsorted(np.cumsum(rate) / total, rng.random(count), side="right") if count else draw
    event = np.minimum(event, len(rate) - 1)
    days = rng.uniform(0.0, horizon, count)
    pick = rng.random(count)
    order = np.lexsort((days, event, draw))
    draw, event, days, pick = draw[order], event[order], days[order], pick[order]
    first = np.r_[True, (draw[1:] != draw[:-1]) | (event[1:] != event[:-1])] if count else draw.astype(bool)
    draw, event, days, pick = draw[first], event[first], days[first], pick[first]
    start = np.searchsorted(events.entry_event, np.arange(len(rate) + 1))
    before = np.r_[0.0, np.cumsum(events.entry_share)]
    entry = np.searchsorted(before[1:], before[start[event]] + pick, side="right")
    inside = entry < start[event + 1]
    return draw[inside], entry[inside], days[inside]


def _hours(model: RiskModel, knowledge: Knowledge, rng: np.random.Generator, num_draws: int) -> Floats:
    """Return unplanned hours of change failures, per plan and draw."""
    work = model.work
    chance = failure_probability(model, knowledge)
    most = chance.max(axis=0)
    hours = np.zeros((len(model.plans), num_draws))
    for team in range(len(model.teams)):
        changes = np.flatnonzero((work.team == team) & (most > 0))
        if not len(changes):
            continue
        # One upper limit for all changes of a team; each candidate is kept with the chance that is its own.
        limit = float(most[changes].max())
        cell = _successes(rng, limit, len(changes) * num_draws)
        change, draw = changes[cell // num_draws], cell % num_draws
        taken = work.recovery_hours[change] * knowledge.recovery[team]
        taken = taken * np.exp(REPAIR_SIGMA * rng.standard_normal(len(cell)) - REPAIR_SIGMA**2 / 2)
        level = rng.random(len(cell)) * limit
        for plan in range(len(model.plans)):
            hours[plan] += np.bincount(draw, taken * (level < chance[plan, change]), num_draws)
    return hours


def _successes(rng: np.random.Generator, probability: float, cells: int) -> Ints:
    """Return which of many independent trials succeed, by the gaps between successes."""
    if probability >= 1.0:
        return np.arange(cells)
    found, last = [], -1
    while last < cells:
        left = (cells - last) * probability
        gaps = rng.geometric(probability, int(left + 4 * np.sqrt(left) + 16))
        places = last + np.cumsum(gaps)
        found.append(places)
        last = int(places[-1])
    joined = np.concatenate(found)
    return joined[joined < cells]
