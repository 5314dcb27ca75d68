"""Prices of limits at the current draft: dropped, trimmed, alone, last, together, and along the frontier."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from poise.bargain.prices import LimitPrice, Price, difference, price_limits
from poise.bargain.value import Value, ValueTable
from poise.planning.problem import Plan
from poise.table.ground import Ground
from poise.table.limits import Limit, relaxed
from poise.table.solving import Costs, Effort, Goal, LimitSolver, split

Progress = Callable[[int, int, str], None]

#: A saving of less than this part of the draft's cost is none [1].
_NOTHING = 1e-6
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


def solvers(
    ground: Ground, limits: Sequence[Limit], at: Costs, draft: Plan, effort: Effort
) -> tuple[LimitSolver, LimitSolver]:
    """Return the solvers of least exposure at equal disruption, and of least disruption at equal exposure."""
    always, negotiable = split(limits)
    exposure = LimitSolver(ground, negotiable, always, "exposure", at.operations, draft, effort)
    return exposure, replace(exposure, goal="disruption", cap=at.security, whole=[], charged=[])


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
    exposure, disruption = solvers(ground, limits, at, draft, effort)
    names = tuple(exposure.limits)
    every = frozenset(names)

    def tell(done: int, text: str) -> None:
        if progress:
            progress(done, 3, text)

    tell(0, "prices in expected loss")
    table = ValueTable(exposure, effort.threads)
    sheet = price_limits(names, table, shares=shares, seed=effort.seed)
    tell(1, "one step less of each")
    trimmed, alone = _trimmed(exposure, table, names)
    tell(2, "prices in disruption")
    calm = ValueTable(disruption, effort.threads)
    calm.prepare([every, frozenset(), *(every - {name} for name in names)])
    return PriceSheet(
        at,
        tuple(
            PricedLimit(
                exposure.limits[price.limit],
                replace(price, alone=alone[price.limit]),
                difference(calm[every], calm[every - {price.limit}]),
                trimmed[price.limit],
            )
            for price in sheet.limits
        ),
        sheet.together,
        difference(calm[every], calm[frozenset()]),
        sheet.is_exact_share,
        sheet.num_orders,
        shares,
    )


def _trimmed(
    solver: LimitSolver, table: ValueTable, names: Sequence[str]
) -> tuple[dict[str, Price], dict[str, Price]]:
    """Return what a step less of each limit saves, and what dropping it does, no less by the plans found.

    The least cost with a step less lies between that with the limit and that without it.
    """
    every = frozenset(names)
    whole = table[every]
    alone = {name: difference(whole, table[every - {name}]) for name in names}
    prices: dict[str, Price] = {}
    todo: dict[str, LimitSolver] = {}
    for name in names:
        less = relaxed(solver.limits[name], 1)
        dropped = alone[name]
        # What dropping it does not improve trimming does not; where nothing is left it is dropped.
        if less is None or dropped.is_impossible or dropped.is_unknown:
            prices[name] = dropped
        elif dropped.best <= _NOTHING * solver.cap:
            prices[name] = Price(0.0, dropped.high, 0.0)
        else:
            todo[name] = replace(solver, limits={**solver.limits, name: less}, whole=list(solver.whole))
    values = ValueTable(lambda kept, warm: todo[min(kept)](every, warm), solver.effort.threads)
    starts = {name: frozenset({name}) for name in todo}
    values.prepare(starts.values())
    for name, key in starts.items():
        seen, dropped_value = values[key], table[every - {name}]
        best = min(seen.best, whole.best)
        bound = max(seen.bound, dropped_value.bound)
        prices[name] = difference(whole, Value(bound if math.isinf(bound) else min(bound, best), best))
        if seen.best < dropped_value.best:  # what keeps less of a limit would do without it too
            better = difference(whole, Value(dropped_value.bound, seen.best))
            alone[name] = Price(alone[name].low, better.high, better.best)
    return {name: prices[name] for name in names}, alone


def price_curve(
    ground: Ground,
    limits: Sequence[Limit],
    name: str,
    draft: Plan,
    at: Costs,
    effort: Effort | None = None,
) -> tuple[CurvePoint, ...]:
    """Return what one limit costs in exposure at several disruptions along the frontier.

    One number would be false: a limit that costs nothing at the draft may make less disruption impossible.
    """
    effort = effort or Effort()
    always, negotiable = split(limits)
    every = frozenset(negotiable)
    points = []
    for factor in CURVE:
        cap = factor * at.operations
        solver = LimitSolver(ground, negotiable, always, "exposure", cap, draft, effort)
        table = ValueTable(solver, effort.threads)
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
    if price.high <= 0:
        return "costs nothing here"
    if price.low <= 0:
        return f"no proven cost (at most {currency} {_short(price.high)} of {what})"
    if price.high - price.low <= 0.005 * price.high:
        return f"{currency} {_short(price.best)} of {what}"
    return f"{currency} {_short(price.low)} to {_short(price.high)} of {what}"


def _short(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.10g}"
