"""Hazard and exposure of every remedy: from a folded backlog to changes.

The unit of hazard is the event "somebody exploits vulnerability v in zone z": one wave, however
many hosts it meets. Its hazard is

``factor * hazard(p_v) * zone_factor[z]``  [1/d]

and is shared out to the patch groups of the zone by the number of (asset, remedy) pairs that carry
v there, thinned by each group's controls. ``factor`` is the calibration (see :func:`calibrate`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from poise.estate.model import Estate, PatchGroup, Zone
from poise.risk.fold import Backlog
from poise.risk.hazard import exploitation_probability, hazard_per_day
from poise.risk.loss import Lognormal
from poise.risk.parameters import RiskParameters
from poise.threats.evidence import Evidence

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Calibration:
    """The frozen factor that thins the world's exploitation activity to this company.

    Fitted once on a dated backlog to a stated yearly rate, and then kept: refitting on every
    backlog would make patching unable to lower risk.
    """

    factor: float
    reference_date: date
    base_rate_per_year: float
    #: Sum of thinned hazards of the reference backlog before the factor [1/d].
    raw_hazard_per_day: float


@dataclass(frozen=True, slots=True)
class VulnerabilityHazard:
    """Hazard of one vulnerability in the world, with what it rests on."""

    probability_30_days: float
    hazard_per_day: float
    #: Hazard without the KEV floor; what would newly force an emergency [1/d].
    new_activity_per_day: float
    is_assumed: bool


def world_hazards(
    evidence: Mapping[str, Evidence],
    prior: Callable[[Evidence], float],
    parameters: RiskParameters,
) -> dict[str, VulnerabilityHazard]:
    """Return the hazard of each vulnerability in the world.

    Parameters
    ----------
    evidence
        One entry per vulnerability id, also for those of which nothing is known.
    prior
        Stands in for a missing EPSS [0, 1].
    """
    hazards = {}
    for vulnerability, known in evidence.items():
        stand_in = prior(known)
        probability, is_assumed = exploitation_probability(known, stand_in, parameters)
        new = stand_in if known.epss is None else known.epss
        hazards[vulnerability] = VulnerabilityHazard(
            probability, hazard_per_day(probability), hazard_per_day(new), is_assumed
        )
    return hazards


class Attribution:
    """Shares each zone's events out to the groups that carry them.

    Parameters
    ----------
    backlog, estate
        What is open, and where.
    hazards
        From :func:`world_hazards`.
    """

    def __init__(
        self,
        backlog: Backlog,
        estate: Estate,
        hazards: Mapping[str, VulnerabilityHazard],
        parameters: RiskParameters,
    ) -> None:
        self._estate = estate
        self._hazards = hazards
        self._zone_factor = parameters.zone_factor
        self._instances: dict[tuple[Zone, str], int] = defaultdict(int)
        for group, vulnerabilities in backlog.open_vulnerabilities():
            zone = estate.groups[group].zone
            for vulnerability, assets in vulnerabilities.items():
                self._instances[zone, vulnerability] += len(assets)

    def raw_hazard_per_day(self, group: PatchGroup, vulnerability: str, num_assets: int) -> float:
        """Return the hazard of a vulnerability on ``num_assets`` of a group, before the factor [1/d]."""
        share = num_assets / self._instances[group.zone, vulnerability]
        event = self._hazards[vulnerability].hazard_per_day * self._zone_factor[group.zone]
        return event * share * (1.0 - group.control_effectiveness)

    def raw_total_per_day(self, backlog: Backlog) -> float:
        """Return the sum over the whole backlog [1/d]."""
        return math.fsum(
            self.raw_hazard_per_day(self._estate.groups[group], vulnerability, len(assets))
            for group, vulnerabilities in backlog.open_vulnerabilities()
            for vulnerability, assets in vulnerabilities.items()
        )


def calibrate(raw_hazard_per_day: float, base_rate_per_year: float, reference_date: date) -> Calibration:
    """Return the factor that makes a backlog's hazard equal to a yearly base rate.

    Parameters
    ----------
    raw_hazard_per_day
        Of the reference backlog [1/d], > 0 unless it is empty, which gives a factor of 1.
    base_rate_per_year
        The company's own estimate of serious incidents through unpatched vulnerabilities [1/year].
    """
    factor = base_rate_per_year / (raw_hazard_per_day * DAYS_PER_YEAR) if raw_hazard_per_day > 0 else 1.0
    return Calibration(factor, reference_date, base_rate_per_year, raw_hazard_per_day)


@dataclass(frozen=True, slots=True)
class GroupLoss:
    """What one serious incident on a patch group costs [money]."""

    service: str
    mean: float
    low: float
    high: float


def group_loss(estate: Estate, group: PatchGroup) -> GroupLoss:
    """Return the loss of the dearest service behind a group.

    One incident is counted once: the dearest service stands for it. A platform that many services
    share should be a service of its own, with the loss of losing them all.
    """
    losses = []
    for identifier in group.services:
        service = estate.services[identifier]
        mean = Lognormal.from_range(service.loss_low, service.loss_high).mean
        losses.append(GroupLoss(service.id, mean, service.loss_low, service.loss_high))
    return max(losses, key=lambda loss: (loss.mean, loss.service))


@dataclass(frozen=True, slots=True)
class Rate:
    """Hazard and exposure of one remedy (or of findings without one)."""

    hazard_per_day: float
    exposure_per_day: float
    exposure_low_per_day: float
    exposure_high_per_day: float
    #: Unthinned rate of new exploitation activity, which forces an emergency visit [1/d].
    new_activity_per_day: float
    assumed: frozenset[str]


def rate(
    group: PatchGroup,
    vulnerabilities: Mapping[str, set[str]],
    attribution: Attribution,
    calibration: Calibration,
    evidence: Mapping[str, Evidence],
    hazards: Mapping[str, VulnerabilityHazard],
    loss: GroupLoss,
    parameters: RiskParameters,
) -> Rate:
    """Return hazard and exposure of what one remedy removes from one group.

    Hazards of distinct vulnerabilities add. Ransomware use raises the loss of the event, not its
    chance. The range is that of the loss alone: 5th to 95th percentile of the owner's range.
    """
    total = exposed = new = 0.0
    assumed = set()
    for vulnerability, assets in vulnerabilities.items():
        hazard = calibration.factor * attribution.raw_hazard_per_day(group, vulnerability, len(assets))
        entry = evidence[vulnerability].kev
        total += hazard
        exposed += hazard * (parameters.ransomware_loss_factor if entry and entry.ransomware else 1.0)
        new += hazards[vulnerability].new_activity_per_day
        if hazards[vulnerability].is_assumed:
            assumed.add(f"EPSS of {vulnerability}")
    return Rate(total, exposed * loss.mean, exposed * loss.low, exposed * loss.high, new, frozenset(assumed))
