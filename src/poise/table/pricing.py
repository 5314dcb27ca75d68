"""Prices of limits at the current draft: dropped, trimmed, alone, last, together, and along the frontier."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from poise.bargain.prices import LimitPrice, LimitPrices, Price, difference, price_limits
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
    exposure, disruption
        Alone, last and Shapley share: expected loss and lateness at equal disruption, and disruption at
        equal exposure.
    trimmed
        What one step less of it saves of exposure at equal disruption; None for a law.
    """

    limit: Limit
    exposure: LimitPrice
    disruption: LimitPrice
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
    return exposure, replace(exposure, goal="disruption", cap=at.security)


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
    steps = (("exposure", exposure), ("disruption", disruption))
    sheets: dict[str, LimitPrices] = {}
    tables: dict[str, ValueTable] = {}
    for done, (goal, solver) in enumerate(steps):
        if progress:
            progress(done, 3, f"prices in {goal}")
        tables[goal] = ValueTable(solver, effort.threads)
        sheets[goal] = price_limits(names, tables[goal], shares=shares, seed=effort.seed)
    if progress:
        progress(2, 3, "one step less of each")
    trimmed = _trimmed(exposure, tables["exposure"], names)
    return PriceSheet(
        at,
        tuple(
            PricedLimit(exposure.limits[name], first, second, trimmed[name])
            for name, first, second in zip(
                names, sheets["exposure"].limits, sheets["disruption"].limits, strict=True
            )
        ),
        sheets["exposure"].together,
        sheets["disruption"].together,
        sheets["exposure"].is_exact_share,
        sheets["exposure"].num_orders,
        shares,
    )


def _trimmed(solver: LimitSolver, table: ValueTable, names: Sequence[str]) -> dict[str, Price]:
    """Return what a step less of each limit saves: its least cost lies between that with and without it."""
    every = frozenset(names)
    whole = table[every]
    prices: dict[str, Price] = {}
    todo: dict[str, LimitSolver] = {}
    for name in names:
        less = relaxed(solver.limits[name], 1)
        dropped = difference(whole, table[every - {name}])
        # What dropping it does not improve trimming does not; where nothing is left it is dropped.
        if less is None or dropped.is_impossible or dropped.is_unknown:
            prices[name] = dropped
        elif dropped.best <= _NOTHING * solver.cap:
            prices[name] = Price(0.0, dropped.high, 0.0)
        else:
            todo[name] = replace(solver, limits={**solver.limits, name: less})
    values = ValueTable(lambda kept, warm: todo[min(kept)](every, warm), solver.effort.threads)
    starts = {name: frozenset({name}) for name in todo}
    values.prepare(starts.values())
    for name, key in starts.items():
        seen, dropped_value = values[key], table[every - {name}]
        best = min(seen.best, whole.best)
        bound = max(seen.bound, dropped_value.bound)
        prices[name] = difference(whole, Value(bound if math.isinf(bound) else min(bound, best), best))
    return {name: prices[name] for name in names}


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
