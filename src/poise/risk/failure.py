"""How often a team's changes fail."""

from __future__ import annotations

import math
from dataclasses import dataclass

from poise.estate.model import Team
from poise.risk.parameters import RiskParameters


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Chance that one change fails and is rolled back, with what it rests on."""

    probability: float
    source: str
    is_assumed: bool


def failure_rate(team: Team, parameters: RiskParameters) -> FailureRate:
    """Return the team's failure probability per change, Beta-Binomial posterior mean.

    ``(prior_failed + failed) / (prior_done + done)``: a team without a history has the prior,
    and its own record takes over as it grows.
    """
    prior_failed, prior_done = parameters.failure_prior_failed, parameters.failure_prior_done
    if team.changes_done is None or team.changes_failed is None:
        probability = prior_failed / prior_done
        return FailureRate(probability, f"prior {probability:.1%}, no history given", True)
    probability = (prior_failed + team.changes_failed) / (prior_done + team.changes_done)
    history = f"{team.changes_failed} of {team.changes_done} changes failed"
    source = f"{history}, prior {prior_failed:g} of {prior_done:g}"
    return FailureRate(probability, source, False)


def failure_probability_at(age_days: float, settled: float, parameters: RiskParameters) -> float:
    """Return the failure probability of a patch published ``age_days`` ago.

    ``settled * (1 + early_failure_factor * exp(-age / settle_days))``, at most 1. An age below
    zero counts as zero.
    """
    surplus = parameters.early_failure_factor * math.exp(-max(0.0, age_days) / parameters.settle_days)
    return min(1.0, settled * (1 + surplus))
