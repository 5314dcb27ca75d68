"""Which unknown input decides: a tornado, and what would have to be true for another plan to be better.

One input at a time moves along its range while the others stay as planned; everything is closed form. A
position on the range is a standard normal value: -1.64 and +1.64 are its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from poise.risk.simulation.expectation import Expectation, expect
from poise.risk.simulation.knowledge import (
    Knowledge,
    Ranges,
    as_planned,
    failure_spread,
    loss_sigma,
    position,
)
from poise.risk.simulation.model import Floats, RiskModel

#: Ends of a 90 % range as standard normal values, and how far beyond them thresholds are looked for.
END, FAR = 1.6448536269514722, 8.0
_STEPS = 33
#: The price of a missed deadline is agreed, not unknown; half and double ask what hangs on it.
LATE_PRICE = (0.5, 2.0)


@dataclass(frozen=True)
class UnknownInput:
    """One input that may move.

    Parameters
    ----------
    key, label, unit
        ``"base-rate"``, "serious incidents a year", ``"1/year"``; the unit is empty for a factor.
    at
        Knowledge with this input at a position on its range.
    value
        The input's value there, in its unit.
    """

    key: str
    label: str
    unit: str
    at: Callable[[float], Knowledge]
    value: Callable[[float], float]


@dataclass(frozen=True)
class Bar:
    """One bar of a tornado: what the ends of one input's range do.

    ``value`` and ``loss`` (expected loss of the plan) and ``advantage`` (the rival's total cost less the
    plan's) are
    (at the low end, at the high end).
    """

    input: UnknownInput
    value: tuple[float, float]
    loss: tuple[float, float]
    advantage: tuple[float, float]

    @property
    def flips(self) -> bool:
        """Tell whether the better of the two plans changes within the range."""
        return self.advantage[0] * self.advantage[1] < 0


@dataclass(frozen=True)
class Threshold:
    """What would have to be true of one input for the other plan to cost less.

    ``value`` is None when no value within eight deviations does it; ``is_within`` tells whether it lies
    inside
    the 90 % range.
    """

    input: UnknownInput
    value: float | None
    is_within: bool


def unknown_inputs(model: RiskModel, ranges: Ranges) -> Iterator[UnknownInput]:
    """Yield every input that may move, as it stands in the model."""
    base = as_planned(model, ranges)
    rate = _factor(ranges.base_rate)
    yield UnknownInput(
        "base-rate",
        "serious incidents a year",
        "1/year",
        lambda z: replace(base, base_rate=rate(z)),
        lambda z: model.inputs.base_rate_per_year * rate(z),
    )
    yield from _reach(model, base, _factor(ranges.reach))
    yield from _threats(base, ranges)
    yield from _losses(model, base)
    yield from _work(model, base, ranges)


def _factor(span: tuple[float, float]) -> Callable[[float], float]:
    return lambda z: float(position(span, z))


def _threats(base: Knowledge, ranges: Ranges) -> Iterator[UnknownInput]:
    low, high = (float(np.log(floor / (1 - floor))) for floor in ranges.kev_floor)
    shift = _factor(ranges.epss_shift)

    def floor_at(z: float) -> float:
        return float(1 / (1 + np.exp(-((low + high) / 2 + z * (high - low) / (2 * END)))))

    yield UnknownInput(
        "kev-floor",
        "least chance in 30 days of what KEV lists",
        "1",
        lambda z: replace(base, kev_floor=floor_at(z)),
        floor_at,
    )
    yield UnknownInput(
        "epss",
        "odds of all EPSS scores",
        "",
        lambda z: replace(base, epss_shift=float(np.log(shift(z)))),
        shift,
    )


def _work(model: RiskModel, base: Knowledge, ranges: Ranges) -> Iterator[UnknownInput]:
    costs, recovery, price = _factor(ranges.costs), _factor(ranges.recovery), _factor(LATE_PRICE)
    spread = failure_spread(model)
    yield UnknownInput(
        "costs", "cost of planned downtime and labour", "", lambda z: replace(base, costs=costs(z)), costs
    )
    yield UnknownInput(
        "failure",
        "chance that a change fails",
        "",
        lambda z: replace(base, failure=np.minimum(base.failure * np.exp(z * spread), 1.0)),
        lambda z: float(np.exp(z * spread.mean())),
    )
    yield UnknownInput(
        "late-price",
        "agreed price of missed deadlines",
        "",
        lambda z: replace(base, late_price=price(z)),
        price,
    )
    yield UnknownInput(
        "recovery",
        "time to mend a failed change",
        "",
        lambda z: replace(base, recovery=np.full(len(model.teams), recovery(z))),
        recovery,
    )


def _reach(model: RiskModel, base: Knowledge, reach: Callable[[float], float]) -> Iterator[UnknownInput]:
    for number in sorted(set(model.events.zone.tolist())):
        mask = np.arange(len(model.zones)) == number
        yield UnknownInput(
            f"reach-{model.zones[number]}",
            f"reach into the zone {model.zones[number]}",
            "",
            lambda z, mask=mask: replace(base, reach=np.where(mask, reach(z), 1.0)),  # type: ignore[misc]
            lambda z, number=number: float(model.inputs.zone_factor[number] * reach(z)),  # type: ignore[misc]
        )


def _losses(model: RiskModel, base: Knowledge) -> Iterator[UnknownInput]:
    sigma = loss_sigma(model)
    middle = np.sqrt(model.loss_low * model.loss_high)
    used = np.unique(model.work.service)
    yield UnknownInput(
        "loss",
        "loss of an incident, all services",
        "",
        lambda z: replace(base, loss_shift=base.loss_shift + z * sigma),
        lambda z: float(np.exp(z * sigma.mean())),
    )
    for number in used.tolist():
        mask = np.arange(len(sigma)) == number
        yield UnknownInput(
            f"loss-{model.services[number]}",
            f"loss of an incident on {model.services[number]}",
            model.currency,
            lambda z, mask=mask: replace(base, loss_shift=base.loss_shift + z * sigma * mask),  # type: ignore[misc]
            lambda z, number=number: float(middle[number] * np.exp(z * sigma[number])),  # type: ignore[misc]
        )


def tornado(model: RiskModel, ranges: Ranges, plan: int, rival: int) -> list[Bar]:
    """Return the bars of a plan against a rival, widest swing of the plan's advantage first."""
    bars = []
    for one in unknown_inputs(model, ranges):
        ends = [expect(model, one.at(z)) for z in (-END, END)]
        loss, advantage = zip(*((float(e.loss[plan]), _advantage(e, plan, rival)) for e in ends), strict=True)
        bars.append(Bar(one, (one.value(-END), one.value(END)), loss, advantage))
    return sorted(bars, key=lambda bar: -abs(bar.advantage[1] - bar.advantage[0]))


def thresholds(model: RiskModel, ranges: Ranges, plan: int, rival: int) -> list[Threshold]:
    """Return, per input, where the better of two plans by total cost changes; nearest first."""
    found = []
    for one in unknown_inputs(model, ranges):
        place = _crossing(lambda z, one=one: _advantage(expect(model, one.at(z)), plan, rival))  # type: ignore[misc]
        if place is None:
            found.append((np.inf, Threshold(one, None, False)))
        else:
            found.append((abs(place), Threshold(one, one.value(place), abs(place) <= END)))
    return [threshold for _, threshold in sorted(found, key=lambda item: item[0])]


def _advantage(expected: Expectation, plan: int, rival: int) -> float:
    total: Floats = expected.total
    return float(total[rival] - total[plan])


def _crossing(advantage: Callable[[float], float]) -> float | None:
    """Return the zero nearest to 0 within eight deviations, None without one."""
    places = sorted(np.linspace(-FAR, FAR, _STEPS), key=lambda z: (abs(z), z))
    start = advantage(0.0)
    for outer in places[1:]:
        if start * advantage(outer) < 0:
            inner = outer - np.sign(outer) * (2 * FAR / (_STEPS - 1))
            for _ in range(40):
                middle = (inner + outer) / 2
                inner, outer = (middle, outer) if start * advantage(middle) > 0 else (inner, middle)
            return float(outer)
    return None
