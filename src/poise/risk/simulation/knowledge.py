"""What we do not know, as ranges, and draws from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from poise.risk.loss import Lognormal
from poise.risk.parameters import BASE_RATE_PER_YEAR, BASE_RATE_RANGE_PER_YEAR
from poise.risk.simulation.model import Floats, RiskModel

#: First words of the seeds of each purpose, so that draws for one never shift those for another.
KNOWLEDGE, CHANCE = 1, 2
_HALF_90_WIDTH = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Ranges:
    """90 % ranges (5th and 95th percentile) of what nobody knows exactly.

    All but ``kev_floor`` are factors on the plan's own value [1]; a range of (1, 1) fixes an input.

    Parameters
    ----------
    base_rate
        Of serious incidents a year.
    reach
        How much of the hazard reaches a zone, independently for each zone.
    epss_shift
        Odds of all EPSS scores together: how far the whole model may be off.
    epss_error
        Odds of one score by itself.
    kev_floor
        Least 30-day probability of what KEV lists [1].
    loss_knowledge_share
        Share of the variance of an owner's loss range that is ignorance of the typical loss; the rest is
        how far incidents differ [0, 1].
    costs
        Of planned downtime and labour.
    recovery
        Of the mean time to mend a failed change, per team.
    """

    base_rate: tuple[float, float] = (
        BASE_RATE_RANGE_PER_YEAR[0] / BASE_RATE_PER_YEAR.value,
        BASE_RATE_RANGE_PER_YEAR[1] / BASE_RATE_PER_YEAR.value,
    )
    reach: tuple[float, float] = (0.5, 2.0)
    epss_shift: tuple[float, float] = (0.5, 2.0)
    epss_error: tuple[float, float] = (0.25, 4.0)
    kev_floor: tuple[float, float] = (0.2, 0.8)
    loss_knowledge_share: float = 0.5
    costs: tuple[float, float] = (0.7, 1.0 / 0.7)
    recovery: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name != "loss_knowledge_share":
                low, high = getattr(self, item.name)
                if not 0 < low <= high < float("inf"):
                    raise ValueError(f"Expected 0 < low <= high for {item.name}, got {(low, high)!r}.")
        if not 0 <= self.loss_knowledge_share <= 1:
            raise ValueError(f"Expected a share in [0, 1], got {self.loss_knowledge_share!r}.")
        if not self.kev_floor[1] < 1:
            raise ValueError(f"Expected a KEV floor below 1, got {self.kev_floor!r}.")


#: Where each range comes from, for docs/simulation.md and the report.
RANGE_SOURCES: Mapping[str, str] = {
    "base_rate": "docs/model.md, section 2: 0.010 to 0.090 a year",
    "reach": "Poise's choice: no published multiplier is solid",
    "epss_shift": "Poise's choice: about the jump of the median score between EPSS versions 3 and 4",
    "epss_error": "Poise's choice: one score within a factor of four of its odds",
    "kev_floor": "Poise's choice: a third of exploited CVEs go dormant at times (Cyentia/FIRST, July 2024)",
    "loss_knowledge_share": "Poise's choice: an owner's range mixes the typical loss with how far "
    "incidents differ",
    "costs": "Poise's choice",
    "recovery": "Poise's choice: half to double the team's own figure",
}


@dataclass(frozen=True)
class Knowledge:
    """One set of values for everything that is not known.

    Shapes: ``reach`` ``(zones,)``, ``epss_error`` ``(vulnerabilities,)`` added to log-odds, ``loss_shift``
    ``(S,)``
    added to the logarithm of losses, ``failure`` ``(T,)`` settled chance of failure of one change,
    ``recovery`` ``(T,)``.
    """

    base_rate: float
    reach: Floats
    epss_shift: float
    epss_error: Floats
    kev_floor: float
    loss_shift: Floats
    failure: Floats
    costs: float
    recovery: Floats
    #: Factor on the agreed price of missed deadlines: nobody's ignorance, so never drawn, but worth asking
    #: about.
    late_price: float = 1.0
    #: Share of the owners' variance that is chance, not ignorance: what one incident still varies by [0, 1].
    chance_share: float = 0.0


def as_planned(model: RiskModel, ranges: Ranges | None = None) -> Knowledge:
    """Return the values that the plan itself rests on."""
    ranges = ranges or Ranges()
    alpha, beta = _failure_posterior(model)
    return Knowledge(
        base_rate=1.0,
        reach=np.ones(len(model.zones)),
        epss_shift=0.0,
        epss_error=np.zeros(len(model.events.names)),
        kev_floor=model.inputs.kev_floor,
        # Half the ignored variance, so that the mean loss is the owner's mean.
        loss_shift=ranges.loss_knowledge_share * loss_sigma(model) ** 2 / 2,
        failure=alpha / (alpha + beta),
        costs=1.0,
        recovery=np.ones(len(model.teams)),
        chance_share=1.0 - ranges.loss_knowledge_share,
    )


def draw(model: RiskModel, ranges: Ranges, number: int) -> Knowledge:
    """Return knowledge draw ``number``; it depends on the model's seed and its own number alone."""
    rng = np.random.default_rng(np.random.SeedSequence([model.seed, KNOWLEDGE, number]))
    alpha, beta = _failure_posterior(model)
    spread = np.sqrt(ranges.loss_knowledge_share) * loss_sigma(model)
    # One stream per purpose in a fixed order: a range of (1, 1) still takes its draw.
    base_rate, shift, costs, floor = rng.standard_normal(4)
    return Knowledge(
        base_rate=float(position(ranges.base_rate, base_rate)),
        epss_shift=float(np.log(position(ranges.epss_shift, shift))),
        costs=float(position(ranges.costs, costs)),
        kev_floor=float(_expit(_between(_logit(ranges.kev_floor[0]), _logit(ranges.kev_floor[1]), floor))),
        reach=position(ranges.reach, rng.standard_normal(len(model.zones))),
        recovery=position(ranges.recovery, rng.standard_normal(len(model.teams))),
        loss_shift=spread * rng.standard_normal(len(model.services)),
        failure=rng.beta(alpha, beta),
        epss_error=np.log(position(ranges.epss_error, rng.standard_normal(len(model.events.names)))),
        chance_share=1.0 - ranges.loss_knowledge_share,
    )


