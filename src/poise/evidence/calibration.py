"""Whether chances mean what they say: reliability of forecasts, and of people's own ranges.

Reliability by the CORP approach: isotonic regression of outcomes on forecasts, with no bins to choose, and
the Brier
score split into miscalibration, discrimination and uncertainty.

References
----------
.. [1] T. Dimitriadis, T. Gneiting, A. I. Jordan, Stable reliability diagrams for probabilistic classifiers,
   PNAS 118 (8), 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.planning.problem import Floats

Bools = npt.NDArray[np.bool_]

#: Below so many resolved statements a person's record says nothing [1].
ENOUGH = 20
#: Coverage of 90 % ranges below which they should be widened (docs/evidence-metrics.md).
MIN_COVERAGE = 0.8


@dataclass(frozen=True)
class Reliability:
    """How forecasts compare with what came true.

    Parameters
    ----------
    title
        What the label is; a diagram without it would be misread.
    forecast, recalibrated
        Distinct forecasts and what they should have been, both growing; shape ``(K,)``.
    count
        Forecasts at each, shape ``(K,)``.
    brier, miscalibration, discrimination, uncertainty
        ``brier = miscalibration - discrimination + uncertainty``, all >= 0.
    base_rate
        Share that came true.
    """

    title: str
    forecast: Floats
    recalibrated: Floats
    count: Floats
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    base_rate: float


def reliability(
    title: str, probability: Sequence[float] | Floats, came_true: Sequence[bool] | Bools
) -> Reliability:
    """Return the reliability of (probability, outcome) pairs.

    Parameters
    ----------
    probability
        Forecasts in [0, 1], at least one.
    came_true
        As many outcomes.

    Raises
    ------
    ValueError
        When there is no pair, the lengths differ or a probability is none.
    """
    chance = np.asarray(probability, dtype=np.float64)
    outcome = np.asarray(came_true, dtype=np.float64)
    if not len(chance) or len(chance) != len(outcome):
        raise ValueError(f"Expected as many forecasts as outcomes, got {len(chance)} and {len(outcome)}.")
    if not np.all((chance >= 0) & (chance <= 1)):
        raise ValueError("Expected forecasts in [0, 1].")
    forecast, place = np.unique(chance, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    mean = np.bincount(place, outcome) / count
    fitted = isotonic(mean, count)
    base_rate = float(outcome.mean())
    brier = float(np.mean((chance - outcome) ** 2))
    best = float(np.mean((fitted[place] - outcome) ** 2))
    uncertainty = base_rate * (1 - base_rate)
    return Reliability(
        title, forecast, fitted, count, brier, brier - best, uncertainty - best, uncertainty, base_rate
    )


def isotonic(values: Floats, weights: Floats) -> Floats:
    """Return the non-decreasing sequence nearest to values in weighted squares (pool adjacent violators)."""
    means: list[float] = []
    masses: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        means.append(value)
        masses.append(weight)
        lengths.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            mean, mass, length = means.pop(), masses.pop(), lengths.pop()
            means[-1] = (means[-1] * masses[-1] + mean * mass) / (masses[-1] + mass)
            masses[-1] += mass
            lengths[-1] += length
    return np.repeat(means, lengths)


@dataclass(frozen=True)
class RangeRecord:
    """How often outcomes fell into somebody's 90 % ranges.

    ``coverage`` and ``advice`` are None and a plain sentence while fewer than :data:`ENOUGH` are resolved.
    """

    resolved: int
    inside: int
    below: int
    above: int

    @property
    def coverage(self) -> float | None:
        """Return the share inside, None while too few are resolved."""
        return self.inside / self.resolved if self.resolved >= ENOUGH else None

    @property
    def advice(self) -> str:
        """Return what the record says, in a sentence."""
        if self.coverage is None:
            return f"{self.resolved} of {ENOUGH} ranges resolved: too few to say anything."
        told = f"{self.inside} of {self.resolved} outcomes fell into the 90 % ranges."
        if self.coverage < MIN_COVERAGE:
            return f"{told} Widen them."
        side = ""
        if max(self.below, self.above) >= 2 * (min(self.below, self.above) + 2):
            side = " Misses lie mostly on one side: move them " + (
                "down." if self.below > self.above else "up."
            )
        return f"{told}{side}"


def range_record(ranges: Sequence[tuple[float, float, float]]) -> RangeRecord:
    """Return the record of (low, high, outcome) triples; an end of a range counts as inside."""
    below = sum(outcome < low for low, _, outcome in ranges)
    above = sum(outcome > high for _, high, outcome in ranges)
    return RangeRecord(len(ranges), len(ranges) - below - above, below, above)


def upper_rate(events: int, exposure_years: float) -> float:
    """Return the 95 % upper bound of a yearly rate after some events, for the Poisson law.

    With no event in n years it is 3.0 / n: what "nothing happened yet" is worth.

    Raises
    ------
    ValueError
        For less than no events or no time.
    """
    if events < 0 or not exposure_years > 0:
        raise ValueError(f"Expected events >= 0 in some years, got {events} in {exposure_years}.")
    low, high = 0.0, 10.0 * (events + 3.0)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _poisson_cdf(events, middle) > 0.05 else (low, middle)
    return high / exposure_years


def _poisson_cdf(events: int, mean: float) -> float:
    term = total = float(np.exp(-mean))
    for number in range(1, events + 1):
        term *= mean / number
        total += term
    return total
