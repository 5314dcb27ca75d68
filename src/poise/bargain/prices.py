"""What a limit costs: an honest comparison of the best with it and the best without it.

Never a dual: on a set of plans that is not convex, duals price what does not bind and miss what does.
A price is an interval as soon as one of the two solves is not proven. Prices do not add, so each is
given alone (this limit dropped, the others kept), last (this one kept, the others dropped) and as the
Shapley value [1]_, which shares out exactly what all limits cost together.

References
----------
.. [1] L. S. Shapley, A value for n-person games, Contributions to the Theory of Games II, 1953, 307-317.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from poise.bargain.value import Limits, Value, ValueTable

#: Up to so many limits the Shapley value is computed over all sets, 64 of them; sampled beyond.
EXACT_LIMITS = 6
#: Orders sampled when nobody says; each comes with its reverse [antithetic sampling].
SAMPLED_ORDERS = 4


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs [money]: proven to lie in ``[low, high]``, ``best`` by the plans found.

    ``is_impossible`` says that with it no plan exists at all and without it one does; the numbers are
    then ``nan``. ``is_unknown`` says that no plan was found on one side, without a proof.
    """

    low: float
    high: float
    best: float
    is_impossible: bool = False
    is_unknown: bool = False

    @property
    def is_proven(self) -> bool:
        """Return whether it is certain that this costs anything."""
        return self.is_impossible or self.low > 0


#: Nothing to price: without it nothing is possible either.
IMPOSSIBLE_ANYWAY = Price(math.nan, math.nan, math.nan, is_unknown=True)


@dataclass(frozen=True, slots=True)
class LimitPrice:
    """A limit's price: alone, last, and its Shapley share of what all limits cost together.

    ``share_error`` is the standard error of a sampled share [money], 0 for an exact one.
    """

    limit: str
    alone: Price
    last: Price
    share: Price
    share_error: float = 0.0


@dataclass(frozen=True, slots=True)
class LimitPrices:
    """Prices of all limits.

    Parameters
    ----------
    limits
        In the order given.
    together
        All of them against none.
    is_exact_share
        Whether the Shapley shares were computed over all sets.
    num_orders
        Orders sampled, 0 when exact.
    """

    limits: tuple[LimitPrice, ...]
    together: Price
    is_exact_share: bool
    num_orders: int = 0


def difference(with_it: Value, without_it: Value) -> Price:
    """Return what it costs to keep something, given the least cost with it and without it.

    The interval is ``[bound with - best without, best with - bound without]``, cut at zero, because what
    is possible with a limit is possible without it.
    """
    if with_it.is_impossible:
        if without_it.is_known:
            return Price(math.nan, math.nan, math.nan, is_impossible=True)
        return IMPOSSIBLE_ANYWAY
    if not (with_it.is_known and without_it.is_known):
        return Price(
            max(0.0, with_it.bound - without_it.best) if without_it.is_known else 0.0,
            math.inf,
            math.nan,
            is_unknown=True,
        )
    low = max(0.0, with_it.bound - without_it.best)
    high = max(low, with_it.best - without_it.bound)
    return Price(low, high, min(max(with_it.best - without_it.best, low), high))


def price_limits(
    limits: Sequence[str],
    table: ValueTable,
    *,
    shares: bool = True,
    orders: int = SAMPLED_ORDERS,
    seed: int = 0,
) -> LimitPrices:
    """Price every limit alone, last and as a share of all together.

    Parameters
    ----------
    limits
        Distinct ids.
    table
        Least costs over sets of them.
    shares
        Whether to compute Shapley shares, which take most of the solves.
    orders
        Orders to sample beyond ``EXACT_LIMITS`` limits; each is used forwards and backwards.
    seed
        Of the sampling.
    """
    every = frozenset(limits)
    is_exact = len(limits) <= EXACT_LIMITS
    sampled = [] if is_exact or not shares else list(_orders(limits, orders, seed))
    wanted: list[Limits] = [every, frozenset()]
    wanted += [every - {limit} for limit in limits]
    wanted += [frozenset({limit}) for limit in limits]
    if shares and is_exact:
        wanted += _all_sets(limits)
    for order in sampled:
        wanted += [frozenset(order[:size]) for size in range(len(order))]
    table.prepare(wanted)
    priced = []
    for limit in limits:
        share, error = Price(0.0, math.inf, math.nan, is_unknown=True), 0.0
        if shares and is_exact:
            share = _exact_share(limit, limits, table)
        elif shares:
            share, error = _sampled_share(limit, sampled, table)
        alone = difference(table[every], table[every - {limit}])
        last = difference(table[frozenset({limit})], table[frozenset()])
        priced.append(LimitPrice(limit, alone, last, share, error))
    together = difference(table[every], table[frozenset()])
    return LimitPrices(tuple(priced), together, is_exact, len(sampled))


def _all_sets(limits: Sequence[str]) -> list[Limits]:
    return [frozenset(some) for size in range(len(limits) + 1) for some in combinations(limits, size)]


def _orders(limits: Sequence[str], count: int, seed: int) -> Iterator[tuple[str, ...]]:
    random = np.random.default_rng([seed, 41])
    for _ in range(count):
        order = tuple(limits[place] for place in random.permutation(len(limits)))
        yield order
        yield order[::-1]


def _exact_share(limit: str, limits: Sequence[str], table: ValueTable) -> Price:
    others = [other for other in limits if other != limit]
    parts, weights = [], []
    for before in _all_sets(others):
        parts.append(difference(table[before | {limit}], table[before]))
        weights.append(
            math.factorial(len(before))
            * math.factorial(len(others) - len(before))
            / math.factorial(len(limits))
        )
    return _weighted(parts, weights)


def _sampled_share(limit: str, orders: Sequence[tuple[str, ...]], table: ValueTable) -> tuple[Price, float]:
    parts = []
    for order in orders:
        before = frozenset(order[: order.index(limit)])
        parts.append(difference(table[before | {limit}], table[before]))
    share = _weighted(parts, [1.0 / len(parts)] * len(parts))
    best = np.array([part.best for part in parts])
    pairs = 0.5 * (best[::2] + best[1::2])
    error = float(pairs.std(ddof=1) / math.sqrt(len(pairs))) if len(pairs) > 1 else math.nan
    return share, error


def _weighted(parts: Sequence[Price], weights: Sequence[float]) -> Price:
    """Return the weighted sum of prices; without a number as soon as one of them has none."""
    if any(part.is_impossible for part in parts):
        return Price(math.nan, math.nan, math.nan, is_impossible=True)
    if any(part.is_unknown for part in parts):
        return Price(0.0, math.inf, math.nan, is_unknown=True)
    pairs = list(zip(weights, parts, strict=True))
    return Price(
        sum(weight * part.low for weight, part in pairs),
        sum(weight * part.high for weight, part in pairs),
        sum(weight * part.best for weight, part in pairs),
    )