def mean_loss(model: RiskModel, knowledge: Knowledge) -> Floats:
    """Return the mean loss of one incident per service, given a knowledge draw [money], shape ``(S,)``."""
    mu = (np.log(model.loss_low) + np.log(model.loss_high)) / 2
    result: Floats = np.exp(mu + knowledge.loss_shift + knowledge.chance_share * loss_sigma(model) ** 2 / 2)
    return result


def event_rates(model: RiskModel, knowledge: Knowledge) -> Floats:
    """Return each event's rate at this company [1/d], shape ``(E,)``.

    Odds of EPSS are shifted, KEV raises to the drawn floor, zones are weighted by their reach; then all rates
    are scaled so that the backlog's sum is the drawn base rate: calibration is to the base rate, so an
    error that all scores share changes which vulnerabilities matter, not how much they matter together.
    """
    planned = _raw_rates(model, as_planned(model))
    drawn = _raw_rates(model, knowledge)
    total, planned_total = float(_reaching(model) @ drawn), float(_reaching(model) @ planned)
    scale = model.inputs.calibration * knowledge.base_rate
    return drawn * (scale * planned_total / total if total > 0 else 0.0)


def _raw_rates(model: RiskModel, knowledge: Knowledge) -> Floats:
    events, inputs = model.events, model.inputs
    odds = _logit(events.probability) + knowledge.epss_shift + knowledge.epss_error[events.vulnerability]
    probability = _expit(odds)
    probability = np.where(events.is_kev, np.maximum(probability, knowledge.kev_floor), probability)
    rates: Floats = -np.log1p(-np.minimum(probability, 0.99999)) / 30.0
    return rates * inputs.zone_factor[events.zone] * knowledge.reach[events.zone]


def _reaching(model: RiskModel) -> Floats:
    """Return the share of each event that enters through any change, shape ``(E,)``."""
    events = model.events
    return np.bincount(events.entry_event, events.entry_share, len(events.probability)).astype(np.float64)


def loss_sigma(model: RiskModel) -> Floats:
    """Return the deviation of the logarithm of each service's loss, shape ``(S,)``."""
    return np.array(
        [
            Lognormal.from_range(low, high).sigma
            for low, high in zip(model.loss_low, model.loss_high, strict=True)
        ]
    )


def _failure_posterior(model: RiskModel) -> tuple[Floats, Floats]:
    """Return the Beta parameters of each team's chance of failure: prior plus own record."""
    inputs, work = model.inputs, model.work
    known = work.done >= 0
    alpha = inputs.failure_prior_failed + np.where(known, work.failed, 0.0)
    total = inputs.failure_prior_done + np.where(known, work.done, 0.0)
    return np.maximum(alpha, 1e-9), np.maximum(total - alpha, 1e-9)


def failure_spread(model: RiskModel) -> Floats:
    """Return the relative standard deviation of each team's chance of failure, shape ``(T,)``."""
    alpha, beta = _failure_posterior(model)
    spread: Floats = np.sqrt(beta / (alpha * (alpha + beta + 1)))
    return spread


def position(span: tuple[float, float], normal: Floats | float) -> Floats:
    """Return a lognormal with this 90 % range at standard normal values."""
    law = Lognormal.from_range(*span)
    return np.asarray(np.exp(law.mu + law.sigma * np.asarray(normal)))


def _between(low: Floats, high: Floats, normal: float) -> Floats:
    return (low + high) / 2 + normal * (high - low) / (2 * _HALF_90_WIDTH)


def _logit(probability: Floats | float) -> Floats:
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _expit(odds: Floats | float) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(odds))))
