"""Loss magnitude: lognormal from an owner's 90 % range, as in Open FAIR practice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Distance between the 5th and the 95th percentile of a standard normal.
_NORMAL_90_WIDTH = 3.2897072539029435


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A lognormal distribution by the mean and deviation of its logarithm."""

    mu: float
    sigma: float

    @classmethod
    def from_range(cls, low: float, high: float) -> Lognormal:
        """Return the lognormal whose 5th and 95th percentiles are ``low`` and ``high`` [money].

        Raises
        ------
        ValueError
            Unless ``0 < low <= high``.
        """
        if not 0 < low <= high < math.inf:
            raise ValueError(f"Expected 0 < low <= high, got low={low!r}, high={high!r}.")
        return cls((math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / _NORMAL_90_WIDTH)

    @property
    def mean(self) -> float:
        """Mean [money]; above the middle of the range, as losses are skewed."""
        return math.exp(self.mu + self.sigma**2 / 2)


def expected_loss_range(
    hazard_mass: npt.NDArray[np.float64],
    losses: tuple[Lognormal, ...],
    rate_range: tuple[float, float],
    *,
    seed: int,
    num_draws: int = 4_000,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the 90 % knowledge range of the expected loss of several plans.

    What we do not know is each service's loss (its owner's range, independent between services) and
    the company's base rate (one shared factor). Every plan sees the same draws, so two ranges that
    overlap may still be plans that never swap places.

    Parameters
    ----------
    hazard_mass
        Expected serious incidents over the horizon per plan and service [1], shape
        ``(plans, services)``.
    losses
        One per service.
    rate_range
        5th and 95th percentile of the factor on the base rate [1]; (1, 1) for none.
    seed, num_draws
        Of the draws; the same seed gives the same ranges.

    Returns
    -------
    tuple of arrays
        5th and 95th percentile [money], shape ``(plans,)`` each.
    """
    generator = np.random.default_rng(seed)
    mu = np.array([loss.mu for loss in losses])
    sigma = np.array([loss.sigma for loss in losses])
    rate = Lognormal.from_range(*rate_range)
    factor = np.exp(rate.mu + rate.sigma * generator.standard_normal(num_draws))
    draws = np.exp(mu[:, None] + sigma[:, None] * generator.standard_normal((len(losses), num_draws)))
    totals = (hazard_mass @ draws) * factor
    low, high = np.quantile(totals, (0.05, 0.95), axis=1)
    return low, high
