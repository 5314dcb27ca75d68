"""Ideals, Nash and Kalai-Smorodinsky points on a discrete set of plans.

Both parties' costs are minimised: security's (exposure plus the price of late deadlines) and
operations' (disruption). Gains are counted from the same default plan, which is what happens if
nobody signs, and only plans that leave neither side worse off than it are bargained over (the
individually rational set).

References
----------
.. [1] J. Nash, The bargaining problem, Econometrica 18(2), 1950, 155-162.
.. [2] E. Kalai, M. Smorodinsky, Other solutions to Nash's bargaining problem, Econometrica 43(3),
   1975, 513-518.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Two gains whose ratio differs from 1 by less are a tie [1]; far above float noise, far below a cent.
TIE = 1e-9

#: Lower bound on security's cost over all plans of at most this disruption [money] -> [money].
Bound = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Stakes:
    """What one plan costs each party [money]."""

    security: float
    operations: float


@dataclass(frozen=True, slots=True)
class Bargain:
    """Landmarks among candidate plans.

    Every index points into the candidates. ``nash`` and ``kalai_smorodinsky`` are sets, because
    several plans of a discrete set may tie; the first is shown.

    Parameters
    ----------
    default
        The disagreement point.
    rational
        Candidates that leave neither side worse off than the default.
    security_ideal, operations_ideal
        Least cost of each side within ``rational`` [money].
    least_total
        Candidate with the least sum of both costs, rational or not: a dot, not a landmark.
    share_security, share_operations
        Gain of each candidate over the default, as a share of the side's largest rational gain [1];
        NaN for a side that has nothing to gain. Negative outside the rational set.
    """

    default: Stakes
    rational: tuple[int, ...]
    security_ideal: float
    operations_ideal: float
    nash: tuple[int, ...]
    kalai_smorodinsky: tuple[int, ...]
    least_total: int
    share_security: npt.NDArray[np.float64]
    share_operations: npt.NDArray[np.float64]

    def shares(self, stakes: Stakes) -> tuple[float, float]:
        """Return (security's, operations') share of its largest gain in a plan, candidate or not [1].

        NaN for a side that has nothing to gain.
        """
        scale = _scale(self.default)
        return (
            float(_shares(np.array(stakes.security), self.default.security, self.security_ideal, scale)),
            float(
                _shares(np.array(stakes.operations), self.default.operations, self.operations_ideal, scale)
            ),
        )

    @property
    def has_gains(self) -> bool:
        """Return whether any candidate makes both sides better off than the default."""
        return bool(
            np.any((self.share_security > TIE) & (self.share_operations > TIE)) if self.rational else False
        )


def bargain(candidates: Sequence[Stakes], default: Stakes) -> Bargain:
    """Find the landmarks among candidate plans.

    Parameters
    ----------
    candidates
        At least one; the default plan itself should be among them, so that nobody is offered worse.
    default
        Both sides' costs if nobody signs, on today's data.

    Returns
    -------
    Bargain
        Nash: the rational plans with the largest product of gains; of a zero product everywhere, the
        largest sum of shares. Kalai-Smorodinsky on a discrete set: leximin of the shares, the
        largest smaller share and then the largest larger one. (Picking the smallest *difference* of
        shares would prefer 0.45/0.55 to 0.90/0.50.)

    Raises
    ------
    ValueError
        Without candidates.
    """
    if not candidates:
        raise ValueError("Expected at least one candidate plan.")
    security = np.array([stakes.security for stakes in candidates])
    operations = np.array([stakes.operations for stakes in candidates])
    scale = _scale(default)
    is_rational = (security <= default.security + scale) & (operations <= default.operations + scale)
    rational = tuple(int(i) for i in np.flatnonzero(is_rational))
    security_ideal = float(security[is_rational].min(initial=default.security))
    operations_ideal = float(operations[is_rational].min(initial=default.operations))
    share_security = _shares(security, default.security, security_ideal, scale)
    share_operations = _shares(operations, default.operations, operations_ideal, scale)
    least_total = int(np.argmin(security + operations))
    first, second = np.nan_to_num(share_security), np.nan_to_num(share_operations)
    return Bargain(
        default,
        rational,
        security_ideal,
        operations_ideal,
        _nash(first, second, rational),
        _leximin(first, second, rational),
        least_total,
        share_security,
        share_operations,
    )


def _scale(default: Stakes) -> float:
    """Return the sum of money below which nothing is to be gained."""
    return max(abs(default.security), abs(default.operations), 1.0) * TIE


def _shares(
    cost: npt.NDArray[np.float64], default: float, ideal: float, scale: float
) -> npt.NDArray[np.float64]:
    if default - ideal <= scale:
        return np.full_like(cost, np.nan)
    return (default - cost) / (default - ideal)


def _best(keys: Sequence[tuple[float, ...]], among: tuple[int, ...]) -> tuple[int, ...]:
    """Return all indices whose key is, up to ties, the lexicographic maximum."""
    best = among
    for position in range(len(keys[0]) if among else 0):
        top = max(keys[i][position] for i in best)
        best = tuple(i for i in best if keys[i][position] >= top - TIE * max(1.0, abs(top)))
    return best


def _nash(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], rational: tuple[int, ...]
) -> tuple[int, ...]:
    # Shares are gains over a constant, so the product of shares has the same maximiser as that of gains.
    a, b = np.maximum(first, 0.0), np.maximum(second, 0.0)
    return _best([(float(x * y), float(x + y)) for x, y in zip(a, b, strict=True)], rational)


def _leximin(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], rational: tuple[int, ...]
) -> tuple[int, ...]:
    keys = [(float(min(x, y)), float(max(x, y))) for x, y in zip(first, second, strict=True)]
    return _best(keys, rational)


def left_on_table(found: Bargain, stakes: Stakes, bound: Bound, *, tolerance: float = 1e-6) -> float | None:
    """Return the largest share that any plan could still add for both sides at once.

    Uses only the proven lower bound of the frontier, so no plan, found or not, can add more.

    Parameters
    ----------
    stakes
        Costs of the plan to judge, candidate or not.
    bound
        Lower bound on security's cost at a given disruption; must not grow with it.

    Returns
    -------
    float or None
        Share [1] >= 0; None where a side has nothing to gain, so shares mean nothing.
    """
    own = found.shares(stakes)
    if np.isnan(own).any():
        return None
    span_security = found.default.security - found.security_ideal
    span_operations = found.default.operations - found.operations_ideal

    def is_possible(extra: float) -> bool:
        operations = found.default.operations - (own[1] + extra) * span_operations
        security = found.default.security - (own[0] + extra) * span_security
        return operations >= 0 and bound(operations) <= security

    low, high = 0.0, 1.0
    while is_possible(high) and high < 1e6:
        high *= 2
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if is_possible(middle) else (low, middle)
    return high
