"""Hazard, loss and failure rates against closed forms and published numbers."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.estate.model import Team
from poise.risk.failure import failure_probability_at, failure_rate
from poise.risk.hazard import exploitation_probability, hazard_per_day, probability_within
from poise.risk.loss import Lognormal, expected_loss_range
from poise.risk.parameters import RiskParameters
from poise.threats.evidence import Evidence, KevEntry

DAY = date(2026, 1, 5)
PARAMETERS = RiskParameters()


@given(st.floats(0, 0.9999), st.floats(0.1, 1000))
def test_hazard_and_probability_are_inverse(probability: float, days: float) -> None:
    """Thirty days at the hazard give the probability back, and time only adds."""
    hazard = hazard_per_day(probability)
    assert probability_within(hazard, 30.0) == pytest.approx(probability, abs=1e-12)
    assert probability_within(hazard, days + 1) >= probability_within(hazard, days)


def test_dividing_epss_by_thirty_would_be_too_low() -> None:
    """The naive p/30 is 28 % low at p = 0.5 and 61 % low at p = 0.9; the logarithm is not."""
    assert (0.5 / 30) / hazard_per_day(0.5) == pytest.approx(0.721, abs=0.001)
    assert (0.9 / 30) / hazard_per_day(0.9) == pytest.approx(0.391, abs=0.001)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_probability_outside_its_range_is_refused(value: float) -> None:
    """A percentage typed for a probability must not become a hazard."""
    with pytest.raises(ValueError, match="probability"):
        hazard_per_day(value)


def test_certainty_has_a_finite_hazard() -> None:
    """EPSS never says 1; a hand-made table may."""
    assert math.isfinite(hazard_per_day(1.0))


def test_kev_raises_the_probability_to_its_floor_and_no_further() -> None:
    """KEV is evidence, so a floor; a higher EPSS stays."""
    kev = KevEntry(DAY, None, ransomware=False)
    assert exploitation_probability(Evidence("CVE-1", DAY, epss=0.01, kev=kev), 0.1, PARAMETERS)[0] == 0.5
    assert exploitation_probability(Evidence("CVE-1", DAY, epss=0.9, kev=kev), 0.1, PARAMETERS)[0] == 0.9
    assert exploitation_probability(Evidence("CVE-1", DAY, epss=0.01), 0.1, PARAMETERS)[0] == 0.01


def test_unknown_epss_is_the_prior_and_says_so() -> None:
    """Unknown is not zero."""
    assert exploitation_probability(Evidence("CVE-1", DAY), 0.003, PARAMETERS) == (0.003, True)


@given(st.floats(1, 1e6), st.floats(1, 1e3))
def test_lognormal_keeps_the_owners_range(low: float, ratio: float) -> None:
    """The 5th and 95th percentiles are what the owner said; the mean lies within, or above the middle."""
    loss = Lognormal.from_range(low, low * ratio)
    assert math.exp(loss.mu - 1.6448536269514722 * loss.sigma) == pytest.approx(low)
    assert math.exp(loss.mu + 1.6448536269514722 * loss.sigma) == pytest.approx(low * ratio)
    assert loss.mean >= math.sqrt(low * low * ratio) * (1 - 1e-12)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (2, 1), (-1, 1), (1, math.inf)])
def test_a_range_that_is_none_is_refused(low: float, high: float) -> None:
    """A loss of zero or an upside-down range has no lognormal."""
    with pytest.raises(ValueError, match="low"):
        Lognormal.from_range(low, high)


def test_loss_range_is_monotone_in_what_is_exposed() -> None:
    """A plan that leaves less hazard on every service has the lower range, draw by draw."""
    losses = (Lognormal.from_range(1e4, 1e6), Lognormal.from_range(1e5, 2e6))
    low, high = expected_loss_range(np.array([[0.1, 0.2], [0.05, 0.1]]), losses, (0.3, 3.0), seed=1)
    assert low[1] == pytest.approx(low[0] / 2)
    assert high[1] == pytest.approx(high[0] / 2)
    assert low[0] < 0.1 * losses[0].mean + 0.2 * losses[1].mean < high[0]


def test_the_same_seed_gives_the_same_range() -> None:
    """Two runs print the same figures."""
    losses = (Lognormal.from_range(1e4, 1e6),)
    mass = np.array([[0.1]])
    assert expected_loss_range(mass, losses, (1, 1), seed=7) == expected_loss_range(
        mass, losses, (1, 1), seed=7
    )


def team(done: int | None, failed: int | None) -> Team:
    """Return a team with this change history."""
    return Team("t", "T", 480.0, 90.0, changes_done=done, changes_failed=failed)


def test_a_teams_own_record_takes_over_from_the_prior() -> None:
    """No history is the prior and assumed; a long history is its own frequency."""
    assert failure_rate(team(None, None), PARAMETERS).is_assumed
    assert failure_rate(team(None, None), PARAMETERS).probability == pytest.approx(0.03)
    assert failure_rate(team(5000, 500), PARAMETERS).probability == pytest.approx(0.1, rel=0.01)


def test_a_fresh_patch_fails_more_often_than_an_aged_one() -> None:
    """The surplus decays, never grows, and a probability stays one."""
    values = [failure_probability_at(age, 0.03, PARAMETERS) for age in (-5, 0, 7, 14, 400)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(0.06)
    assert values[-1] == pytest.approx(0.03, rel=1e-3)
    assert failure_probability_at(0, 0.9, PARAMETERS) == 1.0


def test_parameters_refuse_what_is_out_of_range() -> None:
    """A negative price or a floor of one is a mistake, not a setting."""
    with pytest.raises(ValueError, match="kev_floor"):
        RiskParameters(kev_floor=1.0)
    with pytest.raises(ValueError, match="late_cost"):
        RiskParameters(late_cost=-1.0)
