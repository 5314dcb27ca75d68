"""Expected loss, chance of an incident and unplanned hours of every plan, in closed form.

Given knowledge, first waves are exponential and independent between events, one wave comes in through one
entry, and a service is lost at most once within the horizon. So for a service with entries in several events

``P(hit) = 1 - prod over events (1 - sum over its entries share * (1 - exp(-rate * open days)))``

and its expected loss is ``mean loss * (P(hit) + (factor - 1) * P(hit through a ransomware event))``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.risk.simulation.knowledge import Knowledge, as_planned, event_rates, mean_loss
from poise.risk.simulation.model import Floats, RiskModel


@dataclass(frozen=True)
class Expectation:
    """What each plan is expected to cost, given knowledge; every array has shape ``(A,)``.

    ``loss`` and ``failure_cost``, ``deferral_cost``, ``planned_cost``, ``late_cost`` are money,
    ``incident`` the chance
    of at least one serious incident, ``failures`` a number of changes, ``unplanned_hours`` their hours [h].
    """

    loss: Floats
    incident: Floats
    failures: Floats
    unplanned_hours: Floats
    failure_cost: Floats
    deferral_cost: Floats
    planned_cost: Floats
    late_cost: Floats

    @property
    def security(self) -> Floats:
        """Return security's cost: expected loss and late deadlines [money]."""
        return self.loss + self.late_cost

    @property
    def operations(self) -> Floats:
        """Return operations' cost: planned work, failures and emergency visits [money]."""
        return self.planned_cost + self.failure_cost + self.deferral_cost

    @property
    def total(self) -> Floats:
        """Return both sides' cost [money]."""
        return self.security + self.operations


def expect(model: RiskModel, knowledge: Knowledge) -> Expectation:
    """Return the expectation over chance of every plan, given knowledge."""
    loss, incident = _losses(model, knowledge)
    probability = failure_probability(model, knowledge)
    hours = model.work.recovery_hours * knowledge.recovery[model.work.team]
    cost = model.work.recovery_cost * knowledge.recovery[model.work.team] * knowledge.costs
    return Expectation(
        loss=loss,
        incident=incident,
        failures=probability.sum(axis=1),
        unplanned_hours=probability @ hours,
        failure_cost=probability @ cost,
        deferral_cost=model.plans.open_days @ model.work.deferral_per_day * knowledge.costs,
        planned_cost=model.plans.fixed_cost * knowledge.costs,
        late_cost=model.plans.late_cost * knowledge.late_price,
    )


def failure_probability(model: RiskModel, knowledge: Knowledge) -> Floats:
    """Return the chance that each change is done and fails (docs/model.md, section 4), shape ``(A, J)``."""
    work, plans, inputs = model.work, model.plans, model.inputs
    age = np.maximum(plans.open_days - work.available_days, 0.0)
    early = 1.0 + inputs.early_failure_factor * np.exp(-age / inputs.settle_days)
    chance: Floats = np.minimum(knowledge.failure[work.team] * early, 1.0) * plans.is_done
    return chance


def linear_exposure(model: RiskModel, knowledge: Knowledge | None = None) -> Floats:
    """Return what the solver minimises: sums of hazard times days times mean loss [money], shape ``(A,)``."""
    knowledge = knowledge or as_planned(model)
    events = model.events
    per_day = event_rates(model, knowledge)[events.entry_event] * events.entry_share
    raised = np.where(events.is_ransomware, model.inputs.ransomware_loss_factor, 1.0)[events.entry_event]
    loss = mean_loss(model, knowledge)[model.work.service[events.entry_change]]
    per_change = np.bincount(
        events.entry_change, per_day * raised * loss, minlength=model.plans.open_days.shape[1]
    )
    exposure: Floats = model.plans.open_days @ per_change
    return exposure


def _losses(model: RiskModel, knowledge: Knowledge) -> tuple[Floats, Floats]:
    """Return expected loss and chance of any incident, per plan."""
    events = model.events
    order, starts, event, service = model.segments
    if not order.size:
        return np.zeros(len(model.plans)), np.zeros(len(model.plans))
    rate = event_rates(model, knowledge)[events.entry_event[order]]
    share, change = events.entry_share[order], events.entry_change[order]
    loss = mean_loss(model, knowledge)
    event_starts = np.flatnonzero(np.r_[True, event[1:] != event[:-1]])
    losses, incidents = np.empty(len(model.plans)), np.empty(len(model.plans))
    for plan, open_days in enumerate(model.plans.open_days):
        hit = np.add.reduceat(-np.expm1(-rate * open_days[change]) * share, starts)
        spared = np.log1p(-np.minimum(hit, 1 - 1e-15))
        by_any = -np.expm1(np.bincount(service, spared, len(loss)))
        by_crews = -np.expm1(np.bincount(service, spared * events.is_ransomware[event], len(loss)))
        losses[plan] = loss @ (by_any + (model.inputs.ransomware_loss_factor - 1.0) * by_crews)
        struck = np.minimum(np.add.reduceat(hit, event_starts), 1 - 1e-15)
        incidents[plan] = -np.expm1(np.log1p(-struck).sum())
    return losses, incidents
