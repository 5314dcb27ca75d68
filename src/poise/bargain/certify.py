"""What no plan can beat: landmarks certified by a lower bound on security's cost.

A bound, security's least cost at a given disruption, covers all plans, found or not. So do the answers
here: no plan is fairer, and no product of gains is larger, than they say.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poise.bargain.landmarks import Bargain, Bound

#: How fine the certified shares and products are, relative.
_FINE = 1e-4


@dataclass(frozen=True)
class BoundLines:
    """A lower bound made of what solves have proven.

    Parameters
    ----------
    weight, bound
        Every plan has a cost to security plus ``weight[i] *`` disruption of at least ``bound[i]``.
    step_cap, step_bound
        Every plan whose disruption is at most ``step_cap[i]`` costs security at least ``step_bound[i]``.
    least_disruption
        No plan has less.
    """

    weight: npt.NDArray[np.float64]
    bound: npt.NDArray[np.float64]
    step_cap: npt.NDArray[np.float64]
    step_bound: npt.NDArray[np.float64]
    least_disruption: float = 0.0

    def __call__(self, disruption: float) -> float:
        """Return the least that a plan of at most this disruption can cost security [money]."""
        if disruption < self.least_disruption:
            return float("inf")
        lines = float((self.bound - self.weight * disruption).max(initial=0.0))
        steps = self.step_bound[self.step_cap >= disruption]
        return max(lines, float(steps.max(initial=0.0)), 0.0)


@dataclass(frozen=True, slots=True)
class Certificate:
    """How close the fair points found are to the fairest there could be.

    Parameters
    ----------
    largest_smaller_share
        No plan gives both sides more than this share of the gains found [1].
    kalai_smorodinsky_gap
        So no plan is fairer than the one found by more than this share [1]; 0 when proven best.
    largest_product
        No plan has a larger product of gains [money squared].
    nash_gap
        So no plan's product is larger than the one found by more than this fraction of it [1].
    """

    largest_smaller_share: float
    kalai_smorodinsky_gap: float
    largest_product: float
    nash_gap: float


def certify(found: Bargain, costs: Sequence[tuple[float, float]], bound: Bound) -> Certificate | None:
    """Certify the landmarks of a bargain.

    Parameters
    ----------
    found
        From :func:`~poise.bargain.landmarks.bargain`.
    costs
        (security, operations) of the candidates that ``found`` points into.
    bound
        Security's least cost at a disruption; must not grow with it.

    Returns
    -------
    Certificate or None
        None where a side has nothing to gain, so that shares mean nothing.
    """
    if not found.has_gains:
        return None
    default = found.default
    span_security = default.security - found.security_ideal
    span_operations = default.operations - found.operations_ideal
    fair = found.kalai_smorodinsky[0]
    smaller = float(min(found.share_security[fair], found.share_operations[fair]))

    def is_possible(share: float) -> bool:
        disruption = default.operations - share * span_operations
        return disruption >= 0 and bound(disruption) <= default.security - share * span_security

    low, high = smaller, max(1.0, smaller)
    while is_possible(high) and high < 1e6:
        high *= 2
    while high - low > _FINE * max(1.0, low):
        middle = (low + high) / 2
        low, high = (middle, high) if is_possible(middle) else (low, middle)
    if not is_possible(smaller + _FINE):
        high = smaller
    security, operations = costs[found.nash[0]]
    product = (default.security - security) * (default.operations - operations)
    largest = _largest_product(default.security, default.operations, product, bound)
    return Certificate(high, max(0.0, high - smaller), largest, max(0.0, largest / product - 1.0))


def _largest_product(security: float, operations: float, product: float, bound: Bound) -> float:
    """Return an upper bound on the product of gains over all plans, as tight as ``_FINE``.

    Between two disruptions a plan gains security at most what the bound allows at the dearer and operations
    at most what the calmer leaves; the interval that allows most is halved until halving helps no more.
    """

    def most(low: float, high: float) -> float:
        return max(0.0, security - bound(high)) * max(0.0, operations - low)

    boxes = [(-most(0.0, operations), 0.0, operations)]
    while True:
        worst, low, high = heapq.heappop(boxes)
        if -worst <= product * (1 + _FINE) or high - low <= 1e-6 * max(1.0, operations):
            return max(-worst, product) if -worst > product * (1 + _FINE) else product
        middle = (low + high) / 2
        for a, b in ((low, middle), (middle, high)):
            heapq.heappush(boxes, (-most(a, b), a, b))
