"""Prices of limits at the current draft: dropped, trimmed, alone, last, together, and along the frontier."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

import msgspec

from poise.bargain.prices import (
    EXACT_LIMITS,
    SAMPLED_ORDERS,
    LimitPrice,
    Price,
    difference,
    price_limits,
)
from poise.bargain.value import Limits, Solve, Value, ValueTable
from poise.planning.problem import Goal, Plan
from poise.table.ground import Ground
from poise.table.limits import Limit, relaxed
from poise.table.solving import LESS, Costs, Effort, LimitSets, LimitSolver, Progress, split

#: A saving of less than this part of the draft's cost is none [1].
_NOTHING = 1e-6
#: What a solver's rounding leaves of nothing is less than the smallest money [money].
CENT = 0.01
#: An interval narrower than this, relative, is told as one number [1].
SAME_PRICE = 0.005
#: Where the curve of a price is taken, as multiples of the draft's disruption.
CURVE = (0.8, 0.9, 1.0, 1.1, 1.25)


@dataclass(frozen=True)
class PricedLimit:
    """What one limit costs at the draft [money].

    Parameters
    ----------
    exposure
        Expected loss and lateness at equal disruption: alone, last and Shapley share.
    disruption
        Disruption at equal exposure, alone.
    trimmed
        What one step less of it saves of exposure at equal disruption; None for a law.
    """

    limit: Limit
    exposure: LimitPrice
    disruption: Price
    trimmed: Price | None


@dataclass(frozen=True)
class PriceSheet:
    """Prices of all negotiable limits at one draft.

    Parameters
    ----------
    at
        The draft's costs, at which prices are quoted.
    limits
        In the order given.
    together_exposure, together_disruption
        All limits against none [money].
    is_exact_share, num_orders
        How the Shapley shares were computed; no orders and not exact means not at all.
    """

    at: Costs
    limits: tuple[PricedLimit, ...]
    together_exposure: Price
    together_disruption: Price
    is_exact_share: bool
    num_orders: int
    has_shares: bool


@dataclass(frozen=True)
class CurvePoint:
    """The price of a limit at one disruption along the frontier."""

    disruption: float
    price: Price


def limit_sets(ground: Ground, limits: Sequence[Limit], at: Costs, draft: Plan, effort: Effort) -> LimitSets:
    """Return the sets of limits to price: those in force, and each of them one step less."""
    always, negotiable = split(limits)
    less = {
        _less(name): msgspec.structs.replace(weaker, id=_less(name))
        for name, limit in negotiable.items()
        if (weaker := relaxed(limit, 1)) is not None
    }
    return LimitSets(ground, always, {**negotiable, **less}, frozenset(negotiable), at, draft, effort)


def _less(name: str) -> str:
    return name + LESS


def price_sheet(
    ground: Ground,
    limits: Sequence[Limit],
    draft: Plan,
    at: Costs,
    *,
    shares: bool = False,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> PriceSheet:
    """Price every negotiable limit at a draft.

    Parameters
    ----------
    draft, at
        The plan under talk and its costs; need not meet the limits.
    shares
        Whether to compute Shapley shares too, which takes several times as long.
    """
    effort = effort or Effort()
    sets = limit_sets(ground, limits, at, draft, effort)
    names = tuple(sorted(sets.every, key=[*sets.limits].index))
    every, none = sets.every, frozenset[str]()
    tell = _Told(progress, _count(len(names), shares=shares))
    calm = ValueTable(tell.of(LimitSolver(sets, "disruption"), "disruption"), effort.threads)
    table = ValueTable(tell.of(LimitSolver(sets, "exposure"), "expected loss"), effort.threads)
    # Both goals at a time where there are threads for it: neither waits for the other's last solve.
    with ThreadPoolExecutor(1) as executor:
        ready = executor.submit(calm.prepare, [every, none, *(every - {name} for name in names)])
        if effort.threads == 1:
            ready.result()
        price_limits(names, table, shares=shares, seed=effort.seed)
        trimmed = _trimmed(sets, table, names)
        ready.result()
    # Once more, without a solve: what is found for one set narrows all others.
    sheet = price_limits(names, table, shares=shares, seed=effort.seed)
    return PriceSheet(
        at,
        tuple(
            PricedLimit(
                sets.limits[price.limit],
                price,
                difference(calm[every], calm[every - {price.limit}]),
                trimmed[price.limit],
            )
            for price in sheet.limits
        ),
        sheet.together,
        difference(calm[every], calm[none]),
        sheet.is_exact_share,
        sheet.num_orders,
        shares,
    )


@dataclass
class _Told:
    """Counts solves and tells of them; several threads may count at once."""

    progress: Progress | None
    total: int
    _done: Iterator[int] = field(default_factory=lambda: count(1))

    def of(self, solve: Solve, text: str) -> Solve:
        """Return a solver that tells of every solve."""

        def told(kept: Limits, warm: Plan | None) -> Value:
            value = solve(kept, warm)
            if self.progress:
                self.progress(min(next(self._done), self.total), self.total, f"prices in {text}")
            return value

        return told


def _count(limits: int, *, shares: bool) -> int:
    """Return how many sets are solved at most: alone, last, both ends, one step less, twice, and shares."""
    more = 0 if not shares else 2**limits if limits <= EXACT_LIMITS else 2 * SAMPLED_ORDERS * limits
    return 4 * limits + 4 + more


def _trimmed(sets: LimitSets, table: ValueTable, names: Sequence[str]) -> dict[str, Price]:
    """Return what a step less of each limit saves.

    The least cost with a step less lies between that with the limit and that without it.
    """
    every = sets.every
    whole = table[every]
    prices: dict[str, Price] = {}
    todo: dict[str, Limits] = {}
    for name in names:
        dropped = difference(whole, table[every - {name}])
        # What dropping it does not improve trimming does not; where nothing is left it is dropped.
        if _less(name) not in sets.limits or dropped.is_impossible or dropped.is_unknown:
            prices[name] = dropped
        elif dropped.best <= _NOTHING * whole.best:
            prices[name] = Price(0.0, dropped.high, 0.0)
        else:
            todo[name] = every - {name} | {_less(name)}
    table.prepare(todo.values())
    for name, key in todo.items():
        seen = table[key]
        best = min(seen.best, whole.best)
        prices[name] = difference(whole, Value(min(seen.bound, best), best))
    return prices


def price_curve(
    ground: Ground,
    limits: Sequence[Limit],
    name: str,
    draft: Plan,
    at: Costs,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> tuple[CurvePoint, ...]:
    """Return what one limit costs in exposure at several disruptions along the frontier.

    One number would be false: a limit that costs nothing at the draft may make less disruption impossible.
    """
    effort = effort or Effort()
    always, negotiable = split(limits)
    every = frozenset(negotiable)
    points = []
    for number, factor in enumerate(CURVE):
        if progress:
            progress(number, len(CURVE), f"at {factor:g} times the disruption")
        cap = factor * at.operations
        there = Costs(at.security, cap)
        sets = LimitSets(ground, always, negotiable, every, there, draft, effort)
        table = ValueTable(LimitSolver(sets, "exposure"), effort.threads)
        points.append(CurvePoint(cap, difference(table[every], table[every - {name}])))
    return tuple(points)


def sentence(price: Price, currency: str, goal: Goal) -> str:
    """Return a price in words: an interval as soon as it is not proven, and never more than is known."""
    what = "expected loss" if goal == "exposure" else "disruption"
    if price.is_impossible:
        return "makes it impossible"
    if price.is_unknown and math.isnan(price.high):
        return "impossible without it too"
    if price.is_unknown:
        return "not known: no plan was found on one side"
    if price.high < CENT:
        return "costs nothing here"
    if price.low <= 0:
        most = f"at most {currency} {short_number(price.high)}"
        if price.best > SAME_PRICE * price.high:
            return f"{currency} {short_number(price.best)} of {what} by the plans found (proven: {most})"
        return f"no proven cost ({most} of {what})"
    if price.high - price.low <= SAME_PRICE * price.high:
        return f"{currency} {short_number(price.best)} of {what}"
    return f"{currency} {short_number(price.low)} to {short_number(price.high)} of {what}"


def short_number(value: float) -> str:
    """Return a number of money with three figures that count."""
    return f"{float(f'{value:.3g}'):,.10g}"
