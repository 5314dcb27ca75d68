"""What an hour of waiting costs: the services that are down, and what an attacker may reach meanwhile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from poise.errors import Fault, IncidentError
from poise.estate.model import Service
from poise.risk.loss import Lognormal


@dataclass(frozen=True)
class Waiting:
    """Cost of an hour [money/h] with what it rests on."""

    low: float
    high: float
    basis: str


def cost_of_waiting(
    services: Mapping[str, Service],
    at: datetime,
    *,
    down: Sequence[str] = (),
    reachable: Sequence[str] = (),
    probability: tuple[float, float] | None = None,
    within_hours: float = 24.0,
    currency: str = "",
) -> Waiting:
    """Return what one hour of waiting costs from a moment on.

    Downtime is each service's own cost at that hour of that weekday at its place. Exposure follows the
    project's model (docs/model.md): a judged probability ``p`` within ``h`` hours is a constant hazard of
    ``-ln(1 - p) / h`` per hour, and an hour costs hazard times the mean of the loss's lognormal. The range
    comes from the judgement's two ends.

    Parameters
    ----------
    services
        The estate's, by id.
    down
        Ids of services that are down while one waits.
    reachable
        Ids of services that an attacker may reach meanwhile.
    probability
        That one of them is lost within `within_hours`: both ends, each in [0, 1).

    Raises
    ------
    IncidentError
        E840 with every id that is not in the estate, a probability that is none, or nothing to cost.
    """
    faults = [
        Fault("E840", "cost of waiting", f"{id!r} is no service of the estate.")
        for id in dict.fromkeys((*down, *reachable))
        if id not in services
    ]
    if reachable and (probability is None or not 0 <= probability[0] <= probability[1] < 1):
        text = f"probability is {probability}; expected two numbers from 0 to below 1 for reachable services."
        faults.append(Fault("E840", "cost of waiting", text, "Take the numbers of a judgement."))
    if not 0 < within_hours < math.inf:
        faults.append(
            Fault("E840", "cost of waiting", f"within_hours is {within_hours:g}; expected more than 0.")
        )
    if not down and not reachable:
        faults.append(
            Fault("E840", "cost of waiting", "names neither services that are down nor reachable ones.")
        )
    if faults:
        raise IncidentError(faults)
    low = high = 0.0
    reasons = []
    for id in down:
        one = services[id]
        there = at.astimezone(ZoneInfo(one.timezone))
        cost = float(one.downtime_cost_per_hour[there.weekday(), there.hour])
        low, high = low + cost, high + cost
        assumed = ", assumed from its tier" if "downtime_cost_per_hour" in one.assumed else ""
        reasons.append(f"{one.name} down at {there:%H:%M on a %A}: {_money(cost, currency)} an hour{assumed}")
    for id in reachable:
        one = services[id]
        assert probability is not None
        mean = Lognormal.from_range(one.loss_low, one.loss_high).mean
        ends = [-math.log1p(-p) / within_hours * mean for p in probability]
        low, high = low + ends[0], high + ends[1]
        assumed = ", loss assumed from its tier" if one.assumed & {"loss_low", "loss_high"} else ""
        reasons.append(
            f"{one.name} lost with {probability[0]:.0%} to {probability[1]:.0%} within {within_hours:g} h, "
            f"mean loss {_money(mean, currency)}: {_money(ends[0], currency)} to "
            f"{_money(ends[1], currency)} an hour{assumed}"
        )
    return Waiting(low, high, "; ".join(reasons) + ".")


def _money(value: float, currency: str) -> str:
    return f"{value:,.0f} {currency}".strip()
