"""Probability, hazard and their way back."""

from __future__ import annotations

import math

from poise.risk.parameters import RiskParameters
from poise.threats.evidence import Evidence

#: EPSS speaks of the next 30 days (first.org/epss/model).
EPSS_DAYS = 30.0

#: EPSS is published up to 0.99999; a probability of 1 would make the hazard infinite.
MAX_PROBABILITY = 0.99999


def hazard_per_day(probability_30_days: float) -> float:
    """Return the constant hazard that gives this probability within 30 days.

    Parameters
    ----------
    probability_30_days
        EPSS-like probability [0, 1]; read as at most :data:`MAX_PROBABILITY`.

    Returns
    -------
    float
        ``-ln(1 - p) / 30`` [1/d].

    Raises
    ------
    ValueError
        Outside [0, 1] or not a number.
    """
    if not 0.0 <= probability_30_days <= 1.0:
        raise ValueError(f"Expected a probability in [0, 1], got {probability_30_days!r}.")
    return -math.log1p(-min(probability_30_days, MAX_PROBABILITY)) / EPSS_DAYS


def probability_within(hazard: float, days: float) -> float:
    """Return the chance of at least one event within ``days`` at a constant hazard [1/d]."""
    return -math.expm1(-hazard * days)


def exploitation_probability(
    evidence: Evidence, prior: float, parameters: RiskParameters
) -> tuple[float, bool]:
    """Return the 30-day probability of exploitation activity, and whether it rests on a prior.

    EPSS where it is known, else ``prior`` (unknown is not zero); a KEV entry raises it to at
    least ``parameters.kev_floor``, because evidence of exploitation supersedes a forecast
    (first.org/epss/faq).

    Parameters
    ----------
    evidence
        What is known on the day in question.
    prior
        Stands in for a missing EPSS [0, 1].
    """
    is_assumed = evidence.epss is None
    probability = prior if evidence.epss is None else evidence.epss
    if evidence.kev is not None:
        if probability < parameters.kev_floor:
            is_assumed = False
        probability = max(probability, parameters.kev_floor)
    return probability, is_assumed
